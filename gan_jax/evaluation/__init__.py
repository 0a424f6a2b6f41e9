"""Judge a run's generator on the data set it was trained on, and keep what was measured."""

from gan_jax.evaluation.judging import classifier_evaluation
from gan_jax.evaluation.pictures import draw_pictures
from gan_jax.evaluation.pixelwise import CYCLE, SHARPNESS, Baseline, Held
from gan_jax.evaluation.record import (
    Evaluation,
    add_evaluation,
    figure_table,
    read_evaluation,
    write_evaluation,
)
from gan_jax.evaluation.request import (
    EXTRACTORS,
    PAIRED,
    Benchmark,
    Request,
    best_mode,
    choose_extractor,
)
from gan_jax.evaluation.sampling import draw_samples, make_critic
from gan_jax.evaluation.stacked import stacked_benchmark
from gan_jax.evaluation.translating import (
    Translate,
    bytes_to_bytes,
    translate_images,
    translation_evaluation,
)

__all__ = [
    "CYCLE",
    "EXTRACTORS",
    "PAIRED",
    "SHARPNESS",
    "Baseline",
    "Benchmark",
    "Evaluation",
    "Held",
    "Request",
    "Translate",
    "add_evaluation",
    "best_mode",
    "bytes_to_bytes",
    "choose_extractor",
    "classifier_evaluation",
    "draw_pictures",
    "draw_samples",
    "figure_table",
    "make_critic",
    "read_evaluation",
    "stacked_benchmark",
    "translate_images",
    "translation_evaluation",
    "write_evaluation",
]
