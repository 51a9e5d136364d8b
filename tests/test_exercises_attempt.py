"""What an answer on trial is told, word by word, and what is remembered of its calls."""

import numpy as np
import pytest
import torch

from backprop.exercises._attempt import Attempt, WrongAnswerError, alike, numbers
from backprop.exercises._parts import alone, named, parts, truth_values

X = np.array([[1.0, 2, 3], [4, 5, 6]])
SQUARE = np.array([[1.0, 2], [3, 4]])


def refusal(act, *arguments, **named_arguments):
    """The message and the cause of the refusal that follows."""
    with pytest.raises(WrongAnswerError) as caught:
        act(*arguments, **named_arguments)
    return str(caught.value), caught.value.cause


# Calls


def raises(*arrays):
    raise ValueError("no")


def test_what_a_call_can_be_told():
    def change(x):
        x[0] += 1
        return x

    cases = [
        (lambda x: None, "The answer returns None: is a `return` missing?", "no result"),
        (
            change,
            "The answer changes its argument x in place, and so the caller's array. Compute a new "
            "one.",
            "changes its argument",
        ),
        (
            lambda x, y: x,
            "The answer takes (x, y), and the exercise calls it with 1 arguments: keep the first "
            "line of the stub.",
            "signature",
        ),
    ]
    for answer, message, cause in cases:
        assert refusal(Attempt(answer), X) == (message, cause)
    for argument in (X.copy(), torch.tensor(X), [1, 2], {0: 1}):
        assert refusal(Attempt(change), argument)[1] == "changes its argument"
    assert np.array_equal(Attempt(change)(X, changes=True)[0], X[0] + 1)


def test_what_raises_is_told_with_the_shapes_that_were_given():
    message, cause = refusal(Attempt(raises), X, 3, SQUARE)
    assert cause == "raises"
    assert message.startswith("The answer raises ValueError")
    assert message.endswith(": no\nIt was called with *arrays (2, 3), *arrays (2, 2).")
    message, _ = refusal(Attempt(raises), 3)
    assert message.endswith(": no")
    # A function without a signature has numbers for names.
    message, _ = refusal(Attempt(range), X, SQUARE)
    assert message.endswith("\nIt was called with number 1 (2, 3), number 2 (2, 2).")


def test_a_stub_stays_a_stub():
    def stub(x):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        Attempt(stub)(X)


def test_calls_are_remembered_as_they_were():
    x = [X.copy()]
    attempt = Attempt(lambda x: 2 * x[0])
    attempt(x)
    x[0] += 1  # what was given is not what is remembered
    assert attempt.is_like(lambda x: 2 * X)
    assert attempt.is_like(lambda x: 2 * x[0])

    def spoils(x):
        x[0] *= 0
        return x[0]

    assert not attempt.is_like(spoils)
    assert attempt.is_like(lambda x: 2 * x[0])
    assert not Attempt(print).is_like(print), "without a call there is nothing to compare"


# Gradients and results


def test_a_wrong_gradient_is_reported_under_its_name_with_its_cause():
    def f(x):
        return (x**2).sum()

    attempt = Attempt(print)
    attempt.gradient(f, X, 2 * X)
    message, cause = refusal(attempt.gradient, f, X, -2 * X, "The gradient for W1")
    assert cause == "sign"
    assert message.startswith("The gradient for W1 is wrong: 6 of 6 entries differ")
    assert "likely cause:  sign" in message
    message, _ = refusal(attempt.gradient, f, X, -2 * X)
    assert message.startswith("The gradient is wrong: 6 of 6 entries differ")
    told = ("The gradient is of type str; expected numbers.", "no numbers")
    assert refusal(attempt.gradient, f, X, "2x") == told


