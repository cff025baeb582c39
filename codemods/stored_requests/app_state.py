"""CTX503: data of one request that is written where all requests of the process read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, cast

from flask_ctxfix.aliases import calls_of_any, known_as_any
from flask_ctxfix.codemod import Advice, Finding, Level
from flask_ctxfix.codemods.stored_requests.kept_paths import (
    may_serve_request,
    path_of_write,
    read_by_another,
)
from flask_ctxfix.codemods.stored_requests.locks import Locking, locking_around
from flask_ctxfix.codemods.stored_requests.mappings import ENVIRON, mapping_of, mapping_read
from flask_ctxfix.codemods.stored_requests.shared_slots import SharedSlot
from flask_ctxfix.codemods.stored_requests.slots import value_assigned
from flask_ctxfix.codemods.stored_requests.texts import KEEP_ELSEWHERE, READ_BY_OTHERS, kept
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import (
    BODY_READS,
    NAMES_OF_APPLICATION,
    spelled,
)
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import arguments_of, text_of

_WRITERS = frozenset({"from_mapping", "setdefault", "update"})
_PUTENV = "os.putenv"
_SETATTR = "builtins.setattr"
_SETTERS = spelled((_PUTENV, _SETATTR))
_ADVICE_SETTING = Advice(
    "keep a setting for all users in a database or a file, which every process reads",
    notes=("a setting for one user belongs in `session`",),
)


class _Write(NamedTuple):
    """An expression that writes `values` to the state of the process that `named` says.

    `mapping` is where they go: one of those above, or empty for the application itself.
    """

    node: ast.expr
    named: str
    values: tuple[ast.expr, ...]
    mapping: str


class RequestInAppState(SharedSlot):
    """The application or the environment keeps data of one request, and other requests read it.

    Who is hurt

    Your users: one of them can get the data of another. `app.config`, `app.extensions`, the globals
    of `app.jinja_env`, the attributes of the application and `os.environ` are there once in each
    process, for all requests that it answers.

    How it fails

    Two users open a page of the application below at the same time, one with a browser in German
    and one in French. Each request sets the language, and the last one wins:

        de gets: in fr
        fr gets: in fr

    Nothing is logged. Other processes of the same server keep a language of their own.

    Before

        from flask import Flask, request

        app = Flask(__name__)


        @app.before_request
        def set_language():
            app.language = request.headers.get("Accept-Language")


        @app.get("/")
        def index():
            return f"in {app.language}"

    After

        from flask import Flask, g, request

        app = Flask(__name__)


        @app.before_request
        def set_language():
            g.language = request.headers.get("Accept-Language")


        @app.get("/")
        def index():
            return f"in {g.language}"

    What the fix changes

    The value is kept in `g`, so each request has its own, and the attribute is removed from the
    application. All files that use it change together, or none.

    When there is no fix

    The finding says why. Settings in `app.config`, what is in the other mappings, and what Flask
    itself reads from the application never get one, as other code may read them. Keep the value in
    `g` if it is for this request, in `session` if it is for this user, and in a database if it is
    for all users. If what goes into a mapping comes from the body of a request, as from a form that
    changes settings, it may be meant for all users: the finding is a warning, and only info where
    no view reads it. But even then, the other processes of the server do not get it.

    Safe or unsafe

    The fix is safe if every request sets the attribute before it reads it, as for CTX501. Also, the
    project makes one application, and passes it to nothing unknown while it answers requests. It is
    unsafe if one thing is likely but not proven. The finding names it.

    Versions

    The same on all versions of Flask: the example was run on 2.2, 2.3 and 3.1.

    Sources

    Flask's documentation, "The Application Context", "Storing Data".
    """

    code = "CTX503"
    name = "request-in-app-state"
    message = "the application or the environment keeps data of one request"
    levels = ("error", "warning", "info")
    is_of_kept_data = True
    kinds = frozenset({"application"})

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the writes to the application and to the environment of the process."""
        yield from super().find(module, project, target)
        if project.is_test(module.path):
            return
        data = RequestData.of_project(project)
        if not data.may_be_in(module):
            return
        for write in _writes(module, project, data):
            found = ((value, data.of(module, value, widest=How.DRAWN)) for value in write.values)
            written = ((v, each) for v, each in found if each and each.kind is not Kind.PROXY)
            value, datum = next(written, (None, None))
            if value is None or datum is None:
                continue
            if locking_around(module, project, write.node) >= Locking.KEPT:
                continue  # others that read there may take the lock too
            if may_serve_request(module, project, write.node):
                yield self._found(module, project, write, value, datum)

    def _found(
        self, module: Module, project: Project, write: _Write, value: ast.expr, datum: Datum
    ) -> Finding:
        message = kept(write.named, datum, READ_BY_OTHERS)
        is_sent = datum.how is How.READ and any(f".{name}" in datum.of for name in BODY_READS)
        advice = _ADVICE_SETTING if is_sent else KEEP_ELSEWHERE
        key = _key_of(module, write, value)
        reads = _reads_of(project, write, key) if key is not None else ()
        read = read_by_another(module, project, write.node, reads)
        level: Level = "warning" if is_sent or datum.how >= How.MADE else "error"
        if is_sent and read is None:
            level = "info"  # what Flask and libraries read is mostly changed for all, on purpose
        path = path_of_write(module, project, write.node, datum, read)
        return self.finding(module, level, write.node, message, advice, None, path)


