"""The exercises of chapter 12 about training and temperature, 12.4 to 12.6."""

from __future__ import annotations

import math

import numpy as np

from backprop.checking import numerical_gradient
from backprop.exercises._attempt import Attempt, numbers
from backprop.exercises._chapter_12 import entropy, softmax
from backprop.exercises._parts import parts
from backprop.exercises._sheet import exercise


@exercise(
    "12.4", "The direction that nobody sees", level=2, minutes=20, topics=("softmax", "training")
)
def unseen(attempt: Attempt) -> str:
    """The trained W of two networks, from the start W, the columns but one of its end, and u."""
    for seed, (D, K) in enumerate(((3, 4), (5, 3), (2, 2), (3, 3))):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(6, D)), np.eye(K)[rng.integers(K, size=6)]
        W, u = rng.normal(size=(D, K)), rng.normal(size=(D, 1))

        def loss(W, x=x, y=y):
            return entropy(x @ W, y) / len(x)

        ends = []
        for weights in (W, W + u * np.ones(K)):
            for _ in range(3):
                weights = weights - 0.5 * numerical_gradient(loss, weights)
            ends.append(weights)
        names = ("the trained W", "the other network's")
        results = parts(attempt, attempt(W, ends[0][:, :-1], u), *names)
        attempt.equal(results[0], ends[0], "The trained W", 1e-7)
        attempt.equal(results[1], ends[1], "The trained W of the other network", 1e-7)
    return "Both agree with networks trained for three steps, of four sizes."


@unseen.slip(
    "rows that add up to zero",
    says="Whose rows add up to zero: those of W, or those of what is subtracted from it?",
    reveals="Carries a property of the gradient over to the weights.",
)
def _(W, first, u):
    end = np.hstack([first, -first.sum(axis=1, keepdims=True)])
    return end, end + u


@unseen.slip(
    "a last column that stays as it was",
    says="A class has its own column. Does the gradient for the last one vanish?",
    reveals="Takes 'only K - 1 directions matter' for 'only K - 1 columns move'.",
)
def _(W, first, u):
    end = np.hstack([first, W[:, -1:]])
    return end, end + u


@unseen.slip(
    "two networks that end in one place",
    says="The first network is right. Both see the same gradients: what becomes of the "
    "difference they start with?",
    reveals="Believes that a convex loss has one minimum, and that everything ends there.",
)
def _(W, first, u):
    last = W.sum(axis=1) - first.sum(axis=1)
    end = np.column_stack([first, last])
    return end, end


@exercise(
    "12.5",
    "The 64, reproduced",
    level=2,
    minutes=20,
    topics=("batches and shapes", "training", "numerical traps"),
)
def reproduced(attempt: Attempt) -> str:
    """The ratio of the steps of mean and sum, and whether bits agree, from samples, batch."""
    for samples, batch in ((160, 64), (192, 64), (100, 30), (90, 30), (120, 48), (33, 32)):
        names = ("the ratios of the steps", "whether the bits agree")
        ratios, exact = parts(attempt, attempt(samples, batch), *names)
        found, same = _two_epochs(samples, batch)
        where = f"For {samples} samples in batches of {batch}"
        ratios = numbers(ratios, "The list of ratios")
        attempt.holds(
            ratios.shape == found.shape,
            f"{where} the ratios have the shape {ratios.shape}, and an epoch has another number "
            "of steps.",
            "wrong shape",
        )
        wrong = [i for i in range(len(found)) if not abs(ratios[i] - found[i]) < 1e-6]
        attempt.holds(
            not wrong,
            f"{where}, step {wrong[0] + 1 if wrong else 0}: the ratio does not agree with that of "
            "two steps that were tried.",
            "wrong value",
        )
        attempt.holds(
            bool(exact) == same,
            f"{where} the ratios are right. Whether two trainings agree to the last bit over the "
            "full batches was tried ten times, and came out differently.",
            "bits",
        )
    return "The ratios and the bits agree with two trainings, for six pairs of sizes."


def _two_epochs(samples: int, batch: int) -> tuple[np.ndarray, bool]:
    """Each step's ratio as tried, and whether ten epochs of full batches gave equal bits."""
    rate, same, ratios = 0.01, True, np.zeros(0)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(samples, 5)), np.eye(3)[rng.integers(3, size=samples)]
        by_sum = by_mean = rng.normal(size=(5, 3))
        tried = []
        for start in range(0, samples, batch):
            rows = slice(start, start + batch)
            error = softmax(x[rows] @ by_sum) - y[rows]
            step_sum = rate * (x[rows].T @ error)
            step_mean = (batch * rate) * (x[rows].T @ (error / len(error)))
            tried.append(np.median(step_mean / step_sum))
            if len(error) == batch:
                error = softmax(x[rows] @ by_mean) - y[rows]
                by_mean = by_mean - (batch * rate) * (x[rows].T @ (error / batch))
                by_sum = by_sum - step_sum
                same = same and np.array_equal(by_sum, by_mean)
        ratios = np.array(tried)
    return ratios, same


