"""dbt, imported and its project parsed once; every invocation is a fork of this process.

Belongs here: the process that the tests of models ask instead of a new dbt each time, which would
spend half of its time on importing itself and on parsing the same files. Each line of its input is
a call, each line of its output the exit code of one; it ends with its input.
Does not belong here: what is built (see `conftest.py`). Product code never calls it.
"""

import atexit
import json
import os
import sys
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest


def parsed() -> Manifest:
    """Parse the project that the environment names."""
    result = dbtRunner().invoke(["parse", "--quiet"])
    if not isinstance(result.result, Manifest):
        raise SystemExit(f"dbt cannot parse the project: {result.exception}")
    return result.result


def invoke(manifest: Manifest, call: dict[str, Any]) -> int:
    """Run one call as a process of its own would, and return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 2
    try:
        code = run(manifest, call)
        atexit._run_exitfuncs()
    finally:
        # Not an ordinary end: libraries would wait for threads that no fork has.
        os._exit(code)


def wanted(arguments: list[str]) -> list[str]:
    """Leave unit tests out of a build, as the product does: they have a test of their own."""
    if "build" not in arguments:
        return arguments
    at = arguments.index("build") + 1
    return [*arguments[:at], "--exclude-resource-type", "unit_test", *arguments[at:]]


def run(manifest: Manifest, call: dict[str, Any]) -> int:
    """Run one call in this process, where and with what it says."""
    output = os.open(call["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number in (1, 2):
        os.dup2(output, number)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environ"])
    result = dbtRunner(manifest).invoke(wanted(call["arguments"]))
    if result.exception is not None:
        print(result.exception)
    sys.stdout.flush()
    return 0 if result.success else 1


def main() -> None:
    """Answer calls until there are no more."""
    calls, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    manifest = parsed()
    print("ready", file=answers, flush=True)
    for line in calls:
        print(invoke(manifest, json.loads(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()