def _key_of(module: Module, write: _Write, value: ast.expr) -> str | None:
    """Return the name under which a write puts a value, if the code says it."""
    node, parent = write.node, module.scopes.parents[value]
    key: ast.AST | None = None
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(parent, ast.keyword):
        return parent.arg
    if isinstance(node, ast.Subscript):
        key = node.slice
    elif isinstance(parent, ast.Call) and value in parent.args[1:]:
        key = parent.args[parent.args.index(value) - 1]
    return text_of(key)


def _reads_of(project: Project, write: _Write, key: str) -> Iterator[tuple[Module, ast.expr]]:
    """Yield what reads the item, or the attribute of the application, that a write gives."""
    for module in project.parsed(project.naming(key)):
        if not write.mapping:
            for node in module.scopes.attribute_reads.get(key, ()):
                if is_application(module, project, node.value):
                    yield module, node
            continue
        for text, constant in module.scopes.strings:
            read = module.scopes.parents[constant]
            if text == key and mapping_read(module, project, read, constant) == write.mapping:
                if read is not write.node:
                    yield module, cast(ast.expr, read)


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
            yield from _called(module, project, call, tuple(arguments_of(call)))


def _assigned(module: Module, node: ast.Attribute | ast.Subscript) -> tuple[ast.expr, ...]:
    """Return what an assignment writes to an attribute, or to an item, with the key of that."""
    value = value_assigned(module, node)
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
    if isinstance(node, ast.Subscript):
        mapping = mapping_of(module, project, node.value)
        if mapping is not None:
            yield _Write(node, _written(module, node), values, mapping)
    elif is_application(module, project, node.value) and node.attr in NAMES_OF_APPLICATION:
        yield _Write(node, _written(module, node), values, "")


def _called(
    module: Module, project: Project, call: ast.Call, values: tuple[ast.expr, ...]
) -> Iterator[_Write]:
    """Yield what a call writes to shared state."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _WRITERS:
        mapping = mapping_of(module, project, function.value)
        if mapping is not None:
            yield _Write(call, _written(module, function.value), values, mapping)
        return
    value = ContextFlow.of(project).values.of(module, function)
    if value == Foreign(_PUTENV):
        yield _Write(call, ENVIRON, values, ENVIRON)
    elif value == Foreign(_SETATTR) and len(call.args) == 3:
        is_slot = text_of(call.args[1]) not in {None, *NAMES_OF_APPLICATION}
        if not is_slot and is_application(module, project, call.args[0]):
            yield _Write(call, _written(module, call.args[0]), values[1:], "")


def _written(module: Module, node: ast.expr) -> str:
    return " ".join(module.segment(node).split())
