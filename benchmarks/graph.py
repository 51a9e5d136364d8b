"""How fast the graph is, beside other libraries: ``python -m benchmarks.graph``, in ``make bench``.

Measured is loss and gradients, forward pass and backward pass together, of the same numbers in
each library, on one thread.

The chain repeats ``y * 1.25``, ``exp``, ``log``, ``y * 0.8`` on 64 numbers. PyTorch, HIPS
autograd and micrograd record their graph anew in each call; the package's is fixed before
("fixed once") or made anew as well ("made anew").
"""

from __future__ import annotations

from benchmarks.comparing import HEAD, Comparison, compare, conditions, load, parser
from benchmarks.measure import Worker

SMALL, LARGE = [[784, 32, 10], 64], [[1000, 100, 10], 64]
GRAPH = ("programs", "graph")
CHAINS = [[1_000, 64], [10_000, 64], [100_000, 64]]

COMPARISONS = [
    Comparison(
        "784-32-10, batch 64, float32, cross-entropy",
        *GRAPH,
        "cross-entropy",
        SMALL,
        {
            "torch": ("cross-entropy", 0.50),
            "torch, fused": ("fused", None),
            "autograd": ("cross-entropy", 0.15),
            "jax": ("cross-entropy", None),
        },
    ),
    Comparison(
        "784-32-10, batch 64, float32, squared error",
        *GRAPH,
        "squared-error",
        SMALL,
        {"layers": ("squared-error", 1.25)},
    ),
    Comparison(
        "1000-100-10, batch 64, float32, cross-entropy",
        *GRAPH,
        "cross-entropy",
        LARGE,
        {
            "torch": ("cross-entropy", 0.70),
            "torch, fused": ("fused", None),
            "jax": ("cross-entropy", None),
        },
    ),
    Comparison(
        "1000-100-10, batch 64, float32, squared error",
        *GRAPH,
        "squared-error",
        LARGE,
        {"layers": ("squared-error", 1.15)},
    ),
    *(
        Comparison(
            f"chain of {chain[0]:,}, float64, {how}",
            *GRAPH,
            program,
            chain,
            {"torch": ("chain", target)},
        )
        for chain in CHAINS
        for how, program, target in (
            ("fixed once", "chain", 0.35),
            ("made anew", "chain-anew", None),
        )
    ),
    Comparison(
        "2-16-16-1 on 100 moons, a step of micrograd's demo",
        *GRAPH,
        "moons",
        [0.05, 1e-4],
        {"micrograd": ("moons", 1 / 5000)},
    ),
]


def memory() -> None:
    """Measure bytes with tracemalloc, which sees NumPy's arrays, and print them."""
    worker = Worker("programs", "graph")
    print("\nMemory that the backward pass adds to the activations that it reads:\n")
    print("| network of tanh layers, float64 | stored | peak | gradients | added |")
    print("|---|---|---|---|---|")
    for depth, width, batch in ((20, 64, 1024), (100, 64, 1024), (100, 128, 256)):
        m = worker.ask("ask", "network-memory", depth, width, batch)
        stored, peak, results = m["stored"], m["peak"], m["results"]
        added, without = (peak - stored) / stored, (peak - stored - results) / stored
        print(
            f"| {depth} layers of {width}, batch {batch} | {stored / 1e6:.1f} MB |"
            f" {peak / 1e6:.1f} MB | {results / 1e6:.1f} MB |"
            f" **{without:.3f}** ({added:.3f} with the gradients themselves) |"
        )
    print("\nThe chain, a link:\n")
    print("| links | graph and schedule | a call at most | made and called once |")
    print("|---|---|---|---|")
    for links, size in CHAINS:
        m = worker.ask("ask", "chain-bytes", links, size)
        print(
            f"| {links:,} | {m['built']:,.0f} bytes | {m['called']:,.0f} bytes |"
            f" {m['seconds'] * 1e6:.1f} µs |"
        )
    worker.close()


def main() -> None:
    """Measure everything, and print it as Markdown."""
    arguments = parser("Time the graph beside other libraries.").parse_args()
    print(f"One thread; {conditions(arguments)}\n\n{HEAD}")
    for comparison in COMPARISONS:
        if arguments.only in comparison.name:
            for row in compare(comparison, arguments):
                print(row, flush=True)
    if arguments.only in "memory":
        memory()
    print(f"\nAt the end: {load()}")


if __name__ == "__main__":
    main()
