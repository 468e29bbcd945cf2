"""Where a fault goes: into the code of a function, which all who hold the function then run, or into the value of a module's name."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Protocol

from tests.mutants.operators import MutationError, Operator


class Fault(Protocol):
    """Something wrong that can be put into the running program."""

    def prepare(self) -> Callable[[], None]:
        """What puts it there when it is called; raises `MutationError` when it does not fit or changes nothing."""


@dataclass(frozen=True)
class InFunction:
    """Changes a function or method, whatever decorates it."""

    function: Callable[..., object]
    operator: Operator

    def prepare(self) -> Callable[[], None]:
        """See `Fault.prepare`."""
        function = _undecorated(self.function)
        try:
            code = _mutated(function.__code__, self.operator)
        except MutationError as error:
            raise MutationError(f"{function.__module__}.{function.__qualname__}: {error}") from error

        def install() -> None:
            function.__code__ = code

        return install


@dataclass(frozen=True)
class InModule:
    """Gives a module's name another value; the name is the one that has the value now."""

    module: ModuleType
    old: object
    new: object

    def prepare(self) -> Callable[[], None]:
        """See `Fault.prepare`."""
        names = [name for name, value in vars(self.module).items() if value is self.old]
        if len(names) != 1 or self.new == self.old:
            raise MutationError(f"{self.module.__name__}: {names} instead of one name become {self.new!r}")
        return lambda: setattr(self.module, names[0], self.new)


@dataclass(frozen=True)
class Mutant:
    """A fault, and what is wrong with the server then.

    `tests` are node ids; at least one of them must fail with the fault in. They are few and quick, and need no service but Redis.
    """

    name: str
    fault: Fault
    tests: tuple[str, ...]


def _undecorated(function: Callable[..., object]) -> FunctionType:
    inner = inspect.unwrap(getattr(function, "__func__", function))
    if not isinstance(inner, FunctionType):
        raise MutationError(f"{function!r} is not written in Python")
    return inner


def _mutated(code: CodeType, operator: Operator) -> CodeType:
    """The whole file is compiled, so that the function keeps its imports from the future, its class and its outer variables."""
    tree = ast.parse(Path(code.co_filename).read_text("utf-8"))
    [function] = [node for node in ast.walk(tree) if _is_source_of(node, code)]
    operator.apply(function)
    compiled = compile(ast.fix_missing_locations(tree), code.co_filename, "exec", dont_inherit=True)
    [mutated] = [one for one in _codes(compiled) if _place(one) == _place(code)]
    if mutated.co_freevars != code.co_freevars:
        raise MutationError(f"to {operator.purpose} leaves an outer variable unused")
    if _meaning(mutated) == _meaning(code):
        raise MutationError(f"to {operator.purpose} changes nothing")
    return mutated


def _is_source_of(node: ast.AST, code: CodeType) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    first = min(line.lineno for line in (node, *node.decorator_list))
    return (node.name, first) == _place(code)


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_name, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _meaning(code: CodeType) -> list[object]:
    """All but the lines and columns of the source."""
    return [
        (one.co_code, one.co_names, [value for value in one.co_consts if not isinstance(value, CodeType)])
        for one in _codes(code)
    ]
