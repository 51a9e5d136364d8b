"""Checks of the equations of chapter 1, rates of change.

A difference quotient cannot be evaluated near its limit in floating point: that is what the
chapter is about. Here it is evaluated in rational arithmetic, without any rounding, at a
step so small that what is left of the error is far below the tolerances.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import torch

from equations.harness import Result, check, equal, gradient

TINY = Fraction(1, 10**20)


def exact(values: np.ndarray) -> np.ndarray:
    """The same numbers as fractions."""
    return np.vectorize(Fraction, otypes=[object])(values)


def rounded(values: np.ndarray) -> np.ndarray:
    """Fractions as float64."""
    return np.asarray(values).astype(np.float64)


def tends(quotient: np.ndarray, limit: np.ndarray) -> Result:
    """A quotient of fractions at the tiny step, and the limit that is claimed for it.

    With a remainder divided by h^k as the quotient, a limit that is not 0 says that the
    remainder is O(h^k) and no smaller.
    """
    return equal(rounded(quotient), rounded(limit))


class Polynomial:
    """A polynomial whose coefficients, lowest power first, are fractions."""

    def __init__(self, coef: Sequence[Fraction]):
        self.coef = list(coef)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Its values at an array of fractions."""
        return sum(c * x**k for k, c in enumerate(self.coef))

    def deriv(self, times: int = 1) -> "Polynomial":
        """Its derivative, taken so many times."""
        coef = [k * c for k, c in enumerate(self.coef)][1:]
        return Polynomial(coef).deriv(times - 1) if times > 1 else Polynomial(coef)


def polynomial(rng: np.random.Generator) -> Polynomial:
    """A polynomial of degree 8 with random coefficients."""
    return Polynomial(exact(rng.normal(size=9)))


def summed(p: Polynomial) -> Callable[[torch.Tensor], torch.Tensor]:
    """The sum of p over the entries of a tensor."""
    return lambda t: sum(float(c) * t**k for k, c in enumerate(p.coef)).sum()


def minimum(slope: Callable[[float], float]) -> float:
    """Where an increasing function changes its sign between 0.001 and 1000, by bisection."""
    low, high = 1e-3, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return low


def best_step(
    rng: np.random.Generator, model: Callable, slope: Callable, step: Callable, least: Callable
) -> Result:
    """An error model's slope against autograd, and its minimum against a search for it.

    ``least`` gives what the equation says the error is at the best step, form by form.
    """
    m, delta, h = rng.uniform(0.5, 2.0, size=(3, 3, 4))
    m_t, delta_t = torch.tensor(m), torch.tensor(delta)
    found = np.empty((3, 4))
    for i in np.ndindex(3, 4):
        found[i] = minimum(lambda one, i=i: slope(one, m[i], delta[i]))
    best = step(m, delta)
    return [
        gradient(lambda t: model(t, m_t, delta_t).sum(), h, slope(h, m, delta)),
        equal(best, found),
        *(equal(form, model(found, m, delta)) for form in least(best, m, delta)),
    ]


@check("eq-small-change", r"""\Delta y = f'(x)\,\Delta x + O(\Delta x^2)""")
def small_change(rng):
    f, x, dx = polynomial(rng), rng.normal(size=(3, 4)), TINY
    X = exact(x)
    remainder = f(X + dx) - f(X) - f.deriv()(X) * dx
    return [
        gradient(summed(f), x, rounded(f.deriv()(X))),
        tends(remainder / dx**2, f.deriv(2)(X) / 2),
    ]


@check("eq-derivative-limit", r"""f'(x) = \lim_{h \to 0} \frac{f(x + h) - f(x)}{h}""")
def derivative_limit(rng):
    f, x, h = polynomial(rng), rng.normal(size=(3, 4)), TINY
    return gradient(summed(f), x, rounded((f(exact(x) + h) - f(exact(x))) / h))


