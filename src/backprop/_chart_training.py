"""The charts of a training run's table; `backprop.charts` offers them."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from backprop import palette

#: How the splits of a table are drawn: the dashes say which it is without color.
SPLITS = {"running": [2, 3], "train": [6, 3], "test": [1, 0]}
#: A table's numbers are equal on all machines to about so many digits.
DIGITS = 4


def loss_and_accuracy(history: pd.DataFrame, split: str) -> Any:
    """Two lines over the epochs with an axis each, and a rule that reads off both."""
    rows = _rounded(history[history["split"] == split])
    if rows.empty:
        known = ", ".join(dict.fromkeys(history["split"]))
        raise ValueError(f"the table has no split {split!r}; expected one of: {known}")
    near = _nearest_epoch()
    epoch = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d"))
    base = alt.Chart(rows).encode(x=epoch)
    layers = []
    for column, name, dash in (("loss", "blue", [1, 0]), ("accuracy", "green", [6, 3])):
        color = palette.light(name)
        axis = alt.Axis(titleColor=color, format="%" if column == "accuracy" else "")
        y = alt.Y(f"{column}:Q", title=column, axis=axis, scale=alt.Scale(zero=column == "loss"))
        line = base.mark_line(color=color, strokeDash=dash).encode(y=y)
        dots = base.mark_point(color=color, filled=True, size=70).encode(
            y=y, opacity=alt.condition(near, alt.value(1), alt.value(0))
        )
        layers.append(alt.layer(line, dots))
    rule = base.mark_rule().encode(
        opacity=alt.condition(near, alt.value(0.6), alt.value(0)),
        tooltip=_tooltip(["epoch", "loss", "accuracy"]),
    )
    # The rule has no y of its own: without a height the chart would be as high as one line.
    chart = alt.layer(*layers, rule.add_params(near)).properties(height=300)
    return chart.resolve_scale(y="independent")


def learning_curves(history: pd.DataFrame, value: str) -> Any:
    """Lines for the splits, in colors for the runs where there are several."""
    if value not in ("loss", "accuracy"):
        raise ValueError(f"value is {value!r}; expected 'loss' or 'accuracy'")
    rows = _rounded(history)
    by = "run" if "run" in rows else "split"
    names = list(dict.fromkeys(rows["split"]))
    dashes = alt.Scale(domain=names, range=[SPLITS[name] for name in names])
    near, zoom = _nearest_epoch(), alt.selection_interval(name="zoom", bind="scales")
    chosen = alt.selection_point(name="chosen", fields=[by], bind="legend")
    hues = alt.Scale(domain=list(dict.fromkeys(rows[by])))
    color = alt.Color(f"{by}:N", scale=hues, legend=alt.Legend(symbolType="stroke"))
    base = alt.Chart(rows).encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y(
            f"{value}:Q",
            title=value,
            axis=alt.Axis(format="%" if value == "accuracy" else ""),
            scale=alt.Scale(zero=False),
        ),
        color=color,
        detail=["split:N"],
    )
    # Where the colors stand for the splits as well, both have one legend.
    dashed = alt.StrokeDash("split:N", scale=dashes)
    if by == "run":
        dashed = dashed.legend(symbolStrokeColor=palette.light("ink"))
    lines = base.mark_line().encode(
        strokeDash=dashed, opacity=alt.condition(chosen, alt.value(1), alt.value(0.15))
    )
    # What finds the nearest epoch covers what it lies on, so the dots with the words lie on it.
    finder = base.mark_point(opacity=0, aria=False)
    columns = ["epoch", "split", "loss", "accuracy", *(["run"] if by == "run" else [])]
    dots = base.mark_point(filled=True, size=60).encode(
        opacity=alt.condition(near, alt.value(1), alt.value(0)), tooltip=_tooltip(columns)
    )
    return alt.layer(lines.add_params(zoom, chosen), finder.add_params(near), dots)


def _nearest_epoch() -> alt.Parameter:
    return alt.selection_point(
        name="near",
        fields=["epoch"],
        nearest=True,
        on="pointerover",
        clear=False,
        empty=False,
    )


def _tooltip(columns: list[str]) -> list[alt.Tooltip]:
    shown = {
        "loss": alt.Tooltip("loss:Q", format=".4g"),
        "accuracy": alt.Tooltip("accuracy:Q", format=".2%"),
        "epoch": alt.Tooltip("epoch:Q"),
        "split": alt.Tooltip("split:N"),
        "run": alt.Tooltip("run:N"),
    }
    return [shown[name] for name in columns]


def _rounded(history: pd.DataFrame) -> pd.DataFrame:
    """The rows with numbers as short as the picture needs."""
    short = history.copy()
    for column in ("loss", "accuracy"):
        short[column] = [float(f"{number:.{DIGITS}g}") for number in history[column]]
    return short
