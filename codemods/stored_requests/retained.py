"""CTX504: what keeps a request, or data of one, for as long as the process runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Finding, Fix, Level, Rule
from flask_ctxfix.codemods.stored_requests.exceptions import fix_of, handled, has_traceback
from flask_ctxfix.codemods.stored_requests.kept_paths import (
    may_serve_request,
    path_of_write,
    read_by_another,
)
from flask_ctxfix.codemods.stored_requests.lasting_containers import (
    lasting_container,
    may_last,
    shared_slot,
)
from flask_ctxfix.codemods.stored_requests.slots import slot_of
from flask_ctxfix.codemods.stored_requests.thread_state import thread_reads, thread_stores
from flask_ctxfix.codemods.stored_requests.uses import reads_of
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, Kind
from flask_ctxfix.context_flow.values import Copied
from flask_ctxfix.flask_facts import ADDING, FLASK_PROXIES
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

# What holds the environ of the request, and from Flask 3.2 on the request itself.
_HOLDERS = (".headers", ".environ")
_PROXY_NAMES = FLASK_PROXIES - {"current_app"}
_ADVICE_OBJECT = "keep the values that are needed, not what they are read from"
_ADVICE_CAUGHT = "keep its text: `repr(error)`, or `traceback.format_exc()`"
_ADVICE_VALUE = "keep it in a store, or take out what is no longer needed"
_ADVICE_THREAD = "keep it on `g`, which ends with the request, or reset it at the end"


class _Put(NamedTuple):
    """A `value` that `node` puts into `container`; `key` is where, if a constant says so."""

    node: ast.AST
    container: ast.expr
    values: tuple[ast.expr, ...]
    key: ast.Constant | None = None


class RequestObjectRetained(Rule):
    """A request, or data of one, stays in memory when the request is over.

    What it finds

    The request itself, its context, its bound methods, functions that close over it, and
    exceptions that were caught in a request, where they are put into a list, dict, set or deque
    of a module or a class, or into the default of a parameter, that nothing empties; also values
    that were read from a request, if it is certain that nothing ever takes them out. What is set
    on a `threading.local()` or in a `ContextVar`, and never reset.

    What goes wrong

    Memory grows with every request: an exception holds its frames by its traceback, and these
    the request with all that was sent. What stays with a thread is read by its next request, of
    another user.

    Before

        from flask import Flask

        app = Flask(__name__)
        errors = []


        @app.get("/<int:number>")
        def divide(number):
            try:
                return str(1 / number)
            except ZeroDivisionError as error:
                errors.append(error)
                return "no", 400


        @app.get("/errors")
        def list_errors():
            return [str(each) for each in errors]

    After

        from flask import Flask

        app = Flask(__name__)
        errors = []


        @app.get("/<int:number>")
        def divide(number):
            try:
                return str(1 / number)
            except ZeroDivisionError as error:
                errors.append(str(error))
                return "no", 400


        @app.get("/errors")
        def list_errors():
            return [str(each) for each in errors]

    When the fix is safe

    Never. There is one for exceptions, where all that the project does with them is to turn them
    into text. All the rest is only reported.

    What changes

    The container holds texts instead of exceptions.

    Sources

    Python's documentation, `BaseException.__traceback__`; pallets/flask issues 5709 and 5710.
    """

    code = "CTX504"
    name = "request-object-retained"
    message = "a request, or data of one, is kept when the request is over"
    is_of_kept_data = True

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what puts a request into something that lasts."""
        if project.is_test(module.path):
            return
        data = RequestData.of_project(project)
        for put in _puts(module):
            may_be_data = any(data.may_be(module, each) for each in put.values)
            if not may_be_data and not any(handled(module, project, each) for each in put.values):
                continue
            if not may_last(module, put.container):
                continue
            found = [
                (value, data.of(module, value) or handled(module, project, value))
                for value in put.values
            ]
            for value, datum in found:
                if datum is not None and datum.kind is not Kind.PROXY:
                    yield from self._put(module, project, target, put, value, datum)
                    break
        yield from self._last_exceptions(module, project, data)
        for store in thread_stores(module, project, data):
            node, datum = store.node, store.datum
            written = module.segment(store.target)
            message = f"`{written}` gets `{datum.of}`, which stays for the next request of a thread"
            read = read_by_another(module, project, node, thread_reads(module, project, store))
            path = path_of_write(module, project, node, datum, read, "nothing resets it")
            yield self.finding(module, "warning", node, message, _ADVICE_THREAD, None, path)

    def _put(
        self,
        module: Module,
        project: Project,
        target: TargetVersion,
        put: _Put,
        value: ast.expr,
        datum: Datum,
    ) -> Iterator[Finding]:
        if _is_copy(module, project, value):
            return
        if datum.is_caught and not has_traceback(module, value):
            return
        found = lasting_container(module, project, put.container)
        if found is None or found.is_emptied or not may_serve_request(module, project, put.node):
            return
        named = module.segment(found.named)
        read = read_by_another(module, project, put.node, found.reads)
        path = path_of_write(module, project, put.node, datum, read, "nothing takes it out")
        is_object = datum.kind is Kind.OBJECT or (
            target.newest >= ONE_CONTEXT and datum.of.endswith(_HOLDERS)
        )
        if not is_object and not datum.is_caught and not _is_telling(put, datum):
            return
        level: Level = "error" if is_object else "warning"
        fix: Fix | None = None
        message, advice = _said(named, datum, put)
        if datum.is_caught:
            fix = fix_of(module, project, value, found)
            advice = fix.message if fix is not None else _ADVICE_CAUGHT
        elif is_object:
            message = f"`{named}` keeps `{datum.of}`, and with it the request, for good"
            advice = _ADVICE_OBJECT
        yield self.finding(module, level, put.node, message, advice, fix, path)

    def _last_exceptions(
        self, module: Module, project: Project, data: RequestData
    ) -> Iterator[Finding]:
        """Yield the assignments of an exception to a global or to an attribute of a class."""
        for node in module.scopes.nodes(ast.Assign):
            if not isinstance(node.value, ast.Name):
                continue
            if not data.may_be(module, node.value) and not handled(module, project, node.value):
                continue
            shared = [each for each in node.targets if _is_shared(module, project, each)]
            if not shared:
                continue
            datum = data.of(module, node.value) or handled(module, project, node.value)
            if datum is not None and datum.is_caught and has_traceback(module, node.value):
                message = f"`{module.segment(shared[0])}` keeps an exception, and its request"
                slot = shared_slot(module, project, shared[0])
                reads = reads_of(slot, project) if slot is not None else ()
                read = read_by_another(module, project, node, reads)
                path = path_of_write(module, project, node, datum, read)
                yield self.finding(module, "warning", node, message, _ADVICE_CAUGHT, None, path)


