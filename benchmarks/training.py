"""How fast the layers train, beside other libraries: ``python -m benchmarks.training``.

Measured is a whole step (forward pass, loss, every gradient, update) on one batch of 64, and an
epoch of 60,000 images of 784 numbers, drawn at random: how long it takes does not depend on
what they show. "nn" is ``torch.nn`` with its loss and ``torch.optim.SGD``; "plain" tensors
without autograd, with a column of ones, one-hot labels and updates out of place; "products" the
step's matrix products alone, in NumPy: the limit.

The results go to standard output, and with ``--write`` to ``benchmarks/results`` as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.comparing import HEAD, Comparison, Row, compare, conditions, load, parser
from benchmarks.measure import Worker, spread

RESULTS = Path(__file__).parent / "results"
SMALL, LARGE = [784, 32, 10], [1000, 100, 10]
MODULE = ("training_programs", "layers")

#: For each precision, what is aimed at on one thread.
STEPS = {
    "float32": (
        {"nn": 0.28, "plain": 0.45, "jax": 0.95, "products": 1.6},
        {"nn": 0.45, "numpy": 0.80, "products": 1.2},
    ),
    "float64": (
        {"nn": 0.45, "plain": 0.62, "jax": 0.90, "products": 1.35},
        {"nn": 0.72, "numpy": 0.50, "products": 1.2},
    ),
}
#: Which library a label stands for, and its program where it is not the package's.
LIBRARIES = {"nn": "torch", "products": "numpy"}


def _others(aims: dict[str, Any], program: str, threads: int) -> dict:
    return {
        f"{LIBRARIES.get(label, label)}, {label}": (
            "products" if label == "products" else program,
            aim if threads == 1 else None,
        )
        for label, aim in aims.items()
    }


def steps() -> Iterator[Comparison]:
    """A step of each network, in both precisions, on one and on two threads."""
    for threads in (1, 2):
        for dtype, (classify, fit) in STEPS.items():
            for sizes, program, aims in ((SMALL, "classify", classify), (LARGE, "fit", fit)):
                how = f"{'-'.join(map(str, sizes))}, {dtype}, threads: {threads}"
                others = _others(aims, program, threads)
                yield Comparison(how, *MODULE, program, [sizes, 64, dtype], others, threads)


def epochs() -> Iterator[Comparison]:
    """An epoch as long as MNIST's, with running loss and accuracy."""
    for threads in (1, 2):
        others = _others({"nn": 0.33, "plain": 0.50}, "epoch", threads)
        how = f"epoch of 784-32-10, float32, threads: {threads}"
        yield Comparison(how, *MODULE, "epoch", [SMALL, "float32"], others, threads)


def tensors() -> Comparison:
    """The same layers on PyTorch's tensors, where there is a GPU."""
    settings = [[4096, 4096, 4096, 10], 512, "cuda"]
    others = _others({"nn": None}, "tensors", 1)
    return Comparison("4096-4096-4096-10 on a GPU, float32", *MODULE, "tensors", settings, others)


def multiplications(sizes: list[int]) -> float:
    """Both passes as a multiple of the forward pass, by counting multiplications of a sample."""
    layers = [rows * columns for rows, columns in pairwise(sizes)]
    # Every layer's weights need a product as large as its own, every input but the first as well.
    return (sum(layers) + sum(layers) + sum(layers[1:])) / sum(layers)


def forward_backward(count: int) -> Iterator[str]:
    """Forward and backward pass together, beside the forward pass alone."""
    yield "| widths | batch | both / forward | by counting | above it |\n|---|---|---|---|---|"
    worker = Worker(*MODULE)
    for depth in (2, 4):
        for width in (32, 64, 128, 256, 512, 1024, 2048, 4096):
            for batch in (64, 512):
                sizes = [width] * (depth + 1)
                ratios = worker.ask("ask", "forward-backward", sizes, batch, count)
                (middle, low, high), limit = spread(ratios), multiplications(sizes)
                yield (
                    f"| {depth} layers of {width} | {batch} | {middle:.2f} ({low:.2f} to "
                    f"{high:.2f}) | {limit:.2f} | {middle / limit - 1:+.0%} |"
                )
    worker.close()


def memory() -> Iterator[str]:
    """What a step needs at most, beside what the forward pass keeps; by tracemalloc."""
    yield "| network, float32 | batch | kept by the forward pass | weights | highest | added |"
    yield "|---|---|---|---|---|---|"
    worker = Worker(*MODULE)
    for sizes, batch in ((SMALL, 64), ([784, 256, 10], 512), ([512] * 9, 2048)):
        m = worker.ask("ask", "memory", sizes, batch)
        kept, weights, peak = (m[name] / 1e6 for name in ("stored", "weights", "peak"))
        yield (
            f"| {'-'.join(map(str, sizes))} | {batch} | {kept:.2f} MB | {weights:.2f} MB |"
            f" {peak:.2f} MB | {(peak - kept) / kept:.2f} of what is kept,"
            f" {(peak - kept - weights) / kept:+.2f} without the gradients |"
        )
    worker.close()


def picture(rows: list[Row]) -> Any:
    """The fractions with their quartiles, and what was aimed at."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame(
        {
            "work": row.name,
            "beside": row.other.split(", ")[-1],
            **dict(zip(("fraction", "low", "high"), row.ratio, strict=True)),
            "aim": row.aim,
        }
        for row in rows
    )
    base = alt.Chart(table).encode(y=alt.Y("beside:N", title=None, sort=None))
    x = alt.X("fraction:Q", title="our time as a fraction of its time", scale=alt.Scale(zero=True))
    bars = base.mark_bar(size=10).encode(x=x)
    range_ = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q")
    aims = base.mark_tick(color="black", thickness=2, size=18).encode(x="aim:Q")
    layers = alt.layer(bars, range_, aims).properties(width=420)
    header = alt.Header(
        labelAngle=0, labelAnchor="start", labelOrient="top", labelFontWeight="bold"
    )
    chart = layers.facet(row=alt.Row("work:N", title=None, sort=None, header=header))
    title = "Bars: medians. Lines: quartiles. Ticks: what was aimed at."
    return chart.resolve_scale(y="independent").properties(title=title)


def report(arguments: argparse.Namespace) -> tuple[list[str], list[Row]]:
    """Measure everything; the lines of the report, printed as they come."""
    lines: list[str] = []
    rows: list[Row] = []

    def say(line: object) -> None:
        print(line, flush=True)
        lines.append(str(line))

    say(f"# Training beside other libraries\n\n{conditions(arguments)}\n\n{HEAD}")
    for comparison in (*steps(), *epochs(), tensors()):
        if arguments.only in comparison.name:
            for row in compare(comparison, arguments):
                say(row)
                rows += [row] if isinstance(row, Row) else []
    for name, table in (("passes", forward_backward(arguments.rounds)), ("memory", memory())):
        if arguments.only in name:
            say("")
            for line in table:
                say(line)
    say(f"\nAt the end: {load()}")
    return lines, rows


def main() -> None:
    """Measure everything, print it as Markdown, and keep it if that is asked for."""
    options = parser("Time training beside other libraries.")
    options.add_argument("--write", action="store_true", help="keep the results in the repository")
    arguments = options.parse_args()
    lines, rows = report(arguments)
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "training.md").write_text("\n".join(lines) + "\n", "utf-8")
        picture(rows).save(RESULTS / "training.svg")


if __name__ == "__main__":
    main()
