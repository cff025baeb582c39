"""CTX303: app contexts that are opened where one is active already."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import (
    Advice,
    Edit,
    Finding,
    Fix,
    KeepBlock,
    Level,
    RemoveArgument,
    Rule,
)
from flask_ctxfix.codemods.manual_contexts.managers import doubtful_managers, switches_app
from flask_ctxfix.codemods.manual_contexts.other_callers import (
    has_unseen_callers,
    is_called_by_tests,
)
from flask_ctxfix.codemods.manual_contexts.quiet_blocks import is_quiet
from flask_ctxfix.codemods.manual_contexts.removals import is_commented, is_used, retired
from flask_ctxfix.codemods.manual_contexts.taken_from_g import takes_from_g
from flask_ctxfix.codemods.manual_contexts.texts import said, short_code
from flask_ctxfix.context_flow import ContextFlow, Need, Reach, Use, Where
from flask_ctxfix.context_flow.handled_errors import expects_no_context
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_current_app, may_be_another
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import loops_around
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import last_name, without_call
from flask_ctxfix.value_reads import is_tried

_KEEP_BLOCK = "remove the `with` and keep its block"
_REMOVE_ITEM = "remove {} from the `with`"
_REMOVE = "remove this context with its `push()` and `pop()`"
_SHARES = "the block then uses the `g` and the database session of the first context"
_TESTED = "a test calls the function without a context, and then has to open one"
_UNSEEN = "a star import or a name in a string may call the function without a context"
_SAME = "nothing in the block depends on the second context"
_REPEATS = "already runs in an app context, and opens a second one with an empty `g`"
_TEARS_DOWN = "teardown functions also run when the second context ends, and may close the database"
_FIRST = "Flask itself opens the first context, for each request"
_HIDES = "opens a second app context, in which `request` raises RuntimeError"
_NO_REQUEST = "RuntimeError: There is no request in this context"
_HIDDEN = "from Flask 3.2 on, `request` and `session` raise RuntimeError in the second context"
_APART = "keep the second context if the code needs another application, `g` or database session"
_OTHER_APP = "the first context may be that of another application"
_DOUBTFUL = "{manager} in line {row} may depend on the second context"
_TAKES = "the block may use or change what other code keeps in the `g` of the first context"
_USED = "the code uses the context object"
_COMMENTED = "a comment in the `with` statement may say what the second context is for"
_REQUEST_PROXIES = frozenset({"flask.request", "flask.session"})


class NestedAppContext(Rule):
    """A view, hook or command opens an app context although it already runs in one.

    Who is hurt

    The code in the block: its `g` is new and empty, so it misses what was stored before, such as
    the user. At the end of the block teardown functions run, so database objects of the code around
    it may be detached, or its session closed.

    How it fails

    What a hook stored in `g` is missing in the block:

        AttributeError: user

    On Flask 3.2 the block has no request either:

        RuntimeError: There is no request in this context.

    Before

        from flask import Flask, current_app, g

        app = Flask(__name__)


        @app.before_request
        def load_user():
            g.user = "ann"


        @app.get("/")
        def index():
            with current_app.app_context():
                return f"{current_app.name} of {g.user}"

    After

        from flask import Flask, current_app, g

        app = Flask(__name__)


        @app.before_request
        def load_user():
            g.user = "ann"


        @app.get("/")
        def index():
            return f"{current_app.name} of {g.user}"

    What the fix changes

    The block uses the `g` and the database session of the code around it. Teardown functions, with
    their commit or rollback, run once, at the end of the request or command.

    When there is no fix

    The active context may be that of another application; a star import or a name in a string may
    call the function without a context; the context object is used; a comment may tell what the
    block is for; another context manager or decorator may depend on the second context; or the
    block may use what the code around it left in `g`. Remove the `with` if none of this matters to
    your code, and keep it where the block needs a `g` or a session of its own. In a command, a loop
    that opens a context in each iteration is not reported.

    Safe or unsafe

    Safe where the block uses no database, no session and no `g`, calls only what is known to use
    none of them, and no teardown function acts on a context whose `g` is empty. For Flask 3.2 alone
    also where the block reads the request first, since it always failed there. Unsafe everywhere
    else, and where a test calls the function without a context.

    Versions

    The empty `g` and the extra teardown are the same on every version. Up to Flask 3.1 the request
    can still be read in the block; from Flask 3.2 `request`, `session` and `url_for` raise
    RuntimeError.

    Sources

    getredash/redash pull request 1792; Flask-SQLAlchemy issue 508; CTFd, `CTFd/auth.py`; run on
    Flask 2.2, 2.3, 3.1 and the development version of 3.2.
    """

    code = "CTX303"
    name = "nested-app-context"
    message = "an app context is opened inside another one"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the ``with`` statements that open a second context."""
        if project.is_test(module.path) or project.is_migration(module.path):
            return
        flow = ContextFlow.of(project)
        for opening in _openings(module):
            node = opening.statement
            if not flow.reachability.of(module, node).where.is_inside:
                continue  # nor is it by all callers, which take long to ask
            reach = flow.every_caller.of(module, node)
            if not reach.where.is_inside or _is_for_both(module, project, node):
                continue
            if reach.where is Where.APP and any(loops_around(module, node)):
                continue  # what a turn leaves behind is torn down with its own context
            if is_current_app(module, project, opening.app):
                hidden = _hidden_use(module, project, opening, reach.where)
                is_error = hidden is not None and target.newest >= ONE_CONTEXT
                level: Level = "error" if is_error else "warning"
                fix = None
                reason = _reason(module, project, opening) or _in_the_way(module, opening)
                if reason is None and has_unseen_callers(module, project, node, reach):
                    reason = _UNSEEN
                if reason is None:
                    fix = _fix(module, project, target, opening, reach)
                help_ = _help(module, opening)
                advice = Advice(help_, reason) if fix is None else Advice(help_)
                opened = step_at(module, opening.call, "boundary", "app context", verb="opens")
                steps = hidden.steps if hidden is not None else ()
                if hidden is not None and is_error:
                    error = _NO_REQUEST if hidden.of in PROXIES else "RuntimeError"
                    steps = (*steps[:-1], steps[-1]._replace(error=error))
                path = path_to(reach, opened, then=steps, there="app")
                text, notes = _words(target, reach.where)
                notes = notes if fix is not None else (*notes, _APART)
                message = said(module.scopes.function_of(node), text)
                advice = advice._replace(notes=notes)
                yield self.finding(module, level, opening.call, message, advice, fix, path)


