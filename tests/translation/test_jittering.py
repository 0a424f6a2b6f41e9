"""What is jittered alike, and what apart."""

import jax
import jax.numpy as jnp
import pytest

from gan_jax import translation
from gan_jax.errors import UsageError

IMAGE = jnp.arange(64.0).reshape(8, 8, 1)


def test_images_of_both_domains_are_jittered_apart(key):
    example = {"real": {"a": IMAGE, "b": IMAGE}, "label": jnp.int32(3)}
    jitter = translation.jitter_apart(1.5)
    seen = [jitter(each, example) for each in jax.random.split(key, 20)]
    assert all(int(one["label"]) == 3 for one in seen)
    differing = [bool((one["real"]["a"] != one["real"]["b"]).any()) for one in seen]
    assert sum(differing) > 10


def test_pairs_are_jittered_alike(key):
    example = {"real": IMAGE, "source": IMAGE, "label": jnp.int32(3)}
    jitter = translation.jitter_pairs(1.5)
    seen = [jitter(each, example) for each in jax.random.split(key, 10)]
    assert all((one["real"] == one["source"]).all() for one in seen)
    assert any((one["real"] != IMAGE).any() for one in seen)
    assert all(int(one["label"]) == 3 for one in seen)


@pytest.mark.parametrize("enlarge", [None, 0, 1, 286 / 256, 4])
def test_what_is_a_jitter(enlarge):
    translation.check_jitter(enlarge)


@pytest.mark.parametrize("enlarge", [-1, 0.5, 4.1, float("nan"), float("inf")])
def test_what_is_none(enlarge):
    with pytest.raises(UsageError, match="--jitter is"):
        translation.check_jitter(enlarge)
