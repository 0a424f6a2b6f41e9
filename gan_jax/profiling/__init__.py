"""Where the time of a training step goes, and how far it is from what the device can do."""

from gan_jax.profiling.costs import Cost, cost, peak_bandwidth, peak_flops
from gan_jax.profiling.hlo import KINDS
from gan_jax.profiling.step import Profile, profile_step, report
from gan_jax.profiling.tracing import Breakdown, Spent, break_down, trace

__all__ = [
    "KINDS",
    "Breakdown",
    "Cost",
    "Profile",
    "Spent",
    "break_down",
    "cost",
    "peak_bandwidth",
    "peak_flops",
    "profile_step",
    "report",
    "trace",
]
