"""Who may import whom, read off the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASE = {"errors", "files", "progress"}
ALLOWED = {
    "errors": set(),
    "files": set(),
    "progress": set(),
    "typing": set(),
    "augment": set(),
    "losses": set(),
    "penalties": set(),
    "layers": {"typing"},
    "models": {"layers", "typing"},
    "train": {"typing", "losses"},
    "parallel": {"typing", *BASE},
    "profiling": {"typing", *BASE},
    "checkpoint": {"parallel", "typing", *BASE},
    "data": BASE,
    "metrics": BASE,
    "report": BASE,
    "writers": BASE,
    "workdir": BASE,
    "interruption": set(),
    "memory": set(),
    "command_line": BASE,
    "experiment": {"data", "evaluation", "exploration", "train", "typing"},
    "exploration": {"train", "typing"},
    "settings": {"command_line", "data", "workdir", *BASE},
    "tuning": BASE,
    "diagnostics": {"train", "typing", *BASE},
    "lab": {
        "checkpoint", "data", "diagnostics", "interruption", "layers", "losses", "metrics", "models",
        "penalties", "report", "train", "tuning", "typing", "workdir", "writers", *BASE,
    },
    "evaluation": {"data", "metrics", "report", "train", "typing", *BASE},
    "compilation": BASE,
    "launch": {"command_line", *BASE},
    "export": {"train", "typing", *BASE},
    "commands": {
        "checkpoint", "command_line", "compilation", "data", "evaluation", "experiment", "exploration", "export",
        "loop", "memory", "metrics", "parallel", "report", "train", "workdir", *BASE,
    },
    "image_game": {
        "commands", "command_line", "data", "evaluation", "experiment", "exploration", "losses", "penalties", "settings", "train",
        "typing", *BASE,
    },
    "translation": {
        "commands", "command_line", "data", "evaluation", "experiment", "losses", "metrics", "report", "settings", "train",
        "typing", *BASE,
    },
    "loop": {
        "checkpoint", "compilation", "data", "diagnostics", "evaluation", "experiment",
        "interruption", "memory", "parallel",
        "profiling", "report", "train", "typing", "workdir", "writers", *BASE,
    },
}  # fmt: skip
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.py"))
DOCS = sorted((ROOT / "docs").glob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
SOURCES = sorted((ROOT / "gan_jax").rglob("*.py"))


def room(path):
    """Return the part of the package that a file belongs to."""
    return path.relative_to(ROOT / "gan_jax").with_suffix("").parts[0]


def imports(path):
    """Return the dotted names that a file imports, relative ones made absolute."""
    package = ".".join(path.relative_to(ROOT).with_suffix("").parts[:-1])
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*base, *([module] if module else [])])
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def test_every_room_has_its_rule():
    assert {room(path) for path in SOURCES} - {"__init__"} == set(ALLOWED)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_stay_within_the_layers(path):
    here = room(path)
    if here == "__init__":
        return
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("gan_jax.")}
    assert ours - {here} <= ALLOWED[here]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_package_knows_nothing_of_experiments(path):
    assert not [name for name in imports(path) if name.split(".")[0] == "experiments"]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_experiments_stand_alone(path):
    own = path.relative_to(ROOT / "experiments").with_suffix("").parts[0]
    others = {name for name in imports(path) if name.split(".")[0] == "experiments"}
    assert {name.split(".")[1] for name in others} <= {own}


@pytest.mark.parametrize(
    "path", [*SOURCES, *EXPERIMENTS, *BENCHMARKS, *DOCS], ids=lambda p: str(p.relative_to(ROOT))
)
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def modules_after(statement):
    """Run a statement in a fresh interpreter and return the modules it loaded."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_losses_penalties_and_augmentations_cost_no_more_than_jax_and_flax():
    loaded = modules_after("from gan_jax import augment, losses, penalties")
    rest = loaded - modules_after("import jax, flax")
    ours = {name for name in rest if name.split(".")[0] == "gan_jax"}
    assert rest == ours
    assert {name.split(".")[1] for name in ours - {"gan_jax"}} == {
        "augment", "losses", "penalties",
    }  # fmt: skip


@pytest.mark.parametrize("experiment", ["mnist", "mixtures"])
def test_help_loads_nothing_heavy(experiment):
    help_only = f"""
import contextlib, io, experiments.{experiment}
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    experiments.{experiment}.main(["--help"])
"""
    loaded = modules_after(help_only)
    assert "tyro" in loaded
    assert not loaded & {"jax", "numpy", "flax", "orbax", "matplotlib", "tensorflow_datasets"}
