"""CTX507: what a view reads from `g` though only another request has written it there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Advice, Finding, Level, Rule
from flask_ctxfix.codemods.stored_requests.kept_paths import one_after_the_other
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.call_sites import CallSite
from flask_ctxfix.context_flow.caught import may_catch, names_of
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.flask_facts import ATTRIBUTE_FUNCTIONS, METHODS_OF_G
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.obligations.names_on_g import Write, package_keeping, writes_on_g
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import TRIES, ends, loops_around, statement_of, way_out
from flask_ctxfix.steps import name_of, step_at
from flask_ctxfix.syntax import last_name
from flask_ctxfix.wording import fitting

_VIEW = "view"
_TOP = "the module"
_OUTSIDE = "outside of requests"
_GETTERS = frozenset({"get", "pop"})
_ASKING = frozenset({"getattr", "hasattr"})
# The path of a module, the class of a method, and its name.
_Named = tuple[str, str, str]


class _Read(NamedTuple):
    """What reads the attribute `name` of `g`; whether it only asks for it is in `is_asked`."""

    node: ast.expr
    name: str
    is_asked: bool


class ExpectedAcrossRequests(Rule):
    """A view reads a value from `g` that only another view, in another request, has set.

    So is what only code that sets the application up has put there.

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
    that reads it, or calls what does; or if it is written while no request is served. Where a view
    asks first, as by `g.get("user")` or `"user" in g`, nothing fails: what it asks for is never
    there, which is a warning. A read that a handler of AttributeError stands around is left alone.

    Versions

    The same on all versions of Flask: the example was run on 2.2, 2.3 and 3.1.

    Sources

    Flask's documentation, "The Application Context", "Storing Data"; Stack Overflow 16351826.
    """

    code = "CTX507"
    name = "g-expected-across-requests"
    message = "a view reads from `g` what only another request has set"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the reads of attributes of `g` that nothing in their request has written."""
        if module.path not in project.naming_outside_tests("g"):
            return
        told: set[tuple[FunctionNode | None, str]] = set()
        for read in _reads_in(module, project):
            key = (module.scopes.function_of(read.node), read.name)
            writes = _writes(project, read.name) if key not in told else []
            if writes and _are_of_others(project, module, read.node, writes):
                told.add(key)
                yield self._found(module, project, read, writes)

    def _found(self, module: Module, project: Project, read: _Read, writes: list[Write]) -> Finding:
        node, name = read.node, read.name
        home, write = writes[0]
        reader, writer = _named(module, node), _named(home, write)
        reads = "asks for" if read.is_asked else "reads"
        where, is_own = "in another request", reader == writer
        if not _is_by_view(project, home, write):
            where = _OUTSIDE
        sets = f"only {writer} sets, {where}" if not is_own else f"it only sets {where}"
        message = fitting(
            *((f"{reader} {reads} `g.{name}`, which {sets}",) * (writer != _TOP)),
            f"{reader} {reads} `g.{name}`, which is only set {where}",
            f"this view {reads} `g.{name}`, which is only set {where}",
            f"this view {reads} something in `g` that is only set {where}",
        )
        help_ = f"keep the value in `session`, or set `g.{name}` in `before_request`"
        advice = Advice(
            fitting(help_, "keep the value in `session`, or set it in `before_request`")
        )
        reachability = ContextFlow.of(project).reachability
        whole = step_at(home, statement_of(home, write), "write")
        step = step_at(module, node, "read", error=f"AttributeError: {name}")
        if read.is_asked:
            step = step_at(module, node, "read", message="is not there")
        first = path_to(reachability.of(home, write), whole)
        then = path_to(reachability.of(module, node), step)
        is_set_up = where == _OUTSIDE
        path = (*first, *then) if is_set_up else one_after_the_other(first, then)
        level: Level = "warning" if read.is_asked else "error"
        return self.finding(module, level, node, message, advice, None, path)


