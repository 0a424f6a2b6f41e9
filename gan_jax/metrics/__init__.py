"""How good generated images are, judged by a classifier trained on the data set itself.

There is nothing to download, and no figure without the same figure of real images beside it.
"""

from gan_jax.metrics.classes import class_histogram, class_kl, classes_covered, label_agreement
from gan_jax.metrics.classifier import Classifier, classify
from gan_jax.metrics.classifier_cache import cached_classifier
from gan_jax.metrics.classifier_training import train_classifier
from gan_jax.metrics.evaluation import Figure, as_scalars, evaluate
from gan_jax.metrics.frechet import frechet_distance, frechet_feature_distance, moments
from gan_jax.metrics.neighbours import nearest_distances

__all__ = [
    "Classifier",
    "Figure",
    "as_scalars",
    "cached_classifier",
    "class_histogram",
    "class_kl",
    "classes_covered",
    "classify",
    "evaluate",
    "frechet_distance",
    "frechet_feature_distance",
    "label_agreement",
    "moments",
    "nearest_distances",
    "train_classifier",
]
