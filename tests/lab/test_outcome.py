import json

import numpy as np
import pytest

from gan_jax import data, losses
from gan_jax.diagnostics import ALARMS, Episode, Watch
from gan_jax.errors import UsageError
from gan_jax.lab import Played, draw_page, figure_lines, planar_game, write_figures
from gan_jax.writers import JsonlWriter

RECORD = {"experiment": "small", "config": {"rate": 1}, "command": "python -m small --rate 1"}
ODD = Played(
    step=100,
    figures={
        "distance": np.array([0.5, np.nan, 1.5]),
        "modes": np.array([7.0, 0.0, 5.0]),
        "reverse_kl": np.array([np.nan] * 3),
    },
    watches=(),
)


def game_on(distribution):
    return planar_game(distribution, losses.hinge, steps=100, batch_size=16, width=8)


def test_lines_say_mean_range_what_is_lost_and_what_is_perfect():
    lines = figure_lines(game_on(data.ring()), ODD)
    assert [line.split("  ")[0] for line in lines] == [
        "modes captured", "reverse KL of the modes", "sliced Wasserstein distance"
    ]  # fmt: skip
    assert "4 ± 2.94" in lines[0]
    assert lines[0].endswith("(0 to 7; perfect: 8)")
    assert "none" in lines[1]
    assert "(not finite in any; perfect: " in lines[1]
    assert "1 ± 0.5" in lines[2]
    assert "(0.5 to 1.5, not finite in 1; perfect: " in lines[2]


def test_figures_are_json_by_name_one_entry_a_member(tmp_path):
    write_figures(ODD, tmp_path / "folder" / "figures.json")
    assert json.loads((tmp_path / "folder" / "figures.json").read_text()) == {
        "distance": [0.5, None, 1.5], "modes": [7, 0, 5], "reverse_kl": [None, None, None],
    }  # fmt: skip


def test_figures_that_cannot_be_written_are_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"^--json \S+ can't be written: "):
        write_figures(ODD, tmp_path)


@pytest.mark.parametrize("distribution", [data.ring(), data.moons()], ids=["ring", "moons"])
def test_a_page_has_the_figures_the_curves_and_the_seeds(distribution, tmp_path):
    seeds, main = (4, 6), "high_quality" if distribution.modes else "distance"
    for index, name in enumerate(("metrics", "seeds/seed_4", "seeds/seed_6")):
        writer = JsonlWriter(tmp_path / f"{name}.jsonl")
        for step in (1, 2, 3):
            value = np.nan if index == step else 0.1 * step
            writer.write(step, {"generator_loss": 0.7, "discriminator_loss": 1.4, main: value})
        writer.close()
    figures = {"distance": np.array([0.25, 0.75]), "modes": np.array([3.0, 5.0])}
    figures = figures if distribution.modes else {"distance": figures["distance"]}
    alarmed = Watch(episodes=(Episode(ALARMS[0], 2, 3),))
    played = Played(step=3, figures=figures, watches=(alarmed, Watch()))
    path = draw_page(game_on(distribution), played, seeds, tmp_path, RECORD)
    assert path == tmp_path / "report.html"
    said = path.read_text()
    assert f"2 games on {distribution.name}" in said
    assert "python -m small --rate 1" in said
    assert ("modes captured" in said) == (distribution.modes is not None)
    assert "0.5 ± 0.25" in said
    assert "over 2 seeds: 0.25 to 0.75" in said
    assert f"{ALARMS[0].name} (seed 4)" in said
    assert f"{ALARMS[0].name} (seed 6)" not in said
    assert said.count("<img") >= 2
    for picture in ("curves.png", "evaluation/seeds.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