def _is_telling(put: _Put, datum: Datum) -> bool:
    """Whether a value was certainly read from a request, and not kept for a client that stays."""
    target = put.node.targets[0] if isinstance(put.node, ast.Assign) else None
    key = target.slice if isinstance(target, ast.Subscript) else None
    is_of_connection = isinstance(key, ast.Attribute) and key.attr == "sid"
    return datum.of not in _PROXY_NAMES and not is_of_connection


def _said(named: str, datum: Datum, put: _Put) -> tuple[str, str]:
    """Return the message and the advice for a value, or for an exception."""
    if datum.is_caught:
        return f"`{named}` keeps exceptions, with their frames and requests, for good", ""
    if put.key is not None:
        shared = f"`{named}[{put.key.value!r}]` is shared by all requests"
        return f"{shared}, but gets `{datum.of}` of one", _ADVICE_THREAD
    return f"`{named}` grows by `{datum.of}` of each request, and nothing empties it", _ADVICE_VALUE


def _is_copy(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether a value is a copy of a context, which CTX105 reports."""
    return isinstance(ContextFlow.of(project).values.of(module, node), Copied)


def _is_shared(module: Module, project: Project, target: ast.expr) -> bool:
    if module.scopes.function_of(target) is None:
        return False
    if isinstance(target, ast.Name):
        return module.scopes.home_of(target).parent is None
    return isinstance(target, ast.Attribute) and slot_of(module, project, target) is not None


def _puts(module: Module) -> Iterator[_Put]:
    """Yield what functions put into containers."""
    scopes = module.scopes
    for call in scopes.calls_of(ADDING):
        function = call.func
        if isinstance(function, ast.Attribute):
            if scopes.function_of(call) is not None and not call.keywords:
                values = call.args[1:] if function.attr in {"insert", "setdefault"} else call.args
                yield _Put(call, function.value, tuple(values))
    for node in scopes.nodes(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and scopes.function_of(node) is not None:
                key = target.slice if isinstance(target.slice, ast.Constant) else None
                yield _Put(node, target.value, (node.value,), key)
    for added in scopes.nodes(ast.AugAssign):
        if isinstance(added.value, ast.List | ast.Set | ast.Dict):
            if scopes.function_of(added) is not None:
                yield _Put(added, added.target, (added.value,))
