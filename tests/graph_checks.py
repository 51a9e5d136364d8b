"""What is checked of the graph's operations, and the two ways of computing it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from backprop import graph
from backprop.graph.node import apply
from backprop.graph.operations import expand, sum_to


def _numbers(values):
    return graph.constant(np.array(values))


#: The graph's functions, and those of PyTorch under the same names.
GRAPH = SimpleNamespace(
    **{name: getattr(graph, name) for name in graph.__all__},
    sum_to=sum_to,
    expand=lambda x, axis, like: expand(x, like, axis, False),
    scatter=lambda x, index, like: apply("scatter", x, like, index=index),
    scatter_rows=lambda x, rows, like: apply("scatter_rows", x, like, _numbers(rows)),
    reshape_like=lambda x, like: apply("reshape_like", x, like),
    broadcast_like=lambda x, like: apply("broadcast_like", x, like),
    matrix_transpose=lambda x: apply("matrix_transpose", x),
    piece=lambda x, a, b, which: apply("piece", x, a, b, which=which, axis=-1),
    rows=lambda x, rows: x[_numbers(rows)],
    seeded=lambda x, seed: graph.gradients(graph.tanh(x), [x], seed=seed)[0],
    sign=lambda x: apply("sign", x),
    masked=lambda x, mask: apply("masked", x, mask),
)


def _every_axis(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def _scattered(x, index, like):
    flat = torch.arange(like.numel()).reshape(like.shape)[index]
    zeros = torch.zeros(like.numel(), dtype=x.dtype)
    return zeros.index_add(0, flat.reshape(-1), x.reshape(-1)).reshape(like.shape)


TORCH = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "relu")},
    **{
        name: getattr(torch, name) for name in ("abs", "maximum", "where", "sum", "mean", "reshape")
    },
    **{name: getattr(torch, name) for name in ("broadcast_to", "einsum", "sign")},
    max=lambda x, axis=None, keepdims=False: torch.amax(x, _every_axis(x, axis), keepdims),
    logsumexp=lambda x, axis=None, keepdims=False: torch.logsumexp(
        x, _every_axis(x, axis), keepdims
    ),
    transpose=lambda x, axes=None: x.permute(tuple(range(x.ndim))[::-1] if axes is None else axes),
    concatenate=torch.cat,
    sum_to=lambda x, like: x.sum_to_size(like.shape),
    expand=lambda x, axis, like: x.unsqueeze(axis).expand(like.shape),
    scatter=_scattered,
    scatter_rows=lambda x, rows, like: torch.zeros_like(like).index_add(0, torch.tensor(rows), x),
    reshape_like=lambda x, like: x.reshape(like.shape),
    broadcast_like=lambda x, like: x.expand(like.shape),
    matrix_transpose=lambda x: x.mT,
    piece=lambda x, a, b, which: x.split([a.shape[-1], b.shape[-1]], -1)[which],
    rows=lambda x, rows: x[torch.tensor(rows)],
    seeded=lambda x, seed: seed * (1 - torch.tanh(x) ** 2),
    masked=lambda x, mask: x.masked_fill(~mask, 0),
)

# ---- the checks: an operation, what is computed with it, and the shapes of the inputs ----

# fmt: off
ENTRYWISE = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (2, 1, 4)), ((), (2, 3)), ((), ()),
             ((0, 3), (3,)), ((2, 3), (2, 1))]
AXES = [None, 0, 1, -1, (0, 2), (-1, 0), (0, 1, 2)]
INDICES = [1, -1, (slice(1, None), 2), (slice(None, None, 2), slice(0, 3)), ..., (..., -1),
           (None, slice(1, 3)), [0, 2, 0, 0], (slice(None), [1, 1]), ([0, 2, 0], [3, 1, 3]),
           np.array([[2, 2], [0, 1]]), slice(3, 3)]
EINSUMS = [("ij,jk->ik", (3, 4), (4, 2)), ("ij->ji", (3, 4)), ("ij->", (3, 4)), ("ij->j", (3, 4)),
           ("ij,ij->i", (3, 4), (3, 4)), ("i,j->ji", (3,), (4,)), ("ij,kj->k", (3, 4), (2, 4)),
           ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
           ("ij,k->", (3, 4), (2,)), ("ij,j,->i", (2, 3), (3,), ()), ("ij,j->i", (2, 0), (0,))]


def _binary(name, f, shapes=ENTRYWISE):
    return [(name, f, pair) for pair in shapes]


CHECKS = [
    *_binary("add", lambda xp, a, b: a + b),
    *_binary("subtract", lambda xp, a, b: a - b),
    *_binary("multiply", lambda xp, a, b: a * b),
    *_binary("divide", lambda xp, a, b: a / b),
    *_binary("power", lambda xp, a, b: xp.abs(a) ** b),
    *_binary("maximum", lambda xp, a, b: xp.maximum(a, b)),
    *_binary("where", lambda xp, a, b: xp.where(a > 0.5, a * b, b)),
    *[("power", lambda xp, a, n=n: a**n, ((2, 3),)) for n in (0, 1, 2, 3, -1)],
    ("power", lambda xp, a: xp.abs(a) ** 0.5, ((2, 3),)),
    ("power", lambda xp, a: 2**a + 2.5**a, ((2, 3),)),
    ("negative", lambda xp, a: -a * a, ((2, 3),)),
    ("exp", lambda xp, a: xp.exp(a), ((2, 3),)),
    ("log", lambda xp, a: xp.log(a * a), ((2, 3),)),
    ("sqrt", lambda xp, a: xp.sqrt(a * a + 1), ((2, 3),)),
    ("tanh", lambda xp, a: xp.tanh(a), ((2, 3),)),
    ("sigmoid", lambda xp, a: xp.sigmoid(a), ((2, 3),)),
    ("relu", lambda xp, a: xp.relu(a * a - 1), ((2, 3),)),
    ("abs", lambda xp, a: xp.abs(a * a - 1), ((2, 3),)),
    ("sign", lambda xp, a: xp.sign(a) * a * a, ((2, 3),)),
    *[("numbers", lambda xp, a: (2 - 1 / (3 * a)) / 4 + (a - 1) * 0.5, (s,)) for s in [(), (2, 3)]],
    *[
        (name, lambda xp, a, name=name, ax=ax, keep=keep: getattr(xp, name)(a * a, ax, keep),
         ((2, 3, 4),))
        for name in ("sum", "mean", "max", "logsumexp")
        for ax in AXES
        for keep in (False, True)
    ],
    *[(name, lambda xp, a, name=name: getattr(xp, name)(a), ((),))
      for name in ("sum", "mean", "max", "logsumexp")],
    ("sum", lambda xp, a: xp.sum(a * a, 0), ((0, 3),)),
    ("mean", lambda xp, a: xp.mean(a * a, 1), ((0, 3),)),
    ("max", lambda xp, a: xp.max(a * a, 1), ((0, 3),)),
    *[("reshape", lambda xp, a, s=s: xp.reshape(a * a, s), ((3, 4),)) for s in [(2, 6), (-1,)]],
    *[("transpose", lambda xp, a, p=p: xp.transpose(a * a, p), ((2, 3, 4),))
      for p in [None, (1, 2, 0), (-1, 0, 1), (0, -1, -2)]],
    ("broadcast_to", lambda xp, a: xp.broadcast_to(xp.tanh(a), (2, 3, 4)), ((3, 1),)),
    *[("concatenate", lambda xp, a, b, c, d=d: xp.concatenate([a * b[:1], b, c * c], d), s)
      for d, s in [(0, ((1, 3), (2, 3), (4, 3))), (0, ((1,), (2,), (0,)))]],
    *[("concatenate", lambda xp, a, b: xp.concatenate([a, b, a * a], -1), s)
      for s in [((2, 1), (2, 3)), ((2, 0), (2, 2))]],
    *[("getitem", lambda xp, a, i=i: (a * a)[i], ((3, 4),)) for i in INDICES],
    *[("rows", lambda xp, a, i=i: xp.rows(a * a, i), ((3, 4),)) for i in ([0, 2, 0], [[1, 1]])],
    *[("matmul", lambda xp, a, b: a @ b, s) for s in [
        ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((2, 1, 2, 3), (4, 3, 1)),
        ((2, 0), (0, 3)), ((1, 2, 3), (2, 3, 2))]],
    *[("einsum", lambda xp, *nodes, text=text: xp.einsum(text, *nodes), shapes)
      for text, *shapes in EINSUMS],
    # What only gradients are made of, as a start of its own.
    *[("sum_to", lambda xp, a, b: xp.sum_to(a * a, b), s)
      for s in [((2, 3, 4), (3, 1)), ((2, 3), (2, 3)), ((2, 3), ())]],
    *[("expand", lambda xp, a, b, ax=ax: xp.expand(a * a, ax, b), (s, (2, 3)))
      for s, ax in [((3,), 0), ((2,), -1)]],
    *[("scatter", lambda xp, a, b, i=i: xp.scatter(a * a, i, b), (s, (3, 4)))
      for i, s in [((slice(1, None), 2), (2,)), ([0, 2, 0, 0], (4, 4)), ((..., [1, 1]), (3, 2))]],
    ("scatter_rows", lambda xp, a, b: xp.scatter_rows(a * a, [0, 2, 0], b), ((3, 4), (3, 4))),
    ("reshape_like", lambda xp, a, b: xp.reshape_like(a * a, b), ((2, 6), (3, 4))),
    ("broadcast_like", lambda xp, a, b: xp.broadcast_like(xp.tanh(a), b), ((3, 1), (2, 3, 4))),
    ("matrix_transpose", lambda xp, a: xp.matrix_transpose(a * a), ((2, 3, 4),)),
    *[("piece", lambda xp, a, b, c, k=k: xp.piece(a * a, b, c, k), ((2, 5), (2, 2), (2, 3)))
      for k in (0, 1)],
    ("seed", lambda xp, a, b: xp.seeded(a, b), ((2, 3), (2, 3))),
    *[("masked", lambda xp, a, b: xp.masked(a * a, b > 0.5), (s, s)) for s in [(2, 3), (), (0, 2)]],
]
# fmt: on


def draw(shapes, dtype="float64", seed=0):
    """Arrays of both signs that keep away from 0."""
    rng = np.random.default_rng(seed)
    return [(rng.uniform(0.3, 2, s) * rng.choice([-1.0, 1.0], s)).astype(dtype) for s in shapes]


def derivatives(f, count):
    """Nodes: the inputs x, w and v, and y = f(x), <w, y>, its gradients, <v, those>, theirs."""
    xs = [graph.variable(f"x{k}") for k in range(count)]
    vs = [graph.variable(f"v{k}") for k in range(count)]
    w = graph.variable("w")
    y = f(GRAPH, *xs)
    loss = graph.sum(w * y)
    first = graph.gradients(loss, xs)
    slope = sum(graph.sum(v * grad) for v, grad in zip(vs, first, strict=True))
    return [*xs, w, *vs], [y, loss, *first, slope, *graph.gradients(slope, xs)]


def by_autograd(f, xs, w, vs):
    xs, vs = [torch.tensor(x, requires_grad=True) for x in xs], map(torch.tensor, vs)
    still = {"allow_unused": True, "materialize_grads": True}
    y = f(TORCH, *xs)
    loss = (torch.tensor(w) * y).sum()
    first = torch.autograd.grad(loss, xs, create_graph=True, **still)
    slope = sum((v * grad).sum() for v, grad in zip(vs, first, strict=True))
    slope = slope + sum((0 * x * x).sum() for x in xs)  # where the first derivative is constant
    return [y, loss, *first, slope, *torch.autograd.grad(slope, xs, **still)]


def assert_close(left, right, tolerance=1e-11):
    for a, b in zip(left, right, strict=True):
        a, b = (x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in (a, b))
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def line_of(file, text):
    """Where in ``file`` a line ends with the comment ``text``, as nodes tell it."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    (number,) = (n for n, line in enumerate(lines, 1) if line.endswith(f"# {text}"))
    return f"{file}:{number}"
