"""Whether what starts work lets it start once for all requests, not for each of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.direct_calls import calls_of
from flask_ctxfix.context_flow.values import (
    Foreign,
    Value,
)
from flask_ctxfix.flask_facts import CHANGING, FLAGS, ONCE_DECORATORS
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_places import (
    asked_by_call,
    outlives_requests,
    variables_outlive,
)
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import before_in, ends, way_out
from flask_ctxfix.syntax import last_name, without_call

_THREADS = frozenset(
    {"multiprocessing.active_children", "threading.active_count", "threading.enumerate"}
)
_BUILDING = frozenset({"__init__", "__new__", "init_app"})


def is_once(module: Module, call: ast.AST, project: Project) -> bool:
    """Whether a call happens once for all: its result is kept, or what lasts says if it is made.

    So it is where that holds of one of the calls that lead to it, but for those of functions that
    only get there by calling themselves.
    """
    called: dict[FunctionNode, set[FunctionNode]] = {}
    again: list[tuple[Module, ast.AST, FunctionNode, FunctionNode]] = []
    ways: list[tuple[Module, ast.AST, FunctionNode | None]] = [(module, call, None)]
    for home, current, target in ways:  # grows
        function = home.scopes.function_of(current)
        if function is None:
            continue
        is_new = function not in called
        called.setdefault(function, set()).update({target} if target is not None else ())
        if not is_new:
            assert target is not None
            again.append((home, current, function, target))
        elif _is_single(home, current, project):
            return True
        elif not isinstance(function, ast.Lambda):
            if _runs_once(home, function, project):
                return True
            calls = calls_of(project, home, function)
            ways += ((*e, function) for e in calls if not project.is_test(e[0].path))
    start = module.scopes.function_of(call)
    return any(
        _is_single(home, current, project) and _leads(called, target, start, function)
        for home, current, function, target in again
    )


def _is_single(module: Module, call: ast.AST, project: Project) -> bool:
    return _is_kept(module, call, project) or _is_guarded(module, call, project)


def _leads(
    called: dict[FunctionNode, set[FunctionNode]],
    function: FunctionNode,
    start: FunctionNode | None,
    without: FunctionNode,
) -> bool:
    """Whether calls lead from a function to `start`, and not by another one."""
    seen = {without}
    left = [function]
    while left:
        current = left.pop()
        if current not in seen:
            if current is start:
                return True
            seen.add(current)
            left += called[current]
    return False


def _is_kept(module: Module, call: ast.AST, project: Project) -> bool:
    """Whether a variable or an attribute that lasts gets what a call returns."""
    parent = module.scopes.parents[call]
    if isinstance(parent, ast.Assign):
        targets = parent.targets
    elif isinstance(parent, ast.AnnAssign | ast.NamedExpr):
        targets = [parent.target]
    else:
        return _is_set(module, parent, call, project)
    if any(_lasts(module, each, project) for each in targets):
        return True
    names = [each for each in targets if isinstance(each, ast.Name)]
    reads = [read for name in names for read in module.scopes.home_of(name).reads[name.id]]
    return any(_is_handed_over(module, read, project) for read in reads)


def _is_handed_over(module: Module, read: ast.Name, project: Project) -> bool:
    """Whether the value of a local variable is put where it lasts."""
    parent = module.scopes.parents[read]
    if isinstance(parent, ast.Assign):
        return any(_lasts(module, each, project) for each in parent.targets)
    return _is_set(module, parent, read, project)


def _is_set(module: Module, parent: ast.AST, value: ast.AST, project: Project) -> bool:
    """Whether ``setattr`` or ``setdefault`` gives a place in what lasts that value."""
    if not isinstance(parent, ast.Call):
        return False
    if isinstance(parent.func, ast.Attribute) and parent.func.attr == "setdefault":
        is_fixed = isinstance(parent.args[0], ast.Constant) if parent.args else False
        return (
            is_fixed
            and value in parent.args[1:]
            and outlives_requests(module, parent.func.value, project)
        )
    return (
        getattr(parent.func, "id", "") == "setattr"
        and value in parent.args[2:]
        and outlives_requests(module, parent.args[0], project)
    )


def _lasts(module: Module, target: ast.expr, project: Project) -> bool:
    """Whether what is assigned to is one place for all requests."""
    if isinstance(target, ast.Name):
        home = module.scopes.home_of(target)
        return home.node is not module.scopes.function_of(target) and (
            home.parent is None or variables_outlive(module, home, project)
        )
    return outlives_requests(module, target, project)


def _is_guarded(module: Module, call: ast.AST, project: Project) -> bool:
    """Whether something that lasts, and changes, tells if a call is made."""
    return any(asks_what_changes(module, test, project) for test in conditions(module, call))


def conditions(module: Module, node: ast.AST) -> Iterator[ast.expr]:
    """Yield the tests on the way to a node: those around it, and those that may leave before."""
    for parent, child in way_out(module, node):
        if isinstance(parent, ast.If | ast.IfExp | ast.While) and child is not parent.test:
            yield parent.test
        elif isinstance(parent, ast.BoolOp):
            yield from parent.values[: parent.values.index(child)]  # type: ignore[arg-type]
        earlier = (each for each in before_in(parent, child) if isinstance(each, ast.If))
        yield from (each.test for each in earlier if ends(each.body) or ends(each.orelse))


def asks_what_changes(
    module: Module, test: ast.expr, project: Project, *, by_key: bool = False
) -> bool:
    """Whether a test depends on what is one for all requests, and on which they leave a mark.

    With `by_key` it may be a mark for each key, so that code runs once for each.
    """
    seen = {test}
    left = [test]
    while left:
        current = left.pop()
        if _is_what_changes(module, current, project):
            return True
        new = [each for each in _parts(module, current, by_key) if each not in seen]
        seen.update(new)
        left += new
    return False


def _is_what_changes(module: Module, test: ast.expr, project: Project) -> bool:
    slot = _slot(test)
    if slot is not None and outlives_requests(module, slot[0], project):
        if _is_changed(module, slot[1], isinstance(test, ast.Attribute), project):
            return True
    if isinstance(test, ast.Name) and _is_mark(module, test, project):
        return True
    if isinstance(test, ast.Call) and _asks_the_process(module, test, project):
        return True
    if not isinstance(test, ast.Name | ast.Attribute):
        return False
    value = ContextFlow.of(project).values.of(module, test)
    return is_flag(value) and outlives_requests(module, test, project)


def is_flag(value: Value | None) -> bool:
    """Whether a value is made to tell threads from each other, or to tell all of them something."""
    return isinstance(value, Foreign) and value.name in FLAGS


def _asks_the_process(module: Module, call: ast.Call, project: Project) -> bool:
    """Whether a call tells which threads run, or takes the next of what all requests share."""
    called = ContextFlow.of(project).values.of(module, call.func)
    if not isinstance(called, Foreign):
        return False
    if called.name == "builtins.next":
        return bool(call.args) and outlives_requests(module, call.args[0], project)
    return called.name in _THREADS


def _parts(module: Module, test: ast.expr, by_key: bool) -> Iterator[ast.expr]:
    """Yield what a test is made of; what is looked up by a key that differs only `by_key`."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.In | ast.NotIn):
        yield from test.comparators if by_key else ()
    elif isinstance(test, ast.Subscript):
        if by_key or isinstance(test.slice, ast.Constant):
            yield test.value
    elif isinstance(test, ast.Call):
        is_lookup = getattr(test.func, "attr", "") == "get"
        if by_key or not is_lookup:
            yield from test.args
            if isinstance(test.func, ast.Attribute):
                yield test.func.value
    elif isinstance(test, ast.Name):
        home = module.scopes.home_of(test)
        if home.parent is not None:
            yield from (each.value for each in home.bindings.get(test.id, ()) if each.value)
    elif isinstance(test, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        yield test.elt
        yield from (each.iter for each in test.generators)
    else:
        yield from (each for each in ast.iter_child_nodes(test) if isinstance(each, ast.expr))


def _slot(test: ast.expr) -> tuple[ast.expr, object] | None:
    """Return the owner and the name, or key, of the one place that an expression looks at."""
    if isinstance(test, ast.Attribute):
        return test.value, test.attr
    if isinstance(test, ast.Subscript) and isinstance(test.slice, ast.Constant):
        return test.value, test.slice.value
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Constant):
        is_lookup = isinstance(test.ops[0], ast.In | ast.NotIn)
        return (test.comparators[0], test.left.value) if is_lookup else None
    return asked_by_call(test) if isinstance(test, ast.Call) else None


