"""What those who are let in publish for all: a banner, a setting, whether a shop is open."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.stored_requests.kept_paths import Reads, serves_requests
from flask_ctxfix.codemods.stored_requests.trusted_flags import is_sent, tests_of_user, turns_away
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import LETTING_IN
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import without_call


def is_published(
    module: Module, project: Project, node: ast.AST, datum: Datum, reads: Reads
) -> bool:
    """Whether only those who are let in set what they send, and others read it."""
    if datum.how is not How.READ or not is_sent(datum) or not _is_let_in(module, project, node):
        return False
    serving = [each for each in reads if serves_requests(each[0], project, each[1])]
    return any(not _is_let_in(home, project, read) for home, read in serving)


def _is_let_in(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code runs only for those whom a decorator, or a test before it, lets in."""
    function = module.scopes.function_of(node)
    decorators = getattr(function, "decorator_list", ())
    if any(_lets_in(module, project, each) for each in decorators):
        return True
    tests = tests_of_user(module, RequestData.of_project(project), node)
    return any(not is_proof for _, is_proof in tests)


def _lets_in(module: Module, project: Project, decorator: ast.expr) -> bool:
    """Whether a decorator turns others away: a known one, or one of the project that does so."""
    value = ContextFlow.of(project).values.of(module, without_call(decorator))
    if isinstance(value, Foreign):
        return value.name in LETTING_IN
    return isinstance(value, Function) and turns_away(value.node)
