"""The same examples every time; FUZZ_EXAMPLES=2000 draws that many of each kind."""

import importlib
import os

import pytest
from hypothesis import HealthCheck, settings

from gan_jax.data.digits import load_digits
from tests.fuzz.programs import Reached

settings.register_profile(
    "suite",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    # How long an example takes to draw says nothing of the code, and much of the machine.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

INSTEAD = (
    "gan_jax.loop.fit", "gan_jax.lab.play", "gan_jax.lab.sweep", "gan_jax.lab.halve", "gan_jax.lab.film",
    "gan_jax.metrics.evaluate", "experiments.augmentation.compare",
)  # fmt: skip


def reached(*arguments, **keywords):
    raise Reached


@pytest.fixture(scope="module")
def no_work():
    """Put the end where work would start; the digits stand for every data set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in INSTEAD:
            module, function = name.rsplit(".", 1)
            patch.setattr(importlib.import_module(module), function, reached)
        patch.setattr(
            "gan_jax.data.load", lambda name, *, split="train", **options: load_digits(split)
        )
        patch.setattr("gan_jax.data.load_auto", lambda: (load_digits("train"), "digits"))
        patch.setattr(
            "gan_jax.checkpoint.restore_part", lambda folder, wanted, *, step=None: (wanted, 100)
        )
        for name in ("sampler", "decoder"):
            patch.setattr(f"gan_jax.experiment.Experiment.{name}", property(lambda self: reached))
        patch.setattr("gan_jax.evaluation.classifier_evaluation", lambda *_, **__: reached)
        patch.setattr("gan_jax.evaluation.bytes_to_bytes", lambda translate: reached)
        patch.setattr("gan_jax.metrics.inception_weights", reached)
        yield
