"""The exercises of chapter 11, layers: 11.1 to 11.3."""

from __future__ import annotations

import numpy as np

from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._parts import alone, parts
from backprop.exercises._sheet import exercise


@exercise(
    "11.1",
    "A leaky layer, and its weights",
    level=2,
    minutes=20,
    topics=("activations and masks", "initialization"),
)
def leaky(attempt: Attempt) -> str:
    """grad_x of a leaky ReLU, and a variance of weights, from its output a, grad, alpha, n_in."""
    middle = (np.arange(20_000) + 0.5) / 1000 - 10  # of 20,000 strips under a bell curve
    bell = np.exp(-(middle**2) / 2)
    for seed, (alpha, n_in) in enumerate(((0.3, 256), (0.01, 30), (0.8, 7))):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(5, 4))
        x += 0.1 * np.sign(x)  # away from the kink
        grad = rng.normal(size=x.shape)

        def function(z, alpha=alpha):
            return np.maximum(z, 0) + alpha * np.minimum(z, 0)

        def weighed(x, f=function, grad=grad):
            return (grad * f(x)).sum()

        result = attempt(function(x), grad, alpha, n_in)
        grad_x, variance = parts(attempt, result, "the gradient for x", "the variance")
        attempt.gradient(weighed, x, grad_x, "The gradient for x")
        variance = numbers(variance, "The variance")
        attempt.holds(
            variance.shape == (), f"The variance has the shape {variance.shape}; expected a number."
        )
        left = (function(middle) ** 2 * bell).sum() / (middle**2 * bell).sum()
        attempt.holds(
            abs(float(n_in * variance * left) - 1) < 1e-6,
            "The gradient is right. But with weights of this variance the mean square of the "
            f"pre-activations does not stay the same, with α = {alpha} and {n_in} inputs.",
            "variance",
        )
    return "The gradient agrees with central differences, and the mean square stays as it is."


def slopes(a, alpha):
    return np.where(a > 0, 1, alpha)


@leaky.slip(
    "the slope of the plain ReLU",
    says="What does this function do with a negative input?",
    reveals="Writes the mask of the ReLU by habit.",
)
def _(a, grad, alpha, n_in):
    return grad * (a > 0), 2 / ((1 + alpha**2) * n_in)


@leaky.slip(
    "α where its square belongs",
    says="The gradient is right. Of which power of the values is the mean kept?",
    reveals="Averages the slopes of the two halves and not the squares.",
)
def _(a, grad, alpha, n_in):
    return grad * slopes(a, alpha), 2 / ((1 + alpha) * n_in)


@leaky.slip(
    "He's rule",
    says="The gradient is right. What does the negative half contribute here?",
    reveals="Takes the leak for too small to count, or knows the rule and not where it comes from.",
)
def _(a, grad, alpha, n_in):
    return grad * slopes(a, alpha), 2 / n_in


@leaky.slip(
    "a standard deviation in place of the variance",
    says="The gradient is right. Which of the two sizes of the weights does the exercise ask for?",
    reveals="Gives what a generator of random numbers is called with.",
)
def _(a, grad, alpha, n_in):
    return grad * slopes(a, alpha), np.sqrt(2 / ((1 + alpha**2) * n_in))


def softplus(x):
    return np.logaddexp(0, x)


def silu(z):
    return z / (1 + np.exp(-z))


@exercise(
    "11.2",
    "Is the output enough?",
    level=3,
    minutes=30,
    topics=("activations and masks", "numerical traps"),
)
def enough(attempt: Attempt) -> str:
    """grad_x of a softplus from its output a and grad, and a partner of z under SiLU."""
    names = ("the gradient for x", "the other input")
    places = ((0.0, -0.5), (0.0, -3.0), (-28.0, -0.1), (800.0, -1.5))
    for seed, (center, z) in enumerate(places):
        rng = np.random.default_rng(seed)
        x, grad = center + rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
        grad_x, other = parts(attempt, attempt(softplus(x), grad, z), *names)

        def weighed(x, grad=grad):
            return (grad * softplus(x)).sum()

        if center == 0:
            attempt.gradient(weighed, x, grad_x, "The gradient for x")
        else:  # the slope has its digits where a difference has none
            told = f"For outputs near {'800' if center > 0 else '1e-12'}, the gradient for x"
            attempt.equal(grad_x, grad / (1 + np.exp(-x)), told)
        _partners(attempt, z, numbers(other, "The other input"))
    return "The gradient has all its digits, and the pairs have equal outputs and other slopes."


