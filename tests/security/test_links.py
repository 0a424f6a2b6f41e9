"""A link in a run's folder can't make a command write elsewhere."""

import json

import pytest

from experiments import mnist
from gan_jax.errors import UsageError
from gan_jax.workdir import claim, read_config

RUN = {"experiment": "mnist", "config": {"dataset": "digits"}}


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    return folder


@pytest.fixture
def workdir(tmp_path):
    folder = tmp_path / "run"
    (folder / "seeds").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(RUN))
    return folder


@pytest.mark.parametrize("name", [".lock", "metrics.jsonl", "config.json", "seeds/seed_0.jsonl"])
@pytest.mark.parametrize("target", ["precious", "not there yet"])
def test_a_link_to_a_file_elsewhere(name, target, workdir, outside):
    (workdir / name).unlink(missing_ok=True)
    (workdir / name).symlink_to(outside / target)
    with pytest.raises(UsageError, match=f"{name} in it is a link to {outside}/{target}, and"):
        read_config(workdir)
    with pytest.raises(UsageError, match=f"{name} in it is a link"), claim(workdir, RUN):
        raise AssertionError("claimed")
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_text() == "mine"


@pytest.mark.parametrize("name", ["samples", "checkpoints", "tensorboard", "evaluation"])
@pytest.mark.parametrize("relative", [False, True])
def test_a_link_to_a_folder_elsewhere_is_one_line(name, relative, workdir, outside, capsys):
    (workdir / name).symlink_to("../outside" if relative else outside)
    few = ["--dataset", "digits", "--steps", "1", "--devices", "1"]
    for command in (few, ["sample"], ["evaluate"], ["interpolate"]):
        assert mnist.main([*command, "--workdir", str(workdir)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{name} in it is a link to" in line
        assert "link the whole folder instead" in line
    assert [path.name for path in outside.iterdir()] == ["precious"]


def test_the_folder_itself_may_be_a_link_and_so_may_what_stays_in_it(workdir, tmp_path):
    (tmp_path / "linked").symlink_to(workdir)
    (workdir / "latest.png").symlink_to("samples.png")
    with claim(tmp_path / "linked", RUN):
        assert read_config(tmp_path / "linked") == RUN