@pytest.mark.parametrize(
    ("result", "expected", "message", "cause"),
    [
        (X.T, X, "has the shape (3, 2); expected (2, 3). Its transpose has the right numbers.", ""),
        (X.T + 1, X, "has the shape (3, 2); expected (2, 3).", "wrong shape"),
        (X[0], X[1:], "has the shape (3,); expected (1, 3).", "wrong shape"),
        (X[0], X[0, :2], "has the shape (3,); expected (2,).", "wrong shape"),
        (-X, X, "has the opposite sign.", "sign"),
        (SQUARE.T, SQUARE, "is transposed.", "transposed"),
        (3 * X, X, "is 3 times what it should be.", "constant factor"),
        (X / 4, X, "is 0.25 times what it should be.", "constant factor"),
        (0 * X, X, "is wrong in 6 of 6 entries.", "wrong value"),
        (X + np.eye(2, 3), X, "is wrong in 2 of 6 entries.", "wrong value"),
        (3.0, 2.0, "is wrong.", "wrong value"),
        (np.inf * X, X, ": 6 of 6 numbers are not finite.", "not finite"),
        (["a"], X, "is of type list; expected numbers.", "no numbers"),
        ([[1, 2], [3]], X, "is no array: its rows differ in length.", "no numbers"),
    ],
)
def test_the_kind_of_a_difference(result, expected, message, cause):
    attempt = Attempt(print)
    space = "" if message.startswith(":") else " "
    cause = cause or "transposed"
    assert refusal(attempt.equal, result, expected) == (f"The result{space}{message}", cause)
    assert refusal(attempt.equal, result, expected, "The step") == (
        f"The step{space}{message}",
        cause,
    )


def test_the_tolerance_is_relative_to_the_largest_entry():
    attempt = Attempt(print)
    for scale in (1e-6, 1.0, 1e6):
        attempt.equal(scale * (X + 1e-9), scale * X)
        attempt.equal(scale * (X + 1e-3), scale * X, tolerance=1e-3)
        off = scale * (X + 1e-8)
        assert refusal(attempt.equal, off, scale * X)[1] == "wrong value"
    # Each kind of a difference is looked for with the tolerance that was asked for.
    for result, cause in ((-X, "sign"), (3 * X, "constant factor")):
        assert refusal(attempt.equal, result + 1e-4, X, tolerance=1e-3)[1] == cause
        assert refusal(attempt.equal, result + 1e-4, X)[1] == "wrong value"
    assert refusal(attempt.equal, SQUARE.T + 1e-4, SQUARE, tolerance=1e-3)[1] == "transposed"
    assert refusal(attempt.equal, X.T + 1e-4, X)[1] == "wrong shape"
    assert refusal(attempt.equal, X.T + 1e-4, X, tolerance=1e-3)[1] == "transposed"


def test_entries_that_are_meant_to_be_nan_are_not_counted():
    expected = np.array([np.nan, 1.0, 2.0])
    message, _ = refusal(Attempt(print).equal, np.array([np.nan, 1.0, 5.0]), expected)
    assert message == "The result is wrong in 1 of 3 entries."


def test_numbers_of_every_kind():
    for value in (torch.ones(2, dtype=torch.float32), [1, 1], (True, True), np.ones(2, np.uint8)):
        array = numbers(value)
        assert array.dtype == np.float64
        assert np.array_equal(array, [1, 1])
    assert alike({"a": [X]}, {"a": (X + 1e-12,)})
    assert not alike({"a": 1}, [1])
    assert not alike([1], "1")
    assert not alike(["a"], {"a": 1})


# Parts


def test_parts_of_a_result():
    attempt = Attempt(print)
    assert parts(attempt, (1, 2), "one", "two") == [1, 2]
    assert parts(attempt, np.arange(2), "one", "two") == [0, 1]
    assert named(attempt, [1, 2], "one two") == {"one": 1, "two": 2}
    for result in ((1,), 3, np.float64(3), "ab", X[:1]):
        told = refusal(parts, attempt, result, "one", "two")
        assert told == ("The answer should return 2 things: one, two.", "wrong shape")
    told, _ = refusal(parts, attempt, 1, "one", what="Each row should have")
    assert told == "Each row should have 1 things: one."
    truth_values(attempt, (True, np.False_, 0))
    for result in (2, "True", np.array([True])):
        told = refusal(truth_values, attempt, [True, result])
        assert told == ("The answer should return True or False.", "no verdict")
    assert alone(lambda a, b, c: (a, b, c), 1, "xyz")("B") == ("x", "B", "z")
