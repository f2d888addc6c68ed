"""The figures as tables of Markdown, which read well in a terminal too.

Belongs here: text. Does not belong here: measuring.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rpo.targets import Target, judge

BEGIN = "<!-- rpo: written by benchmarks/rpo, do not edit -->"
END = "<!-- /rpo -->"

_NAMES = {
    "cbcr": "CBCR",
    "duckdb": "plain DuckDB",
    "polars": "Polars, streaming",
    "chdb": "chDB, presorted",
    "postgresql": "PostgreSQL",
}
_PLAIN = {engine: name.removeprefix("plain ").split(",")[0] for engine, name in _NAMES.items()}
_INTERVALS = "CBCR, SQL of int_rpo_* and fct_rpo_violations"


def page(results: Sequence[dict[str, Any]], command: str) -> str:
    """Return the whole section."""
    parts = ["## RPO", "", _intro(results, command), "", _goals(judge(results))]
    for facts in results:
        parts += ["", _size(facts)]
    return "\n".join(parts) + "\n"


def write(path: Path, section: str) -> None:
    """Put the section between its markers in a file, at the end if it has none yet."""
    text = path.read_text() if path.exists() else "# Benchmarks\n"
    marked = f"{BEGIN}\n{section}{END}\n"
    if BEGIN in text and END in text:
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        path.write_text(before + marked + after.lstrip("\n"))
    else:
        path.write_text(f"{text.rstrip()}\n\n{marked}")


def _intro(results: Sequence[dict[str, Any]], command: str) -> str:
    machine = results[-1]["machine"]
    versions = {"Python": machine["python"]}
    for facts in results:
        for engine, queries in facts["engines"].items():
            if "version" in queries.get("prepare", {}):
                versions[_PLAIN[engine]] = queries["prepare"]["version"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    load = max(facts["machine"]["load"] for facts in results)
    return f"""\
`{command}`

{machine["cores"]} cores, {machine["memory_gib"]:.0f} GiB, {machine["system"]}; {named}. The load
average while it ran was up to {load:.1f}: where that is well above {machine["cores"]}, others were
at work too, and only processor seconds and ratios mean something. Each query ran in a process of
its own, three times; the best counts. All engines gave the same answers, to the microsecond: a run
in which they do not ends with an error.

The others get for free what CBCR works out itself: until when each backup could be used (chains,
expiry, corruption). Their intervals know neither expiry nor onboarding, maintenance and causes;
CBCR's models do. DuckDB under dbt is limited to {results[-1]["memory"]}."""


def _goals(targets: Iterable[Target]) -> str:
    marks = {True: "yes", False: "**no**", None: "not measured"}
    rows = [(t.text, t.size, t.limit, t.measured, marks[t.met]) for t in targets]
    return _table(("target", "size", "limit", "measured", "met"), rows, "llrrl")


def _size(facts: dict[str, Any]) -> str:
    held = facts["held"]
    head = (
        f"### {facts['size']}: {held['raw.backup_jobs']:,} attempts of"
        f" {held['raw.instances']:,} instances in {facts['days']} days\n\n"
        f"{held['raw.backup_sets']:,} sets; generated in {facts['generated_s']:.0f} s; the built"
        f" warehouse has {held['file_mib']:,.0f} MiB and"
        f" {held['marts.fct_rpo_violations']:,} closed violations. {_loading(facts)}"
    )
    questions = "\n\n".join(
        [
            _question(facts, "Status of all instances now", ("rpo_now", "opened", "lateral")),
            _question(facts, "Exact violation intervals", ("violations", "sort")),
            _question(facts, "One instance, all of its history", ("history",)),
        ]
    )
    return f"{head}\n\n{questions}\n\n{_builds(facts)}\n\n{_models(facts)}"


def _loading(facts: dict[str, Any]) -> str:
    said = []
    for engine, queries in facts["engines"].items():
        one = queries.get("prepare", {})
        if one.get("load_s"):
            index = f" and {one['index_s']:.0f} s of indexing" if "index_s" in one else ""
            said.append(
                f"{_NAMES[engine]} {one['load_s']:.1f} s{index} ({one['size_mib']:,.0f} MiB)"
            )
    return f"Loading, not counted: {', '.join(said)}." if said else ""


_REMARKS = {
    "opened": ", opening the file included",
    "lateral": ", lateral join on an index",
    "sort": ": only the sort of the three columns",
}


def _question(facts: dict[str, Any], title: str, queries: Sequence[str]) -> str:
    found = [
        (_NAMES[engine] + _REMARKS.get(query, ""), results[query])
        for engine, results in facts["engines"].items()
        for query in queries
        if query in results
    ]
    if "violations" in queries:
        found.insert(0, (_INTERVALS, {"wall_s": facts["full"]["intervals_s"]}))
    if not found:
        return ""
    base = found[0][1]["wall_s"]
    rows = [
        (
            name,
            seconds(one["wall_s"]),
            seconds(one["cpu_s"]) if "cpu_s" in one else "–",
            f"{one['peak_mib']:,.0f}" if "peak_mib" in one else "–",
            times(one["wall_s"] / base),
        )
        for name, one in found
    ]
    return _table(
        (
            title,
            "wall s",
            "CPU s",
            "peak MiB",
            "wall ÷ CBCR" if found[0][0].startswith("CBCR") else "wall ÷ first",
        ),
        rows,
        "lrrrr",
    )


def _builds(facts: dict[str, Any]) -> str:
    rows = []
    for name, key in (("full", "full"), ("an hour", "hour"), ("the same hour", "same_hour")):
        one = facts[key]
        batch = one.get("rows", {})
        rows.append((
            name,
            f"{batch['backup_jobs']:,} + {batch['backup_sets']:,}" if batch else "all",
            seconds(one["load_s"]) if batch else "–",
            *(seconds(one[part]) for part in ("points_s", "intervals_s", "daily_s", "sql_s")),
            *(seconds(one[part]) for part in ("models_s", "tests_s", "wall_s", "cpu_s")),
            f"{one['peak_mib']:,.0f}",
            seconds(one["publish_s"]) if batch else "–",
        ))  # fmt: skip
    head = ("CBCR's build", "attempts + sets", "load s", "SQL: points", "intervals", "by day",
            "all models", "with dbt's own", "tests", "wall", "CPU", "peak MiB",
            "publish s")  # fmt: skip
    return _table(head, rows, "lr" + "r" * 11)


def _models(facts: dict[str, Any]) -> str:
    full, *hours = (facts[key]["sql"] for key in ("full", "hour", "same_hour"))
    wanted = sorted(full, key=lambda name: -max(full[name], hours[0].get(name, 0.0)))[:12]
    rows = [
        (
            name,
            seconds(facts["full"]["models"][name]),
            *(seconds(part.get(name, 0.0)) for part in (full, *hours)),
        )
        for name in wanted
    ]
    head = ("dearest models", "full, with dbt's own s", "full, SQL s", "an hour, SQL s",
            "the same hour, SQL s")  # fmt: skip
    return _table(head, rows, "lrrrr")


def seconds(value: float) -> str:
    """Show seconds with three digits or so."""
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def times(value: float) -> str:
    """Show a ratio with two digits or so."""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(cells, widths, sides, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rules = [
        "-" * width if side == "l" else "-" * (width - 1) + ":"
        for width, side in zip(widths, sides, strict=True)
    ]
    return "\n".join([line(head), line(rules), *(line(row) for row in rows)])
