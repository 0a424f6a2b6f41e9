"""The catalogue says what the code says."""

import re

import pytest

from docs import catalogue
from gan_jax import augment, layers, losses, penalties, train

PAGE = catalogue.catalogue()


def row(name):
    return next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))


def test_the_page_is_that_of_the_code():
    committed = catalogue.PATH.read_text(encoding="utf-8")
    assert committed == PAGE, "python -m docs.catalogue makes it anew"


@pytest.mark.parametrize("module", [losses, penalties, augment, layers, train])
def test_every_public_function_is_in_it(module):
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) and hasattr(value, "__doc__") and hasattr(value, "__module__"):
            is_alias = not isinstance(value, type) and not hasattr(value, "__code__")
            assert is_alias or row(name)


def test_every_loss_and_penalty_has_its_formula_and_its_paper():
    for module in (losses, penalties):
        for name in module.__all__:
            value = getattr(module, name)
            if hasattr(value, "__code__") and name not in ("every", "weighted"):
                cells = re.split(r"(?<!\\)\|", row(name))
                assert cells[3].strip().startswith("`"), name
                assert "https://arxiv.org/abs/" in cells[4], name


def test_every_pair_has_both_formulas():
    for name in losses.__all__:
        if isinstance(getattr(losses, name), losses.AdversarialLoss):
            cells = re.split(r"(?<!\\)\|", row(name))
            assert all(cell.strip().startswith("`") for cell in cells[2:4]), name


def test_a_row_by_hand():
    assert row("gradient_penalty").endswith(
        "`target=1.0`, `one_sided=False` | `critic`, `real`, `fake`, `keys` |"
    )
    assert "softplus(-r) + softplus(f)" in row("minimax")
