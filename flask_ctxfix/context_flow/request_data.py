"""Which expressions hold data of one request: its proxies, the objects behind them, or values."""

from __future__ import annotations

import ast
from enum import Enum
from typing import NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Known
from flask_ctxfix.project import Module, Project


class Kind(Enum):
    """What kind of data of a request something is."""

    PROXY = "proxy"
    OBJECT = "object"
    VALUE = "value"


class Datum(NamedTuple):
    """Data of a request: `of` as it is written where it is read, and the `steps` that lead there.

    A PROXY is harmless for memory; an OBJECT is the request or a context itself, or keeps it alive;
    a VALUE was read from it.
    """

    kind: Kind
    of: str
    steps: tuple[Step, ...] = ()


class RequestData:
    """Follows expressions back to the request that they were read from."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._values = ContextFlow.of(project).values

    @classmethod
    def of_project(cls, project: Project) -> RequestData:
        """Return the one of a project."""
        return project.memo("request data", lambda: cls(project))

    def of(self, module: Module, node: ast.expr, given: Known = ()) -> Datum | None:
        """Return what data of a request `node` is; None if it is none, or nobody knows."""
        return None
