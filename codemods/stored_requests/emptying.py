"""What takes out of a container that lasts, or keeps it from growing, in all of the project."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.stored_requests.slots import Slot, slot_of
from flask_ctxfix.codemods.stored_requests.views_and_hooks import ViewsAndHooks
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.class_families import families, key_of
from flask_ctxfix.context_flow.values import Class, Function, Instance, Partial, bound_arguments
from flask_ctxfix.flask_facts import (
    ANSWERING,
    DERIVING_CALLS,
    ITEM_READERS,
    LAZY_WRAPPERS,
    READING_AT_ONCE,
    TAKING,
    TAKING_OUT,
    is_report,
)
from flask_ctxfix.module import Module, stem_of
from flask_ctxfix.obligations.named_in_strings import strings_naming
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import statement_of
from flask_ctxfix.syntax import arguments_of

ITEMS = ITEM_READERS - TAKING
# Functions that only read what they are given.
_READERS = DERIVING_CALLS | LAZY_WRAPPERS | READING_AT_ONCE | ANSWERING
_HANDING_ON = (
    ast.AnnAssign,
    ast.Assign,
    ast.AugAssign,
    ast.Dict,
    ast.List,
    ast.NamedExpr,
    ast.Return,
    ast.Tuple,
    ast.Yield,
    ast.YieldFrom,
    FunctionNode,
)
_Use = tuple[Module, ast.expr]


def uses_of_relatives(slot: Slot, project: Project) -> Iterator[_Use]:
    """Yield the uses of a class's attribute through its instances, and those of its relatives."""
    for module, node, is_relative in _by_objects(slot, project):
        if is_relative:
            yield module, node


def is_emptied_unseen(slot: Slot, project: Project) -> bool:
    """Whether code may empty a container that does not name it as what it is.

    By a string, or as the attribute of that name of an object of which nothing is known.
    """
    by_objects = _by_objects(slot, project)
    if any(_takes_out(m, node) for m, node, is_relative in by_objects if not is_relative):
        return True
    owner = slot.owner or stem_of(slot.path)
    named = (strings_naming(slot.name, m, owner) for m in _modules(slot, project))
    return any(True for strings in named for _ in strings)


def _modules(slot: Slot, project: Project) -> Iterator[Module]:
    return project.parsed(sorted({slot.path, *project.naming(slot.name)} - {""}))


def _by_objects(slot: Slot, project: Project) -> Iterator[tuple[Module, ast.expr, bool]]:
    """Yield the attributes of an object that may be a slot, and whether it is a relative's.

    Those that are a slot by what they are called on stand in `uses_in`.
    """
    if slot.kind == "global":
        return
    values = ContextFlow.of(project).values
    are_related = families(project, values).are_related
    for module in _modules(slot, project):
        for node in module.scopes.attributes.get(slot.name, ()):
            owner = values.of(module, node.value)
            if slot_of(module, project, node) is not None:
                continue
            if isinstance(owner, Instance | Class):
                of = owner.of if isinstance(owner, Instance) else owner
                if are_related(key_of(of.module, of.node), (slot.path, slot.owner)):
                    yield module, node, True
            elif owner is None:
                yield module, node, False


def may_empty(
    module: Module,
    use: ast.expr,
    project: Project,
    is_item: bool,
    inside: frozenset[ast.AST] = frozenset(),
) -> bool:
    """Whether the code that uses a container takes something out, or hands the container on.

    Also whether it limits its size. With `is_item`, it is the items of the container that grow;
    `inside` are the functions that it was handed to on the way.
    """
    is_looked_at = isinstance(use, ast.Call) or isinstance(getattr(use, "ctx", None), ast.Load)
    if not is_looked_at or _takes_out(module, use):
        return True
    if is_item and _limits_item(module, use):
        return True
    if is_item and (_resets_item(module, use) or _takes_out_by_variable(module, use)):
        return True
    parents = module.scopes.parents
    parent = parents[use]
    if _is_unpacked(use, parent):
        return False
    if isinstance(parent, ast.keyword):
        parent = parents[parent]
    if isinstance(parent, ast.Call):
        run = ContextFlow.of(project).values.of(module, parent.func)
        given = _parameter_for(run, use, parent) if isinstance(run, Function) else None
        if isinstance(run, Function) and given is not None:
            around = inside | {run.node}
            uses = given if run.node not in inside else ()  # what is asked already tells
            return any(may_empty(run.module, each, project, is_item, around) for each in uses)
        name = ContextFlow.of(project).values.name_of(module, parent.func)
        is_read = name in _READERS or is_report(name) or _is_of_text(parent.func)
        is_read = is_read or _is_of_library(module, project, parent, name)
        return _limits(parent, parents[parent]) if is_read else True
    if isinstance(parent, ast.Return) and not _is_answered(module, parent, project):
        return _may_empty_result(module, parent, project, is_item, inside)
    return isinstance(parent, _HANDING_ON) and not _is_answered(module, parent, project)


def _may_empty_result(
    module: Module,
    given: ast.Return,
    project: Project,
    is_item: bool,
    inside: frozenset[ast.AST],
) -> bool:
    """Whether what calls a function may empty the container that it returns."""
    function = module.scopes.function_of(given)
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return True
    if function in inside:
        return False  # what is asked already tells
    named = list(ContextFlow.of(project).reachability.references(module, function))
    calls = [(home, home.scopes.call_of(each)) for home, each in named]
    around = inside | {function}
    return not calls or any(
        call is None or may_empty(home, call, project, is_item, around) for home, call in calls
    )