@check(
    "eq-cube-derivative",
    r"""
\begin{aligned}
\frac{(x + h)^3 - x^3}{h} &= \frac{3x^2 h + 3x h^2 + h^3}{h} = 3x^2 + 3xh + h^2, \\[6pt]
\frac{d}{dx}\, x^3 &= \lim_{h \to 0}\,(3x^2 + 3xh + h^2) = 3x^2
\end{aligned}
""",
)
def cube_derivative(rng):
    x, h = rng.normal(size=(3, 4)), rng.uniform(0.5, 1.0, size=(3, 4))
    quotient = ((x + h) ** 3 - x**3) / h

    def expanded(x, h):
        return 3 * x**2 + 3 * x * h + h**2

    return [
        equal(quotient, (3 * x**2 * h + 3 * x * h**2 + h**3) / h),
        equal(quotient, expanded(x, h)),
        gradient(lambda t: (t**3).sum(), x, rounded(expanded(exact(x), TINY))),
        gradient(lambda t: (t**3).sum(), x, 3 * x**2),
    ]


@check(
    "eq-taylor",
    r"""
\begin{aligned}
f(x + h) &= f(x) + h f'(x) + \frac{h^2}{2} f''(x) \\
  &\quad + \frac{h^3}{6} f'''(x) + \frac{h^4}{24} f''''(x) + O(h^5), \\[6pt]
f(x - h) &= f(x) - h f'(x) + \frac{h^2}{2} f''(x) \\
  &\quad - \frac{h^3}{6} f'''(x) + \frac{h^4}{24} f''''(x) + O(h^5)
\end{aligned}
""",
)
def taylor(rng):
    f, x, h = polynomial(rng), exact(rng.normal(size=(3, 4))), TINY
    even = f(x) + h**2 / 2 * f.deriv(2)(x) + h**4 / 24 * f.deriv(4)(x)
    odd = h * f.deriv()(x) + h**3 / 6 * f.deriv(3)(x)
    return [
        tends((f(x + h) - (even + odd)) / h**5, f.deriv(5)(x) / 120),
        tends((f(x - h) - (even - odd)) / h**5, -f.deriv(5)(x) / 120),
    ]


@check(
    "eq-one-sided-difference",
    r"""
\frac{f(x + h) - f(x)}{h} = f'(x) + \frac{h}{2} f''(x) + O(h^2)
""",
)
def one_sided_difference(rng):
    f, x, h = polynomial(rng), rng.normal(size=(3, 4)), TINY
    X = exact(x)
    one_sided = (f(X + h) - f(X)) / h
    error = one_sided - f.deriv()(X)
    return [
        gradient(summed(f), x, rounded(one_sided)),
        tends(error / h, f.deriv(2)(X) / 2),
        tends((error - h / 2 * f.deriv(2)(X)) / h**2, f.deriv(3)(X) / 6),
    ]


@check(
    "eq-taylor-subtracted",
    r"""
f(x + h) - f(x - h) = 2h f'(x) + \frac{h^3}{3} f'''(x) + O(h^5)
""",
)
def taylor_subtracted(rng):
    f, x, h = polynomial(rng), exact(rng.normal(size=(3, 4))), TINY
    left = f(x + h) - f(x - h)
    error = left - 2 * h * f.deriv()(x)
    return [
        tends(left / h, 2 * f.deriv()(x)),
        tends(error / h**3, f.deriv(3)(x) / 3),
        tends((error - h**3 / 3 * f.deriv(3)(x)) / h**5, f.deriv(5)(x) / 60),
    ]


@check(
    "eq-central-difference",
    r"""
\frac{f(x + h) - f(x - h)}{2h} = f'(x) + \frac{h^2}{6} f'''(x) + O(h^4)
""",
)
def central_difference(rng):
    f, x, h = polynomial(rng), rng.normal(size=(3, 4)), TINY
    X = exact(x)
    central = (f(X + h) - f(X - h)) / (2 * h)
    error = central - f.deriv()(X)
    return [
        gradient(summed(f), x, rounded(central)),
        tends(error / h**2, f.deriv(3)(X) / 6),
        tends((error - h**2 / 6 * f.deriv(3)(X)) / h**4, f.deriv(5)(X) / 120),
    ]


