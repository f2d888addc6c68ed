"""`cbcr quarantine` and `cbcr check-data` as a stranger meets them."""

import json
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from cbcr_assets.cli import main
from cbcr_assets.quality.engine import great_expectations
from cbcr_assets.records import typed_frame
from cbcr_assets.steps.platform import open_platform

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
BAD = {
    "source_id": "a", "attempt_key": "1", "state": "failed",
    "started_at": datetime(2026, 1, 2), "finished_at": datetime(2026, 1, 1),
}  # fmt: skip


@pytest.fixture
def cbcr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.delenv("CBCR_HOME", raising=False)
    monkeypatch.setenv("CBCR_CONFIG", str(tmp_path / "cbcr.yaml"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "cbcr.yaml").write_text("sources: {a: {tool: cbcr, feeds: [{drop: inbox}]}}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        great_expectations()

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cbcr", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        streams = capsys.readouterr()
        return int(stopped.value.code or 0), streams.out, streams.err

    return run


def test_from_a_failing_row_to_its_release(cbcr: Run) -> None:
    assert cbcr("quarantine", "list", "--format", "json")[:2] == (0, "[]\n")
    with open_platform().warehouse.write() as session:
        session.load("backup_jobs", typed_frame("backup_jobs", [BAD]))

    code, out, _ = cbcr("check-data", "--format", "json")
    assert code == 1
    assert [(r["expectation"], r["severity"], r["rows"]) for r in json.loads(out)] == [
        ("backup_jobs_finished_after_started", "error", 1)
    ]
    code, out, _ = cbcr("quarantine", "list", "--format", "json")
    (entry,) = json.loads(out)
    assert (code, entry["native_id"]) == (1, '["a", "1"]')
    identity = entry["quarantine_id"]

    code, out, _ = cbcr("quarantine", "show", identity[:8])
    assert code == 0
    assert '"attempt_key": "1"' in out
    assert cbcr("quarantine", "release", identity[:8])[0] == 0
    assert cbcr("quarantine", "release", identity[:8])[0] == 1
    assert cbcr("quarantine", "list", "--format", "csv")[0] == 0
    assert len(json.loads(cbcr("quarantine", "list", "--all", "--format", "json")[1])) == 1


@pytest.mark.parametrize(
    ("identity", "message"), [("ab", "too short"), ("abcdef", "nothing in quarantine")]
)
def test_an_id_that_leads_nowhere_is_wrong_use(cbcr: Run, identity: str, message: str) -> None:
    code, _, err = cbcr("quarantine", "release", identity)
    assert code == 2
    assert message in err
