"""From pydantic's errors to problems with file, line, path, plain words and a suggestion."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from cbcr_assets.config.document import ConfigError, Problem, closest
from cbcr_assets.config.problems import load_yaml, validate
from cbcr_assets.config.values import PositiveSeconds, Secret


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class Mail(_Strict):
    type: Literal["mail"]
    address: str


class Pager(_Strict):
    type: Literal["pager"]
    token: Secret


class Node(_Strict):
    name: str | None = None
    keep_going: bool = Field(default=False, alias="continue")
    nodes: tuple["Node", ...] = ()


class Model(_Strict):
    root: Node = Node()
    receivers: tuple[Annotated[Mail | Pager, Field(discriminator="type")], ...] = ()
    waits: dict[str, PositiveSeconds] = {}
    colour: Literal["red", "green", "blue"] = "red"
    count: Annotated[int, Field(ge=1, le=9)] = 1
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5


@pytest.fixture
def problems(write):
    def problems_of(text):
        with pytest.raises(ConfigError) as caught:
            validate(Model, load_yaml(write("m.yaml", text)))
        return str(caught.value).splitlines()

    return problems_of


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\nrot: {}", "m.yaml:2: rot: unknown key; did you mean 'root'?"),
        (
            "root:\n  nodes:\n    - nodes: []\n    - {contine: true}",
            "m.yaml:4: root.nodes[1].contine: unknown key; did you mean 'continue'?",
        ),
        ("root: {zz: 1}", "m.yaml:1: root.zz: unknown key; known here: continue, name, nodes"),
        (
            "receivers:\n  - {type: mail, address: x, adress: y}",
            "m.yaml:2: receivers[0].adress: unknown key; did you mean 'address'?",
        ),
        (
            "receivers:\n  - {type: mail, address: x, tokn: y}",
            "m.yaml:2: receivers[0].tokn: unknown key; known here: address, type",
        ),
        (
            "receivers:\n  - {type: mial, address: x}",
            "m.yaml:2: receivers[0].type: 'mial' is not one of mail, pager; did you mean 'mail'?",
        ),
        ("receivers: [{address: x}]", "m.yaml:1: receivers[0].type: this key is required"),
        (
            "receivers:\n  - type: mail",
            "m.yaml:2: receivers[0].address: this key is required",
        ),
        (
            "receivers: [{type: pager, token: hunter2}]",
            "m.yaml:1: receivers[0].token: secrets are references, never values:"
            " write env:NAME or file:PATH",
        ),
        (
            "waits:\n  a: 5s\n  b: 5 min",
            "m.yaml:3: waits.b: '5 min' is not a duration; write 30s, 15m, 4h, 7d or 1h30m;"
            " did you mean '5m'?",
        ),
        (
            "colour: gren",
            "m.yaml:1: colour: 'gren' is not one of red, green, blue; did you mean 'green'?",
        ),
        ("colour: 5", "m.yaml:1: colour: the number 5 is not one of red, green, blue"),
        (
            "root: {name: 5}",
            "m.yaml:1: root.name: expected text, not the number 5; put it in quotes: '5'",
        ),
        ("root: {name: [x]}", "m.yaml:1: root.name: expected text, not a list"),
        ("root: {continue: maybe}", "m.yaml:1: root.continue: expected true or false, not 'maybe'"),
        ("root: x", "m.yaml:1: root: expected a mapping of keys to values, not 'x'"),
        ("waits: []", "m.yaml:1: waits: expected a mapping of keys to values, not a list"),
        ("receivers: {}", "m.yaml:1: receivers: expected a list, not a mapping"),
        ("count: many", "m.yaml:1: count: expected a whole number, not 'many'"),
        ("count: 1.5", "m.yaml:1: count: expected a whole number, not the number 1.5"),
        ("count: 0", "m.yaml:1: count: must be at least 1, not 0"),
        ("count: 10", "m.yaml:1: count: must be at most 9, not 10"),
        ("ratio: 0", "m.yaml:1: ratio: must be more than 0.0, not 0"),
        ("ratio: 1", "m.yaml:1: ratio: must be less than 1.0, not 1"),
        ("ratio: x", "m.yaml:1: ratio: expected a number, not 'x'"),
        ("[]", "m.yaml:1: expected a mapping of keys to values, not a list"),
    ],
)
def test_a_problem_is_exact(problems, text, told):
    assert problems(text) == [told]


def test_all_problems_are_told_in_the_order_of_their_lines(problems):
    told = problems("ratio: x\ncount: y\nroot:\n  name: 5\n  zz: 1\ncolour: gren\n")
    assert [text.split(":")[1] for text in told] == ["1", "2", "4", "5", "6"]


def test_checks_are_told_together_with_what_the_model_finds(write):
    document = load_yaml(write("m.yaml", "root: {name: x}\ncount: 0\n"))
    with pytest.raises(ConfigError) as caught:
        validate(Model, document, lambda d: [d.problem(("root", "name"), "x is taken")])
    assert str(caught.value).splitlines() == [
        "m.yaml:1: root.name: x is taken",
        "m.yaml:2: count: must be at least 1, not 0",
    ]


def test_a_secret_file_is_beside_the_file_that_names_it(write, tmp_path):
    document = load_yaml(write("m.yaml", "receivers: [{type: pager, token: 'file:secret/token'}]"))
    token = validate(Model, document).receivers[0].token
    assert token.reference == f"file:{tmp_path}/secret/token"


def test_find_passes_over_what_has_another_shape(write):
    text = "a:\n  - {x: 1}\n  - 5\n  - {y: 2}\n  - {x: 3}\n"
    found = list(load_yaml(write("m.yaml", text)).find("a", ..., "x"))
    assert found == [(("a", 0, "x"), 1), (("a", 3, "x"), 3)]


@pytest.mark.parametrize(
    ("word", "expected"), [("comand", "command"), ("FILE", "file"), ("zzz", None), ("", None)]
)
def test_the_closest_word(word, expected):
    assert closest(word, ["command", "file", "sql"]) == expected


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", 3, "x.y[0]", "bad"), "a.yaml:3: x.y[0]: bad"),
        (Problem("a.yaml", 3, "", "bad", "good"), "a.yaml:3: bad; did you mean 'good'?"),
        (Problem("/etc/a.yaml", 0, "", "gone"), "/etc/a.yaml: gone"),
    ],
)
def test_a_problem_as_text(problem, text):
    assert str(problem) == text


def test_the_error_keeps_its_problems_once_each():
    problem = Problem("a.yaml", 3, "x", "bad")
    earlier = Problem("a.yaml", 1, "y", "bad")
    assert ConfigError([problem, earlier, problem]).problems == (earlier, problem)
