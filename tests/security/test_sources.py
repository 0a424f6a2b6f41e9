"""No file that is read can run code, and no command is put together of words: read off the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("gan_jax", "experiments", "benchmarks", "docs")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

# What can run code out of what it reads.
MODULES = {
    "cloudpickle", "code", "dill", "jax.experimental.serialize_executable", "joblib", "jsonpickle",
    "marshal", "pickle", "shelve", "yaml",
}  # fmt: skip
BUILTINS = {"__import__", "compile", "eval", "exec", "execfile"}
CALLS = {
    "asyncio.create_subprocess_shell", "commands.getoutput", "importlib.import_module",
    "numpy.DataSource", "numpy.fromregex", "os.popen", "os.system", "pandas.read_pickle",
    "pty.spawn", "subprocess.getoutput", "subprocess.getstatusoutput", "tempfile.mktemp",
    "torch.load", "zipfile.ZipFile.extractall",
}  # fmt: skip
METHODS = {"extractall"}  # of an archive, whose names may lead anywhere
# These take `allow_pickle`, which must be said to be off wherever they are called.
PICKLING = {"numpy.load", "numpy.lib.format.read_array", "numpy.lib.npyio.NpzFile"}

ALLOWED = {
    (
        "gan_jax/__init__.py",
        "importlib.import_module",
    ): "a part of the package is loaded when it is "
    "first asked for, and only one of those that the package lists",
    (
        "benchmarks/fidelity.py",
        "importlib.import_module",
    ): "torch and what is given in the source of "
    "torch_fidelity, so that types need not be installed",
    ("gan_jax/metrics/torch_checkpoint.py", "pickle"): "its unpickler knows no function of any "
    "module: PyTorch's files of weights are pickles, and are read as data",
}


def names_of(tree):
    """Return what the names of a module stand for, as dotted names."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return known


def dotted(node, known):
    """Return an expression as a dotted name, with what its first part stands for; "" if it is none."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (base := dotted(node.value, known)):
        return f"{base}.{node.attr}"
    return ""


def told(call, name):
    """Return the constant that a call gives a keyword, None if there is none."""
    given = [word.value for word in call.keywords if word.arg == name]
    return given[0].value if given and isinstance(given[0], ast.Constant) else None


def dangers(source):
    """Return what in a source can run code that it was not written with."""
    tree = ast.parse(source)
    known, found = names_of(tree), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            base = getattr(node, "module", None)
            names = [f"{base}.{a.name}" if base else a.name for a in node.names]
            parts = {".".join(name.split(".")[:n]) for name in names for n in range(1, 5)}
            found |= parts & MODULES
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func, known)
        if isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
            found.add(node.func.id)
        if name in CALLS or getattr(node.func, "attr", "") in METHODS:
            found.add(name or node.func.attr)
        if name in PICKLING and told(node, "allow_pickle") is not False:
            found.add(f"{name} without allow_pickle=False")
        if any(word.arg == "shell" for word in node.keywords) and told(node, "shell") is not False:
            found.add("shell=True")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_is_read_can_run(path):
    here = path.relative_to(ROOT).as_posix()
    allowed = {danger for file, danger in ALLOWED if file == here}
    assert dangers(path.read_text(encoding="utf-8")) == allowed


@pytest.mark.parametrize(
    ("source", "danger"),
    [
        ("import pickle", "pickle"),
        ("from pickle import loads as l", "pickle"),
        ("def f():\n  import dill as d", "dill"),
        ("from jax.experimental import serialize_executable", "jax.experimental.serialize_executable"),
        ("from joblib import load", "joblib"),
        ("import yaml", "yaml"),
        ("eval(text)", "eval"),
        ("exec(text)", "exec"),
        ("import os\nos.system(text)", "os.system"),
        ("from os import popen as p\np(text)", "os.popen"),
        ("import torch\ntorch.load(f)", "torch.load"),
        ("import importlib as i\ni.import_module(text)", "importlib.import_module"),
        ("import subprocess\nsubprocess.run(text, shell=True)", "shell=True"),
        ("import subprocess\nsubprocess.run(text, shell=wanted)", "shell=True"),
        ("import numpy as np\nnp.load(f)", "numpy.load without allow_pickle=False"),
        ("import numpy as np\nnp.load(f, allow_pickle=on)", "numpy.load without allow_pickle=False"),
        ("from numpy import load\nload(f)", "numpy.load without allow_pickle=False"),
        ("from numpy.lib import format\nformat.read_array(f)",
         "numpy.lib.format.read_array without allow_pickle=False"),
        ("archive.extractall(folder)", "archive.extractall"),
    ],
)  # fmt: skip
def test_dangers_are_seen(source, danger):
    assert dangers(source) == {danger}


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "import numpy as np\nnp.load(f, allow_pickle=False)",
        "import subprocess\nsubprocess.run([a, b], check=True)",
        "import re\nre.compile(text)",
        "jax.jit(f).lower(x).compile()",
    ],
)
def test_what_is_harmless_is_not_taken_for_a_danger(source):
    assert dangers(source) == set()


def test_the_exceptions_are_still_needed_and_have_a_reason():
    for (file, danger), reason in ALLOWED.items():
        assert danger in dangers((ROOT / file).read_text(encoding="utf-8"))
        assert len(reason) > 40