def _words(target: TargetVersion, where: Where) -> tuple[str, tuple[str, ...]]:
    """Return what is wrong on the Flask at hand, and what else is on another of the targets."""
    if where is not Where.REQUEST:
        return _REPEATS, (_TEARS_DOWN,)
    if target.oldest >= ONE_CONTEXT:
        return _HIDES, (_FIRST, _TEARS_DOWN)
    return _REPEATS, (_FIRST, _TEARS_DOWN, _HIDDEN)


def _help(module: Module, opening: _Opening) -> str:
    if not isinstance(opening.statement, ast.With):
        return _REMOVE
    if len(opening.statement.items) == 1:
        return _KEEP_BLOCK
    return _REMOVE_ITEM.format(short_code(module, opening.call, "this context"))


class _Opening(NamedTuple):
    """A call of ``app_context()`` whose context `statement` enters: a ``with``, or an assignment.

    What is assigned is pushed, and popped, in the same function.
    """

    statement: ast.With | ast.Assign
    call: ast.expr
    app: ast.expr
    item: ast.withitem | None


def _openings(module: Module) -> Iterator[_Opening]:
    for with_ in module.scopes.nodes(ast.With):
        for item in with_.items:
            app = _opened_by(item.context_expr)
            if app is not None:
                yield _Opening(with_, item.context_expr, app, item)
    for assign in module.scopes.nodes(ast.Assign):
        app = _opened_by(assign.value)
        if app is not None and _is_pushed_and_popped(module, assign):
            yield _Opening(assign, assign.value, app, None)


def _is_pushed_and_popped(module: Module, assign: ast.Assign) -> bool:
    """Whether a context that a variable is given is entered and left in the same function."""
    target, scope = assign.targets[0], module.scopes.scope_of(assign)
    if not isinstance(target, ast.Name) or not isinstance(scope.node, FunctionNode):
        return False
    parents = (module.scopes.parents[read] for read in scope.reads.get(target.id, ()))
    used = {parent.attr for parent in parents if isinstance(parent, ast.Attribute)}
    return len(scope.bindings.get(target.id, ())) == 1 and used == {"push", "pop"}


def _opened_by(node: ast.expr) -> ast.expr | None:
    """Return the application whose context `node` makes."""
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return None
    is_maker = isinstance(node.func, ast.Attribute) and node.func.attr == "app_context"
    return node.func.value if is_maker and isinstance(node.func, ast.Attribute) else None


