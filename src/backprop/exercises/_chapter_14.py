"""The exercises of chapter 14, a museum of wrong gradients: 14.1 to 14.4."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backprop.exercises._attempt import Attempt, WrongAnswerError, numbers
from backprop.exercises._parts import alone, parts
from backprop.exercises._sheet import exercise


@exercise(
    "14.1",
    "The same weight, twice",
    level=2,
    minutes=20,
    topics=("paths and sums", "batches and shapes"),
)
def tied(attempt: Attempt) -> str:
    """The gradient for W of the mean of the squares of W Wᵀ - S, from W, S."""
    for seed, (D, K) in enumerate(((4, 2), (3, 5), (5, 1))):
        rng = np.random.default_rng(seed)
        W, S = rng.normal(size=(D, K)), rng.normal(size=(D, D))
        for goal, kind in ((S + S.T, "a symmetric S"), (S, "an S that is not symmetric")):

            def loss(W, goal=goal):
                return float(np.mean((W @ W.T - goal) ** 2))

            told = f"With {kind} and W of shape {W.shape}, the gradient"
            attempt.gradient(loss, W, attempt(W, goal), told)
    return "It agrees with central differences, for matrices S that are symmetric and others."


def of_one_use(W, S):
    return 2 * (W @ W.T - S) @ W / S.size


@tied.slip(
    "one of the two uses of W",
    says="Move one entry of W a little: in how many of the two factors does something change?",
    reveals="Differentiates with respect to the first factor and takes the second for a constant. "
    "Ask for the derivative of w times w, a number.",
)
def _(W, S):
    return of_one_use(W, S)


@tied.slip(
    "both uses, as if they always gave the same",
    says="For a symmetric S this is right. What does each of the two uses give alone, if S is not "
    "symmetric?",
    reveals="Doubles what one use gives, by analogy with the square of a number; has seen S "
    "symmetric in all examples.",
)
def _(W, S):
    return 2 * of_one_use(W, S)


@tied.slip(
    "the gradient of the sum of the squares",
    says="The loss is a mean. Of how many numbers?",
    reveals="Finds both paths and loses the factor of the mean.",
)
def _(W, S):
    return S.size * (of_one_use(W, S) + of_one_use(W, S.T))


@tied.slip(
    "a mean over the entries of W",
    says="The loss is a mean. Of the entries of which array?",
    reveals="Divides by the size of the array that the gradient is for.",
)
def _(W, S):
    return S.size / W.size * (of_one_use(W, S) + of_one_use(W, S.T))


@exercise(
    "14.2", "Labels of either shape", level=1, minutes=15, topics=("batches and shapes", "losses")
)
def labels_of_either_shape(attempt: Attempt) -> str:
    """The gradient for the outputs, (N, 1), from outputs and labels, (N,) or (N, 1)."""
    for seed, N in enumerate((5, 3, 1)):
        rng = np.random.default_rng(seed)
        outputs, labels = rng.normal(size=(N, 1)), rng.normal(size=N)

        def loss(outputs, labels=labels):
            pairs = zip(outputs[:, 0], labels, strict=True)
            return sum((output - label) ** 2 for output, label in pairs) / len(labels)

        for meant in (labels, labels[:, None]):
            told = f"With labels of shape {meant.shape}, the gradient"
            attempt.gradient(loss, outputs, attempt(outputs, meant), told)
        others = [(1, N), (N - 1,), (N + 1,), (1,), (), (N + 1, 1), (N, 2), (1, 1), (N, 1, 1)]
        for shape in others:
            if shape not in ((N,), (N, 1), (0,)):
                _refused(attempt, outputs, rng.normal(size=shape))
    return "Both shapes of labels give the same, right gradient, and all others are refused."


def _refused(attempt: Attempt, outputs: np.ndarray, labels: Any) -> None:
    """Hold that these labels are refused with a ``ValueError``."""
    shapes = f"outputs of shape {outputs.shape} and labels of shape {np.shape(labels)}"
    try:
        attempt(outputs, labels)
    except WrongAnswerError as wrong:
        if isinstance(wrong.__cause__, ValueError):
            return
        if wrong.__cause__ is None and wrong.cause != "no result":
            raise
        if wrong.__cause__ is not None:
            raise WrongAnswerError(
                f"For {shapes} a ValueError is asked for. What it raises is "
                f"{type(wrong.__cause__).__name__}: {wrong.__cause__}",
                "raises",
            ) from wrong
    raise WrongAnswerError(f"It does not refuse {shapes}.", "not refused")


@labels_of_either_shape.slip(
    "every output minus every label",
    says="Which shape has the difference, if NumPy is left to decide?",
    reveals="Trusts a subtraction that raises no error. Ask for the shape of (N, 1) minus (N,).",
)
def _(outputs, labels):
    return 2 * (outputs - labels) / len(outputs)


@labels_of_either_shape.slip(
    "the mean of the labels in the place of each",
    says="Compare what labels of the two shapes give. From which label should one output "
    "learn, and from which ones does it?",
    reveals="Sees the square array that comes out of broadcasting, and repairs its shape, not "
    "its numbers.",
)
def _(outputs, labels):
    return 2 * (outputs - labels).mean(axis=1, keepdims=True) / len(outputs)


@labels_of_either_shape.slip(
    "any labels that have as many entries as the outputs",
    says="The numbers are right. Which shapes other than the two does this let in?",
    reveals="Takes reshape for a test of shapes; it only counts entries.",
)
def _(outputs, labels):
    return 2 * (outputs - labels.reshape(outputs.shape)) / len(outputs)


@labels_of_either_shape.slip(
    "an axis added to labels of any shape",
    says="What becomes of labels that have their second axis already?",
    reveals="Repairs the one case and breaks the other.",
)
def _(outputs, labels):
    return 2 * (outputs - labels[:, None]) / len(outputs)


@labels_of_either_shape.slip(
    "the gradient of the sum of the squares",
    says="The loss is a mean. What does that make of the gradient of one output?",
    reveals="Thinks of the shapes and forgets the factor of the mean.",
)
def _(outputs, labels):
    return 2 * (outputs - labels.reshape(outputs.shape))


@exercise(
    "14.3",
    "A mean of lengths",
    level=2,
    minutes=20,
    topics=("numerical traps", "activations and masks"),
)
def mean_of_lengths(attempt: Attempt) -> str:
    """The gradient for d, (N, K), of the mean length of the rows where used, (N,), is true."""
    kinds: tuple[tuple[str, dict[int, float]], ...] = (
        ("all rows used", {}),
        ("rows that are not used", {1: 1.0, 4: -2.0}),
        ("rows of zeros that are not used", {0: 0.0}),
        ("NaN in rows that are not used", {1: np.nan, 3: 2.0}),
        ("infinite numbers in rows that are not used", {2: np.inf, 4: -np.inf}),
    )
    for zeros in ((), (5,)):
        for seed, (kind, unused) in enumerate(kinds):
            d = np.random.default_rng(seed).normal(size=(6, 2 + seed % 3))
            used = np.ones(6, dtype=bool)
            for row, value in unused.items():
                d[row, 1:], used[row] = value, False
                d[row] = 0 if value == 0 else d[row]
            d[list(zeros)] = 0
            told = f"With {kind}" + (" and a used row of zeros" if zeros else "")
            _lengths(attempt, d, used, told)
    return "It is right for used rows, and 0 for rows of zeros and for those that are not used."


def _lengths(attempt: Attempt, d: np.ndarray, used: np.ndarray, told: str) -> None:
    """Hold the answer for one array of rows to be right."""
    result = numbers(attempt(d, used))
    attempt.holds(
        result.shape == d.shape,
        f"{told}, the gradient has the shape {result.shape}; that of d is {d.shape}.",
        "wrong shape",
    )
    smooth = used & d.any(axis=1)

    def mean(rows):
        lengths = [math.hypot(*row) for row in rows]
        return sum(lengths) / sum(used)  # rows of zeros count, and have no length

    attempt.gradient(mean, d[smooth], result[smooth], f"{told}, the gradient for ordinary rows")
    for rows, which in ((~used, "that are not used"), (used & ~smooth, "of zeros")):
        bad = result[rows]
        attempt.holds(
            np.isfinite(bad).all(), f"{told}, it is not finite for rows {which}.", "not finite"
        )
        attempt.holds(not bad.any(), f"{told}, it is not 0 for rows {which}.", "wrong value")


def unit(rows, floor=False):
    """The rows divided by their lengths, or by 1 where there is none."""
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return rows / (np.where(length > 0, length, 1) if floor else length)


def harmless(d, used):
    return np.where(used[:, None], d, 0)


@mean_of_lengths.slip(
    "a mean over all rows",
    says="Over which rows does the mean of this loss go?",
    reveals="Sets the gradient of the other rows to 0 and lets them count.",
)
def _(d, used):
    return unit(harmless(d, used), floor=True) / len(d)


@mean_of_lengths.slip(
    "a mask that is multiplied at the end",
    says="What is 0 times NaN, and which rows may hold one?",
    reveals="Takes a product with 0 for a way to remove a number: the mistake of the exhibit.",
)
def _(d, used):
    return used[:, None] * unit(d, floor=True) / used.sum()


@mean_of_lengths.slip(
    "a mask that is multiplied at the end, and no care for rows of zeros",
    says="Which operation makes the first NaN, and which numbers does it get in that row?",
    reveals="Repeats the exhibit without a change.",
)
def _(d, used):
    return used[:, None] * unit(d) / used.sum()


@mean_of_lengths.slip(
    "rows of zeros that count as ordinary ones",
    says="Rows that are not used are right. What happens in a used row without any length?",
    reveals="Cares for the rows that the mask is for, and not for the kink of the length itself.",
)
def _(d, used):
    return np.where(used[:, None], unit(d), 0) / used.sum()


@mean_of_lengths.slip(
    "the squares of the lengths",
    says="Which power of the length is in the loss?",
    reveals="Differentiates the squared error out of habit.",
)
def _(d, used):
    return 2 * harmless(d, used) / used.sum()


@exercise(
    "14.4",
    "Two slips in one program",
    level=1,
    minutes=15,
    topics=("batches and shapes", "activations and masks"),
)
def two_slips(attempt: Attempt) -> str:
    """The gradients for w1 and w2 of the mean of the squared errors, from w1, w2, x, y."""
    for seed, (N, D, H, K) in enumerate(((6, 3, 4, 2), (3, 2, 5, 4), (4, 5, 3, 1))):
        rng = np.random.default_rng(seed)
        shapes = (D, H), (H, K), (N, D), (N, K)
        given = [rng.normal(size=shape) for shape in shapes]

        def loss(w1, w2, x, y):
            return float(np.mean((np.maximum(x @ w1, 0) @ w2 - y) ** 2))

        result = parts(attempt, attempt(*given), "that of w1", "that of w2")
        for place in (1, 0):
            told = f"With y of shape {(N, K)}, the gradient of w{place + 1}"
            attempt.gradient(alone(loss, place, given), given[place], result[place], told)
    return "Both gradients agree with central differences, for batches of three sizes."


def program(w1, w2, x, y, divisor, mask):
    """The program of the exercise with a divisor and a mask: a function of z and h."""
    z = x @ w1
    h = np.maximum(z, 0)
    grad_out = 2 * (h @ w2 - y) / divisor
    return [x.T @ (grad_out @ w2.T * mask(z, h)), h.T @ grad_out]


def open_mask(z, h):
    return h >= 0


@two_slips.slip(
    "the program as it was",
    says="Show it to the checker, and look at the last layer first.",
    reveals="Hands in what was given, or renames it; ask what each cause of the report says.",
)
def _(w1, w2, x, y):
    return program(w1, w2, x, y, len(x), open_mask)


@two_slips.slip(
    "one of the slips mended: the factor",
    says="The gradient of w2 is right now. What lies between it and that of w1?",
    reveals="Stops at the first thing found, or takes >= for no more than a question of taste.",
)
def _(w1, w2, x, y):
    return program(w1, w2, x, y, y.size, open_mask)


@two_slips.slip(
    "one of the slips mended: the mask",
    says="Both gradients are off in the same way. Where did they have a common line?",
    reveals="Sees the mask and passes over the factor, which any learning rate would hide.",
)
def _(w1, w2, x, y):
    return program(w1, w2, x, y, len(x), lambda z, h: h > 0)


@two_slips.slip(
    "a mask at the wrong end",
    says="The gradient of w2 is right. Which array did the ReLU get: is it this one that is asked "
    "for its sign?",
    reveals="Knows that a mask is missing and takes it from what arrives, as in exhibit 6.",
)
def _(w1, w2, x, y):
    grad_h = 2 * (np.maximum(x @ w1, 0) @ w2 - y) / y.size @ w2.T
    return program(w1, w2, x, y, y.size, lambda z, h: grad_h > 0)
