"""From a wrong gradient to the mistake that makes it: the likely cause, with evidence.

`backprop.checking` asks this module when a check has failed, and only then. `diagnose` looks at
the numbers alone: each known mistake is repeated on the numerical gradient (or undone on the
claimed one), and where the two then agree, it is named. `explain` knows the layers and
so many more mistakes: it repeats each of them in an otherwise right backward pass.

Different mistakes may give the same numbers: without a ReLU's mask or with a mask that happens
to be 1 everywhere, say. Then no look at the numbers can tell which was made, and all are named.
"""

from __future__ import annotations

from backprop.diagnosis import _shape, _values
from backprop.diagnosis._facts import Facts
from backprop.diagnosis._names import MEANINGS, Cause
from backprop.diagnosis._network import Claims, explain

__all__ = ["NAMES", "Cause", "Claims", "Facts", "diagnose", "explain"]

#: The names of all causes, most of which `diagnose` knows; the rest needs the layers.
NAMES = tuple(MEANINGS)


def diagnose(facts: Facts) -> tuple[Cause, ...]:
    """The likely causes of a wrong gradient, most specific first; never empty.

    Args:
        facts: the claimed gradient and the numerical one.

    Returns:
        Most often one cause; more where mistakes come together (transposed, and of the
        opposite sign), or where several would give these numbers. ``unknown``, with a picture
        of where the error sits, if nothing fits.

    Source: chapter 1, ``eq-central-difference``, for the numbers that are compared.
    """
    if facts.claim.shape != facts.numerical.shape:
        return _shape.causes(facts)
    return _values.causes(facts)
