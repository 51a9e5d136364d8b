"""Mistakes planted in the code of a check, one at a time.

A mistake is a change of one expression in the body of the check: the sign or a factor of 2 for
a whole expression, its transpose, a term or a factor dropped, a transpose left out, a constant
changed. What is left alone says which numbers are drawn, how large arrays are, and how loops
run, not what is compared.

Some changes are no mistakes, and by rule nobody can notice them: see `_harmless`. They are
planted like the others, but may pass.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: Called in place of an expression whose transpose is planted.
TRANSPOSED = "_transposed"
#: Arguments of these calls are shapes, ranges and random numbers.
NO_NUMBERS = {
    *("range", "enumerate", "zip", "len", "slice", "ndindex", "reshape"),
    *("zeros", "ones", "empty", "eye", "zeros_like", "ones_like", "empty_like"),
}
#: Keywords that do not carry one side of an equation.
SETTINGS = {
    *("size", "shape", "axis", "axes", "dim", "dims", "keepdims"),
    *("dtype", "reduction", "tolerance", "key"),
}
#: The names of libraries whose functions compute.
LIBRARIES = {"np", "torch", "functional"}
#: Where the sides of an equation go in.
COMPARING = {"equal": (0, 1), "gradient": (2,), "tends": (0, 1), "at_most": (0, 1)}


@dataclass(frozen=True)
class Mistake:
    """A mistake: what kind, what is written in place of what, and how to plant and undo it.

    ``harmless`` is the rule by which it may change nothing, or empty.
    """

    kind: str
    change: str
    line: int
    harmless: str
    put: Callable[[bool], None]

    def __str__(self) -> str:
        return f"line {self.line}, {self.kind}: {self.change}"


def mistakes(function: ast.FunctionDef) -> Iterator[Mistake]:
    """All mistakes for the body of a check; ``put`` plants one in the tree and takes it out."""
    free = _places_of_rules(function)
    for parent, field, index in list(_places(function)):
        node = _get(parent, field, index)
        for kind, new in _changes(node, parent, index):
            ast.fix_missing_locations(new)
            harmless = _harmless(kind, node, new, parent, free)

            def put(planted: bool, parent=parent, field=field, index=index, node=node, new=new):
                _set(parent, field, index, new if planted else node)

            change = f"{ast.unparse(node)} -> {ast.unparse(new)}"
            yield Mistake(kind, change, node.lineno, harmless, put)


def _places_of_rules(function: ast.FunctionDef) -> dict[str, set[int]]:
    """The ids of the nodes in functions that are differentiated, and in the points where.

    A function is differentiated if it is the first argument of a call, itself or as what
    another function of the check returned, and takes one argument.
    """
    within: dict[str, set[int]] = {"function": set(), "point": set()}
    defined = {
        node.name: node
        for node in ast.walk(function)
        if isinstance(node, ast.FunctionDef) and node is not function
    }
    for call in ast.walk(function):
        if not isinstance(call, ast.Call) or not call.args or _called(call) in defined:
            continue
        taken = _function(call.args[0], defined)
        if taken and (_called(call) not in COMPARING or _called(call) == "gradient"):
            within["function"] |= {id(node) for node in ast.walk(taken)}
            within["point"] |= {id(node) for arg in call.args[1:2] for node in ast.walk(arg)}
    return within


def _function(argument: ast.expr, defined: dict[str, ast.FunctionDef]) -> ast.AST | None:
    """The function that an argument is, or that made it."""
    if isinstance(argument, ast.Lambda):
        return argument
    if isinstance(argument, ast.Name):
        return defined.get(argument.id)
    if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Name):
        maker = defined.get(argument.func.id)
        functions = ast.Lambda | ast.FunctionDef
        if maker and any(isinstance(n, functions) for n in ast.walk(maker) if n is not maker):
            return maker
    return None


def _harmless(
    kind: str, node: ast.expr, new: ast.expr, parent: ast.AST, within: dict[str, set[int]]
) -> str:
    if kind == "dropped factor" and _is_one(_other(node, new), node):
        return "a factor of 1, written because the equation has it"
    if kind == "dropped term" and _is(_other(node, new), 0):
        return "a term of 0, written because the equation has it"
    if id(node) in within["function"]:
        return "a change of the differentiated function that no derivative shows"
    if id(node) in within["point"]:
        return "the point, for a derivative that is the same everywhere"
    if kind == "factor 2" and isinstance(parent, ast.Compare) and _is(parent.comparators[0], 0):
        return "a number and its double have one sign"
    return ""


def _other(node: ast.expr, kept: ast.expr) -> ast.expr | None:
    if not isinstance(node, ast.BinOp):
        return None
    return node.right if kept is node.left else node.left


def _is_one(factor: ast.expr | None, product: ast.expr) -> bool:
    """Whether a factor of a product that is not a matrix product is 1, or ones."""
    if isinstance(factor, ast.Call) and isinstance(product, ast.BinOp):
        return _called(factor) == "ones" and isinstance(product.op, ast.Mult)
    return _is(factor, 1)


def _is(node: ast.expr | None, number: int) -> bool:
    return isinstance(node, ast.Constant) and node.value == number


def _get(parent: ast.AST, field: str, index: int | None) -> ast.expr:
    value = getattr(parent, field)
    return value if index is None else value[index]


def _set(parent: ast.AST, field: str, index: int | None, node: ast.expr) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where the expressions below a node stand: parent, field, index in the field."""
    for field, value in ast.iter_fields(node):
        if _left_alone(node, field):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.keyword) and child.arg in SETTINGS:
                continue
            if isinstance(child, ast.expr):
                yield node, field, index
            if isinstance(child, ast.AST):
                yield from _places(child)


