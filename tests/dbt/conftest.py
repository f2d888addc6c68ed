"""Fixtures of the model tests: warehouses of given rows, built by the real dbt that stays warm.

`make_built` makes an empty platform, to be loaded and built; `copy_built` a copy of one that was
built from no rows once in this run of the tests, for who needs models and not their values.
"""

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cbcr_assets.records import typed_frame
from cbcr_assets.steps import analytics
from cbcr_assets.steps.platform import DBT_PROJECT, Platform, open_platform

Rows = dict[str, list[dict[str, Any]]]


class Built:
    """A platform whose models were built from given raw rows."""

    def __init__(self, folder: Path) -> None:
        """Configure an empty platform in a folder."""
        config = folder / "cbcr.yaml"
        config.write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
        environ = {"CBCR_CONFIG": str(config), "PATH": "/usr/bin:/bin"}
        self.platform: Platform = open_platform(environ)

    def load(self, rows: Rows) -> None:
        """Load raw rows."""
        with self.platform.warehouse.write() as session:
            for table, records in rows.items():
                session.load(table, typed_frame(table, records))

    def build(
        self, *select: str, full_refresh: bool = False, as_of: datetime | None = None
    ) -> None:
        """Build models and run their tests: all of them, or those that dbt's words select."""
        if select:
            analytics.prepare(self.platform)
            words = ["build", *["--full-refresh"][: int(full_refresh)]]
            words += ["--vars", f"{{cbcr_as_of: '{as_of}'}}"] if as_of else []
            report = analytics.dbt(self.platform, [*words, "--select", *select])
        else:
            report = analytics.build(self.platform, full_refresh=full_refresh, as_of=as_of)
        assert report.ok, report.output

    def query(self, sql: str, *, as_of: datetime | None = None) -> list[tuple[Any, ...]]:
        """Query the live file."""
        at = as_of or datetime.now(UTC).replace(tzinfo=None)
        with self.platform.warehouse.live(as_of=at) as session:
            return session.query(sql).rows()


class WarmDbt:
    """Answers as `analytics.dbt` does, from a process that has parsed the project already."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started before the first call."""
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, platform: Platform, arguments: Sequence[str]) -> analytics.BuildReport:
        """Run one command of dbt."""
        process = self._process = self._process or self._start()
        output = self._folder / "output"
        call = {
            "arguments": [*arguments, "--project-dir", str(DBT_PROJECT)], "output": str(output),
            "environ": analytics.dbt_environment(platform), "folder": str(platform.home),
        }  # fmt: skip
        print(json.dumps(call), file=process.stdin, flush=True)
        code = process.stdout.readline() if process.stdout else ""
        assert code, "the warm dbt has ended"
        return analytics.BuildReport(code.strip() == "0", output.read_text())

    def _start(self) -> subprocess.Popen[str]:
        platform = Built(self._folder).platform
        analytics.prepare(platform)
        environ = analytics.dbt_environment(platform) | {"DBT_PROJECT_DIR": str(DBT_PROJECT)}
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm_dbt.py"))], env=environ, text=True,
            cwd=platform.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.communicate(timeout=60)
            assert self._process.returncode == 0


RPO_NOW = datetime(2026, 6, 15, 12)


