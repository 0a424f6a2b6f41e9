"""The look for known vulnerabilities: what fails it, and what it only tells."""

import importlib.util
import json
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit"


@pytest.fixture(scope="module")
def audit():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        loader = SourceFileLoader("audit", str(SCRIPT))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("audit", loader))
        loader.exec_module(module)
    return module


@pytest.fixture
def bounds(audit, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# what is needed\nPillow>=11,<14  # pictures\nnumpy>=2,<3\n\n-r others.txt\n")
    return audit.read_requirements(path)


def package(name, *vulnerabilities, version="1.0"):
    vulns = [{"id": id, "fix_versions": fixed, "aliases": []} for id, fixed in vulnerabilities]
    return {"name": name, "version": version, "vulns": vulns}


def skipped(name):
    return {"name": name, "skip_reason": f"Dependency not found on PyPI: {name} (1.0)"}


@pytest.mark.parametrize(
    ("found", "failed", "line"),
    [
        ([package("pillow"), package("numpy")], False, "audit: 2 packages looked up"),
        ([package("pillow"), skipped("ours")], False, "1 packages looked up, 1 unknown to the"),
        ([package("pillow", ("CVE-1", ["14.0", "15.0"]))], True,
         "pillow 1.0 has CVE-1: FAILED: mended in 14.0, 15.0, and requirements.txt says Pillow<14,>=11"),
        ([package("Pillow", ("CVE-1", ["11.0.1", "14.0"]))], False, "which requirements.txt accepts"),
        ([package("pillow", ("CVE-1", []))], False, "has CVE-1: no version mends it yet"),
        ([package("urllib3", ("CVE-1", ["3"]))], False, "which urllib3's users must ask for"),
        ([package("pillow", ("A", []), ("B", ["99"]))], True, "has B: FAILED"),
    ],
)  # fmt: skip
def test_it_fails_for_what_our_bounds_keep_us_from_alone(audit, bounds, found, failed, line):
    lines, verdict = audit.judge(found, bounds)
    assert verdict is failed
    assert any(line in each for each in lines)
    assert all("\n" not in each and each.startswith("audit: ") for each in lines)


@pytest.mark.parametrize(
    ("found", "why", "line"),
    [
        ([], "Failed to resolve 'pypi.org'", "left out, no answer: Failed to resolve 'pypi.org'"),
        ([skipped("pillow"), skipped("numpy")], "", "left out, no answer: Dependency not found on"),
        ([], "", "left out, no answer: nothing came back"),
    ],
)
def test_without_an_answer_it_passes_and_says_so(audit, bounds, found, why, line):
    lines, failed = audit.judge(found, bounds, why)
    assert (len(lines), failed) == (1, False)
    assert line in lines[0]


def test_what_is_looked_up_is_all_that_the_requirements_brought(audit):
    requirements = audit.read_requirements(audit.REQUIREMENTS)
    versions = audit.installed(requirements)
    assert {"jax", "jaxlib", "orbax-checkpoint", "tensorboardx"} <= set(versions)
    assert {"tensorstore", "kiwisolver", "protobuf", "scipy"} <= set(versions)
    assert not {"pytest", "torch", "ruff", "playwright"} & set(versions)


@pytest.fixture
def tool(audit, monkeypatch, tmp_path):
    """Let scripts stand for what makes the environment and for what is in it."""

    def stand_in(pip="exit 0", pip_audit="exit 0"):
        folder = tmp_path / "venv" / "bin"
        folder.mkdir(parents=True)
        python = f'case "$*" in *install*) {pip};; esac'
        for path, script in ((tmp_path / "python", python), (folder / "pip-audit", pip_audit)):
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        monkeypatch.setattr(audit.sys, "executable", str(tmp_path / "python"))

    return stand_in


def test_the_report_of_the_tool_is_read_whatever_its_exit_code(audit, tool, tmp_path):
    report = json.dumps({"dependencies": [package("a", ("CVE-1", ["2"]))], "fixes": []})
    tool(pip_audit=f"while [ $1 != --output ]; do shift; done; echo '{report}' > $2; exit 1")
    found, why = audit.look_up({"a": "1.0"}, tmp_path)
    assert (found[0]["vulns"][0]["id"], why) == ("CVE-1", "")
    assert (tmp_path / "installed.txt").read_text() == "a==1.0\n"


@pytest.mark.parametrize(
    ("scripts", "why"),
    [
        ({"pip": "echo no network >&2; exit 1"}, "no network"),
        ({"pip_audit": "echo trace >&2; echo name or service not known >&2; exit 1"}, "name or service not known"),
        ({"pip_audit": "exit 3"}, "exit code 3"),
        ({"pip": "exec sleep 9"}, "it took more than 1 s"),
    ],
)  # fmt: skip
def test_a_tool_without_an_answer_is_no_failure(audit, tool, tmp_path, monkeypatch, scripts, why):
    tool(**scripts)
    if "sleep" in scripts.get("pip", ""):
        monkeypatch.setattr(audit, "SECONDS", 1.0)
    found, said = audit.look_up({"a": "1.0"}, tmp_path)
    assert found == []
    assert why in said
