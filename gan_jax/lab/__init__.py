"""A laboratory: games in the plane, played many times over, judged, and filmed for a browser."""

from gan_jax.lab.filming import MARGIN, film
from gan_jax.lab.game import Game, Run, advance, draw_fakes, finish, start
from gan_jax.lab.outcome import draw_page, figure_lines, write_figures
from gan_jax.lab.page import write_lab
from gan_jax.lab.planar import planar_game
from gan_jax.lab.playing import WINDOWS, Played, make_window, play
from gan_jax.lab.protocol import SAMPLES, judge, judge_all, perfect, reference_key
from gan_jax.lab.recording import Recording, latent_grid, make_camera, make_recording
from gan_jax.lab.tune import halve, sweep

__all__ = [
    "MARGIN",
    "SAMPLES",
    "WINDOWS",
    "Game",
    "Played",
    "Recording",
    "Run",
    "advance",
    "draw_fakes",
    "draw_page",
    "figure_lines",
    "film",
    "finish",
    "halve",
    "judge",
    "judge_all",
    "latent_grid",
    "make_camera",
    "make_recording",
    "make_window",
    "perfect",
    "planar_game",
    "play",
    "reference_key",
    "start",
    "sweep",
    "write_figures",
    "write_lab",
]
