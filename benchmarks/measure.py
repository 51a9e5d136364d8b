"""Timing libraries side by side: a process for each, as many threads for each, in turns.

NumPy and PyTorch bring a BLAS each, and two of them in one process disturb each other. So every
library works in a process of its own, which does nothing until it is asked. A round asks each
once; what is compared is the times of one round, so that a machine that gets slower for a
while slows all of them. Medians and quartiles are taken of the ratios, not of the times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def environment(threads: int) -> dict[str, str]:
    """The variables that give every BLAS and XLA so many threads; JAX on the processor."""
    names = ("MKL", "OMP", "OPENBLAS")
    eigen = "false" if threads == 1 else "true"
    return {f"{name}_NUM_THREADS": str(threads) for name in names} | {
        "JAX_PLATFORMS": "cpu",
        "VECLIB_MAXIMUM_THREADS": str(threads),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}",
    }


class Worker:
    """A process with one library in it, which prepares pieces of work and times them."""

    def __init__(self, module: str, library: str, threads: int = 1) -> None:
        """Start the process; `prepare` tells whether the library is there."""
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment(threads) | {"PYTHONPATH": path},
            text=True,
        )

    def ask(self, command: str, *arguments: Any) -> Any:
        """The worker's answer, in JSON's types: see `serve`."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([command, *arguments]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended while it was asked for {command} {arguments}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def serve(programs: dict[str, Callable[..., Callable[[], Any]]]) -> None:
    """Answer on standard output what is asked on standard input, until that ends.

    ``prepare name arguments`` makes a callable of ``programs[name]``, calls it, and answers what
    it returned, numbers that should be the same in each library, or {"missing": why}.
    ``time seconds cpu`` calls it for about so long, at least once, and answers the median time
    of one call, by the clock or of the processor, and how many processors were busy.
    ``ask name arguments`` answers the program's own
    result.
    """
    work: Callable[[], Any] = lambda: None  # noqa: E731
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer: Any
        try:
            if command == "prepare":
                name, *rest = arguments
                work = programs[name](*rest)
                answer = {"values": work()}
            elif command == "time":
                answer = _time(work, *arguments)
            else:
                answer = programs[arguments[0]](*arguments[1:])
        except ImportError as error:
            answer = {"missing": str(error)}
        print(json.dumps(answer), flush=True)


def serve_library(functions: dict[str, Any]) -> None:
    """Serve the programs of the library that the command line names; ``functions`` makes them."""
    try:
        programs = functions[f"{sys.argv[1]}_programs"]()
    except ImportError as error:
        programs = _Missing(str(error))
    serve(programs)


class _Missing(dict):
    """Programs of a library that is not installed."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def __missing__(self, name: str) -> Callable[..., Any]:
        def refuse(*_: Any) -> Any:
            raise ImportError(self.reason)

        return refuse


def _time(work: Callable[[], Any], seconds: float, cpu: bool) -> dict[str, float]:
    clock = time.process_time if cpu else time.perf_counter
    times = []
    begin, used = time.perf_counter(), time.process_time()
    while not times or time.perf_counter() < begin + seconds:
        start = clock()
        work()
        times.append(clock() - start)
    busy = (time.process_time() - used) / (time.perf_counter() - begin)
    return {"seconds": median(times), "busy": busy}


def rounds(
    workers: dict[str, Worker], count: int, seconds: float, cpu: bool
) -> Iterator[dict[str, dict[str, float]]]:
    """``count`` times the answers of all workers, who in turn are asked first."""
    names = list(workers)
    for number in range(count):
        first = number % len(names)
        order = names[first:] + names[:first]
        yield {name: workers[name].ask("time", seconds, cpu) for name in order}


def spread(numbers: Sequence[float]) -> tuple[float, float, float]:
    """The median, the first and the third quartile."""
    if len(numbers) < 2:
        return numbers[0], numbers[0], numbers[0]
    low, middle, high = quantiles(numbers, n=4, method="inclusive")
    return middle, low, high
