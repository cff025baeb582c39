"""CTX304: context proxies that are used when a module is imported, or assigned to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Level, Rule
from flask_ctxfix.codemods.manual_contexts.import_order import at_import, is_imported_outside
from flask_ctxfix.codemods.manual_contexts.texts import said
from flask_ctxfix.context_flow import ContextFlow, Need, Use
from flask_ctxfix.context_flow.paths import AT_IMPORT, path_to
from flask_ctxfix.context_flow.said_uses import failing
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import FLASK_PROXIES, NONE_WITHOUT_REQUEST, PROXIES
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import expression_at, step_at
from flask_ctxfix.syntax import last_name, without_call

_USES = "uses `{}` on import, which raises RuntimeError"
_OVERWRITES = "overwrites `flask.{}`, so all requests share what is assigned"
_EXTENSION = "an extension gets `current_app` on import, so the extension is not set up"
_SUPERFLUOUS = "this module passes `current_app` to an extension on import, which has no effect"
_NO_USER = "uses `{}` on import, when there is no user"
_IN_FUNCTION = "read the value in a function that runs inside {}"
_STANDS_FOR = "at the top level, a `LocalProxy` can stand for the value"
_ADVICE_EXTENSION = "create the extension without an application, and pass `app` to its `init_app`"
_ADVICE_SUPERFLUOUS = "remove this argument, since `init_app` gets the application later"
_ADVICE_ASSIGNED = "assign to an attribute of `g`, or pass the value as an argument"
_LONGEST_NAME = 35
_APP = Foreign("flask.current_app")


class ImportTimeContextRead(Rule):
    """A module uses a context proxy while it is imported, or overwrites one.

    Who is hurt

    Everybody who starts the application: the import fails. Where a shell or a test has a context
    during the import, it works there and the value stays that of the first application. An
    extension that gets `current_app` on import may be left without an application. An overwritten
    proxy hurts users: all requests read the one value that was assigned.

    How it fails

    For `current_app` and `g`, and for `request` and `session`:

        RuntimeError: Working outside of application context.
        RuntimeError: Working outside of request context.

    An overwritten proxy raises nothing.

    Before

        from datetime import timedelta

        import flask

        app = flask.Flask(__name__)


        def start_job(user):
            flask.g = user
            return timedelta(days=1)

    When there is no fix

    There is none, since only you know when the value is needed. Read it in a function that runs in
    a request or command, or put a `LocalProxy` that reads it in its place. Create an extension
    without an application, and call its `init_app` where the application is made. Assign to an
    attribute, such as `flask.g.user`, instead of the proxy.

    Versions

    The same on Flask 2.2 to 3.2. Only modules that are certainly imported before any context exists
    are reported: at the top level of a module or class, in defaults and decorators, and in
    functions that are called there.

    Sources

    Flask's documentation, "The Application Context"; sirepo pull request 3350; run on Flask 2.2,
    2.3, 3.1 and the development version of 3.2.
    """

    code = "CTX304"
    name = "import-time-context-read"
    message = "a context proxy is read while its module is imported, or is overwritten"
    levels = ("warning", "info")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the uses at import time, and the assignments."""
        if project.is_test(module.path) or project.is_migration(module.path):
            return
        changes = module.scopes.attribute_changes
        for node in (node for name in FLASK_PROXIES for node in changes.get(name, ())):
            if project.origins(module, node.value) == {"flask"}:
                message = said(module.scopes.function_of(node), _OVERWRITES.format(node.attr))
                reach = ContextFlow.of(project).reachability.of(module, node)
                path = path_to(reach, step_at(module, node, "write", message="for all threads"))
                yield self.finding(module, "warning", node, message, _ADVICE_ASSIGNED, None, path)
        if is_imported_outside(module, project):
            yield from self._uses(module, project)
            yield from self._extensions(module, project)

    def _uses(self, module: Module, project: Project) -> Iterator[Finding]:
        """Yield the uses of proxies that certainly happen, the first one of each call."""
        seen: set[ast.expr] = set()
        for use in at_import(module, project).uses:
            if not use.is_certain or use.of not in PROXIES:
                continue
            found = expression_at(module, project, use.steps[0])
            if found is None or found[1] in seen:
                continue
            _, node = found
            seen.add(node)
            text = (_NO_USER if use.of in NONE_WITHOUT_REQUEST else _USES).format(_written(use))
            by = last_name(without_call(node)) if use.span is None else ""
            message = f"`{by}` {text}" if by else f"this module {text}"
            inside = "a request" if use.need is Need.REQUEST else "an app context"
            advice = Advice(_IN_FUNCTION.format(inside), notes=(_STANDS_FOR,))
            path = path_to(AT_IMPORT, then=failing(use))
            yield self.finding(module, "warning", node, message, advice, None, path)

    def _extensions(self, module: Module, project: Project) -> Iterator[Finding]:
        """Yield the extensions that are given the proxy of an application to set up."""
        if at_import(module, project).leaves is not Need.NONE:
            return
        values = ContextFlow.of(project).values
        for statement in module.tree.body:
            call = statement.value if isinstance(statement, ast.Assign | ast.Expr) else None
            if not isinstance(call, ast.Call):
                continue
            made = values.name_of(module, call.func)
            if not made.startswith("flask_"):
                continue
            given = [each.value for each in call.keywords if each.arg == "app"]
            if made.endswith("().init_app"):
                given += call.args[:1]
            for each in given:
                if values.of(module, each) == _APP:
                    path = path_to(AT_IMPORT, step_at(module, call, "call"))
                    level: Level = "warning"
                    message, advice = _EXTENSION, _ADVICE_EXTENSION
                    if _is_set_up(project, made):
                        level, message, advice = "info", _SUPERFLUOUS, _ADVICE_SUPERFLUOUS
                    yield self.finding(module, level, each, message, advice, None, path)


def _is_set_up(project: Project, made: str) -> bool:
    """Whether the project calls `init_app` of what a class of an extension makes."""
    values = ContextFlow.of(project).values
    return any(
        values.name_of(module, call.func) == f"{made}().init_app"
        and values.of(module, call.args[0]) != _APP
        for module in project.parsed(project.naming("init_app"))
        for call in module.scopes.calls.get("init_app", ())
        if call.args
    )


def _written(use: Use) -> str:
    """Return what is used as its module writes it, without its key if that is long."""
    last = use.steps[-1]
    code = last.code if last.role != "call" and last.code.isprintable() else use.name
    return code if len(code) <= _LONGEST_NAME else use.name.partition("[")[0]
