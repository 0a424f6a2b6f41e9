"""What a person looks at: sample grids, curves, animations, and one page per run."""

from gan_jax.report.animation import make_gif, save_gif, step_of
from gan_jax.report.curves import draw_curves
from gan_jax.report.grids import display_scale, image_grid, save_png
from gan_jax.report.interpolation import interpolation_path, lerp, slerp
from gan_jax.report.page import Score, write_report

__all__ = [
    "Score",
    "display_scale",
    "draw_curves",
    "image_grid",
    "interpolation_path",
    "lerp",
    "make_gif",
    "save_gif",
    "save_png",
    "slerp",
    "step_of",
    "write_report",
]