@check(
    "eq-best-step-one-sided",
    r"""
\begin{aligned}
\frac{d E_1}{d h} &= \frac{M_2}{2} - \frac{2\delta}{h^2} = 0
  \quad\text{at}\quad h_1 = 2 \sqrt{\frac{\delta}{M_2}}, \\[6pt]
E_1(h_1) &= \frac{M_2}{2} h_1 + \frac{2}{h_1} \cdot \frac{M_2 h_1^2}{4}
  = M_2 h_1 = 2 \sqrt{\delta M_2}
\end{aligned}
""",
)
def best_step_one_sided(rng):
    return best_step(
        rng,
        model=lambda h, m, delta: m / 2 * h + 2 * delta / h,
        slope=lambda h, m, delta: m / 2 - 2 * delta / h**2,
        step=lambda m, delta: 2 * np.sqrt(delta / m),
        least=lambda h, m, delta: (
            m / 2 * h + 2 / h * (m * h**2 / 4),
            m * h,
            2 * np.sqrt(delta * m),
        ),
    )


@check(
    "eq-best-step-central",
    r"""
\begin{aligned}
\frac{d E_2}{d h} &= \frac{M_3}{3} h - \frac{\delta}{h^2} = 0
  \quad\text{at}\quad h_2 = \left(\frac{3\delta}{M_3}\right)^{1/3}, \\[6pt]
E_2(h_2) &= \frac{M_3}{6} h_2^2 + \frac{1}{h_2} \cdot \frac{M_3 h_2^3}{3}
  = \frac{M_3}{2} h_2^2
\end{aligned}
""",
)
def best_step_central(rng):
    return best_step(
        rng,
        model=lambda h, m, delta: m / 6 * h**2 + delta / h,
        slope=lambda h, m, delta: m / 3 * h - delta / h**2,
        step=lambda m, delta: (3 * delta / m) ** (1 / 3),
        least=lambda h, m, delta: (m / 6 * h**2 + 1 / h * (m * h**3 / 3), m / 2 * h**2),
    )


def weighted_cubes(u, v):
    """The chapter's example: f(X) is the sum of u_i X_ij^3 v_j; u (3,), X (3, 4), v (4,)."""
    return lambda X: (u[:, None] * X * X * X * v).sum()


def cubes_in_torch(u, v):
    return weighted_cubes(torch.tensor(u), torch.tensor(v))


def moved(X, i, j, h):
    """X with h added to its entry (i, j)."""
    X = X.copy()
    X[i, j] += h
    return X


def slope(f, x):
    """The derivative of a function of one number, by autograd."""
    point = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(f(point), point)[0].item()


def draw_cubes(rng):
    return rng.normal(size=3), rng.normal(size=(3, 4)), rng.normal(size=4)


@check(
    "eq-partial-derivative",
    r"""
\frac{\partial f}{\partial X_{ij}} = \lim_{h \to 0} \frac{f(X + h E^{(ij)}) - f(X)}{h}
""",
)
def partial_derivative(rng):
    u, X, v = draw_cubes(rng)
    f, h = weighted_cubes(exact(u), exact(v)), TINY
    claimed = np.empty((3, 4))
    for i, j in np.ndindex(3, 4):
        claimed[i, j] = float((f(moved(exact(X), i, j, h)) - f(exact(X))) / h)
    return gradient(cubes_in_torch(u, v), X, claimed)


@check(
    "eq-gradient-of-cubes",
    r"""
\frac{\partial f}{\partial X_{ij}} = \frac{\partial}{\partial X_{ij}}\, u_i X_{ij}^3 v_j
  = 3 u_i X_{ij}^2 v_j
""",
)
def gradient_of_cubes(rng):
    u, X, v = draw_cubes(rng)

    def f(t):
        return torch.tensor(u) @ t**3 @ torch.tensor(v)

    of_one_term = np.empty((3, 4))
    for i, j in np.ndindex(3, 4):
        of_one_term[i, j] = slope(lambda t, i=i, j=j: u[i] * t**3 * v[j], X[i, j])
    return [
        gradient(f, X, of_one_term),
        gradient(f, X, 3 * u[:, None] * X**2 * v),
    ]


@check(
    "eq-central-difference-entry",
    r"""
\frac{\partial f}{\partial X_{ij}} = \frac{f(X + h E^{(ij)}) - f(X - h E^{(ij)})}{2h} + O(h^2)
""",
)
def central_difference_entry(rng):
    u, X, v = draw_cubes(rng)
    f, weights, h = weighted_cubes(exact(u), exact(v)), np.outer(exact(u), exact(v)), TINY
    quotient = np.empty((3, 4), dtype=object)
    for i, j in np.ndindex(3, 4):
        difference = f(moved(exact(X), i, j, h)) - f(moved(exact(X), i, j, -h))
        quotient[i, j] = difference / (2 * h)
    # A sixth of the third derivative by an entry is that entry's weight.
    remainder = 3 * weights * exact(X) ** 2 - quotient
    return [
        gradient(cubes_in_torch(u, v), X, rounded(quotient)),
        tends(remainder / h**2, -weights),
    ]


