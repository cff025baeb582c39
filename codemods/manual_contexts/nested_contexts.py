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
from flask_ctxfix.context_flow import ContextFlow, Need, Reach, Use, Where
from flask_ctxfix.context_flow.handled_errors import expects_no_context
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_current_app, may_be_another
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import loops_around
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import last_name, without_call
from flask_ctxfix.value_reads import is_tried

_CHANGES = "run the block in the context that is active"
_SHARES = "it then shares `g` and the database session, and teardown functions run once, later"
_TESTED = "a test that calls the function without a context then has to open one"
_UNSEEN = "a name in a string or a star import may call it where no context is active"
_SAME = "it does the same in that one"
_REPEATS = "a second app context: in its block `g` is empty, and teardown functions run once more"
_HIDES = (
    "a second app context in a request: `request` and `session` raise RuntimeError in its block"
)
_HIDDEN = "from Flask 3.2 on, `request` and `session` raise RuntimeError in the block"
_ADVICE = "run the block in the context that is active, unless it needs a `g` or a session apart"
_OTHER_APP = "a context of another application may be active here"
_DOUBTFUL = "`{name}` in line {row} may do something else in that context"
_TAKES = "it may take from `g`, or refuse, what the code around left there"
_REQUEST_PROXIES = frozenset({"flask.request", "flask.session"})


class NestedAppContext(Rule):
    """An app context is opened in a request, or a command, that has one already.

    What it finds

    `with app.app_context():` and `with current_app.app_context():` in code that runs in an app
    context whoever calls it, of the same application: views, hooks, commands of Flask's command
    line, and the functions that only these call. A loop that opens one each turn, where there is no
    request, is left alone: what a turn leaves behind has to go before the next.

    What goes wrong

    The block gets a new, empty `g`. At its end teardown functions run once more: database objects
    may be detached, or another session is used than around the block. On Flask 3.2 the request is
    hidden: `request`, `session` and `current_user` raise RuntimeError in the block.

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

    When the fix is safe

    When the block uses no database, session or `g`, calls nothing that is not known to do without
    them, no teardown function does anything in a context whose `g` is empty, and no code that
    objects run unseen, such as a property, uses them either. For Flask 3.2 alone safe also where
    the block reads the request first of all, since it always failed there. Unsafe where a test
    calls the function without a context. There is no fix where a name in a string or a star import
    may, where the context is given a name that is used, where a comment tells what it
    is for, or where another context manager beside, around or in the block, or a decorator in it,
    may depend on the context, as one that counts on `g` does; nor where the block may take from
    `g`, or refuse, what the code around left there.

    What changes

    The block sees the `g` and the database session of the code around it. What teardown functions
    did at its end, a rollback or a commit, is done once, at the end of the request.

    Sources

    getredash/redash pull request 1792; Flask-SQLAlchemy issue 508; CTFd, `CTFd/auth.py`; Flask's
    main branch, where one context holds both.
    """

    code = "CTX303"
    name = "nested-app-context"
    message = "an app context is opened where one is active already"

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
                reason = _reason(module, project, opening)
                if reason is None and has_unseen_callers(module, project, node, reach):
                    reason = _UNSEEN
                if reason is None:
                    fix = _fix(module, project, target, opening, reach)
                advice = Advice(_ADVICE, reason) if fix is None else Advice(fix.message)
                opened = step_at(module, opening.call, "boundary", "app context")
                steps = hidden.steps if hidden is not None else ()
                path = path_to(reach, opened, then=steps, there="app")
                message, notes = _words(target, reach.where)
                advice = advice._replace(notes=notes)
                yield self.finding(module, level, opening.call, message, advice, fix, path)


def _words(target: TargetVersion, where: Where) -> tuple[str, tuple[str, ...]]:
    """Return what is wrong on the Flask at hand, and what else is on another of the targets."""
    if where is not Where.REQUEST:
        return _REPEATS, ()
    if target.oldest >= ONE_CONTEXT:
        return _HIDES, ()
    return _REPEATS, (_HIDDEN,)


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
    name = last_name(without_call(doubtful)) or ast.unparse(doubtful)
    return _DOUBTFUL.format(name=name, row=doubtful.lineno)


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
    if item.optional_vars is not None and is_used(module, item.optional_vars):
        return None
    if is_commented(module, node):
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
    return Fix(_CHANGES, (edit,), retires=retires, notes=notes, unsafe_reason=doubt)


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
