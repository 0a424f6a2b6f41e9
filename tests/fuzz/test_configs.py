"""A run's folder whose config.json something happened to: one line, whatever is done with it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from experiments import augmentation, mixtures, mnist, pix2pix
from tests.fuzz.documents import broken
from tests.fuzz.programs import SETTINGS, TRANSLATION, call, sandbox

COMMANDS = {
    "train": (mnist.main, ["--dataset", "auto", "--steps", "100"]),
    "train again": (
        mnist.main, ["--dataset", "digits", "--steps", "100", "--features", "8", "--batch-size", "8"],
    ),
    "sample": (mnist.main, ["sample", "--count", "1"]),
    "evaluate": (mnist.main, ["evaluate"]),
    "evaluate the best": (mnist.main, ["evaluate", "--best"]),
    "interpolate": (mnist.main, ["interpolate", "--label", "1"]),
    "mixtures": (mixtures.main, ["--steps", "100"]),
    "sweep": (mixtures.main, ["sweep", "--gamma", "1,2"]),
    "augmentation": (augmentation.main, []),
}  # fmt: skip
RUN = {"experiment": "mnist", "config": SETTINGS, "command": "python -m x", "notes": ["a"]}


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("command", COMMANDS)
@given(content=broken(RUN) | broken({**RUN, "config": {**SETTINGS, "conditional": True}}))
def test_any_config_is_understood_or_refused_in_one_line(command, content):
    main, words = COMMANDS[command]
    with sandbox():
        Path("run").mkdir()
        Path("run", "config.json").write_bytes(content)
        call(main, [*words, "--workdir", "run"])


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("words", [["--steps", "100"], ["translate", "--images", "run/x.png"]])
@given(content=broken({**RUN, "experiment": "pix2pix", "config": TRANSLATION}))
def test_any_config_of_a_translation_is_understood_or_refused(words, content):
    with sandbox():
        Path("run").mkdir()
        Path("run", "config.json").write_bytes(content)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save("run/x.png")
        call(pix2pix.main, [*words, "--workdir", "run"])
