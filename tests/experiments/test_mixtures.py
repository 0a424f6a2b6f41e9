import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import mixtures
from experiments.mixtures import recipes, sweeping
from experiments.mixtures.filming import Lab
from experiments.mixtures.sweeping import Sweep
from experiments.mixtures.training import Config
from gan_jax.command_line import parse
from gan_jax.lab import judge_all
from gan_jax.lab.protocol import FIGURES
from gan_jax.train import one_by_one
from gan_jax.tuning import read_table
from gan_jax.writers import read_jsonl

ROOT = Path(__file__).parents[2]
TINY = ("--batch-size", 16, "--width", 8)
SMALL = ("--target", "ring", "--steps", 100, "--seeds", 2, "--seed", 5, *TINY)
SWEEP = ("sweep", "--target", "ring", "--steps", 100, "--seeds", 2, *TINY)


def main(*arguments):
    return mixtures.main([str(argument) for argument in arguments])


def judge_few(distribution, fakes):
    return judge_all(distribution, np.asarray(fakes)[:, :100])


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Keep members on one device, and judge them by few samples."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("gan_jax.train.population", "gan_jax.lab.tune", "gan_jax.lab.playing"):
            patch.setattr(importlib.import_module(name), "usual_spread", lambda: one_by_one)
        for name in ("gan_jax.lab.tune", "gan_jax.lab.playing"):
            patch.setattr(importlib.import_module(name), "judge_all", judge_few)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    spectral = ("--recipe", "hinge-spectral", "--gamma-fall", 1)
    assert main(*SMALL, *spectral, "--workdir", folder / "run", "--json", folder / "f.json") == 0
    return folder / "run"


def stored(workdir):
    return json.loads((workdir / "config.json").read_text())


def words(workdir):
    """Return the arguments of the command that a run recorded."""
    return stored(workdir)["command"].split()[3:]


def test_training_leaves_figures_by_seed_and_a_page(trained):
    figures = json.loads((trained.parent / "f.json").read_text())
    assert set(figures) == set(FIGURES)
    assert all(len(values) == 2 for values in figures.values())
    assert all(isinstance(value, int) for value in figures["modes"])
    for index, seed in enumerate((5, 6)):
        last = read_jsonl(trained / "seeds" / f"seed_{seed}.jsonl")[-1]
        assert last["step"] == 100
        assert figures["distance"][index] == last["distance"]
    said = (trained / "report.html").read_text()
    assert "2 games on ring" in said
    assert "--spectral True" in said


def test_all_settings_are_in_the_config(trained):
    config = stored(trained)["config"]
    assert set(config) == {*recipes.USUAL, "target", "steps", "seeds", "seed"}
    assert (config["loss"], config["spectral"], config["penalties"]) == ("hinge", True, [])
    assert (config["width"], config["seed"], config["gamma_fall"]) == (8, 5, 1.0)


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_the_recorded_command_means_the_same_settings(recipe):
    config = Config(recipe=recipe, pack=4, clip=0.5, seed=3)
    said = {"target": "moons", "steps": 200, "seeds": 8, "seed": 3}
    said |= recipes.settle(config.recipe, vars(config))
    command = recipes.spell_out(recipes.PROGRAM, Config, said)
    again = parse(Config, command.split()[3:], program="x")
    meant = {**vars(again), **recipes.settle(again.recipe, vars(again))}
    assert {name: meant[name] for name in said} == said


def test_going_on_with_a_finished_run_changes_nothing(trained, tmp_path, capsys):
    workdir = tmp_path / "copy"
    shutil.copytree(trained, workdir)
    before = (workdir / "metrics.jsonl").read_bytes()
    assert main(*words(trained), "--workdir", workdir, "--json", tmp_path / "f.json") == 0
    assert (workdir / "metrics.jsonl").read_bytes() == before
    assert (tmp_path / "f.json").read_bytes() == (trained.parent / "f.json").read_bytes()
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"modes captured +\S+ ± \S+ +\(\S+ to \S+; perfect: 8\)", lines[0])
    assert lines[-1] == f"report: {workdir / 'report.html'}"


