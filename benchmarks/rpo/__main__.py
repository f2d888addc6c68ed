"""Measure the recovery point numbers and print the table.

Usage: python -m benchmarks.rpo [--sizes 1m 10m] [--write docs/benchmarks.md] [--chdb DIR]

PostgreSQL is the distribution's; without it, leave `postgresql` out of --engines. chDB needs an
environment of its own: `uv venv DIR && uv pip install --python DIR/bin/python chdb`.
Needs Linux; 10m takes about 10 GB of disk and 100m about 60 GB, in --folder or a temporary one.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.rpo import rivals, session, table
from benchmarks.rpo.shape import SIZES


def main() -> None:
    """Measure each size and show everything together."""
    given = _arguments()
    results: list[dict[str, Any]] = [json.loads(path.read_text()) for path in given.read]
    with _folder(given.folder) as folder:
        results += [
            session.measure(
                size, folder / size, engines=given.engines, chdb=given.chdb, memory=given.memory
            )
            for size in given.sizes
        ]
    results.sort(key=lambda facts: list(SIZES).index(facts["size"]))
    section = table.page(results, _command([facts["size"] for facts in results]))
    print(section)
    if given.write:
        table.write(given.write, section)


def _command(sizes: Sequence[str]) -> str:
    """The command without what names this machine."""
    return f"python -m benchmarks.rpo --sizes {' '.join(sizes)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rpo", description=(__doc__ or "").splitlines()[0]
    )
    known = list(rivals.QUERIES)
    parser.add_argument("--sizes", nargs="*", default=["1m", "10m"], choices=SIZES)
    parser.add_argument("--engines", nargs="*", default=known, choices=known)
    parser.add_argument("--chdb", type=Path, default=os.environ.get("CBCR_BENCH_CHDB"))
    parser.add_argument("--folder", type=Path, help="keep all files there")
    parser.add_argument("--memory", default="6GB", help="limit of DuckDB's memory in dbt")
    parser.add_argument(
        "--read", type=Path, nargs="*", default=[], help="result.json of other runs"
    )
    parser.add_argument("--write", type=Path, help="put the section into this file")
    return parser.parse_args()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given:
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="cbcr-bench-") as name:
        Path(name).chmod(0o711)  # PostgreSQL's user has to reach its data
        yield Path(name)


if __name__ == "__main__":
    main()
