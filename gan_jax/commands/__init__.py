"""What can be done with a run's folder: train, sample, evaluate, export, and explore."""

from gan_jax.commands.directing import Directions, directions
from gan_jax.commands.drawing import Interpolate, Sample, interpolate, sample
from gan_jax.commands.evaluating import (
    BestMetric,
    Evaluate,
    MetricName,
    PairedName,
    evaluate,
)
from gan_jax.commands.exploring import Mix, Truncation, mix, truncation
from gan_jax.commands.exporting import Export, export
from gan_jax.commands.inverting import Invert, invert
from gan_jax.commands.restoring import load_run
from gan_jax.commands.table import commands_of, translating_commands
from gan_jax.commands.training import RunOptions, train
from gan_jax.commands.translating import Translate, translate

__all__ = [
    "BestMetric",
    "Directions",
    "Evaluate",
    "Export",
    "Interpolate",
    "Invert",
    "MetricName",
    "Mix",
    "PairedName",
    "RunOptions",
    "Sample",
    "Translate",
    "Truncation",
    "commands_of",
    "directions",
    "evaluate",
    "export",
    "interpolate",
    "invert",
    "load_run",
    "mix",
    "sample",
    "train",
    "translate",
    "translating_commands",
    "truncation",
]
