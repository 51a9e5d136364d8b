"""Every number printed in P. Nugues, "Analysis of backpropagation with examples in PyTorch".

The numbers are recomputed from the weights printed there, by three routes: formulas written
out by hand, PyTorch's autograd, and the layers of this package. Those weights are rounded to
four decimals, and so are the numbers, so that a last digit may differ by one. A single entry
differs by two: the second of z1, where six half units of the weights' last digit add up
(`OFF_BY_TWO`). It is held to the bound that follows from the rounding.

The notebook's ReLU network was drawn with weights of its own, which are not printed: of its
numbers only the loss can be recomputed, from its printed outputs.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from backprop.layers import Linear, ReLU
from backprop.losses import BinaryCrossEntropy
from backprop.network import NeuralNet

Numbers = dict[str, np.ndarray]
Weights = tuple[np.ndarray, np.ndarray, np.ndarray]

#: One unit of the fourth decimal; the last term forgives the binary representation of 1e-4.
TOLERANCE = 1e-4 + 1e-12
#: Where the rounding of the weights shows more than that, see `test_the_entry_off_by_two`.
OFF_BY_TWO = ("z1", (0, 1))

X = np.array([[1.0, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]])
Y = np.array([[1.0], [0], [1], [0]])

#: The linear network's weights as PyTorch prints them, (outputs, inputs).
WEIGHTS: Weights = (
    np.array(
        [
            [0.2369, 0.4875, -0.0785],
            [-0.1420, 0.5180, -0.4875],
            [-0.0190, -0.2783, 0.3500],
            [0.2950, -0.3992, 0.5065],
        ]
    ),
    np.array([[-0.0172, -0.1255, 0.3816, 0.4249], [-0.0027, -0.1248, 0.4886, 0.1373]]),
    np.array([[-0.2785, 0.4220]]),
)

#: The linear network: outputs and losses of the four samples; the rest for the first alone.
PUBLISHED: Numbers = {
    "outputs": np.array([[0.4999], [0.4962], [0.4926], [0.4889]]),
    "losses": np.array([[0.6933], [0.6857], [0.7081], [0.6712]]),
    "loss": np.array(0.6896),
    "output of the first": np.array([[0.4999]]),
    "loss of the first": np.array(0.6933102607727051),
    "z1": np.array([[0.9764, -0.5687, 0.4745, 1.0161]]),
    "z2": np.array([[0.6674, 0.4397]]),
    "z3": np.array([[-0.0003]]),
    "delta3": np.array([[-0.5001]]),
    "delta2": np.array([[0.1393, -0.2110]]),
    "delta1": np.array([[-0.0018, 0.0089, -0.0500, 0.0302]]),
    "delta0": np.array([[0.0082, 0.0055, -0.0064]]),
    "gradient of W1": np.array(
        [
            [-0.0018, -0.0037, -0.0055],
            [0.0089, 0.0177, 0.0266],
            [-0.0500, -0.0999, -0.1499],
            [0.0302, 0.0604, 0.0906],
        ]
    ),
    "gradient of W2": np.array(
        [[0.1360, -0.0792, 0.0661, 0.1415], [-0.2061, 0.1200, -0.1001, -0.2144]]
    ),
    "gradient of W3": np.array([[-0.3337, -0.2199]]),
}

#: The ReLU network of the notebook, whose weights are not printed.
RELU_OUTPUTS = np.array([[0.4899], [0.4848], [0.4798], [0.4747]])
RELU_LOSS = 0.6888


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def entropy(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return -targets * np.log(outputs) - (1 - targets) * np.log(1 - outputs)


def by_hand(weights: Weights) -> Numbers:
    """The formulas of the notebook: columns times matrices forward, rows backward."""
    W1, W2, W3 = weights
    x, y = X[:1], Y[:1]
    outputs = sigmoid(W3 @ W2 @ W1 @ X.T).T
    z1, z2, z3 = (W1 @ x.T).T, (W2 @ W1 @ x.T).T, (W3 @ W2 @ W1 @ x.T).T
    delta3 = sigmoid(z3) - y
    delta2 = delta3 @ W3
    delta1 = delta2 @ W2
    return {
        "outputs": outputs,
        "losses": entropy(outputs, Y),
        "loss": np.sum(entropy(outputs, Y)) / len(Y),
        "output of the first": sigmoid(z3),
        "loss of the first": entropy(sigmoid(z3), y)[0, 0],
        "z1": z1,
        "z2": z2,
        "z3": z3,
        "delta3": delta3,
        "delta2": delta2,
        "delta1": delta1,
        "delta0": (sigmoid(W3 @ W2 @ W1 @ x.T) - y) * W3 @ W2 @ W1,
        "gradient of W1": delta1.T @ x,
        "gradient of W2": delta2.T @ z1,
        "gradient of W3": delta3.T @ z2,
    }


def by_autograd(weights: Weights) -> Numbers:
    """``torch.nn.functional``, and the gradients that PyTorch finds."""
    W1, W2, W3 = (torch.tensor(w, requires_grad=True) for w in weights)
    linear, bce = torch.nn.functional.linear, torch.nn.functional.binary_cross_entropy
    every, targets = torch.tensor(X), torch.tensor(Y)
    outputs = torch.sigmoid(linear(linear(linear(every, W1), W2), W3))
    x, y = every[:1].requires_grad_(), targets[:1]
    z1 = linear(x, W1)
    z2 = linear(z1, W2)
    z3 = linear(z2, W3)
    first = torch.sigmoid(z3)
    loss = bce(first, y)
    moved = {"delta3": z3, "delta2": z2, "delta1": z1, "delta0": x}
    moved |= {f"gradient of W{i}": w for i, w in enumerate((W1, W2, W3), 1)}
    found = {
        "outputs": outputs,
        "losses": bce(outputs, targets, reduction="none"),
        "loss": bce(outputs, targets),
        "output of the first": first,
        "loss of the first": loss,
        "z1": z1,
        "z2": z2,
        "z3": z3,
    }
    found |= dict(zip(moved, torch.autograd.grad(loss, list(moved.values())), strict=True))
    return {name: tensor.detach().numpy() for name, tensor in found.items()}


def layers_with(weights: Weights) -> list[Linear]:
    """Layers of this package, in which a row of samples is multiplied from the left."""
    layers = [Linear(w.shape[1], w.shape[0], bias=False) for w in weights]
    for layer, weight in zip(layers, weights, strict=True):
        layer.W = weight.T
    return layers


def by_layers(weights: Weights) -> Numbers:
    """The package: layers one by one for z and delta, the network for loss and gradients."""
    first, second, third = layers = layers_with(weights)
    net = NeuralNet(layers, BinaryCrossEntropy())
    x, y = X[:1], Y[:1]
    loss_of_first = net.evaluate(x, y)
    gradients = net.backprop()
    z1 = first(x)
    z2 = second(z1)
    z3 = third(z2)
    net.loss(z3, y)
    delta3 = net.loss.bp_input()
    delta2 = third.bp_input(delta3)
    delta1 = second.bp_input(delta2)
    delta0 = first.bp_input(delta1)
    losses = [net.evaluate(X[i : i + 1], Y[i : i + 1]) for i in range(len(X))]
    found = {
        "outputs": sigmoid(net(X)),
        "losses": np.array(losses)[:, np.newaxis],
        "loss": net.evaluate(X, Y),
        "output of the first": sigmoid(z3),
        "loss of the first": loss_of_first,
        "z1": z1,
        "z2": z2,
        "z3": z3,
        "delta3": delta3,
        "delta2": delta2,
        "delta1": delta1,
        "delta0": delta0,
    }
    return found | {f"gradient of W{i}": grad.T for i, grad in enumerate(gradients, 1)}


ROUTES = [by_hand, by_autograd, by_layers]


def deviations(found: Numbers) -> Numbers:
    """How far each number is from the printed one, the entry off by two left out."""
    assert found.keys() == PUBLISHED.keys()
    for name, printed in PUBLISHED.items():
        assert np.shape(found[name]) == printed.shape, name
    off = {name: np.abs(found[name] - printed) for name, printed in PUBLISHED.items()}
    name, entry = OFF_BY_TWO
    off[name] = off[name].copy()
    off[name][entry] = 0
    return off


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", PUBLISHED)
def test_each_printed_number(route: Callable[[Weights], Numbers], name: str) -> None:
    assert deviations(route(WEIGHTS))[name].max() <= TOLERANCE


@pytest.mark.parametrize("route", ROUTES)
def test_the_entry_off_by_two(route: Callable[[Weights], Numbers]) -> None:
    name, entry = OFF_BY_TWO
    off = abs(route(WEIGHTS)[name][entry] - PUBLISHED[name][entry])
    assert off == pytest.approx(2e-4, abs=1e-9)
    # Half a unit of the fourth decimal for each of the three weights, times 1, 2 and 3, and
    # half a unit for the printed result itself.
    assert off <= 0.5e-4 * (np.abs(X[0]).sum() + 1)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_changed_weight_is_noticed(layer: int) -> None:
    """The comparison can fail: a change of 0.002 in any one weight shows."""
    for entry in np.ndindex(WEIGHTS[layer].shape):
        changed = [weight.copy() for weight in WEIGHTS]
        changed[layer][entry] += 0.002
        off = deviations(by_hand((changed[0], changed[1], changed[2])))
        assert max(error.max() for error in off.values()) > TOLERANCE, entry


def test_products_with_a_vector_and_with_a_column() -> None:
    W1, W2, W3 = WEIGHTS
    assert (W1 @ X[0]).shape == (4,)
    assert (W1 @ X[:1].T).shape == (4, 1)
    np.testing.assert_allclose(W1 @ X[0], (W1 @ X[:1].T)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(W3 @ W2 @ W1 @ X[0], [-0.0003], atol=TOLERANCE)
    np.testing.assert_allclose(W3 @ W2 @ W1 @ X[:1].T, [[-0.0003]], atol=TOLERANCE)


def test_a_column_is_refused() -> None:
    layer = torch.nn.Linear(3, 4, bias=False)
    with pytest.raises(RuntimeError, match=r"cannot be multiplied \(3x1 and 3x4\)"):
        layer(torch.tensor([[1.0], [2.0], [3.0]]))


def test_the_loss_of_the_relu_network_from_its_printed_outputs() -> None:
    by_formula = entropy(RELU_OUTPUTS, Y).mean()
    logits = np.log(RELU_OUTPUTS) - np.log(1 - RELU_OUTPUTS)
    outputs, targets = torch.tensor(RELU_OUTPUTS), torch.tensor(Y)
    by_pytorch = torch.nn.functional.binary_cross_entropy(outputs, targets).item()
    for loss in (by_formula, by_pytorch, BinaryCrossEntropy()(logits, Y)):
        assert abs(loss - RELU_LOSS) <= TOLERANCE


def test_the_relu_network_had_weights_of_its_own() -> None:
    """With the linear network's weights its outputs are others, by all three routes."""
    W1, W2, W3 = WEIGHTS
    by_formula = sigmoid(np.maximum(0, np.maximum(0, X @ W1.T) @ W2.T) @ W3.T)
    first, second, third = layers_with(WEIGHTS)
    by_package = sigmoid(NeuralNet([first, ReLU(), second, ReLU(), third], BinaryCrossEntropy())(X))
    t1, t2, t3 = (torch.tensor(weight) for weight in WEIGHTS)
    hidden = torch.relu(torch.relu(torch.tensor(X) @ t1.T) @ t2.T)
    by_pytorch = torch.sigmoid(hidden @ t3.T).numpy()
    np.testing.assert_allclose(by_package, by_formula, rtol=1e-12)
    np.testing.assert_allclose(by_pytorch, by_formula, rtol=1e-12)
    assert np.abs(by_formula - RELU_OUTPUTS).min() > 0.005


def test_the_outer_product() -> None:
    expected = np.array([[2.0, 3, 4], [4, 6, 8], [6, 9, 12]])
    a, b = np.array([[1.0, 2, 3]]).T, np.array([[2.0, 3, 4]])
    np.testing.assert_array_equal(a @ b, expected)
    np.testing.assert_array_equal((torch.tensor(a) @ torch.tensor(b)).numpy(), expected)
    layer = Linear(3, 3, rng=0, bias=False)
    layer(a.T)
    np.testing.assert_array_equal(layer.bp_param(b), expected)
