"""Make docs/catalogue.md: everything that a recipe is composed of, read off the code.

    python -m docs.catalogue

Names, formulas, papers, defaults and needs come from signatures and docstrings, so that the tables
cannot say what the code does not.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from gan_jax import augment, layers, losses, penalties, train

__all__ = ["PATH", "catalogue", "main"]

PATH = Path(__file__).with_suffix(".md")
ROOMS = (
    ("Losses", losses, "The halves of the pairs, what wraps a pair, and auxiliary losses."),
    ("Penalties", penalties, "Called by keyword with all that a step has."),
    ("Augmentations", augment, "Functions of one example, and what makes them."),
    ("Layers", layers, "Linen modules and functions without papers' names."),
    ("Training", train, "Steps, what composes them, wiring, priors, optimizers."),
)
HEAD = """# Catalogue

Everything that a recipe is composed of. Made from the code by `python -m docs.catalogue`; a test
keeps it true. `r` and `f` are logits of reals and fakes; higher is more real. Defaults are those of
the paper where it has one. What a function needs is what it takes and has no default for.
"""


def catalogue() -> str:
    """Write the page.

    Returns:
      Markdown.
    """
    parts = [HEAD, "## Adversarial pairs\n", *_pairs()]
    for title, module, what in ROOMS:
        parts += [f"\n## {title}\n", f"`gan_jax.{module.__name__.split('.')[-1]}`. {what}\n"]
        parts += [_row("name", "what it does", "formula", "paper", "defaults", "needs"), _rule(6)]
        parts += [_entry(name, value) for name, value in _public(module)]
    return "\n".join(parts) + "\n"


def _pairs() -> Iterator[str]:
    yield _row("pair", "discriminator minimises", "generator minimises", "paper")
    yield _rule(4)
    for name in losses.__all__:
        pair = getattr(losses, name)
        if isinstance(pair, losses.AdversarialLoss):
            first, second = (inspect.getdoc(_plain(half)) or "" for half in pair)
            yield _row(f"`{name}`", _formula(first), _formula(second), _paper(first))


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            yield name, value


def _entry(name: str, value: Any) -> str:
    doc = inspect.getdoc(value) or ""
    needs, defaults = _arguments(value)
    summary = doc.splitlines()[0].rstrip(".:")
    return _row(f"`{name}`", summary, _formula(doc), _paper(doc), defaults, needs)


def _arguments(value: Callable[..., Any]) -> tuple[str, str]:
    """Return what has to be given, and the numbers that are there if nothing is."""
    needs, defaults = [], []
    for parameter in inspect.signature(value).parameters.values():
        linen = inspect.isclass(value) and parameter.name in ("parent", "name")
        told = parameter.name == "mixes_examples"  # by the step, not by people
        if parameter.kind is parameter.VAR_KEYWORD or linen or told:
            continue
        default = parameter.default
        if default is parameter.empty:
            needs.append(f"`{parameter.name}`")
        elif isinstance(default, (bool, int, float)):
            defaults.append(f"`{parameter.name}={default}`")
    return ", ".join(needs), ", ".join(defaults)


def _formula(doc: str) -> str:
    """Return the first text in backticks of the paragraph after the summary, if it opens it."""
    paragraphs = re.split(r"\n\s*\n", doc)
    found = re.match(r"`([^`]+)`", paragraphs[1]) if len(paragraphs) > 1 else None
    return f"`{' '.join(found[1].split())}`" if found else ""


def _paper(doc: str) -> str:
    """Return links to the papers of the Reference section."""
    _, _, section = doc.partition("Reference:")
    text = " ".join(section.split())
    links = []
    for entry in re.finditer(r"(.*?)(https://arxiv\.org/abs/[\d.]+\d)", text):
        authors = re.match(r"[\s.,;]*((?:de )?[A-ZŞ][^,0-9]+)", entry[1])
        year = re.search(r"\b(?:19|20)\d\d\b", entry[1])
        label = " ".join(
            part for part in (authors and authors[1].strip(), year and year[0]) if part
        )
        links.append(f"[{label or entry[2].rsplit('/', 1)[1]}]({entry[2]})")
    return ", ".join(links)


def _plain(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rule(columns: int) -> str:
    return "|---" * columns + "|"


def main() -> None:
    """Write docs/catalogue.md."""
    PATH.write_text(catalogue(), encoding="utf-8")


if __name__ == "__main__":
    main()
