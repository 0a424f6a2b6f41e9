"""A run of 100,000 rows and 2,000 pictures is taken up again, drawn and put on a page in seconds."""

import json
import math
import os
import time

import numpy as np
import pytest

from gan_jax.diagnostics import ALARMS, watch_rows
from gan_jax.report import draw_curves, make_gif, save_png, write_report
from gan_jax.writers import JsonlWriter, TensorBoardWriter, read_jsonl

ROWS, PICTURES = 100_000, 2000
NAMES = ("discriminator_loss", "generator_loss", "real_accuracy", "fake_accuracy", "r1_penalty")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    values = np.random.default_rng(0).normal(size=(100, len(NAMES))).round(4).tolist()
    calm = {alarm.measure: 0.5 * (alarm.fires + alarm.clears) for alarm in ALARMS}
    rows = [
        json.dumps({"wall_time": 1.0, **dict(zip(NAMES, v, strict=True)), **calm}) for v in values
    ]
    with open(folder / "metrics.jsonl", "w") as file:
        file.writelines(f'{{"step": {100 * i}, {rows[i % 100][1:]}\n' for i in range(ROWS))
    save_png(folder / "samples" / "step_0.png", np.zeros((200, 200, 1), np.uint8))
    for index in range(1, PICTURES):
        os.link(folder / "samples" / "step_0.png", folder / "samples" / f"step_{1000 * index}.png")
    return folder


def test_it_is_taken_up_again_and_drawn_in_seconds(workdir):
    begun = time.process_time()
    JsonlWriter(workdir / "metrics.jsonl", resume_step=100 * (ROWS - 2)).close()
    rows = read_jsonl(workdir / "metrics.jsonl")
    assert len(rows) == ROWS - 1
    assert watch_rows(rows).episodes == ()
    draw_curves(rows, workdir / "curves.png")
    make_gif(list((workdir / "samples").iterdir()), workdir / "training.gif", max_side=400)
    write_report(workdir, title="long", config={}, rows=rows, command="x")
    assert time.process_time() - begun < 30  # 3 s are usual
    assert (workdir / "report.html").stat().st_size < 5_000_000
    assert (workdir / "training.gif").stat().st_size < 5_000_000


def test_what_is_written_last_costs_no_more_than_what_is_written_first(workdir, tmp_path):
    metrics = dict.fromkeys(NAMES, math.pi)
    costs = []
    for path in (tmp_path / "metrics.jsonl", workdir / "metrics.jsonl"):
        writer, events = JsonlWriter(path), TensorBoardWriter(tmp_path / "events")
        begun = time.process_time()
        for step in range(1000):
            writer.write(10**8 + step, metrics)
            events.scalars(10**8 + step, metrics)
        costs.append(time.process_time() - begun)
        writer.close()
        events.close()
    assert costs[1] < 5 * costs[0] + 0.2