def of_two(a, b):
    """Some function of two numbers in which they are mixed."""
    return a * a * b + a * b * b + b * b * b / (1 + a * a)


@check(
    "eq-two-arguments",
    r"""
\begin{aligned}
&\frac{f(a + tp, b + tq) - f(a, b)}{t} \\[6pt]
&\quad = p \cdot \frac{f(a + tp, b + tq) - f(a, b + tq)}{tp} \\[6pt]
&\quad \phantom{{}={}} + q \cdot \frac{f(a, b + tq) - f(a, b)}{tq}
\end{aligned}
""",
)
def two_arguments(rng):
    a, b, p, q = rng.normal(size=(4, 3, 4))
    t = rng.uniform(0.5, 1.0)
    first = p * (of_two(a + t * p, b + t * q) - of_two(a, b + t * q)) / (t * p)
    second = q * (of_two(a, b + t * q) - of_two(a, b)) / (t * q)
    return equal((of_two(a + t * p, b + t * q) - of_two(a, b)) / t, first + second)


@check(
    "eq-directional-derivative",
    r"""
\left.\frac{d}{dt} f(X + tV)\right|_{t=0}
  = \sum_{i,j} \frac{\partial f}{\partial X_{ij}} V_{ij}
""",
)
def directional_derivative(rng):
    u, X, v = draw_cubes(rng)
    V = rng.normal(size=(3, 4))
    f = cubes_in_torch(u, v)
    slope = np.sum(3 * np.outer(u, v) * X**2 * V)
    return gradient(lambda t: f(torch.tensor(X) + t * torch.tensor(V)), np.zeros(1), slope[None])


@check(
    "eq-projected-difference",
    r"""
\frac{f(X + hV) - f(X - hV)}{2h} = \sum_{i,j} \frac{\partial f}{\partial X_{ij}} V_{ij} + O(h^2)
""",
)
def projected_difference(rng):
    u, X, v = draw_cubes(rng)
    V = rng.normal(size=(3, 4))
    f, weights, h = weighted_cubes(exact(u), exact(v)), np.outer(exact(u), exact(v)), TINY
    left = (f(exact(X) + h * exact(V)) - f(exact(X) - h * exact(V))) / (2 * h)
    slope = np.sum(3 * weights * exact(X) ** 2 * exact(V))
    # A sixth of the third derivative of f(X + tV) by t is the sum of the weights times V^3.
    return [
        tends(left, slope),
        tends((left - slope) / h**2, np.sum(weights * exact(V) ** 3)),
    ]


@check(
    "eq-projection-mean-square",
    r"""
\begin{aligned}
\operatorname{mean}_V \Bigl(\sum_{i,j} D_{ij} V_{ij}\Bigr)^2
  &= \sum_{i,j} \sum_{k,l} D_{ij} D_{kl} \operatorname{mean}_V (V_{ij} V_{kl}) \\
  &= \sum_{i,j} D_{ij}^2
\end{aligned}
""",
    harmless={
        "np.array(list(product([-1.0, 1.0], repeat=D.size))) -> "
        "-np.array(list(product([-1.0, 1.0], repeat=D.size)))": "the sign arrays in another order",
        "signs.T @ signs / len(signs) -> _transposed(signs.T @ signs / len(signs))": (
            "the mean of V_ij V_kl is that of V_kl V_ij"
        ),
        "D.ravel() @ means -> D.ravel()": "the means are 1 or 0: what the second line says",
    },
)
def projection_mean_square(rng):
    D = rng.normal(size=(2, 3))
    signs = np.array(list(product([-1.0, 1.0], repeat=D.size)))  # every sign array once
    left = np.mean((signs @ D.ravel()) ** 2)
    means = signs.T @ signs / len(signs)
    return [
        equal(left, D.ravel() @ means @ D.ravel()),
        equal(left, np.sum(D**2)),
    ]


def relu(x):
    return np.maximum(x, 0.0)


