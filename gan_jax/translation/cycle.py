"""The game of two translators that undo each other, on images without pairs.

Networks are `models.cyclegan.Translators` and `Critics`, and images of both domains are
`{"a": sources, "b": reals}`. Losses and terms are weighed as in the paper, but for one factor that
Adam cancels: the mean over both critics' patches is half of the sum of their means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gan_jax.translation.game import Translation, decayed, per_example, untranslated
from gan_jax.translation.jittering import jitter_apart

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.losses import AdversarialLoss
    from gan_jax.train import TrainState
    from gan_jax.typing import Array, Batch, Step

__all__ = ["both_domains", "both_ways", "cycle_game", "cycle_steps", "one_way"]

Images = Mapping[str, Any]
Term = Callable[..., Any]


def both_domains(batch: Batch) -> Batch:
    """Make both kinds of images of a batch the reals.

    Args:
      batch: `{"source": images, "real": images, ...}`.

    Returns:
      The same, with `{"a": sources, "b": reals}` as `"real"`.
    """
    return {**batch, "real": {"a": batch["source"], "b": batch["real"]}}


def both_ways(generator: Callable[..., Any], batch: Batch, keys: Array) -> Any:
    """Make fakes of both domains, each of the other's reals; a `Fake`.

    Args:
      generator: the translators as a callable.
      batch: of `both_domains`.
      keys: not looked at: there is no noise.

    Returns:
      `{"a": images, "b": images}`.
    """
    return generator(batch["real"])


def one_way(source: str, target: str) -> Callable[[TrainState, Array, Array], Array]:
    """Make the function that translates images after training.

    Args:
      source: the domain of the images, `"a"` or `"b"`.
      target: the other.

    Returns:
      `(generator, images, keys) -> images`.
    """
    from gan_jax import train

    sampler = train.make_sampler(lambda network, batch, keys: network(batch)[target])
    return lambda generator, images, keys: sampler(generator, {source: images}, keys)


def cycle_steps(
    loss: AdversarialLoss, *, cycle: float, identity: float, terms: Sequence[Term] = ()
) -> Sequence[Step]:
    """Make the two updates: the translators first, as in the paper's code, then the critics.

    The generator's loss is the mean of `loss` over the patches of both fakes, and

    - `cycle / 2` times the L1 distances `|F(G(x)) - x| + |G(F(y)) - y|`;
    - `identity / 2` times `|G(y) - y| + |F(x) - x|`, which 0 leaves out.

    The halves keep the paper's ratio to the sum of both critics' losses. Critics see fakes of a
    pool, which is to be in `state.moving`.

    Args:
      loss: what both minimise.
      cycle: the paper's lambda, 10.
      identity: its weight of the identity, 5 or 0.
      terms: further terms of the generator.

    Returns:
      Two steps.

    Reference:
      Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks,
      2017, https://arxiv.org/abs/1703.10593
    """
    from gan_jax import losses, train

    there_and_back = partial(losses.cycle_consistency_loss, weight=cycle / 2)
    left_alone = partial(losses.identity_loss, weight=identity / 2)

    def of_both(loss: Callable[..., Any], images: Images, made: Images) -> Any:
        return sum(per_example(loss, images[each], made[each]) for each in ("a", "b"))

    def cycle_loss(*, generator: Any, real: Images, fake: Images, **_: Any) -> Any:
        return of_both(there_and_back, real, generator(fake))

    def identity_loss(*, generator: Any, real: Images, **_: Any) -> Any:
        # Each is given as if it were of the other domain, and should stay what it is.
        same = generator({"a": real["b"], "b": real["a"]})
        return of_both(left_alone, real, same)

    kept = (identity_loss,) if identity else ()
    return (
        train.generator_step(loss, both_ways, terms=(cycle_loss, *kept, *terms)),
        train.pooled_step(lambda fake: train.discriminator_step(loss, fake), both_ways),
    )


def cycle_game(
    config: Any, generator: nn.Module, discriminator: nn.Module, *, terms: Sequence[Term] = ()
) -> Translation:
    """Make the game of settled settings.

    Args:
      config: with what `TranslationSettings` has, `cycle_weight`, `identity_weight`, `pool` and
        `jitter`.
      generator: the translators.
      discriminator: the critics.
      terms: further terms of the generator.

    Returns:
      The game.
    """
    import jax.numpy as jnp
    import optax

    from gan_jax import losses, train
    from gan_jax.experiment import Translator

    image = jnp.zeros((config.resolution, config.resolution, config.channels))
    of_both = {"a": image, "b": image}
    images = dict.fromkeys(of_both, image[None])
    steps = cycle_steps(
        losses.least_squares,
        cycle=config.cycle_weight,
        identity=config.identity_weight,
        terms=terms,
    )
    if config.jitter:
        steps = [train.changing(jitter_apart(config.jitter), train.chain(*steps))]
    adam = optax.adam(decayed(config.learning_rate, config.steps), b1=0.5)
    depths = (config.channels, config.channels)
    return Translation(
        generator,
        discriminator,
        inputs=((images,), (images,)),
        fake=both_ways,
        shown=train.alone,
        steps=steps,
        optimizers=(adam, adam),
        translator=Translator(one_way("a", "b"), one_way("b", "a"), depths),
        prepare=both_domains,
        moving={"pool": train.start_pool(config.pool, of_both)},
        baseline=untranslated(),
    )
