"""Faults reach whoever holds the function or the module; one that does not fit says where it was to go."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import ParamSpec

import pytest

from tests.mutants.faults import InFunction, InModule
from tests.mutants.operators import MutationError, change_constant, drop_statement

P = ParamSpec("P")


def twice(function: Callable[P, int]) -> Callable[P, int]:
    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> int:
        return 2 * function(*args, **kwargs)

    return wrapper


def plain() -> int:
    return 11


@twice
def decorated() -> int:
    return 11


class Base:
    def method(self) -> int:
        return 0


class Holder(Base):
    def method(self) -> int:
        return super().method() + 11

    @classmethod
    def of_class(cls) -> int:
        return 11

    @staticmethod
    @twice
    def of_none() -> int:
        return 11


def closure(outer: int) -> Callable[[], int]:
    def inner() -> int:
        result = 11
        result += outer
        return result

    return inner


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        (plain, 11, 12),
        (decorated, 22, 24),
        (Holder().method, 11, 12),
        (Holder.of_class, 11, 12),
        (Holder.of_none, 22, 24),
        (closure(100), 111, 112),
    ],
)
def test_who_holds_a_function_runs_the_fault(function: Callable[[], int], before: int, after: int) -> None:
    assert function() == before
    InFunction(function, change_constant(11, 12)).prepare()()
    assert function() == after
    InFunction(function, change_constant(11, 11)).prepare()()  # made from the source, so that it is undone
    assert function() == before


def test_preparing_changes_nothing() -> None:
    InFunction(plain, change_constant(11, 12)).prepare()
    assert plain() == 11


@pytest.mark.parametrize(
    ("function", "operator", "why"),
    [
        (Holder.method, change_constant(7, 8), "Holder.method: 0 places, not 1, to change the constant 7"),
        (plain, change_constant(11, 11), "plain: to change the constant 11 changes nothing"),
        (closure(1), drop_statement("outer"), "inner: to drop the statement that uses outer leaves an outer variable"),
        (len, change_constant(1, 2), "<built-in function len> is not written in Python"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(function: Callable[..., object], operator: object, why: str) -> None:
    with pytest.raises(MutationError, match=re.escape(why)):
        InFunction(function, operator).prepare()  # type: ignore[arg-type]


def test_the_name_that_has_the_value_gets_another() -> None:
    module = ModuleType("some_module")
    old, other = ("a", "b"), "c"
    vars(module).update(NAME=old, OTHER=other)
    InModule(module, old, old[:1]).prepare()()
    assert (vars(module)["NAME"], vars(module)["OTHER"]) == (("a",), other)
    with pytest.raises(MutationError, match=r"some_module: \[\] instead of one name"):
        InModule(module, old, ()).prepare()
    with pytest.raises(MutationError, match="some_module"):
        InModule(module, other, other).prepare()
