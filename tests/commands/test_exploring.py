"""What the commands that explore draw, told by a generator whose halves are of different layers."""

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax import report
from tests.commands.cases import SIDE, generator_of, main

TILE = SIDE * report.display_scale(SIDE)


def read(path):
    """Read a picture as floats."""
    with Image.open(path) as picture:
        return np.asarray(picture, np.float64)


def tiles(path, rows, columns):
    """Cut a picture into its images, [rows, columns, H, W], without names before them."""
    picture, step = read(path), TILE + 2
    picture = picture[:, picture.shape[1] - (columns * step + 2) :]
    assert len(picture) == rows * step + 2
    cut = [
        [picture[2 + r * step :, 2 + c * step :][:TILE, :TILE] for c in range(columns)]
        for r in range(rows)
    ]
    return np.array(cut)


def test_truncated_rows_are_less_varied_and_of_the_same_samples(runs, tmp_path, capsys):
    out = tmp_path / "t.png"
    words = ("--levels", 0.1, 1, "--count", 6, "--out", out)
    assert main("truncation", "--workdir", runs / "plain", *words) == 0
    rows = tiles(out, 3, 6)
    spread = rows.std(axis=1).mean(axis=(1, 2))
    assert spread[0] < spread[1] / 2 < spread[2] / 2
    # A sample keeps its sign through the levels: rows go the same way from their middle.
    away = rows - rows.mean(axis=1, keepdims=True)
    assert np.corrcoef(away[0].ravel(), away[1].ravel())[0, 1] > 0.5
    assert "truncated at 0.1, 1, none: " in capsys.readouterr().out


def test_styles_are_truncated_to_one_image(runs, tmp_path):
    out = tmp_path / "t.png"
    assert main("truncation", "--workdir", runs / "styled", "--count", 3, "--out", out) == 0
    rows = tiles(out, 5, 3)  # by default shares of styles, 0 the first
    np.testing.assert_array_equal(rows[0], np.broadcast_to(rows[0, :1], rows[0].shape))
    assert (rows[1, 0] != rows[1, 1]).any()


def test_directions_are_of_the_first_weights(runs, tmp_path, capsys):
    out = tmp_path / "d"
    words = ("--count", 2, "--samples", 2, "--columns", 3, "--out", out)
    assert main("directions", "--workdir", runs / "labelled", *words) == 0
    _, generator = generator_of(runs / "labelled")
    kernel = np.asarray(generator.ema_params["Dense_0"]["kernel"])[:5]
    with np.load(tmp_path / "d.npz") as found:
        expected = np.linalg.svd(kernel.T)
        np.testing.assert_allclose(found["strengths"], expected[1], rtol=1e-5)
        match = np.abs(np.sum(found["directions"] * expected[2], axis=1))
        np.testing.assert_allclose(match, 1, atol=1e-4)
        np.testing.assert_allclose(found["deviations"], 1, atol=0.1)  # of normal latents
    rows = tiles(tmp_path / "d.png", 4, 3)
    np.testing.assert_array_equal(rows[:2, 1], rows[2:, 1])  # the samples, in the middle
    assert (rows[0, 1] != rows[1, 1]).any()
    assert (rows[0, 0] != rows[2, 0]).any()
    assert "direction 2: strength" in capsys.readouterr().out


