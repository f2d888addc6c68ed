"""What keeps the house honest: charters, sizes, locks, links, names."""

import ast
import importlib
import pkgutil
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("cbcr_assets", "sensors", "streamlit_app")


def tracked(*patterns: str) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def modules() -> list[Path]:
    return [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_has_a_charter_and_a_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module opens with what belongs in it"
    assert len(text.splitlines()) <= 350


def test_nothing_names_a_package_index_or_a_machine() -> None:
    # Put together here, so that this file does not hold what it looks for.
    needles = ["py" + "pi.org", "python" + "hosted", "registry." + "npm", "/wo" + "rk/main"]
    found = [
        f"{path.relative_to(ROOT)}: {needle}"
        for path in tracked()
        if path.suffix not in {".gz", ".png", ".parquet"}
        for needle in needles
        if needle in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []


def test_the_lock_is_hashed_and_has_no_address() -> None:
    text = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) > 100
    assert [e.split(" ")[0] for e in entries if e[0].isalpha() and "--hash=sha256:" not in e] == []


# dagster-dbt's own dependency says so when the analytics lane is imported.
@pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")
@pytest.mark.slow
def test_every_public_name_exists() -> None:
    for package in PACKAGES:
        top = importlib.import_module(package)
        for found in pkgutil.walk_packages(top.__path__, f"{package}."):
            if "app_pages" in found.name or found.name.endswith((".app", ".definitions")):
                continue
            module = importlib.import_module(found.name)
            for name in getattr(module, "__all__", ()):
                assert hasattr(module, name), f"{found.name}.{name}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/definitions.md"])
def test_links_of_the_documentation_lead_somewhere(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_gives_the_two_commands_on_its_first_screen() -> None:
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30])
    assert "make demo" in first
    assert "make test" in first
    assert "docs/images/overview.png" in first


def test_every_source_sensor_name_and_rule_name_is_a_dagster_name() -> None:
    from cbcr_assets.steps.watch import rules

    assert all(re.fullmatch(r"[a-z0-9_]+", rule) for rule in rules())
