"""`function`: what goes in, what comes out, and what is refused."""

import numpy as np
import pytest
import torch

from backprop import graph
from backprop.graph.function import MOST_SCHEDULES
from backprop.graph.node import apply
from tests.graph_checks import line_of

BOTH = pytest.mark.parametrize("to", [np.array, torch.tensor])


@pytest.fixture
def x():
    return graph.variable("x")


@pytest.fixture
def y():
    return graph.variable("y")


def dtype(value):
    return str(value.dtype).removeprefix("torch.")


# ---- what goes in and comes out ----


def test_inputs_have_to_be_what_the_outputs_need(x, y):
    with pytest.raises(ValueError, match=r"depend on <variable 'y', made by .*\.py:\d+>, which"):
        graph.function([x], [x + y])
    with pytest.raises(ValueError, match="named twice"):
        graph.function([x, y, x], [x + y])
    for inputs, outputs in [([x, 1.0], [x]), ([x], [x, 1.0]), ([x], ["x"])]:
        with pytest.raises(TypeError, match="expected nodes"):
            graph.function(inputs, outputs)
    with pytest.raises(TypeError, match="has no length"):
        graph.function([x], x + 1)
    run = graph.function([x, y], [x + y])
    for values in [(), (1.0,), (1.0, 2.0, 3.0)]:
        with pytest.raises(TypeError, match=rf"got {len(values)} values; expected 2, one an input"):
            run(*values)


def test_an_intermediate_node_as_input_hides_what_it_is_computed_from(x, y):
    inner = graph.exp(x)
    z = inner * y
    run = graph.function([inner, y], [z, *graph.gradients(z, [inner])])
    assert run(3.0, 4.0) == [12, 4]
    with pytest.raises(ValueError, match="depend on <variable 'x'"):
        graph.function([inner, y], [z + x])
    assert graph.function([x, inner], [x + inner])(1.0, 10.0) == [11]


@BOTH
def test_a_function_runs_again_with_other_values_shapes_and_dtypes(x, to):
    mean = graph.mean(x * x, 0)
    run = graph.function([x], [mean, *graph.gradients(graph.sum(mean), [x]), graph.zeros_like(x)])
    for shape in [(2, 3), (4, 3), (2, 3), (1, 5), (0, 2), (2, 3, 2)]:
        for kind in ("float64", "float32"):
            X = np.random.default_rng(len(shape)).normal(size=shape).astype(kind)
            with np.errstate(invalid="ignore"):  # the mean of nothing
                value, grad, zeros = run(to(X))
                expected = (X * X).sum(0) / shape[0] if shape[0] else np.full(shape[1:], np.nan)
            np.testing.assert_allclose(np.asarray(value), expected, rtol=1e-5)
            np.testing.assert_allclose(np.asarray(grad), 2 * X / max(shape[0], 1), rtol=1e-6)
            assert tuple(zeros.shape) == shape
            assert {dtype(value), dtype(grad), dtype(zeros)} == {kind}


def test_the_schedules_of_many_shapes_do_not_get_mixed_up(x, y):
    run = graph.function([x, y], [graph.sum(x * y, 0), *graph.gradients(graph.sum(x * y), [y])])
    for n in [*range(1, 40), *range(1, 40)]:
        total, grad = run(np.full((n, 2), 3.0), np.ones((1, 2)))
        assert np.array_equal(total, [3 * n, 3 * n])
        assert np.array_equal(grad, [[3 * n, 3 * n]])
    assert len(run._schedules) <= MOST_SCHEDULES < 39


@BOTH
def test_constants_and_inputs_can_be_outputs(x, to):
    c = graph.constant(np.array([1.0, 2]), name="c")
    given = to(np.array([5.0, 6]))
    outputs = [x, c, graph.constant(7), x, c * 2, graph.zeros_like(c)]
    outputs.append(graph.mean(x).inputs[1])  # a number that is no array
    found = graph.function([x], outputs)(given)
    expected = [[5, 6], [1, 2], 7, [5, 6], [2, 4], [0, 0], 2]
    assert [np.asarray(value).tolist() for value in found] == expected
    assert {type(value) for value in found} <= {type(given), np.float64, float}
    assert [np.asarray(value).tolist() for value in graph.function([], outputs[1:3])()] == [
        [1, 2],
        7,
    ]


def test_what_a_call_returned_is_not_changed_by_later_calls(x):
    outputs = [graph.zeros_like(x) + 1, graph.tanh(x), *graph.gradients(graph.sum(3 * x), [x])]
    run = graph.function([x], outputs)
    first = run(np.ones(3))
    kept = [np.array(value) for value in first]
    for value in first:
        value[...] = 100.0  # and may be written to
    again = run(np.ones(3))
    assert all(map(np.array_equal, again, kept))
    run(np.full(3, 2.0))
    assert all(map(np.array_equal, again, kept))


