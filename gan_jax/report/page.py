"""One page per run that says what was done, how to do it again, and what came of it."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import gan_jax
from gan_jax.files import atomic_write
from gan_jax.report.animation import evenly_spaced, in_step_order, step_of

__all__ = ["Finding", "Score", "write_report"]

_FRAMES = 40
_FRAMES_BYTES = 2_600_000  # of all together: a page is to be opened and sent, however long the run
_PICTURE_BYTES = 400_000
_LONGEST_SIDE, _SHORTEST_SIDE = 1200, 64
_FINDINGS = 100
_PICTURES = {
    "seeds.png": ("curves", "a figure of every seed over the steps"),
    "classes.png": ("curves", "how many samples and real images are of each class"),
    "samples_by_class.png": ("images", "samples of each class, as the classifier sees them"),
    "nearest.png": ("images", "samples nearest to a training image and farthest from any"),
    "manifolds.png": ("curves", "samples and real images by two principal components"),
}
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


class Score(NamedTuple):
    """One of a run's final figures.

    Attributes:
      name: what was measured, as a reader should see it.
      value: the figure; text is shown as it is.
      floor: the same measure of real data: what a perfect generator would get.
      note: how it was measured, for example on how many samples.
    """

    name: str
    value: float | str
    floor: float | str | None = None
    note: str = ""


class Finding(NamedTuple):
    """Something that went wrong in a run for a while.

    Attributes:
      name: what it is called.
      first: the step at which it started.
      last: the step at which it was over, None if it was not.
      what: what it means.
      remedy: what usually helps.
    """

    name: str
    first: int
    last: int | None
    what: str
    remedy: str


def write_report(
    workdir: str | os.PathLike[str],
    *,
    title: str,
    config: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    command: str,
    final: Sequence[Score] = (),
    diagnosis: Sequence[Finding] | None = None,
    about: str = "",
    data: str = "",
    notes: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Write `report.html` into a run's folder: one file that needs no other and no network.

    It shows `samples/*.png` (forty of them at most), `curves.png` and the pictures in `evaluation/`
    of the folder; what is not there is left out. Pictures are made lighter until the page is of a
    few megabytes.

    Args:
      workdir: the run's folder.
      title: the run's name.
      config: the settings, nested or flat.
      rows: the metrics, as from `gan_jax.writers.read_jsonl`; only each one's last value is shown.
      command: what to type to do the run again.
      final: the final figures.
      diagnosis: what went wrong; None if nobody looked.
      about: what was trained, in a sentence or two.
      data: the data set, in a line.
      notes: further paragraphs.
      environment: what to list beside the versions of Python and the libraries, such as the device.

    Returns:
      The path of the page.

    Raises:
      OSError: the page cannot be written.
    """
    workdir = Path(workdir)
    introduction = [_paragraph(about), _paragraph(f"Data: {data}") if data else ""]
    sections = [
        _section("Samples over training", _samples(workdir / "samples")),
        _section(
            "Results",
            _scores(final),
            *(_picture(workdir / "evaluation" / name, *how) for name, how in _PICTURES.items()),
        ),
        _section(
            "Training curves",
            _picture(workdir / "curves.png", "curves", "metrics over steps"),
            _last_values(rows),
        ),
        _section("Diagnosis", _findings(diagnosis)),
        _section("Notes", *map(_paragraph, notes)),
        _section("Settings", _table(_flat(config))),
        _section("Environment", _table({**_versions(), **(environment or {})})),
    ]
    frame = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    page = Template(frame).substitute(
        script=_digest(frame.partition("<script>")[2].partition("</script>")[0]),
        title=escape(title),
        introduction="\n".join(filter(None, introduction)),
        command=escape(command),
        sections="\n".join(filter(None, sections)),
    )
    path = workdir / "report.html"
    with atomic_write(path) as file:
        file.write(page.encode("utf-8", "replace"))  # a file's name may be no Unicode
    return path