def _partners(attempt: Attempt, z: float, other: np.ndarray) -> None:
    """Hold that z and ``other`` have one output under SiLU and different slopes."""
    told = f"For z = {z} the other input"
    attempt.holds(other.shape == (), f"{told} has the shape {other.shape}; expected a number.")
    attempt.holds(np.isfinite(other), f"{told} is not finite.", "not finite")
    attempt.holds(abs(other - z) > 1e-3, f"{told} is z itself.")
    attempt.holds(
        abs(silu(other) / silu(z) - 1) < 1e-9, f"{told} does not have the output of z.", "output"
    )


@enough.slip(
    "the sigmoid of the output",
    says="The derivative is the sigmoid of what: of the input, or of the output?",
    reveals="Knows the derivative and puts the array that is at hand into it.",
)
def _(a, grad, z):
    return grad / (1 + np.exp(-a)), partner(z)


@enough.slip(
    "a difference from 1 that loses its digits",
    says="What is left of an exponential that is within 1e-12 of 1 once 1 is taken away?",
    reveals="Takes a formula that is right for numbers for one that is right for floating-point "
    "numbers.",
)
def _(a, grad, z):
    return grad * (1 - np.exp(-a)), partner(z)


@enough.slip(
    "exponentials of the output, one divided by the other",
    says="How large is the exponential of an output of 800? And what is left of one near 1 when 1 "
    "is taken away?",
    reveals="Stops the derivation one step early, where numerator and denominator overflow.",
)
def _(a, grad, z):
    return grad * (np.exp(a) - 1) / np.exp(a), partner(z)


@enough.slip(
    "the mirror image about the minimum",
    says="Is the function symmetric about its lowest place? Compare how it goes on to the left "
    "and to the right.",
    reveals="Thinks of every valley as a parabola.",
)
def _(a, grad, z):
    return grad * -np.expm1(-a), 2 * -1.2784645427610738 - z


def partner(z):
    """The other input with the output of z under SiLU, z < 0."""
    high, low = (-700.0 if z > -1.2784645427610738 else 0.0), -1.2784645427610738
    for _ in range(200):
        middle = (high + low) / 2
        high, low = (middle, low) if silu(middle) > silu(z) else (high, middle)
    return high


@exercise(
    "11.3",
    "A fork inside a layer",
    level=2,
    minutes=25,
    topics=("paths and sums", "batches and shapes"),
)
def fork(attempt: Attempt) -> str:
    """(grad_x, grad_W) of x + tanh(affine(x)), from x, W with the bias as last row, grad."""
    for seed, (N, D) in enumerate(((5, 3), (2, 4), (3, 3))):
        rng = np.random.default_rng(seed)
        x, W, grad = (rng.normal(size=size) for size in ((N, D), (D + 1, D), (N, D)))
        grad_x, grad_W = parts(attempt, attempt(x, W, grad), "grad_x", "grad_W")

        def loss(x, W, grad=grad):
            return (grad * (x + np.tanh(x @ W[:-1] + W[-1]))).sum()

        attempt.gradient(alone(loss, 0, (x, W)), x, grad_x, "grad_x")
        attempt.gradient(alone(loss, 1, (x, W)), W, grad_W, "grad_W")
    return "Both gradients agree with central differences, for layers of three sizes."


def behind(x, W, grad, values=None):
    """The gradient behind the affine step, and its two products."""
    values = np.tanh(x @ W[:-1] + W[-1]) if values is None else values
    back = grad * (1 - values**2)
    return back, back @ W[:-1].T, np.vstack([x.T @ back, back.sum(axis=0)])


@fork.slip(
    "the way through g only",
    says="How often is x read?",
    reveals="Follows the row of layers, and passes over the way around it.",
)
def _(x, W, grad):
    _, through, grad_W = behind(x, W, grad)
    return through, grad_W


@fork.slip(
    "the slope of tanh from the layer's output",
    says="Which array is the output of the tanh: the one before x is added, or the one behind?",
    reveals="Uses 'the slope comes from the output' with another layer's output.",
)
def _(x, W, grad):
    _, through, grad_W = behind(x, W, grad, x + np.tanh(x @ W[:-1] + W[-1]))
    return grad + through, grad_W


@fork.slip(
    "weights that see the gradient before the tanh",
    says="grad_x is right. What lies between the affine step and the output?",
    reveals="Hands the gradient to the layer that holds the parameters, past the one behind it.",
)
def _(x, W, grad):
    _, through, _ = behind(x, W, grad)
    return grad + through, np.vstack([x.T @ grad, grad.sum(axis=0)])


@fork.slip(
    "no row for the bias",
    says="grad_x is right. Which shape does W have?",
    reveals="Takes the product for the whole of the layer's parameters.",
)
def _(x, W, grad):
    back, through, _ = behind(x, W, grad)
    return grad + through, x.T @ back
