"""No verdict on a kink, none for a right gradient, and functions of all kinds."""

import numpy as np
import pytest
import torch
from diagnosis_right import FAMILIES, verdict

from backprop.checking import check_gradient


def names(report):
    return [cause.name for cause in report.causes]


def in_one_line(report):
    return " ".join(str(report).split())


RNG = np.random.default_rng(11)
X, B = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))


def at(array, index, value):
    result = array.copy()
    result[index] = value
    return result


def cube(a):
    return (a**3).sum()


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_right_gradients_get_no_diagnosis(start):
    """A small version of ``python -m benchmarks.diagnosis``, which tries 10,000."""
    for seed in range(start, start + 100):
        family, said = verdict(seed)
        kinks = family in ("near_a_kink", "single_tensor", "layer", "network", "tensor")
        assert said == "passes" or (kinks and said == "a kink"), (seed, family, said)


def test_all_families_of_right_gradients_are_met():
    assert {verdict(seed)[0] for seed in range(150)} == {family.__name__ for family in FAMILIES}


# Kinks


def relu(a):
    return np.maximum(a, 0)


def test_kinks_are_not_counted_among_the_wrong_entries():
    x = X.copy()
    x[0, :2] = 0.0
    for factor, wanted in ((-1, "sign"), (3, "constant factor")):
        claim = factor * B * (x > 0)
        assert names(check_gradient(lambda a: (relu(a) * B).sum(), claim, x))[0] == wanted
    # At a kink any claim is let be, but not beside it.
    wrong = at(B * (x > 0), (2, 3), 9.0)
    report = check_gradient(lambda a: (relu(a) * B).sum(), wrong, x)
    assert names(report) == ["a few entries"]
    assert "entry (0, 0) lies on a kink" in in_one_line(report)


def test_many_kinks():
    zeros = np.zeros((12, 13))
    for claim in (zeros, zeros + 1, zeros + 2):
        report = check_gradient(lambda a: relu(a).sum(), claim, zeros)
        assert names(report) == ["a kink"]
    assert "and so at " in in_one_line(report)
    half = RNG.normal(size=(80, 60))
    half[:, ::2] = 0
    right = check_gradient(lambda a: relu(a).sum(), (half > 0) * 1.0, half)
    assert names(right) == ["a kink"]
    missing = check_gradient(lambda a: relu(a).sum(), np.ones_like(half), half)
    assert names(missing) == ["mask missing"]


def test_a_kink_among_thousands_of_entries():
    x, c = RNG.normal(size=3000), RNG.normal(size=3000)
    x[2999], c[2999] = 0.0, 50.0
    report = check_gradient(lambda a: (c * relu(a)).sum(), c * (x > 0), x)
    assert names(report) == ["a kink"]
    assert "along random direction" in report.causes[0].evidence
    wrong = check_gradient(lambda a: (c * relu(a)).sum(), -c * (x > 0), x)
    assert names(wrong) == ["sign"]


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
@pytest.mark.parametrize("distance", [1e-9, 1e-8, 1e-7, 1e-6, 1e-5])
def test_beside_a_kink_a_right_gradient_is_not_accused(distance, offset):
    x = np.array([distance, -distance, 0.7, -0.7, 0.5, -0.5, 2, -2])
    right = (x > 0) * 1.0
    for method in ("entries", "projections"):
        report = check_gradient(lambda a: relu(a).sum() + offset, right, x, method=method)
        assert names(report) in ([], ["a kink"])
        assert report.ok or distance < 1e-7
    far = check_gradient(lambda a: relu(a).sum() + offset, at(right, 2, -1.0), x)
    assert names(far) == ["a few entries"]


def test_the_kink_near_a_wrong_entry_is_told():
    x = np.array([1e-3, 1, -1, 2, -2, 0.5, 0.7, 0.9])
    claim = (x > 1e-2) * 1.0
    report = check_gradient(lambda a: relu(a).sum(), claim, x)
    assert names(report) == ["a few entries"]
    assert "a kink is near: with entry (0,) of x moved by -1e-02" in in_one_line(report)
    # Far from it there is nothing to tell.
    report = check_gradient(lambda a: relu(a).sum(), at(claim, 3, 0.0), at(x, 0, 0.6))
    assert "kink" not in in_one_line(report)


# Kinds of functions and arrays


@pytest.mark.parametrize("kind", [float, np.float64, np.array, torch.DoubleTensor([1]).new_tensor])
def test_what_f_may_return(kind):
    for claim, wanted in ((3 * X**2, []), (-3 * X**2, ["sign"])):
        assert names(check_gradient(lambda a: kind(float(cube(a))), claim, X)) == wanted


def test_f_may_change_its_argument():
    def f(a):
        value = (a**3).sum()
        a *= 0
        return value

    for x in (X.copy(), torch.tensor(X)):
        kept = np.asarray(x).copy()
        assert names(check_gradient(f, -3 * X**2, x)) == ["sign"]
        np.testing.assert_array_equal(np.asarray(x), kept)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_of_all_sizes(dtype):
    for shape in ((), (1,), (3, 2), (2, 3, 4), (100_000,)):
        x = torch.tensor(np.random.default_rng(5).normal(size=shape), dtype=dtype)
        assert check_gradient(lambda a: (a**2).sum(), 2 * x, x).ok
        report = check_gradient(lambda a: (a**2).sum(), -2 * x, x)
        hidden = dtype is torch.float32 and shape == (100_000,)
        assert names(report) == ["float32" if hidden else "sign"]
        assert ("rounding hides single entries" in in_one_line(report)) == hidden


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_arrays_without_entries(shape):
    empty = np.zeros(shape)
    assert check_gradient(np.sum, empty, empty)
    for wrong in (np.zeros((2, *shape)), 0.0, np.nan):
        report = check_gradient(np.sum, wrong, empty)
        assert not report
        assert report.causes
        assert str(report)


@pytest.mark.parametrize("x", [np.arange(3), torch.arange(3), 3])
def test_whole_numbers_are_refused_with_a_reason(x):
    with pytest.raises(TypeError, match="small steps, which integers cannot take"):
        check_gradient(lambda a: a.sum(), x, x)
