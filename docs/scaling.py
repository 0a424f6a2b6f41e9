"""The page on what training on several devices asks of the link between them.

    python -m docs.scaling

`docs/scaling.md` is the page of `benchmarks/results/scaling.json`, which `python -m
benchmarks.scaling` counts in the compiled programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["LINKS", "PATH", "RESULTS", "Link", "page"]

PATH = Path(__file__).with_suffix(".md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "scaling.json"


class Link(NamedTuple):
    """What connects a device with the others, by its vendor's figures.

    Attributes:
      name: for people.
      bandwidth: bytes per second that a device can send while it receives as many.
      peak: bfloat16 operations per second of the device that it comes with, None if it is any.
      source: where the vendor says so.
    """

    name: str
    bandwidth: float
    peak: float | None
    source: str


_CONNECTX = "https://docs.nvidia.com/networking/display/ConnectX6EN/Introduction"
LINKS = (
    Link("100 Gb/s Ethernet", 100e9 / 8, None, _CONNECTX),
    Link("200 Gb/s Ethernet", 200e9 / 8, None, _CONNECTX),
    # What vendors give is the sum of both directions.
    Link("TPU v5e, ICI", 400e9 / 2, 197e12, "https://docs.cloud.google.com/tpu/docs/v5e"),
    Link("TPU v5p, ICI", 1200e9 / 2, 459e12, "https://docs.cloud.google.com/tpu/docs/v5p-training"),
)
HEAD = """# Scaling on paper

Made by `python -m docs.scaling` from
[scaling.json](../benchmarks/results/scaling.json), which `python -m benchmarks.scaling` counts in
the compiled programs; a test keeps it true to that. Nothing here was timed.

The program that a run of `experiments.mnist` dispatches is compiled at its usual settings on MNIST,
for {devices} devices that share every batch, by XLA for the CPU (JAX {jax}). Other backends put
collectives together in another way; the bytes are the same.

## What devices tell each other in a step

Each player's gradients are averaged over the devices, in one message if the backend makes one of
them, with the metrics among them. The rest is a few logits, for losses that compare over the whole
batch, or the statistics of batch normalisation.

{collectives}

## What that takes

In a ring of N devices, each sends 2 (N - 1) / N bytes for every byte that is averaged. The time is
what it sends over what the link carries in one direction: a lower bound, without latency, which
for messages this small may be most of it.

{times}

## When computing hides it

A device that does fewer operations in the time in which the link takes a byte than the program has
for each byte it sends computes for longer than it sends, and an overlap of the two could hide the
sending; one that does more waits for the link. A larger batch has more operations for the same
bytes: the break-even batch is that at which both take the same time, by the vendors' figures, if
operations grow with the batch. Those figures are peaks in bfloat16: programs in float32, as these
are, and small networks stay far below them, so that in truth smaller batches will do.

{intensity}

## Links

{links}
"""


def page(results: Mapping[str, Any]) -> str:
    """Write the page of results.

    Args:
      results: what `scaling.json` holds.

    Returns:
      Markdown.
    """
    presets = results["presets"]
    return HEAD.format(
        devices=results["devices"],
        jax=results["jax"],
        collectives=_table(
            (
                "model",
                "batch",
                "parameters",
                "collective",
                "per step",
                "arrays",
                "largest",
                "bytes",
            ),
            _collective_rows(presets),
        ),
        times=_table(
            ("model", "sent by each device", *(link.name for link in LINKS)),
            [
                (name, _mega(row["sent"]), *(_time(row["sent"] / link.bandwidth) for link in LINKS))
                for name, row in presets.items()
            ],
        ),
        intensity=_table(
            ("", "operations of each device", "per byte sent", *_peaks("break-even batch, {}")),
            [_intensity_row(name, row, results["devices"]) for name, row in presets.items()],
        ),
        links=_table(
            ("link", "one direction", "operations per byte", "source"),
            [
                (
                    link.name,
                    f"{link.bandwidth / 1e9:g} GB/s",
                    "" if link.peak is None else f"{link.peak / link.bandwidth:,.0f}",
                    f"<{link.source}>",
                )
                for link in LINKS
            ],
        ),
    )


def _collective_rows(presets: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, preset in presets.items():
        parameters = f"{sum(preset['parameters'].values()):,}"
        first = (name, str(preset["batch_size"]), parameters)
        for each in preset["collectives"]:
            what = (f"{each['count']:g}", f"{each['arrays']}", f"`{each['largest']}`")
            rows.append((*first, each["opcode"], *what, f"{each['bytes']:,}"))
            first = ("", "", "")
        rows.append(("", "", "", "all", "", "", "", f"{preset['bytes']:,.0f}"))
    return rows


def _intensity_row(name: str, preset: Mapping[str, Any], devices: int) -> tuple[str, ...]:
    intensity = preset["flops"] / preset["sent"]
    batches = [
        f"{preset['batch_size'] * link.peak / link.bandwidth / intensity:,.0f}"
        for link in LINKS
        if link.peak is not None
    ]
    return (name, f"{preset['flops'] / 1e9:.3g} GFLOP", f"{intensity:,.0f}", *batches)


def _peaks(form: str) -> list[str]:
    return [form.format(link.name.split(",")[0]) for link in LINKS if link.peak is not None]


def _mega(count: float) -> str:
    return f"{count / 1e6:.2f} MB"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    PATH.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
