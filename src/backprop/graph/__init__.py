"""General back-propagation over any graph of array operations, symbol to symbol.

Nodes write a calculation down, `gradients` builds the nodes of its gradients, and `function`
makes something of them that can be called. Chapter 8 derives it, chapter 10 takes gradients of
gradients.

>>> from backprop import graph
>>> x = graph.variable("x")
>>> y = 3 * (7 + x**2)
>>> (slope,) = graph.gradients(y, [x])
>>> (curvature,) = graph.gradients(slope, [x])
>>> [float(value) for value in graph.function([x], [y, slope, curvature])(1.0)]
[24.0, 6.0, 6.0]
"""

from backprop.graph.backpropagation import gradients, prune
from backprop.graph.function import function
from backprop.graph.node import Node, constant, variable
from backprop.graph.operations import (
    OPERATIONS,
    abs,
    broadcast_to,
    concatenate,
    einsum,
    exp,
    log,
    logsumexp,
    max,
    maximum,
    mean,
    relu,
    reshape,
    sigmoid,
    sqrt,
    sum,
    tanh,
    transpose,
    where,
    zeros_like,
)

__all__ = [
    "OPERATIONS",
    "Node",
    "abs",
    "broadcast_to",
    "concatenate",
    "constant",
    "einsum",
    "exp",
    "function",
    "gradients",
    "log",
    "logsumexp",
    "max",
    "maximum",
    "mean",
    "prune",
    "relu",
    "reshape",
    "sigmoid",
    "sqrt",
    "sum",
    "tanh",
    "transpose",
    "variable",
    "where",
    "zeros_like",
]