@reproduced.slip(
    "a last batch like the others",
    says="How many samples are left for the last batch?",
    reveals="Believes that the factor between sum and mean is one number, the batch size.",
)
def _(samples, batch):
    return np.ones(math.ceil(samples / batch)), batch & (batch - 1) == 0


@reproduced.slip(
    "the sum over the mean",
    says="In the last batch, which of the two takes the longer step? Each of few samples "
    "counts more in a mean.",
    reveals="Has found the factor, and turned it over.",
)
def _(samples, batch):
    sizes = [min(batch, samples - start) for start in range(0, samples, batch)]
    return np.array(sizes) / batch, batch & (batch - 1) == 0


@reproduced.slip(
    "a last batch of no samples",
    says="What is left over when the batch size divides the number of samples?",
    reveals="Takes the remainder for the size of the last batch in every case.",
)
def _(samples, batch):
    last = samples % batch
    ratios = np.append(np.ones(samples // batch), batch / last if last else math.inf)
    return ratios, batch & (batch - 1) == 0


@reproduced.slip(
    "bits that always agree",
    says="The ratios are right. Try a batch of 30 and compare to the last bit.",
    reveals="Takes equality on paper for equality of floating-point numbers.",
)
def _(samples, batch):
    sizes = [min(batch, samples - start) for start in range(0, samples, batch)]
    return batch / np.array(sizes), True


@reproduced.slip(
    "bits that never agree",
    says="The ratios are right. Which divisions of a binary number leave its digits as they are?",
    reveals="Has heard that floating-point results differ, and takes it for a law.",
)
def _(samples, batch):
    sizes = [min(batch, samples - start) for start in range(0, samples, batch)]
    return batch / np.array(sizes), False


@exercise(
    "12.6", "Learning from another network's doubts", level=3, minutes=25, topics=("softmax",)
)
def distilled(attempt: Attempt) -> str:
    """grad_z, and what it tends to for large T, from z, s, T."""
    for seed, T in enumerate((0.5, 1.0, 4.0, 20.0)):
        rng = np.random.default_rng(seed)
        z, s = rng.normal(size=4 + seed) + 1, rng.normal(size=4 + seed)

        def loss(z, s=s, T=T):
            return T**2 * entropy(z / T, softmax(s / T))

        names = ("the gradient", "its limit")
        grad_z, limit = parts(attempt, attempt(z, s, T), *names)
        attempt.gradient(loss, z, grad_z, f"For T = {T:g}, the gradient")
        # Trusted by now; in the heat the loss is too flat for central differences.
        hot, _ = parts(attempt, attempt(z, s, 1e6), *names)
        limit, hot = numbers(limit, "The limit"), numbers(hot)
        attempt.holds(
            limit.shape == hot.shape,
            f"The limit has the shape {limit.shape}; the gradient has {hot.shape}.",
            "wrong shape",
        )
        attempt.holds(
            np.abs(limit - hot).max() < 1e-4 * np.abs(hot).max(),
            "The gradient is right. But at T = 1,000,000 it is far from the limit that is "
            "returned.",
            "limit",
        )
    return "The gradient agrees with central differences, and in the heat with the limit."


def doubts(z, s, T):
    """Prediction minus target, both heated, and the limit of the gradient."""
    limit = (z - z.mean() - (s - s.mean())) / len(z)
    return softmax(z / T) - softmax(s / T), limit


@distilled.slip(
    "the temperature's inner derivative left out",
    says="z is divided by T before the softmax. What does this step give on the way back?",
    reveals="Takes prediction minus target as the gradient for whatever went in.",
)
def _(z, s, T):
    error, limit = doubts(z, s, T)
    return T**2 * error, limit


@distilled.slip(
    "the factor in front of the loss left out",
    says="The loss has a factor in front. At T = 1 nobody sees it.",
    reveals="Takes over a formula of the chapter without comparing the losses.",
)
def _(z, s, T):
    error, limit = doubts(z, s, T)
    return error / T, limit


@distilled.slip(
    "the large network minus the small one",
    says="Which of the two networks learns? Its probabilities come with a plus.",
    reveals="Writes the direction of the step in place of the gradient.",
)
def _(z, s, T):
    error, limit = doubts(z, s, T)
    return -T * error, -limit


@distilled.slip(
    "a limit that compares the logits themselves",
    says="The gradient is right. What does it do when all logits of one network are shifted? Does "
    "the limit do the same?",
    reveals="Loses the denominator in the expansion, and with it the means.",
)
def _(z, s, T):
    error, _ = doubts(z, s, T)
    return T * error, (z - s) / len(z)


@distilled.slip(
    "a limit of zero",
    says="In the heat both predictions become alike. Does their difference vanish faster than the "
    "factor in front of it grows?",
    reveals="Takes the limit of one factor and forgets the other.",
)
def _(z, s, T):
    return T * doubts(z, s, T)[0], np.zeros(len(z))
