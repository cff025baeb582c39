"""CTX503: data of one request that is written where all requests of the process read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.aliases import calls_of_any, known_as_any
from flask_ctxfix.codemod import Advice, Finding, Level, Rule, Step
from flask_ctxfix.codemods.stored_requests.locks import Locking, locking_around
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, Kind
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import APPLICATIONS, BODY_READS, spelled
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at

_APPLICATION = "flask.Flask()"
_MAPPINGS = frozenset(
    {
        "os.environ",
        *(
            f"{application}.{name}"
            for application in APPLICATIONS
            for name in ("config", "extensions", "jinja_env.globals")
        ),
    }
)
_WRITERS = frozenset({"from_mapping", "setdefault", "update"})
_PUTENV = "os.putenv"
_SETATTR = "builtins.setattr"
_SETTERS = spelled((_PUTENV, _SETATTR))
_ADVICE = "keep it on `g` for this request, in `session` for this user, or in a store"
_ADVICE_SETTING = Advice(
    _ADVICE, notes=("what is meant for all is unknown to other processes here",)
)


class _Write(NamedTuple):
    """An expression that writes `values` to the state of the process that `named` says."""

    node: ast.expr
    named: str
    values: tuple[ast.expr, ...]


class RequestInAppState(Rule):
    """Data of a request is written to the application, or to the environment of the process.

    What it finds

    Items of `app.config`, `app.extensions`, the globals of `app.jinja_env` and `os.environ`, and
    attributes of the application or of `current_app`, that are set to something which was read
    from the request, the session or the current user, or set under such a key.

    What goes wrong

    There is one application for all requests of a process: each reads what the last one wrote,
    of whatever user. With several processes the next request may read none of it. Where the body of
    a request is kept, mostly a form that changes settings, the finding is information.

    Before

        from flask import Flask, request

        app = Flask(__name__)


        @app.before_request
        def set_language():
            app.config["LANGUAGE"] = request.headers.get("Accept-Language")

    When the fix is safe

    There is none: whether the value belongs to the request, to the user or to all of them is for
    the author to say.

    What changes

    Nothing.

    Sources

    Flask's documentation, "The Application Context", "Storing Data".
    """

    code = "CTX503"
    name = "request-in-app-state"
    message = "data of a request is written to state that all requests share"
    is_of_kept_data = True

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the writes to the application and to the environment of the process."""
        if project.is_test(module.path):
            return
        data = RequestData.of_project(project)
        if not data.may_be_in(module):
            return
        for write in _writes(module, project, data):
            found = (data.of(module, value) for value in write.values)
            datum = next((each for each in found if each and each.kind is not Kind.PROXY), None)
            if datum is None:
                continue
            if locking_around(module, project, write.node) >= Locking.KEPT:
                continue  # others that read there may take the lock too
            if may_be_in_request(module, project, write.node):
                yield self._found(module, project, write, datum)

    def _found(self, module: Module, project: Project, write: _Write, datum: Datum) -> Finding:
        message = f"`{write.named}` is shared by all requests, but gets `{datum.of}` of one"
        is_sent = any(f".{name}" in datum.of for name in BODY_READS)
        # A form that is sent to change a setting mostly changes it for all, on purpose.
        level: Level = "info" if is_sent else "error"
        advice = _ADVICE_SETTING if is_sent else _ADVICE
        path = path_of_write(module, project, write.node, datum)
        return self.finding(module, level, write.node, message, advice, None, path)


def path_of_write(
    module: Module, project: Project, node: ast.AST, datum: Datum
) -> tuple[Step, ...]:
    """Return the path from what Flask calls, over what is read of the request, to a write."""
    reach = ContextFlow.of(project).reachability.of(module, node)
    return path_to(reach, *datum.steps, step_at(module, node, "write"))


def may_be_in_request(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code may serve a request, not only use the context of a test request."""
    reachability = ContextFlow.of(project).reachability
    reach = reachability.of(module, node)
    around = module.scopes.function_of(node)
    if reach.where is Where.REQUEST and not reach.steps and around is not None:
        reach = reachability.of_function(module, around)
    return reach.where in (Where.REQUEST, Where.UNKNOWN)


def _writes(module: Module, project: Project, data: RequestData) -> Iterator[_Write]:
    """Yield the writes to shared state of what may be data."""
    scopes = module.scopes
    targets: list[ast.Attribute | ast.Subscript] = [
        *scopes.assigned_attributes,
        *(each for each in scopes.nodes(ast.Subscript) if isinstance(each.ctx, ast.Store)),
    ]
    for node in targets:
        if scopes.function_of(node) is not None:
            written = _assigned(module, node)
            if any(data.may_be(module, each) for each in written):
                yield from _to_state(module, project, node, written)
    writers = known_as_any(project, _SETTERS) | _WRITERS
    for call in calls_of_any(module, writers):
        if data.may_be_given(module, call) and scopes.function_of(call) is not None:
            values = (*call.args, *(keyword.value for keyword in call.keywords))
            yield from _called(module, project, call, values)


def _assigned(module: Module, node: ast.Attribute | ast.Subscript) -> tuple[ast.expr, ...]:
    """Return what an assignment writes to an attribute, or to an item, with the key of that."""
    value = _value_assigned(module, node)
    if value is None:
        return ()
    return (value,) if isinstance(node, ast.Attribute) else (value, node.slice)


def _to_state(
    module: Module,
    project: Project,
    node: ast.Attribute | ast.Subscript,
    values: tuple[ast.expr, ...],
) -> Iterator[_Write]:
    """Yield the assignment to an attribute or an item, if that is of shared state."""
    is_of_state = is_application if isinstance(node, ast.Attribute) else _is_mapping
    if is_of_state(module, project, node.value):
        yield _Write(node, _written(module, node), values)


def _value_assigned(module: Module, target: ast.expr) -> ast.expr | None:
    """Return the expression that a target gets its value from, also as one of several."""
    parent = module.scopes.parents[target]
    if isinstance(parent, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return parent.value
    outer = module.scopes.parents.get(parent)
    if isinstance(parent, ast.Tuple) and isinstance(outer, ast.Assign):
        values = outer.value.elts if isinstance(outer.value, ast.Tuple) else []
        is_paired = len(values) == len(parent.elts)
        return values[parent.elts.index(target)] if is_paired else outer.value
    return None


def _called(
    module: Module, project: Project, call: ast.Call, values: tuple[ast.expr, ...]
) -> Iterator[_Write]:
    """Yield what a call writes to shared state."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _WRITERS:
        if _is_mapping(module, project, function.value):
            yield _Write(call, _written(module, function.value), values)
        return
    value = ContextFlow.of(project).values.of(module, function)
    if value == Foreign(_PUTENV):
        yield _Write(call, "os.environ", values)
    elif value == Foreign(_SETATTR) and len(call.args) == 3:
        if is_application(module, project, call.args[0]):
            yield _Write(call, _written(module, call.args[0]), values[1:])


def _is_mapping(module: Module, project: Project, node: ast.expr) -> bool:
    value = ContextFlow.of(project).values.of(module, node)
    return isinstance(value, Foreign) and value.name in _MAPPINGS


def _written(module: Module, node: ast.expr) -> str:
    return " ".join(module.segment(node).split())