class RpoOracle:
    """RPO in plain Python, for one instance: it walks from moment to moment.

    It knows the definition only (exposure is the age of the newest usable point, equal to the
    objective is compliant) and shares no code with the models. A case has id, objective,
    protect_from, retired_at, windows and sets.
    """

    NOW = RPO_NOW

    @staticmethod
    def rows_of(case: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        instance = {
            "instance_id": case["id"], "rpo_s": case["objective"].total_seconds(), "rto_s": 3600.0,
            "protect_from": case["protect_from"], "retired_at": case["retired_at"],
            "exclusions": case["windows"], "timezone": "UTC", "grace_s": 3600.0,
        }  # fmt: skip
        sets = [
            {
                "source_id": "a", "repo": "r", "label": s["label"], "instance_id": case["id"],
                "native_instance": case["id"], "backup_type": s["backup_type"],
                "started_at": s["started_at"], "finished_at": s["finished_at"],
                "recovery_point_at": s["recovery_point_at"], "parent_label": s["parent_label"],
                "integrity": "corrupt" if s["bad_at"] and s["bad_at"] <= RPO_NOW else "ok",
                "lifecycle": "expired" if s["gone_at"] and s["gone_at"] <= RPO_NOW else "available",
                "unusable_from": min(
                    (at for at in (s["bad_at"], s["gone_at"]) if at and at <= RPO_NOW), default=None
                ),
                "first_seen_at": s["finished_at"], "last_seen_at": s["finished_at"],
            }
            for s in case["sets"]
        ]  # fmt: skip
        return {"instances": [instance], "backup_sets": sets}

    @staticmethod
    def spans(
        case: dict[str, Any], *, restated: bool = False
    ) -> list[tuple[datetime, datetime, datetime]]:
        """Return (usable from, usable until, recovery point) of every usable set.

        As it was known then, a corrupt set counts until it was found; restated it never counts.
        """
        by_label = {s["label"]: s for s in case["sets"]}
        found = []
        for one in case["sets"]:
            begin, end, link, seen = one["finished_at"], datetime.max, one, set()
            while link is not None:
                if link["label"] in seen:
                    link = None  # parents that run in a circle have no root
                    break
                seen.add(link["label"])
                begin = max(begin, link["finished_at"])
                if link["bad_at"] and link["bad_at"] <= RPO_NOW:
                    end = min(end, link["finished_at"] if restated else link["bad_at"])
                if link["gone_at"] and link["gone_at"] <= RPO_NOW:
                    end = min(end, link["gone_at"])
                if link["parent_label"] is None:
                    link = None if link["backup_type"] in ("incr", "diff") else link
                    break
                link = by_label.get(link["parent_label"])
            if (
                link is not None
                and begin < end
                and begin <= RPO_NOW
                and one["recovery_point_at"] <= RPO_NOW
            ):
                found.append((begin, end, one["recovery_point_at"]))
        return found

    @staticmethod
    def judge(
        case: dict[str, Any], *, restated: bool = False
    ) -> tuple[float, float, list[tuple[datetime, datetime]]]:
        """Return measured seconds, violated seconds and violated intervals up to RPO_NOW."""
        usable = RpoOracle.spans(case, restated=restated)
        begin = case["protect_from"]
        end = min(case["retired_at"] or RPO_NOW, RPO_NOW)
        first = min((s[0] for s in usable), default=datetime.max)
        grace = min(begin + case["objective"], first)
        cuts = {begin, end, grace}
        for low, high, point in usable:
            cuts |= {low, high, point + case["objective"]}
        for window in case["windows"]:
            cuts |= {window["start"], window["stop"]}
        ordered = sorted(c for c in cuts if begin <= c <= end)
        measured = violated = 0.0
        intervals: list[tuple[datetime, datetime]] = []
        for low, high in pairwise(ordered):
            if any(w["start"] <= low < w["stop"] for w in case["windows"]):
                continue
            measured += (high - low).total_seconds()
            points = [p for a, b, p in usable if a <= low < b]
            is_kept = low < grace or (points and low < max(points) + case["objective"])
            if not is_kept:
                violated += (high - low).total_seconds()
                if intervals and intervals[-1][1] == low:
                    intervals[-1] = (intervals[-1][0], high)
                else:
                    intervals.append((low, high))
        return measured, violated, intervals


@pytest.fixture(scope="session")
def rpo_oracle() -> type[RpoOracle]:
    """Judge histories of one instance, independently of the models."""
    return RpoOracle


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmDbt]:
    """The warm dbt of this worker."""
    dbt = WarmDbt(tmp_path_factory.mktemp("warm"))
    yield dbt
    dbt.close()


@pytest.fixture(scope="module", autouse=True)
def which_dbt(warm: WarmDbt) -> Iterator[None]:
    """Have models built by the warm dbt; a file about dbt's own process has its own `which_dbt`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analytics, "dbt", warm)
        yield


@pytest.fixture(scope="session")
def make_built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Built]:
    """Make an empty platform."""
    return lambda: Built(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def copy_built(
    make_built: Callable[[], Built], shared_folder: Path, warm: WarmDbt
) -> Callable[[], Built]:
    """Make a platform whose models were built from no rows, by copying one."""

    def copy() -> Built:
        made, kept = make_built(), shared_folder / "built"
        with (shared_folder / "built.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.is_dir():
                made.build()
                # Whole or not at all: a build that failed leaves nothing to be copied.
                shutil.copytree(made.platform.home, kept.with_suffix(".part"))
                kept.with_suffix(".part").rename(kept)
                return made
        shutil.copytree(kept, made.platform.home, dirs_exist_ok=True)
        return made

    return copy


@pytest.fixture(scope="session")
def merge_rows() -> Callable[[Sequence[Rows]], Rows]:
    """Merge several sets of raw rows into one."""

    def merge(parts: Sequence[Rows]) -> Rows:
        merged: Rows = {}
        for part in parts:
            for table, records in part.items():
                merged.setdefault(table, []).extend(records)
        return merged

    return merge
