"""Every operation of the graph against PyTorch's autograd and finite differences, twice over."""

import numpy as np
import pytest
import torch

from backprop import graph
from backprop.checking import assert_gradient
from backprop.graph import backpropagation
from backprop.graph.operations import OPERATIONS
from tests.graph_checks import CHECKS, TORCH, assert_close, by_autograd, derivatives, draw

#: Operations without a gradient with respect to any input, and why they need none.
WITHOUT_A_RULE = {
    "greater": "its values are truth values",
    "equal": "its values are truth values",
    "sign": "its slope is 0, and at 0 it is said to be",
    "count": "how many entries there are does not depend on them",
    "zeros_like": "its values are constant",
    "ones_like": "its values are constant",
}
#: Inputs without a gradient of operations that have one for others, and why.
WITHOUT_A_GRADIENT = {
    ("where", 0): "the condition",
    ("masked", 1): "the condition",
    ("seed", 0): "only its shape counts",
    ("sum_to", 1): "only its shape counts",
    ("reshape_like", 1): "only its shape counts",
    ("broadcast_like", 1): "only its shape counts",
    ("expand", 1): "only its shape counts",
    ("scatter", 1): "only its shape counts",
    **{("piece", position): "only its shape counts" for position in (1, 2, 3)},
    ("rows", 1): "the index",
    ("scatter_rows", 1): "only its shape counts",
    ("scatter_rows", 2): "the index",
}


@pytest.mark.parametrize(("name", "f", "shapes"), CHECKS)
def test_first_and_second_derivatives(name, f, shapes):
    count, xs = len(shapes), draw(shapes)
    (w,) = draw([f(TORCH, *map(torch.tensor, xs)).shape], seed=1)
    values = [*xs, w, *draw(shapes, seed=2)]
    inputs, outputs = derivatives(f, count)
    run = graph.function(inputs, outputs)
    found = run(*values)
    assert all(isinstance(x, np.ndarray | np.float64) for x in found)
    # A view of an input would be changed together with it.
    assert not any(np.shares_memory(y, x) for y in found for x in values)
    assert_close(found, by_autograd(f, xs, w, values[count + 1 :]))
    assert_close(run(*map(torch.tensor, values)), found)
    for of, grads in ((1, found[2 : 2 + count]), (2 + count, found[3 + count :])):
        scalar = graph.function(inputs, [outputs[of]])
        for k, grad in enumerate(grads):
            assert_gradient(
                lambda x, k=k, scalar=scalar: scalar(*values[:k], x, *values[k + 1 :])[0],
                grad,
                xs[k],
            )
    for kind in (np.asarray, torch.tensor):
        narrow = [kind(x.astype("float32")) for x in values]
        assert {str(x.dtype).removeprefix("torch.") for x in run(*narrow)} == {"float32"}


def test_every_operation_has_a_check_and_a_rule_or_a_reason_for_none(monkeypatch):
    started, applied = set(), set()
    bprop = backpropagation.bprop
    monkeypatch.setattr(
        backpropagation,
        "bprop",
        lambda position, W, D: applied.add((W.operation, position)) or bprop(position, W, D),
    )
    widths = {}
    for name, f, shapes in CHECKS:
        _, (y, *rest) = derivatives(f, len(shapes))
        started |= {name} & {node.operation for node in backpropagation.ancestors([y])}
        for node in backpropagation.ancestors(rest):
            widths[node.operation] = max(widths.get(node.operation, 0), len(node.inputs))
    assert set(widths) == set(OPERATIONS) | {"variable", "constant"}
    assert started >= set(OPERATIONS) - set(WITHOUT_A_RULE)
    for name, operation in OPERATIONS.items():
        ruled = {p for p in range(widths[name]) if operation.rule(p)}
        assert ruled == {p for p in range(widths[name]) if (name, p) in applied}
        reasons = {p for p in range(widths[name]) if (name, p) in WITHOUT_A_GRADIENT}
        assert bool(ruled) != (name in WITHOUT_A_RULE)
        assert name in WITHOUT_A_RULE or ruled | reasons == set(range(widths[name]))


def test_einsum_and_matmul_refuse_what_their_rules_do_not_cover():
    x, y = graph.variable("x"), graph.variable("y")
    for subscripts in ["ij", "ij,jk", "ii->i", "...j->j", "ij->ij,", "ij->ik", "ij->jj", "i1->i"]:
        with pytest.raises(ValueError, match="one group of different letters for each operand"):
            graph.einsum(subscripts, x)
    product = graph.function([x, y], [graph.einsum("ij,jk->ik", x, y)])
    for shapes in [((2, 1), (3, 4)), ((2, 3), (3,)), ((2, 3, 1), (3, 1))]:
        with pytest.raises(ValueError, match=r"a letter for each axis, and one size for") as seen:
            product(*map(np.ones, shapes))
        assert f"{shapes[0]}, {shapes[1]}" in str(seen.value)
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(3, 2\); expected matrices"):
        graph.function([x, y], [x @ y])(np.ones(3), np.ones((3, 2)))
    with pytest.raises(TypeError, match="expected a node alone"):
        x[y, 0]
    with pytest.raises(ValueError, match="expected at least one"):
        graph.concatenate([])
