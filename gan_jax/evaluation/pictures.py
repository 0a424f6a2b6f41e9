"""What figures say, to look at: classes, nearest training images, the two manifolds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan_jax import metrics, report

__all__ = ["draw_pictures"]

_POINTS = 2000
_QUERIES = 1000
_MOST_CLASSES = 100


def draw_pictures(
    folder: Path, fake: metrics.Samples, test: metrics.Samples, train: metrics.Samples
) -> list[Path]:
    """Draw samples beside real images, as PNGs in a folder.

    `manifolds.png` shows precision and recall, `nearest.png` the samples nearest to a training
    image and farthest from any; where the extractor knows the classes of the data, and there are no
    more than 100, `classes.png` how many there are of each, and `samples_by_class.png` a row of
    samples of each.

    Args:
      folder: where they go; made if missing.
      fake: generated images.
      test: held-out real images.
      train: the images that were trained on.

    Returns:
      The pictures' paths.

    Raises:
      OSError: a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "manifolds.png", folder / "nearest.png"]
    points, others = fake.features[:_POINTS], test.features[:_POINTS]
    overlap = metrics.manifold_overlap(others, points)
    report.draw_scatter(
        others,
        points,
        paths[0],
        real_inside=overlap.reals_inside,
        fake_inside=overlap.fakes_inside,
    )
    _draw_nearest(paths[1], fake.first(_QUERIES).images, test.first(_QUERIES).images, train.images)
    if getattr(fake.extractor, "test_accuracy", None) is None:
        return paths
    if len(test.histogram) > _MOST_CLASSES:
        return paths
    paths += [folder / "classes.png", folder / "samples_by_class.png"]
    names = [str(label) for label in range(len(test.histogram))]
    report.draw_class_histogram(test.histogram, fake.histogram, names, paths[2])
    scale = report.display_scale(fake.images.shape[1])
    grid = report.class_grid(fake.images, fake.classes, len(names), scale=scale, smooth=True)
    report.save_png(paths[3], grid)
    return paths


def _draw_nearest(path: Path, samples: np.ndarray, held_out: np.ndarray, train: np.ndarray) -> None:
    found = metrics.nearest_neighbours(samples, train)
    floor = float(np.median(metrics.nearest_distances(held_out, train)))
    neighbours = train[found.indices[:, 0]]
    report.draw_neighbours(samples, neighbours, found.distances[:, 0] / 255, path, floor=floor)
