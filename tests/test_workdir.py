import errno
import json
import os
import subprocess
import sys

import pytest

from gan_jax.errors import RunError, UsageError
from gan_jax.workdir import check_out, claim, disk_errors_named, read_config, sample_path, sign

RUN = {
    "experiment": "mnist",
    "config": {"steps": 10, "gamma": (1.0, 0.1)},
    "environment": {"jax": "1"},
}


def claimed(workdir, run):
    with claim(workdir, run):
        sign(workdir, run)
        return sorted(path.name for path in workdir.iterdir())


def test_a_new_folder_is_made_and_labelled(tmp_path):
    workdir = tmp_path / "runs" / "one"
    assert claimed(workdir, RUN) == [".lock", "config.json"]
    assert read_config(workdir)["config"]["steps"] == 10


def test_a_run_that_never_began_leaves_the_folder_free(tmp_path):
    with claim(tmp_path, RUN):
        (tmp_path / ".config.json.half").write_text("{")
    other = {**RUN, "config": {"steps": 99}}
    assert "config.json" in claimed(tmp_path, other)


def test_the_same_settings_may_go_on_elsewhere(tmp_path):
    claimed(tmp_path, RUN)
    before = (tmp_path / "config.json").read_bytes()
    claimed(tmp_path, {**RUN, "environment": {"jax": "2"}})
    assert (tmp_path / "config.json").read_bytes() == before


def test_other_settings_are_refused_and_named(tmp_path):
    claimed(tmp_path, RUN)
    with pytest.raises(UsageError, match=r"steps \(there 10, now 20\)") as error:
        claimed(tmp_path, {**RUN, "config": {**RUN["config"], "steps": 20}})
    assert "gamma" not in str(error.value)
    assert "\n" not in str(error.value)


def test_another_experiment_is_refused(tmp_path):
    claimed(tmp_path, RUN)
    with pytest.raises(UsageError, match="holds a run of 'mnist', not of 'cifar'"):
        claimed(tmp_path, {**RUN, "experiment": "cifar"})


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match=r"holds no run \(it has thesis.tex\)"):
        claimed(tmp_path, RUN)
    assert not (tmp_path / "config.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"experiment": "mnist"}'])
def test_a_damaged_config_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UsageError, match=r"config\.json is damaged"):
        claimed(tmp_path, RUN)


def test_no_run_is_named(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        read_config(tmp_path / "nothing")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written: Not a directory"):
        claimed(tmp_path / "file" / "run", RUN)


def test_two_processes_do_not_share_a_folder(tmp_path):
    code = f"""
from pathlib import Path
from gan_jax.workdir import claim
try:
    with claim(Path({str(tmp_path)!r}), {RUN!r}):
        print("got it")
except Exception as error:
    print(error)
"""
    run = lambda: (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    )
    with claim(tmp_path, RUN):
        assert f"is in use by process {os.getpid()}" in run()
    assert run() == "got it\n"


def test_disk_trouble_becomes_a_line_and_other_trouble_does_not(tmp_path):
    with pytest.raises(RunError, match="No space left on device"), disk_errors_named(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(RunError, match="No such file"), disk_errors_named(tmp_path):
        (tmp_path / "missing" / "file").touch()
    with pytest.raises(ConnectionRefusedError), disk_errors_named(tmp_path):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody is there")


def test_what_cannot_be_written_is_refused_beforehand(tmp_path):
    (tmp_path / "file").write_text("")
    for good in (None, tmp_path / "new" / "x.json", tmp_path / "file"):
        check_out(good)
    check_out(tmp_path / "new" / "folder", option="--pictures", folder=True)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(UsageError, match="is a folder: name a file in it"):
        check_out(tmp_path)
    with pytest.raises(UsageError, match=r"--out .*x\.json can't be written: Not a directory"):
        check_out(tmp_path / "file" / "x.json")
    with pytest.raises(UsageError, match=r"--pictures .*file can't be written: Not a directory"):
        check_out(tmp_path / "file", option="--pictures", folder=True)


def test_sample_paths_sort_by_step(tmp_path):
    assert sample_path(tmp_path, 1000).name == "step_00001000.png"
    config = json.loads(json.dumps(RUN))
    assert config["config"]["gamma"] == [1.0, 0.1]
