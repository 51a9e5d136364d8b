"""`gradients` as an algorithm: what it builds, what it leaves out, and how deep it may go."""

import gc
import weakref
from collections import Counter

import numpy as np
import pytest
import torch
from kinds import refused

from backprop import graph
from backprop.graph import backpropagation
from backprop.graph.backpropagation import ancestors
from tests.graph_checks import line_of


@pytest.fixture
def applied(monkeypatch):
    """How often `bprop` was called for each node and input."""
    calls = Counter()
    bprop = backpropagation.bprop

    def counting(position, W, D):
        calls[W, position] += 1
        return bprop(position, W, D)

    monkeypatch.setattr(backpropagation, "bprop", counting)
    return calls


def compute(outputs, **values):
    """The values of ``outputs`` for variables that are told by their names."""
    inputs = {node for node in ancestors(outputs) if node.operation == "variable"}
    inputs = [node for node in inputs if node.name in values]
    return graph.function(inputs, outputs)(*(values[node.name] for node in inputs))


def built(z, targets, **settings):
    """The gradients, and the nodes that they added to the graph."""
    before = graph.variable("before").number
    grads = graph.gradients(z, targets, **settings)
    return grads, [node for node in ancestors(grads) if node.number > before]


# ---- what is built ----


def test_each_edge_of_the_graph_is_gone_back_once(applied):
    x, y = graph.variable("x"), graph.variable("y")
    shared = graph.tanh(x * y)
    z = shared * shared + graph.exp(shared) * x
    graph.gradients(z, [x, y])
    paths = sum(len(node.inputs) for node in ancestors([z]))
    assert len(applied) == paths == 10
    assert set(applied.values()) == {1}


def test_twenty_stacked_diamonds_build_as_many_nodes_as_they_have_edges(applied):
    node = start = graph.variable("x")
    for _ in range(20):
        node = graph.tanh(node) + graph.sigmoid(node)
    assert len(ancestors([node])) == 61
    grads, nodes = built(node, [start])
    assert sum(applied.values()) == len(applied) == 80
    assert len(nodes) < 500
    run = graph.function([start], [node, *grads])
    x = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.tanh(y) + torch.sigmoid(y)
    y.backward()
    np.testing.assert_allclose(run(0.3), [y.item(), x.grad.item()], rtol=1e-12)


def test_the_number_of_nodes_grows_in_step_with_the_graph():
    def size(length):
        node = start = graph.variable("x")
        for _ in range(length):
            node = graph.tanh(node) * node
        return len(built(node, [start])[1])

    assert size(200) - size(100) == size(300) - size(200) > 0


def test_what_leads_to_no_target_is_never_built(applied):
    x, y = graph.variable("x"), graph.variable("y")
    aside = graph.exp(graph.tanh(y))
    beyond = graph.log(x)  # depends on x, but z does not depend on it
    z = x * aside + aside
    (grad,), nodes = built(z, [x])
    assert set(applied) == {(z.inputs[0], 0), (z, 0)}
    assert {node.operation for node in nodes} <= {"seed", "sum_to", "multiply"}
    assert beyond not in ancestors([grad])
    assert compute([grad], x=3.0, y=0.5) == compute([aside], y=0.5)


def test_a_condition_and_an_index_lead_nowhere(applied):
    x, rows = graph.variable("x"), graph.variable("rows")
    inner = graph.tanh(x)
    z = graph.sum(graph.where(inner > 0, 2.0, 3.0)) + graph.sum(graph.constant(np.eye(3))[rows])
    grads = graph.gradients(z, [x, inner, rows])
    assert not applied
    assert [node.operation for node in grads] == ["zeros_like"] * 3


def test_prune_tells_where_each_path_goes_on():
    x, y = graph.variable("x"), graph.variable("y")
    product = x * x
    z = graph.where(x > 0, product, y)
    assert graph.prune([x], z) == {x: [(product, 0), (product, 1)], product: [(z, 1)]}
    assert graph.prune([y], z) == {y: [(z, 2)]}
    assert graph.prune([z], z) == {}


# ---- targets, z and the seed ----


def test_targets_of_every_kind():
    x, y, other = (graph.variable(name) for name in ("x", "y", "other"))
    inner = x * y
    z = graph.sum(inner * inner)
    grads = graph.gradients(z, [inner, x, z, other, x])
    X, Y = np.array([[1.0, 2, 3]]), np.array([[2.0], [-1]])
    of_inner, of_x, of_z, of_other, again = graph.function([x, y, other], grads)(
        X, Y, np.ones((4, 5), "float32")
    )
    assert np.array_equal(of_inner, 2 * X * Y)
    assert np.array_equal(of_x, [[10, 20, 30]])
    assert of_z == 1
    assert np.array_equal(of_other, np.zeros((4, 5)))
    assert of_other.dtype == np.float32
    assert np.array_equal(of_x, again)
    assert graph.gradients(z, []) == []