def _is_answered(module: Module, node: ast.AST, project: Project) -> bool:
    """Whether an expression or statement gives a view's answer, which Flask only reads."""
    parents = module.scopes.parents
    while isinstance(node, ast.Dict | ast.List | ast.Tuple):
        node = parents[node]
    function = module.scopes.function_of(node)
    if not isinstance(node, ast.Return) or function is None or isinstance(function, ast.Lambda):
        return False
    return any(way.is_view for way in ViewsAndHooks(project).of(module, function))


def _takes_out(module: Module, use: ast.expr) -> bool:
    """Whether code takes something out of a container, or out of an item of it."""
    parents = module.scopes.parents
    child, parent = use, parents[use]
    while isinstance(parent, ast.Subscript) and parent.value is child:
        if not isinstance(parent.ctx, ast.Load):
            return isinstance(parent.ctx, ast.Del) or isinstance(parent.slice, ast.Slice)
        child, parent = parent, parents[parent]
    if not isinstance(parent, ast.Attribute):
        return False
    call = parents[parent]
    if parent.attr in ITEMS and isinstance(call, ast.Call):
        return getattr(parents[call], "attr", "") in TAKING
    return parent.attr in TAKING


def _resets_item(module: Module, use: ast.expr) -> bool:
    """Whether code gives an item a value with less in it: not where it gives it the first one."""
    target = module.scopes.parents[use]
    assigned = module.scopes.parents[target]
    if not isinstance(assigned, ast.Assign) or target not in assigned.targets:
        return False
    if not isinstance(target, ast.Subscript):
        return False
    value = assigned.value
    if isinstance(value, ast.ListComp | ast.SetComp | ast.DictComp | ast.Subscript):
        return True
    is_empty = isinstance(value, ast.List | ast.Dict | ast.Constant | ast.Call) and not any(
        isinstance(each, ast.expr) for each in _parts(value)
    )
    return is_empty and not any(
        isinstance(each, ast.If | ast.ExceptHandler) for each in module.scopes.ancestors(assigned)
    )


def _parts(node: ast.expr) -> Iterator[ast.AST]:
    """Yield what is in a new container, or given to the call that makes it."""
    for each in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Call) and each is node.func):
            yield each


def _takes_out_by_variable(module: Module, use: ast.expr) -> bool:
    """Whether a statement binds items of a container to a name that something is taken out of."""
    scopes = module.scopes
    bound: ast.AST = statement_of(module, use)
    for parent in scopes.ancestors(use):
        if isinstance(parent, ast.comprehension):
            bound = parent
            break
        if isinstance(parent, ast.stmt):
            break
    if isinstance(bound, ast.Assign):
        targets = bound.targets
    elif isinstance(bound, ast.AnnAssign | ast.For | ast.AsyncFor | ast.comprehension):
        targets = [bound.target]
    else:
        return False
    return any(
        _takes_out(module, read)
        for target in targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        for read in scopes.home_of(name).reads.get(name.id, ())
    )


def _limits(call: ast.Call, user: ast.AST) -> bool:
    """Whether what looks at a container compares its size with more than nothing or one."""
    if not isinstance(user, ast.Compare) or getattr(call.func, "id", "") != "len":
        return False
    others = (each for each in (user.left, *user.comparators) if each is not call)
    return any(not (isinstance(e, ast.Constant) and e.value in (0, 1)) for e in others)


def _limits_item(module: Module, use: ast.expr) -> bool:
    """Whether code compares the size of an item of a container: ``len(seats[side]) >= 2``."""
    parents = module.scopes.parents
    child, parent = use, parents[use]
    while isinstance(parent, ast.Subscript) and parent.value is child:
        child, parent = parent, parents[parent]
    if not isinstance(parent, ast.Call) or child is use or child not in parent.args:
        return False
    return _limits(parent, parents[parent])


def _parameter_for(run: Function, use: ast.expr, call: ast.Call) -> list[ast.Name] | None:
    """Return the uses of the parameter that gets a container; None where that is not seen."""
    if isinstance(run.node, ast.Lambda) or run.node.decorator_list:
        return None
    names = [name for name, argument in bound_arguments(call, run) if argument is use]
    scope = run.module.scopes.opened_by(run.node)
    if len(names) != 1 or [each.kind for each in scope.bindings.get(names[0], ())] != ["parameter"]:
        return None
    return scope.reads.get(names[0], [])


def _is_of_text(called: ast.expr) -> bool:
    """Whether a method of a text that the code says is called: ``", ".join(names)``."""
    owner = called.value if isinstance(called, ast.Attribute) else None
    return isinstance(owner, ast.JoinedStr) or isinstance(getattr(owner, "value", None), str)


def _is_of_library(module: Module, project: Project, call: ast.Call, name: str) -> bool:
    """Whether a function of a library is called, that takes nothing out of what it is given.

    An object that it makes may keep that, and a function that it is given may get it.
    """
    is_function = name.rpartition(".")[2].islower() and not name.startswith("builtins.")
    if not is_function or name in TAKING_OUT:
        return False
    values = ContextFlow.of(project).values
    given = (values.of(module, each) for each in arguments_of(call))
    return not any(isinstance(each, Function | Partial) for each in given)


def _is_unpacked(use: ast.expr, parent: ast.AST) -> bool:
    """Whether only the items of a container go on, as those of ``*items`` and ``**items``."""
    if isinstance(parent, ast.Dict):
        pairs = zip(parent.keys, parent.values, strict=True)
        return any(key is None and value is use for key, value in pairs)
    return isinstance(parent, ast.Starred) or (
        isinstance(parent, ast.keyword) and parent.arg is None
    )
