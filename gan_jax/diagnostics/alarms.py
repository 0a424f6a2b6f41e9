"""Named alarms over the measures of a run, and the fold that says when they start and stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from statistics import median
from typing import Any

__all__ = ["ALARMS", "Alarm", "Episode", "Watch", "observe", "swing", "watch_rows"]


def swing(values: Sequence[float]) -> float:
    """Return how far values go up and down, leaving out the highest and the lowest one.

    Args:
      values: three at least.

    Returns:
      The second highest less the second lowest.

    Example:
      >>> swing([0.0, 9.0, 1.0, 0.5])
      0.5
    """
    second, *_ = ordered = sorted(values)[1:-1]
    return ordered[-1] - second


@dataclass(frozen=True)
class Alarm:
    """What is wrong with a run when a measure stays beyond a threshold.

    Attributes:
      name: what to call it, in a word or two.
      what: what it means, in a clause.
      remedy: what usually helps, in a clause.
      measure: which number of a row tells it.
      fires: it starts when the statistic of the last values gets here.
      clears: it is over when the statistic gets back here: above `fires` where low is bad, below
        where high is.
      patience: how many values the statistic is of.
      grace: how many values there must be before it can start: a young game is one-sided.
      statistic: what is made of them; the median or `swing`, so that one odd value starts nothing.
    """

    name: str
    what: str
    remedy: str
    measure: str
    fires: float
    clears: float
    patience: int = 5
    grace: int = 10
    statistic: Callable[[Sequence[float]], float] = median

    def __post_init__(self) -> None:
        """Check what the thresholds and the patience mean."""
        if not (math.isfinite(self.fires) and math.isfinite(self.clears)):
            raise ValueError(
                f"alarm {self.name!r} fires at {self.fires} and clears at {self.clears}: "
                "both must be finite"
            )
        if self.fires == self.clears:
            raise ValueError(
                f"alarm {self.name!r} fires and clears at {self.fires}: one must be above the other"
            )
        if self.patience < 3:
            raise ValueError(f"alarm {self.name!r} has patience {self.patience}: at least 3")
        if self.grace < self.patience:
            raise ValueError(
                f"alarm {self.name!r} has grace {self.grace}: "
                f"at least its patience, {self.patience}"
            )

    def __str__(self) -> str:
        """Say what is wrong and what helps, in a line."""
        return f"{self.name}: {self.what}; {self.remedy}"

    @property
    def key(self) -> str:
        """Its name in a row of metrics, `alarm_...`."""
        return "alarm_" + self.name.replace(" ", "_")

    def is_on(self, values: Sequence[float], *, was_on: bool) -> bool:
        """Tell whether it is on after the last values.

        Args:
          values: as many as `patience`.
          was_on: whether it was on before.

        Returns:
          Whether it is on.
        """
        found = self.statistic(values)
        sign = 1 if self.clears < self.fires else -1
        return sign * found > sign * self.clears if was_on else sign * found >= sign * self.fires


ALARMS = (
    Alarm(
        "vanishing gradient",
        "the generator's loss lets next to nothing of the discriminator's slope through",
        "take a loss that does not saturate (non_saturating, relativistic, hinge), or hold the "
        "discriminator back (r1_penalty, a lower rate, fewer updates)",
        measure="generator_signal",
        fires=0.2,
        clears=0.3,
    ),
    Alarm(
        "discriminator wins",
        "reals and fakes no longer overlap in the discriminator's eyes",
        "hold it back: a gradient penalty (r1_penalty, gradient_penalty), spectral normalisation, "
        "instance noise, a lower rate, fewer updates",
        measure="separation",
        fires=0.95,
        clears=0.92,
    ),
    Alarm(
        "mode collapse",
        "fakes get to half of the places where reals are, or fewer",
        "smooth the discriminator (r1_penalty and r2_penalty, gradient_penalty), let it compare "
        "examples (packed_step, MinibatchDiscrimination), take a relativistic loss, or give the "
        "generator more latents and width",
        measure="reach",
        fires=0.5,
        clears=0.6,
    ),
    Alarm(
        "cycling",
        "the players chase each other: the discriminator is right and wrong in turns",
        "lower the rates and the optimizers' momentum (b1 of 0), add a penalty centred at 0 "
        "(r1_penalty), average the generator (ema_step), or look ahead (extragradient)",
        measure="separation",
        fires=0.6,
        clears=0.4,
        patience=10,
        statistic=swing,
    ),
    Alarm(
        "overfitting discriminator",
        "held-out reals are to the discriminator what fakes are: it knows its reals by heart",
        "augment what it sees (diff_augment, adaptive augmentation), get more data, penalise it "
        "(r1_penalty, lecam_penalty), or make it smaller",
        measure="overfitting",
        fires=1.0,
        clears=0.8,
    ),
    Alarm(
        "saturated outputs",
        "the generator's outputs sit at the ends of their range, where no gradient gets through",
        "lower the generator's rate, and see that the data is in the generator's range",
        measure="saturation",
        fires=0.25,
        clears=0.15,
    ),
)


@dataclass(frozen=True)
class Episode:
    """A time during which an alarm was on.

    Attributes:
      alarm: which.
      first: the step of the row it started with.
      last: the step of the row it was over with, None while it is on.
    """

    alarm: Alarm
    first: int
    last: int | None = None


@dataclass(frozen=True)
class Watch:
    """What has been seen of a run so far.

    Attributes:
      alarms: what is watched for.
      recent: the last values of each measure, the latest last.
      episodes: when alarms were on, in the order in which they started.
      started: the alarms that started with the last row.
      active: the alarms that are on.
    """

    alarms: tuple[Alarm, ...] = ALARMS
    recent: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    episodes: tuple[Episode, ...] = ()
    started: tuple[Alarm, ...] = ()
    active: tuple[Alarm, ...] = ()

    @property
    def flags(self) -> dict[str, float]:
        """Each alarm whose measure was seen, by its `key`: 1 while it is on, else 0."""
        on = {alarm.name for alarm in self.active}
        seen = (alarm for alarm in self.alarms if alarm.measure in self.recent)
        return {alarm.key: float(alarm.name in on) for alarm in seen}


def observe(watch: Watch, row: Mapping[str, Any]) -> Watch:
    """Take note of a row of metrics.

    Args:
      watch: what was seen before.
      row: `"step"` and numbers by name, as from `gan_jax.writers.read_jsonl`. Measures that are
        missing, no numbers or not finite leave their alarms as they are.

    Returns:
      What has been seen now. It depends on the rows alone, so that the rows of a run that stopped,
      observed again, lead to where it was.
    """
    recent = dict(watch.recent)
    for name in {alarm.measure: None for alarm in watch.alarms}:
        longest = max(alarm.grace for alarm in watch.alarms if alarm.measure == name)
        value = row.get(name)
        if isinstance(value, Real) and math.isfinite(value):
            value = float(value)
            recent[name] = (*recent.get(name, ()), value)[-longest:]
    was_on = {alarm.name for alarm in watch.active}
    changed = []
    for alarm in watch.alarms:
        values = recent.get(alarm.measure, ())
        known = len(values) >= alarm.grace
        is_on = known and alarm.is_on(values[-alarm.patience :], was_on=alarm.name in was_on)
        if is_on != (alarm.name in was_on):
            changed.append(alarm)
    if not changed:
        return replace(watch, recent=recent, started=())
    step = int(row.get("step", 0))
    started = tuple(alarm for alarm in changed if alarm.name not in was_on)
    episodes = list(watch.episodes)
    for alarm in changed:
        if alarm.name in was_on:
            # The latest of an alarm that is on, looked for from the end: there may be thousands.
            latest = next(
                i for i in range(-1, -1 - len(episodes), -1) if episodes[i].alarm == alarm
            )
            episodes[latest] = replace(episodes[latest], last=step)
    episodes += [Episode(alarm, step) for alarm in started]
    active = (*(alarm for alarm in watch.active if alarm not in changed), *started)
    return Watch(watch.alarms, recent, tuple(episodes), started, active)


def watch_rows(rows: Iterable[Mapping[str, Any]], *, alarms: tuple[Alarm, ...] = ALARMS) -> Watch:
    """Observe all rows of a run.

    Args:
      rows: in the order of their steps.
      alarms: what to watch for.

    Returns:
      What has been seen at the end.
    """
    watch = Watch(alarms)
    for row in rows:
        watch = observe(watch, row)
    return watch
