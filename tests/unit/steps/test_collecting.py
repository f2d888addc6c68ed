"""Asking many sources at a time: one that hangs costs nobody but itself."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cbcr_assets.connectors.ledger import LedgerError
from cbcr_assets.steps import collecting
from cbcr_assets.steps.collecting import collect_each
from cbcr_assets.steps.platform import Platform, open_platform

NOW = datetime.fromisoformat("2026-11-23T05:00:00")
HANGING = {"s07", "s23", "s41"}
ALL = {f"s{number:02d}" for number in range(60)}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Sixty sources that print a document; three of them wait for somebody to open a pipe."""
    (tmp_path / "said.json").write_text("[]")
    lines = ["sources:"]
    for name in sorted(ALL):
        said = tmp_path / (f"{name}.pipe" if name in HANGING else "said.json")
        lines += [f"  {name}:", "    tool: cbcr", "    feeds:",
                  f"      - {{kind: catalog, timeout: 40s, command: [cat, {said}]}}"]  # fmt: skip
    for name in HANGING:
        os.mkfifo(tmp_path / f"{name}.pipe")
    path = tmp_path / "cbcr.yaml"
    path.write_text("\n".join(lines) + "\n")
    return open_platform({"CBCR_CONFIG": str(path), "PATH": os.environ["PATH"]})


@pytest.fixture
def let_go(platform: Platform) -> Iterator[Callable[[], None]]:
    """Let the hanging ones end, and wait for their threads."""

    def release() -> None:
        for pipe in platform.config.file.parent.glob("*.pipe"):
            with pipe.open("w") as file:
                file.write("[]")
            pipe.unlink()

    yield release
    release()
    for thread in list(collecting._running.values()):
        thread.join()


def ask(platform: Platform, wait_s: float, now: datetime = NOW) -> Iterator[str]:
    for collected in collect_each(
        platform, list(platform.config.sources.values()), now=now, wait_s=wait_s
    ):
        assert collected.error is None
        yield collected.source_id


def test_sources_that_hang_are_the_last_and_the_only_ones_that_wait(
    platform: Platform, let_go: Callable[[], None]
) -> None:
    asking = ask(platform, wait_s=60)
    first = [next(asking) for _ in range(len(ALL - HANGING))]
    assert set(first) == ALL - HANGING
    let_go()
    assert set(asking) == HANGING


def test_one_that_still_hangs_is_neither_asked_again_nor_waited_for(
    platform: Platform, let_go: Callable[[], None]
) -> None:
    asking = ask(platform, wait_s=60)
    assert {next(asking) for _ in range(len(ALL - HANGING))} == ALL - HANGING
    again = set(ask(platform, wait_s=60, now=NOW + timedelta(minutes=1)))
    assert again == ALL - HANGING
    let_go()
    assert set(asking) == HANGING
    for name in HANGING:
        (envelope,) = (platform.spool / name / "catalog").glob("*.json")
        assert '"error": null' in envelope.read_text()


def test_without_patience_the_rest_is_left_for_the_next_time(platform: Platform) -> None:
    assert set(ask(platform, wait_s=0)) == set()


def test_a_ledger_that_cannot_be_used_is_told(platform: Platform) -> None:
    platform.home.mkdir(parents=True)
    (platform.home / "ledger.db").write_text("this is no database, whatever its name may say")
    with pytest.raises(LedgerError, match="move it away"):
        list(ask(platform, wait_s=1))
