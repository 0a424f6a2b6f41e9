"""The page as people see it, in a browser without a network."""

import base64
import io
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from gan_jax.lab.page import write_lab
from tests.lab.synthetic import synthetic

sync_api = pytest.importorskip("playwright.sync_api")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COUNT = 12
LAYERS = ("data", "fakes", "discriminator", "manifold", "gradients", "optimal")


@pytest.fixture(scope="module")
def browser():
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser is installed, none of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    runs = [
        synthetic("ring", count=COUNT, about="The first."),
        synthetic("other ring", count=COUNT, seed=1, relative=True),
        synthetic("third ring", count=COUNT, seed=2, optimal=False, losses=False),
    ]
    write(path, runs)
    return path.as_uri()


def write(path, runs):
    real = np.random.default_rng(1).normal(size=(100, 2)).clip(-1.9, 1.9)
    centres = [(1.0, 0.0), (-1.0, 0.0)]
    write_lab(runs, real, path, extent=2.0, title="Ring", command="python -m ring", centres=centres)


@contextmanager
def opened(browser, address, *, width=1280, motion="reduce", **context):
    """Open the page, and check that it asked for nothing and complained of nothing."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, reduced_motion=motion, offline=True, **context
    )
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    yield page
    assert said == []
    assert asked == [address]
    context.close()


@pytest.fixture
def page(browser, address):
    with opened(browser, address) as page:
        yield page


def pixels(page, side=0):
    """Return a panel's picture as it is drawn now."""
    return page.locator("canvas.view").nth(side).evaluate("canvas => canvas.toDataURL()")


def curves(page):
    return page.locator(".chart canvas").first.evaluate("canvas => canvas.toDataURL()")


def until(page, expression):
    """Wait for what is true sooner or later; the page's policy forbids `wait_for_function`."""
    for _ in range(500):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


def step(page):
    return int(page.locator("#step").inner_text().removeprefix("step ").replace(",", ""))


def only(page, layer):
    """Switch all layers off but one."""
    for digit, name in enumerate(LAYERS, 1):
        on = page.locator(f"[data-layer={name}]").get_attribute("aria-pressed") == "true"
        if on != (name == layer):
            page.keyboard.press(str(digit))


def colours_at(page, places):
    """Return red, green and blue at places [N, 2] of the left view, which is from -2 to 2."""
    content = base64.b64decode(pixels(page).split(",")[1])
    with Image.open(io.BytesIO(content)) as picture:
        drawn = np.asarray(picture.convert("RGB"), np.int32)
    x, y = np.array(places).T
    row, column = (((2 + at) / 4 * len(drawn)).astype(int) for at in (-y, x))
    return drawn[row, column]


def test_the_browser_unpacks_what_was_packed(page):
    run = synthetic("ring", count=COUNT)
    frames = page.evaluate(
        """async () => {
          const arrays = Object.entries(await load(runs[0]));
          return Object.fromEntries(arrays.map(([name, it]) => [name, [...it.frame(7)]]));
        }"""
    )
    for name in ("fake", "manifold"):
        places = 3.0 * (2 * np.array(frames[name]) / 2047 - 1)
        want = getattr(run, name)[7].ravel().clip(-3, 3)
        np.testing.assert_allclose(places, want, atol=0.0015)
    want = 255 / (1 + np.exp(-run.logits[7].ravel()))
    np.testing.assert_allclose(frames["logits"], want, atol=0.51)
    assert min(frames["arrows"]) < 0 < max(frames["arrows"])
    pushed = np.abs(run.arrows[7].ravel()) > 0.05
    signs = np.sign(run.arrows[7].ravel())
    assert (np.sign(frames["arrows"])[pushed] == signs[pushed]).all()


