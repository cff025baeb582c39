"""CTX305: contexts of made-up requests outside of tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.applications import imported_packages, instance_of
from flask_ctxfix.codemod import Advice, Finding, Rule
from flask_ctxfix.codemods.manual_contexts.texts import said, short_code
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import step_at

_NAME = "test_request_context"
_FAKES = "fakes a request, so its code sees data that no client sent"
_OPEN = "set `SERVER_NAME`, and use {} instead"
_NOTES = (
    "`url_for` needs `SERVER_NAME` in an app context",
    "pass what else the code needs of a request as arguments",
)


class TestContextInProduction(Rule):
    """Code outside of tests runs in the context of a faked request.

    Who is hurt

    Whoever gets what the code makes: it sees the address and headers of a request that no client
    sent, and an empty session. Links in mails may lead to `localhost`. Extensions may take the
    faked request for one without a user.

    How it fails

    No exception. The link in the mail is:

        http://localhost/

    Before

        from flask import Flask, url_for

        app = Flask(__name__)


        @app.get("/")
        def index():
            return "Hello"


        def link_for_mail():
            with app.test_request_context():
                return url_for("index", _external=True)

    When there is no fix

    There is none, since only you know what the code needs of a request. For links, set SERVER_NAME
    and open `with app.app_context():`, in which `url_for` works. Pass everything else as arguments.

    Versions

    The same on Flask 2.2 to 3.2. A finding is information, and off unless its code is selected;
    commands are not reported.

    Sources

    Flask's documentation, "The Request Context" and "Testing Flask Applications"; run on Flask 2.2,
    2.3, 3.1 and the development version of 3.2.
    """

    code = "CTX305"
    name = "test-context-in-production"
    message = "`test_request_context()` fakes a request outside of tests"
    levels = ("info",)

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the calls of ``test_request_context``."""
        if project.is_test(module.path) or project.is_migration(module.path):
            return
        for call in module.scopes.calls.get(_NAME, ()):
            called = call.func
            if not isinstance(called, ast.Attribute):
                continue
            if _is_app(module, project, called.value) and not _is_command(module, project, call):
                reach = ContextFlow.of(project).reachability.of(module, call)
                path = path_to(
                    reach, step_at(module, call, "boundary", "request context", verb="opens")
                )
                message = said(module.scopes.function_of(call), _FAKES)
                opened = short_code(module, called.value, "an app context", "`{}.app_context()`")
                advice = Advice(_OPEN.format(opened), notes=_NOTES)
                yield self.finding(module, "info", call, message, advice, None, path)


def _is_app(module: Module, project: Project, node: ast.expr) -> bool:
    is_flask = instance_of(module, project, node) == "Flask"
    return is_flask or is_application(module, project, node)


def _is_command(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code is, or only serves, commands of the command line.

    So does a module that imports what they are made with, whatever its own decorators are.
    """
    if "click" in imported_packages(module):
        return True
    flow = ContextFlow.of(project)
    for function in module.scopes.ancestors(node):
        if isinstance(function, FunctionNode):
            if flow.reachability.of_function(module, function).where is Where.APP:
                return True
    return False