def test_an_interrupted_run_goes_on_and_ends_the_same(trained, tmp_path, monkeypatch, capsys):
    def judged(*given):
        calls.append(None)
        if len(calls) == 33:
            signal.raise_signal(signal.SIGINT)
        return judge_few(*given)

    calls = []
    play = importlib.import_module("gan_jax.lab.playing")
    monkeypatch.setattr(play, "judge_all", judged)
    monkeypatch.setattr(play, "draw_points", lambda *panels, **options: None)
    again = (*words(trained), "--workdir", tmp_path / "run", "--json", tmp_path / "f.json")
    assert main(*again) == 130
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "stopped and saved at step 33: the same command goes on from there"
    assert main(*again) == 0
    assert (tmp_path / "f.json").read_bytes() == (trained.parent / "f.json").read_bytes()


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("sweeps") / "grid"
    space = ("--learning-rate", "1e-3:1e-2:log:3", "--pack", "1,2", "--recipe", "least-squares")
    assert main(*SWEEP, *space, "--chunk", 4, "--workdir", workdir) == 0
    return workdir


def test_a_sweep_leaves_one_table_and_pictures(swept):
    rows = read_table(swept / "table.csv")
    rates = [row["learning_rate"] for row in rows]
    assert rates == pytest.approx(np.repeat([1e-3, 10**-2.5, 1e-2], 4))
    assert [row["pack"] for row in rows] == [1, 1, 2, 2] * 3
    assert [row["seed"] for row in rows] == [0, 1] * 6
    assert {*FIGURES} <= rows[0].keys()
    assert all(isinstance(row["modes"], int) for row in rows)
    pictures = sorted(path.name for path in swept.glob("*.png"))
    axes = [
        f"{name}{kind}.png" for name in ("learning_rate", "pack") for kind in ("", "_quantiles")
    ]
    assert pictures == ["heat_map.png", *axes]


def test_the_recorded_sweep_is_the_same_sweep_and_trains_nothing_twice(swept, tmp_path, capsys):
    workdir = tmp_path / "copy"
    shutil.copytree(swept, workdir)
    command = words(swept)
    assert command[0] == "sweep"
    files = {path: path.stat().st_mtime_ns for path in (workdir / "kept").rglob("*.npz")}
    assert len(files) == 4  # of two shapes, six members each, four at a time
    assert main(*command, "--chunk", 4, "--workdir", workdir) == 0
    now = {path: path.stat().st_mtime_ns for path in (workdir / "kept").rglob("*.npz")}
    assert now == files
    assert (workdir / "table.csv").read_bytes() == (swept / "table.csv").read_bytes()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "the best settings that were trained to the end, by reverse_kl_with_nowhere:"
    )
    scores = [float(re.search(r"nowhere (\S+),", line)[1]) for line in lines[1:6]]
    assert scores == sorted(scores)
    assert all(re.match(r"  --learning-rate \S+ --pack [12]: ", line) for line in lines[1:6])


def test_the_settings_of_a_sweep_can_be_another_only_elsewhere(swept, capsys):
    assert main(*SWEEP, "--gamma", "1,2", "--workdir", swept) == 2
    assert "holds a run with other settings" in capsys.readouterr().err


def test_halving_trains_the_better_half_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweeping, "UNIT", 50)
    space = (
        "--search",
        "halving",
        "--settings",
        4,
        "--learning-rate",
        "1e-5:1e-2:log",
        "--chunk",
        2,
    )
    small = (*SWEEP[:4], 200, *SWEEP[5:], *space, "--table", "parquet")
    assert main(*small, "--target", "moons", "--workdir", tmp_path / "run") == 0
    rows = read_table(tmp_path / "run" / "table.parquet")
    assert sorted(row["steps"] for row in rows) == [50] * 4 + [100] * 2 + [200] * 2
    said = capsys.readouterr()
    assert "by distance" in said.out  # there are no modes to count
    assert "400 steps per seed in 3 rounds; all settings to the end would be 800" in said.err
    assert said.out.count("--learning-rate") == 1


