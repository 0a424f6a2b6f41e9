import dataclasses
import json
import math
import re

import pytest

from gan_jax import augment, layers, losses, penalties, train
from gan_jax.diagnostics import ALARMS, Alarm, Watch, observe, swing, watch_rows

LOW = Alarm("low one", "it is low", "raise it", measure="x", fires=0.2, clears=0.4, grace=5)
HIGH = Alarm(
    "high one", "it is high", "lower it", measure="y", fires=5.0, clears=3.0, patience=3, grace=3
)
SWINGS = Alarm(
    "swings",
    "it swings",
    "hold it",
    measure="x",
    fires=1.0,
    clears=0.5,
    patience=6,
    grace=6,
    statistic=swing,
)


def rows(name, values, *, every=10):
    return [{"step": every * (i + 1), name: value} for i, value in enumerate(values)]


def episodes(alarm, values):
    watch = watch_rows(rows(alarm.measure, values), alarms=(alarm,))
    return [(each.first, each.last) for each in watch.episodes]


@pytest.mark.parametrize(
    ("alarm", "values", "expected"),
    [
        (LOW, [1.0] * 5 + [0.1] * 5, [(80, None)]),  # three of five
        (LOW, [0.1] * 5, [(50, None)]),  # not before there are five
        (LOW, [0.1] * 4, []),
        (LOW, [1.0] * 5 + [-100.0] + [1.0] * 5, []),  # one odd value
        (LOW, [1.0] * 5 + [-9.0, -9.0] + [1.0] * 5, []),
        (LOW, [0.1] * 5 + [0.3] * 9, [(50, None)]),  # not back yet
        (LOW, [0.1] * 5 + [0.4] * 3, [(50, 80)]),
        (LOW, [0.1] * 5 + [0.4] * 3 + [0.1] * 3, [(50, 80), (110, None)]),
        (LOW, [0.2] * 5, [(50, None)]),
        (HIGH, [0.0, 9.0, 0.0, 9.0, 9.0], [(40, None)]),
        (HIGH, [0.0, 9.0, 0.0, 0.0, 9.0, 0.0], []),
        (HIGH, [6.0, 6.0, 6.0, 4.0, 4.0, 4.0, 3.0, 3.0], [(30, 80)]),
        (SWINGS, [0.0, 1.0] * 3, [(60, None)]),
        (SWINGS, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], []),
        (SWINGS, [0.5, 0.6] * 6, []),
    ],
)
def test_when_an_alarm_is_on(alarm, values, expected):
    assert episodes(alarm, values) == expected


def test_a_young_game_has_its_grace():
    patient = dataclasses.replace(LOW, grace=8)
    assert episodes(patient, [0.1] * 5 + [1.0] * 9) == []
    assert episodes(patient, [0.1] * 9) == [(80, None)]
    assert episodes(patient, [1.0] * 3 + [0.1] * 4 + [1.0, 0.1, 0.1]) == [(80, None)]


def test_what_is_missing_or_not_finite_changes_nothing():
    values = [{"step": 1}, {"step": 2, "x": math.nan}, {"step": 3, "x": math.inf}]
    watch = watch_rows(values, alarms=(LOW,))
    assert (watch.recent, watch.episodes, watch.flags) == ({}, (), {})
    watch = watch_rows([*rows("x", [0.1] * 5), {"step": 60}], alarms=(LOW,))
    assert [alarm.name for alarm in watch.active] == ["low one"]
    assert watch.started == ()


def test_it_starts_once_and_the_flags_say_so():
    watch, started, flags = Watch((LOW, HIGH)), [], []
    for row in rows("x", [0.1] * 8 + [1.0] * 3):
        watch = observe(watch, row)
        started += [(row["step"], alarm.name) for alarm in watch.started]
        flags.append(watch.flags)
    assert started == [(50, "low one")]
    assert flags[3] == {"alarm_low_one": 0.0}
    assert flags[4] == flags[9] == {"alarm_low_one": 1.0}
    assert flags[10] == {"alarm_low_one": 0.0}


def test_observing_is_pure_and_continues_from_the_rows_alone():
    alarms = (LOW, SWINGS)
    written = rows("x", [0.1, 0.9, -0.3, 0.1, 0.1, 0.1, 2.0, 0.1, 0.2, 1.0, 1.0, 1.0, 0.9, 0.1])
    before = watch_rows(written[:7], alarms=alarms)
    kept = dataclasses.replace(before)
    after = watch_rows(written, alarms=alarms)
    again = watch_rows(json.loads(json.dumps(written[:7])), alarms=alarms)
    for row in written[7:]:
        before, again = observe(before, row), observe(again, row)
    assert before == again == after
    assert kept == watch_rows(written[:7], alarms=alarms)
    assert after.episodes


def test_two_alarms_of_one_measure_have_their_own_patience():
    watch = watch_rows(rows("x", [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), alarms=(LOW, SWINGS))
    assert [each.alarm.name for each in watch.episodes] == ["low one", "swings"]
    assert len(watch.recent["x"]) == 6


def test_the_alarms_have_names_of_their_own_and_say_what_helps():
    assert len({alarm.name for alarm in ALARMS}) == len(ALARMS) == 6
    for alarm in ALARMS:
        assert str(alarm) == f"{alarm.name}: {alarm.what}; {alarm.remedy}"
        assert alarm.key == "alarm_" + alarm.name.replace(" ", "_")


def test_the_remedies_are_there_to_be_taken():
    rooms = (augment, layers, losses, penalties, train)
    words = {word for a in ALARMS for word in re.findall(r"\w+_\w+|[A-Z]\w+[A-Z]\w+", a.remedy)}
    assert len(words) > 5
    assert [w for w in words if not any(hasattr(room, w) for room in rooms)] == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clears": 0.2}, "alarm 'low one' fires and clears at 0.2"),
        ({"patience": 2}, "alarm 'low one' has patience 2: at least 3"),
        ({"grace": 4}, "alarm 'low one' has grace 4: at least its patience, 5"),
    ],
)
def test_thresholds_without_a_meaning_are_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(LOW, **changes)