def test_colours_are_where_they_belong(page):
    page.keyboard.press("Home")  # At first the logits are (x + y) / 2.
    only(page, "discriminator")
    red, green, blue = colours_at(page, [(1.8, 1.8), (-1.8, -1.8), (1.5, -1.5)]).T
    assert (np.sign(blue - red)[:2] == (1, -1)).all()
    assert np.ptp([red[2], green[2], blue[2]]) < 20
    only(page, "fakes")
    fakes = synthetic("ring", count=COUNT).fake[0]
    red, _, blue = colours_at(page, fakes[np.abs(fakes).max(axis=1) < 1.9]).T
    assert np.mean((red > 150) & (blue < 60)) > 0.8


def test_who_wants_little_motion_sees_the_last_frame_stand(page):
    assert step(page) == 100 * COUNT
    page.wait_for_timeout(300)
    assert step(page) == 100 * COUNT


def test_it_plays_at_once_otherwise_and_stops_at_the_end(browser, address):
    with opened(browser, address, motion="no-preference") as page:
        page.locator("#speed").select_option("4")
        until(page, f"document.getElementById('slider').value === '{COUNT - 1}'")
        page.wait_for_selector("#play[aria-label=play]")
        assert step(page) == 100 * COUNT


def test_play_moves_and_pause_holds(page):
    page.locator("#speed").select_option("0.25")
    before = pixels(page)
    page.locator("#play").click()
    assert page.locator("#play").get_attribute("aria-label") == "pause"
    until(page, "Number(document.getElementById('slider').value) >= 2")
    page.locator("#play").click()
    held = (step(page), pixels(page), curves(page))
    assert 100 < held[0] < 100 * COUNT
    assert held[1] != before
    page.wait_for_timeout(400)
    assert (step(page), pixels(page), curves(page)) == held


def test_the_slider_scrubs(page):
    before = (pixels(page), pixels(page, 1), curves(page))
    page.locator("#slider").fill("3")
    assert step(page) == 400
    assert page.locator("#slider").get_attribute("aria-valuetext") == "step 400"
    after = (pixels(page), pixels(page, 1), curves(page))
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert "ring at step 400" in page.locator("canvas.view").first.get_attribute("aria-label")
    assert "modes 2" in page.locator("canvas.view").first.get_attribute("aria-label")


def test_buttons_and_keys_go_frame_by_frame(page):
    page.keyboard.press("Home")
    assert step(page) == 100
    page.keyboard.press("ArrowLeft")
    assert step(page) == 100
    seen = [pixels(page)]
    page.keyboard.press("ArrowRight")
    seen.append(pixels(page))
    page.locator("#forward").click()
    seen.append(pixels(page))
    assert step(page) == 300
    assert len(set(seen)) == 3
    page.locator("#back").click()
    page.keyboard.press("ArrowLeft")
    assert (step(page), pixels(page)) == (100, seen[0])
    page.keyboard.press("End")
    page.locator("#forward").click()
    assert step(page) == 100 * COUNT


def test_space_plays_and_pauses_wherever_the_focus_is(page):
    play = page.locator("#play")
    page.locator("#speed").select_option("0.25")
    for place in ("body", "#slider", "#play"):
        page.locator(place).focus()
        page.keyboard.press("Home")
        page.keyboard.press(" ")
        assert play.get_attribute("aria-label") == "pause"
        page.keyboard.press(" ")
        assert play.get_attribute("aria-label") == "play"


@pytest.mark.parametrize(("digit", "layer"), list(enumerate(LAYERS, 1)))
def test_every_layer_is_seen_and_can_be_switched(page, digit, layer):
    page.keyboard.press("Home")
    button = page.locator(f"[data-layer={layer}]")
    on = button.get_attribute("aria-pressed")
    before = pixels(page)
    button.click()
    assert button.get_attribute("aria-pressed") == {"true": "false", "false": "true"}[on]
    assert pixels(page) != before
    page.keyboard.press(str(digit))
    assert button.get_attribute("aria-pressed") == on
    assert pixels(page) == before