def off_zero(rng):
    """Numbers of both signs, none of them near 0."""
    return rng.choice([-1.0, 1.0], size=(3, 4)) * rng.uniform(0.1, 2.0, size=(3, 4))


@check(
    "eq-relu-derivative",
    r"""
\frac{d}{dx} \operatorname{relu}(x) =
\begin{cases} 0 & \text{if } x < 0, \\ 1 & \text{if } x > 0 \end{cases}
""",
)
def relu_derivative(rng):
    x = off_zero(rng)
    return gradient(lambda t: torch.relu(t).sum(), x, np.where(x < 0, 0.0, 1.0))


@check(
    "eq-relu-differences",
    r"""
\begin{aligned}
\frac{\operatorname{relu}(x) - \operatorname{relu}(x - h)}{h} &= \frac{x}{h}
  && \text{for } 0 \le x \le h, \\[6pt]
\frac{\operatorname{relu}(x + h) - \operatorname{relu}(x)}{h} &= \frac{x + h}{h}
  && \text{for } -h \le x \le 0, \\[6pt]
\frac{\operatorname{relu}(x + h) - \operatorname{relu}(x - h)}{2h} &= \frac{x + h}{2h}
  && \text{for } -h \le x \le h
\end{aligned}
""",
    # That the smaller of the two values is 0, and how, is what makes the quotients what they are.
    harmless={
        change: "relu of a number that is not positive is 0"
        for change in (
            "relu(positive) - relu(positive - h) -> relu(positive)",
            "positive - h -> -h",
            "positive - h -> 2 * (positive - h)",
            "relu(negative + h) - relu(negative) -> relu(negative + h)",
            "relu(either + h) - relu(either - h) -> relu(either + h)",
            "either - h -> -h",
            "either - h -> 2 * (either - h)",
        )
    },
)
def relu_differences(rng):
    h = rng.uniform(0.5, 1.0, size=(3, 4))
    positive = rng.uniform(0.0, 1.0, size=(3, 4)) * h
    negative = -rng.uniform(0.0, 1.0, size=(3, 4)) * h
    either = rng.uniform(-1.0, 1.0, size=(3, 4)) * h
    return [
        equal((relu(positive) - relu(positive - h)) / h, positive / h),
        equal((relu(negative + h) - relu(negative)) / h, (negative + h) / h),
        equal((relu(either + h) - relu(either - h)) / (2 * h), (either + h) / (2 * h)),
    ]


@check(
    "eq-quotient-derivative",
    r"""
\frac{d}{dx}\, \frac{x}{1 + x^2} = \frac{1 - x^2}{(1 + x^2)^2}
""",
)
def quotient_derivative(rng):
    x = rng.normal(size=(3, 4))
    return gradient(lambda t: (t / (1 + t * t)).sum(), x, (1 - x**2) / (1 + x**2) ** 2)


@check(
    "eq-quotient-quotient",
    r"""
\begin{aligned}
&\frac{1}{h} \left(\frac{x + h}{1 + (x + h)^2} - \frac{x}{1 + x^2}\right) \\[6pt]
&\quad = \frac{1 - x^2 - xh}{(1 + (x + h)^2)(1 + x^2)}
\end{aligned}
""",
)
def quotient_quotient(rng):
    x, h = rng.normal(size=(3, 4)), rng.uniform(0.5, 1.0, size=(3, 4))
    left = ((x + h) / (1 + (x + h) ** 2) - x / (1 + x**2)) / h
    return equal(left, (1 - x**2 - x * h) / ((1 + (x + h) ** 2) * (1 + x**2)))


@check(
    "eq-fourth-order-difference",
    r"""
\begin{aligned}
&\frac{4 D(h) - D(2h)}{3} \\[6pt]
&\quad = \frac{8 f(x + h) - 8 f(x - h) - f(x + 2h) + f(x - 2h)}{12 h} \\[6pt]
&\quad = f'(x) - \frac{h^4}{30} f'''''(x) + O(h^6)
\end{aligned}
""",
    harmless={"2 * h -> -(2 * h)": "D(-2h) is D(2h)"},
)
def fourth_order_difference(rng):
    f, x, h = polynomial(rng), rng.normal(size=(3, 4)), TINY
    X = exact(x)

    def central(step):
        return (f(X + step) - f(X - step)) / (2 * step)

    def combined(h):
        return (4 * central(h) - central(2 * h)) / 3

    def four(h):
        return (8 * f(X + h) - 8 * f(X - h) - f(X + 2 * h) + f(X - 2 * h)) / (12 * h)

    ordinary = exact(rng.uniform(0.5, 1.0, size=(3, 4)))
    found = [
        equal(rounded(combined(ordinary)), rounded(four(ordinary))),
        gradient(summed(f), x, rounded(four(h))),
    ]
    for form in (combined(h), four(h)):
        error = form - f.deriv()(X)
        found.append(tends(error / h**4, -f.deriv(5)(X) / 30))
        found.append(tends((error + h**4 / 30 * f.deriv(5)(X)) / h**6, -f.deriv(7)(X) / 252))
    return found


