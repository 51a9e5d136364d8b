"""The operations: how each is computed, and its `bprop`, written as nodes.

A line of the table says three things about an operation. ``compute(xp, **attributes)`` gives
the function that computes it, for the namespace ``xp`` of NumPy or of PyTorch. ``rules`` holds
one rule for each input: given the node W and the node D of the gradient with respect to W, it
builds the node of what W contributes to the gradient with respect to that input. None stands
for an input that has no gradient. ``broadcasts`` says that the inputs were repeated to a
common shape, so that the gradient has to be summed back; that happens in `bprop` and nowhere
else.

Kinks and ties are decided as in PyTorch: relu and abs have the slope 0 at 0, and several equal
largest entries share the gradient equally.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from backprop.graph import computing
from backprop.graph.computing import Axis
from backprop.graph.node import Node, apply

Rule = Callable[[Node, Node], Node]


@dataclass(frozen=True)
class Operation:
    """How an operation is computed, and the rule for the gradient of each of its inputs.

    Source: chapter 8, ``eq-general-contract``.
    """

    compute: Callable[..., Callable[..., Any]]
    rules: tuple[Rule | None, ...] | Callable[[int], Rule | None] = ()
    broadcasts: bool = False

    def rule(self, position: int) -> Rule | None:
        """The rule for the input at ``position``, None if that input has no gradient."""
        if callable(self.rules):
            return self.rules(position)
        return self.rules[position] if position < len(self.rules) else None


def bprop(position: int, W: Node, D: Node) -> Node:
    """What W contributes to the gradient with respect to its input at ``position``.

    Args:
        position: which of ``W.inputs``.
        W: a node.
        D: the node of the gradient with respect to W, in the shape of W.

    Returns:
        A node in the shape of the input.

    Source: chapter 8, ``eq-general-contract`` and ``eq-general-broadcast``.
    """
    operation = OPERATIONS[W.operation]
    rule = operation.rule(position)
    assert rule is not None, "prune leaves out inputs without a gradient"
    contribution = rule(W, D)
    return sum_to(contribution, W.inputs[position]) if operation.broadcasts else contribution


# ---- functions that build nodes ----


def exp(x: Any) -> Node:
    """The exponential, entry by entry.

    Source: chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("exp", x)


def log(x: Any) -> Node:
    """The natural logarithm, entry by entry.

    Source: chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("log", x)


def sqrt(x: Any) -> Node:
    """The square root, entry by entry.

    Source: chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("sqrt", x)


def tanh(x: Any) -> Node:
    """The hyperbolic tangent, entry by entry.

    Source: chapter 5, ``eq-reversed-tanh``; chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("tanh", x)


def sigmoid(x: Any) -> Node:
    """The logistic sigmoid 1 / (1 + exp(-x)), entry by entry.

    Source: chapter 6, ``eq-audit-sigmoid-slope``; chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("sigmoid", x)


