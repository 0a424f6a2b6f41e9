"""What can be done with a run's folder: train, sample, evaluate, interpolate, export."""

from gan_jax.commands.drawing import Interpolate, Sample, interpolate, sample
from gan_jax.commands.evaluating import BestMetric, Evaluate, MetricName, evaluate
from gan_jax.commands.exporting import Export, export
from gan_jax.commands.restoring import load_run
from gan_jax.commands.training import RunOptions, train

__all__ = [
    "BestMetric",
    "Evaluate",
    "Export",
    "Interpolate",
    "MetricName",
    "RunOptions",
    "Sample",
    "evaluate",
    "export",
    "interpolate",
    "load_run",
    "sample",
    "train",
]
