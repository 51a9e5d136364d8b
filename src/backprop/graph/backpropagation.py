"""General back-propagation: from the nodes of a calculation to the nodes of its gradients.

The names are those of the algorithm's usual description: targets T, a variable z, the
pre-processing step that prunes, a table of gradients, `build_grad` and the ``bprop`` of each
operation. That description is recursive; here the nodes are taken in such an order that
nothing is left to recur on, because Python would give up on a deep graph.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from backprop.graph.node import Node, apply, on_account_of
from backprop.graph.operations import OPERATIONS, bprop, zeros_like


def gradients(z: Node, targets: Sequence[Node], seed: Any = None) -> list[Node]:
    """The nodes of the gradients of ``z`` with respect to ``targets``, built but not computed.

    They are nodes like any others, so gradients can be taken of them.

    Args:
        z: what is differentiated: a node with a single number as its value.
        targets: what it is differentiated with respect to, variables or any other nodes.
        seed: the gradient to start with, in the shape of ``z``, for a ``z`` that is no single
            number: then the results are vector-Jacobian products. None stands for 1.

    Returns:
        One node a target, in its shape. If z does not depend on a target, that is zeros.

    Raises:
        TypeError: if ``z`` or a target is no node.
        ValueError: when it is computed, if z is not a single number and there is no seed, or if
            the seed has another shape.

    Source: chapter 8, ``eq-general-build``; chapter 10, ``eq-second-hvp``.
    """
    for name, node in [("z", z), *(("a target", target) for target in targets)]:
        if not isinstance(node, Node):
            raise TypeError(f"{name} is {node!r}; expected a node")
    consumers = prune(targets, z)
    with on_account_of(z):
        grad_table = {z: apply("seed", z) if seed is None else apply("seed", z, seed)}
    for V in sorted(consumers, key=lambda node: node.number, reverse=True):
        build_grad(V, grad_table, consumers[V])
    for V in targets:
        if V not in grad_table:
            grad_table[V] = zeros_like(V)
    return [grad_table[V] for V in targets]


def prune(targets: Iterable[Node], z: Node) -> dict[Node, list[tuple[Node, int]]]:
    """The nodes on the paths from ``targets`` to ``z``, without z, and where each path goes on.

    Returns:
        For each such node V the pairs of a node W on a path and the position of V among the
        inputs of W. Inputs that have no gradient, such as the condition of `where`, do not
        lead anywhere.

    Source: chapter 8, ``eq-general-consumers``.
    """
    reached = set(targets)
    consumers: dict[Node, list[tuple[Node, int]]] = {}
    for W in ancestors([z]):
        for position, V in enumerate(W.inputs):
            if V in reached and OPERATIONS[W.operation].rule(position):
                consumers.setdefault(V, []).append((W, position))
                reached.add(W)
    return _leading_to(z, consumers)


def _leading_to(
    z: Node, consumers: dict[Node, list[tuple[Node, int]]]
) -> dict[Node, list[tuple[Node, int]]]:
    """Of ``consumers`` only what leads on to z: all of it does, unless a rule was missing."""
    kept: dict[Node, list[tuple[Node, int]]] = {}
    for V in sorted(consumers, key=lambda node: node.number, reverse=True):
        further = [(W, position) for W, position in consumers[V] if W is z or W in kept]
        if further:
            kept[V] = further
    return kept


def build_grad(
    V: Node, grad_table: dict[Node, Node], consumers: Sequence[tuple[Node, int]]
) -> None:
    """Put the gradient with respect to V into the table: the sum of what each W contributes.

    The gradients with respect to all of ``consumers`` must stand in the table.

    Source: chapter 8, ``eq-general-build`` and ``eq-general-memory``.
    """
    total: Node | None = None
    for W, position in consumers:
        with on_account_of(W):
            contribution = bprop(position, W, grad_table[W])
            total = contribution if total is None else total + contribution
    assert total is not None
    grad_table[V] = total


def ancestors(nodes: Iterable[Node], given: Container[Node] = ()) -> list[Node]:
    """``nodes`` and all that they are computed from, each after its inputs.

    What a node in ``given`` is computed from is left out, unless it is needed elsewhere.

    Source: chapter 8.
    """
    found: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            if node not in given:
                waiting.extend(node.inputs)
    return sorted(found, key=lambda node: node.number)
