"""Whether an expression gives the same value at another place, or when it is looked at later."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.proxies import proxy_of
from flask_ctxfix.context_flow.values import Copied, Foreign, Function, Partial
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Scope
from flask_ctxfix.source import SourceError
from flask_ctxfix.statements import loops_around
from flask_ctxfix.syntax import root_of

_FIXED_KINDS = frozenset({"definition", "import", "parameter"})
_PLAIN = (ast.Attribute, ast.Constant, ast.Name, ast.expr_context, ast.keyword)


def is_same_at(node: ast.expr, place: ast.expr, module: Module, project: Project) -> bool:
    """Whether an expression gives the same if it is written at a later place of its function."""
    return (
        is_repeatable(node, module, project)
        and all(_is_fixed(each, module, project) for each in _evaluated(node))
        and _sees_the_same(node, place, module)
    )


def is_same_later(node: ast.expr, start: ast.AST, module: Module, project: Project) -> bool:
    """Whether an expression at `start` still gives the same when another thread evaluates it.

    What a proxy stands for, what a call makes and the value of an attribute may be another there.
    """
    if isinstance(node, ast.Lambda):
        if node.args.defaults or any(node.args.kw_defaults):
            return False
    else:
        root = node
        while isinstance(root, ast.Attribute):
            if attribute_may_be_set(project, root.attr):
                return False
            root = root.value
        if not isinstance(root, ast.Name) or proxy_of(module, project, root) is not None:
            return False
    inside = set(ast.walk(node))
    loops = set(loops_around(module, start))
    for name in (each for each in inside if isinstance(each, ast.Name)):
        home = module.scopes.home_of(name)
        if home.node in inside:
            continue
        if not has_one_value(module, project, home, name.id):
            return False
        bound = home.bindings.get(name.id, [])
        if any(not loops.isdisjoint((b.node, *module.scopes.ancestors(b.node))) for b in bound):
            return False
    return True


def is_repeatable(node: ast.AST, module: Module, project: Project) -> bool:
    """Whether an expression gives the same each time that it is evaluated, without an effect."""
    if isinstance(node, ast.Lambda):
        parts = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
        return all(is_repeatable(each, module, project) for each in parts)
    if isinstance(node, ast.Call):
        value = ContextFlow.of(project).values.of(module, node)
        if not isinstance(value, Partial | Copied):
            return False
    elif not isinstance(node, _PLAIN):
        return False
    return all(is_repeatable(each, module, project) for each in ast.iter_child_nodes(node))


def has_one_value(module: Module, project: Project, home: Scope, name: str) -> bool:
    """Whether a variable never gets a second value, nor loses the one that it has.

    Of a module it has to get it at the top, and no other file may set it. What nothing binds is
    Python's.
    """
    bindings = home.bindings.get(name, [])
    is_global = home is module.scopes.module
    if is_global and not bindings:
        return True
    if home.is_class or len(bindings) != 1:
        return False
    if any(isinstance(read.ctx, ast.Del) for read in home.reads.get(name, ())):
        return False
    if not is_global:
        return True
    is_at_top = module.scopes.function_of(bindings[0].node) is None
    return is_at_top and not variable_may_be_set(project, name)


def attribute_may_be_set(project: Project, name: str) -> bool:
    """Whether code of a project, but for tests, sets or deletes an attribute of that name."""
    return _may_be_set(project, name, of_imported=False)


def variable_may_be_set(project: Project, name: str) -> bool:
    """Whether a file, but for tests, sets or deletes a variable of that name of another one."""
    return _may_be_set(project, name, of_imported=True)


def _may_be_set(project: Project, name: str, *, of_imported: bool) -> bool:
    def search() -> bool:
        paths = project.naming_outside_tests(name)
        return any(_sets(project, path, name, of_imported) for path in paths)

    return project.memo(("may be set", name, of_imported), search)


def _sets(project: Project, path: str, name: str, of_imported: bool) -> bool:
    try:
        module = project.module(path)
        changed = [each.value for each in module.scopes.attribute_changes.get(name, ())]
    except SourceError:
        return True
    for call in module.scopes.calls_of(("delattr", "setattr")):
        if len(call.args) > 1 and getattr(call.args[1], "value", None) == name:
            changed.append(call.args[0])
    return any(not of_imported or _may_be_module(module, each) for each in changed)


def _may_be_module(module: Module, owner: ast.expr) -> bool:
    """Whether an attribute may be one of a module: its owner is imported, or no plain name."""
    owner = root_of(owner)
    if not isinstance(owner, ast.Name):
        return isinstance(owner, ast.Subscript)  # of `sys.modules`
    bindings = module.scopes.home_of(owner).bindings.get(owner.id, ())
    return any(each.kind == "import" for each in bindings)


def _evaluated(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Yield the names and attributes that an expression reads, not what functions in it do."""
    if isinstance(node, ast.Name | ast.Attribute):
        yield node
    elif isinstance(node, ast.Lambda):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                yield from _evaluated(default)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _evaluated(child)


def _is_fixed(node: ast.expr, module: Module, project: Project) -> bool:
    """Whether a name, or an attribute, stands for one and the same thing all the time."""
    if isinstance(node, ast.Name):
        home = module.scopes.home_of(node)
        bindings = home.bindings.get(node.id, [])
        return has_one_value(module, project, home, node.id) and all(
            each.kind in _FIXED_KINDS and not any(loops_around(module, each.node))
            for each in bindings
        )
    if not isinstance(node, ast.Attribute) or not _is_fixed(node.value, module, project):
        return False
    values = ContextFlow.of(project).values
    value, owner = values.of(module, node), values.of(module, node.value)
    is_of_module = isinstance(owner, Foreign) and owner.name not in PROXIES
    is_known = isinstance(value, Function) or (isinstance(value, Foreign) and is_of_module)
    is_bound_once = len(project.bindings(module, node)) <= 1
    return is_known and is_bound_once and not attribute_may_be_set(project, node.attr)


def _sees_the_same(node: ast.expr, place: ast.expr, module: Module) -> bool:
    """Whether the names in an expression are those of the same scopes at another place."""
    scopes = module.scopes
    outer = list(scopes.scope_of(node).and_outer())
    for name in ast.walk(node):
        home = scopes.home_of(name) if isinstance(name, ast.Name) else None
        if isinstance(name, ast.Name) and home in outer:
            if scopes.scope_of(place).home(name.id) is not home:
                return False
    return True
