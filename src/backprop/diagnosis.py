"""From a wrong gradient to the mistake that makes it: the likely cause, with evidence.

`backprop.checking` asks this module when a check has failed, and only then. `diagnose` looks at
the numbers alone: each known mistake is repeated on the numerical gradient (or undone on the
claimed one), and where the two then agree, it is named. `explain_network` knows the layers and
so many more mistakes: it repeats each of them in an otherwise right backward pass.
"""

from __future__ import annotations

from backprop import _diagnosis_shape, _diagnosis_values
from backprop._diagnosis_facts import Cause, Facts
from backprop._diagnosis_network import Claims, explain

__all__ = ["NAMES", "Cause", "Claims", "Facts", "diagnose", "explain"]

#: The names of all causes, most of which `diagnose` knows; the rest needs the layers.
NAMES = (
    "wrong shape",
    "not finite",
    "transposed",
    "broadcast axis not summed",
    "summed where per entry",
    "trace for the outer product",
    "part missing",
    "sign",
    "constant factor",
    "mean for sum",
    "zero everywhere",
    "float32",
    "a kink",
    "near the tolerance",
    "another order",
    "mask missing",
    "mask inverted",
    "mask from the wrong array",
    "activation derivative left out",
    "wrong activation derivative",
    "multiple of x added",
    "factor of another layer",
    "gradient in place of weights",
    "update before all gradients",
    "stale cache",
    "accumulated across calls",
    "logits against probabilities",
    "wrong loss gradient",
    "bias gradient",
    "a few entries",
    "unknown",
)


def diagnose(facts: Facts) -> tuple[Cause, ...]:
    """The likely causes of a wrong gradient, most specific first; never empty.

    Args:
        facts: the claimed gradient and the numerical one.

    Returns:
        Most often one cause; more where mistakes come together (transposed, and of the
        opposite sign). ``unknown``, with a picture of where the error sits, if nothing fits.
    """
    if facts.claim.shape != facts.numerical.shape:
        return _diagnosis_shape.causes(facts)
    return _diagnosis_values.causes(facts)
