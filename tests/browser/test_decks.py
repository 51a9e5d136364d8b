"""The decks of slides in a browser, gone through as a speaker does, without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from accessibility import problems_of_color, problems_of_structure
from playwright.sync_api import Page
from recorder import Recorder

Opener = Callable[..., tuple[Page, Recorder]]
DECK_CHECKS = (Path(__file__).parent / "deck.js").read_text(encoding="utf-8")
SMALL = {"width": 1280, "height": 720}
LARGE = {"width": 1920, "height": 1080}
#: Gone through key by key; the others are measured slide by slide.
WALKED = "slides/02-chain-rule.html"
MOST_STEPS = 400


@pytest.fixture
def open_deck(open_page: Opener) -> Opener:
    """Like ``open_page``, for a deck: returns when the first slide is shown."""

    def open_deck(name: str, protocol: str, theme: str) -> tuple[Page, Recorder]:
        page, recorder = open_page(name, protocol, theme, viewport=SMALL)
        page.wait_for_function("document.documentElement.dataset.deck === 'ready'")
        page.evaluate(DECK_CHECKS)
        return page, recorder

    return open_deck


def is_odd(deck: str) -> bool:
    """Whether ``slides/NN-name.html`` has an odd number."""
    return int(deck.removeprefix("slides/")[:2]) % 2 == 1


def test_nothing_leaves_its_slide_and_everything_can_be_read(open_deck: Opener, deck: str) -> None:
    """Every slide in its last step, in two sizes; each deck over one protocol, in one theme."""
    protocol, theme = ("file", "light") if is_odd(deck) else ("http", "dark")
    page, recorder = open_deck(deck, protocol, theme)
    recorder.add(page.evaluate("deckChecks.measure()"))
    page.set_viewport_size(LARGE)
    page.evaluate("bookChecks.calm()")
    recorder.add(page.evaluate("deckChecks.measure()"))
    recorder.report(f"{deck} over {protocol} in the {theme} theme")


def test_a_deck_can_be_read_by_everyone(open_page: Opener, deck: str) -> None:
    """All slides at once, as they are printed, in the theme in which they are not measured."""
    theme = "dark" if is_odd(deck) else "light"
    page, recorder = open_page(f"{deck}?print-pdf", "file", theme, viewport=SMALL)
    page.wait_for_function("document.documentElement.dataset.deck === 'ready'")
    page.evaluate("bookChecks.thin()")
    recorder.add(problems_of_structure(page))
    recorder.add(problems_of_color(page))
    recorder.report(f"{deck} in the {theme} theme")


def test_without_scripts_a_deck_leads_to_its_chapter(open_page: Opener, deck: str) -> None:
    page, _ = open_page(deck, java_script_enabled=False)
    link = page.get_by_role("link", name="The chapter").filter(visible=True)
    assert page.locator(".deck-noscript").is_visible()
    with page.expect_navigation():
        link.first.click()
    assert page.url.endswith(deck.replace("slides/", "chapters/"))


def test_the_short_deck_holds_what_a_lecture_has_time_for(open_deck: Opener) -> None:
    page, recorder = open_deck(WALKED, "file", "light")
    chosen = page.evaluate("document.querySelectorAll('section:not(.stack, [data-long])').length")
    whole = page.evaluate("Reveal.getTotalSlides()")
    page.close()
    short, recorder = open_deck(f"{WALKED}?lecture", "file", "light")
    assert short.evaluate("Reveal.getTotalSlides()") == chosen < whole
    recorder.report("a short deck")


def state(page: Page) -> list[int]:
    """Slide, slide below, and step."""
    return page.evaluate(
        "(({h, v, f}) => [h, v ?? 0, f === undefined ? -1 : f])(Reveal.getIndices())"
    )


def test_a_deck_is_gone_through_by_the_keyboard_alone(open_deck: Opener) -> None:
    """Each key shows something new; rows and lines of code come together; the stepper moves."""
    page, recorder = open_deck(WALKED, "file", "light")
    seen = [state(page)]
    rows, together, moved = 0, 0, set()
    while not page.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next"):
        page.keyboard.press("Space")
        seen.append(state(page))
        assert len(seen) < MOST_STEPS
        now = page.evaluate(
            "[...Reveal.getCurrentSlide().querySelectorAll('.current-fragment')].map("
            "e => e.tagName === 'MJX-MTR' ? 'row' : e.classList.contains('deck-line') ? 'line' : "
            "e.dataset.value ? 'value ' + e.dataset.value : 'cell')"
        )
        rows += "row" in now
        together += {"row", "line"} <= set(now)
        moved |= {one for one in now if one.startswith("value")}
    assert len({tuple(one) for one in seen}) == len(seen), "a key showed nothing new"
    assert rows >= 20
    assert together >= 8, "lines of code come with their rows"
    assert len(moved) >= 15, "the stepper is moved by the same keys"
    for _ in range(len(seen) - 1):
        page.keyboard.press("Shift+Space")
    assert state(page)[:2] == [0, 0]
    recorder.report(f"{WALKED} by the keyboard")


def stepper_slide(page: Page) -> None:
    page.evaluate(
        "Reveal.slide(Reveal.getIndices(document.querySelectorAll('[data-stepper]')[1]"
        ".closest('section')).h, 0, -1)"
    )
    page.wait_for_function("Reveal.getCurrentSlide().querySelector('[data-state=live]')")


def test_the_keys_of_the_slides_move_a_stepper_and_a_slider_keeps_its_own(
    open_deck: Opener,
) -> None:
    page, recorder = open_deck(WALKED, "file", "light")
    stepper_slide(page)
    slider = page.locator("section.present .bp-chart-live input[type=range]")
    first = float(slider.input_value())
    page.keyboard.press("Space")
    assert float(slider.input_value()) == first + 1
    page.keyboard.press("Shift+Space")
    assert float(slider.input_value()) == first
    slider.focus()
    before = state(page)
    page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == first + 1
    assert state(page) == before, "a slider that has the focus keeps the arrow keys"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert state(page) != before, "and gives them back"
    recorder.report("a stepper")


def test_a_slider_is_where_the_mouse_is(open_deck: Opener) -> None:
    """A chart is drawn larger on a slide: dragging must know."""
    page, recorder = open_deck(WALKED, "file", "light")
    stepper_slide(page)
    slider = page.locator("section.present .bp-chart-live input[type=range]")
    page.evaluate("bookChecks.calm()")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    low, high = (float(slider.get_attribute(name) or 0) for name in ("min", "max"))
    assert abs(float(slider.input_value()) - (low + high) / 2) <= 1
    recorder.report("a slider under the mouse")


def test_overview_speaker_view_and_theme(open_deck: Opener) -> None:
    page, recorder = open_deck(WALKED, "file", "light")
    page.keyboard.press("o")
    assert page.evaluate("Reveal.isOverview()")
    page.keyboard.press("o")
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("Space")
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    notes = popup.value.locator(".speaker-controls-notes .value")
    notes.filter(has_text="min.").wait_for()
    assert "Ask" in notes.inner_text()
    popup.value.close()
    recorder.report("overview, speaker view, theme")


def test_print_view_has_a_page_for_each_slide(open_page: Opener) -> None:
    page, recorder = open_page(f"{WALKED}?print-pdf", "file", "light", viewport=SMALL)
    page.wait_for_function("document.documentElement.dataset.deck === 'ready'")
    page.wait_for_selector(".pdf-page")
    slides = page.evaluate("document.querySelectorAll('.slides section:not(.stack)').length")
    assert page.locator(".pdf-page").count() == slides
    assert (
        page.evaluate("document.querySelectorAll('.pdf-page .fragment:not(.visible)').length") == 0
    )
    recorder.report("the print view")
