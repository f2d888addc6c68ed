"""inventory.csv: the same inventory in rows, and mistakes told with the line of their row."""

from datetime import datetime

import pytest

EXAMPLE = """\
id,db_type,team,tier,rpo,log_archiving,aliases,exclusions

orders,postgresql,payments,1,15m,yes,pgbr=main;pgbr = main-old,2026-01-01/2026-01-02T04:00Z=move
"stock", mysql ,"a, b",,4h,,,
"""


def test_a_row_is_an_instance(inventory_of):
    orders, stock = inventory_of(EXAMPLE, "x.csv").instances
    assert (orders.instance_id, orders.columns["tier"], orders.columns["rpo_s"]) == (
        "orders",
        1,
        900,
    )
    assert orders.columns["log_archiving"] is True
    assert [(alias.source, alias.name) for alias in orders.aliases] == [
        ("pgbr", "main"),
        ("pgbr", "main-old"),
    ]
    assert orders.columns["exclusions"] == [
        {"start": datetime(2026, 1, 1), "stop": datetime(2026, 1, 2, 4), "reason": "move"}
    ]
    assert (stock.columns["db_type"], stock.columns["team"]) == ("mysql", "a, b")
    assert (stock.columns["tier"], stock.columns["log_archiving"]) == (None, False)


def test_the_same_inventory_in_yaml(inventory_of):
    rows = inventory_of("id,rpo,timezone\na,1h,UTC\nb,5m,Europe/Berlin\n", "x.csv")
    same = inventory_of(
        "instances: [{id: a, rpo: 1h, timezone: UTC}, {id: b, rpo: 5m, timezone: Europe/Berlin}]"
    )
    assert rows == same


def test_files_of_spreadsheets(inventory_of):
    found = inventory_of(b"\xef\xbb\xbfid,rpo\r\na,1h\r\n,\r\n", "x.csv")
    assert [instance.instance_id for instance in found.instances] == ["a"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,rpo\na,0s\n", ["2: rpo: '0s' must be longer than zero"]),
        (
            "id,rpo\na,1h\n\nb,\n",
            ["4: rpo: no rpo: say here, in its tier or in defaults how much may be lost"],
        ),
        (
            'id,rpo,team\na,1h,"two\nlines"\na,1h,\n',
            ["4: id: instance 'a' is in line 2 already"],
        ),
        (
            "id,rpo,tier\na,1h,gold\n",
            ["2: tier: no tier 'gold'; there are none, only numbers 1 to 9"],
        ),
        (
            "id,rpo,aliases\na,1h,pgbr\n",
            ["2: aliases[0].name: must not be empty"],
        ),
        (
            "id,rpo,aliases\na,1h,agents=a;agnts=x\n",
            [
                "2: aliases[1].source: no source 'agnts' in cbcr.yaml; there are agents, pgbr;"
                " did you mean 'agents'?"
            ],
        ),
        (
            "id,rpo,aliases\na,1h,pgbr=x\nb,1h,pgbr=x\n",
            ["3: aliases[0].name: pgbr's name 'x' is in line 2 already"],
        ),
        (
            "id,rpo,exclusions\na,1h,2026-01-02/2026-01-01=x\n",
            ["2: exclusions[0].stop: must be later than start, 2026-01-02T00:00:00Z"],
        ),
        (
            "id,teem,rpo\na,x,1h\nb,y,0s\n",
            ["1: teem: unknown column; did you mean 'team'?"],
        ),
        ("rpo\n1h\n", ["1: id: this column is required"]),
        ("id,rpo,rpo\na,1h,1h\n", ["1: rpo: this column is there twice"]),
        ("id;rpo\na;1h\n", ["1: the columns are separated by ';', write ','"]),
        (
            "id,rpo\na,1h\nb\nc,1h,x\n",
            [
                "3: this row has 1 cells, the header has 2",
                "4: this row has 3 cells, the header has 2",
            ],
        ),
        ('id,rpo\na,1h\nb,"1h\n', ["3: this is not CSV: unexpected end of data"]),
        (b"id,rpo\na,1h\n\xff,1h\n", ["3: this line is not UTF-8; save the file as UTF-8"]),
    ],
)
def test_a_wrong_row(inventory_problems, text, told):
    assert inventory_problems(text, "x.csv") == [f"x.csv:{line}" for line in told]


@pytest.mark.parametrize("text", ["", "\n\n", ",\n"])
def test_an_empty_file(inventory_problems, tmp_path, text):
    expected = "it is empty; the first row has the names of the columns"
    assert inventory_problems(text, "x.csv") == [f"{tmp_path / 'x.csv'}: {expected}"]
