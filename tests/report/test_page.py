import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gan_jax.report import Finding, Score, draw_curves, image_grid, save_png, write_report

VOID = {"meta", "img", "input", "br"}


class Page(HTMLParser):
    """Check that tags nest, and collect images, links and text."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.images, self.text, self.addresses = [], [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag == "img":
            self.images.append(attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data.strip())


def picture_in(address):
    head, content = address.split(",", 1)
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as picture:
        return np.asarray(picture)


def report(workdir, **changes):
    arguments = {
        "title": "DCGAN on digits",
        "config": {"seed": 0, "optimizer": {"learning_rate": 2e-4}, "data_dir": None, "extra": {}},
        "rows": [{"step": 1, "wall_time": 0.0, "generator_loss": 1.5}],
        "command": "python -m experiments.digits --seed 0",
        **changes,
    }
    path = write_report(workdir, **arguments)
    assert path == workdir / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def write_samples(workdir, steps):
    for step in steps:
        image = np.full((4, 4, 4, 1), step % 256, np.uint8)
        save_png(workdir / "samples" / f"step_{step:08d}.png", image_grid(image))


def test_an_empty_folder_makes_a_page_without_pictures(tmp_path):
    page = report(tmp_path, rows=[])
    assert page.images == []
    assert "Samples over training" not in page.text
    assert "python -m experiments.digits --seed 0" in page.text
    assert "Notes" not in page.text
    assert page.text.index("optimizer.learning_rate") + 2 < page.text.index("data_dir")
    assert "0.0002" in page.text
    assert "Python" in page.text


def test_everything_given_is_shown(tmp_path):
    page = report(
        tmp_path,
        about="A convolutional GAN.",
        data="digits, 1,797 images",
        final=[Score("Fréchet distance", 5.23456, 0.5, "on 1,797 samples"), Score("modes", "9/10")],
        notes=["First.", "Second."],
        environment={"device": "cpu"},
    )
    for text in ("A convolutional GAN.", "Data: digits, 1,797 images", "First.", "Second."):
        assert text in page.text
    for text in ("Fréchet distance", "5.235", "0.5", "on 1,797 samples", "modes", "9/10", "cpu"):
        assert text in page.text
    assert "real data" in page.text


def test_a_diagnosis_says_what_when_and_what_helps(tmp_path):
    findings = [
        Finding("mode collapse", 1200, 1900, "few places", "more places"),
        Finding("cycling", 5000, None, "round & round", "stop"),
    ]
    page = report(tmp_path, diagnosis=findings)
    start = page.text.index("Diagnosis")
    for text in ("mode collapse", "1,200 to 1,900", "few places", "more places", "cycling"):
        assert text in page.text[start:]
    assert "5,000 to the end" in page.text
    assert "round & round" in page.text
    assert "No alarm." in report(tmp_path, diagnosis=[]).text
    assert "Diagnosis" not in report(tmp_path).text


def test_a_column_that_nobody_fills_is_left_out(tmp_path):
    page = report(tmp_path, final=[Score("modes", 10)])
    assert "this run" in page.text
    assert "real data" not in page.text
    assert "note" not in page.text


def test_pictures_of_an_evaluation_stand_with_the_results(tmp_path):
    (tmp_path / "evaluation").mkdir()
    save_png(tmp_path / "evaluation" / "nearest.png", np.full((4, 4, 3), 7, np.uint8))
    page = report(tmp_path, final=[Score("modes", 10)])
    assert "samples nearest to a training image" in page.images[-1]["alt"]
    assert (picture_in(page.images[-1]["src"]) == 7).all()


def test_needs_no_other_file(tmp_path):
    write_samples(tmp_path, [0, 100])
    draw_curves([{"step": 0, "modes": 1.0}], tmp_path / "curves.png")
    page = report(tmp_path)
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert "link" not in page.tags
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http://" not in source
    assert "https://" not in source
    assert "url(" not in source


def test_frames_are_evenly_chosen_and_the_last_is_the_one_seen(tmp_path):
    write_samples(tmp_path, range(0, 10_000, 100))
    page = report(tmp_path)
    assert len(page.images) == 40
    steps = [
        int(image["data-step"].removeprefix("step ").replace(",", "")) for image in page.images
    ]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 9900)
    assert ["hidden" in image for image in page.images] == [True] * 39 + [False]
    for image, step in zip(page.images, steps, strict=True):
        assert picture_in(image["src"])[2, 2] == step % 256


def test_many_heavy_pictures_leave_a_page_that_can_be_opened(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    for step in range(0, 2000, 40):
        save_png(tmp_path / "samples" / f"step_{step}.png", noise)
    (tmp_path / "evaluation").mkdir()
    save_png(tmp_path / "evaluation" / "nearest.png", np.tile(noise, (2, 3, 1)))
    page = report(tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
    assert len(page.images) == 41
    assert all(min(picture_in(image["src"]).shape[:2]) > 150 for image in page.images)


def test_a_diagnosis_that_never_ends_is_cut_short_and_says_so(tmp_path):
    findings = [Finding("cycling", step, step + 1, "what", "remedy") for step in range(20_000)]
    page = report(tmp_path, diagnosis=findings)
    assert page.text.count("cycling") == 100
    assert "And 19,900 more, the last from step 19,999." in page.text
    assert (tmp_path / "report.html").stat().st_size < 50_000


def test_a_heavy_frame_goes_in_lighter(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (2000, 1000, 3), np.uint8)
    save_png(tmp_path / "samples" / "step_1.png", noise)
    page = report(tmp_path)
    assert picture_in(page.images[0]["src"]).shape == (1200, 600, 3)
    assert len(page.images[0]["src"]) < (tmp_path / "samples" / "step_1.png").stat().st_size / 4


def test_the_page_does_not_grow_with_the_rows(tmp_path):
    rows = [{"step": step, "wall_time": 0.0, "generator_loss": 1.0} for step in range(100_000)]
    rows[50_000]["modes"] = 9.0
    page = report(tmp_path, rows=rows)
    assert (tmp_path / "report.html").stat().st_size < 20_000
    assert "Last values, up to step 99,999" in page.text
    assert page.text[page.text.index("modes") :][:3].count("9") == 1


@pytest.mark.parametrize("field", ["title", "command", "about", "data"])
def test_text_is_never_markup(tmp_path, field):
    nasty = "</title></script><script>alert('$x')</script>&amp;\"$y"
    page = report(tmp_path, **{field: nasty})
    assert page.tags.count("script") == 1
    assert any(nasty in text for text in page.text)


def test_text_in_tables_is_never_markup(tmp_path):
    nasty = "</td><img src=x onerror=alert(1)>"
    page = report(
        tmp_path,
        config={nasty: nasty},
        rows=[{"step": 1, nasty: 1.0}],
        final=[Score(nasty, nasty, nasty, nasty)],
        diagnosis=[Finding(nasty, 1, None, nasty, nasty)],
        notes=[nasty],
        environment={nasty: nasty},
    )
    assert page.images == []
    assert page.text.count(nasty) == 2 + 1 + 4 + 3 + 1 + 2
