"""The version of a definition changes with all that it rests on, and with nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cbcr_assets.reports.compliance.definitions import DEFINITIONS
from cbcr_assets.steps.definitions import definition_version
from cbcr_assets.steps.platform import DBT_PROJECT

FILES = {
    "dbt_project.yml": "name: small\n",
    "models/staging/stg_sets.sql": "select * from raw.sets\n",
    "models/int_steps.sql": "select {{ plus('a') }} from {{ ref('stg_sets') }}\n",
    "models/other.sql": "select 1\n",
    "macros/sums.sql": "{% macro plus(x) -%} {{ x }} + {{ one() }} {%- endmacro %}\n",
    "macros/ones.sql": "{%- macro one() -%} 1 {%- endmacro %}\n",
    "macros/unused.sql": "{% macro never() %} 0 {% endmacro %}\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def version_after(project: Path) -> Callable[[str], tuple[str | None, str | None]]:
    """Change one file; return the version of int_steps before and after."""

    def change(name: str) -> tuple[str | None, str | None]:
        before = definition_version(project, "int_steps")
        with (project / name).open("a") as file:
            file.write("-- changed\n")
        return before, definition_version(project, "int_steps")

    return change


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("models/int_steps.sql", True),
        ("models/staging/stg_sets.sql", True),
        ("macros/sums.sql", True),
        ("macros/ones.sql", True),  # called by a macro that is called
        ("dbt_project.yml", True),
        ("models/other.sql", False),
        ("macros/unused.sql", False),
    ],
)
def test_what_a_definition_rests_on_counts(
    version_after: Callable[[str], tuple[str | None, str | None]], name: str, counts: bool
) -> None:
    before, after = version_after(name)
    assert (before != after) == counts


def test_a_model_that_is_not_there_has_no_version(project: Path) -> None:
    assert definition_version(project, "gone") is None


def test_every_definition_of_a_report_has_a_version() -> None:
    found = {d.name: definition_version(DBT_PROJECT, d.model) for d in DEFINITIONS}
    assert None not in found.values()
    assert len(set(found.values())) == len(DEFINITIONS)
