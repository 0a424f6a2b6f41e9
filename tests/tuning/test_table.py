import math

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from gan_jax.errors import RunError, UsageError
from gan_jax.tuning import check_table_path, read_table, write_table

ENDINGS = [".csv", ".parquet"]
EVERYTHING = [
    {"seed": 0, "rate": 0.1, "name": "ring, of 8", "done": True, "modes": np.int64(8)},
    {"seed": 2**40, "rate": np.float32(0.1), "name": 'say "ü"\r\n', "done": False, "late": 1.0},
    {"seed": -1, "rate": math.inf, "name": None, "done": None, "modes": np.nan, "late": 1e-300},
]
READ = [
    {"seed": 0, "rate": 0.1, "name": "ring, of 8", "done": True, "modes": 8, "late": math.nan},
    {
        "seed": 2**40, "rate": 0.10000000149011612, "name": 'say "ü"\r\n', "done": False,
        "modes": math.nan, "late": 1.0,
    },
    {
        "seed": -1, "rate": math.inf, "name": None, "done": None, "modes": math.nan, "late": 1e-300,
    },
]  # fmt: skip


def typed(rows):
    """Spell rows so that 1, 1.0 and True differ, and NaN is NaN."""
    return [[(name, type(value), repr(value)) for name, value in row.items()] for row in rows]


@pytest.mark.parametrize("ending", ENDINGS)
def test_tables_come_back(tmp_path, ending):
    path = tmp_path / "deep" / f"runs{ending}"
    write_table(EVERYTHING, path)
    assert typed(read_table(path)) == typed(READ)
    write_table(read_table(path), path)
    assert typed(read_table(path)) == typed(READ)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_numbers_come_back_to_the_last_bit(tmp_path, ending):
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    path = tmp_path / f"x{ending}"
    write_table([{"x": value, "whole": float(i)} for i, value in enumerate(values)], path)
    rows = read_table(path)
    assert [row["x"] for row in rows] == values.tolist()
    assert {type(row["whole"]) for row in rows} == {float}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"], ids=repr)
def test_text_and_names_may_have_lines(tmp_path, ending, end):
    path = tmp_path / f"x{ending}"
    rows = [{f"a{end}b": f"c{end}d", "e": 1}, {f"a{end}b": end, "e": math.nan}]
    write_table(rows, path)
    assert repr(read_table(path)) == repr(rows)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_whole_number_among_numbers_becomes_one(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    write_table([{"x": 1}, {"x": 0.5}, {}], path)
    assert typed(read_table(path)) == typed([{"x": 1.0}, {"x": 0.5}, {"x": math.nan}])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_column_of_nothing_is_nan(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    write_table([{"x": None}, {"x": math.nan}], path)
    assert typed(read_table(path)) == typed([{"x": math.nan}] * 2)


def test_the_file_as_others_read_it(tmp_path):
    write_table([{"b": 1, "a": 0.5}, {"c": "x", "b": 2, "a": math.nan}], tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == b"b,a,c\n1,0.5,\n2,,x\n"
    write_table([{"b": 1, "a": 0.5}, {"c": "x", "a": math.nan}], tmp_path / "x.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert [str(column.type) for column in table.columns] == ["int64", "double", "string"]
    assert [column.null_count for column in table.columns] == [1, 1, 1]


def test_text_like_numbers_is_text_in_parquet_only(tmp_path):
    for ending in ENDINGS:
        write_table([{"x": "7"}], tmp_path / f"x{ending}")
    assert read_table(tmp_path / "x.parquet") == [{"x": "7"}]
    assert read_table(tmp_path / "x.csv") == [{"x": 7}]


def test_a_table_from_elsewhere(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b,c\r\n1,.5,1_0\r\n+2,1e3,x\r\n")
    rows = [{"a": 1, "b": 0.5, "c": "1_0"}, {"a": 2, "b": 1000.0, "c": "x"}]
    assert typed(read_table(path)) == typed(rows)


@pytest.mark.parametrize("name", ["x.txt", "x", "csv", "x.csv.gz"])
def test_other_endings_are_refused(tmp_path, name):
    path = tmp_path / name
    for call in (check_table_path, read_table, lambda path: write_table([{"a": 1}], path)):
        with pytest.raises(UsageError, match=r"it must end in \.csv or \.parquet"):
            call(path)
    assert not path.exists()
    assert check_table_path("x.csv") is check_table_path("deep/x.parquet") is None


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "must have rows"),
        ([{}], "and columns with names"),
        ([{"": 1}], "columns with names"),
        ([{1: 1}], "columns with names"),
        ([{"a": 1}, {"a": "x"}], "column 'a' has int and str"),
        ([{"a": True}, {"a": 1}], "column 'a' has bool and int"),
        ([{"a": [1]}], "column 'a' has list"),
        ([{"a": np.zeros(2)}], "column 'a' has ndarray"),
        ([{"a": np.zeros(1)}], "column 'a' has ndarray"),
        ([{"a": 2**63}], "column 'a' has whole numbers that do not fit"),
        ([{"a": 10**400}, {"a": 0.5}], "column 'a' has whole numbers that do not fit"),
    ],
)
def test_what_is_no_table_is_not_written(tmp_path, ending, rows, says):
    path = tmp_path / f"x{ending}"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match=says):
        write_table(rows, path)
    assert path.read_bytes() == b"old"


GARBAGE = {
    "empty": (b"", "last line has no end"),
    "torn": (b"a,b\n1,2\n3,0.0", "last line has no end"),
    "short": (b"a,b\n1,2\n3\n", "line 3 has 1 cells for 2 columns"),
    "blank": (b"a,b\n1,2\n\n", "line 3 has 0 cells"),
    "header": (b"a,b\n", "no rows"),
    "twice": (b"a,a\n1,2\n", "name every column"),
    "nameless": (b"a,\n1,2\n", "name every column"),
    "binary": (b"\xff\xfe\x00\n\n", "codec can't decode"),
    "quote": (b'a,b\n1,"2\n', "unexpected end of data"),
    "large": (b"a\n99999999999999999999\n", "do not fit into 64 bits"),
}


@pytest.mark.parametrize(("content", "says"), GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_in_a_line(tmp_path, content, says):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(RunError, match=says) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path} does not hold a whole table: ")
    assert "\n" not in str(caught.value)


def test_torn_parquet_is_refused_in_a_line(tmp_path):
    path = tmp_path / "x.parquet"
    write_table(EVERYTHING, path)
    whole = path.read_bytes()
    for content in (b"", b"a,b\n1,2\n", whole[:-5], whole[: len(whole) // 2], whole[40:]):
        path.write_bytes(content)
        with pytest.raises(RunError, match="does not hold a whole table: ") as caught:
            read_table(path)
        assert "\n" not in str(caught.value)


def test_flipped_parquet_raises_nothing_else(tmp_path):
    path = tmp_path / "x.parquet"
    write_table([{"a": 1, "b": 0.5}], path)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            read_table(path)
        except RunError:
            refused += 1
    assert refused > len(whole) / 3


def test_parquet_of_other_things_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [[1], [2]]}), path)
    with pytest.raises(RunError, match="column 'a' has list"):
        read_table(path)
    pyarrow.parquet.write_table(pyarrow.table({"a": pyarrow.array([], "int64")}), path)
    with pytest.raises(RunError, match="no rows"):
        read_table(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_missing_file_is_an_oserror(tmp_path, ending):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / f"x{ending}")
