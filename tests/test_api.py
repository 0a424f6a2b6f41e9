"""The conventions of the public functions, made executable."""

import importlib
import inspect
import pkgutil
import re

import pytest

import gan_jax

PACKAGES = sorted(
    name for _, name, _ in pkgutil.walk_packages(gan_jax.__path__, "gan_jax.")
)  # fmt: skip


def public():
    """Yield each public function or class of the package once, with a name."""
    for module_name in PACKAGES:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            here = getattr(value, "__module__", None) == module_name
            if here and (inspect.isfunction(value) or inspect.isclass(value)):
                yield pytest.param(value, id=f"{module_name}.{name}")


def order(name):
    """Put constants first, then classes, then the rest, each by the alphabet, numbers by size."""
    parts = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, parts)


PUBLIC = list(public())


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_there_and_sorted(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert list(module.__all__) == sorted(set(module.__all__), key=order)
    assert all(hasattr(module, item) for item in module.__all__)


@pytest.mark.parametrize("value", PUBLIC)
def test_docstrings_say_what_goes_in_and_what_comes_out(value):
    doc = inspect.getdoc(value)
    assert doc
    assert doc.splitlines()[0].endswith((".", ":"))
    if not inspect.isfunction(value):
        return
    parameters = [
        p for p in inspect.signature(value).parameters.values() if p.kind != p.VAR_KEYWORD
    ]
    if parameters:
        assert "Args:" in doc
        documented = doc.split("Args:")[1]
        assert all(parameter.name in documented for parameter in parameters)
    # As written: some annotations are imported for type checkers only.
    if inspect.signature(value).return_annotation not in (None, "None"):
        assert "Returns:" in doc or "Yields:" in doc


@pytest.mark.parametrize("value", PUBLIC)
def test_keys_are_called_key(value):
    if inspect.isfunction(value):
        names = set(inspect.signature(value).parameters)
        assert not names & {"rng", "rngs", "prng", "seed_key"}


@pytest.mark.parametrize("value", PUBLIC)
def test_functions_cite_their_paper(value):
    module = value.__module__
    cites = module.startswith(("gan_jax.augment", "gan_jax.losses", "gan_jax.penalties"))
    general = module.endswith((".wrappers", ".common", ".resample"))
    if cites and not general and inspect.isfunction(value):
        assert "https://arxiv.org/abs/" in inspect.getdoc(value)


def test_submodules_load_on_first_use():
    assert gan_jax.losses.hinge.generator
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gan_jax.nothing
