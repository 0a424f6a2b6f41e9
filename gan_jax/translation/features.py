"""What a classifier of the data set sees in images, as a term of a generator's loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from gan_jax.errors import UsageError

if TYPE_CHECKING:
    from gan_jax.data import Dataset
    from gan_jax.typing import Array

__all__ = ["classifier_features"]


def classifier_features(
    load: Callable[[str], Dataset],
) -> Callable[[], Callable[[Array], dict[str, Array]]]:
    """Make the function that returns a classifier's maps and features of images.

    It is another classifier than the one that judges translations: it is trained on half of the
    training images, the first time that it is asked for, and kept in the user's cache folder.

    Args:
      load: loads a split, whose images and labels it is of.

    Returns:
      A function that returns `images -> {"first": maps, "second": maps, "features": [B, D]}`, of
      images in [-1, 1].

    Raises:
      UsageError: by that function: the images have no classes.
    """

    @cache
    def make() -> Callable[[Array], dict[str, Array]]:
        import jax

        from gan_jax import metrics

        train, test = load("train"), load("test")
        if train.num_classes < 2:
            raise UsageError(
                f"{train.name} has no classes, and a classifier's features were asked for"
            )
        with jax.ensure_compile_time_eval():  # a step that is being traced asks for it
            classifier = metrics.cached_classifier(
                f"{train.name}-half-cnn",
                train.images[::2],
                train.labels[::2],
                test.images,
                test.labels,
                train.num_classes,
            )

        def features(images: Array) -> dict[str, Array]:
            first, second, last = metrics.classifier_maps(classifier, (images + 1) * 127.5)
            return {"first": first, "second": second, "features": last}

        return features

    return make
