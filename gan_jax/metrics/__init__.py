"""How good generated images are: pure functions of features, and what makes features of images.

A figure goes nowhere without what it was measured on, nor without the same figure of real images.
Nothing needs a download: a classifier trained on the data set itself makes features, or Inception
does where its weights can be had.
"""

from gan_jax.metrics.classes import (
    class_histogram,
    class_kl,
    class_kl_bias,
    classes_covered,
    classification_accuracy,
    label_agreement,
)
from gan_jax.metrics.classifier import Classifier, classifier_maps, classify
from gan_jax.metrics.classifier_cache import cached_classifier
from gan_jax.metrics.classifier_training import train_classifier
from gan_jax.metrics.discriminator import OverfittingGap, overfitting_gap
from gan_jax.metrics.entries import METRICS, STANDARD, Metric, unmet
from gan_jax.metrics.evaluation import choose_metrics, evaluate
from gan_jax.metrics.extractors import (
    Extracted,
    Extractor,
    classifier_extractor,
    pixel_extractor,
)
from gan_jax.metrics.figures import (
    Conditions,
    Figure,
    as_json,
    as_scalars,
    compare,
    from_json,
)
from gan_jax.metrics.frechet import frechet_distance, frechet_feature_distance
from gan_jax.metrics.inception import InceptionWeights, inception_extractor
from gan_jax.metrics.inception_weights import (
    WeightsUnavailable,
    inception_weights,
    save_inception_weights,
)
from gan_jax.metrics.kernel import KernelDistance, kernel_distance, squared_mmd
from gan_jax.metrics.manifold import (
    DensityCoverage,
    Overlap,
    PrecisionRecall,
    density_coverage,
    manifold_overlap,
    precision_recall,
)
from gan_jax.metrics.modes import MixtureCoverage, StackedModes, mixture_coverage, stacked_modes
from gan_jax.metrics.neighbours import Neighbours, nearest_distances, nearest_neighbours
from gan_jax.metrics.pairs import l1_distance, psnr, sharpness, ssim
from gan_jax.metrics.paths import PathLength, path_length
from gan_jax.metrics.resize import Resize, clean_bicubic, tf1_bilinear
from gan_jax.metrics.samples import Samples
from gan_jax.metrics.scores import InceptionScore, inception_score
from gan_jax.metrics.sliced import laplacian_sliced_wasserstein, sliced_wasserstein_distance
from gan_jax.metrics.stacked import STACKED_METRICS, stacked_extractor
from gan_jax.metrics.streaming import (
    RunningMoments,
    finish_moments,
    merge_moments,
    moments,
    no_moments,
    update_moments,
)
from gan_jax.metrics.structural import ms_ssim, pairwise_ms_ssim

__all__ = [
    "METRICS",
    "STACKED_METRICS",
    "STANDARD",
    "Classifier",
    "Conditions",
    "DensityCoverage",
    "Extracted",
    "Extractor",
    "Figure",
    "InceptionScore",
    "InceptionWeights",
    "KernelDistance",
    "Metric",
    "MixtureCoverage",
    "Neighbours",
    "OverfittingGap",
    "Overlap",
    "PathLength",
    "PrecisionRecall",
    "Resize",
    "RunningMoments",
    "Samples",
    "StackedModes",
    "WeightsUnavailable",
    "as_json",
    "as_scalars",
    "cached_classifier",
    "choose_metrics",
    "class_histogram",
    "class_kl",
    "class_kl_bias",
    "classes_covered",
    "classification_accuracy",
    "classifier_extractor",
    "classifier_maps",
    "classify",
    "clean_bicubic",
    "compare",
    "density_coverage",
    "evaluate",
    "finish_moments",
    "frechet_distance",
    "frechet_feature_distance",
    "from_json",
    "inception_extractor",
    "inception_score",
    "inception_weights",
    "kernel_distance",
    "l1_distance",
    "label_agreement",
    "laplacian_sliced_wasserstein",
    "manifold_overlap",
    "merge_moments",
    "mixture_coverage",
    "moments",
    "ms_ssim",
    "nearest_distances",
    "nearest_neighbours",
    "no_moments",
    "overfitting_gap",
    "pairwise_ms_ssim",
    "path_length",
    "pixel_extractor",
    "precision_recall",
    "psnr",
    "save_inception_weights",
    "sharpness",
    "sliced_wasserstein_distance",
    "squared_mmd",
    "ssim",
    "stacked_extractor",
    "stacked_modes",
    "tf1_bilinear",
    "train_classifier",
    "unmet",
    "update_moments",
]
