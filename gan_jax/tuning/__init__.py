"""Hyper-parameter tuning where hundreds of runs are one program: spaces, searches and tidy tables.

A search is columns, one array for each hyper-parameter, as a population of runs takes them. NumPy
is loaded on first use, so that a command line checks its axes before anything heavy is imported.
"""

from gan_jax.tuning.halving import (
    Halving,
    Outcome,
    Round,
    halving_cost,
    halving_rounds,
    successive_halving,
)
from gan_jax.tuning.kept import KeptResults
from gan_jax.tuning.ranking import best_first
from gan_jax.tuning.search import as_rows, cross_seeds, grid_search, random_search
from gan_jax.tuning.space import Axis, Choice, Range, parse_axis
from gan_jax.tuning.summary import best_rows, markdown_table, summarize
from gan_jax.tuning.table import check_table_path, read_table, write_table

__all__ = [
    "Axis",
    "Choice",
    "Halving",
    "KeptResults",
    "Outcome",
    "Range",
    "Round",
    "as_rows",
    "best_first",
    "best_rows",
    "check_table_path",
    "cross_seeds",
    "grid_search",
    "halving_cost",
    "halving_rounds",
    "markdown_table",
    "parse_axis",
    "random_search",
    "read_table",
    "successive_halving",
    "summarize",
    "write_table",
]