def _left_alone(node: ast.AST, field: str) -> bool:
    if field in {"decorator_list", "slice", "target", "targets", "annotation", "returns", "func"}:
        # What a method is called on is computed, as in (a + b).sum().
        return not (field == "func" and isinstance(getattr(node, "func", None), ast.Attribute))
    if field == "args" and isinstance(node, ast.Call):
        return _called(node) in NO_NUMBERS or _owner(node) == "rng"
    return isinstance(node, ast.arguments | ast.JoinedStr)


def _called(call: ast.Call) -> str:
    function = call.func
    return getattr(function, "attr", getattr(function, "id", ""))


def _owner(call: ast.Call) -> str:
    """The name before the dots, as in np.linalg.norm(x); empty for a method of an expression."""
    owner = call.func
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return owner.id if isinstance(owner, ast.Name) else ""


def _changes(node: ast.expr, parent: ast.AST, index: int | None) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.BinOp(left, ast.Add(), right):
            yield from (("dropped term", left), ("dropped term", right))
        case ast.BinOp(left, ast.Sub(), right):
            yield from (("dropped term", left), ("dropped term", _minus(right)))
        case ast.BinOp(left, ast.Mult() | ast.MatMult(), right):
            yield from (("dropped factor", left), ("dropped factor", right))
        case ast.BinOp(left, ast.Div(), _right):
            yield "dropped factor", left
        case ast.UnaryOp(ast.USub(), operand) if not isinstance(operand, ast.Constant):
            yield "sign", operand
        case ast.Attribute(value, "T"):
            yield "transpose", value
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            if _counts(parent):
                # One more is nothing beside a large number.
                other = value + 1 if abs(value) < 100 else 2 * value
                yield "constant", ast.copy_location(ast.Constant(other), node)
    if _whole(node, parent, index):
        yield "sign", _minus(node)
        yield "factor 2", ast.copy_location(ast.BinOp(ast.Constant(2), ast.Mult(), node), node)
        name = ast.Name(TRANSPOSED, ast.Load())
        yield "transpose", ast.copy_location(ast.Call(name, [node], []), node)


def _minus(node: ast.expr) -> ast.expr:
    return ast.copy_location(ast.UnaryOp(ast.USub(), node), node)


def _counts(parent: ast.AST) -> bool:
    """Whether a constant of this parent is part of a formula."""
    if isinstance(parent, ast.Call):
        return _owner(parent) in LIBRARIES
    return isinstance(parent, ast.BinOp | ast.UnaryOp | ast.Compare | ast.IfExp)


def _computes(node: ast.AST) -> bool:
    """Whether a node is arithmetic, or a call that does arithmetic."""
    if isinstance(node, ast.Call):
        method = isinstance(node.func, ast.Attribute) and _owner(node) != "rng"
        return method and _called(node) not in NO_NUMBERS
    return isinstance(node, ast.BinOp | ast.UnaryOp)


def _whole(node: ast.expr, parent: ast.AST, index: int | None) -> bool:
    """Whether a node is a side of an equation, or an expression that goes into one, as a whole."""
    if isinstance(parent, ast.Call) and index in COMPARING.get(_called(parent), ()):
        return not isinstance(node, ast.Starred)
    return _computes(node) and not _computes(parent) and not isinstance(parent, ast.Attribute)
