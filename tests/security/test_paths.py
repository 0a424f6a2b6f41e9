"""What a run's folder says can't lead out of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import mixtures, mnist
from gan_jax.files import atomic_write
from gan_jax.report import make_gif, save_png
from gan_jax.tuning import KeptResults

OUTSIDE = (
    "../../outside",
    "/tmp/../outside",
    "..",
    "a/../../../outside",
    "outside\x00",
    "~",
    "$HOME",
)
CONFIG = {
    "dataset": "digits", "model": "mlp", "conditional": False, "steps": 10, "batch_size": 8,
    "features": 4, "learning_rate": 1e-3, "gamma": [0.3, 0.03], "dtype": "float32", "seed": 0,
    "resolution": 8, "channels": 1, "classes": 10, "best_metric": "frechet_distance",
}  # fmt: skip


def snapshot(folder):
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def workdir(tmp_path):
    folder = tmp_path / "runs" / "run"
    folder.mkdir(parents=True)
    return folder


def stored(workdir, **changes):
    record = {"experiment": "mnist", "config": {**CONFIG, **changes}}
    (workdir / "config.json").write_text(json.dumps(record))


@pytest.mark.parametrize("word", OUTSIDE)
@pytest.mark.parametrize("field", ["dataset", "best_metric"])
def test_names_in_a_config_are_names_and_no_paths(field, word, workdir, tmp_path, capsys):
    stored(workdir, **{field: word})
    before = snapshot(tmp_path)
    for command in (["sample"], ["interpolate"], ["evaluate"], ["--steps", "1"]):
        assert mnist.main([*command, "--workdir", str(workdir)]) == 2
        said = capsys.readouterr().err.splitlines()
        assert [line[:7] for line in said] == ["error: "]
    assert {
        path for path in snapshot(tmp_path).keys() ^ before.keys() if path.name != ".lock"
    } == set()


@pytest.mark.parametrize(
    "record", [{"workdir": "/tmp"}, {"config": []}, {"experiment": "../mnist"}]
)
def test_a_config_does_not_say_where_it_is(record, workdir, tmp_path, capsys):
    stored(workdir)
    content = json.loads((workdir / "config.json").read_text())
    content = {**content, **record, "config": record.get("config", {**CONFIG, **record})}
    (workdir / "config.json").write_text(json.dumps(content))
    before = snapshot(tmp_path)
    assert mnist.main(["sample", "--workdir", str(workdir)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("word", ["../x", "/etc/passwd", "a/b", ".."])
def test_names_of_recipes_losses_and_targets_are_no_paths(word, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for option in ("--recipe", "--loss", "--target", "--penalties"):
        assert mixtures.main([option, word, "--workdir", str(tmp_path / "run")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "run").mkdir()
    for name in ("report.html", "config.json", "training.gif", "x.png", "a.npz"):
        (tmp_path / "run" / name).symlink_to(precious)
    with atomic_write(tmp_path / "run" / "config.json", "w") as file:
        file.write("{}")
    save_png(tmp_path / "run" / "x.png", np.zeros((4, 4, 1), np.uint8))
    save_png(tmp_path / "run" / "step_1.png", np.zeros((4, 4, 1), np.uint8))
    make_gif([tmp_path / "run" / "step_1.png"], tmp_path / "run" / "training.gif")
    KeptResults(tmp_path / "run")["a"] = [np.zeros(2)]
    assert precious.read_text() == "mine"
    links = {path.name for path in Path(tmp_path / "run").iterdir() if path.is_symlink()}
    assert links == {"report.html"}


def test_what_stands_beside_a_file_while_it_is_written_can_not_be_foreseen(tmp_path):
    names = set()
    for _ in range(3):
        with atomic_write(tmp_path / "a", "w"):
            (beside,) = set(tmp_path.iterdir()) - {tmp_path / "a"}
            names.add(beside.name)
            assert beside.stat().st_mode & 0o077 == 0
    assert len(names) == 3