@check(
    "eq-best-step-fourth-order",
    r"""
\begin{aligned}
\frac{d E_4}{d h} &= \frac{2 M_5}{15} h^3 - \frac{3\delta}{2h^2} = 0
  \quad\text{at}\quad h_4 = \left(\frac{45\,\delta}{4 M_5}\right)^{1/5}, \\[6pt]
E_4(h_4) &= \frac{M_5}{30} h_4^4 + \frac{2 M_5}{15} h_4^4 = \frac{M_5}{6} h_4^4
\end{aligned}
""",
)
def best_step_fourth_order(rng):
    return best_step(
        rng,
        model=lambda h, m, delta: m / 30 * h**4 + 3 * delta / (2 * h),
        slope=lambda h, m, delta: 2 * m / 15 * h**3 - 3 * delta / (2 * h**2),
        step=lambda m, delta: (45 * delta / (4 * m)) ** (1 / 5),
        least=lambda h, m, delta: (m / 30 * h**4 + 2 * m / 15 * h**4, m / 6 * h**4),
    )


@check(
    "eq-second-difference",
    r"""
\begin{aligned}
&\frac{f(x + h) - 2 f(x) + f(x - h)}{h^2} \\[6pt]
&\quad = f''(x) + \frac{h^2}{12} f''''(x) + O(h^4)
\end{aligned}
""",
)
def second_difference(rng):
    f, x, h = polynomial(rng), rng.normal(size=(3, 4)), TINY
    X = exact(x)
    second = (f(X + h) - 2 * f(X) + f(X - h)) / h**2
    error = second - f.deriv(2)(X)
    return [
        gradient(summed(f.deriv()), x, rounded(second)),
        tends(error / h**2, f.deriv(4)(X) / 12),
        tends((error - h**2 / 12 * f.deriv(4)(X)) / h**4, f.deriv(6)(X) / 360),
    ]


@check(
    "eq-best-step-second",
    r"""
\begin{aligned}
\frac{d E}{d h} &= \frac{M_4}{6} h - \frac{8\delta}{h^3} = 0
  \quad\text{at}\quad h = \left(\frac{48\,\delta}{M_4}\right)^{1/4}, \\[6pt]
E &= \frac{M_4}{12} h^2 + \frac{4}{h^2} \cdot \frac{M_4 h^4}{48} = \frac{M_4}{6} h^2
\end{aligned}
""",
)
def best_step_second(rng):
    return best_step(
        rng,
        model=lambda h, m, delta: m / 12 * h**2 + 4 * delta / h**2,
        slope=lambda h, m, delta: m / 6 * h - 8 * delta / h**3,
        step=lambda m, delta: (48 * delta / m) ** (1 / 4),
        least=lambda h, m, delta: (m / 12 * h**2 + 4 / h**2 * (m * h**4 / 48), m / 6 * h**2),
    )


@check(
    "eq-row-sum-gradient",
    r"""
\frac{\partial f}{\partial X_{ij}}
  = \frac{\tfrac{1}{2}(s_i + h)^2 - \tfrac{1}{2}(s_i - h)^2}{2h} = s_i
""",
)
def row_sum_gradient(rng):
    X, h = rng.normal(size=(3, 4)), rng.uniform(0.5, 1.0)
    s = np.broadcast_to(X.sum(axis=1, keepdims=True), X.shape)
    return [
        gradient(lambda t: (t.sum(dim=1) ** 2 / 2).sum(), X, s),
        equal(((s + h) ** 2 / 2 - (s - h) ** 2 / 2) / (2 * h), s.copy()),
    ]
