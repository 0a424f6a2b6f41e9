"""Any words after any program: the work is reached, or one line says what is wrong with them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from experiments import (
    augmentation,
    cyclegan,
    evaluate,
    mixtures,
    mnist,
    pix2pix,
    style_transfer,
    super_resolution,
)
from experiments.mixtures.filming import Lab
from experiments.mixtures.sweeping import Sweep
from experiments.mixtures.training import Config
from gan_jax import commands
from tests.fuzz.programs import SETTINGS, TRANSLATION, call, sandbox
from tests.fuzz.words import AXES, PATHS, command_lines

FOLDERS = ("run", "labelled", "outlines", "new", "empty", *PATHS)
MNIST = {
    "workdir": FOLDERS,
    "dataset": ("digits", "auto", "mnist"),
    "model": ("mlp", "dcgan", "dcgan-gpu"),
    "conditional": ("True",),
    "steps": ("100", "1000"),
    "batch_size": ("8", "64"),
    "features": ("8", "16"),
    "learning_rate": ("0.001", "1"),
    "gamma": ("0.1", "1"),
    "dtype": ("float32", "bfloat16"),
    "best_metric": ("recall", "frechet_distance", "label_agreement"),
    "devices": ("1", "8"),
}
TRANSLATIONS = {
    **MNIST,
    "task": ("outlines", "colours", "textures", "weights"),
    "preset": ("small", "paper"),
    "direction": ("AtoB", "BtoA"),
    "resolution": ("8", "16", "32"),
    "channels": ("1", "3"),
    "factor": ("2", "4"),
    "best_metric": ("ssim", "psnr", "frechet_distance", "label_agreement"),
    "source_style": ("plain", "thin"),
    "target_style": ("bold", "plain"),
    "identity_weight": ("0", "1"),
    "adversarial_weight": ("0", "1"),
    "perceptual": ("0", "1"),
    "pixel_steps": ("0", "5"),
    "jitter": ("0", "1.5"),
    "pool": ("1", "9"),
}
TRANSLATE = {
    "workdir": FOLDERS,
    "images": PATHS,
    "targets": PATHS,
    "resolution": ("8", "16"),
    "out": PATHS,
}
SAMPLE = {"workdir": FOLDERS, "count": ("1", "9"), "label": ("0", "9", "10"), "out": PATHS}
INTERPOLATE = {**SAMPLE, "anchors": ("2", "3"), "frames": ("1", "2")}
TRUNCATION = {**SAMPLE, "levels": ("0.5", "1")}
SPACE = ("latents", "styles")
DIRECTIONS = {
    **SAMPLE,
    "samples": ("1", "2"),
    "columns": ("3", "4", "9"),
    "span": ("2", "3.5"),
    "space": SPACE,
    "layers": ("0", "1"),
}
INVERT = {
    **SAMPLE,
    "image": PATHS,
    "index": ("0", "7", "360"),
    "starts": ("1", "2"),
    "samples": ("8", "9"),
    "steps": ("1", "2"),
    "space": SPACE,
}
MIX = {**SAMPLE, "rows": ("1", "2"), "columns": ("1", "2"), "coarse": ("1", "2")}
EVALUATE = {
    "workdir": FOLDERS,
    "metrics": ("recall", "all", "frechet_distance", "overfitting_gap"),
    "count": ("200", "300"),
    "extractor": ("pixels", "inception", "classifier"),
    "inception_weights": PATHS,
    "resize": ("tf1-bilinear", "clean-bicubic"),
    "truncation": ("0.5", "1"),
    "seeds": ("1", "2"),
    "out": PATHS,
    "pictures": PATHS,
}
FILES = {
    **EVALUATE,
    "train": PATHS,
    "count": ("2", "4", "5", "6"),
    "metrics": ("recall", "all", "ms_ssim"),
}
IMAGES = ("images.npy", "images.npy", "images.npy", *PATHS)
AUGMENTATION = {
    "workdir": FOLDERS,
    "dataset": ("digits",),
    "per_class": ("8", "10", "200"),
    "steps": ("5",),
}
GAME = {
    "workdir": FOLDERS,
    "target": ("grid", "ring", "moons", *PATHS),
    "recipe": ("relativistic", "pacgan", "wasserstein-gp", "wasserstein-clip"),
    "loss": ("hinge", "least-squares", "matching_aware"),
    "penalties": ("r1_penalty", "dragan_penalty"),
    "spectral": ("True", "False"),
    "steps": ("100", "500", "1000"),
    "seeds": ("1", "2"),
    "score": ("modes", "distance"),
    "search": ("grid", "random", "halving"),
    "json": PATHS,
    "out": PATHS,
    "recipes": ("relativistic", "minimax"),
    "frames": ("1", "10"),
}
SWEPT = {
    **GAME,
    **dict.fromkeys(
        ("learning_rate", "gamma", "beta1", "width", "signs", "pack", "batch_size"), AXES
    ),
}
PROGRAMS = {
    "mnist train": (mnist.main, command_lines(mnist.Config, MNIST)),
    "mnist sample": (mnist.main, command_lines(commands.Sample, SAMPLE, command=("sample", "--workdir", "run"))),
    "mnist evaluate": (mnist.main, command_lines(commands.Evaluate, EVALUATE, command=("evaluate", "--workdir", "labelled"))),
    "mnist interpolate": (
        mnist.main,
        command_lines(commands.Interpolate, INTERPOLATE, command=("interpolate", "--workdir", "labelled")),
    ),
    "mnist truncation": (
        mnist.main,
        command_lines(commands.Truncation, TRUNCATION, command=("truncation", "--workdir", "run")),
    ),
    "mnist directions": (
        mnist.main,
        command_lines(commands.Directions, DIRECTIONS, command=("directions", "--workdir", "labelled")),
    ),
    "mnist invert": (mnist.main, command_lines(commands.Invert, INVERT, command=("invert", "--workdir", "run", "--index", "3"))),
    "mnist mix": (mnist.main, command_lines(commands.Mix, MIX, command=("mix", "--workdir", "run"))),
    **{
        page.PAGE.name: (page.main, command_lines(page.Config, TRANSLATIONS, commands=("translate",)))
        for page in (cyclegan, pix2pix, style_transfer, super_resolution)
    },
    "pix2pix translate": (
        pix2pix.main,
        command_lines(
            commands.Translate, TRANSLATE, command=("translate", "--workdir", "outlines", "--images", "picture.png")
        ),
    ),
    "evaluate": (evaluate.main, command_lines(evaluate.Options, FILES, positional=IMAGES)),
    "augmentation": (augmentation.main, command_lines(augmentation.Config, AUGMENTATION)),
    "mixtures train": (mixtures.main, command_lines(Config, GAME, commands=("lab", "sweep"))),
    "mixtures sweep": (mixtures.main, command_lines(Sweep, SWEPT, command=("sweep", "--gamma", "0.1,1"))),
    "mixtures lab": (mixtures.main, command_lines(Lab, GAME, command=("lab",))),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Make a folder of what can be there already: runs, files of points, pictures, damage."""
    folder = tmp_path_factory.mktemp("there")
    for name, experiment, config in (
        ("run", "mnist", SETTINGS),
        ("labelled", "mnist", {**SETTINGS, "conditional": True}),
        ("outlines", "pix2pix", TRANSLATION),
    ):
        (folder / name / "checkpoints").mkdir(parents=True)
        stored = {"experiment": experiment, "config": config}
        (folder / name / "config.json").write_text(json.dumps(stored))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "picture.png")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("nowhere")
    (folder / "file").write_text("x")
    (folder / "points.csv").write_text("x,y\n1,2\n3,4\n")
    (folder / "mixture.json").write_text('{"centres": [[0, 1]], "standard_deviation": 0.1}')
    (folder / "bad.json").write_text('{"centres": [[0, 1]], "standard_deviation": "a"}')
    np.save(folder / "points.npy", np.ones((3, 2)))
    np.save(folder / "images.npy", np.zeros((5, 8, 8, 1), np.uint8))
    np.save(folder / "pickle.npy", np.array([{}], object), allow_pickle=True)
    return folder


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("program", PROGRAMS)
@given(data=st.data())
def test_any_words_reach_the_work_or_get_one_line(program, files, data):
    main, lines = PROGRAMS[program]
    words = data.draw(lines, label="words")
    with sandbox():
        shutil.copytree(files, Path.cwd(), symlinks=True, dirs_exist_ok=True)
        call(main, words)
