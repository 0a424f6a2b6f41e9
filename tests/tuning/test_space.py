import numpy as np
import pytest
from scipy import stats

from gan_jax.errors import UsageError
from gan_jax.tuning import Choice, Range, parse_axis


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("1e-4:1e-2:log", Range(1e-4, 1e-2, log=True)),
        ("0:1", Range(0, 1)),
        ("0:1:7", Range(0, 1, points=7)),
        ("1e-4:1e-2:log:5", Range(1e-4, 1e-2, log=True, points=5)),
        (" -1 : 1 : 3 ", Range(-1, 1, points=3)),
        ("0.01,0.1,1", Choice((0.01, 0.1, 1))),
        ("0.5", Choice((0.5,))),
        ("3, 1, 2", Choice((3, 1, 2))),
    ],
)
def test_axes_are_read_and_written(text, axis):
    assert parse_axis(text) == axis
    assert parse_axis(str(axis)) == axis


def test_whole_numbers_stay_whole():
    assert [type(value) for value in parse_axis("1,2,5").values] == [int, int, int]
    assert parse_axis("1,2,5").grid().dtype == np.int64
    assert parse_axis("1.0,2,5").grid().dtype == np.float64
    assert parse_axis("1:5").grid(3).dtype == np.float64
    assert parse_axis("1e3,5", integer=True) == Choice((1000, 5))
    whole = parse_axis("1:5", integer=True)
    assert whole == Range(1, 5, integer=True)
    assert whole.grid(5).tolist() == [1, 2, 3, 4, 5]
    assert whole.grid(5).dtype == whole.draw(np.random.default_rng(0), 2).dtype == np.int64


def test_grids_by_hand():
    assert Range(1e-4, 1e-2, log=True).grid(3).tolist() == [1e-4, 1e-3, 1e-2]
    assert Range(0, 1).grid(11).tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    assert Range(0, 1, points=2).grid(9).tolist() == [0, 1]
    assert Range(1, 100, log=True, integer=True).grid(3).tolist() == [1, 10, 100]
    # 1, 1.5, 2, 2.5, 3 in steps of a half: only three whole numbers are there.
    assert Range(1, 3, integer=True).grid(5).tolist() == [1, 2, 3]
    assert Choice((3, 1)).grid(9).tolist() == [3, 1]


def test_the_ends_of_a_grid_are_exact():
    low, high = 0.123456789012345, 1.123456789012345
    grid = Range(low, high, log=True).grid(4)
    assert (grid[0], grid[-1]) == (low, high)
    np.testing.assert_allclose(grid[1:] / grid[:-1], (high / low) ** (1 / 3), rtol=1e-11)


def uniform_share(values, low, high):
    return stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue


def test_draws_are_uniform_and_log_uniform():
    linear = Range(-2, 3).draw(np.random.default_rng(0), 4000)
    logarithmic = Range(1e-4, 1, log=True).draw(np.random.default_rng(0), 4000)
    assert uniform_share(linear, -2, 3) > 0.05
    assert uniform_share(np.log10(logarithmic), -4, 0) > 0.05
    assert uniform_share(logarithmic, 1e-4, 1) < 1e-6
    assert linear.min() >= -2
    assert linear.max() <= 3


def test_whole_numbers_and_choices_are_equally_likely():
    generator = np.random.default_rng(0)
    for axis in (Range(2, 6, integer=True), Choice((5, 2, 4, 3, 6))):
        drawn, counts = np.unique(axis.draw(generator, 5000), return_counts=True)
        assert drawn.tolist() == [2, 3, 4, 5, 6]
        assert stats.chisquare(counts).pvalue > 0.01


def test_whole_numbers_by_the_logarithm_share_its_length():
    # Number k is what lies between k - 1/2 and k + 1/2 on the logarithmic axis.
    drawn = Range(1, 4, log=True, integer=True).draw(np.random.default_rng(0), 5000)
    expected = np.diff(np.log([0.5, 1.5, 2.5, 3.5, 4.5])) / np.log(9)
    counts = np.bincount(drawn, minlength=5)[1:]
    assert stats.chisquare(counts, 5000 * expected).pvalue > 0.01


@pytest.mark.parametrize(
    "axis",
    [Range(0, 1), Range(1e-3, 1, log=True), Range(1, 9, integer=True), Choice((1.0, 2.0, 3.0))],
    ids=str,
)
def test_more_draws_extend_fewer(axis):
    few = axis.draw(np.random.default_rng(3), 5)
    many = axis.draw(np.random.default_rng(3), 50)
    assert many[:5].tolist() == few.tolist()
    assert len(set(many.tolist())) > 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1:0", "low is 1 and high is 0: low must be below high"),
        ("1:1", "low must be below high"),
        ("0:1:log", "low is 0: it must be above 0 where the range is log"),
        ("-1:1:log", "low is -1: it must be above 0"),
        ("nan:1", "nan is not finite"),
        ("0:inf", "inf is not finite"),
        ("1,2,1", "1 is there more than once"),
        ("1,1.0", "1 is there more than once"),
        ("", "'' is not a number; write values as 0.01,0.1,1 or a range as low:high"),
        ("1,,2", "'' is not a number"),
        ("fast", "'fast' is not a number"),
        ("0:1:lin", "'lin' is neither log nor a number of points"),
        ("1:2:log:x", "'x' is neither log nor a number of points"),
        ("1:2:log:1", "points is 1: it must be a whole number from 2 to 1000000"),
        ("1:2:3:4", "'3:4' does not follow a range"),
        ("1:2:log:3:4", "'log:3:4' does not follow a range"),
        (f"1,{2**63}", "must fit into 64 bits"),
    ],
)
def test_mistakes_in_a_line(text, says):
    with pytest.raises(UsageError) as caught:
        parse_axis(text)
    assert f"axis {text!r}: " in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["0.5", "1:2.5", "1,2.5"])
def test_fractions_of_a_whole_number_are_refused(text):
    with pytest.raises(UsageError, match=r"\.5 is not a whole number"):
        parse_axis(text, integer=True)


def test_axes_made_in_code_are_checked_too():
    with pytest.raises(ValueError, match="at least one value"):
        Choice(())
    with pytest.raises(ValueError, match="'a' is not a number"):
        Choice(("a",))
    with pytest.raises(ValueError, match="True is not a number"):
        Range(0, True)
    with pytest.raises(ValueError, match=r"range 0:1 says no number of points .* write 0:1:5"):
        Range(0, 1).grid()
    assert Choice([np.float64(0.5), np.int32(2)]) == Choice((0.5, 2))
