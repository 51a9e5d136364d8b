"""Each exhibit of chapter 14 is wrong in the way that the chapter says.

The code is the chapter's own: the cells of its text twin, the opening section once and then
those of one exhibit, whichever, by itself.
"""

import re
from pathlib import Path

import jupytext
import numpy as np
import pytest

from backprop import diagnosis
from backprop.checking import check_gradient
from backprop.losses import SoftmaxCrossEntropy

TWIN = Path(__file__).parent.parent / "chapters/text/14-museum.md"

#: What the checker has to say first; None where the gradient is right.
NAMES = {
    1: "constant factor",
    2: "trace for the outer product",
    3: "broadcast axis not summed",
    4: "broadcast axis not summed",
    5: "gradient in place of weights",
    6: "mask from the wrong array",
    7: "mask from the wrong array",
    8: "logits against probabilities",
    9: "update before all gradients",
    10: "accumulated across calls",
    11: "stale cache",
    12: "wrong activation derivative",
    13: "zero everywhere",
    14: "multiple of x added",
    15: None,
    16: "not finite",
    17: "not finite",
    18: "saturated",
}
#: "Learns" in the chapter's table: the last loss is below this part of the first.
LEARNED = 0.25
#: The right gradients of this exhibit are those of a loss with a random mask.
RANDOM = {7}


def exhibits():
    """The sources of the opening cells, and those of each exhibit by its number."""
    opening, found, number = [], {}, 0
    for cell in jupytext.read(TWIN).cells:
        if cell.cell_type == "markdown":
            for heading in re.findall(r"^(##+ .*)$", cell.source, re.M):
                numbered = re.match(r"### (\d+)\. ", heading)
                number = int(numbered[1]) if numbered else number and -1
        elif "get_ipython" not in cell.source and number >= 0:
            (found.setdefault(number, []) if number else opening).append(cell.source)
    return opening, found


OPENING, EXHIBITS = exhibits()
TABLE = {
    int(row[0]): row[1:]
    for row in (
        [part.strip() for part in line.strip("| ").split("|")]
        for line in TWIN.read_text("utf-8").splitlines()
        if re.match(r"\| \d+ \|", line)
    )
}


def executed(number):
    """The names that an exhibit leaves, and what it let train."""
    names, races = {}, []
    for source in OPENING:
        exec(compile(source, TWIN.name, "exec"), names)

    def race(title, wrong, **settings):
        races.append((wrong, settings))
        return original(title, wrong, **settings)

    original, names["race"] = names["race"], race
    for source in EXHIBITS[number]:
        exec(compile(source, f"{TWIN.name}, exhibit {number}", "exec"), names)
    return names, races


@pytest.fixture(scope="module")
def visited():
    """Each exhibit is executed once, when it is first asked for."""
    seen = {}

    def visit(number):
        if number not in seen:
            seen[number] = executed(number)
        return seen[number]

    return visit


def test_the_table_lists_all_exhibits():
    assert list(EXHIBITS) == list(TABLE) == list(NAMES) == list(range(1, len(NAMES) + 1))
    assert sum(name is not None for name in NAMES.values()) >= 16
    for number, name in NAMES.items():
        assert TABLE[number][3] == (name or "nothing: it is right")
        assert name is None or name in diagnosis.NAMES


@pytest.mark.parametrize("number", NAMES)
def test_an_exhibit_gets_its_right_name(number, visited):
    report = visited(number)[0]["report"]
    if NAMES[number] is None:
        assert report.ok
        assert report.causes == ()
        return
    assert not report.ok
    assert report.causes[0].name == NAMES[number], report
    assert ("its shape is" in report.diagnosis) == (TABLE[number][2] == "wrong")


@pytest.mark.parametrize("number", NAMES)
def test_an_exhibit_learns_or_not_as_the_table_says(number, visited):
    names, _ = visited(number)
    (rows,) = names["runs"].values()
    runs = {kind: [r["loss"] for r in rows if r["kind"] == kind] for kind in ("right", "wrong")}
    lengths = {kind: len(losses) for kind, losses in runs.items()}
    right, wrong = (losses[-1] / losses[0] for losses in runs.values())
    # Exhibit 1 shows the right gradients at a rate that is too small for them.
    assert right < (1 if number == 1 else LEARNED)
    assert lengths["right"] >= 30
    learned = lengths["wrong"] == lengths["right"] and wrong < LEARNED
    assert TABLE[number][1].startswith("yes" if learned else "no")
    if "better" in TABLE[number][1] or "faster" in TABLE[number][1]:
        assert wrong < right
    if "worse" in TABLE[number][1] or "slowly" in TABLE[number][1]:
        assert wrong > 1.3 * right


@pytest.mark.parametrize("number", [number for number in NAMES if number not in RANDOM])
def test_the_mend_passes_the_check(number, visited):
    """The gradients that the right curve was trained with are right."""
    names, ((_, settings),) = visited(number)
    settings = {"right": names["backward"], "loss": names["mean_loss"]} | settings
    weights = settings.get("weights", names["start"])
    x, y = (part[-64:] for part in settings.get("data", (names["x"], names["y"])))
    for at, gradient in enumerate(settings["right"](weights, x, y)):

        def f(values, at=at):
            moved = [values if i == at else W for i, W in enumerate(weights)]
            return settings["loss"](moved, x, y)

        report = check_gradient(f, gradient, weights[at], method="projections")
        assert report.ok, report


