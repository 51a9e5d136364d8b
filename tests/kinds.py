"""What the tests of layers, losses and networks share: kinds of arrays, and comparisons."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import settings

#: How far a result may be off, relative and absolute: a few roundings of numbers near 1.
TOLERANCE = {"float32": (1e-5, 2e-6), "float64": (1e-12, 1e-13)}


@dataclass(frozen=True)
class Kind:
    """A library and a dtype."""

    library: str
    dtype: str

    def __str__(self):
        return f"{self.library}-{self.dtype}"

    def array(self, numbers):
        """A copy of ``numbers`` of this kind."""
        copy = np.array(numbers, dtype=self.dtype)
        return torch.tensor(copy) if self.library == "torch" else copy

    def normal(self, rng, *shape):
        """Normal numbers of this kind."""
        return self.array(rng.normal(size=shape))

    def check(self, actual, expected):
        """Assert that ``actual`` is of this kind and near ``expected``, the shape first."""
        expected = expected.detach().numpy() if torch.is_tensor(expected) else np.array(expected)
        assert tuple(actual.shape) == expected.shape
        if self.library == "torch":
            assert isinstance(actual, torch.Tensor)
            assert actual.device.type == "cpu"
        else:
            assert isinstance(actual, np.ndarray | np.generic)
        assert str(actual.dtype).removeprefix("torch.") == self.dtype
        relative, absolute = TOLERANCE[self.dtype]
        np.testing.assert_allclose(values(actual), expected, rtol=relative, atol=absolute)


KINDS = [Kind(library, dtype) for library in ("numpy", "torch") for dtype in TOLERANCE]
DOUBLES = [kind for kind in KINDS if kind.dtype == "float64"]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
each_library = pytest.mark.parametrize("kind", DOUBLES, ids=str)
#: Properties: always the same examples, whatever machine they run on.
quickly = settings(deadline=None, derandomize=True, database=None, max_examples=25)

each_batch = pytest.mark.parametrize("batch", [1, 3])


def values(array):
    """A float64 NumPy copy of an array or tensor."""
    return np.asarray(array).astype(np.float64)


def reference(array):
    """A float64 tensor of its own that collects a gradient, with the values of an array."""
    return torch.tensor(values(array), requires_grad=True)


def refused(error, message):
    """Expect ``error``, with ``message`` somewhere in what it says."""
    return pytest.raises(error, match=re.escape(message))
