"""Whatever a run is called: on its pages words are text, and no page asks a network or runs them."""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from gan_jax.lab import write_lab
from gan_jax.report import Finding, Score, save_png, write_report
from tests.lab.synthetic import synthetic

RUNS = "window.ran = true"
HOSTILE = (
    f"<script>{RUNS}</script>",
    f"</script><script>{RUNS}</script>",
    f"</title></style></textarea></pre></code><img src=x onerror='{RUNS}'>",
    f'" autofocus onfocus="{RUNS}" x=\'',
    f"' onmouseover='{RUNS}' \"`",
    f"<!--<script>{RUNS}",
    "]]><![CDATA[--><!--",
    f"<svg/onload={RUNS}><iframe src='javascript:{RUNS}'>",
    "\u2028\u2029\u0085\ufeff\u202e",
    "\x00<\x00b>\x00",
    "&lt;script&gt;&#60;b&#62;&notanentity;&",
    "${title} $command $$ {{x}} %s {0}",
    "\\u003cb\\u003e\\",
    "long " * 20_000,
    "\udcff not Unicode",
)


class Skeleton(HTMLParser):
    """A page without its words: the tags in order with their attributes' names, apart from them."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.scripts, self.values, self.inside = [], "", [], [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *sorted(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.tags.append(("/" + tag,))
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data

    def handle_comment(self, data):
        self.tags.append(("comment",))

    def unknown_decl(self, data):
        self.tags.append(("declaration",))


def report(folder, word):
    folder.mkdir(exist_ok=True)
    for step in (0, 10):
        save_png(folder / "samples" / f"step_{step}.png", np.zeros((4, 4, 1), np.uint8))
    path = write_report(
        folder, title=word, command=word, about=word, data=word, notes=[word],
        config={word: word, "a": {word: [word, {word: word}]}, "b": {}},
        rows=[{"step": 1, word: 1.0, "x": word}],
        final=[Score(word, word, word, word)],
        diagnosis=[Finding(word, 1, None, word, word)],
        environment={word: word},
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


def lab(folder, word):
    folder.mkdir(exist_ok=True)
    run = synthetic()
    values = {word: run.values["modes"], f"{word}_loss": run.values["modes"]}
    path = write_lab(
        [replace(run, name=word, about=word, values=values)], np.zeros((3, 2)), folder / "lab.html",
        extent=2.0, title=word, command=word, notes=[word],
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


def as_shown(word):
    return word.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("word", HOSTILE, ids=[repr(word)[:12] for word in HOSTILE])
def test_a_report_has_the_same_tags_whatever_the_words(word, tmp_path):
    plain, nasty = (Skeleton(report(tmp_path / "x", each)) for each in ("plain", word))
    assert nasty.tags == plain.tags
    assert nasty.scripts == plain.scripts
    assert nasty.values == plain.values
    assert nasty.text.count(as_shown(word).strip()) >= 15


@pytest.mark.parametrize("word", HOSTILE, ids=[repr(word)[:12] for word in HOSTILE])
def test_a_lab_has_the_same_tags_whatever_the_words(word, tmp_path):
    plain, nasty = (Skeleton(lab(tmp_path / "x", each)) for each in ("plain", word))
    assert nasty.tags == plain.tags
    assert nasty.values == plain.values
    view, run, code = nasty.scripts
    assert (view, code) == (plain.scripts[0], plain.scripts[2])
    assert json.loads(run)["name"] == json.loads(run)["about"] == as_shown(word)
    assert list(json.loads(run)["values"]) == [as_shown(word), f"{as_shown(word)}_loss"]
    assert "<" not in run
    assert nasty.text.count(as_shown(word).strip()) >= 3


@pytest.mark.parametrize("make", [report, lab])
def test_a_page_may_ask_nobody(make, tmp_path):
    source = make(tmp_path / "x", "plain")
    policies = re.findall(r'Content-Security-Policy"\s+content="([^"]*)"', source)
    assert len(policies) == 1
    rules = dict(rule.split(" ", 1) for rule in policies[0].split("; "))
    assert rules.pop("default-src") == "'none'"
    assert rules["script-src"].startswith("'sha256-")
    # What is let in comes from nowhere else; all that is not named falls back on none.
    allowed = {"'none'", "data:", "'unsafe-inline'"}
    sources = {part for rule in rules.values() for part in rule.split()}
    assert {part for part in sources - allowed if not part.startswith("'sha256-")} == set()
    assert source.index("Content-Security-Policy") < source.index("<style")


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip(f"no browser is installed, none of {', '.join(names)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser, path):
    """Open a page without a network, and check that it asked for nothing and nothing complained."""
    context = browser.new_context(offline=True, reduced_motion="reduce")
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert page.evaluate("() => window.ran") is None
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    context.close()


def test_in_a_browser_a_hostile_report_is_only_read(browser, tmp_path):
    report(tmp_path / "x", "".join(HOSTILE[:-2]))
    with opened(browser, tmp_path / "x" / "report.html") as page:
        # Its own script runs, which the policy knows.
        page.wait_for_selector("#controls:not([hidden])")
        assert page.locator("#step").inner_text() == "step 10"
        assert RUNS in page.locator("h1").inner_text()


def test_in_a_browser_a_hostile_lab_is_only_read(browser, tmp_path):
    lab(tmp_path / "x", "".join(HOSTILE[:-2]))
    with opened(browser, tmp_path / "x" / "lab.html") as page:
        page.wait_for_selector("html[data-ready]")
        assert RUNS in page.locator(".about").first.inner_text()


def test_in_a_browser_a_script_that_got_in_would_not_run(browser, tmp_path):
    source = report(tmp_path / "x", "plain")
    path = tmp_path / "x" / "report.html"
    path.write_text(source.replace("<main>", f"<main><script>{RUNS}</script>"), encoding="utf-8")
    context = browser.new_context(offline=True)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector("#controls:not([hidden])")
    assert page.evaluate("() => window.ran") is None
    assert len(said) == 1
    assert "Content Security Policy" in said[0]
    context.close()
