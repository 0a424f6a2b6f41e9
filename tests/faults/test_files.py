"""Files of a run that are damaged, missing or in the way."""

import json
import os
import shutil

import pytest

from gan_jax.evaluation import read_evaluation

SAME = "the same bits"
REFUSED = "refused in one line, nothing lost"
STOPPED = "stopped in one line, nothing lost"


def tear_row(workdir):
    with open(workdir / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": 45, "wall_ti')


def add_rows(workdir):
    path = workdir / "metrics.jsonl"
    last = json.loads(path.read_bytes().splitlines()[-1])
    with open(path, "a") as file:
        for step in (45, 50, 60):
            file.write(json.dumps({**last, "step": step}) + "\n")


def garbage_in_rows(workdir):
    path = workdir / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], bytes(range(256)) + b"\n", *lines[2:]]))


def tear_events(workdir):
    for path in (workdir / "tensorboard").iterdir():
        path.write_bytes(path.read_bytes()[:-7])


def leave_unfinished(workdir):
    steps = workdir / "checkpoints"
    shutil.copytree(steps / "40", steps / "50.orbax-checkpoint-tmp")
    (steps / "50.orbax-checkpoint-tmp" / "integrity.json").unlink()
    (steps / "retired" / "20").mkdir(parents=True)


def file_for_samples(workdir):
    shutil.rmtree(workdir / "samples")
    (workdir / "samples").write_text("a file")


def folder_for_report(workdir):
    (workdir / "report.html").unlink()
    (workdir / "report.html").mkdir()


def contents(name, content):
    return lambda workdir: (workdir / name).write_bytes(content)


CASES = {
    "metrics.jsonl with a torn last row": (tear_row, SAME, "the torn row was dropped"),
    "metrics.jsonl with rows of later steps": (add_rows, SAME, "they were dropped"),
    "evaluation.json damaged": (contents("evaluation.json", b'{"step"'), SAME, "it was not believed"),
    "TensorBoard's events torn": (tear_events, SAME, "the rest went to another file"),
    "a half-written checkpoint left over": (leave_unfinished, SAME, "it was removed"),
    "a lock left by a process that is gone": (contents(".lock", b"1"), SAME, "it did not matter"),
    "temporary files left over": (contents(".report.html.x1", b"<"), SAME, "they were ignored"),
    "metrics.jsonl with garbage in the middle": (garbage_in_rows, STOPPED, "exit code 1, naming the line"),
    "config.json emptied": (contents("config.json", b""), REFUSED, "exit code 2, naming it"),
    "config.json cut": (contents("config.json", b'{"experiment": "sm'), REFUSED, "exit code 2, naming it"),
    "config.json missing": (lambda w: (w / "config.json").unlink(), REFUSED, "exit code 2: it is no run's folder"),
    "a file in place of the folder samples": (file_for_samples, STOPPED, "exit code 1, naming it"),
    "a folder in place of report.html": (folder_for_report, STOPPED, "exit code 1, naming it"),
}  # fmt: skip
CODES = {SAME: 0, STOPPED: 1, REFUSED: 2}


@pytest.mark.parametrize(
    ("harm", "verdict", "happened"),
    [pytest.param(*case, id=name) for name, case in CASES.items()],
)
def test_damaged(starter, halfway, undisturbed, outcome, tmp_path, harm, verdict, happened):
    """A run goes on, and finds this in its folder."""
    workdir = shutil.copytree(halfway, tmp_path / "run")
    harm(workdir)
    run = starter.run(workdir)
    assert run.code == CODES[verdict], run.said
    assert len(run.errors) == (verdict != SAME), run.said
    assert read_evaluation(workdir) is None
    if verdict != SAME:
        assert os.listdir(workdir / "checkpoints")
        repair(halfway, workdir, harm)
        assert starter.run(workdir).code == 0
        happened += "; put right, it went on to the same bits"
    undisturbed.assert_same(workdir)
    outcome(happened, verdict)


def repair(halfway, workdir, harm):
    """Take away what was in the way, and put the good files back."""
    if (workdir / "samples").is_file():
        (workdir / "samples").unlink()
    if (workdir / "report.html").is_dir():
        (workdir / "report.html").rmdir()
    shutil.copytree(halfway / "samples", workdir / "samples", dirs_exist_ok=True)
    shutil.copy(halfway / "config.json", workdir / "config.json")
    if harm is garbage_in_rows:
        shutil.copy(halfway / "metrics.jsonl", workdir / "metrics.jsonl")