def _is_mark(module: Module, name: ast.Name, project: Project) -> bool:
    """Whether functions assign to a variable that is not theirs, or put things into it."""
    home = module.scopes.home_of(name)
    around = module.scopes.function_of(name)
    if home.node is around or (
        home.parent is not None and not variables_outlive(module, home, project)
    ):
        return False
    own = home.node if home.parent is not None else None
    bindings = home.bindings.get(name.id, [])
    if any(module.scopes.function_of(each.node) is not own for each in bindings):
        return not any(each.kind == "parameter" for each in bindings)
    return any(_is_filled(module, read) for read in home.reads.get(name.id, ()))


def _is_filled(module: Module, read: ast.Name) -> bool:
    if module.scopes.function_of(read) is None:
        return False
    parent = module.scopes.parents[read]
    if isinstance(parent, ast.Subscript):
        return not isinstance(parent.ctx, ast.Load)
    is_called = isinstance(module.scopes.parents.get(parent), ast.Call)
    return is_called and getattr(parent, "attr", "") in CHANGING


def _is_changed(module: Module, name: object, is_attribute: bool, project: Project) -> bool:
    """Whether what runs after the start of the program gives a place of that name a value."""
    if not is_attribute:
        return module.memo(("is changed", name), lambda: _changes(module, name, project))
    homes = project.parsed(project.naming_outside_tests(str(name)))
    key = ("is changed", name)
    return project.memo(key, lambda: any(_changes(home, name, project) for home in homes))


