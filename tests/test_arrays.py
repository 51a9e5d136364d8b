import math
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
        with pytest.raises(TypeError) as caught:
            function(x, "weights")
        assert str(caught.value) == (
            f"weights is {arrays.describe(x)}; expected a NumPy array, a PyTorch tensor or a "
            "number (a list becomes an array by np.array(...))"
        )


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


def test_like_keeps_the_device():
    assert arrays.like(np.ones(3), torch.ones(2, device="meta")).device.type == "meta"


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
    with pytest.raises(TypeError) as caught:
        arrays.require_floating(x)
    assert str(caught.value) == (
        f"x is {arrays.describe(x)}; expected a floating-point dtype, best float64: "
        "a derivative needs small steps, which integers cannot take"
    )


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
    assert arrays.describe("a" * 100) == "str '" + "a" * 75


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_require_same_kind_accepts_one_kind_whatever_the_shape(dtype):
    a = np.ones((3, 4), dtype)
    arrays.require_same_kind(a, np.zeros(2, dtype), ("a", "b"))
    arrays.require_same_kind(torch.tensor(a), torch.zeros(2).to(torch.tensor(a).dtype), ("a", "b"))


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (
            np.ones((3, 4)),
            np.ones((3, 4), "f4"),
            "a is a NumPy array of float64, shape (3, 4), on cpu, and b is a NumPy array of "
            "float32, shape (3, 4), on cpu; expected one library, one dtype and one device: "
            "convert one of them",
        ),
        (
            np.ones((3, 4)),
            torch.ones(3, 4, dtype=torch.float64),
            "a is a NumPy array of float64, shape (3, 4), on cpu, and b is a PyTorch tensor of "
            "float64, shape (3, 4), on cpu; expected one library",
        ),
        (
            torch.ones(2),
            torch.ones(2, device="meta"),
            "a is a PyTorch tensor of float32, shape (2,), on cpu, and b is a PyTorch tensor of "
            "float32, shape (2,), on meta; expected one library",
        ),
        (1.0, np.ones(1, "f4"), "a is float 1.0, on cpu, and b is a NumPy array of float32"),
    ],
)
def test_require_same_kind_says_what_differs(a, b, told):
    for one, other in ((a, b), (b, a)):
        with pytest.raises(TypeError) as caught:
            arrays.require_same_kind(one, other, ("a", "b") if one is a else ("b", "a"))
        if one is a:
            assert str(caught.value).startswith(told)


@pytest.mark.parametrize("x", [np.ones((3, 4)), torch.ones(1, 4), np.ones((2, 4), "f2")])
def test_require_batch_accepts_rows(x):
    arrays.require_batch(x)
    arrays.require_batch(x, 4)


@pytest.mark.parametrize(
    ("x", "error", "told"),
    [
        (np.ones(4), ValueError, "rows has shape (4,); expected (batch, 4): one sample a row, "),
        (torch.ones(4, 3), ValueError, "rows has shape (4, 3); expected (batch, 4): one sample"),
        (np.ones((4, 4, 4)), ValueError, "rows has shape (4, 4, 4); expected (batch, 4): one"),
        (np.ones((0, 4)), ValueError, "rows is empty: its shape is (0, 4); expected at least one"),
        (np.ones((0, 3)), ValueError, "rows has shape (0, 3); expected (batch, 4)"),
        (np.ones((3, 4), int), TypeError, "rows is a NumPy array of int64, shape (3, 4); expect"),
        ([[1.0] * 4], TypeError, "rows is list [[1.0, 1.0, 1.0, 1.0]]; expected a NumPy array"),
    ],
)
def test_require_batch_says_what_is_missing(x, error, told):
    with pytest.raises(error) as caught:
        arrays.require_batch(x, 4, "rows")
    assert str(caught.value).startswith(told)


def test_the_checks_call_an_array_x_unless_told_otherwise():
    for check, bad in (
        (arrays.namespace, None),
        (arrays.to_numpy, None),
        (arrays.require_floating, np.ones(2, int)),
        (arrays.require_batch, np.ones(2)),
        (arrays.require_not_empty, np.ones((2, 0))),
    ):
        with pytest.raises((TypeError, ValueError), match=r"^x (is|has) "):
            check(bad)


def test_require_batch_of_any_width_names_the_features():
    with pytest.raises(ValueError, match=r"^x has shape \(4,\); expected \(batch, features\): one"):
        arrays.require_batch(np.ones(4))


def test_require_not_empty_looks_at_every_size():
    arrays.require_not_empty(np.ones((1, 1)))
    arrays.require_not_empty(1.0)
    for shape in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match=r"x is empty: its shape is .* expected at least one"):
            arrays.require_not_empty(np.ones(shape))


Z = [-1e4, -200.0, -30.0, -1.5, 0.0, 1.5, 30.0, 200.0, 1e4]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("x", [np.array(Z), torch.tensor(Z, dtype=torch.float64)])
def test_softplus_and_sigmoid_over_their_whole_range(x):
    for z, plus, s in zip(Z, arrays.softplus(x), arrays.sigmoid(x), strict=True):
        small = math.exp(-abs(z))
        assert float(plus) == pytest.approx(max(z, 0) + math.log1p(small), rel=1e-14)
        assert float(s) == pytest.approx((1 if z >= 0 else small) / (1 + small), rel=1e-13)


@pytest.mark.parametrize("x", [np.array(Z, "f4"), torch.tensor(Z), np.float32(1.5), 1.5])
def test_softplus_and_sigmoid_keep_the_kind(x):
    for function in (arrays.softplus, arrays.sigmoid):
        assert arrays.dtype_name(function(x)) == arrays.dtype_name(x)
        assert arrays.is_tensor(function(x)) == arrays.is_tensor(x)
