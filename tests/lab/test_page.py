import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from gan_jax.lab.page import write_lab
from tests.lab.synthetic import synthetic

EXTENT = 2.0
REAL = np.random.default_rng(1).normal(size=(50, 2)).clip(-1.9, 1.9)
VOID = {"meta", "input", "path"}


class Page(HTMLParser):
    """Check that tags nest, and collect tags, addresses, text and the scripts' contents."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.addresses, self.text, self.scripts = [], [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag == "script":
            kind = attributes.get("id") or attributes.get("class") or "code"
            self.scripts.append([kind, ""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts[-1][1] += data
        elif self.open and self.open[-1] != "style":
            self.text.append(data.strip())

    def data(self, kind):
        return [json.loads(content) for name, content in self.scripts if name == kind]


def lab(folder, recordings, **changes):
    arguments = {"extent": EXTENT, "title": "Ring", "command": "python -m ring", **changes}
    path = write_lab(recordings, REAL, folder / "lab.html", **arguments)
    assert path == folder / "lab.html"
    return Page(path.read_text(encoding="utf-8"))


def unpacked(entry):
    """Undo the packing by its description, one number after the other."""
    content = zlib.decompress(base64.b64decode(entry["data"], validate=True))
    count = int(np.prod(entry["shape"]))
    each = count // entry["shape"][0]
    bytes_each = np.dtype(entry["type"]).itemsize
    assert len(content) == count * bytes_each
    numbers = []
    for i in range(count):
        folded = sum(content[plane * count + i] << (8 * plane) for plane in range(bytes_each))
        change = -(folded + 1) // 2 if folded % 2 else folded // 2
        numbers.append((numbers[i - each] if i >= each else 0) + change)
    wrapped = np.array(numbers).astype(entry["type"])
    return wrapped.reshape(entry["shape"]).astype(np.float64)


def places(numbers):
    return 1.5 * EXTENT * (2 * numbers / 2047 - 1)


def test_what_comes_out_is_what_went_in_but_for_rounding(tmp_path):
    run = synthetic(about="A ring.")
    page = lab(tmp_path, [run], centres=[(0.0, 1.0), (0.5, -1.0)])
    (view,) = page.data("view")
    (shown,) = page.data("run")
    half_a_level = 1.5 * EXTENT / 2047 * 1.001
    assert (view["extent"], view["margin"], view["levels"]) == (EXTENT, 1.5, 2047)
    assert view["steps"] == run.steps.tolist()
    assert view["centres"] == [[0.0, 1.0], [0.5, -1.0]]
    np.testing.assert_allclose(places(unpacked(view["real"]))[0], REAL, atol=half_a_level)
    arrays = {name: unpacked(entry) for name, entry in shown["arrays"].items()}
    assert set(arrays) == {"fake", "manifold", "arrows", "logits", "optimal"}
    for name in ("fake", "manifold"):
        within = getattr(run, name).clip(-1.5 * EXTENT, 1.5 * EXTENT)
        np.testing.assert_allclose(places(arrays[name]), within, atol=half_a_level)
    probabilities = 1 / (1 + np.exp(-run.logits.astype(np.float64)))
    np.testing.assert_allclose(arrays["logits"] / 255, probabilities, atol=0.5001 / 255)
    np.testing.assert_allclose(arrays["optimal"] / 255, run.optimal, atol=0.5 / 63 + 0.5 / 255)
    assert shown["values"]["modes"] == run.values["modes"].tolist()
    assert shown["values"]["generator_loss"] == pytest.approx(
        run.values["generator_loss"], rel=1e-4
    )
    assert (shown["name"], shown["about"], shown["relative"]) == ("ring", "A ring.", False)
    assert (shown["resolution"], shown["side"]) == (12, 5)


def test_arrows_have_the_root_of_their_lengths(tmp_path):
    run = synthetic()
    lengths = np.linalg.norm(run.arrows, axis=-1)
    longest = np.percentile(lengths, 99)
    (shown,) = lab(tmp_path, [run]).data("run")
    arrows = unpacked(shown["arrays"]["arrows"]) / 63
    want = np.sqrt(np.minimum(lengths / longest, 1))
    np.testing.assert_allclose(np.linalg.norm(arrows, axis=-1), want, atol=0.0113)
    far = want > 0.3
    np.testing.assert_allclose(
        np.arctan2(arrows[far][:, 1], arrows[far][:, 0]),
        np.arctan2(run.arrows[far][:, 1], run.arrows[far][:, 0]),
        atol=0.04,
    )


def test_a_generator_that_is_pushed_nowhere_has_no_arrows(tmp_path):
    run = synthetic()
    (shown,) = lab(tmp_path, [replace(run, arrows=0 * run.arrows)]).data("run")
    assert not unpacked(shown["arrays"]["arrows"]).any()


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_relative_logits_have_no_unit(tmp_path, unit):
    run = synthetic(relative=True)
    scale = np.percentile(np.abs(run.logits), 75) / 2
    (shown,) = lab(tmp_path, [replace(run, logits=unit * run.logits)]).data("run")
    want = 255 / (1 + np.exp(-run.logits / scale))
    np.testing.assert_allclose(unpacked(shown["arrays"]["logits"]), want, atol=0.51)
    assert shown["relative"] is True


def test_a_critic_that_says_nothing_is_undecided(tmp_path):
    run = synthetic(relative=True)
    (shown,) = lab(tmp_path, [replace(run, logits=0 * run.logits)]).data("run")
    assert set(unpacked(shown["arrays"]["logits"]).ravel()) == {128}


def test_points_outside_are_counted_and_kept_at_the_margin(tmp_path):
    run = synthetic()
    fake = np.zeros_like(run.fake)
    fake[2, :3] = [(2.5, 0.0), (0.0, -1e9), (-1.9, 1.9)]
    (shown,) = lab(tmp_path, [replace(run, fake=fake)]).data("run")
    assert shown["outside"] == [0, 0, 2, 0, 0, 0]
    assert places(unpacked(shown["arrays"]["fake"]))[2, 1] == pytest.approx([0.0, -3.0], abs=2e-3)


def test_figures_that_are_not_there_are_null(tmp_path):
    run = synthetic()
    values = {"kl": np.array([np.nan, np.inf, 1, 2, 3, 4])}
    (shown,) = lab(tmp_path, [replace(run, values=values)]).data("run")
    assert shown["values"] == {"kl": [None, None, 1.0, 2.0, 3.0, 4.0]}


def test_no_optimal_discriminator_is_not_shown(tmp_path):
    (shown,) = lab(tmp_path, [synthetic(optimal=False)]).data("run")
    assert "optimal" not in shown["arrays"]


def test_two_long_runs_make_a_light_page(tmp_path):
    sizes = {"count": 200, "points": 256, "resolution": 48, "side": 24}
    runs = [synthetic(name, seed=seed, **sizes) for seed, name in enumerate("ab")]
    random = np.random.default_rng(0)
    # Runs tremble: what is drawn moves by a fiftieth of the view's half from frame to frame.
    runs = [
        replace(
            run,
            fake=run.fake + random.normal(scale=0.02, size=run.fake.shape),
            manifold=run.manifold + random.normal(scale=0.02, size=run.manifold.shape),
            logits=run.logits + random.normal(scale=0.1, size=run.logits.shape),
            arrows=run.arrows + random.normal(scale=0.05, size=run.arrows.shape),
        )
        for run in runs
    ]
    lab(tmp_path, runs)
    assert 500_000 < (tmp_path / "lab.html").stat().st_size < 3_000_000


def test_needs_no_other_file(tmp_path):
    page = lab(tmp_path, [synthetic()])
    source = (tmp_path / "lab.html").read_text(encoding="utf-8")
    assert page.addresses == []
    assert not re.search(r"https?://|url\(|@import|\bfetch\(|XMLHttpRequest|\bimport\b", source)
    policy = re.search(r'Content-Security-Policy"\s+content="([^"]*)"', source)[1]
    assert policy.startswith("default-src 'none';")
    assert "connect-src" not in policy
    assert "switch JavaScript on" in " ".join(page.text)


@pytest.mark.parametrize("field", ["title", "command", "notes", "name", "about"])
def test_text_is_never_markup(tmp_path, field):
    nasty = "</script></title><script>alert('$x')</script><!--&amp;\"$y"
    if field in ("name", "about"):
        page = lab(tmp_path, [replace(synthetic(), **{field: nasty})])
        assert page.data("run")[0][field] == nasty
    else:
        page = lab(tmp_path, [synthetic()], **{field: [nasty] if field == "notes" else nasty})
        assert any(nasty in text for text in page.text)
    assert [kind for kind, _ in page.scripts] == ["view", "run", "code"]


def test_figures_may_have_any_name(tmp_path):
    nasty = "</script><b>"
    page = lab(tmp_path, [replace(synthetic(), values={nasty: np.zeros(6)})])
    assert list(page.data("run")[0]["values"]) == [nasty]


def test_notes_are_left_out_where_there_are_none(tmp_path):
    assert "Notes" not in lab(tmp_path, [synthetic()]).text
    page = lab(tmp_path, [synthetic()], notes=["First.", "Second."])
    assert {"Notes", "First.", "Second."} <= set(page.text)


def mistaken(tmp_path, recordings, **changes):
    arguments = {"real": REAL, "extent": EXTENT, "title": "", "command": "", **changes}
    real = arguments.pop("real")
    write_lab(recordings, real, tmp_path / "lab.html", **arguments)


@pytest.mark.parametrize(
    ("recordings", "changes", "message"),
    [
        ([], {}, "recordings is empty"),
        ([synthetic("a"), synthetic("b", count=5)], {}, "recording 'b' has other steps than 'a'"),
        ([synthetic("a"), synthetic("a")], {}, "two recordings are called 'a'"),
        ([synthetic()], {"extent": 0.0}, "extent is 0.0, it must be above 0"),
        ([synthetic()], {"extent": float("nan")}, "extent is nan"),
        ([synthetic()], {"real": np.zeros((3, 3))}, r"real is of shape \[3, 3\]"),
        ([synthetic()], {"real": np.full((3, 2), np.nan)}, "real has numbers that are not finite"),
        ([synthetic()], {"centres": [0.0, 1.0]}, r"centres is of shape \[2\]"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, recordings, changes, message):
    with pytest.raises(ValueError, match=message):
        mistaken(tmp_path, recordings, **changes)
    assert list(tmp_path.iterdir()) == []
