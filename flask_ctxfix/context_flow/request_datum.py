"""What data of a request is, and what all questions for it share."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from enum import Enum, IntEnum
from typing import NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_sources import CONTEXTS
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign, Known, Value
from flask_ctxfix.flask_facts import REQUEST_PROXIES
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import step_at, step_at_name


class Kind(Enum):
    """What kind of data of a request something is."""

    PROXY = "proxy"
    OBJECT = "object"
    VALUE = "value"


class How(IntEnum):
    """How data of a request has come about, the surest first.

    READ from the request, or computed of what was; FOUND by what was read: the item under that key,
    the row or the file of that name, an object made with it; MADE by an unknown function that was
    given what was read; DRAWN at random by the request, which nobody else has.
    """

    READ = 0
    FOUND = 1
    MADE = 2
    DRAWN = 3


class Datum(NamedTuple):
    """Data of a request: `of` as it is written where it is read, and the `steps` it has come since.

    In a function that is followed for one call, data may come in by a `parameter`.
    A PROXY is harmless for memory; an OBJECT is the request or a context itself, or keeps it alive,
    as an exception that `is_caught` does with its traceback; a VALUE was read from it.
    """

    kind: Kind
    of: str
    steps: tuple[Step, ...] = ()
    is_caught: bool = False
    parameter: str = ""
    how: How = How.READ

    @property
    def distance(self) -> int:
        """How far the data has come."""
        return len(self.steps) + bool(self.parameter)


class Argument(NamedTuple):
    """What the parameter `name` of a function holds in one call."""

    function: FunctionNode
    name: str
    datum: Datum | None


Arguments = tuple[Argument, ...]


class Frame(NamedTuple):
    """A module, and what the parameters of the functions hold whose code is followed."""

    module: Module
    arguments: Arguments = ()
    given: Known = ()


_HARM = (Kind.OBJECT, Kind.VALUE, Kind.PROXY)


def most_harmful(data: Iterable[Datum | None]) -> Datum | None:
    """Return the most harmful data of several: the surest, and the nearest of these."""
    found = (datum for datum in data if datum is not None)
    return min(found, key=_harm, default=None)


def _harm(datum: Datum) -> tuple[int, int, int]:
    return datum.how, _HARM.index(datum.kind), datum.distance


DATUM: QuestionKind[Datum | None] = QuestionKind(
    "data", None, lambda one, other: most_harmful((one, other))
)


def argument_of(function: FunctionNode, name: str, datum: Datum | None) -> Argument:
    """Return what a parameter holds, as far as the function can tell.

    Where the data comes from is left out, so that all calls with data of a kind are one question.
    `from_call` puts it in again.
    """
    if datum is None:
        return Argument(function, name, None)
    of = name if datum.of == name else f"<{name}>"
    return Argument(function, name, datum._replace(of=of, steps=(), parameter=name))


def from_call(
    datum: Datum | None, given: Mapping[str, Datum | None], call: tuple[Step, ...]
) -> Datum | None:
    """Return what a function returns in a call that gives its parameters this data.

    What a parameter of a function around it holds is told where that one is called.
    """
    passed = given.get(datum.parameter) if datum is not None and datum.parameter else None
    if datum is None or passed is None:
        return datum and datum._replace(steps=(*call, *datum.steps))
    unnamed = f"<{datum.parameter}>"
    of = datum.of
    if of.startswith(unnamed):
        of = passed.of + of.removeprefix(unnamed)
    steps = (*passed.steps, *call, *datum.steps)
    return datum._replace(of=of, steps=steps, parameter=passed.parameter)


def made_of(datum: Datum | None) -> Datum | None:
    """Return the value that reading `datum` gives; what an exception says may be anything."""
    if datum is None or datum.is_caught:
        return None
    return datum._replace(kind=Kind.VALUE)


def found_by(datum: Datum | None, how: How) -> Datum | None:
    """Return the value that is found by `datum`, or made of it."""
    value = made_of(datum)
    return value and value._replace(how=max(value.how, how))


def within(datum: Datum | None, widest: How) -> Datum | None:
    """Return `datum` if it came about as surely as `widest`, or more so."""
    return datum if datum is not None and datum.how <= widest else None


class DataQuestions:
    """What all questions for data share. Subclasses say what `_of` does."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._flow = ContextFlow.of(project)
        self._values = self._flow.values
        self._table = self._flow.table

    def _of(self, frame: Frame, node: ast.expr) -> Datum | None:
        """Return what data of a request `node` is."""
        raise NotImplementedError

    def _value(self, frame: Frame, node: ast.expr) -> Value | None:
        return self._values.of(frame.module, node, frame.given)

    def _first(self, frame: Frame, nodes: Iterable[ast.expr | None]) -> Datum | None:
        """Return the most harmful data that one of several expressions is."""
        return most_harmful(self._of(frame, node) for node in nodes if node is not None)

    def _read(self, frame: Frame, nodes: Iterable[ast.expr | None]) -> Datum | None:
        """Return the value that is made of expressions, if one of them is data.

        An exception among them may say anything; the others are data all the same.
        """
        found = (self._of(frame, node) for node in nodes if node is not None)
        return made_of(most_harmful(each for each in found if each and not each.is_caught))

    def _known(self, frame: Frame, node: ast.expr) -> Datum | None:
        """Return what a proxy, a context or a value that an extension keeps is."""
        value = self._value(frame, node)
        name = value.name if isinstance(value, Foreign) else ""
        if name in REQUEST_PROXIES:
            return self._source(frame, Kind.PROXY, node)
        if name in CONTEXTS:
            return self._source(frame, Kind.OBJECT, node)
        return None

    def _source(self, frame: Frame, kind: Kind, node: ast.AST, name: str = "") -> Datum:
        module = frame.module
        if name:
            return Datum(kind, name, (step_at_name(module, node, name, "read"),))
        written = " ".join(module.segment(node).split())
        return Datum(kind, written, (step_at(module, node, "read"),))
