"""A player's network, opened for one pass of one step."""

from __future__ import annotations

from typing import Any

from gan_jax.train.state import TrainState
from gan_jax.typing import SPECTRAL_STATS, Array, PyTree

__all__ = ["Network"]


class Network:
    """Apply a player's network like a function, and keep what the passes change.

    Each call continues from the collections (`batch_stats`, ...) the call before left, so that a
    discriminator shown reals and then fakes counts both; read them from `model_state` afterwards.
    Only `spectral_stats`, which depend on the parameters alone, start every call where the step
    began: all passes of a step see the same normalised weights, and the power iteration moves on
    once per step. The player itself is never changed: a step that wants the new collections stores
    them.

    Attributes:
      model_state: the mutable collections after the calls so far.
    """

    def __init__(
        self,
        player: TrainState,
        params: PyTree | None = None,
        *,
        train: bool = True,
        axis_name: str | None = None,
    ):
        """Open a player's network.

        Args:
          player: whose network it is.
          params: parameters to use, e.g. those being differentiated; the player's own if None.
          train: batch statistics (True) or running statistics (False) in normalisation layers.
          axis_name: the mapped axis over which layers that look across a batch do so.
        """
        self.model_state = player.model_state
        self._once = {k: v for k, v in player.model_state.items() if k == SPECTRAL_STATS}
        self._apply = player.apply_fn
        self._params = player.params if params is None else params
        self._mode: dict[str, Any] = {"train": train}
        if axis_name is not None:
            self._mode["axis_name"] = axis_name

    def __call__(self, *inputs: Any) -> Any:
        """Apply the network, moving `model_state` on."""
        output, self.model_state = self._run(*inputs)
        return output

    def frozen(self, *inputs: Any) -> Array:
        """Apply the network and leave `model_state` as it is: safe inside `jax.grad`."""
        return self._run(*inputs)[0]

    def _run(self, *inputs: Any) -> tuple[Any, PyTree]:
        variables = {"params": self._params, **self.model_state, **self._once}
        mutable = list(self.model_state) if self._mode["train"] else []
        output, changed = self._apply(variables, *inputs, mutable=mutable, **self._mode)
        return output, {**self.model_state, **changed}