def test_random_search_draws_settings(tmp_path):
    space = ("--search", "random", "--settings", 3, "--gamma", "0.1:10:log", "--seeds", 1)
    assert main(*SWEEP, *space, "--workdir", tmp_path / "run") == 0
    rows = read_table(tmp_path / "run" / "table.csv")
    assert len({row["gamma"] for row in rows}) == 3
    assert all(0.1 <= row["gamma"] <= 10 for row in rows)
    assert main(*words(tmp_path / "run"), "--workdir", tmp_path / "run") == 0


def test_a_lab_is_one_page(tmp_path, capsys):
    out = tmp_path / "folder" / "lab.html"
    chosen = ("--recipes", "minimax", "wasserstein-clip", "--steps", 8, "--frames", 2)
    assert main("lab", *chosen, "--target", "clusters", "--out", out) == 0
    page = out.read_text()
    assert "GANs on clusters" in page
    command = re.search(r"python -m experiments\.mixtures lab [^<\"]+", page)[0]
    again = parse(Lab, command.split()[4:], program="x")
    assert again == Lab(
        out=again.out, target="clusters", recipes=("minimax", "wasserstein-clip"), steps=8,
        frames=2,
    )  # fmt: skip
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"page: {out} (")


def test_files_can_be_targets(tmp_path):
    mixture = tmp_path / "two.json"
    mixture.write_text('{"centres": [[-1, 0], [1, 0]], "standard_deviation": 0.1}')
    points = tmp_path / "points.csv"
    points.write_text("x,y\n0,1\n1,0\n")
    assert len(recipes.distribution(str(mixture)).modes.centres) == 2
    assert recipes.distribution(str(mixture)).name == "two"
    out = tmp_path / "lab.html"
    small = ("--recipes", "minimax", "--steps", 1, "--frames", 1, "--out", out)
    assert main("lab", *small, "--target", points) == 0
    assert "GANs on points" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--recipe", "gan"], "--recipe is gan: it must be one of relativistic, non-saturating"),
        (["--loss", "hing"], "--loss is hing: it must be one of "),
        (["--penalties", "r3"], "--penalties is r3: it must be of r1_penalty"),
        (["--target", "rign"], "--target is rign: it must be a file, or one of grid, ring"),
        (["--target", "no.csv"], "--target no.csv is not there"),
        (["--target", "no.xml"], "--target no.xml: its ending must be one of .csv"),
        (["--learning-rate", "-1"], "--learning-rate is -1.0: it must be from 1e-36 to 1e36"),
        (["--learning-rate", "nan"], "--learning-rate is nan: it must be from 1e-36 to 1e36"),
        (["--beta1", "1"], "--beta1 is 1.0: it must be at least 0 and below 1"),
        (["--steps", "150"], "--steps is 150: it must be a multiple of 100, at least 100"),
        (["--steps", "0"], "--steps is 0: it must be a multiple of 100, at least 100"),
        (["--pack", "3"], "--pack is 3: it must be a divisor of the batch size, 128"),
        (["--width", "0"], "--width is 0: it must be a whole number from 1 to 65536"),
        (["--normals", "0", "--signs", "0"], "--normals is 0: it must be above 0 without signs"),
        (["--seeds", "0"], "--seeds is 0: it must be from 1 to 10000"),
        (["--seed", "4294967290"], "--seed is 4294967290: it must be from 0 to 4294967288"),
        (["--json", "/dev/null/f.json"], "--json /dev/null/f.json can't be written: "),
        (["--json", "."], "--json . is a folder: name a file in it"),
        (["--recipee", "x"], "unknown option --recipee: did you mean --recipe?"),
        (["swep"], "unknown command 'swep': did you mean sweep?"),
        (["sweep", "--gamma", "1"], "nothing to sweep over: give an option a range"),
        (["sweep"], "nothing to sweep over: give an option a range, as --gamma 0.01,0.1,1"),
        (["sweep", "--gamma", "2:1"], "--gamma, axis '2:1': low is 2 and high is 1"),
        (["sweep", "--gamma", "-1,1"], "--gamma is -1: it must be from 1e-36 to 1e36, or 0"),
        (
            ["sweep", "--search", "random", "--beta1", "0:2"],
            "--beta1 is 2.0: it must be at least 0",
        ),
        (["sweep", "--width", "8.5"], "--width, axis '8.5': 8.5 is not a whole number"),
        (["sweep", "--pack", "2,3"], "--pack is 3: it must be a divisor of the batch size, 128"),
        (["sweep", "--gamma", "1,2", "--chunk", "0"], "--chunk is 0: it must be from 1 to 1000000"),
        (["sweep", "--gamma", "1", "--search", "halving", "--steps", "100"], "a multiple of 500"),
        (["lab", "--recipes", "gan"], "--recipes is gan: it must be one or more of relativistic"),
        (["lab", "--recipes"], "--recipes is : it must be one or more of"),
        (["lab", "--frames", "3"], "--steps is 20000: it must be a multiple of the 3 frames"),
        (["lab", "--signs", "-1"], "--signs is -1: it must be a whole number from 0 to 65536"),
        (["lab", "--out", "."], "--out . is a folder: name a file in it"),
        (["lab", "--target", "rign"], "--target is rign: it must be a file, or one of grid"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(*arguments) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_folder_of_another_run_is_one_line(trained, capsys):
    assert main(*SMALL, "--workdir", trained) == 2
    said = capsys.readouterr().err
    assert "loss (there 'hinge', now 'relativistic')" in said
    assert len(said.splitlines()) == 1
    assert main(*SWEEP, "--gamma", "1,2", "--workdir", trained) == 2
    assert "holds a run of 'mixtures', not of 'mixtures sweep'" in capsys.readouterr().err


def test_a_lab_of_a_game_that_diverges_is_one_line(tmp_path, capsys):
    wild = ("--recipes", "least-squares", "--generator-rate", 1e36, "--steps", 4, "--frames", 2)
    assert main("lab", *wild, "--out", tmp_path / "lab.html") == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "error: least-squares diverges: it is not finite at step 2"
    assert not (tmp_path / "lab.html").exists()


@pytest.mark.parametrize(
    ("command", "options"), [((), Config), (("sweep",), Sweep), (("lab",), Lab)]
)
def test_help_names_every_option_and_loads_nothing_heavy(command, options):
    code = (
        "import sys; from experiments.mixtures import main\n"
        "try: main()\n"
        "finally: assert not {'jax', 'numpy'} & set(sys.modules), 'loaded'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--help"],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    fields = {"--" + name.replace("_", "-") for name in options.__dataclass_fields__}
    assert fields <= set(re.findall(r"--[a-z0-9-]+", done.stdout))
    assert "Commands: train, sweep, lab" in done.stdout


def test_every_pair_and_every_penalty_can_be_played():
    import jax

    from gan_jax.lab import advance, start

    given = [{"loss": name} for name in recipes.known_pairs()]
    given += [{"penalties": (name,)} for name in recipes.PENALTIES]
    for each in given:
        settings = recipes.settle("relativistic", {"width": 8, **each})
        game, numbers = recipes.make_game("ring", settings, 100), recipes.numbers(settings)
        metrics = jax.eval_shape(
            lambda key, game=game, numbers=numbers: advance(
                game, numbers, start(game, numbers, key), steps=1
            )[1],
            jax.random.key(0),
        )
        assert {*each.get("penalties", ())} <= metrics.keys()
