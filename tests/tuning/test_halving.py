import itertools
import math

import numpy as np
import pytest

from gan_jax.errors import RunError
from gan_jax.tuning import Round, best_first, halving_cost, halving_rounds, successive_halving

NAN = math.nan


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        (8, dict(budget=80), [(8, 10), (4, 20), (2, 40), (1, 80)]),
        # Hyperband's bracket of 81 settings with R = 81 and a factor of 3.
        (81, dict(budget=81, factor=3), [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]),
        (8, dict(budget=80, least=20), [(8, 20), (4, 40), (2, 80)]),
        (8, dict(budget=80, least=21), [(8, 40), (4, 80)]),
        (8, dict(budget=80, least=80), [(8, 80)]),
        (11, dict(budget=5, factor=2), [(11, 1), (5, 2), (2, 5)]),
        (1, dict(budget=3), [(1, 3)]),
    ],
)
def test_schedules_by_hand(settings, options, expected):
    assert [tuple(one) for one in halving_rounds(settings, **options)] == expected


@pytest.mark.parametrize("settings", [1, 2, 3, 7, 64, 100])
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("least", [None, 5])
def test_every_schedule_halves(settings, factor, least):
    rounds = halving_rounds(settings, budget=97, factor=factor, least=least)
    assert rounds[0].settings == settings
    assert rounds[0].budget >= (least or 1)
    assert rounds[-1].budget == 97
    for before, after in itertools.pairwise(rounds):
        assert after.settings == before.settings // factor
        assert after.budget >= factor * before.budget
    assert halving_cost(rounds) <= settings * 97


@pytest.mark.parametrize(
    ("settings", "options", "says"),
    [
        (0, dict(budget=1), "settings is 0, it must be at least 1"),
        (2, dict(budget=0), "budget is 0, it must be at least 1"),
        (2, dict(budget=4, least=5), "budget is 4, it must be at least 5"),
        (2, dict(budget=4, least=0), "least is 0, it must be at least 1"),
        (2, dict(budget=4, factor=1), "factor is 1, it must be at least 2"),
    ],
)
def test_schedules_refuse(settings, options, says):
    with pytest.raises(ValueError, match=f"halving_rounds: {says}"):
        halving_rounds(settings, **options)


def test_costs_add_up():
    # 8*10 + 4*10 + 2*20 + 1*40
    assert halving_cost(halving_rounds(8, budget=80)) == 200
    trained = np.zeros(100, int)

    def advance(kept, budget):
        trained[kept] = budget
        return np.cos(kept)

    rounds = halving_rounds(100, budget=64, factor=3)
    found = successive_halving(advance, rounds)
    assert found.cost == trained.sum() == halving_cost(rounds)
    assert found.full_cost == 6400
    assert found.budgets.tolist() == trained.tolist()


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("factor", [2, 3])
def test_the_best_is_never_dropped_where_scores_agree(mode, factor):
    generator = np.random.default_rng(0)
    for settings in range(1, 40):
        quality = generator.normal(size=settings)
        rounds = halving_rounds(settings, budget=1000, factor=factor)
        found = successive_halving(lambda kept, _, q=quality: 3 * q[kept], rounds, mode=mode)
        assert found.best == (quality.argmax() if mode == "max" else quality.argmin())
        assert found.best in found.rounds[-1].kept


def test_a_search_by_hand():
    table = {2: [1.0, 5.0, NAN, 4.0], 4: [0.0, 1.0, 0.0, 2.0], 8: [9.0, 9.0, 9.0, 3.0]}
    calls = []

    def advance(kept, budget):
        calls.append((kept.tolist(), budget))
        return np.array(table[budget])[kept]

    found = successive_halving(advance, halving_rounds(4, budget=8))
    assert calls == [([0, 1, 2, 3], 2), ([1, 3], 4), ([3], 8)]
    assert found.best == 3
    assert found.budgets.tolist() == [2, 4, 2, 8]
    np.testing.assert_array_equal(found.scores, [1.0, 1.0, NAN, 3.0])
    assert [one.scores.tolist() for one in found.rounds[1:]] == [[1.0, 2.0], [3.0]]


@pytest.mark.parametrize(
    ("scores", "mode", "order"),
    [
        ([1, 3, 2], "max", [1, 2, 0]),
        ([1, 3, 2], "min", [0, 2, 1]),
        ([2, 2, 2], "max", [0, 1, 2]),
        ([2, 2, 2], "min", [0, 1, 2]),
        ([NAN, -math.inf, 0], "max", [2, 1, 0]),
        ([-NAN, math.inf, 0], "min", [2, 1, 0]),
        ([NAN, 1, NAN], "max", [1, 0, 2]),
        ([], "max", []),
    ],
)
def test_the_order_of_scores(scores, mode, order):
    assert best_first(scores, mode=mode).tolist() == order


def test_long_ties_keep_their_order():
    assert best_first(np.arange(200) // 100).tolist() == [*range(100, 200), *range(100)]


def test_indices_rise_whatever_the_scores():
    found = successive_halving(lambda kept, _: kept, halving_rounds(8, budget=8))
    assert [one.kept.tolist() for one in found.rounds] == [
        list(range(8)),
        [4, 5, 6, 7],
        [6, 7],
        [7],
    ]


def test_ties_go_to_the_first():
    found = successive_halving(lambda kept, _: np.zeros(len(kept)), halving_rounds(8, budget=8))
    assert [one.kept.tolist() for one in found.rounds] == [
        list(range(8)),
        [0, 1, 2, 3],
        [0, 1],
        [0],
    ]


def test_not_a_number_loses_even_to_minus_infinity():
    scores = np.array([NAN, NAN, -math.inf, NAN])
    found = successive_halving(lambda kept, _: scores[kept], halving_rounds(4, budget=4))
    assert found.best == 2


def test_the_record_is_not_the_callers_arrays():
    scores = np.zeros(4)

    def advance(kept, budget):
        out = scores[: len(kept)]
        out += budget
        kept[:] = -1
        return out

    found = successive_halving(advance, halving_rounds(4, budget=4))
    assert found.rounds[0].kept.tolist() == [0, 1, 2, 3]
    assert found.rounds[0].scores.tolist() == [1, 1, 1, 1]


def test_mistakes_in_a_line():
    rounds = halving_rounds(4, budget=4)
    with pytest.raises(RunError, match="every score is NaN after a budget of 1"):
        successive_halving(lambda kept, _: np.full(len(kept), NAN), rounds)
    with pytest.raises(ValueError, match=r"scores of shape \[4, 2\] for 4 settings"):
        successive_halving(lambda kept, _: np.zeros((len(kept), 2)), rounds)
    with pytest.raises(ValueError, match="mode is 'best': it must be 'max' or 'min'"):
        successive_halving(lambda kept, _: kept, rounds, mode="best")
    with pytest.raises(ValueError, match=r"scores are \[1, 1\]: they must be \[N\]"):
        best_first([[1.0]])


@pytest.mark.parametrize(
    "rounds", [[], [(4, 1), (4, 2)], [(4, 2), (2, 2)], [(4, 0)], [(4, 1), (0, 2)]], ids=str
)
def test_what_is_no_schedule_is_refused(rounds):
    with pytest.raises(ValueError, match="settings must fall to at least 1 and budgets rise"):
        successive_halving(lambda kept, _: kept, [Round(*one) for one in rounds])
