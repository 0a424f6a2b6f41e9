"""Checkpoints that are damaged."""

import shutil

import pytest

from gan_jax.checkpoint import restore_latest, restore_part
from gan_jax.errors import RunError
from tests.faults.starting import bits_of, saved, target

# Orbax's notes on when a step was saved: nothing that is restored is in them.
NOTES = {"_CHECKPOINT_METADATA", "commit_success.txt"}


def flip(place):
    """Return what flips a bit of the byte at a place from 0, the first, to 1, the last."""

    def harm(path):
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 1 << int(place * 7)
        path.write_bytes(content)

    return harm


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


FILES = {
    "every file emptied in turn": [lambda path: path.write_bytes(b"")],
    "every file cut by a byte in turn": [lambda path: path.write_bytes(path.read_bytes()[:-1])],
    "a bit flipped in every file in turn, at five places": [flip(n / 4) for n in range(5)],
    "every file deleted in turn": [lambda path: path.unlink()],
}
FOLDERS = {
    "every folder emptied in turn": [empty],
    "every folder deleted in turn": [shutil.rmtree],
}


@pytest.fixture(scope="module")
def bits(halfway):
    """Return the bits of the state at steps 30 and 40."""
    folder = halfway / "checkpoints"
    return {step: bits_of(restore_part(folder, parts(), step=step)[0]) for step in (30, 40)}


def parts():
    state = target()
    return {name: getattr(state, name) for name in ("generator", "discriminator")}


def damaged(checkpoints, tmp_path, harms, *, files, earlier):
    """Yield what is damaged, and a folder of steps in which it is, one after the other."""
    for original in sorted((checkpoints / "40").rglob("*")):
        if original.is_file() != files or original.name in NOTES:
            continue
        for number, harm in enumerate(harms):
            folder = tmp_path / f"{number}"
            shutil.copytree(checkpoints, folder)
            if not earlier:
                shutil.rmtree(folder / "30")
            harm(folder / original.relative_to(checkpoints))
            yield folder
            shutil.rmtree(folder)


CASES = [pytest.param(harms, True, id=name) for name, harms in FILES.items()] + [
    pytest.param(harms, False, id=name) for name, harms in FOLDERS.items()
]


@pytest.mark.parametrize(("harms", "files"), CASES)
def test_with_an_earlier_step(halfway, bits, outcome, tmp_path, harms, files):
    """The newest checkpoint, an earlier one being good."""
    cases = 0
    for folder in damaged(halfway / "checkpoints", tmp_path, harms, files=files, earlier=True):
        said = []
        part, step = restore_part(folder, parts(), report=said.append)
        assert (step, bits_of(part), len(said)) == (30, bits[30], 1)
        state, step = restore_latest(folder, target(), report=said.append)
        found = {name: getattr(state, name) for name in parts()}
        assert (step, bits_of(found), len(said)) == (30, bits[30], 2)
        cases += 1
    assert cases >= (10 if files else 3) * len(harms)
    outcome(
        "sampling and going on took the earlier one and said so in a line",
        "an earlier good step, then the same bits",
    )


@pytest.mark.parametrize(("harms", "files"), CASES)
def test_without_another(halfway, outcome, tmp_path, harms, files):
    """The only checkpoint."""
    for folder in damaged(halfway / "checkpoints", tmp_path, harms, files=files, earlier=False):
        for restore, wanted in ((restore_part, parts()), (restore_latest, target())):
            with pytest.raises(RunError, match=r"no checkpoint in .* is good \(40: .*\): put a"):
                restore(folder, wanted, report=lambda _: None)
        assert saved(folder.parent, folder.name) == [40]
    outcome(
        "sampling and going on were refused, and nothing was moved",
        "refused in one line, nothing lost",
    )


def test_notes(halfway, outcome, tmp_path):
    """Orbax's notes on when a step was saved, emptied, filled with garbage or deleted."""
    for number, harm in enumerate(
        (lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"\xff{"), lambda p: p.unlink())
    ):
        folder = shutil.copytree(halfway / "checkpoints", tmp_path / str(number))
        for name in NOTES:
            harm(folder / "40" / name)
        state, step = restore_latest(folder, target(), report=pytest.fail)
        assert step == 40
        assert bits_of(state) == bits_of(restore_latest(halfway / "checkpoints", target())[0])
    outcome("nothing restored is in them", "the same bits")


def test_the_run_goes_on(starter, halfway, undisturbed, outcome, tmp_path):
    """A bit flipped in the newest checkpoint, and the run goes on."""
    workdir = shutil.copytree(halfway, tmp_path / "run")
    flip(0.5)(workdir / "checkpoints" / "40" / "state" / "_METADATA")
    run = starter.run(workdir)
    assert run.code == 0
    assert "checkpoint 40 is damaged (state/_METADATA has changed): moved to " in run.said
    undisturbed.assert_same(workdir)
    outcome(
        "it said so in a line, kept the damaged one aside and went on from the one before",
        "an earlier good step, then the same bits",
    )
