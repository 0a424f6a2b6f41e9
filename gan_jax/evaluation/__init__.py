"""Judge a run's generator on the data set it was trained on, and keep what was measured."""

from gan_jax.evaluation.judging import classifier_evaluation
from gan_jax.evaluation.pictures import draw_pictures
from gan_jax.evaluation.record import (
    Evaluation,
    add_evaluation,
    figure_table,
    read_evaluation,
    write_evaluation,
)
from gan_jax.evaluation.request import (
    EXTRACTORS,
    Benchmark,
    Request,
    best_mode,
    choose_extractor,
)
from gan_jax.evaluation.sampling import draw_samples, make_critic
from gan_jax.evaluation.stacked import stacked_benchmark

__all__ = [
    "EXTRACTORS",
    "Benchmark",
    "Evaluation",
    "Request",
    "add_evaluation",
    "best_mode",
    "choose_extractor",
    "classifier_evaluation",
    "draw_pictures",
    "draw_samples",
    "figure_table",
    "make_critic",
    "read_evaluation",
    "stacked_benchmark",
    "write_evaluation",
]
