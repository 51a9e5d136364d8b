r"""What a displayed equation states: its relations, counted, so that each has a comparison.

``a = b = c`` states two things, an ``aligned`` derivation one with each relation of each line.
Not counted are relations inside braces, parentheses or brackets, sub- and superscripts, the
rows of ``cases`` and matrices, and conditions: from ``\text{if}``, ``\text{for}``, ... to the
end of the line. ``f(z) = 0 \text{ at } z = a`` is one statement, that a is where f is 0.

``python -m equations.statements 7`` (with ``tests`` on the path) lists what the equations of
chapter 7 state and what their checks compare.
"""

import re
import sys

import numpy as np

from equations.harness import Check, comparisons, load

RELATIONS = {
    *("=", "<", ">", r"\le", r"\leq", r"\ge", r"\geq", r"\ll", r"\gg", r"\ne", r"\neq", r"\to"),
    *(r"\approx", r"\simeq", r"\sim", r"\cong", r"\equiv", r"\propto", r"\lesssim", r"\gtrsim"),
}
#: Environments whose rows are lines of the equation.
LINES = {"aligned", "gathered", "split"}
#: What follows on the line says when the equation holds; it is not stated.
CONDITION = re.compile(r"\s*(?:if|for|where|when|with)\b")
#: Joins two relations into one statement: where something happens, and that it happens.
JOINT = re.compile(r"\s*(?:at|above|below|from)\s*$")
TOKEN = re.compile(r"\\(?:begin|end)\{(\w+)\}|\\\\(?:\[[^\]]*\])?|\\[a-zA-Z]+|\\.|\S", re.S)
OPEN, CLOSE = set("({[") | {r"\{"}, set(")}]") | {r"\}"}


def squeeze(latex: str) -> str:
    """LaTeX without the differences that a line break or an indent makes."""
    return " ".join(latex.split())


def statements(latex: str) -> int:
    """How many statements a displayed equation makes."""
    texts: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        texts.append(match[1])
        return r"\text "

    latex = re.sub(r"\\text\{([^{}]*)\}", set_aside, latex)
    said = iter(texts)
    count, depth, condition, before = 0, 0, False, ""
    for match in TOKEN.finditer(latex):
        token, environment = match[0], match[1]
        if environment:
            if environment not in LINES or depth:
                depth += 1 if token.startswith(r"\begin") else -1
        elif token in OPEN:
            depth += 1
        elif token in CLOSE:
            depth -= 1
        elif token == r"\text":
            words = next(said)
            if depth == 0 and before not in {"_", "^"}:
                condition = condition or bool(CONDITION.match(words))
                count -= bool(JOINT.match(words))
        elif depth == 0 and token.startswith(r"\\"):
            condition = False
        elif depth == 0 and token in RELATIONS:
            count += not condition
        before = token
    if depth:
        raise ValueError(f"brackets do not match in {squeeze(latex)!r}")
    return count


def to_compare(check: Check) -> int:
    """The statements of a check's equation, without those that it declares as given.

    Raises:
        ValueError: if what is given does not stand in the equation, states nothing, or has no
            reason.
    """
    count, latex = statements(check.latex), squeeze(check.latex)
    for quoted, reason in check.given.items():
        if squeeze(quoted) not in latex or not statements(quoted) or not reason.strip():
            raise ValueError(f"{check.label}: {quoted!r} cannot be given")
        count -= statements(quoted)
    return count


def compared(check: Check) -> int:
    """The comparisons that one draw of a check makes."""
    return comparisons(check.run(np.random.default_rng(0)))


def main(chapter: str) -> None:
    """Print the statements and the comparisons of each check of a chapter."""
    for check in load().values():
        if check.run.__module__ == f"equations.chapter_{chapter.zfill(2)}":
            stated, made = to_compare(check), compared(check)
            lack = "  TOO FEW" if made < stated else ""
            print(f"{stated:3} statements {made:3} comparisons  {check.label}{lack}")


if __name__ == "__main__":
    main(*sys.argv[1:])
