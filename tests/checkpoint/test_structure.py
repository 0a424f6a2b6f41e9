"""What a state is made of: a state that isn't the one saved is refused by its first leaf."""

import jax
import jax.numpy as jnp
import optax
import pytest

from gan_jax.checkpoint import restore_latest
from gan_jax.checkpoint.integrity import saved_steps
from gan_jax.errors import UsageError


def _with_params(game, **leaves):
    params = {**game.generator.params, **leaves}
    return game.replace(generator=game.generator.replace(params=params))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda game: game.replace(step=jnp.float32(0)),
            r"'step' is int32\[\] in the checkpoint, but float32\[\] in the state to restore",
        ),
        (
            lambda game: _with_params(game, half=jnp.zeros(2)),
            r"'generator/params/half' is bfloat16\[2\] .* but float32\[2\]",
        ),
        (
            lambda game: _with_params(game, Dense_0={"bias": jnp.zeros(4)}),
            r"'generator/params/Dense_0/kernel' is float32\[3, 4\] .* but absent",
        ),
        (
            lambda game: _with_params(game, Dense_1=jnp.zeros(4)),
            r"'generator/params/Dense_1' is absent .* but float32\[4\]",
        ),
        (
            lambda game: game.replace(key=jax.random.PRNGKey(0)),
            r"'key' is key<fry>\[\] .* but uint32\[2\]",
        ),
        (
            lambda game: game.replace(key=jax.random.key(0, impl="rbg")),
            r"'key' is key<fry>\[\] .* but key<rbg>\[\]",
        ),
        (
            lambda game: game.replace(generator=game.generator.replace(ema_params=None)),
            "'generator/ema_params' is not empty .* but empty",
        ),
        (
            lambda game: game.replace(discriminator=game.generator),
            "'discriminator/ema_params/Dense_0/bias' is absent",
        ),
        (
            lambda game: game.replace(
                generator=game.generator.replace(
                    opt_state=optax.sgd(0.1, momentum=0.9).init(game.generator.params)
                )
            ),
            "'generator/opt_state/0/trace/Dense_0/bias' is absent",
        ),
        (lambda game: game.replace(moving={}), "'moving' is not empty .* but empty"),
    ],
)
def test_another_state_is_refused(saved, make_game, change, message):
    with pytest.raises(UsageError, match=rf"checkpoint {saved}/2 doesn't fit: {message}"):
        restore_latest(saved, change(make_game(0)), report=pytest.fail)


def test_another_width_is_refused(saved, make_game):
    wide = jax.eval_shape(lambda: make_game(0, width=5))
    message = r"'generator/params/Dense_0/bias' is float32\[4\] .* but float32\[5\]"
    with pytest.raises(UsageError, match=message):
        restore_latest(saved, wide, report=pytest.fail)


def test_what_does_not_fit_moves_nothing(folder, make_game):
    (folder / "2" / "integrity.json").unlink()
    with pytest.raises(UsageError):
        restore_latest(folder, {"a": jnp.zeros(1)}, report=pytest.fail)
    assert saved_steps(folder) == [2, 1]