def _digest(script: str) -> str:
    """Return what the page's policy knows its script by: none else runs."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _section(title: str, *contents: str) -> str:
    content = "\n".join(filter(None, contents))
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _table(values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    lines = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td><code>{escape(_shown(value))}</code></td></tr>'
        for name, value in values.items()
    )
    return f'<div class="card"><table class="plain"><tbody>\n{lines}\n</tbody></table></div>'


def _scores(scores: Sequence[Score]) -> str:
    return _columns(
        {
            "measure": [score.name for score in scores],
            "this run": [_shown(score.value) for score in scores],
            "real data": ["" if score.floor is None else _shown(score.floor) for score in scores],
            "note": [score.note for score in scores],
        }
    )


def _findings(findings: Sequence[Finding] | None) -> str:
    if findings is None:
        return ""
    if not findings:
        return _paragraph("No alarm.")
    shown, rest = findings[:_FINDINGS], findings[_FINDINGS:]
    ends = ["the end" if each.last is None else f"{each.last:,}" for each in shown]
    table = _columns(
        {
            "alarm": [each.name for each in shown],
            "steps": [f"{e.first:,} to {end}" for e, end in zip(shown, ends, strict=True)],
            "what it means": [each.what for each in shown],
            "what usually helps": [each.remedy for each in shown],
        }
    )
    more = f"And {len(rest):,} more, the last from step {rest[-1].first:,}." if rest else ""
    return table + _paragraph(more)


def _columns(columns: Mapping[str, Sequence[str]]) -> str:
    """Lay out columns of text under their titles, without those that are empty."""
    columns = {title: cells for title, cells in columns.items() if any(cells)}
    if not columns:
        return ""
    head = "".join(f'<th scope="col">{title}</th>' for title in columns)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in zip(*columns.values(), strict=True)
    )
    return f"""<div class="card"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{lines}
</tbody>
</table></div>"""


def _samples(folder: Path) -> str:
    paths = evenly_spaced(in_step_order(folder.glob("step_*.png")), _FRAMES)
    if not paths:
        return ""
    most = _FRAMES_BYTES // len(paths)
    frames = "\n".join(_frame(path, most, is_last=path == paths[-1]) for path in paths)
    return f"""<figure class="card">
<div id="frames">
{frames}
</div>
<figcaption class="controls" id="controls" hidden>
<button type="button" id="play">Play</button>
<input type="range" id="slider" min="0" max="{len(paths) - 1}" value="{len(paths) - 1}"
  aria-label="training step">
<output id="step"></output>
</figcaption>
</figure>"""


def _frame(path: Path, most: int, *, is_last: bool) -> str:
    step = f"step {step_of(path):,}"
    hidden = "" if is_last else " hidden"
    address = _data_uri(path, most)
    return f'<img src="{address}" alt="samples at {step}" data-step="{step}"{hidden}>'


def _picture(path: Path, kind: str, alt: str) -> str:
    if not path.exists():
        return ""
    # Lines and letters would blur.
    most = None if kind == "curves" else _PICTURE_BYTES
    image = f'<img class="{kind}" alt="{alt}" src="{_data_uri(path, most)}">'
    return f'<div class="card">{image}</div>'


def _data_uri(path: Path, most: int | None) -> str:
    """Return a picture's content as an address; one of more bytes goes in as a lighter JPEG."""
    content, kind = path.read_bytes(), "png"
    if most is not None and len(content) > most:
        content, kind = _lighter(path, most), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _lighter(path: Path, most: int) -> bytes:
    """Encode a picture as a JPEG of so many bytes, smaller if need be."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("L" if opened.mode == "L" else "RGB")
    side = min(_LONGEST_SIDE, max(picture.size))
    while True:
        smaller, buffer = picture.copy(), io.BytesIO()
        smaller.thumbnail((side, side))
        smaller.save(buffer, format="JPEG", quality=85)
        content = buffer.getvalue()
        if len(content) <= most or side <= _SHORTEST_SIDE:
            return content
        side = max(_SHORTEST_SIDE, int(0.95 * side * (most / len(content)) ** 0.5))


def _last_values(rows: Iterable[Mapping[str, Any]]) -> str:
    last: dict[str, Any] = {}
    for row in rows:
        last.update(row)
    if not last:
        return ""
    step = last.pop("step", 0)
    last.pop("wall_time", None)
    values = _table({name.replace("_", " "): value for name, value in last.items()})
    return f"<details><summary>Last values, up to step {step:,}</summary>\n{values}\n</details>"


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings side by side.

    >>> _flat({"seed": 0, "optimizer": {"b1": 0.5}})
    {'seed': 0, 'optimizer.b1': 0.5}
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        nested = isinstance(value, Mapping) and value
        flat.update(_flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value})
    return flat


def _shown(value: Any) -> str:
    """Return a value as a reader wants to see it.

    >>> [_shown(value) for value in (3, 0.00012345678, 12345.678, "hinge", None)]
    ['3', '0.0001235', '12,346', 'hinge', 'none']
    """
    if value is None:
        return "none"
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _versions() -> dict[str, str]:
    versions = {"gan_jax": gan_jax.__version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**versions, "system": f"{platform.system()} {platform.machine()}"}