def test_a_mask_that_is_kept_passes_the_check(visited):
    names, _ = visited(7)
    h, (_, y), w2 = names["h"], names["few"], names["start"][1]
    kept = names["dropout"](np.ones_like(h), np.random.default_rng(7))
    grad = kept * (2 * ((h * kept) @ w2 - y) / y.size @ w2.T)
    assert check_gradient(lambda h: (((h * kept) @ w2 - y) ** 2).mean(), grad, h)


# What the chapter says beside the reports.


def test_one_sample_hides_the_missing_mean(visited):
    names, _ = visited(1)
    one = names["images"][:1], names["one_hot"][:1]
    claimed = names["of_the_sum"](names["layer"], *one)
    assert names["examine"](claimed, names["layer"], one, SoftmaxCrossEntropy())


def test_flat_labels_pass_a_check_against_their_own_loss(visited):
    names, _ = visited(3)
    x, y = names["batch"]
    (w1, w2), claimed = names["narrow"], names["flat_labels"](names["narrow"], x, y)

    def own_loss(w1):
        return ((np.maximum(x @ w1, 0) @ w2 - y[:, 0]) ** 2).mean()

    assert check_gradient(own_loss, claimed[0], w1)


def losses(visit, number):
    """The losses of the wrong program of an exhibit in its chart, by the step."""
    (rows,) = visit(number)[0]["runs"].values()
    return {row["step"]: row["loss"] for row in rows if row["kind"] == "wrong"}


def test_the_swapped_gradient_makes_that_of_the_last_layer_small(visited):
    names, _ = visited(5)
    (x, y), (w1, w2) = names["few"], names["start"]
    g = 2 * (np.maximum(x @ w1, 0) @ w2 - y) / y.size
    claimed = names["swapped"](names["start"], x, y)[0]
    assert check_gradient(lambda w1: ((np.maximum(x @ w1, 0).T @ g) ** 2).sum() / 2, claimed, w1)
    assert losses(visited, 5)[300] > 3 * losses(visited, 13)[300]


def test_the_mask_from_the_gradient_stands_still(visited):
    told = losses(visited, 6)
    assert told[0] > 3
    assert all(0.455 < told[step] < 0.495 for step in told if step >= 60)


def test_the_new_dropout_mask_jumps_up_to_the_start_and_the_kept_one_does_not(visited):
    told = losses(visited, 7)
    (rows,) = visited(7)[0]["runs"].values()
    assert max(told[step] for step in told if step > 50) > told[0]
    assert max(r["loss"] for r in rows if r["kind"] == "right" and r["step"] > 50) < told[0] / 5


def test_the_look_at_other_samples_helps_for_ten_steps_and_then_no_more(visited):
    told = list(losses(visited, 11).values())
    assert told[0] > told[1]
    assert told[1:] == sorted(told[1:])


def test_the_slope_is_left_over_beyond_28(visited):
    cut_off = visited(18)[0]["cut_off"]
    for z, label, ratio in ((27, 0, 1), (-27, 1, 1), (30, 0, 0.1), (-30, 1, 0.1), (37, 0, 0)):
        z, y = np.array([[float(z)]]), np.array([[float(label)]])
        found = cut_off(z, y) / (1 / (1 + np.exp(-z)) - y)
        assert found.item() == pytest.approx(ratio, rel=0.1, abs=1e-12)
    told = losses(visited, 18)
    assert told[120] < told[0] / 2 < told[110]


def test_the_early_update_fails_at_a_rate_where_the_right_one_works(visited):
    names, _ = visited(9)

    def end(gradients):
        start, loss, data = names["start"], names["mean_loss"], (names["x"], names["y"])
        with np.errstate(all="ignore"):
            return names["curve"](gradients, start, loss, data, 0.5, 300, 128)

    assert end(names["backward"])[1] == ""
    assert end(lambda *where: names["too_early"](*where, rate=0.5))[1].startswith("too large")


def test_the_decayed_bias_is_right_for_another_loss(visited):
    names, _ = visited(14)
    assert names["with_bias"].ok
    evidence = names["report"].causes[0].evidence
    assert "row 4" in evidence
    assert "the bias" in evidence


def test_the_dead_layer_is_found_by_counting(visited):
    names, _ = visited(15)
    x, y = names["bright"]
    assert names["alive"](names["positive"], x) == 12
    assert names["alive"](names["dead"], x) == 0
    assert not any(grad.any() for grad in names["backward"](names["dead"], x, y))


@pytest.mark.parametrize(("number", "rows"), [(16, {2}), (17, {3})])
def test_nan_is_where_the_chapter_says(number, rows, visited):
    names, _ = visited(number)
    assert set(np.argwhere(np.isnan(names["claimed"]))[:, 0]) == rows
    assert "all others are right" in names["report"].causes[0].evidence


def test_two_slips_of_the_last_exercise_are_both_named():
    names = {}
    sources = [c.source for c in jupytext.read(TWIN).cells if c.cell_type == "code"]
    for source in (*OPENING, next(s for s in sources if "def suspicious" in s)):
        exec(compile(source, TWIN.name, "exec"), names)
    report = names["examine"](names["suspicious"](*names["start"], *names["few"]))
    assert [cause.name for cause in report.causes] == ["mask missing", "constant factor"]
