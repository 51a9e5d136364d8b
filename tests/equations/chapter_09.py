"""Checks of the equations of chapter 9, forward or reverse."""

import itertools
from collections.abc import Callable

import numpy as np
import torch

from equations.harness import Result, at_most, check, equal, gradient, positive

#: The network of the checks: 4 -> 5 -> 3 -> 2, non-square everywhere.
WIDTHS = (4, 5, 3, 2)
#: Widths n_0, n_1, n_2 for which both orders tie at a whole number of outputs.
TIES = [(2, 3, 12), (3, 4, 12), (4, 12, 6), (6, 5, 10), (12, 4, 3)]
#: So many units that what does not grow with them is lost beside them.
MANY = 10**9

Net = tuple[dict[int, np.ndarray], dict[int, np.ndarray]]


def draw(rng: np.random.Generator) -> tuple[Net, np.ndarray]:
    """A network with weights and biases numbered from 1, and an input."""
    layers = range(1, len(WIDTHS))
    W = {l_: rng.normal(size=(WIDTHS[l_ - 1], WIDTHS[l_])) for l_ in layers}
    b = {l_: rng.normal(size=WIDTHS[l_]) for l_ in layers}
    return (W, b), rng.normal(size=WIDTHS[0])


def f(net: Net, x: torch.Tensor, layers: tuple[int, ...] = (1, 2, 3)) -> torch.Tensor:
    """The network in PyTorch, unit by unit, so that no matrix product is used."""
    W, b = net
    h = x
    for layer in layers:
        z = [
            sum(h[j] * float(W[layer][j, i]) for j in range(W[layer].shape[0])) + float(b[layer][i])
            for i in range(W[layer].shape[1])
        ]
        h = torch.stack([torch.tanh(unit) if layer < 3 else unit for unit in z])
    return h


def values(net: Net, x: np.ndarray) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """The activations h_0, ..., h_3 and the slopes of layers 1 to 3, in NumPy."""
    W, b = net
    h, slopes = {0: x}, {}
    for layer in (1, 2, 3):
        z = h[layer - 1] @ W[layer] + b[layer]
        h[layer] = np.tanh(z) if layer < 3 else z
        slopes[layer] = 1 / np.cosh(z) ** 2 if layer < 3 else np.ones_like(z)
    return h, slopes


def jacobians(net: Net, x: np.ndarray) -> dict[int, np.ndarray]:
    """The layer Jacobians by the chapter's formula, diag(slope) W^T."""
    slopes = values(net, x)[1]
    return {layer: np.diag(slopes[layer]) @ net[0][layer].T for layer in (1, 2, 3)}


def row_by_row(g: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray, J: np.ndarray) -> Result:
    """Each row of a claimed Jacobian against the gradient of one output."""
    return [gradient(lambda t, i=i: g(t)[i], x, J[i]) for i in range(J.shape[0])]


