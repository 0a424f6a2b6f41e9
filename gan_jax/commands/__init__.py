"""What can be done with a run's folder: sample, evaluate, interpolate."""

from gan_jax.commands.drawing import Interpolate, Sample, interpolate, sample
from gan_jax.commands.evaluating import BestMetric, Evaluate, MetricName, evaluate
from gan_jax.commands.restoring import load_run

__all__ = [
    "BestMetric",
    "Evaluate",
    "Interpolate",
    "MetricName",
    "Sample",
    "evaluate",
    "interpolate",
    "load_run",
    "sample",
]