def test_the_optimal_discriminator_takes_the_place_of_the_colours(page):
    only(page, "optimal")
    optimal = pixels(page)
    page.keyboard.press("6")
    empty = pixels(page)
    page.keyboard.press("3")
    assert len({optimal, empty, pixels(page)}) == 3


def test_a_run_is_chosen_for_each_side(page):
    left, right = (page.get_by_label(f"run on the {side}") for side in ("left", "right"))
    before = (pixels(page, 0), pixels(page, 1))
    right.select_option("third ring")
    until(page, "document.querySelectorAll('.panel')[1].querySelectorAll('.chart').length === 2")
    assert pixels(page, 0) == before[0]
    assert pixels(page, 1) != before[1]
    assert page.locator(".panel .chart").count() == 5
    left.select_option("third ring")
    until(page, "document.querySelector('[data-layer=optimal]').disabled")
    page.keyboard.press("6")
    assert page.locator("[data-layer=optimal]").get_attribute("aria-pressed") == "false"


def test_one_run_can_be_looked_at_alone(page):
    before = page.locator("canvas.view").first.bounding_box()["width"]
    page.get_by_label("run on the right").select_option("none")
    assert page.locator("canvas.view").nth(1).is_hidden()
    assert page.locator("canvas.view").first.bounding_box()["width"] > before
    page.keyboard.press("Home")
    assert step(page) == 100


def test_a_page_of_one_run_has_one_panel(browser, tmp_path):
    path = tmp_path / "one.html"
    write(path, [synthetic(count=1)])
    with opened(browser, path.as_uri()) as page:
        assert page.locator(".panel:visible").count() == 1
        page.locator("#play").click()
        assert step(page) == 100


def test_a_curve_is_a_way_to_its_steps(page):
    box = page.locator(".chart canvas").first.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    assert step(page) == 100
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert step(page) in (600, 700)


def test_what_relates_to_a_middle_says_so(page):
    notes = page.locator(".about").all_inner_texts()
    assert "The first." in notes[0]
    assert "relative to the middle" not in notes[0]
    assert "relative to the middle" in notes[1]


@pytest.mark.parametrize("width", [320, 360, 700, 1280])
def test_nothing_is_wider_than_the_screen(browser, address, width):
    with opened(browser, address, width=width, device_scale_factor=2) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [page.locator("canvas.view").nth(side).bounding_box() for side in (0, 1)]
        stacked = boxes[1]["y"] > boxes[0]["y"]
        assert stacked == (width < 704)
        drawn = page.locator("canvas.view").first.evaluate("canvas => canvas.width")
        assert drawn == pytest.approx(2 * boxes[0]["width"], abs=2)
        page.set_viewport_size({"width": 400, "height": 800})
        until(page, "document.querySelector('canvas.view').width < 800")


def test_the_dark_is_dark(browser, address):
    def brightness(page):
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    with opened(browser, address, color_scheme="dark") as page:
        dark = pixels(page)
        assert brightness(page) < 150
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        until(page, "colours.card === '#ffffff'")
        assert brightness(page) > 600
        assert pixels(page) != dark


def test_the_network_is_forbidden(browser, address):
    page = browser.new_page()
    page.goto(address)
    reached = page.evaluate("fetch('data:text/plain,hello').then(() => true, () => false)")
    assert reached is False
    page.close()


def test_without_scripts_it_says_so(browser, address):
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)
    assert page.locator("noscript p").is_visible()
    assert page.locator("#lab").is_hidden()
    assert page.get_by_text("mode collapse").is_visible()
    page.close()


def test_an_old_browser_gets_a_sentence(browser, address):
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(address)
    assert "too old" in page.get_by_role("alert").inner_text()
    page.close()


def test_every_control_has_a_name(page):
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select, canvas")].filter(
          (e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)).length"""
    )
    assert unnamed == 0
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(focused) == "solid"
