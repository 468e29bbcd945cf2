"""Several SELECTs in one statement, and so in one round trip: parts of an answer that have columns of their own.

The rows of a UNION ALL have one shape. Each part's columns take the places that are for their type, and leave the others NULL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, literal_column, select, union_all
from sqlalchemy.types import TypeEngine

from models.types import JsonObject, Timestamp, nothing

Made = Callable[[tuple[Any, ...]], Any]
_KINDS: tuple[type[TypeEngine[Any]], ...] = (JsonObject, Timestamp, Integer, Text)


class Stack:
    """The statement of these parts; `split` makes of its rows what each part's own `made` makes of its columns."""

    def __init__(self, *parts: tuple[Select[Any], Made]) -> None:
        columns = [list(part.selected_columns) for part, _ in parts]
        places = _places(columns)
        selects, self._takes = [], []
        for number, ((part, made), own) in enumerate(zip(parts, columns, strict=True)):
            taken = _taken(own, places)
            values = [taken.get(at, nothing(kind())) for at, kind in enumerate(places)]
            labelled = [value.label(f"c{at}") for at, value in enumerate(values)]
            selects.append(part.with_only_columns(literal_column(str(number)).label("part"), *labelled))
            order = {id(column): at for at, column in taken.items()}
            self._takes.append((_getter([1 + order[id(column)] for column in own]), made))
        self.statement = union_all(*selects)

    def split(self, rows: Any) -> list[list[Any]]:
        """Each part's rows, in no order."""
        found: list[list[Any]] = [[] for _ in self._takes]
        for row in rows:
            take, made = self._takes[row[0]]
            found[row[0]].append(made(take(row)))
        return found


def limited(part: Select[Any]) -> Select[Any]:
    """A part with ORDER BY or LIMIT of its own, which SQLite takes in a subquery only."""
    return select(*part.subquery().c)


def _places(columns: list[list[ColumnElement[Any]]]) -> list[type[TypeEngine[Any]]]:
    """The type of each place: of each type as many as the part has that has most of it."""
    counts = [Counter(map(_kind, of_part)) for of_part in columns]
    return [kind for kind in _KINDS for _ in range(max(count[kind] for count in counts))]


def _taken(own: list[ColumnElement[Any]], places: list[type[TypeEngine[Any]]]) -> Mapping[int, ColumnElement[Any]]:
    free = {kind: iter([at for at, place in enumerate(places) if place is kind]) for kind in _KINDS}
    return {next(free[_kind(column)]): column for column in own}


def _kind(column: ColumnElement[Any]) -> type[TypeEngine[Any]]:
    return next((kind for kind in _KINDS if isinstance(column.type, kind)), Text)


def _getter(places: list[int]) -> Callable[[Any], tuple[Any, ...]]:
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)