def test_samples_move_as_far_as_was_said(runs, tmp_path):
    words = ("--count", 1, "--columns", 3, "--span", 2, "--out", tmp_path / "d")
    assert main("directions", "--workdir", runs / "plain", *words) == 0
    experiment, generator = generator_of(runs / "plain")
    keys = jax.random.split(jax.random.key(1), 1000)
    with np.load(tmp_path / "d.npz") as found:
        step = 2 * found["deviations"][0] * found["directions"][0]
    latents = np.asarray(jax.vmap(experiment.prior)(keys[:1])) + np.outer([-1, 0, 1], step)
    images = experiment.decoder(generator, {}, latents.astype(np.float32))
    expected = report.image_grid(np.asarray(images), columns=3, scale=TILE // SIDE, smooth=True)
    drawn = tiles(tmp_path / "d.png", 1, 3)[0]
    for column, tile in enumerate(drawn):
        at = 2 + column * (TILE + 2)
        known = expected[2:-2, at : at + TILE, 0]
        assert np.abs(known - tile).max() <= 1


def test_only_the_layers_that_are_asked_for_move(runs, tmp_path):
    words = ("--count", 3, "--columns", 3, "--layers", 0, "--out", tmp_path / "d")
    assert main("directions", "--workdir", runs / "styled", *words) == 0
    _, generator = generator_of(runs / "styled")
    kernel = np.asarray(generator.ema_params["coarse"]["kernel"])
    with np.load(tmp_path / "d.npz") as found:
        np.testing.assert_allclose(found["strengths"], np.linalg.svd(kernel)[1], rtol=1e-5)
    rows, edge = (
        tiles(tmp_path / "d.png", 3, 3),
        TILE // 8,
    )  # what enlarging mixes with nothing of the other half
    assert (rows[0, 0, :, :edge] != rows[0, 2, :, :edge]).any()
    same = rows[:, :, :, -edge:]
    np.testing.assert_array_equal(same, np.broadcast_to(same[:1, :1], same.shape))


def test_of_all_layers_the_weights_are_stacked(runs, tmp_path):
    words = ("--count", 1, "--out", tmp_path / "d")
    assert main("directions", "--workdir", runs / "styled", *words) == 0
    _, generator = generator_of(runs / "styled")
    kernels = [np.asarray(generator.ema_params[name]["kernel"]) for name in ("coarse", "fine")]
    with np.load(tmp_path / "d.npz") as found:
        whole = np.linalg.svd(np.concatenate(kernels, axis=1))[1]
        np.testing.assert_allclose(found["strengths"], whole, rtol=1e-5)


def test_mixed_images_have_the_coarse_half_of_their_row_and_the_fine_one_of_their_column(
    runs, tmp_path
):
    out, edge = tmp_path / "m.png", TILE // 8
    words = ("--rows", 2, "--columns", 3, "--out", out)
    assert main("mix", "--workdir", runs / "styled", *words) == 0
    table = tiles(out, 3, 4)
    left, right = table[..., :edge], table[..., -edge:]
    for row in (1, 2):
        for column in (1, 2, 3):
            np.testing.assert_array_equal(left[row, column], left[row, 0])
            np.testing.assert_array_equal(right[row, column], right[0, column])
    assert (left[1, 0] != left[2, 0]).any()
    assert (right[0, 1] != right[0, 2]).any()
    assert np.ptp(table[0, 0]) == 0  # the corner is empty


@pytest.mark.parametrize(
    ("model", "same", "other"),
    [("plain", "spherical", "linear"), ("styled", "linear", "spherical")],
)
def test_paths_are_spherical_where_what_is_drawn_is_normal(runs, tmp_path, model, same, other):
    def walk(name, *words):
        out = ("--anchors", 2, "--frames", 3, "--out", tmp_path / name)
        assert main("interpolate", "--workdir", runs / model, *out, *words) == 0
        return read(tmp_path / f"{name}.png")

    usual = walk("usual")
    np.testing.assert_array_equal(walk("same", "--path", same), usual)
    assert (walk("other", "--path", other) != usual).any()


def test_paths_go_through_the_space_that_is_asked_for(runs, tmp_path):
    for name in ("latents", "styles"):
        words = ("--space", name, "--anchors", 2, "--frames", 2, "--path", "spherical")
        assert (
            main("interpolate", "--workdir", runs / "styled", "--out", tmp_path / name, *words) == 0
        )
    latents, styles = (tiles(tmp_path / f"{name}.png", 2, 2) for name in ("latents", "styles"))
    np.testing.assert_array_equal(latents[:, 0], styles[:, 0])  # the same points on the way
    assert (latents[:, 1] != styles[:, 1]).any()


MISTAKES = [
    ("plain", ["mix"], "has no styles to mix"),
    ("plain", ["directions", "--space", "styles"], "--space is styles: tiny has no styles, only"),
    ("plain", ["directions", "--layers", 0], "--layers was given, and no layer of this run has"),
    ("plain", ["directions", "--count", 6], "--count is 6: it must be from 1 to 5, the length of"),
    ("plain", ["directions", "--count", 0], "--count is 0: it must be from 1 to 100"),
    ("plain", ["directions", "--columns", 4], "--columns is 4: it must be an odd number from 3"),
    ("plain", ["directions", "--span", "nan"], "--span is nan: it must be above 0"),
    ("plain", ["directions", "--label", 1], "--label was given and this run is not conditional"),
    ("plain", ["truncation", "--levels", 0], "--levels: truncated_normal_prior: threshold is 0"),
    ("plain", ["truncation", "--levels", 1, "nan"], "--levels is 1.0 nan: it must be at most 20"),
    ("plain", ["truncation", "--levels", 1, 1], "--levels is 1.0 1.0: it must be at most 20"),
    ("plain", ["interpolate", "--path", "round"], "'round'"),
    ("odd", ["truncation"], "tiny: there is no truncated prior of this run"),
    ("odd", ["directions"], "the latents of this run are not one vector each"),
    ("odd", ["interpolate"], "the latents of this run are not one vector each"),
    ("styled", ["mix", "--coarse", 2], "--coarse is 2: it must be from 1 to 1, of 2 layers"),
    ("styled", ["mix", "--rows", 0], "--rows is 0: it must be from 1 to 100"),
    ("styled", ["directions", "--layers", 2], "--layers is 2: it must be from 0 to 1"),
    ("styled", ["directions", "--layers", 1, 1], "--layers is 1 1: it must be different numbers"),
    ("labelled", ["truncation", "--label", 3], "--label is 3: it must be from 0 to 2"),
    ("labelled", ["mix", "--out", "file/under"], "--out file/under can't be written: Not a dir"),
    ("nowhere", ["mix"], "holds no run"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "words", "line"), MISTAKES)
def test_mistakes_are_one_line_and_leave_no_file(
    runs, tmp_path, monkeypatch, capsys, model, words, line
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    before = sorted(runs.rglob("*"))
    assert main(words[0], "--workdir", runs / model, *words[1:]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1
    assert sorted(runs.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("command", "model"), [("truncation", "plain"), ("directions", "plain"), ("mix", "styled")]
)
def test_a_disk_that_is_full_is_one_line(runs, tmp_path, monkeypatch, capsys, command, model):
    def full(path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("gan_jax.report.grids.atomic_write", full)
    count = () if command == "mix" else ("--count", 2)
    words = ("--workdir", runs / model, *count, "--out", tmp_path / "out")
    assert main(command, *words) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: writing ")
    assert said.endswith("failed: No space left on device\n")
    assert list(tmp_path.iterdir()) == []
