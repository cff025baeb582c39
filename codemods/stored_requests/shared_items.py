"""Whether other requests get what a request puts into a container, though it may be emptied."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.stored_requests.kept_paths import Read, may_be_in_request
from flask_ctxfix.codemods.stored_requests.lasting_containers import Container
from flask_ctxfix.codemods.stored_requests.order import Order, Written
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function, passed_arguments
from flask_ctxfix.flask_facts import DERIVING_CALLS, ITEM_READERS, is_report, is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import before
from flask_ctxfix.syntax import last_name

_EMPTYING = "clear"
_DISPLAYS = (ast.Dict, ast.List, ast.Starred, ast.Tuple)
_PARTS = (*_DISPLAYS, ast.BinOp, ast.IfExp, ast.Subscript, ast.keyword)
_MAKERS = frozenset({"dict", "list", "set"})
_EMPTY = (ast.Dict, ast.List, ast.Set)


def read_by_others(module: Module, project: Project, found: Container) -> Read | None:
    """Return where a request may read a container that it has not written before."""
    order = Order(project, frozenset({module.key_of(found.named)}))
    own = module.scopes.function_of(found.named)
    for home, use in sorted(found.reads, key=lambda e: e[0].scopes.function_of(e[1]) is own):
        if _is_emptied_at(home, use) or not may_be_in_request(home, project, use):
            continue
        if order.before(home, use) is not Written.YES:
            return home, use
    return None


def read_meanwhile(project: Project, found: Container) -> Read | None:
    """Return where a request reads a container while another one may write to it."""
    reads = (each for each in found.reads if not _is_emptied_at(*each))
    return next((each for each in reads if may_be_in_request(each[0], project, each[1])), None)


def is_refilled(module: Module, node: ast.AST, container: ast.expr) -> bool:
    """Whether code empties a container before it puts something in, so that it is as if set."""
    if isinstance(node, ast.Assign) and any(map(_is_all, node.targets)):
        return True
    written = module.segment(container)
    return any(written in _emptied(module, statement) for statement in before(module, node))


def is_told_by_key(module: Module, use: ast.expr) -> bool:
    """Whether a use of a container is one of the item under a key, or asks for that, or empties it.

    Code that makes up the key itself looks at the item that it wants, whoever has put it there.
    """
    parent = module.scopes.parents[use]
    if isinstance(parent, ast.Subscript):
        return parent.value is use and not isinstance(parent.slice, ast.Constant | ast.Slice)
    if isinstance(parent, ast.Compare):
        return isinstance(parent.ops[-1], ast.In | ast.NotIn)
    call = module.scopes.parents[parent] if isinstance(parent, ast.Attribute) else None
    if not isinstance(parent, ast.Attribute) or not isinstance(call, ast.Call):
        return False
    is_by_key = bool(call.args) and not isinstance(call.args[0], ast.Constant)
    is_by_key = is_by_key and parent.attr in ITEM_READERS
    return is_by_key or parent.attr == _EMPTYING


def _emptied(module: Module, statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement empties, as it is written: ``x.clear()``, or ``x = []``."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign) and _is_empty(statement.value):
        targets = statement.targets
    elif isinstance(statement, ast.Delete):
        targets = [each for each in statement.targets if _is_all(each)]
    for target in targets:
        is_all = isinstance(target, ast.Subscript) and _is_all(target)
        yield module.segment(target.value if is_all else target)  # type: ignore[attr-defined]
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        if call.func.attr == _EMPTYING:
            yield module.segment(call.func.value)


def _is_all(target: ast.expr) -> bool:
    """Whether a target is all items of a list: ``x[:]``."""
    key = target.slice if isinstance(target, ast.Subscript) else None
    return isinstance(key, ast.Slice) and key.lower is None and key.upper is None


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _MAKERS:
        return not node.args and not node.keywords
    return isinstance(node, _EMPTY) and not any(
        isinstance(each, ast.expr) for each in ast.iter_child_nodes(node)
    )


def _is_emptied_at(module: Module, use: ast.expr) -> bool:
    """Whether a use of a container takes everything out."""
    parent = module.scopes.parents[use]
    if isinstance(parent, ast.Subscript) and parent.value is use and _is_all(parent):
        is_deleted = isinstance(module.scopes.parents[parent], ast.Delete)
        return is_deleted or _is_set_empty(module, parent)
    return isinstance(parent, ast.Attribute) and parent.attr == _EMPTYING


def is_emptied_by_requests(project: Project, found: Container) -> bool:
    """Whether requests take everything out again, as one visitor's data ends and another's begins.

    A list that all visitors share loses its items one by one.
    """
    for module, use in found.uses:
        if _is_emptied_at(module, use) and may_be_in_request(module, project, use):
            return True
    return any(
        _is_set_empty(module, target) and may_be_in_request(module, project, target)
        for module, target in found.writes
    )


def _is_set_empty(module: Module, target: ast.expr) -> bool:
    assigned = module.scopes.parents[target]
    return isinstance(assigned, ast.Assign) and _is_empty(assigned.value)


def told_to_others(
    module: Module, project: Project, node: ast.AST, found: Container
) -> Read | None:
    """Return where the function that puts something in makes its answer of all that is there.

    It passes the container to a function from elsewhere, and uses what that gives.
    """
    own = module.scopes.function_of(node)
    for home, use in found.uses:
        if home is module and module.scopes.function_of(use) is own:
            if _is_made_into_something(module, project, use, frozenset()):
                return module, use
    return None


def _is_made_into_something(
    module: Module, project: Project, use: ast.expr, seen: frozenset[FunctionNode]
) -> bool:
    """Whether a function from elsewhere is given a container, and gives something that is used."""
    whole, parent = _whole(module, use)
    if isinstance(parent, ast.Assign):
        names = [each for each in parent.targets if isinstance(each, ast.Name)]
        local = (each for each in names if module.scopes.home_of(each).parent is not None)
        reads = (r for each in local for r in module.scopes.home_of(each).reads.get(each.id, ()))
        return isinstance(whole, ast.BinOp | ast.Name | ast.Subscript) and any(
            _is_made_into_something(module, project, each, seen) for each in reads
        )
    if not isinstance(parent, ast.Call) or whole is parent.func:
        return False
    value = ContextFlow.of(project).values.of(module, parent.func)
    if _is_another_form(parent, value):
        return _is_made_into_something(module, project, parent, seen)
    if isinstance(value, Function):
        return value.node not in seen and any(
            _is_made_into_something(value.module, project, each, seen | {value.node})
            for each in _reads_of_parameter(value, parent, whole)
        )
    if isinstance(module.scopes.parents[parent], ast.Expr):
        return False
    if value is not None and not isinstance(value, Foreign):
        return False
    name = value.name if isinstance(value, Foreign) else last_name(parent.func)
    return not is_well_known(name) and not is_report(name)


def _is_another_form(call: ast.Call, value: object) -> bool:
    """Whether a call gives what it is given as a text, or as another container."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    is_of_text = isinstance(owner, ast.Constant | ast.JoinedStr)
    return is_of_text or (isinstance(value, Foreign) and value.name in DERIVING_CALLS)


def _whole(module: Module, use: ast.expr) -> tuple[ast.AST, ast.AST]:
    """Return the largest expression that holds a container as its part, and what that is in."""
    child: ast.AST = use
    parent = module.scopes.parents[use]
    while isinstance(parent, _PARTS) and child is not getattr(parent, "slice", None):
        child, parent = parent, module.scopes.parents[parent]
    return child, parent


def _reads_of_parameter(function: Function, call: ast.Call, given: ast.AST) -> list[ast.Name]:
    """Return where a function reads the parameter that a call gives an argument."""
    argument = given.value if isinstance(given, ast.keyword) else given
    scope = function.module.scopes.opened_by(function.node)
    return [
        read
        for name, passed in passed_arguments(call, function)
        if passed is argument
        for read in scope.reads.get(name, ())
    ]
