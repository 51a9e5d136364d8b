"""The names of all causes, with what each stands for, and the `Cause` that a report holds."""

from __future__ import annotations

from dataclasses import dataclass

#: Each name of a cause and one line that explains it; filled below, from the shape to no idea.
MEANINGS: dict[str, str] = {}


def _named(name: str, meaning: str) -> str:
    MEANINGS[name] = meaning
    return name


# What shows in the shape, or before any value is compared.
WRONG_SHAPE = _named("wrong shape", "the gradient does not have the shape of x")
NOT_FINITE = _named("not finite", "entries are NaN or infinite")
TRANSPOSED = _named("transposed", "rows and columns are exchanged, or W stands for W.T")
NOT_SUMMED = _named(
    "broadcast axis not summed", "what is used once for each entry of an axis needs the sum over it"
)
SUMMED = _named("summed where per entry", "one sum stands where each entry needs its own number")
TRACE = _named("trace for the outer product", "sum(a * b) stands where a.T @ b belongs")
PART_MISSING = _named("part missing", "rows or columns are left out, such as that of the bias")

# What shows in the values of one gradient.
SIGN = _named("sign", "the opposite sign")
FACTOR = _named("constant factor", "every entry is the same multiple of what it should be")
MEAN = _named("mean for sum", "a mean over the batch stands for the sum, or the other way round")
ZERO = _named("zero everywhere", "nothing arrives: detached, overwritten or never filled")
FLOAT32 = _named("float32", "right up to the rounding of float32: compute in float64 to check")
KINK = _named("a kink", "f has no derivative there, so nothing to compare with")
NEAR = _named("near the tolerance", "too little off to tell one mistake from another")
ORDER = _named("another order", "the right numbers in other places")
X_ADDED = _named("multiple of x added", "the gradient of a penalty on x that f does not have")
TERM_MISSING = _named("term missing", "the gradient of a part of f is left out, such as a penalty")
CONSTANT_ADDED = _named("constant added", "every entry is off by the same number")

# Activations.
MASK_MISSING = _named("mask missing", "the gradient passes where a ReLU was off")
MASK_INVERTED = _named("mask inverted", "the gradient passes where a ReLU was off, and only there")
MASK_OF_ANOTHER = _named("mask from the wrong array", "the zeros are those of another array's mask")
SATURATED = _named("saturated", "0 where x is large: a sigmoid or logarithm rounded or cut off")
NO_DERIVATIVE = _named("activation derivative left out", "an activation is passed as if not there")
WRONG_DERIVATIVE = _named("wrong activation derivative", "another function for the derivative")

# What needs the layers, or another call, to be seen.
OTHER_FACTOR = _named("factor of another layer", "a factor of a product is that of another layer")
GRADIENT_FOR_W = _named("gradient in place of weights", "grad_W.T stands where W.T belongs")
UPDATED_FIRST = _named("update before all gradients", "a step was taken before the last gradient")
STALE = _named("stale cache", "something was kept from another batch: right for that one")
ACCUMULATED = _named("accumulated across calls", "the gradient of an earlier call is added to it")
LOGITS = _named("logits against probabilities", "with respect to the one instead of the other")
LOSS = _named("wrong loss gradient", "the backward pass starts with another gradient of the loss")
BIAS = _named("bias gradient", "all is right but the gradient of the bias")

# What is left.
FEW = _named("a few entries", "most entries are right, some are not")
UNKNOWN = _named("unknown", "no known mistake gives these numbers")


@dataclass(frozen=True)
class Cause:
    """A likely cause of a wrong gradient.

    Attributes:
        name: the kind of mistake, a few words: one of `backprop.diagnosis.NAMES`.
        evidence: what in the numbers speaks for it.

    Source: chapter 1, where a claimed gradient is first compared with ``eq-central-difference``.
    """

    name: str
    evidence: str

    @property
    def meaning(self) -> str:
        """What the name stands for, in one line."""
        return MEANINGS[self.name]

    def __str__(self) -> str:
        """Name and evidence in one line (a picture in the evidence adds its own)."""
        return f"{self.name}: {self.evidence}"
