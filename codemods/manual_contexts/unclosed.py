"""The fixes for contexts that nothing pops: a ``with`` around the rest of the function."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Edit, Fix, InsertStatement, RemoveStatement, ReplaceStatement
from flask_ctxfix.codemods.manual_contexts.pushes import Push
from flask_ctxfix.codemods.manual_contexts.roles import Role, only_starts
from flask_ctxfix.codemods.manual_contexts.texts import with_of, with_yield
from flask_ctxfix.codemods.manual_contexts.wraps import wrap
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.obligations.lasting_work import never_ends
from flask_ctxfix.project import Project
from flask_ctxfix.statements import own_nodes

REMOVE = "remove the push"
_IN_REQUEST = "what the view leaves in the context is gone before its response is sent"
_SHARES = "the view then uses the `g` and the database session of its request"
_GETS_OUT = "code that runs after the function may still need the context"
_TESTS = "later tests no longer run in this context"
_COLLECTIONS = (ast.Dict, ast.List, ast.Set)
_AROUND = "use {} around the rest of the function"
_ENDS = "teardown functions then run when the function ends"
_ENDS_TEST = "teardown functions then run when the test ends"


def fix_for(push: Push, project: Project, role: Role) -> Fix | None:
    """Return the fix that keeps a context open for the rest of its function, and no longer."""
    function = push.function
    if not isinstance(function, ast.FunctionDef) or push.block is not function.body:
        return None
    if any(use == "read" for use, _ in push.uses()) and not push.bindings:
        return None
    if role == "fixture":
        return _of_fixture(push, function)
    if function in push.module.scopes.generators or function.body[-1] is push.statement:
        return None
    is_endless = never_ends(Function(push.module, function), project)
    if role not in ("thread", "job", "view") or is_endless:
        return None
    if role in ("thread", "job") and keeps_values(push, project, function):
        return None
    if role == "view" and makes_context(push.made or push.receiver) is not Need.REQUEST:
        return _removal(push, project, function)
    edits = wrap(push, function.body[-1], _uses_to_keep(push))
    if edits is None:
        return None
    doubt = _GETS_OUT if _gets_out(push, project, function, role) else None
    unsafe_reason = _IN_REQUEST if role == "view" else doubt
    return Fix(_around(push), edits, notes=(_ENDS,), unsafe_reason=unsafe_reason)


def _around(push: Push) -> str:
    return _AROUND.format(with_of(push))


def _removal(push: Push, project: Project, function: ast.FunctionDef) -> Fix | None:
    """Return the fix for a view that pushes a context of the application which serves it."""
    module, made = push.module, push.made
    called = made.func if isinstance(made, ast.Call) else None
    app = called.value if isinstance(called, ast.Attribute) else None
    views = (ast.unparse(each).partition(".")[0] for each in function.decorator_list)
    is_own = isinstance(app, ast.Name) and app.id in views
    if app is None or not (is_own or project.flask_name(module, app) == "current_app"):
        return None
    edits = [RemoveStatement(module.span(push.statement))]
    if not push.is_chained:
        if len(push.bindings) != 1 or len(push.uses()) != 1:
            return None
        edits.append(RemoveStatement(module.span(push.bindings[0].node)))
    return Fix(REMOVE, tuple(edits), unsafe_reason=_SHARES)


def _uses_to_keep(push: Push) -> list[ast.expr]:
    return [node for use, node in push.uses() if use == "read" or node is not push.receiver]


def _gets_out(push: Push, project: Project, function: ast.FunctionDef, role: Role) -> bool:
    """Whether something of the context may be used when the function is done."""
    starts = only_starts(push.module, project, function)
    is_read = role == "job" or any(each.starter.kind == "pool" for each in starts)
    returned = (node.value for node in own_nodes(function) if isinstance(node, ast.Return))
    if is_read and any(not _is_plain(value) for value in returned):
        return True
    if any(_is_handed_on(push, node) for node in own_nodes(function)):
        return True
    return any(each.starter.kind == "pool" for each in starts) and _others_need(
        push, project, starts
    )


def keeps_values(push: Push, project: Project, function: ast.FunctionDef) -> bool:
    """Whether a function leaves values where other code finds them when its context has ended.

    What teardown functions close, such as a database session, those may still need.
    """
    return any(_is_kept(push, project, function, node) for node in own_nodes(function))


def _is_kept(push: Push, project: Project, function: ast.FunctionDef, node: ast.AST) -> bool:
    given: list[ast.expr] = []
    owners: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        given = [node.value]
        owners = [e for e in node.targets if isinstance(e, ast.Attribute | ast.Subscript)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        given, owners = node.args, [node.func]
    is_kept = any(_is_outer(push, function, each) for each in owners)
    return is_kept and not all(_stays_whole(push, project, function, each) for each in given)


def _stays_whole(push: Push, project: Project, function: ast.FunctionDef, node: ast.expr) -> bool:
    """Whether the end of a context cannot change a value: it is text, or was there before."""
    if isinstance(node, ast.Tuple):
        return all(_stays_whole(push, project, function, each) for each in node.elts)
    if isinstance(node, ast.Name):
        home = push.module.scopes.home_of(node)
        bindings = home.bindings.get(node.id, [])
        return home.node is function and all(each.kind == "parameter" for each in bindings)
    if isinstance(node, ast.Attribute):
        name = ContextFlow.of(project).values.name_of(push.module, node)
        return name.startswith("flask.current_app.")
    return isinstance(node, ast.Constant | ast.JoinedStr)


def _is_outer(push: Push, function: ast.FunctionDef, node: ast.expr) -> bool:
    """Whether `node` belongs to a collection, or an object, that is from outside of a function."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if not isinstance(node, ast.Name):
        return False
    home = push.module.scopes.home_of(node)
    bindings = home.bindings.get(node.id, [])
    if home.node is function:
        return any(each.kind == "parameter" for each in bindings)
    return any(isinstance(each.value, _COLLECTIONS) for each in bindings)


