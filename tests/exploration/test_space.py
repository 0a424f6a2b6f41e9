"""Vectors of layers: one for all of them, and mixed."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.exploration import Space, mix, tied


def test_every_pair_has_the_first_layers_of_one_and_the_rest_of_the_other():
    random = np.random.default_rng(0)
    coarse, fine = random.standard_normal((2, 4, 3)), random.standard_normal((5, 4, 3))
    mixed = mix(jnp.asarray(coarse), jnp.asarray(fine), 1)
    assert mixed.shape == (2, 5, 4, 3)
    for row in range(2):
        for column in range(5):
            np.testing.assert_allclose(mixed[row, column, :1], coarse[row, :1], rtol=1e-6)
            np.testing.assert_allclose(mixed[row, column, 1:], fine[column, 1:], rtol=1e-6)


@pytest.mark.parametrize("layers", [0, 4])
def test_with_all_layers_of_one_source_the_other_is_not_seen(layers):
    mixed = mix(jnp.zeros((2, 4, 3)), jnp.ones((3, 4, 3)), layers)
    np.testing.assert_array_equal(mixed, np.full((2, 3, 4, 3), layers == 0, np.float32))


@pytest.mark.parametrize(
    ("shapes", "layers", "message"),
    [
        ([(2, 3), (2, 3)], 1, r"styles must be \[M, L, D\]"),
        ([(2, 4, 3), (2, 5, 3)], 1, r"styles must be \[M, L, D\]"),
        ([(2, 4, 3), (2, 4, 3)], 5, "layers is 5: it must be from 0 to 4"),
    ],
)
def test_styles_that_can_not_be_mixed_are_refused(shapes, layers, message):
    with pytest.raises(ValueError, match=message):
        mix(*map(jnp.zeros, shapes), layers)


def test_a_tied_space_gives_all_layers_one_vector():
    whole = Space(
        draw=lambda generator, batch, keys: jnp.arange(12.0).reshape(2, 3, 2),
        render=lambda generator, batch, vectors: generator * vectors,
        gaussian=True,
    )
    one = tied(whole, 3)
    np.testing.assert_array_equal(one.draw(2.0, {}, None), [[0, 1], [6, 7]])
    images = one.render(2.0, {}, jnp.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(images, [[[2, 4]] * 3])
    assert one.gaussian