@BOTH
def test_every_output_may_be_changed_without_changing_anything_else(x, y, to):
    z = graph.sum(graph.sum(x, 1) * y)
    views = [x, x, y, graph.transpose(x), graph.reshape(x, (-1,)), graph.reshape(x, (3, 3)), x[1:]]
    views += [x[0], graph.einsum("ij->ji", x), x[graph.constant(1)]]
    views += [graph.concatenate([x, x])[:3], graph.broadcast_to(y, (3, 3))]
    views += [apply("matrix_transpose", x), apply("piece", x, x[:1], x[1:], which=0, axis=0)]
    outputs = [*views, *graph.gradients(z, [x, y]), *graph.gradients(graph.sum(x + y), [x, y])]
    run = graph.function([x, y], outputs)
    X, Y = to(np.arange(9.0).reshape(3, 3)), to(np.arange(3.0))
    for _ in range(2):
        found = run(X, Y)
        kept = [np.array(value.tolist()) for value in found]
        for k, value in enumerate(found):
            value[...] = -1.0
            for other, expected in zip(found[k + 1 :], kept[k + 1 :], strict=True):
                assert np.array_equal(other, expected)
        assert np.array_equal(X, np.arange(9.0).reshape(3, 3))


def test_calls_leave_inputs_and_constants_as_they_are(x):
    X, C = np.ones((2, 3)), np.full((2, 3), 2.0)
    z = graph.sum(graph.concatenate([x * C, graph.exp(-x) / C])[[0, 0, 3]])
    graph.function([x], [z, *graph.gradients(z, [x])])(X)
    assert np.array_equal(X, np.ones((2, 3)))
    assert np.array_equal(C, np.full((2, 3), 2.0))


@BOTH
def test_what_depends_on_shapes_alone_is_right_in_every_call(x, to):
    z = graph.sum(x[1:]) + 2 * graph.sum(x[[0, 0]])
    run = graph.function([x], [*graph.gradients(z, [x]), graph.zeros_like(x) + 1])
    for n in (3, 4, 3):
        grad, ones = run(to(np.zeros((n, 2))))
        assert grad.tolist() == [[4.0, 4.0]] + [[1.0, 1.0]] * (n - 1)
        assert ones.tolist() == [[1.0, 1.0]] * n


def test_a_constant_array_is_looked_at_in_every_call(x):
    C = np.full(2, 3.0)
    run = graph.function([x], graph.gradients(graph.sum(x * (graph.constant(C) + 1)), [x]))
    assert np.array_equal(run(np.ones(2))[0], [4, 4])
    C[1] = 0
    assert np.array_equal(run(np.ones(2))[0], [4, 1])


# ---- numbers, dtypes and libraries ----


@BOTH
def test_python_numbers_take_the_dtype_of_the_arrays(x, y, to):
    numbers = graph.log(2) + graph.sqrt(3) * 0.1 + graph.constant(2) ** graph.constant(0.5)
    z = 0.5 * x + 2**x + 2.5**x + x**2 + x**-1.5 + graph.maximum(x, 1.5) + numbers + x / 3
    z = graph.where(x > 1, z, 0) + graph.where(True, x, y) + graph.broadcast_to(0.1, (2, 3)) * y
    grads = graph.gradients(graph.mean(z), [x, y])
    run = graph.function([x, y], [z, *grads, *graph.gradients(graph.sum(grads[0]), [x])])
    X = np.arange(1, 7).reshape(2, 3)
    exact = run(X.astype("float64"), 0.3)
    for kind in ("float32", "float64"):
        found = run(to(X.astype(kind)), 0.3)
        assert {dtype(value) for value in found} == {kind}
        for value, right in zip(found, exact, strict=True):
            np.testing.assert_allclose(
                np.asarray(value), right, rtol=1e-12 if "64" in kind else 1e-5
            )


def test_numbers_alone_are_computed_in_double_precision(x):
    run = graph.function([x], [x, x**-1, graph.exp(x), *graph.gradients(x**3, [x])])
    for two in (2, 2.0, np.float64(2), np.array(2.0)):
        found = run(two)
        assert found == [2, 0.5, np.exp(2.0), 12]
        assert {dtype(value) for value in found} == {"float64"}
        assert [value.shape for value in found] == [()] * 4


