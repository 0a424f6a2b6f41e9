"""Successive halving: give all settings a little, the better ones more, the best one everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from gan_jax.errors import RunError
from gan_jax.tuning.ranking import best_first

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Halving",
    "Outcome",
    "Round",
    "halving_cost",
    "halving_rounds",
    "successive_halving",
]


class Round(NamedTuple):
    """A round of the schedule.

    Attributes:
      settings: how many take part.
      budget: what each of them has had by its end, earlier rounds included.
    """

    settings: int
    budget: int


class Outcome(NamedTuple):
    """What a round came to.

    Attributes:
      kept: who took part, rising indices [K].
      budget: what each of them had had by its end.
      scores: of each of them, [K].
    """

    kept: np.ndarray
    budget: int
    scores: np.ndarray


class Halving(NamedTuple):
    """What a search came to.

    Attributes:
      rounds: the outcomes, in order.
      best: the index of the setting with the best score of the last round.
      budgets: what each setting had, [N].
      scores: the last score of each setting, [N]; only those of one budget compare.
      cost: the sum of `budgets`.
      full_cost: what it costs to give every setting the last round's budget.
    """

    rounds: tuple[Outcome, ...]
    best: int
    budgets: np.ndarray
    scores: np.ndarray
    cost: int
    full_cost: int


def halving_rounds(
    settings: int, *, budget: int, factor: int = 2, least: int | None = None
) -> tuple[Round, ...]:
    """Plan rounds, each with a share `1 / factor` of the settings, and `factor` times the budget.

    `settings_k = settings // factor^k`, `budget_k = budget // factor^(last - k)`

    This is the inner loop of Hyperband: no round costs more than the first, and the settings of the
    last round are trained to the end. There are as many rounds as settings and `least` allow; where
    `least` stops it, more than one setting is trained to the end.

    Args:
      settings: how many there are.
      budget: what training one to the end takes, in any unit: steps, epochs, windows of steps.
      factor: how many settings one of them is kept of.
      least: the smallest budget that a score says something after; 1 if None.

    Returns:
      The rounds, settings falling and budgets rising.

    Raises:
      ValueError: a number is out of range.

    Example:
      >>> [tuple(r) for r in halving_rounds(8, budget=80)]
      [(8, 10), (4, 20), (2, 40), (1, 80)]
      >>> [tuple(r) for r in halving_rounds(8, budget=80, least=20)]
      [(8, 20), (4, 40), (2, 80)]

    Reference:
      Jamieson & Talwalkar, 2016, Non-stochastic Best Arm Identification and Hyperparameter
      Optimization, https://arxiv.org/abs/1502.07943; Li et al., 2018, Hyperband,
      https://arxiv.org/abs/1603.06560.
    """
    first = 1 if least is None else least
    for name, value, lowest in (
        ("settings", settings, 1), ("factor", factor, 2), ("least", first, 1),
        ("budget", budget, max(first, 1)),
    ):  # fmt: skip
        if value < lowest:
            raise ValueError(f"halving_rounds: {name} is {value}, it must be at least {lowest}")
    last = 0
    while factor ** (last + 1) <= settings and budget // factor ** (last + 1) >= first:
        last += 1
    return tuple(
        Round(settings // factor**k, budget // factor ** (last - k)) for k in range(last + 1)
    )


def halving_cost(rounds: Sequence[Round]) -> int:
    """Add up what a schedule costs, where settings are continued from round to round.

    `sum_k settings_k (budget_k - budget_{k-1})`

    Args:
      rounds: the schedule.

    Returns:
      The cost, in units of budget.

    Example:
      >>> halving_cost([Round(4, 10), Round(2, 20), Round(1, 40)])  # 4*10 + 2*10 + 1*20
      80
    """
    cost, reached = 0, 0
    for settings, budget in rounds:
        cost += settings * (budget - reached)
        reached = budget
    return cost


def successive_halving(
    advance: Callable[[np.ndarray, int], np.ndarray],
    rounds: Sequence[Round],
    *,
    mode: Literal["max", "min"] = "max",
) -> Halving:
    """Train all settings a little, and go on with the better ones only.

    A score that is NaN loses to every number; of equal scores the first setting's wins.

    Args:
      advance: `(kept, budget) -> scores`: continues the settings `kept` (rising indices [K]) from
        where they are until each has had `budget` in all, and returns a score for each, [K]. The
        first call has all settings.
      rounds: the schedule, by `halving_rounds` or one's own.
      mode: `"max"` if larger scores are better, `"min"` if smaller are.

    Returns:
      Which setting is best, and all that was found on the way.

    Raises:
      ValueError: settings of the rounds do not fall or budgets do not rise, `mode` is another, or
        `advance` returns scores of another shape.
      RunError: no score of a round is a number.

    Example:
      >>> rounds = halving_rounds(4, budget=8)
      >>> found = successive_halving(lambda kept, budget: kept * budget, rounds)
      >>> found.best, found.cost, found.full_cost
      (3, 16, 32)
      >>> [outcome.kept.tolist() for outcome in found.rounds]
      [[0, 1, 2, 3], [2, 3], [3]]

    Reference:
      Jamieson & Talwalkar, 2016, Non-stochastic Best Arm Identification and Hyperparameter
      Optimization, https://arxiv.org/abs/1502.07943.
    """
    import numpy as np

    _check(rounds)
    best_first([], mode=mode)
    settings = rounds[0].settings
    budgets, last_scores = np.zeros(settings, np.int64), np.full(settings, np.nan)
    outcomes: list[Outcome] = []
    order = np.arange(settings)
    for taking_part, budget in rounds:
        kept = np.sort(order[:taking_part])
        scores = np.array(advance(kept.copy(), budget), np.float64)
        if scores.shape != kept.shape:
            shapes = f"{list(scores.shape)} for {len(kept)} settings"
            raise ValueError(f"successive_halving: advance returned scores of shape {shapes}")
        if np.isnan(scores).all():
            raise RunError(f"every score is NaN after a budget of {budget}: no setting is best")
        budgets[kept], last_scores[kept] = budget, scores
        outcomes.append(Outcome(kept, budget, scores))
        order = kept[best_first(scores, mode=mode)]
    full = settings * rounds[-1].budget
    best = int(order[0])
    return Halving(tuple(outcomes), best, budgets, last_scores, halving_cost(rounds), full)


def _check(rounds: Sequence[Round]) -> None:
    """Raise unless it is a schedule."""
    falls = all(a.settings > b.settings for a, b in pairwise(rounds))
    rises = all(a.budget < b.budget for a, b in pairwise(rounds))
    if not (rounds and falls and rises and rounds[-1].settings >= 1 and rounds[0].budget >= 1):
        shown = [tuple(r) for r in rounds]
        raise ValueError(
            f"successive_halving: rounds are {shown}, settings must fall to at least 1 and "
            "budgets rise from at least 1"
        )
