"""Every displayed equation has a check that runs, every check an equation, and both agree."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from equations import harness
from equations.harness import equal, gradient, load, verify
from equations.statements import squeeze

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "chapters/text").glob("*.md")) + sorted((ROOT / "chapters").glob("*.md"))
DISPLAYED = re.compile(r"^\$\$\n(?P<latex>.*?)\n\$\$(?P<label>[^\n]*)$", re.M | re.S)
OTHER_DISPLAY = re.compile(
    r"^(?:```|:::)\{math\}|^\\begin\{(?:equation|align)|^\$\$[^\n]+|^\\\[", re.M
)
DERIVATIVE = re.compile(r"\\partial|\\frac\{d|\\dfrac\{d|\\nabla|\\mathrm\{d\}|'|\\prime|\\dot")

CHECKS = load()


def without_code(text: str) -> str:
    """The text with its fenced code blanked, line for line."""
    return re.sub(r"^```.*?^```$", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.M | re.S)


def displayed() -> list[tuple[str, str, str]]:
    """(place, label, LaTeX) of every displayed equation of the book."""
    found = []
    for path in SOURCES:
        text = without_code(path.read_text("utf-8"))
        for match in DISPLAYED.finditer(text):
            place = f"{path.name}:{text[: match.start()].count(chr(10)) + 1}"
            label = re.fullmatch(r"\s*\((\S+)\)\s*", match["label"])
            found.append((place, label[1] if label else "", match["latex"]))
    return found


EQUATIONS = displayed()
CHECKED = {label: (place, latex) for place, label, latex in EQUATIONS if label.startswith("eq-")}


def test_the_book_has_equations_at_all():
    assert len(CHECKED) > 20


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_displayed_equations_are_written_in_the_one_form_that_can_be_found(path):
    text = without_code(path.read_text("utf-8"))
    text = DISPLAYED.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    odd = [
        f"{path.name}:{text[: m.start()].count(chr(10)) + 1}" for m in OTHER_DISPLAY.finditer(text)
    ]
    assert not odd, f"write these as $$ on lines of their own, with a label: {odd}"


@pytest.mark.parametrize(("place", "label", "latex"), EQUATIONS, ids=[e[1] for e in EQUATIONS])
def test_every_displayed_equation_is_labeled_for_what_it_is(place, label, latex):
    assert re.fullmatch(r"(eq|def)-[a-z0-9-]+", label), f"{place}: label {label!r}"
    if label.startswith("def-"):
        assert not DERIVATIVE.search(latex), f"{place}: {label} states a derivative; name it eq-"


def test_no_label_stands_twice():
    labels = [label for _, label, _ in EQUATIONS]
    assert not {label for label in labels if labels.count(label) > 1}


def test_every_labeled_equation_has_a_check():
    missing = {label: place for label, (place, _) in CHECKED.items() if label not in CHECKS}
    assert not missing, f"no check for {missing}"


def test_every_check_has_an_equation():
    assert not set(CHECKS) - set(CHECKED)


def test_the_landing_page_counts_equations_and_checks():
    text = (ROOT / "index.md").read_text("utf-8")
    told = re.findall(r"(\d+) equations, (\d+) checks", text)
    assert told == [(str(len(CHECKED)), str(len(CHECKS)))]


@pytest.mark.parametrize("label", sorted(set(CHECKS) & set(CHECKED)))
def test_the_check_quotes_the_equation_as_the_chapter_has_it(label):
    place, latex = CHECKED[label]
    assert squeeze(CHECKS[label].latex) == squeeze(latex), f"{place} and its check differ"


@pytest.mark.parametrize("label", sorted(CHECKS))
def test_both_sides_agree(label):
    assert not verify(CHECKS[label].run)


# The harness itself: it must refuse what proves nothing and see what is wrong.


def draw(rng, shape=(3, 4)):
    return rng.normal(size=shape)


def same_object(rng):
    x = draw(rng)
    return equal(x, x)


def all_zero(rng):
    return equal(0 * draw(rng), 0 * draw(rng))


def all_entries_alike(rng):
    return equal(np.full((3, 4), rng.normal()), draw(rng))


def fixed_numbers(rng):
    return equal(np.arange(3.0), np.arange(3.0))


def single_precision(rng):
    x = draw(rng).astype(np.float32)
    return equal(x, x.copy())


def not_finite(rng):
    return equal(draw(rng) / 0.0, draw(rng))


def nothing(rng):
    return []


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (same_object, "same object"),
        (all_zero, "all zero"),
        (all_entries_alike, "constant"),
        (fixed_numbers, "does not change between two draws"),
        (single_precision, "no NumPy float64"),
        (nothing, "nothing to compare"),
    ],
)
def test_the_harness_refuses_a_check_that_cannot_fail(run, message):
    assert message in " ".join(verify(run))


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_the_harness_refuses_numbers_that_are_not_finite():
    assert "not finite" in verify(not_finite)[0]


def quadratic(claim):
    def run(rng):
        x = draw(rng)
        return gradient(lambda t: (t**2).sum(), x, claim(x))

    return run


def test_the_harness_accepts_a_right_gradient():
    assert verify(quadratic(lambda x: 2 * x)) == []


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (lambda x: 2 * x.T, "shape (3, 4) against (4, 3)"),
        (lambda x: -2 * x, "entry"),
        (lambda x: 2.00001 * x, "entry"),
    ],
)
def test_the_harness_sees_a_wrong_gradient(claim, message):
    found = verify(quadratic(claim))
    assert message in found[0]
    assert any("central differences" in line for line in found)


def test_a_label_cannot_have_two_checks():
    label = next(iter(CHECKS))
    with pytest.raises(ValueError, match="two checks"):
        harness.check(label, "")(nothing)


def test_torch_computes_in_double_precision_here():
    assert torch.tensor(draw(np.random.default_rng(0))).dtype == torch.float64
