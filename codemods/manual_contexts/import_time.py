"""CTX304: context proxies that are used when a module is imported, or assigned to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Finding, Rule
from flask_ctxfix.codemods.manual_contexts.import_order import at_import, is_imported_outside
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.paths import AT_IMPORT, path_to
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import FLASK_PROXIES, PROXIES
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import expression_at, step_at
from flask_ctxfix.syntax import last_name, without_call

_ADVICE = "read it in a function that runs where there is a context, or by a `LocalProxy`"
_ADVICE_EXTENSION = "make it without an application, and call its `init_app` where that is made"
_ADVICE_ASSIGNED = "assign to an attribute of `g`, or pass the value as an argument"
_APP = Foreign("flask.current_app")


class ImportTimeContextRead(Rule):
    """A context proxy is used when its module is imported, or assigned to.

    What it finds

    `current_app`, `request`, `session` and `g` that are used at the top level of a module or class,
    in a default or in the argument of a decorator there, or by a function that is called there;
    extensions that are given `current_app` there. Only in modules that are certainly imported
    before there is an application. Also `flask.g = …` and the like, anywhere.

    What goes wrong

    The import raises RuntimeError, "Working outside of application context"; or it works in a
    shell, a command or a test that happens to have a context, and the value stays that of the first
    application. An extension that first asks whether it was given an application is not set up at
    all. Who assigns to a proxy takes it away from all threads.

    Before

        from datetime import timedelta

        import flask

        app = flask.Flask(__name__)


        def start_job(user):
            flask.g = user
            return timedelta(days=1)

    When the fix is safe

    There is none: where the value is to be read instead has to be decided.

    What changes

    Nothing. Code that reads the value in a function, or through a `LocalProxy`, gets that of the
    application that runs.

    Sources

    Flask's documentation, "The Application Context"; sirepo pull request 3350.
    """

    code = "CTX304"
    name = "import-time-context-read"
    message = "a context proxy is used at import time, or assigned to"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the uses at import time, and the assignments."""
        if project.is_test(module.path) or project.is_migration(module.path):
            return
        changes = module.scopes.attribute_changes
        for node in (node for name in FLASK_PROXIES for node in changes.get(name, ())):
            if project.origins(module, node.value) == {"flask"}:
                message = f"`flask.{node.attr}` is replaced, for all threads"
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
            context = "app context" if use.need is Need.APP else "request"
            by = "" if use.span is not None else f" by `{last_name(without_call(node)) or '…'}`"
            message = f"`{use.name}` is used at import time{by}, where there is no {context}"
            path = path_to(AT_IMPORT, then=use.steps)
            yield self.finding(module, "warning", node, message, _ADVICE, None, path)

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
                    message = "an extension is given `current_app` at import time"
                    path = path_to(AT_IMPORT, step_at(module, call, "call"))
                    yield self.finding(
                        module, "warning", each, message, _ADVICE_EXTENSION, None, path
                    )
