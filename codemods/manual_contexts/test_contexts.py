"""CTX305: contexts of made-up requests outside of tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.applications import imported_packages, instance_of
from flask_ctxfix.codemod import Advice, Finding, Rule
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import step_at

_NAME = "test_request_context"
_MESSAGE = "`test_request_context()` makes up a request in code that is no test"
_ADVICE = Advice(
    "open an app context",
    notes=(
        "with SERVER_NAME set it is enough for `url_for`",
        "what else is read of the request can be passed as an argument",
    ),
)


class TestContextInProduction(Rule):
    """The context of a made-up request is used outside of tests.

    What it finds

    `test_request_context()` of an application, in code that is neither a test nor a command of the
    command line. A finding is information, and off unless its code is selected.

    What goes wrong

    The code sees a request that nobody sent: its address, its headers, an empty session. What
    Flask's documentation offers for tests may also run before-request functions of extensions on
    it, or take the user of the real request for another.

    Before

        from flask import Flask, url_for

        app = Flask(__name__)


        @app.get("/")
        def index():
            return "Hello"


        def link_for_mail():
            with app.test_request_context():
                return url_for("index", _external=True)

    When the fix is safe

    There is none: what the code needs of the request has to be decided.

    What changes

    Nothing. With SERVER_NAME set, `url_for` works in an app context, which is what the code can
    open instead.

    Sources

    Flask's documentation, "The Request Context" and "Testing Flask Applications".
    """

    code = "CTX305"
    name = "test-context-in-production"
    message = "a made-up request is used outside of tests"

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
                path = path_to(reach, step_at(module, call, "boundary", "request context"))
                yield self.finding(module, "info", call, _MESSAGE, _ADVICE, None, path)


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