def _is_plain(value: ast.expr | None) -> bool:
    return value is None or isinstance(value, ast.Constant)


def _is_handed_on(push: Push, node: ast.AST) -> bool:
    """Whether a function that is defined inside goes anywhere but into a call of it."""
    if isinstance(node, ast.Lambda):
        return True
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    parents = push.module.scopes.parents
    reads = push.module.scopes.scope_of(node).reads.get(node.name, ())
    calls = (parents.get(each) for each in reads)
    return not all(
        isinstance(call, ast.Call) and call.func is read
        for call, read in zip(calls, reads, strict=True)
    )


def _others_need(push: Push, project: Project, own: list[Start]) -> bool:
    """Whether other tasks of a pool may live on the context that this one leaves there."""
    needs = ContextFlow.of(project).needs
    others = [each for each in starts_in(push.module, project) if each not in own]
    pools = [each for each in others if each.starter.kind == "pool"]
    return any(needs.of(each.value).need is not Need.NONE for each in pools)


def _of_fixture(push: Push, function: ast.FunctionDef) -> Fix | None:
    """Return the fix that lets a fixture pop its context when the test is over."""
    if len(function.decorator_list) != 1:
        return None
    if function.body[-1] is push.statement:
        code = f"with {push.module.segment(push.receiver)}:\n    yield"
        whole = ReplaceStatement(push.module.span(push.statement), code)
        is_short = push.receiver.lineno == push.receiver.end_lineno
        return _fix_of_fixture(push, (whole,)) if is_short else None
    edits = wrap(push, function.body[-1], _uses_to_keep(push))
    leaving = [node for node in own_nodes(function) if isinstance(node, ast.Return)]
    if edits is None:
        return None
    if function in push.module.scopes.generators:
        inside = [*_yields_behind(push, function)]
        if len(inside) != 1 or leaving:
            return None
        return _fix_of_fixture(push, edits)
    if len(leaving) > 1 or (leaving and leaving != function.body[-1:]):
        return None
    yielding = _yielding(push, function, leaving)
    if yielding is None:
        return None
    return _fix_of_fixture(push, (*edits, yielding))


def _fix_of_fixture(push: Push, edits: tuple[Edit, ...]) -> Fix:
    return Fix(with_yield(push), edits, notes=(_ENDS_TEST,), unsafe_reason=_TESTS)


def _yields_behind(push: Push, function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what a fixture yields after its push, once and on every path."""
    behind = function.body[function.body.index(push.statement) + 1 :]
    for node in own_nodes(function):
        if isinstance(node, ast.Yield):
            statement = push.module.scopes.parents[node]
            if isinstance(statement, ast.Expr) and statement in behind:
                yield node


def _yielding(push: Push, function: ast.FunctionDef, leaving: list[ast.Return]) -> Edit | None:
    module, last = push.module, function.body[-1]
    if not leaving:
        if last is push.statement:
            return None
        return InsertStatement(module.span(last), "yield", "after")
    value = leaving[0].value
    written = module.segment(value) if value is not None else ""
    if "\n" in written or "\r" in written:
        return None
    return ReplaceStatement(module.span(last), f"yield {written}".rstrip())