@pytest.mark.parametrize("to", [np.array, torch.tensor])
def test_a_seed_gives_a_product_with_the_jacobian(to):
    x, v = graph.variable("x"), graph.variable("v")
    y = graph.einsum("ij,j->i", graph.constant(np.arange(6.0).reshape(2, 3)), x**2)
    (product,) = graph.gradients(y, [x], seed=v)
    X, V = np.array([1.0, -1, 2]), np.array([3.0, 5])
    expected = V @ (np.arange(6.0).reshape(2, 3) * 2 * X)
    assert np.array_equal(graph.function([x, v], [product])(to(X), to(V))[0], to(expected))
    (given,) = graph.gradients(y, [x], seed=V)
    assert np.array_equal(graph.function([x], [given])(X)[0], expected)
    # It is linear in the seed, and its gradient with respect to the seed is J @ w.
    (forward,) = graph.gradients(product, [v], seed=np.ones(3))
    assert np.array_equal(
        graph.function([x, v], [forward])(X, V)[0], np.arange(6.0).reshape(2, 3) @ (2 * X)
    )


def test_errors_name_the_line():
    x = graph.variable("x")
    y = graph.tanh(x)  # the line of y
    (grad,) = graph.gradients(y, [x])
    assert grad.line == f"the gradient of {y!r}"
    run = graph.function([x], [grad])
    with pytest.raises(ValueError, match=r"of an array of shape \(3,\); expected a single") as seen:
        run(np.ones(3))
    (note,) = seen.value.__notes__
    assert f"the gradient of <tanh, made by {__file__}:" in note
    assert y.line in note
    assert y.line == line_of(__file__, "the line of y")


def test_seeds_and_targets_that_do_not_fit():
    x = graph.variable("x")
    y = graph.tanh(x)
    run = graph.function([x], graph.gradients(y, [x]))
    with refused(ValueError, "shape (3,); expected a single number, or a seed: the gradient to"):
        run(np.ones(3))
    run = graph.function([x], graph.gradients(y, [x], seed=np.ones(4)))
    with refused(ValueError, "(4,); expected that of the array whose gradient is taken, (3, 4)"):
        run(np.ones((3, 4)))
    for z, targets, told in [
        (1.0, [x], "z is 1.0; expected a node"),
        (y, [x, 2.0], "a target is 2.0; expected a node"),
        (y, ["x"], "a target is 'x'; expected a node"),
    ]:
        with refused(TypeError, told) as caught:
            graph.gradients(z, targets)
        assert str(caught.value) == told
    with pytest.raises(TypeError, match="has no length"):
        graph.gradients(y, x)


# ---- higher orders ----


def test_derivatives_up_to_the_fifth():
    x = graph.variable("x")
    y = 3 * x**5 + graph.exp(2 * x) / x
    nodes, X = [y], torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    values = [3 * X**5 + torch.exp(2 * X) / X]
    for _ in range(5):
        nodes += graph.gradients(nodes[-1], [x])
        values += torch.autograd.grad(values[-1], X, create_graph=True)
    found = graph.function([x], nodes)(1.3)
    np.testing.assert_allclose(found, [value.item() for value in values], rtol=1e-10)


def test_third_derivatives_of_a_network():
    def loss(xp, W, x):
        return xp.sum(xp.tanh(x @ W) ** 3) + xp.sum(xp.sigmoid(W) / (1 + W * W))

    def third(xp, gradients, W, x):
        (first,) = gradients(loss(xp, W, x), [W])
        (second,) = gradients(xp.sum(first * xp.tanh(W)), [W])
        return gradients(xp.sum(second * second), [W])[0]

    W, x = graph.variable("W"), graph.variable("x")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 3)), rng.normal(size=(5, 4))
    (found,) = graph.function([W, x], [third(graph, graph.gradients, W, x)])(*values)
    leaf = torch.tensor(values[0], requires_grad=True)
    expected = third(
        torch,
        lambda z, targets: torch.autograd.grad(z, targets, create_graph=True),
        leaf,
        torch.tensor(values[1]),
    )
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-10, atol=1e-10)


# ---- depth ----


def test_a_chain_of_a_hundred_thousand_nodes_is_built_run_and_freed():
    class Marked(graph.Node):
        """A node that can be watched."""

        __slots__ = ("__weakref__",)

    def chain(tanh, x):
        for number in range(99_990):
            x = -x if number % 2 else 1.0001 * x
            if number % 10_000 == 0:
                x = tanh(x)
        return x

    start = Marked("variable", name="x")
    end = chain(graph.tanh, start)
    assert len({node for node in ancestors([end]) if node.inputs}) == 100_000
    grads = graph.gradients(end, [start])
    run = graph.function([start], [end, *grads])
    leaf = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    expected = chain(torch.tanh, leaf)
    expected.backward()
    np.testing.assert_allclose(run(0.9), [expected.item(), leaf.grad.item()], rtol=1e-9)
    watched = weakref.ref(start)
    del start, end, grads, run
    gc.collect()
    assert watched() is None
