"""What each operator makes of a function, and what it refuses."""

from __future__ import annotations

import ast

import pytest
from sqlalchemy.orm import Session

from models.task import Task
from tests.mutants.operators import (
    MutationError,
    Operator,
    always,
    change_comparison,
    change_constant,
    drop_assignment,
    drop_entry,
    drop_operand,
    drop_statement,
    drop_term,
    never,
    reverse_index,
)


def mutated(source: str, operator: Operator) -> str:
    tree = ast.parse(source)
    operator.apply(tree)
    return ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        (drop_statement(Session.delete), "if a:\n    b.delete(c)", "if a:\n    pass"),
        (drop_statement("x"), "a = x\nb = 1", "pass\nb = 1"),
        (drop_assignment(Task.status), "a.status = b.status", "_ = b.status"),
        (drop_assignment(Task.status), "a.id, a.status = b, c", "a.id, _ = (b, c)"),
        (drop_entry(Task.crashes), "f(a, status=b, crashes=c)", "f(a, status=b)"),
        (drop_entry("b"), "{'a': 1, 'b': 2, **c}", "{'a': 1, **c}"),
        (drop_operand(Task.status), "f(status, a.id == 1, a.status.in_(b))", "f(status, a.id == 1)"),
        (drop_operand(Task.status), "f(g(a.status == 1, b), c)", "f(g(b), c)"),
        (drop_operand("a"), "a.b or c", "False or c"),
        (drop_operand("a"), "c and a > 1", "c and True"),
        (drop_term("b"), "a + x.b", "a + 0"),
        (drop_term(len), "len(a) + b", "0 + b"),
        (drop_term("b", of=2), "max(a + b, c + b)", "max(a + 0, c + b)"),
        (always(len), "if len(a) > 1:\n    b()", "if True:\n    b()"),
        (never("sub"), "if a['sub'] != b:\n    sub()", "if False:\n    sub()"),
        (never(Task.status), "b if a.status else status", "b if False else status"),
        (change_comparison(ast.In, ast.Eq), "a in b != c", "a == b != c"),
        (change_constant(60, 6), "f(60.0, 60, '60')", "f(60.0, 6, '60')"),
        (reverse_index(), "a[n - 1] + b[n] + c[n:] + d[0]", "a[~(n - 1)] + b[n] + c[n:] + d[0]"),
    ],
)
def test_the_one_place_is_changed(operator: Operator, before: str, after: str) -> None:
    assert mutated(before, operator) == after


@pytest.mark.parametrize(
    ("operator", "source"),
    [
        (drop_statement("f"), "f(1)\nf(2)"),
        (drop_statement("f"), "if f:\n    pass"),
        (drop_entry("a"), "f(a)"),
        (drop_operand(Task.status), "f(status)"),
        (drop_term("b"), "a - b"),
        (drop_term("b", of=2), "a + b"),
        (change_constant(1, 2), "f(True, 1.0)"),
        (reverse_index(), "a: dict[int | str, int]"),
    ],
)
def test_none_and_too_many_are_refused(operator: Operator, source: str) -> None:
    with pytest.raises(MutationError, match=r"^[02]?1? places, not [12], to "):
        mutated(source, operator)