@check(
    "eq-modes-two-layers",
    r"""
    \frac{\partial h_{2,i}}{\partial x_k} = \sum_{j=1}^{n_1}
    \frac{\partial h_{2,i}}{\partial h_{1,j}} \, \frac{\partial h_{1,j}}{\partial x_k}
    """,
)
def two_layers(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    h1 = torch.tensor(values(net, x)[0][1])
    jacobian = torch.autograd.functional.jacobian
    by_h1 = jacobian(lambda t: f(net, t, (2,)), h1).numpy()
    by_x = jacobian(lambda t: f(net, t, (1,)), torch.tensor(x)).numpy()
    total = np.zeros((3, 4))
    for i, k, j in itertools.product(range(3), range(4), range(5)):
        total[i, k] += by_h1[i, j] * by_x[j, k]
    return row_by_row(lambda t: f(net, t, (1, 2)), x, total)


@check(
    "eq-modes-product",
    r"""J = \frac{\partial f}{\partial x} = J_L \, J_{L-1} \cdots J_2 \, J_1""",
)
def product(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    J = jacobians(net, x)
    return row_by_row(lambda t: f(net, t), x, J[3] @ J[2] @ J[1])


@check(
    "eq-modes-layer-jacobian",
    r"""
    \begin{aligned}
    J_l &= \operatorname{diag}\bigl(\varphi_l'(z_l)\bigr) \, W_l^\top \\
    z_l &= h_{l-1} W_l + b_l
    \end{aligned}
    """,
)
def layer_jacobian(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    h, found = values(net, x)[0], []
    for layer in (1, 2, 3):

        def f_l(t: torch.Tensor, layer: int = layer) -> torch.Tensor:
            return f(net, t, (layer,))

        z = h[layer - 1] @ net[0][layer] + net[1][layer]
        value, slope = (np.tanh(z), 1 / np.cosh(z) ** 2) if layer < 3 else (z, np.ones_like(z))
        found.append(equal(f_l(torch.tensor(h[layer - 1])).numpy(), value))
        found.append(row_by_row(f_l, h[layer - 1], np.diag(slope) @ net[0][layer].T))
    return found


@check(
    "eq-modes-jvp",
    r"""
    \begin{aligned}
    \frac{d}{ds} f_i(x + s v) \Big|_{s=0} &= \sum_{j=1}^{n_0} \frac{\partial f_i}{\partial
    x_j} \, v_j \\
    &= (J v)_i
    \end{aligned}
    """,
)
def jvp(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    v = rng.normal(size=4)
    J = jacobians(net, x)
    claimed = J[3] @ J[2] @ J[1] @ v
    full = torch.autograd.functional.jacobian(lambda t: f(net, t), torch.tensor(x)).numpy()
    middle = np.array([sum(full[i, j] * v[j] for j in range(4)) for i in range(2)])

    def moved(i: int) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda s: f(net, torch.tensor(x) + s * torch.tensor(v))[i]

    start = np.zeros(())
    return [
        gradient(moved(i), start, np.array(side[i])) for side in (middle, claimed) for i in (0, 1)
    ]


@check(
    "eq-modes-forward",
    r"""
    \begin{aligned}
    t_0 &= v \\
    t_l &= J_l \, t_{l-1} = \varphi_l'(z_l) \odot (t_{l-1} W_l) \\
    t_L &= J v
    \end{aligned}
    """,
)
def forward(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    v = rng.normal(size=4)
    (_, slopes), J = values(net, x), jacobians(net, x)

    def rate(layers: tuple[int, ...]) -> np.ndarray:
        """How fast the output of these layers moves, by autograd."""
        line = (torch.tensor(x), torch.tensor(v))
        _, moves = torch.autograd.functional.jvp(lambda a: f(net, a, layers), *line)
        return moves.numpy()

    t = v
    found = [equal(rate(()), t)]
    for layer in (1, 2, 3):
        found.append(equal(rate(tuple(range(1, layer + 1))), J[layer] @ t))
        t = slopes[layer] * (t @ net[0][layer])
        found.append(equal(rate(tuple(range(1, layer + 1))), t))
    return [*found, equal(t, J[3] @ J[2] @ J[1] @ v)]


@check(
    "eq-modes-vjp",
    r"""
    \begin{aligned}
    \frac{\partial}{\partial x_j} \sum_{i=1}^{n_L} u_i f_i(x) &= \sum_{i=1}^{n_L} u_i \,
    \frac{\partial f_i}{\partial x_j} \\
    &= (u^\top J)_j
    \end{aligned}
    """,
)
def vjp(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    u = rng.normal(size=2)
    J = jacobians(net, x)
    full = torch.autograd.functional.jacobian(lambda t: f(net, t), torch.tensor(x)).numpy()
    middle = np.array([sum(u[i] * full[i, j] for i in range(2)) for j in range(4)])

    def weighted(t: torch.Tensor) -> torch.Tensor:
        return sum(float(u[i]) * f(net, t)[i] for i in range(2))

    return [gradient(weighted, x, side) for side in (middle, u @ (J[3] @ J[2] @ J[1]))]


@check(
    "eq-modes-reverse",
    r"""
    \begin{aligned}
    g_L &= u \\
    g_{l-1} &= J_l^\top g_l = \bigl(\varphi_l'(z_l) \odot g_l\bigr) W_l^\top \\
    g_0 &= J^\top u
    \end{aligned}
    """,
)
def reverse(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    u = rng.normal(size=2)
    (h, slopes), J = values(net, x), jacobians(net, x)

    # What comes back is the gradient of u f with respect to the activation there.
    def u_f(layers: tuple[int, ...]) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda t: torch.tensor(u) @ f(net, t, layers)

    g = u
    found = [gradient(u_f(()), h[3], g)]
    for layer in (3, 2, 1):
        rest = tuple(range(layer, 4))
        found.append(gradient(u_f(rest), h[layer - 1], J[layer].T @ g))
        g = (slopes[layer] * g) @ net[0][layer].T
        found.append(gradient(u_f(rest), h[layer - 1], g))
    return [*found, equal(g, (J[3] @ J[2] @ J[1]).T @ u)]


@check(
    "eq-modes-adjoint",
    r"""
    u^\top (J v) = (u^\top J)\, v = \sum_{i,\,j} u_i \, \frac{\partial f_i}{\partial x_j} \, v_j
    """,
)
def adjoint(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    u, v = rng.normal(size=2), rng.normal(size=4)
    J = jacobians(net, x)
    at = torch.tensor(x)
    full = torch.autograd.functional.jacobian(lambda t: f(net, t), at).numpy()
    sides = u @ (J[3] @ (J[2] @ (J[1] @ v))), (((u @ J[3]) @ J[2]) @ J[1]) @ v
    double = sum(u[i] * full[i, j] * v[j] for i in range(2) for j in range(4))
    _, back = torch.autograd.functional.vjp(lambda t: f(net, t), at, torch.tensor(u))
    return [equal(*sides), equal(sides[0], double), equal(sides[1], np.sum(back.numpy() * v))]


#: A letter whose square is too small to matter, as a complex number.
EPSILON = 1e-20j


def parts(number: np.ndarray) -> np.ndarray:
    """Of a number a + a' epsilon: a and a'."""
    return np.stack([number.real, number.imag / EPSILON.imag])


@check(
    "eq-modes-dual-product",
    r"""
    \begin{aligned}
    & (a + a'\varepsilon)(b + b'\varepsilon) \\
    & = ab + (a' b + a b')\,\varepsilon + a' b' \varepsilon^2 \\
    & = ab + (a' b + a b')\,\varepsilon
    \end{aligned}
    """,
)
def dual_product(rng: np.random.Generator) -> Result:
    a, a_, b, b_ = rng.normal(size=(4, 3, 4))
    any_number = rng.uniform(0.3, 0.6, size=(3, 4))  # a letter may be put to it

    def product(e):
        return (a + a_ * e) * (b + b_ * e)

    def multiplied_out(e):
        return a * b + (a_ * b + a * b_) * e + a_ * b_ * e**2

    def moved(s: torch.Tensor) -> torch.Tensor:
        A, A_, B, B_ = map(torch.tensor, (a, a_, b, b_))
        return ((A + A_ * s) * (B + B_ * s)).sum()

    # What stands in front of the letter is the rate of change of the product.
    return [
        equal(product(any_number), multiplied_out(any_number)),
        equal(parts(product(EPSILON)), parts(a * b + (a_ * b + a * b_) * EPSILON)),
        gradient(moved, np.zeros((3, 4)), a_ * b + a * b_),
    ]


@check(
    "eq-modes-dual-function",
    r"""
    \varphi(a + a'\varepsilon) = \varphi(a) + \varphi'(a)\,a'\,\varepsilon
    """,
)
def dual_function(rng: np.random.Generator) -> Result:
    a, a_ = rng.normal(size=(2, 3, 4))
    functions = [(np.tanh, lambda x: 1 / np.cosh(x) ** 2), (np.exp, np.exp), (np.sin, np.cos)]
    return [
        equal(parts(phi(a + a_ * EPSILON)), parts(phi(a) + slope(a) * a_ * EPSILON))
        for phi, slope in functions
    ]


@check(
    "eq-modes-double-vjp",
    r"""
    \begin{aligned}
    & \frac{\partial}{\partial u_i} \Bigl( v^\top \bigl(J^\top u\bigr) \Bigr) \\
    & = \frac{\partial}{\partial u_i} \sum_{j=1}^{n_0} \sum_{k=1}^{n_L} v_j \,
    \frac{\partial f_k}{\partial x_j} \, u_k \\
    & = \sum_{j=1}^{n_0} \frac{\partial f_i}{\partial x_j} \, v_j = (Jv)_i
    \end{aligned}
    """,
)
def double_vjp(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    u, v = rng.normal(size=2), rng.normal(size=4)
    J = jacobians(net, x)
    full = torch.autograd.functional.jacobian(lambda t: f(net, t), torch.tensor(x)).numpy()

    def vjp_then_v(seed: torch.Tensor) -> torch.Tensor:
        point = torch.tensor(x, requires_grad=True)
        (back,) = torch.autograd.grad(seed @ f(net, point), point, create_graph=True)
        return torch.tensor(v) @ back

    def double_sum(seed: torch.Tensor) -> torch.Tensor:
        pairs = itertools.product(range(4), range(2))
        return sum(float(v[j]) * float(full[k, j]) * seed[k] for j, k in pairs)

    one_sum = np.array([sum(full[i, j] * v[j] for j in range(4)) for i in range(2)])
    return [
        equal(vjp_then_v(torch.tensor(u)).detach().numpy(), double_sum(torch.tensor(u)).numpy()),
        gradient(double_sum, u, one_sum),
        gradient(vjp_then_v, u, J[3] @ J[2] @ J[1] @ v),
    ]


# Counting. A number that counts how often it is multiplied, so that real products are counted.


class Counted:
    """A number that counts multiplications."""

    count = 0

    def __init__(self, value: float) -> None:
        self.value = value

    def __mul__(self, other: "Counted") -> "Counted":
        Counted.count += 1
        return Counted(self.value * other.value)

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.value + other.value)


def counted(order: Callable[[list[np.ndarray]], np.ndarray], n: np.ndarray) -> int:
    """The multiplications that ``order`` makes of matrices J_1, ..., J_L of the widths n."""
    make = np.vectorize(Counted, otypes=[object])
    matrices = [make(np.ones((int(p), int(q)))) for q, p in itertools.pairwise(n)]
    Counted.count = 0
    order(matrices)
    return Counted.count


def from_right(matrices: list[np.ndarray]) -> np.ndarray:
    result = matrices[0]
    for J in matrices[1:]:
        result = J @ result
    return result


def from_left(matrices: list[np.ndarray]) -> np.ndarray:
    result = matrices[-1]
    for J in matrices[-2::-1]:
        result = result @ J
    return result


def networks(rng: np.random.Generator, low: int = 1, **fixed: int) -> list[np.ndarray]:
    """Widths of six networks with three to six layers."""
    drawn = [rng.integers(low, 7, size=layers + 1) for layers in (3, 3, 4, 4, 5, 6)]
    for n in drawn:
        n[-1] = fixed.get("outputs", n[-1])
    return drawn


def numbers(counts: list[float]) -> np.ndarray:
    return np.array(counts, dtype=float)


def terms(n: np.ndarray) -> list[int]:
    """n_l n_(l-1) for l = 1, ..., L."""
    return [int(p) * int(q) for q, p in itertools.pairwise(n)]


@check(
    "eq-modes-cost",
    r"""
    \begin{aligned}
    \text{reverse:} \quad R &= n_L \sum_{l=1}^{L-1} n_l \, n_{l-1} \\
    \text{forward:} \quad F &= n_0 \sum_{l=2}^{L} n_l \, n_{l-1}
    \end{aligned}
    """,
)
def cost(rng: np.random.Generator) -> Result:
    drawn = networks(rng)
    R = [n[-1] * sum(terms(n)[:-1]) for n in drawn]
    F = [n[0] * sum(terms(n)[1:]) for n in drawn]
    return [
        equal(numbers([counted(from_left, n) for n in drawn]), numbers(R)),
        equal(numbers([counted(from_right, n) for n in drawn]), numbers(F)),
    ]


@check(
    "eq-modes-crossover",
    r"""
    n_3 = \frac{n_0 \, n_1 \, n_2}{n_0 \, n_1 + n_1 \, n_2 - n_0 \, n_2}
    """,
)
def crossover(rng: np.random.Generator) -> Result:
    def border(n0, n1, n2):
        return n0 * n1 * n2 / (n0 * n1 + n1 * n2 - n0 * n2)

    n0, n1, n2 = rng.uniform(20, 30, size=(3, 3, 4))  # n1 is above n0 n2 / (n0 + n2)
    n3 = border(n0, n1, n2)
    # Networks of whole numbers, that of outputs too: counted, both orders take as many.
    ties = [(*widths, border(*widths)) for widths in rng.permutation(TIES)]
    return [
        equal(n3 * (n1 * n0 + n2 * n1), n0 * (n2 * n1 + n3 * n2)),
        equal(
            numbers([counted(from_left, n) for n in ties]),
            numbers([counted(from_right, n) for n in ties]),
        ),
    ]


@check(
    "eq-modes-walks",
    r"""R_{\text{walks}} = n_L \, S, \qquad F_{\text{walks}} = n_0 \, S""",
)
def walks(rng: np.random.Generator) -> Result:
    make = np.vectorize(Counted, otypes=[object])

    def one_by_one(matrices: list[np.ndarray], forward: bool) -> None:
        """Every walk by itself, beginning with a vector."""
        outputs, inputs = matrices[-1].shape[0], matrices[0].shape[1]
        for _ in range(inputs if forward else outputs):
            if forward:
                from_right([make(np.ones((inputs, 1))), *matrices])
            else:
                from_left([*matrices, make(np.ones((1, outputs)))])

    drawn = networks(rng)
    S = numbers([sum(terms(n)) for n in drawn])
    found = []
    for forward, end in ((False, -1), (True, 0)):
        left = [counted(lambda m, forward=forward: one_by_one(m, forward), n) for n in drawn]
        found.append(equal(numbers(left), numbers([n[end] for n in drawn]) * S))
    return found


@check(
    "eq-modes-scalar-output",
    r"""
    \begin{aligned}
    F - R = {} & (n_0 - 1) \sum_{l=2}^{L-1} n_l \, n_{l-1} \\
    & + n_0 \, (n_{L-1} - n_1)
    \end{aligned}
    """,
)
def scalar_output(rng: np.random.Generator) -> Result:
    drawn = networks(rng, outputs=1)
    left = [counted(from_right, n) - counted(from_left, n) for n in drawn]
    right = [(n[0] - 1) * sum(terms(n)[1:-1]) + n[0] * (n[-2] - n[1]) for n in drawn]
    return equal(numbers(left), numbers(right))


@check(
    "eq-modes-row-first",
    r"""
    \begin{aligned}
    & (p\,q\,r + p\,r) - (p\,q + q\,r) \\
    & = q \, \bigl( (p - 1)(r - 1) - 1 \bigr) + p\,r > 0
    \end{aligned}
    """,
)
def row_first(rng: np.random.Generator) -> Result:
    sizes = rng.integers(2, 9, size=(6, 3))
    sizes[:2, 1] = 1  # the size in the middle may be 1
    # A row times B times A, in widths from the right: r, q, p and one output.
    widths = [np.array([r, q, p, 1]) for p, q, r in sizes]
    left = numbers([counted(from_right, n) - counted(from_left, n) for n in widths])
    by_sizes = numbers([(p * q * r + p * r) - (p * q + q * r) for p, q, r in sizes])
    right = numbers([q * ((p - 1) * (r - 1) - 1) + p * r for p, q, r in sizes])
    # That reverse is then the best of all orders of longer chains.
    longer = networks(rng, low=2, outputs=1)
    best = numbers([min(all_costs(n)) for n in longer])
    return [
        equal(left, by_sizes),
        equal(left, right),
        positive(right - 0.5),  # whole numbers above 0
        equal(best, numbers([sum(terms(n)[:-1]) for n in longer])),
    ]


@check(
    "eq-modes-transposed",
    r"""
    \begin{aligned}
    J^\top &= J_1^\top \, J_2^\top \cdots J_L^\top \\
    J_l^\top &= W_l \operatorname{diag}\bigl(\varphi_l'(z_l)\bigr)
    \end{aligned}
    """,
)
def transposed(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    h, slopes = values(net, x)
    J_T = {layer: net[0][layer] @ np.diag(slopes[layer]) for layer in (1, 2, 3)}
    return [
        row_by_row(lambda t: f(net, t), x, (J_T[1] @ J_T[2] @ J_T[3]).T),
        *(
            row_by_row(lambda t, layer=layer: f(net, t, (layer,)), h[layer - 1], J_T[layer].T)
            for layer in (1, 2, 3)
        ),
    ]


Order = int | tuple["Order", "Order"]


def all_costs(n: np.ndarray) -> list[int]:
    """What each of the orders of a chain costs, by multiplying in every one of them."""

    def orders(first: int, last: int) -> list[Order]:
        if first == last:
            return [first]
        return [
            (left, right)
            for k in range(first, last)
            for left in orders(k + 1, last)
            for right in orders(first, k)
        ]

    def multiply(order: Order, matrices: list[np.ndarray]) -> np.ndarray:
        if isinstance(order, int):
            return matrices[order]
        return multiply(order[0], matrices) @ multiply(order[1], matrices)

    found = orders(0, len(n) - 2)
    return [counted(lambda matrices, o=o: multiply(o, matrices), n) for o in found]


@check(
    "eq-modes-best",
    r"""
    \begin{aligned}
    C_{i,i} &= 0 \\
    C_{i,j} &= \min_{i \le k < j} \bigl( C_{i,k} + C_{k+1,j} + n_j \, n_k \, n_{i-1} \bigr)
    \end{aligned}
    """,
)
def best(rng: np.random.Generator) -> Result:
    drawn = networks(rng)

    def table(n: np.ndarray) -> dict[tuple[int, int], int]:
        L = len(n) - 1
        C = {(i, i): 0 for i in range(1, L + 1)}
        for size in range(1, L):
            for i in range(1, L - size + 1):
                j = i + size
                C[i, j] = min(C[i, k] + C[k + 1, j] + n[j] * n[k] * n[i - 1] for k in range(i, j))
        return C

    n = drawn[3]
    parts_of_it = {(i, j): min(all_costs(n[i - 1 : j + 1])) for i, j in table(n)}
    whole = numbers([table(n)[1, len(n) - 1] for n in drawn])
    return [
        equal(numbers([*parts_of_it.values()]), numbers([*table(n).values()])),
        equal(numbers([min(all_costs(n)) for n in drawn]), whole),
    ]


@check(
    "eq-modes-memory",
    r"""
    \begin{aligned}
    M_{\text{forward}} &= \max_{1 \le l \le L} \, 2\,(n_{l-1} + n_l) \\
    M_{\text{reverse}} &= \max_{1 \le l \le L} \Bigl( n_{l-1} + n_l + \sum_{m=0}^{l} n_m \Bigr)
    \end{aligned}
    """,
)
def memory(rng: np.random.Generator) -> Result:
    def held_by_forward(n: np.ndarray) -> int:
        held, peak = {"value 0": n[0], "tangent 0": n[0]}, 0
        for layer in range(1, len(n)):
            held |= {f"value {layer}": n[layer], f"tangent {layer}": n[layer]}
            peak = max(peak, sum(held.values()))
            del held[f"value {layer - 1}"], held[f"tangent {layer - 1}"]
        return peak

    def held_by_reverse(n: np.ndarray) -> int:
        held, peak = {"value 0": n[0]}, 0
        for layer in range(1, len(n)):
            held[f"value {layer}"] = n[layer]  # read again on the way back
            peak = max(peak, sum(held.values()))
        held[f"gradient {len(n) - 1}"] = n[-1]
        for layer in range(len(n) - 1, 0, -1):
            held[f"gradient {layer - 1}"] = n[layer - 1]
            peak = max(peak, sum(held.values()))
            del held[f"value {layer}"], held[f"gradient {layer}"]
        return peak

    drawn = networks(rng)
    forward = [max(2 * (n[layer - 1] + n[layer]) for layer in range(1, len(n))) for n in drawn]
    reverse = [
        max(n[layer - 1] + n[layer] + sum(n[: layer + 1]) for layer in range(1, len(n)))
        for n in drawn
    ]
    return [
        equal(numbers([held_by_forward(n) for n in drawn]), numbers(forward)),
        equal(numbers([held_by_reverse(n) for n in drawn]), numbers(reverse)),
    ]


@check(
    "eq-modes-checkpoints",
    r"""
    \frac{L}{k} + k = 2\sqrt{L} + \Bigl( \sqrt{L/k} - \sqrt{k} \Bigr)^2
    """,
)
def checkpoints(rng: np.random.Generator) -> Result:
    def peak(L: int, k: int) -> int:
        """By doing it: what is held after every step."""
        kept, most = set(range(0, L + 1, k)), 0
        for start in range(L - k, -1, -k):
            for layer in range(start + 1, start + k):
                kept.add(layer)
                most = max(most, len(kept))
            most = max(most, len(kept))
            kept -= set(range(start + 1, start + k + 1))
        return most

    pairs = [(int(k * m), int(k)) for k, m in rng.integers(1, 12, size=(6, 2))]
    L, k = numbers([p for p, _ in pairs]), numbers([q for _, q in pairs])
    right = 2 * np.sqrt(L) + (np.sqrt(L / k) - np.sqrt(k)) ** 2
    return [equal(L / k + k, right), equal(numbers([peak(*pair) for pair in pairs]), right)]


# The exercises.


@check(
    "eq-modes-ratio",
    r"""
    \begin{aligned}
    \frac{R}{F} &= \frac{n_L}{n_0} \cdot \frac{n_1 n_0 + \Sigma}{\Sigma + n_L n_{L-1}} \\
    &< \frac{n_L}{n_0} \Bigl( \frac{n_1 n_0}{\Sigma} + 1 \Bigr) \\
    &\le \frac{n_L}{n_0}\,(n_0 + 1) \le 2\,n_L
    \end{aligned}
    """,
)
def ratio(rng: np.random.Generator) -> Result:
    drawn = networks(rng)
    left = numbers([counted(from_left, n) / counted(from_right, n) for n in drawn])

    def lines(drawn: list[np.ndarray]) -> list[np.ndarray]:
        """The four right-hand sides."""
        common = numbers([sum(terms(n)[1:-1]) for n in drawn])
        n0, n1, before, last = (numbers([n[k] for n in drawn]) for k in (0, 1, -2, -1))
        return [
            last / n0 * (n1 * n0 + common) / (common + last * before),
            last / n0 * (n1 * n0 / common + 1),
            last / n0 * (n0 + 1),
            2 * last,
        ]

    exact, *bounds = lines(drawn)
    # From 1 over many to 1 and then to n_L units, all four tend to the same.
    close = lines([np.array([1, MANY, 1, last]) for last in rng.permutation(np.arange(1, 10))])
    return [
        equal(left, exact),
        positive(bounds[0] - left),
        *(at_most(*pair) for pair in itertools.pairwise(bounds)),
        *(equal(close[0], bound, tolerance=1e-7) for bound in close[1:]),
    ]


@check(
    "eq-modes-dual-quotient",
    r"""
    \frac{a + a'\varepsilon}{b + b'\varepsilon} = \frac{a}{b}
    + \frac{a' - (a/b)\,b'}{b}\,\varepsilon
    """,
)
def dual_quotient(rng: np.random.Generator) -> Result:
    a, a_, b_ = rng.normal(size=(3, 3, 4))
    b = rng.uniform(0.5, 2.0, size=(3, 4))

    def moved(s: torch.Tensor) -> torch.Tensor:
        above = torch.tensor(a) + torch.tensor(a_) * s
        return (above / (torch.tensor(b) + torch.tensor(b_) * s)).sum()

    quotient = (a + a_ * EPSILON) / (b + b_ * EPSILON)
    return [
        equal(parts(quotient), parts(a / b + (a_ - (a / b) * b_) / b * EPSILON)),
        gradient(moved, np.zeros((3, 4)), (a_ - (a / b) * b_) / b),
    ]


@check(
    "eq-modes-dual-matrix",
    r"""
    \begin{aligned}
    & \begin{pmatrix} a & a' \\ 0 & a \end{pmatrix} \begin{pmatrix} b & b' \\ 0 & b \end{pmatrix} \\
    & = \begin{pmatrix} ab & a b' + a' b \\ 0 & ab \end{pmatrix}
    \end{aligned}
    """,
)
def dual_matrix(rng: np.random.Generator) -> Result:
    a, a_, b, b_ = rng.normal(size=4)
    left = np.array([[a, a_], [0, a]]) @ np.array([[b, b_], [0, b]])
    return equal(left, np.array([[a * b, a * b_ + a_ * b], [0, a * b]]))


@check(
    "eq-modes-moving-weights",
    r"""
    \begin{aligned}
    & \frac{d}{ds} \bigl( h(s)\,W(s) + b(s) \bigr) \Big|_{s=0} \\
    & = h' W + h\,W' + b'
    \end{aligned}
    """,
)
def moving_weights(rng: np.random.Generator) -> Result:
    h, h_ = rng.normal(size=(2, 5))
    W, W_ = rng.normal(size=(2, 5, 3))
    b, b_, u = rng.normal(size=(3, 3))
    H, H_, V, V_, B, B_ = (torch.tensor(a) for a in (h, h_, W, W_, b, b_))

    def moved(s: torch.Tensor) -> torch.Tensor:
        # One number of its own for each output, so that all are seen at once.
        rows = [(H + s[k] * H_) @ (V + s[k] * V_)[:, k] + (B + s[k] * B_)[k] for k in range(3)]
        return sum(float(u[k]) * rows[k] for k in range(3))

    return gradient(moved, np.zeros(3), u * (h_ @ W + h @ W_ + b_))


def signs(n: int) -> np.ndarray:
    """All directions whose n entries are 1 or -1, as rows."""
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n)))


@check(
    "eq-modes-random-direction",
    r"""
    \begin{aligned}
    & \mathbb{E}\,\bigl[(\nabla f \cdot v)\,v\bigr] = \nabla f \\
    & \mathbb{E}\,\bigl\|(\nabla f \cdot v)\,v - \nabla f\bigr\|^2 \\
    & \quad = (n - 1)\,\|\nabla f\|^2
    \end{aligned}
    """,
)
def random_direction(rng: np.random.Generator) -> Result:
    net, x = draw(rng)
    directions = signs(4)

    def first(t: torch.Tensor) -> torch.Tensor:
        return f(net, t)[0]

    J = jacobians(net, x)
    grad = (J[3] @ J[2] @ J[1])[0]
    estimates = np.array([(grad @ v) * v for v in directions])
    mean_square = ((estimates - grad) ** 2).sum(axis=1).mean()
    return [
        gradient(first, x, estimates.mean(axis=0)),
        equal(mean_square, (4 - 1) * np.sum(grad**2)),
    ]