def _reads_in(module: Module, project: Project) -> Iterator[_Read]:
    """Yield what reads an attribute of `g`, or asks whether it is there."""
    for read in project.uses_of(module, {"g"}):
        parent = module.scopes.parents[read]
        if isinstance(parent, ast.Attribute) and _is_sure(module, project, parent):
            yield _Read(parent, parent.attr, is_asked=False)
    for asked in _asked_in(module, project):
        if package_keeping(asked.name, project) is None:
            yield asked


def _asked_in(module: Module, project: Project) -> Iterator[_Read]:
    """Yield what asks for an attribute of `g`, and goes on if it is not there."""
    parents = module.scopes.parents
    for read in project.uses_of(module, {"g"}):
        parent = parents[read]
        node = parents[parent] if isinstance(parent, ast.Attribute) else parent
        name = _asked_by(node, parent, read) if isinstance(node, ast.expr) else None
        if isinstance(node, ast.expr) and name is not None:
            yield _Read(node, name, is_asked=True)


def _asked_by(node: ast.expr, parent: ast.AST, read: ast.expr) -> str | None:
    """Return the name of the attribute that an expression gets if it is there, or asks for."""
    named: ast.expr | None = None
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        named = node.left if node.comparators == [read] else None
    elif isinstance(node, ast.Call) and isinstance(parent, ast.Attribute):
        named = node.args[0] if parent.attr in _GETTERS and node.args else None
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ASKING:
        named = node.args[1] if node.args[:1] == [read] and len(node.args) > 1 else None
    is_name = isinstance(named, ast.Constant) and isinstance(named.value, str)
    return named.value if is_name else None  # type: ignore[union-attr]


def _named(module: Module, node: ast.AST) -> str:
    function = module.scopes.function_of(node)
    return _TOP if function is None else f"`{name_of(function)}`"


def _is_sure(module: Module, project: Project, node: ast.Attribute) -> bool:
    """Whether a read of `g` fails if nothing has set the attribute, and nobody expects that."""
    name = node.attr
    if not isinstance(node.ctx, ast.Load) or name in METHODS_OF_G:
        return False
    if package_keeping(name, project) is not None:
        return False
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode):
            return not _is_asked(module, project, parent, name)
        if isinstance(parent, TRIES):
            handled = (
                names_of(module, project, each.type)
                for each in parent.handlers  # type: ignore[attr-defined]
            )
            if any(may_catch(names, "AttributeError") for names in handled):
                return False
    return False


def _is_asked(module: Module, project: Project, function: FunctionNode, name: str) -> bool:
    """Whether a function asks whether the attribute is there."""
    return any(
        each.name == name and module.scopes.function_of(each.node) is function
        for each in _asked_in(module, project)
    )


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
    """Whether what views alone read is written by none of them before, but by other views.

    Or while no request is served, in an app context that has ended since.
    """
    own = _views_to(project, module, node)
    if not own:
        return False
    for home, write in writes:
        if home is module and _leaves_before(home, write, node):
            continue
        others = _views_to(project, home, write)
        if not others and _is_in_ended_context(project, home, write):
            continue
        if not others or not own.isdisjoint(others):
            return False
    return True


def _leaves_before(module: Module, write: ast.expr, read: ast.AST) -> bool:
    """Whether the function of both always returns between a write and a read: on a POST, say."""
    function = module.scopes.function_of(write)
    if function is None or function is not module.scopes.function_of(read):
        return False
    if any(True for _ in loops_around(module, write)):
        return False
    for parent, child in way_out(module, write):
        if isinstance(parent, ast.If) and child is not parent.test:
            block = parent.body if child in parent.body else parent.orelse
            is_within = any(read is each for statement in block for each in ast.walk(statement))
            if is_within:
                return False
            if ends(block):
                return True
    return False


def _is_in_ended_context(project: Project, module: Module, write: ast.expr) -> bool:
    """Whether code that sets the application up writes in a context that it opens with ``with``."""
    around = module.scopes.ancestors(write)
    if not any(isinstance(each, ast.With) for each in around):
        return False
    function = module.scopes.function_of(write)
    if function is None:
        return True
    where = ContextFlow.of(project).every_caller.of_function(module, function).where
    return where is Where.OUTSIDE


def _is_by_view(project: Project, module: Module, write: ast.expr) -> bool:
    return bool(_views_to(project, module, write))


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
