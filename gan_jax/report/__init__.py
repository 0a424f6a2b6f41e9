"""What a person looks at: sample grids, curves, animations, and one page per run."""

from gan_jax.report.animation import make_gif, save_gif, step_of
from gan_jax.report.bars import draw_bars, draw_class_histogram
from gan_jax.report.beside import draw_beside
from gan_jax.report.classes import class_grid
from gan_jax.report.curves import draw_curves
from gan_jax.report.grids import display_scale, image_grid, save_png
from gan_jax.report.interpolation import interpolation_path, lerp, slerp
from gan_jax.report.nearest import draw_neighbours
from gan_jax.report.page import Finding, Score, write_report
from gan_jax.report.panels import draw_points
from gan_jax.report.quantiles import draw_quantiles
from gan_jax.report.scatter import PrincipalComponents, draw_scatter, principal_components
from gan_jax.report.sweeps import draw_heat_map, draw_swarm

__all__ = [
    "Finding",
    "PrincipalComponents",
    "Score",
    "class_grid",
    "display_scale",
    "draw_bars",
    "draw_beside",
    "draw_class_histogram",
    "draw_curves",
    "draw_heat_map",
    "draw_neighbours",
    "draw_points",
    "draw_quantiles",
    "draw_scatter",
    "draw_swarm",
    "image_grid",
    "interpolation_path",
    "lerp",
    "make_gif",
    "principal_components",
    "save_gif",
    "save_png",
    "slerp",
    "step_of",
    "write_report",
]
