"""The places of a syntax tree at which it can be changed, and the names that its parts use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy.orm import QueryableAttribute

Named: TypeAlias = "str | QueryableAttribute[Any] | Callable[..., object]"


@dataclass(frozen=True)
class Slot:
    """Where `node` stands in its parent: in a field, or in the list that a field holds."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None = None

    def put(self, new: ast.AST) -> None:
        """Put another node in its place."""
        ast.copy_location(new, self.node)
        if self.index is None:
            setattr(self.parent, self.field, new)
        else:
            getattr(self.parent, self.field)[self.index] = new

    def drop(self) -> None:
        """Take it out of its list; a key of a dictionary takes its value along."""
        fields = ("keys", "values") if isinstance(self.parent, ast.Dict) else (self.field,)
        for field in fields:
            del getattr(self.parent, field)[self.index]


def slots(tree: ast.AST) -> Iterator[Slot]:
    """Those of all nodes below `tree`, in the order of the source."""
    for field, value in ast.iter_fields(tree):
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST):
                yield Slot(node, tree, field, index)
                yield from slots(node)


def name_of(named: Named) -> str:
    """The name as it stands in the code."""
    if isinstance(named, str):
        return named
    return named.key if isinstance(named, QueryableAttribute) else named.__name__


def is_name(node: ast.AST, named: Named) -> bool:
    """Whether the node is the name, by itself or as an attribute. A column is only ever an attribute."""
    if isinstance(node, ast.Attribute):
        return node.attr == name_of(named)
    return isinstance(node, ast.Name) and node.id == name_of(named) and not isinstance(named, QueryableAttribute)


def is_constant(node: ast.AST, value: object) -> bool:
    """Whether the node is this constant: 1 is neither 1.0 nor True."""
    return isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value


def uses(tree: ast.AST, named: Named) -> bool:
    """Whether the name is found in the tree. A text may be a constant, too."""
    return any(is_name(node, named) or is_constant(node, named) for node in ast.walk(tree))
