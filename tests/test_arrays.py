import subprocess
import sys

import numpy as np
import pytest
import torch

from backprop import arrays


def test_importing_checking_does_not_import_torch():
    code = (
        "import sys; from backprop import checking; import numpy as np; "
        "checking.assert_gradient(lambda a: (a * a).sum(), np.ones(3) * 2, np.ones(3)); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("x", [np.ones((3, 4)), 1.5, np.float32(2), torch.ones(3, 4)])
def test_namespace_has_the_standard_names(x):
    xp = arrays.namespace(x)
    assert tuple(xp.permute_dims(xp.ones((3, 4)), (1, 0)).shape) == (4, 3)
    assert arrays.is_tensor(xp.ones(1)) == arrays.is_tensor(x)


@pytest.mark.parametrize("x", [[1.0], None, "1", (1.0,)])
def test_what_is_no_array_is_refused(x):
    for function in (arrays.namespace, arrays.to_numpy, arrays.require_floating):
        with pytest.raises(TypeError, match=r"weights is .*expected a NumPy array"):
            function(x, "weights")


@pytest.mark.parametrize(
    "x",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.array(2.5),
        np.zeros((0, 3)),
        torch.arange(12, dtype=torch.float64).reshape(3, 4),
        torch.tensor(2.5),
        np.float32(1.5),
        np.float64(1.5),
        1.5,
    ],
)
def test_like_brings_values_back_in_the_same_kind(x):
    back = arrays.like(arrays.to_numpy(x).astype(np.float64), x)
    assert type(back) is type(x)
    assert arrays.shape(back) == arrays.shape(x)
    assert arrays.dtype_name(back) == arrays.dtype_name(x)
    assert np.array_equal(arrays.to_numpy(back), arrays.to_numpy(x))


@pytest.mark.parametrize("x", [np.ones(3), torch.ones(3)])
def test_like_copies(x):
    values = np.ones(3, dtype=arrays.dtype_name(x))
    back = arrays.like(values, x)
    back[0] = 7
    assert values[0] == 1


def test_like_refuses_an_array_for_a_number():
    with pytest.raises(TypeError, match=r"shape \(3,\) do not fit into float"):
        arrays.like(np.ones(3), 1.0)


def test_to_numpy_leaves_the_graph():
    x = torch.ones(2, requires_grad=True)
    assert np.array_equal(arrays.to_numpy(2 * x), [2.0, 2.0])


def test_to_numpy_names_a_dtype_that_numpy_lacks():
    with pytest.raises(TypeError, match=r"grad is a PyTorch tensor of bfloat16, .*grad\.double"):
        arrays.to_numpy(torch.ones(2, dtype=torch.bfloat16), "grad")


def test_without_graph():
    x = torch.ones(2, requires_grad=True)
    with arrays.without_graph(x):
        assert not (2 * x).requires_grad
    with arrays.without_graph(np.ones(2)):
        assert (2 * x).requires_grad


@pytest.mark.parametrize(
    "x", [np.arange(3), np.ones(2, bool), np.ones(2, complex), torch.arange(3), 3, True]
)
def test_require_floating_refuses_other_dtypes(x):
    with pytest.raises(TypeError, match="expected a floating-point dtype, best float64"):
        arrays.require_floating(x)


@pytest.mark.parametrize("x", [np.ones(2, "f2"), np.ones(2, "f4"), torch.ones(2), 1.0])
def test_require_floating_accepts_floats(x):
    arrays.require_floating(x)


def test_require_same_shape_names_both():
    arrays.require_same_shape(np.ones((3, 4)), torch.ones(3, 4), ("a", "b"))
    with pytest.raises(ValueError, match=r"a has shape \(3, 4\) and b has shape \(1, 4\)"):
        arrays.require_same_shape(np.ones((3, 4)), np.ones((1, 4)), ("a", "b"))


def test_describe():
    assert arrays.describe(np.ones((3, 4))) == "a NumPy array of float64, shape (3, 4)"
    assert arrays.describe(torch.ones(2)) == "a PyTorch tensor of float32, shape (2,)"
    assert arrays.describe(None) == "None"
    assert arrays.describe(3) == "int 3"
