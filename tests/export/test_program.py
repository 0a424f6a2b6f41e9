"""The program that lies in an export, called as a person calls it."""

import numpy as np
import pytest

from gan_jax.export import sample
from tests.export import cases


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return the export of a generator without classes, of images of three channels."""
    folder = tmp_path_factory.mktemp("plain") / "generator"
    cases.make("spectral").export(folder)
    return folder


def main(*arguments):
    return sample.main([str(argument) for argument in arguments])


def test_a_picture_and_numbers_of_the_same_samples(exported, tmp_path, capfd):
    from PIL import Image

    for name in ("a.npy", "a.png"):
        assert main("--folder", exported, "--count", 3, "--label", 1, "--out", tmp_path / name) == 0
    assert capfd.readouterr() == ("", "")
    images = np.load(tmp_path / "a.npy")
    assert images.shape == (3, 8, 8, 1)
    generator = sample.load(exported)
    np.testing.assert_array_equal(images, generator.sample(generator.keys(1, 3), 1))
    with Image.open(tmp_path / "a.png") as picture:
        assert (picture.size, picture.mode) == ((2 * 56, 2 * 56), "L")
        pixels = np.asarray(picture)[::7, ::7]
    expected = np.rint((images[..., 0] + 1) * 127.5).astype(np.uint8)
    np.testing.assert_array_equal(pixels[:8, :8], expected[0])
    np.testing.assert_array_equal(pixels[:8, 8:], expected[1])
    np.testing.assert_array_equal(pixels[8:, :8], expected[2])
    assert (pixels[8:, 8:] == 0).all()
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", "a.png"}


def test_a_picture_in_colour(plain, tmp_path):
    from PIL import Image

    assert main("--folder", plain, "--count", 1, "--out", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert (picture.size, picture.mode) == ((56, 56), "RGB")
        pixels = np.asarray(picture)[::14, ::14]
    generator = sample.load(plain)
    images = np.asarray(generator.sample(generator.keys(1, 1)))
    np.testing.assert_array_equal(pixels, np.rint((images[0] + 1) * 127.5))


def test_a_picture_of_nonsense_is_still_a_picture():
    content = sample._png(np.full((2, 4, 4, 1), np.nan, np.float32))
    assert content.startswith(b"\x89PNG")
    with pytest.raises(sample.ExportError, match=r"samples \[2\] are no picture"):
        sample._png(np.zeros((4, 2), np.float32))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--count", "0"], "--count is 0: it must be from 1 to 10000"),
        (["--count", "10001"], "--count is 10001"),
        (["--count", "many"], "argument --count: invalid int value: 'many'"),
        (["--seed", "-1"], "--seed is -1: it must be from 0 to 4294967295"),
        (["--seed", "4294967296"], "--seed is 4294967296"),
        (["--label", "3"], "a label is out of range: it must be from 0 to 2"),
        (["--out", "samples.jpg"], "--out is samples.jpg: it must end in .png or .npy"),
        (["--out", "nowhere/samples.png"], "--out nowhere/samples.png can't be written: No such"),
        (["--out", "/dev/null/a.png"], "--out /dev/null/a.png can't be written: Not a directory"),
        (["--out", "folder.png"], "--out folder.png can't be written: Is a directory"),
        (["--folder", "nowhere"], "nowhere/settings.json can't be read: No such file"),
        (["--cuont", "3"], "unrecognized arguments: --cuont 3"),
        (["--count"], "argument --count: expected one argument"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_with_2(
    exported, tmp_path, monkeypatch, capfd, arguments, line
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    assert main("--folder", exported, "--count", 3, *arguments) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {line}")
    assert len(said.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_label_without_classes_is_one_line(plain, capfd):
    assert main("--folder", plain, "--label", 0) == 2
    assert capfd.readouterr().err == "error: labels were given and this generator has no classes\n"


def test_a_damaged_export_is_one_line(plain, tmp_path, capfd):
    import shutil

    copy = shutil.copytree(plain, tmp_path / "copy")
    (copy / "weights.safetensors").write_bytes(b"")
    assert main("--folder", copy) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_help_says_how(capsys):
    with pytest.raises(SystemExit) as end:
        main("--help")
    assert end.value.code == 0
    assert "--count" in capsys.readouterr().out