@BOTH
def test_indices_stay_whole(x, y, to):
    run = graph.function([x, y], [x[y], *graph.gradients(graph.sum(x[y] ** 2), [x]), x[y + 1], y])
    X = to(np.arange(8.0).reshape(4, 2))
    for rows in (to([2, 0, 2]), 2):
        picked, grad, following, same = run(X, rows)
        assert np.array_equal(picked, X[rows])
        assert np.array_equal(following, X[rows + 1])
        expected = np.zeros((4, 2))
        np.add.at(expected, np.asarray(rows), 2 * np.asarray(X[rows]))
        assert np.array_equal(grad, expected)
        assert np.array_equal(same, rows)
    with pytest.raises(TypeError, match=r"rows are picked by an array of .*bool; expected int64"):
        run(X, to([True, False, True, True]))


def test_bytes_pick_rows_in_numpy_and_are_masks_in_pytorch(x, y):
    run, numbers = graph.function([x, y], [x[y]]), np.array([1, 0, 1], dtype=np.uint8)
    assert np.array_equal(run(np.arange(3.0), numbers)[0], [1, 0, 1])
    with pytest.raises(TypeError, match=r"rows are picked by an array of torch.uint8; expected"):
        run(torch.arange(3.0), torch.tensor(numbers))


@BOTH
def test_one_graph_runs_on_both_libraries(x, to):
    c = graph.constant(np.array([[1.0, 2], [3, 4]], "float32"))
    z = graph.sum((x @ c + np.ones(2, "float32"))[np.array([0, 0, 1])] * np.float32(2))
    value, grad = graph.function([x], [z, *graph.gradients(z, [x])])(to(np.eye(2, dtype="float32")))
    assert isinstance(grad, np.ndarray | torch.Tensor)
    assert isinstance(grad, type(to(1.0)))
    assert (float(value), dtype(grad)) == (38, "float32")
    assert np.asarray(grad).tolist() == [[12, 28], [6, 14]]


def test_tensors_as_constants(x):
    c = graph.constant(torch.tensor([1.0, 2]))
    (found,) = graph.function([x], [x * c])(3.0)
    assert torch.equal(found, torch.tensor([3.0, 6]))
    with pytest.raises(TypeError, match=r"mix a PyTorch tensor .* and a NumPy array"):
        graph.function([x], [x * c])(np.ones(2))
    with pytest.raises(TypeError, match="graphs do not mix"):
        graph.constant(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="graphs do not mix"):
        x * torch.ones(2, requires_grad=True)


def test_libraries_are_not_mixed(x, y):
    run = graph.function([x, y], [x + y])
    for values in [(np.ones(2), torch.ones(2)), (torch.ones(2), np.ones(2))]:
        with pytest.raises(TypeError, match=r"mix a PyTorch tensor .* and a NumPy array"):
            run(*values)
        assert run(values[0], 1.5)[0].tolist() == [2.5, 2.5]


@pytest.mark.parametrize("value", [[1.0, 2.0], None, "1", 1j, (1.0,), {}])
def test_what_is_no_array_is_refused(x, value):
    with pytest.raises(TypeError, match="expected an array, a tensor or a number"):
        graph.function([x], [x + 1])(value)
    with pytest.raises(TypeError, match="cannot be part of a graph"):
        x + value
    for bad in (np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises(TypeError, match="cannot be part of a graph"):
            graph.constant(bad)


# ---- errors at the call ----


@BOTH
def test_errors_at_the_call_name_the_node_and_the_line(x, y, to):
    z = graph.exp(x) @ y  # the product
    run = graph.function([x, y], [z, *graph.gradients(graph.sum(z), [x])])
    run(to(np.ones((2, 3))), to(np.ones((3, 4))))
    with pytest.raises((ValueError, RuntimeError)) as seen:
        run(to(np.ones((2, 3))), to(np.ones((4, 3))))
    assert seen.value.__notes__ == [
        f"This happened in <matmul, made by {line_of(__file__, 'the product')}>."
    ]
    rows = x[y]  # the rows
    run = graph.function([x, y], [rows])
    assert run(to(np.ones((3, 2))), to([2]))[0].shape == (1, 2)
    with pytest.raises(IndexError) as seen:  # of the same shapes as before
        run(to(np.ones((3, 2))), to([3]))
    assert seen.value.__notes__ == [
        f"This happened in <rows, made by {line_of(__file__, 'the rows')}>."
    ]
    (grad,) = graph.gradients(z, [x], seed=graph.constant(1.0))
    with pytest.raises(ValueError, match="the seed") as seen:
        graph.function([x, y], [grad])(to(np.ones((2, 3))), to(np.ones((3, 4))))
    (note,) = seen.value.__notes__
    assert f"made by the gradient of <matmul, made by {line_of(__file__, 'the product')}>" in note