def _is_for_both(module: Module, project: Project, node: ast.stmt) -> bool:
    """Whether the function around a block asks if there is a context, or expects that none is."""
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.Try) and expects_no_context(module, project, parent):
            return True
        if isinstance(parent, FunctionNode):
            return ContextFlow.of(project).guards.asks(module, parent)
    return False


def _hidden_use(module: Module, project: Project, opening: _Opening, where: Where) -> Use | None:
    """Return the first use of the request in a block; its own come before those of callees."""
    if where is not Where.REQUEST or not isinstance(opening.statement, ast.With):
        return None
    uses = ContextFlow.of(project).needs.of_statements(module, opening.statement.body).uses
    return next((use for use in uses if use.need is Need.REQUEST), None)


def _reason(module: Module, project: Project, opening: _Opening) -> str | None:
    """Return why a context stays though the one around it would do: who else may see the change."""
    statement = opening.statement
    if not isinstance(statement, ast.With):
        return None
    doubtful = next(doubtful_managers(module, project, statement, opening.call), None)
    is_switched = may_be_another(module, project, opening.app) or (
        _is_named(module, project, opening.app) and switches_app(module, project, statement)
    )
    if is_switched or (doubtful is not None and makes_context(doubtful) is not Need.NONE):
        return _OTHER_APP
    if doubtful is None:
        return _TAKES if takes_from_g(module, project, statement) else None
    name = last_name(without_call(doubtful))
    manager = f"`{name}`" if name else "the context manager"
    return _DOUBTFUL.format(manager=manager, row=doubtful.lineno)


def _in_the_way(module: Module, opening: _Opening) -> str | None:
    """Return what of the text of a ``with`` speaks against taking its context away."""
    node, item = opening.statement, opening.item
    if not isinstance(node, ast.With) or item is None:
        return None
    if item.optional_vars is not None and is_used(module, item.optional_vars):
        return _USED
    return _COMMENTED if is_commented(module, node) else None


def _is_named(module: Module, project: Project, app: ast.expr) -> bool:
    """Whether an application is named by something else than the proxy of the active one."""
    return ContextFlow.of(project).values.of(module, app) != Foreign("flask.current_app")


def _fix(
    module: Module, project: Project, target: TargetVersion, opening: _Opening, reach: Reach
) -> Fix | None:
    """Return the fix that takes the context of a ``with`` away."""
    node, item, where = opening.statement, opening.item, reach.where
    if not isinstance(node, ast.With) or item is None:
        return None
    edit: Edit = KeepBlock(module.span(node), "body")
    if len(node.items) > 1:
        edit = RemoveArgument(module.span(opening.call))
    others = [each.context_expr for each in node.items if each is not item]
    block: list[ast.AST] = [*others, *node.body]
    is_same = is_quiet(module, project, block, with_urls=_gives_same_urls(target, where))
    fails = target.oldest >= ONE_CONTEXT and where is Where.REQUEST and len(reach.steps) <= 1
    is_safe = is_same or (fails and _reads_request_first(module, project, node))
    doubt = None if is_safe else _SHARES
    notes = (_SAME if is_same else _SHARES,) if is_safe else ()
    if is_safe and is_called_by_tests(module, project, node, reach):
        doubt = _TESTED
    retires = retired(module, opening.call)
    return Fix(_help(module, opening), (edit,), retires=retires, notes=notes, unsafe_reason=doubt)


def _gives_same_urls(target: TargetVersion, where: Where) -> bool:
    """Whether `url_for` gives the same in the context of a block and in the one around it."""
    return where is Where.APP or target.newest < ONE_CONTEXT


def _reads_request_first(module: Module, project: Project, node: ast.With) -> bool:
    """Whether all ways through a block read the request, before anything else can happen."""
    around = module.scopes.function_of(node) or module.tree
    if len(node.items) > 1 or is_tried(module, project, around, node):
        return False
    statements = [each for each in ast.walk(node.body[0]) if isinstance(each, ast.Try)]
    summary = ContextFlow.of(project).needs.of_statements(module, node.body)
    reads = [
        use.span.start
        for use in summary.uses
        if use.is_certain and use.span is not None and use.of in _REQUEST_PROXIES
    ]
    acts = (ast.Call, ast.Await, ast.Raise, ast.Yield, ast.YieldFrom, ast.Delete, ast.Assert)
    others = [
        module.span(each).end
        for statement in node.body
        for each in ast.walk(statement)
        if isinstance(each, acts)
    ]
    return not statements and bool(reads) and min(reads) < min(others, default=min(reads) + 1)
