"""Reading YAML: lines, words, doubles, and files that are no YAML."""

import pytest

from cbcr_assets.config.document import ConfigError
from cbcr_assets.config.problems import load_yaml

EXAMPLE = """\
# a comment
first: 1
list:
  - a
  - {x: 1,
     y: 2}
nested:
  deep:
    leaf: text
"""


@pytest.fixture
def problems(write):
    def problems_of(content):
        with pytest.raises(ConfigError) as caught:
            load_yaml(write("x.yaml", content))
        return str(caught.value).splitlines()

    return problems_of


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("first",), 2),
        (("list",), 3),
        (("list", 0), 4),
        (("list", 1), 5),
        (("list", 1, "y"), 6),
        (("nested", "deep", "leaf"), 9),
        (("nested", "deep", "missing"), 8),
        (("missing", "too"), 2),
    ],
)
def test_every_key_path_has_its_line(write, path, line):
    assert load_yaml(write("x.yaml", EXAMPLE)).line(path) == line


def test_the_data(write):
    expected = {
        "first": 1,
        "list": ["a", {"x": 1, "y": 2}],
        "nested": {"deep": {"leaf": "text"}},
    }
    assert load_yaml(write("x.yaml", EXAMPLE)).data == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("0123", "0123"),
        ("12:30", "12:30"),
        ("2026-11-23", "2026-11-23"),
        ("1e3", "1e3"),
        ("9" * 30, "9" * 30),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("-5", -5),
        ("1.5", 1.5),
        ("'5'", "5"),
        ('"true"', "true"),
    ],
)
def test_words_mean_what_they_look_like(write, text, value):
    found = load_yaml(write("x.yaml", f"key: {text}\n")).data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text(write):
    assert load_yaml(write("x.yaml", "1: a\ntrue: b\n~: c\n")).data == {
        "1": "a",
        "true": "b",
        "~": "c",
    }


def test_merged_keys_give_way_to_written_ones(write):
    text = "base: &b {x: 1, y: 1}\nother: &o {y: 2, z: 2}\nuse: {<<: [*b, *o], x: 3}\n"
    assert load_yaml(write("x.yaml", text)).data["use"] == {"x": 3, "y": 1, "z": 2}


@pytest.mark.parametrize("content", ["", "# only a comment\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_empty_mapping(write, content):
    assert load_yaml(write("x.yaml", content)).data == {}


def test_a_byte_order_mark_is_no_part_of_the_first_key(write):
    assert load_yaml(write("x.yaml", b"\xef\xbb\xbfa: 1\n")).data == {"a": 1}


def test_keys_written_twice_are_all_told(problems):
    assert problems("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n") == [
        "x.yaml:4: b.c: this key was written in line 3 already",
        "x.yaml:5: a: this key was written in line 1 already",
    ]


def test_the_same_key_in_two_items_of_a_list_is_no_double(write):
    assert load_yaml(write("x.yaml", "- a: 1\n- a: 2\n")).data == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("content", "start"),
    [
        ("a: 1\n\tb: 2\n", "x.yaml:2: this is not YAML: the line begins with a tab; indent with"),
        ("a: b: c\n", "x.yaml:1: this is not YAML: mapping values are not allowed"),
        ("a: [1,\n  b: 2\n", "x.yaml:2: this is not YAML: "),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: this is not YAML: "),
        ("a: 1\nb: *none\n", "x.yaml:2: this is not YAML: found undefined alias"),
        ("a: 1\nb: \x01\n", "x.yaml:2: this is not YAML: it holds the character U+0001"),
        (b"a: 1\nb: \xff\n", "x.yaml:2: this line is not UTF-8; save the file as UTF-8"),
        ("a: 1\n? [x]\n: 2\n", "x.yaml:2: a key is text, not a list or a mapping"),
        ("a: 1\nb: !!python/name:os.system x\n", "x.yaml:2: b: the tag !!python/name:os.system is"),
        ("a: !!set {x}\n", "x.yaml:1: a: the tag !!set is not used here"),
        ("a: 1\nb: &b [*b]\n", "x.yaml:2: an alias (*) inside what it stands for"),
        ("a: &a {<<: *a}\n", "x.yaml:1: an alias (*) inside what it stands for"),
        ("<<: 5\n", "x.yaml:1: << takes a mapping, such as *other"),
        ("[" * 100_000, "x.yaml:1: it is nested too deep to be read"),
        ("{a: " * 10_000, "x.yaml:1: it is nested too deep to be read"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(problems, content, start):
    [told] = problems(content)
    assert told.startswith(start)


def test_aliases_of_aliases_cannot_fill_the_memory(problems, monkeypatch):
    monkeypatch.setattr("cbcr_assets.config.yaml_file._MOST_VALUES", 5_000)
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    [told] = problems(f"l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n{levels}")
    assert told.endswith("or far too many of them")


def test_a_missing_file_is_told_with_its_whole_path(tmp_path):
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    assert str(caught.value) == f"{path}: there is no such file; `cbcr init` writes a commented one"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="it cannot be read: Is a directory"):
        load_yaml(tmp_path)
