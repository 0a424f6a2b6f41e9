"""What a run survives: every fault that the tests inject, and what came of it.

    python -m docs.reliability

`docs/reliability.md` is written from what the tests in `TESTS` find while they run; in every other
run of theirs they check that the page says what they found.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["PATH", "VERDICTS", "Finding", "Recorder", "fault", "find", "main", "page", "row"]

PATH = Path(__file__).with_suffix(".md")
TESTS = ("tests/faults", "tests/parallel/test_hosts.py")
VERDICTS = (
    "the same bits",
    "an earlier good step, then the same bits",
    "refused in one line, nothing lost",
    "stopped in one line, nothing lost",
    "made anew, the same bits",
)
HEAD = """# What a run survives

Made by `python -m docs.reliability`, which runs the tests in [tests/faults](../tests/faults) and of
[hosts](../tests/parallel/test_hosts.py); each of them keeps its row true.

A small training is disturbed in every way below, and the same command is given again where the
training was stopped. Then every leaf of the final state (parameters, averages, optimizers, keys)
and every row of `metrics.jsonl`, but for what depends on the clock, is compared with an undisturbed
training's; of a run on two hosts, every leaf.

* **Lost** would be a step that had been saved and can't be gone on from, where nothing of it was
  damaged.
* **Wrong** would be an end with other bits, or a damaged file whose numbers are used.
* *In one line*: an error that says what is wrong, with exit code 2 (refused: nothing was begun) or
  1 (stopped: what was saved before is kept), and no traceback.
"""
TAIL = """
**{count} faults: 0 lost, 0 wrong.** A fault with another end fails its test, and then there is no
page.
"""


class Finding(NamedTuple):
    """What a test found.

    Attributes:
      group: the first line of its module.
      fault: what was done.
      happened: what happened then.
      verdict: one of `VERDICTS`.
    """

    group: str
    fault: str
    happened: str
    verdict: str


class Recorder:
    """Pytest's plugin that collects what the tests find.

    Attributes:
      asked: the faults of the tests that were collected, in their order, by the tests' ids.
      found: what those that ran have found, by the tests' ids.
      skipped: why others were skipped.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.asked: dict[str, str] = {}
        self.found: dict[str, Finding] = {}
        self.skipped: list[str] = []

    def pytest_configure(self, config: Any) -> None:
        """Let the tests find it."""
        config.reliability = self

    def pytest_collection_modifyitems(self, items: Sequence[Any]) -> None:
        """Note which tests will make a row."""
        makers = [item for item in items if "outcome" in item.fixturenames]
        self.asked = {item.nodeid: fault(item) for item in makers}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note why a test was skipped."""
        if report.skipped and report.nodeid in self.asked:
            self.skipped.append(f"{self.asked[report.nodeid]}: {report.longrepr[2]}")


def fault(item: Any) -> str:
    """Name the fault that a test injects: its docstring, and the id of its parameters.

    Args:
      item: pytest's test.

    Returns:
      The text of the table's first column.
    """
    told = item.function.__doc__.strip().splitlines()[0].rstrip(".")
    return f"{told}: {item.callspec.id}" if hasattr(item, "callspec") else told


def find(item: Any, happened: str, verdict: str) -> Finding:
    """Make the finding of a test.

    Args:
      item: pytest's test.
      happened: what happened.
      verdict: one of `VERDICTS`.

    Returns:
      The finding.

    Raises:
      ValueError: another verdict.
    """
    if verdict not in VERDICTS:
        raise ValueError(f"verdict is {verdict!r}: it must be one of {', '.join(VERDICTS)}")
    group = item.module.__doc__.strip().splitlines()[0].rstrip(".")
    return Finding(group, fault(item), happened, verdict)


def row(finding: Finding) -> str:
    """Write a finding as a line of the table.

    Args:
      finding: what a test found.

    Returns:
      The line.
    """
    cells = (finding.fault, finding.happened, finding.verdict)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(findings: Mapping[str, Finding]) -> str:
    """Write the page.

    Args:
      findings: all that was found, in the order of the tests.

    Returns:
      The text of `docs/reliability.md`.
    """
    groups: dict[str, list[str]] = {}
    for finding in findings.values():
        groups.setdefault(finding.group, []).append(row(finding))
    parts = [HEAD]
    for group, lines in groups.items():
        heading = f"\n## {group}\n\n| Fault | What happened | Verdict |\n|---|---|---|\n"
        parts.append(heading + "\n".join(lines) + "\n")
    return "".join([*parts, TAIL.format(count=len(findings))])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests and write the page; with `--list` only name the faults.

    Args:
      arguments: those of the command line if None.

    Returns:
      The exit code: 1 if a test failed or was skipped, and the page was left as it was.
    """
    import pytest

    recorder = Recorder()
    listing = "--list" in (sys.argv[1:] if arguments is None else arguments)
    places = [str(PATH.parents[1] / place) for place in TESTS]
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", *places]
    if listing:
        with contextlib.redirect_stdout(io.StringIO()):
            pytest.main([*options, "--collect-only"], plugins=[recorder])
        print(*recorder.asked.values(), sep="\n")
        return 0
    code = pytest.main(options, plugins=[recorder])
    silent = [told for test, told in recorder.asked.items() if test not in recorder.found]
    if code or silent:
        reasons = recorder.skipped or silent or ["a test failed"]
        print(f"error: {PATH} is left as it was: {'; '.join(reasons)}", file=sys.stderr)
        return 1
    PATH.write_text(page(recorder.found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
