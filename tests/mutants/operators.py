"""Operators of faults: each finds its place in a function's syntax tree, by what stands there and by names of the code, and changes it.

A name is given by the object that bears it where there is one (a column, a function, a method, a class), so that a renaming reaches it; a
text is a name, an attribute or a constant.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from tests.mutants.slots import Named, Slot, is_constant, is_name, name_of, slots, uses


class MutationError(Exception):
    """A fault does not fit the code that it is for."""


@dataclass(frozen=True)
class Operator:
    """Finds `of` places that fit, and changes the first of them."""

    purpose: str
    fits: Callable[[Slot], bool]
    change: Callable[[Slot], None]
    of: int = 1

    def apply(self, function: ast.AST) -> None:
        """Change the function; raises `MutationError` unless it has as many places as it should."""
        found = [slot for slot in slots(function) if self.fits(slot)]
        if len(found) != self.of:
            raise MutationError(f"{len(found)} places, not {self.of}, to {self.purpose}")
        self.change(found[0])


def drop_statement(using: Named) -> Operator:
    """Leave out the statement that uses the name; one that holds other statements is none."""

    def fits(slot: Slot) -> bool:
        return isinstance(slot.node, ast.stmt) and not _holds_statements(slot.node) and uses(slot.node, using)

    return Operator(f"drop the statement that uses {name_of(using)}", fits, lambda slot: slot.put(ast.Pass()))


def drop_assignment(to: Named) -> Operator:
    """Leave an attribute as it is, be it assigned to alone or in a row with others."""

    def fits(slot: Slot) -> bool:
        return isinstance(slot.node, ast.Attribute) and isinstance(slot.node.ctx, ast.Store) and is_name(slot.node, to)

    return Operator(f"drop the assignment to {name_of(to)}", fits, lambda slot: slot.put(ast.Name("_", ast.Store())))


def drop_entry(name: Named) -> Operator:
    """Leave out a keyword argument of a call, or an entry of a dictionary that is written out."""

    def fits(slot: Slot) -> bool:
        if isinstance(slot.node, ast.keyword):
            return slot.node.arg == name_of(name)
        return isinstance(slot.parent, ast.Dict) and slot.field == "keys" and is_constant(slot.node, name_of(name))

    return Operator(f"drop the keyword or key {name_of(name)}", fits, Slot.drop)


def drop_operand(using: Named) -> Operator:
    """Leave out the innermost operand of `and` or `or`, or positional argument of a call, that uses the name."""

    def is_it(slot: Slot) -> bool:
        is_argument = isinstance(slot.parent, ast.Call) and slot.field == "args"
        return (is_argument or isinstance(slot.parent, ast.BoolOp)) and uses(slot.node, using)

    def change(slot: Slot) -> None:
        if isinstance(slot.parent, ast.BoolOp):
            slot.put(ast.Constant(isinstance(slot.parent.op, ast.And)))
        else:
            slot.drop()

    return Operator(
        f"drop the operand or argument that uses {name_of(using)}",
        lambda slot: is_it(slot) and not any(map(is_it, slots(slot.node))),
        change,
    )


def drop_term(term: Named, *, of: int = 1) -> Operator:
    """Make a term of a sum 0: what a name or an attribute holds, or what a function returns."""

    def fits(slot: Slot) -> bool:
        if not isinstance(slot.parent, ast.BinOp) or not isinstance(slot.parent.op, ast.Add):
            return False
        return is_name(slot.node.func if isinstance(slot.node, ast.Call) else slot.node, term)

    return Operator(f"drop the term {name_of(term)}", fits, lambda slot: slot.put(ast.Constant(0)), of)


def always(condition: Named) -> Operator:
    """Make the condition that uses the name hold always."""
    return _decide(condition, True)


def never(condition: Named) -> Operator:
    """Make the condition that uses the name hold never."""
    return _decide(condition, False)


def _decide(using: Named, verdict: bool) -> Operator:
    """Conditions are those of `if`, of `while` and of `a if condition else b`."""

    def fits(slot: Slot) -> bool:
        return (
            isinstance(slot.parent, ast.If | ast.While | ast.IfExp) and slot.field == "test" and uses(slot.node, using)
        )

    return Operator(
        f"decide the condition that uses {name_of(using)}", fits, lambda slot: slot.put(ast.Constant(verdict))
    )


def change_comparison(old: type[ast.cmpop], new: type[ast.cmpop]) -> Operator:
    """Compare in another way."""
    return Operator(
        f"change the comparison {old.__name__}",
        lambda slot: isinstance(slot.node, old),
        lambda slot: slot.put(new()),
    )


def change_constant(old: str | int, new: str | int) -> Operator:
    """Put another constant in its place."""
    return Operator(
        f"change the constant {old!r}",
        lambda slot: is_constant(slot.node, old),
        lambda slot: slot.put(ast.Constant(new)),
    )


def reverse_index() -> Operator:
    """Count a computed index from the end: `x[n - 1]` becomes `x[-n]`."""

    def change(slot: Slot) -> None:
        assert isinstance(slot.node, ast.BinOp)
        slot.put(ast.UnaryOp(ast.Invert(), slot.node))

    return Operator("reverse a computed index", _is_computed_index, change)


def _is_computed_index(slot: Slot) -> bool:
    """A sum or difference; the `|` of a type is none."""
    is_index = isinstance(slot.parent, ast.Subscript) and slot.field == "slice"
    return is_index and isinstance(slot.node, ast.BinOp) and isinstance(slot.node.op, ast.Add | ast.Sub)


def _holds_statements(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.stmt) for node in ast.walk(statement) if node is not statement)
