"""The renderer: what it stores, that it stores the same in every run, and what it refuses."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import altair as alt
import nbformat
import pandas as pd
import pytest

from backprop import charts, palette
from backprop.charts import VEGA_LITE_MIME, Step


@pytest.fixture(autouse=True)
def book_style():
    before = alt.renderers.active, alt.theme.active
    charts.use_book_style()
    yield
    alt.renderers.enable(before[0])
    alt.theme.enable(before[1])


def line(values=(1.0, 2.5), **explained):
    rows = pd.DataFrame({"x": range(len(values)), "y": values})
    chart = alt.Chart(rows).mark_line().encode(x="x", y="y")
    words = {"title": "A line", "todo": "Look at it.", "description": "A rising line."}
    return charts.explain(chart, **(words | explained))


def bundle(chart):
    return chart._repr_mimebundle_(None, None)


def data_of(spec):
    (rows,) = spec["datasets"].values()
    return rows


def test_a_chart_is_stored_live_and_as_a_picture_and_without_html():
    stored = bundle(line())
    assert set(stored) == {VEGA_LITE_MIME, "image/svg+xml", "text/plain"}
    assert stored["text/plain"] == "<chart: A line>"
    assert stored[VEGA_LITE_MIME]["description"] == "A rising line."
    assert ET.fromstring(stored["image/svg+xml"]).tag.endswith("svg")
    output = nbformat.v4.new_output("display_data", stored)
    cell = nbformat.v4.new_code_cell("chart", outputs=[output])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.parametrize("missing", ["description", "title", "todo"])
def test_a_chart_must_say_what_it_is_what_to_do_and_what_it_shows(missing):
    with pytest.raises(ValueError, match=r"charts\.explain"):
        bundle(line(**{missing: ""}))


def test_numbers_are_rounded_to_what_every_machine_agrees_on():
    one, other = bundle(line([0.1 + 0.2, 1 / 3])), bundle(line([0.3, 0.333333333]))
    assert one == other
    assert [row["y"] for row in data_of(one[VEGA_LITE_MIME])] == [0.3, 0.333333]


def test_a_difference_that_can_be_seen_is_kept():
    one, other = bundle(line([0.3, 1.0])), bundle(line([0.30001, 1.0]))
    assert one[VEGA_LITE_MIME] != other[VEGA_LITE_MIME]


def test_very_small_and_very_large_numbers_survive():
    rows = data_of(bundle(line([1.23456789e-300, 9.87654321e17]))[VEGA_LITE_MIME])
    assert [row["y"] for row in rows] == [1.23457e-300, 9.87654e17]


def test_infinity_is_refused():
    chart = charts.explain(
        alt.Chart(alt.Data(values=[{"x": float("inf")}])).mark_point().encode(x="x:Q"),
        title="t",
        todo="t",
        description="d",
    )
    with pytest.raises(ValueError, match="cannot show inf"):
        bundle(chart)


def test_drawing_a_chart_twice_gives_the_same_names():
    def with_selection():
        chart = line().add_params(alt.selection_interval())
        return charts.explain(chart + line(), title="t", todo="t", description="d")

    assert bundle(with_selection()) == bundle(with_selection())


PROGRAM = """
import json
from tests.test_charts import bundle, line, walk
from backprop import charts
charts.use_book_style()
print(json.dumps([bundle(line([0.1, 0.7, 0.3])), bundle(walk())]))
"""


def test_two_processes_store_the_same_bytes():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 5000


def test_only_colors_that_the_dark_theme_can_replace():
    known = {one for one, _ in palette.COLORS.values()}
    stored = json.dumps(bundle(walk())[VEGA_LITE_MIME])
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", stored)) <= known


NODES = {"x": (0, 0), "u": (1, 0), "L": (2, 0)}
EDGES = [("x", "u"), ("u", "L")]
STEPS = [
    Step("x is given.", "x"),
    Step("u is 3 times x.", "u", ("x",), value="6"),
    Step("L is u squared.", "L", ("u",), value="36"),
    Step("L moves 12 times as fast as u.", "u", ("L",), gradient="12"),
]


def walk(steps=STEPS, edges=EDGES, given=None):
    return charts.stepper(
        NODES, edges, steps, title="A walk", description="Four steps.", given=given
    )


def test_a_walk_shows_each_number_from_its_step_on():
    nodes, edges = charts._step_rows(NODES, EDGES, STEPS, {"x": "2"})
    at = {(row["step"], row["node"]): row for row in nodes}
    assert [at[step, "x"]["value"] for step in range(5)] == ["2"] * 5
    assert [at[step, "u"]["value"] for step in range(5)] == ["", "", "6", "6", "6"]
    assert [at[step, "u"]["gradient"] for step in range(5)] == ["", "", "", "", "12"]
    assert [at[step, "u"]["state"] for step in range(5)] == [
        "idle", "idle", "computed", "read", "computed",
    ]  # fmt: skip
    assert [(row["step"], row["x"]) for row in edges if row["state"] == "read"] == [
        (2, 0),
        (3, 1),
        (4, 1),
    ]


def test_the_slider_of_a_walk_has_a_position_for_each_step():
    (param,) = bundle(walk())[VEGA_LITE_MIME]["params"]
    assert (param["name"], param["bind"]["min"], param["bind"]["max"]) == ("step", 0, 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": [Step("?", "z")]},
        {"steps": [Step("?", "x", ("z",))]},
        {"edges": [("x", "z")]},
        {"given": {"z": "1"}},
    ],
)
def test_a_walk_names_a_node_that_is_not_there(wrong):
    with pytest.raises(ValueError, match="no such node: z"):
        walk(**wrong)


def test_a_slider_needs_a_label_that_a_reader_sees():
    binding = charts.slider("h", "step size", 1, 0, 2, 0.5).to_dict()
    assert binding
    assert charts.slider("h", "step size", 1, 0, 2, 0.5).param.bind.name == "step size "


# ---- charts of a training run ----


def history(**more):
    """A table as `training.train` gives it: two epochs."""
    rows = [
        (epoch, split, loss / epoch, 1 - loss / 4 / epoch)
        for epoch in (1, 2)
        for split, loss in (("running", 0.71234567), ("train", 0.5), ("test", 0.61))
    ]
    return pd.DataFrame(rows, columns=["epoch", "split", "loss", "accuracy"]).assign(**more)


def values_of(stored):
    return [row for rows in stored[VEGA_LITE_MIME]["datasets"].values() for row in rows]


WORDS = {"title": "Training", "description": "Two curves."}


@pytest.mark.parametrize("split", ["running", "test"])
def test_loss_and_accuracy_of_one_split_have_an_axis_each(split):
    stored = bundle(charts.loss_and_accuracy(history(), split, **WORDS))
    rows = values_of(stored)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {row["split"] for row in rows} == {split}
    spec = stored[VEGA_LITE_MIME]
    assert spec["resolve"] == {"scale": {"y": "independent"}}
    text = json.dumps(spec)
    assert '"title": "loss"' in text
    assert '"title": "accuracy"' in text
    assert '"tooltip"' in text


def test_loss_and_accuracy_name_a_split_that_is_not_there():
    with pytest.raises(ValueError, match="no split 'valid'; expected one of: running, train, test"):
        charts.loss_and_accuracy(history(), "valid", **WORDS)


@pytest.mark.parametrize("value", ["loss", "accuracy"])
def test_learning_curves_show_every_split(value):
    stored = bundle(charts.learning_curves(history(), value, **WORDS))
    assert {row["split"] for row in values_of(stored)} == {"running", "train", "test"}
    assert f'"title": "{value}"' in json.dumps(stored[VEGA_LITE_MIME])
    assert '"bind": "scales"' in json.dumps(stored[VEGA_LITE_MIME])


def test_learning_curves_compare_runs_by_color():
    both = pd.concat([history(run="rate 0.1"), history(run="rate 0.2")])
    text = json.dumps(bundle(charts.learning_curves(both, **WORDS))[VEGA_LITE_MIME])
    assert '"field": "run"' in text
    assert "rate 0.2" in text
    alone = json.dumps(bundle(charts.learning_curves(history(), **WORDS))[VEGA_LITE_MIME])
    assert '"field": "run"' not in alone


def test_learning_curves_know_only_loss_and_accuracy():
    with pytest.raises(ValueError, match="value is 'error'; expected 'loss' or 'accuracy'"):
        charts.learning_curves(history(), "error", **WORDS)


def test_a_training_run_is_stored_in_four_digits():
    rows = values_of(bundle(charts.learning_curves(history(), **WORDS)))
    assert rows[0]["loss"] == 0.7123
