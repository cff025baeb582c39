"""What data of a request is found by other data, made of it by others, or drawn at random."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow import Where
from flask_ctxfix.context_flow.data_of_names import DataOfNames
from flask_ctxfix.context_flow.request_datum import Datum, Frame, How, Kind, found_by
from flask_ctxfix.context_flow.request_searches import finds, gives_nothing, innermost, query_of
from flask_ctxfix.context_flow.values import Class
from flask_ctxfix.scopes import Comprehension
from flask_ctxfix.syntax import arguments_of


class DataOfSearches(DataOfNames):
    """Follows what calls and comprehensions give back to the data that decides on it."""

    def _drawn(self, frame: Frame, node: ast.Call) -> Datum | None:
        """Return what a request draws at random: it is of that request alone."""
        where = self._flow.reachability.of(frame.module, node).where
        drawn = self._source(frame, Kind.VALUE, node)
        return drawn._replace(how=How.DRAWN) if where is Where.REQUEST else None

    def _made(
        self, frame: Frame, node: ast.Call, name: str, arguments: list[ast.expr]
    ) -> Datum | None:
        """Return what a function from elsewhere makes of data, or finds by it."""
        if gives_nothing(name):
            return None
        is_known = finds(name, node.func) or self._asks_class(frame, node.func)
        return found_by(self._first(frame, arguments), How.FOUND if is_known else How.MADE)

    def _asks_class(self, frame: Frame, called: ast.expr) -> bool:
        """Whether a method is called on what a class of the project gives, such as its query."""
        return isinstance(self._value(frame, innermost(called)), Class)

    def _fetched(self, frame: Frame, node: ast.Call) -> Datum | None:
        """Return the rows that a cursor gives of the query before, if data was passed to that."""
        query = query_of(frame.module, node)
        if query is None:
            return None
        return found_by(self._first(frame, arguments_of(query)), How.FOUND)

    def _filtered(self, frame: Frame, node: Comprehension) -> Datum | None:
        """Return what a comprehension leaves of others, if data says what that is."""
        tests = (test for each in node.generators for test in each.ifs)
        return found_by(self._first(frame, tests), How.FOUND)
