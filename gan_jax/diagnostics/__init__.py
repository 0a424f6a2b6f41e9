"""How a training run goes: measures, a probe that takes them, and alarms with their remedies."""

from gan_jax.diagnostics.alarms import ALARMS, Alarm, Episode, Watch, observe, swing, watch_rows
from gan_jax.diagnostics.jacobian import (
    game_eigenvalues,
    game_jacobian,
    game_jacobian_spectral_radius,
)
from gan_jax.diagnostics.measures import (
    diversity,
    gradient_cosine,
    gradient_ratio,
    overfitting,
    reach,
    saturation,
    separation,
)
from gan_jax.diagnostics.probe import Probe, make_probe
from gan_jax.diagnostics.recording import Gradients, Recorded, keep_gradients, successive_gradients

__all__ = [
    "ALARMS",
    "Alarm",
    "Episode",
    "Gradients",
    "Probe",
    "Recorded",
    "Watch",
    "diversity",
    "game_eigenvalues",
    "game_jacobian",
    "game_jacobian_spectral_radius",
    "gradient_cosine",
    "gradient_ratio",
    "keep_gradients",
    "make_probe",
    "observe",
    "overfitting",
    "reach",
    "saturation",
    "separation",
    "successive_gradients",
    "swing",
    "watch_rows",
]