def _changes(module: Module, name: object, project: Project) -> bool:
    return any(_is_at_run_time(module, each, project) for each in _stores(module, name))


def _stores(module: Module, name: object) -> Iterator[ast.AST]:
    if isinstance(name, str):
        yield from module.scopes.attribute_changes.get(name, ())
    for item in module.scopes.nodes(ast.Subscript):
        if getattr(item.slice, "value", None) == name and not isinstance(item.ctx, ast.Load):
            yield item
    for call in module.scopes.nodes(ast.Call):
        key = call.args[1] if len(call.args) > 1 else None
        if getattr(call.func, "id", "") == "setattr" and getattr(key, "value", None) == name:
            yield call
        elif getattr(call.func, "attr", "") in CHANGING and call.args:
            if getattr(call.args[0], "value", None) == name:
                yield call


def _is_at_run_time(module: Module, node: ast.AST, project: Project) -> bool:
    function = module.scopes.function_of(node)
    if function is None or getattr(function, "name", "") in _BUILDING:
        return False
    return ContextFlow.of(project).reachability.of(module, node).where is not Where.OUTSIDE


def _runs_once(
    module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, project: Project
) -> bool:
    """Whether a function is called for the first request only, or takes itself out of the hooks."""
    values = ContextFlow.of(project).values
    is_of_class = isinstance(module.scopes.parents.get(function), ast.ClassDef)
    if len(function.args.args) > int(is_of_class):
        return False
    for decorator in function.decorator_list:
        value = values.of(module, without_call(decorator))
        if isinstance(value, Foreign) and value.name in ONCE_DECORATORS:
            return True
    reads = module.scopes.scope_of(function).reads.get(function.name, [])
    return any(_is_taken_out(module, read, function) for read in reads)


def _is_taken_out(module: Module, read: ast.Name, function: ast.AST) -> bool:
    parent = module.scopes.parents[read]
    return (
        isinstance(parent, ast.Call)
        and last_name(parent.func) == "remove"
        and module.scopes.function_of(read) is function
    )
