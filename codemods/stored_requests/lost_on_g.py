"""CTX507: what a view reads from `g` though only another request has written it there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Rule
from flask_ctxfix.codemods.stored_requests.kept_paths import one_after_the_other
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.call_sites import CallSite
from flask_ctxfix.context_flow.caught import may_catch, names_of
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.flask_facts import ATTRIBUTE_FUNCTIONS, METHODS_OF_G
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.obligations.names_on_g import Write, package_keeping, writes_on_g
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import TRIES, statement_of
from flask_ctxfix.steps import name_of, step_at
from flask_ctxfix.syntax import last_name
from flask_ctxfix.wording import fitting

_VIEW = "view"
# The path of a module, the class of a method, and its name.
_Named = tuple[str, str, str]


class ExpectedAcrossRequests(Rule):
    """A view reads a value from `g` that only another view, in another request, has set.

    Who is hurt

    Every visitor of that view: `g` is new and empty in each request, so the value of the request
    before is gone. It is no place between requests, as `session` is.

    How it fails

    The view answers with status 500:

        AttributeError: user

    Before

        from flask import Flask, g, request

        app = Flask(__name__)


        @app.post("/login")
        def login():
            g.user = request.form["name"]
            return "Hello"


        @app.get("/mail")
        def mail():
            return "Mail of " + g.user

    When there is no fix

    There never is one, as the code does not say for how long the value is meant to live. Keep the
    id of the user in `session`, and load the user into `g` in a `before_request` function, which
    runs in each request. A value for all users belongs into a database.

    The finding is made only if all that writes the value are views, and none of them is the one
    that reads it, or calls what does. A read that a test, such as `"user" in g`, or a handler of
    AttributeError stands around is left alone.

    Versions

    The same on all versions of Flask: the example was run on 2.2, 2.3 and 3.1.

    Sources

    Flask's documentation, "The Application Context", "Storing Data"; Stack Overflow 16351826.
    """

    code = "CTX507"
    name = "g-expected-across-requests"
    message = "a view reads from `g` what only another request has set"
    levels = ("error",)

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the reads of attributes of `g` that nothing in their request has written."""
        if module.path not in project.naming_outside_tests("g"):
            return
        for read in project.uses_of(module, {"g"}):
            attribute = module.scopes.parents[read]
            if isinstance(attribute, ast.Attribute) and _is_sure(module, project, attribute):
                writes = _writes(project, attribute.attr)
                if writes and _are_of_others(project, module, attribute, writes):
                    yield self._found(module, project, attribute, writes)

    def _found(
        self, module: Module, project: Project, node: ast.Attribute, writes: list[Write]
    ) -> Finding:
        reader, writer = _named(module, node), _named(*writes[0])
        written = module.segment(node)
        message = fitting(
            f"{reader} reads `{written}`, which only {writer} sets, in another request",
            f"{reader} reads `{written}`, which only another request sets",
            f"this view reads `{written}`, which only another request sets",
            "this view reads from `g` what only another request sets",
        )
        help_ = f"keep the value in `session`, or set `g.{node.attr}` in `before_request`"
        advice = Advice(
            fitting(help_, "keep the value in `session`, or set it in `before_request`")
        )
        reachability = ContextFlow.of(project).reachability
        home, write = writes[0]
        whole = step_at(home, statement_of(home, write), "write")
        step = step_at(module, node, "read", error=f"AttributeError: {node.attr}")
        path = one_after_the_other(
            path_to(reachability.of(home, write), whole),
            path_to(reachability.of(module, node), step),
        )
        return self.finding(module, "error", node, message, advice, None, path)


def _named(module: Module, node: ast.AST) -> str:
    function = module.scopes.function_of(node)
    return "a lambda" if function is None else f"`{name_of(function)}`"


def _is_sure(module: Module, project: Project, node: ast.Attribute) -> bool:
    """Whether a read of `g` fails if nothing has set the attribute, and nobody expects that."""
    name = node.attr
    if not isinstance(node.ctx, ast.Load) or name in METHODS_OF_G:
        return False
    if package_keeping(name, project) is not None:
        return False
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode):
            return not _is_asked(parent, name)
        if isinstance(parent, TRIES):
            handled = (
                names_of(module, project, each.type)
                for each in parent.handlers  # type: ignore[attr-defined]
            )
            if any(may_catch(names, "AttributeError") for names in handled):
                return False
    return False


def _is_asked(function: FunctionNode, name: str) -> bool:
    """Whether a function names the attribute in a string, as to ask whether it is there."""
    return any(isinstance(each, ast.Constant) and each.value == name for each in ast.walk(function))


def _writes(project: Project, name: str) -> list[Write]:
    """Return what writes an attribute of `g`; nothing if something may that does not name it."""
    return [] if _is_written_by_any_name(project) else writes_on_g(name, project)


def _is_written_by_any_name(project: Project) -> bool:
    """Whether code hands `g` on, or sets an attribute of it whose name is not written there."""

    def compute() -> bool:
        modules = project.parsed(project.naming_outside_tests("g"))
        return any(_hands_on(module, project) for module in modules)

    return project.memo("g is written by any name", compute)


def _hands_on(module: Module, project: Project) -> bool:
    parents = module.scopes.parents
    for read in project.uses_of(module, {"g"}):
        parent = parents[read]
        if isinstance(parent, ast.Attribute):
            if parent.attr == "__dict__":
                return True
        elif isinstance(parent, ast.Call):
            named = parent.args[1] if len(parent.args) > 1 else None
            is_named = isinstance(named, ast.Constant)
            if last_name(parent.func) not in ATTRIBUTE_FUNCTIONS or not is_named:
                return True
        elif not isinstance(parent, ast.Compare):
            return True
    return False


def _are_of_others(project: Project, module: Module, node: ast.AST, writes: list[Write]) -> bool:
    """Whether views alone write an attribute, and none of these in a request that reads it."""
    own = _views_to(project, module, node)
    if not own:
        return False
    for home, write in writes:
        others = _views_to(project, home, write)
        if not others or not own.isdisjoint(others):
            return False
    return True


def _views_to(project: Project, module: Module, node: ast.AST) -> frozenset[_Named]:
    """Return the views that lead to code; nothing if something else does, or may do.

    They are told by their names, since a fix may have moved the lines of one of them.
    """
    flow = ContextFlow.of(project)
    views: set[_Named] = set()
    pending = [(module, module.scopes.function_of(node))]
    seen: set[NodeKey] = set()
    while pending:
        home, function = pending.pop()
        if function is None:
            return frozenset()
        key = home.key_of(function)
        if key in seen:
            continue
        seen.add(key)
        entries = flow.entries.of(home, function)
        callers = flow.callers.of(home, function)
        if any(each.kind != _VIEW for each in entries) or not (entries or callers):
            return frozenset()
        if entries:
            owner = home.scopes.parents.get(function)
            views.add((home.path, getattr(owner, "name", ""), name_of(function)))
        for caller in callers:
            if isinstance(caller, CallSite):
                pending.append((caller.module, caller.module.scopes.function_of(caller.node)))
            elif not entries:
                return frozenset()
    return frozenset(views)
