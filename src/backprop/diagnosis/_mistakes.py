"""Plausible mistakes in a backward pass, each repeated in an otherwise right one.

Each function of `MISTAKES` makes one kind of mistake, wherever it can be made: in each layer
alone, and in all layers of a kind at once, as a mistake in a class is. What it yields are the
gradients that come out, for comparison with the claimed ones.
"""

from __future__ import annotations

from backprop.diagnosis._activations import (
    derivative_left_out,
    mask_inverted,
    mask_of_another_array,
    wrong_derivative,
)
from backprop.diagnosis._kept import accumulated, stale
from backprop.diagnosis._products import (
    bias,
    detached,
    factor_of_another,
    gradient_for_weights,
    mean_for_sum,
    transposed,
    updated_first,
    weights_of_another,
)
from backprop.diagnosis._scene import Mistake
from backprop.diagnosis._tops import wrong_top

#: The mistakes in the order in which they are tried, most specific first. A mistake with a number
#: that is read from the claims, the learning rate, comes last: it fits the most.
MISTAKES: tuple[Mistake, ...] = (
    detached,
    derivative_left_out,
    mask_inverted,
    stale,
    accumulated,
    gradient_for_weights,
    transposed,
    wrong_top,
    bias,
    mean_for_sum,
    wrong_derivative,
    weights_of_another,
    factor_of_another,
    mask_of_another_array,
    updated_first,
)
