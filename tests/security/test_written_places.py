"""Commands write into the folder they are given and into the user's cache, and nowhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = ("--batch-size", "8", "--width", "4", "--steps", "100")


def commands(runs):
    """Return one of each: what is trained is as small as can be."""
    digits, plane = f"{runs}/digits", ("--target", "ring", "--recipe", "minimax", *TINY)
    few = ("--dataset", "digits", "--features", "4", "--batch-size", "8", "--steps", "3")
    return [
        ("experiments.mnist", *few, "--conditional", "--devices", "1", "--workdir", digits),
        ("experiments.mnist", "sample", "--workdir", digits, "--count", "4"),
        ("experiments.mnist", "interpolate", "--workdir", digits, "--anchors", "2", "--frames", "2"),
        ("experiments.mnist", "truncation", "--workdir", digits, "--count", "2"),
        ("experiments.mnist", "directions", "--workdir", digits, "--count", "2"),
        ("experiments.mnist", "invert", "--workdir", digits, "--index", "3", "--steps", "3",
         "--samples", "9"),
        ("experiments.mnist", "evaluate", "--workdir", digits, "--extractor", "pixels",
         "--metrics", "precision", "--count", "200"),
        ("experiments.mixtures", *plane, "--seeds", "1", "--workdir", f"{runs}/mixtures",
         "--json", f"{runs}/figures.json"),
        ("experiments.mixtures", "sweep", *plane, "--seeds", "1", "--workdir", f"{runs}/sweep",
         "--learning-rate", "1e-4,1e-3"),
        ("experiments.mixtures", "lab", "--target", "ring", "--recipes", "minimax",
         "--steps", "4", "--frames", "2", "--out", f"{runs}/lab.html"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run the commands as a user with an empty home folder, in one process."""
    place = tmp_path_factory.mktemp("sandbox")
    folders = {name: place / name for name in ("home", "tmp", "cwd", "runs")}
    for folder in folders.values():
        folder.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "MPL", "GAN_JAX", "TFDS", "PYTEST", "JAX_COMPILATION"))
    }
    environment = {
        **kept, "HOME": str(folders["home"]), "TMPDIR": str(folders["tmp"]),
        "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",  # programs run but once here
    }  # fmt: skip
    words = json.dumps(commands(folders["runs"]))
    script = Path(__file__).with_name("watched.py")
    done = subprocess.run(
        [sys.executable, script, place / "notes.json", words],
        env=environment, cwd=folders["cwd"], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    notes = json.loads((place / "notes.json").read_text())
    assert notes["codes"] == [0] * len(json.loads(words)), done.stderr[-3000:]
    return place, {Path(path) for path in notes["paths"]}


def test_python_opens_nothing_elsewhere_for_writing(ran):
    place, paths = ran
    cache = place / "home" / ".cache" / "gan_jax"
    allowed = [place / "runs", place / "tmp", cache, Path("/dev"), Path("/proc/self")]
    made = set(cache.parents)  # where there was no cache yet
    elsewhere = [
        path for path in paths - made if not any(path.is_relative_to(folder) for folder in allowed)
    ]
    assert elsewhere == []
    assert len(paths) > 50


def test_nothing_else_is_written_in_the_home_folder(ran):
    place, _ = ran
    assert [path.name for path in (place / "home").iterdir()] == [".cache"]
    assert [path.name for path in (place / "home" / ".cache").iterdir()] == ["gan_jax"]
    kept = {path.name for path in (place / "home" / ".cache" / "gan_jax").iterdir()}
    assert kept == {"classifiers", "matplotlib", "references", "xla"}


def test_nothing_is_left_in_the_temporary_folder(ran):
    place, _ = ran
    assert list((place / "tmp").rglob("*")) == []


def test_nothing_is_written_where_the_commands_were_given(ran):
    place, _ = ran
    assert list((place / "cwd").rglob("*")) == []


def test_the_runs_are_there(ran):
    place, _ = ran
    for name in ("digits/report.html", "mixtures/report.html", "sweep/table.csv", "lab.html"):
        assert (place / "runs" / name).stat().st_size > 100
