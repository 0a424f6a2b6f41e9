"""What lies where in the space a generator draws from: directions, inversion, mixing.

Everything is a pure function of vectors and of what makes images of them. Vectors are latents
`[B, D]`, or the styles that a mapping network makes of them, `[B, L, D]` with one for each of L
layers; which they are, and how images are made of them, is a `Space`.
"""

from gan_jax.exploration.directions import (
    Directions,
    closed_form_directions,
    first_weights,
    moved,
)
from gan_jax.exploration.distances import mean_square_distance, multiscale_distance, norm_penalty
from gan_jax.exploration.inversion import Search, inversion, invert
from gan_jax.exploration.space import Space, mix, tied

__all__ = [
    "Directions",
    "Search",
    "Space",
    "closed_form_directions",
    "first_weights",
    "inversion",
    "invert",
    "mean_square_distance",
    "mix",
    "moved",
    "multiscale_distance",
    "norm_penalty",
    "tied",
]