def relu(x: Any) -> Node:
    """max(0, x), entry by entry, with the slope 0 at 0.

    Source: chapter 4, ``eq-batch-grad-relu``; chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("relu", x)


def abs(x: Any) -> Node:
    """The absolute value, entry by entry, with the slope 0 at 0.

    Source: chapter 1, ``def-subgradient``; chapter 7, ``eq-tensor-hadamard``.
    """
    return apply("abs", x)


def maximum(a: Any, b: Any) -> Node:
    """The larger of two, entry by entry; equal ones share the gradient.

    Source: chapter 3, ``eq-gates``.
    """
    return apply("maximum", a, b)


def where(condition: Any, a: Any, b: Any) -> Node:
    """``a`` where ``condition`` holds, ``b`` elsewhere; the condition has no gradient.

    Source: chapter 4, ``eq-batch-grad-relu``.
    """
    return apply("where", condition, a, b)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The sum over ``axis`` (over everything for None).

    Source: chapter 8, ``eq-general-sum``.
    """
    return apply("sum", x, axis=axis, keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The mean over ``axis`` (over everything for None).

    Source: chapter 4, ``eq-batch-grad-prediction``; chapter 8, ``eq-general-sum``.
    """
    return sum(x, axis, keepdims) / apply("count", x, axis=axis)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest entry over ``axis``; several of them share the gradient.

    Source: chapter 3, ``eq-gates``.
    """
    return apply("max", x, axis=axis, keepdims=keepdims)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """log(sum(exp(x))) over ``axis``, without overflow.

    Source: chapter 8, ``eq-general-logsumexp``; chapter 12, ``eq-softmax-stable``.
    """
    return apply("logsumexp", x, axis=axis, keepdims=keepdims)


def reshape(x: Any, shape: tuple[int, ...]) -> Node:
    """The entries of ``x``, in their order, in another shape; one size may be -1.

    Source: chapter 7, ``eq-tensor-reshape``.
    """
    return apply("reshape", x, shape=tuple(shape))


def transpose(x: Any, axes: tuple[int, ...] | None = None) -> Node:
    """The axes of ``x`` in another order; for None, in reverse order.

    Source: chapter 7, ``eq-tensor-transpose``.
    """
    return apply("transpose", x, axes=None if axes is None else tuple(axes))


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Node:
    """``x`` repeated to ``shape``, by the rules of broadcasting.

    Source: chapter 7, ``eq-tensor-adjoint-broadcast``.
    """
    return apply("broadcast_to", x, shape=tuple(shape))


def concatenate(nodes: Sequence[Any], axis: int = 0) -> Node:
    """The nodes one after the other along ``axis``.

    Raises:
        ValueError: without nodes.

    Source: chapter 7, ``eq-tensor-concatenate``.
    """
    if not nodes:
        raise ValueError("concatenate got no nodes; expected at least one")
    return apply("concatenate", *nodes, axis=axis)


def getitem(x: Any, index: Any) -> Node:
    """``x[index]`` for whole numbers, slices, ``...``, None and arrays of integers.

    A node as the index picks rows: its value is an array of integers.

    Raises:
        TypeError: if a node is one of several indices.

    Source: chapter 7, ``eq-tensor-rows``.
    """
    if isinstance(index, Node):
        return apply("rows", x, index)
    if isinstance(index, tuple) and any(isinstance(i, Node) for i in index):
        raise TypeError(f"{index!r} is a node among other indices; expected a node alone, or none")
    return apply("getitem", x, index=index)


def einsum(subscripts: str, *nodes: Any) -> Node:
    """The sum of products that ``subscripts`` describes, such as ``"ij,jk->ik"``.

    Raises:
        ValueError: unless the subscripts name each operand and the result, without ``...`` and
            without a letter twice in one operand.

    Source: chapter 7, ``def-tensor-einsum`` and ``eq-tensor-einsum``.
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    letters = [*terms, output]
    if (
        not arrow
        or len(terms) != len(nodes)
        or any(len(set(term)) < len(term) or not (term + "a").isalpha() for term in letters)
        or not set(output) <= set(inputs)
    ):
        raise ValueError(
            f"subscripts {subscripts!r} for {len(nodes)} operands; expected one group of "
            "different letters for each operand and one for the result, as in 'ij,jk->ik'"
        )
    return apply("einsum", *nodes, terms=tuple(terms), output=output)


# ---- nodes that only gradients need ----


def sum_to(x: Node, like: Node) -> Node:
    """``x`` summed over the axes along which ``like`` was repeated: in the shape of ``like``.

    Source: chapter 8, ``eq-general-broadcast``.
    """
    return apply("sum_to", x, like)


def expand(x: Node, like: Node, axis: Axis, keepdims: bool) -> Node:
    """``x`` repeated along the axes that a reduction of ``like`` took away.

    Source: chapter 8, ``eq-general-sum``.
    """
    return apply("expand", x, like, axis=axis, keepdims=keepdims)


def zeros_like(x: Any) -> Node:
    """Zeros in the shape and dtype of ``x``.

    Source: chapter 8.
    """
    return apply("zeros_like", x)


def _matrix_transpose(x: Node) -> Node:
    return apply("matrix_transpose", x)


# ---- rules that take more than a line ----


def _power_exponent(W: Node, D: Node) -> Node:
    base = W.inputs[0]
    # 0 ** n is 0 around every n > 0, although the logarithm of 0 is infinite.
    return D * W * log(where(apply("equal", base, 0), 1, base))


def _power_base(W: Node, D: Node) -> Node:
    base, exponent = W.inputs
    n = exponent.attributes.get("value") if exponent.operation == "constant" else None
    if isinstance(n, int | float):
        if n == 0:
            return zeros_like(D)
        return D if n == 1 else D * (2 * base) if n == 2 else D * (n * base ** (n - 1))
    # The slope of base ** 0 is 0, also where the base is 0: there 0 * 0 ** -1 would be NaN.
    one_for_zero = where(apply("equal", exponent, 0), 1, exponent)
    power = where(apply("equal", base, 0), one_for_zero, exponent) - 1
    return D * exponent * base**power


def _max_rule(W: Node, D: Node) -> Node:
    (x,) = W.inputs
    axis, keepdims = W.attributes["axis"], W.attributes["keepdims"]
    largest = apply("equal", x, expand(W, x, axis, keepdims))
    shares = where(largest, apply("ones_like", x), zeros_like(x))
    return expand(D, x, axis, keepdims) * shares / sum(shares, axis, keepdims=True)


def _maximum_rule(position: int) -> Rule:
    def rule(W: Node, D: Node) -> Node:
        a, b = W.inputs[position], W.inputs[1 - position]
        shared = where(apply("equal", a, b), 0.5 * D, zeros_like(D))
        return where(a > b, D, shared)

    return rule


def _reduced(W: Node, D: Node) -> Node:
    return expand(D, W.inputs[0], W.attributes["axis"], W.attributes["keepdims"])


def _logsumexp_rule(W: Node, D: Node) -> Node:
    (x,) = W.inputs
    return _reduced(W, D) * exp(x - _reduced(W, W))


def _transpose_rule(W: Node, D: Node) -> Node:
    axes = W.attributes["axes"]
    order = [a % len(axes) for a in axes or ()]
    back = None if axes is None else tuple(order.index(a) for a in range(len(order)))
    return transpose(D, back)


def _concatenate_rule(position: int) -> Rule:
    return lambda W, D: apply("piece", D, *W.inputs, which=position, axis=W.attributes["axis"])


def _piece_rule(position: int) -> Rule | None:
    def rule(W: Node, D: Node) -> Node:
        parts = [zeros_like(part) for part in W.inputs[1:]]
        parts[W.attributes["which"]] = D
        return concatenate(parts, W.attributes["axis"])

    return rule if position == 0 else None


def _einsum_rule(position: int) -> Rule:
    def rule(W: Node, D: Node) -> Node:
        terms, output = W.attributes["terms"], W.attributes["output"]
        term, x = terms[position], W.inputs[position]
        others = [k for k in range(len(terms)) if k != position]
        known = set(output).union(*(terms[k] for k in others))
        reached = "".join(letter for letter in term if letter in known)
        subscripts = f"{','.join([output, *(terms[k] for k in others)])}->{reached}"
        result = einsum(subscripts, D, *(W.inputs[k] for k in others))
        alone = tuple(axis for axis, letter in enumerate(term) if letter not in known)
        return expand(result, x, alone, False) if alone else result

    return rule


def _only(name: str) -> Callable[..., Callable[..., Any]]:
    """The function that both namespaces have under this name."""
    return lambda xp, **attributes: getattr(xp, name)


def _python(function: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Python's own operator, which is quickest where the values are single numbers."""
    return lambda xp: function


#: The table of all operations: name -> `Operation`.
OPERATIONS: dict[str, Operation] = {
    # entry by entry
    "add": Operation(_python(operator.add), (lambda W, D: D, lambda W, D: D), True),
    "subtract": Operation(_python(operator.sub), (lambda W, D: D, lambda W, D: -D), True),
    "multiply": Operation(
        _python(operator.mul),
        (lambda W, D: D * W.inputs[1], lambda W, D: D * W.inputs[0]),
        True,
    ),
    "divide": Operation(
        _python(operator.truediv),
        (lambda W, D: D / W.inputs[1], lambda W, D: -D * W / W.inputs[1]),
        True,
    ),
    "power": Operation(_only("pow"), (_power_base, _power_exponent), True),
    "negative": Operation(_python(operator.neg), (lambda W, D: -D,)),
    "exp": Operation(_only("exp"), (lambda W, D: D * W,)),
    "log": Operation(_only("log"), (lambda W, D: D / W.inputs[0],)),
    "sqrt": Operation(_only("sqrt"), (lambda W, D: D / (2 * W),)),
    "tanh": Operation(_only("tanh"), (lambda W, D: D * (1 - W * W),)),
    "sigmoid": Operation(computing.sigmoid, (lambda W, D: D * (W * (1 - W)),)),
    "relu": Operation(computing.relu, (lambda W, D: apply("masked", D, W.inputs[0] > 0),)),
    "masked": Operation(computing.masked, (lambda W, D: apply("masked", D, W.inputs[1]), None)),
    "abs": Operation(_only("abs"), (lambda W, D: D * apply("sign", W.inputs[0]),)),
    "sign": Operation(_only("sign")),
    "maximum": Operation(_only("maximum"), _maximum_rule, True),
    "where": Operation(
        _only("where"),
        (
            None,
            lambda W, D: where(W.inputs[0], D, zeros_like(D)),
            lambda W, D: where(W.inputs[0], zeros_like(D), D),
        ),
        True,
    ),
    "greater": Operation(_python(operator.gt)),
    "equal": Operation(_python(operator.eq)),
    # reductions
    "sum": Operation(
        lambda xp, axis, keepdims: partial(computing.summed(xp), axis=axis, keepdims=keepdims),
        (_reduced,),
    ),
    "max": Operation(
        lambda xp, axis, keepdims: lambda x: xp.max(x, axis=axis, keepdims=keepdims), (_max_rule,)
    ),
    "logsumexp": Operation(computing.logsumexp, (_logsumexp_rule,)),
    "count": Operation(computing.count),
    # shapes
    "reshape": Operation(
        lambda xp, shape: lambda x: xp.reshape(x, shape),
        (lambda W, D: apply("reshape_like", D, W.inputs[0]),),
    ),
    "reshape_like": Operation(
        lambda xp: lambda x, like: xp.reshape(x, like.shape),
        (lambda W, D: apply("reshape_like", D, W.inputs[0]),),
    ),
    "transpose": Operation(
        lambda xp, axes: lambda x: xp.permute_dims(x, axes or tuple(range(x.ndim))[::-1]),
        (_transpose_rule,),
    ),
    "matrix_transpose": Operation(lambda xp: lambda x: x.mT, (lambda W, D: _matrix_transpose(D),)),
    "broadcast_to": Operation(
        lambda xp, shape: lambda x: xp.broadcast_to(x, shape), (lambda W, D: D,), True
    ),
    "sum_to": Operation(
        computing.sum_to, (lambda W, D: apply("broadcast_like", D, W.inputs[0]), None)
    ),
    "broadcast_like": Operation(
        lambda xp: lambda x, like: xp.broadcast_to(x, like.shape), (lambda W, D: D, None), True
    ),
    "expand": Operation(
        computing.expand,
        (lambda W, D: sum(D, W.attributes["axis"], W.attributes["keepdims"]), None),
    ),
    "concatenate": Operation(
        lambda xp, axis: lambda *parts: xp.concat(parts, axis=axis), _concatenate_rule
    ),
    "piece": Operation(computing.piece, _piece_rule),
    "getitem": Operation(
        lambda xp, index: lambda x: x[index],
        (lambda W, D: apply("scatter", D, W.inputs[0], index=W.attributes["index"]),),
    ),
    "scatter": Operation(computing.scatter, (lambda W, D: getitem(D, W.attributes["index"]), None)),
    "rows": Operation(
        computing.rows,
        (lambda W, D: apply("scatter_rows", D, *W.inputs), None),
    ),
    "scatter_rows": Operation(
        computing.scatter_rows,
        (lambda W, D: getitem(D, W.inputs[2]), None, None),
    ),
    # products
    "matmul": Operation(
        computing.matmul,
        (
            lambda W, D: D @ _matrix_transpose(W.inputs[1]),
            lambda W, D: _matrix_transpose(W.inputs[0]) @ D,
        ),
        True,
    ),
    "einsum": Operation(computing.einsum, _einsum_rule),
    # constant in value, whatever their inputs
    "zeros_like": Operation(_only("zeros_like")),
    "ones_like": Operation(_only("ones_like")),
    "seed": Operation(computing.seed, (None, lambda W, D: D)),
}
