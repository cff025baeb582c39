"""Whether a copy may be made where its task is started, not before."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from flask_ctxfix.codemods.threads.maps import is_repeatable
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.project import Module, Project
from flask_ctxfix.source import SourceError
from flask_ctxfix.statements import REPEATING, loops_around, own_nodes

# Methods that enter or leave a context, or that may: those of stacks of contexts too.
_CHANGING = frozenset(
    {
        "__enter__",
        "__exit__",
        "close",
        "enter_context",
        "pop",
        "pop_all",
        "push",
        "preprocess_request",
    }
)
_FIXED_KINDS = frozenset({"definition", "import", "parameter"})


def maker_place(module: Module, maker: ast.AST) -> ast.AST:
    """Return what is in the block that makes a copy; a decorator runs around what it decorates."""
    parent = module.scopes.parents.get(maker)
    is_decorator = isinstance(parent, ast.FunctionDef) and maker in parent.decorator_list
    return parent if parent is not None and is_decorator else maker


def can_be_moved(
    maker: ast.expr, node: ast.expr, call: ast.AST, module: Module, project: Project
) -> bool:
    """Whether a copy is the same if it is made in the place of `node`, where `call` starts it."""
    place = maker_place(module, maker)
    around = module.scopes.function_of(place)
    if around is None or around in module.scopes.generators:
        return False
    if module.scopes.function_of(call) is not around:
        return False
    return (
        is_repeatable(maker, module, project)
        and all(_is_fixed(each, module, project) for each in _evaluated(maker))
        and _sees_the_same(maker, node, module)
        and is_in_same_context(place, call, module, project)
    )


def _evaluated(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Yield the names and attributes that are read when a copy is made."""
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
        return all(each.kind in _FIXED_KINDS for each in bindings) and (
            not bindings or (len(bindings) == 1 and not any(loops_around(module, bindings[0].node)))
        )
    if not isinstance(node, ast.Attribute) or not _is_fixed(node.value, module, project):
        return False
    values = ContextFlow.of(project).values
    value, owner = values.of(module, node), values.of(module, node.value)
    is_of_module = isinstance(owner, Foreign) and owner.name not in PROXIES
    is_known = isinstance(value, Function) or (isinstance(value, Foreign) and is_of_module)
    is_bound_once = len(project.bindings(module, node)) <= 1
    return is_known and is_bound_once and not is_stored(project, node.attr)


def is_stored(project: Project, attribute: str) -> bool:
    """Whether any code but tests may give an attribute of this name another value."""

    def compute() -> bool:
        paths = project.naming_outside_tests(attribute)
        return any(_stores(project, path, attribute) for path in paths)

    return project.memo(("stored attribute", attribute), compute)


def _stores(project: Project, path: str, attribute: str) -> bool:
    try:
        scopes = project.module(path).scopes
    except SourceError:
        return True
    if attribute in scopes.attribute_changes:
        return True
    calls = scopes.calls.get("setattr", ())
    names = (each.args[1] for each in calls if len(each.args) > 1)
    return any(isinstance(each, ast.Constant) and each.value == attribute for each in names)


def _sees_the_same(maker: ast.expr, node: ast.expr, module: Module) -> bool:
    """Whether the names in what makes a copy are those of the same scopes where it is to stand."""
    scopes = module.scopes
    outer = list(scopes.scope_of(maker).and_outer())
    for name in ast.walk(maker):
        home = scopes.home_of(name) if isinstance(name, ast.Name) else None
        if isinstance(name, ast.Name) and home in outer:
            if scopes.scope_of(node).home(name.id) is not home:
                return False
    return True


def is_in_same_context(place: ast.AST, call: ast.AST, module: Module, project: Project) -> bool:
    """Whether what is made for a task and what starts it certainly run in the same context."""
    around = module.scopes.function_of(place)
    made, started = (list(_below(module, each, around)) for each in (place, call))
    if any(isinstance(each, ast.GeneratorExp) for each in started):
        return False
    blocks = [
        [each for each in way if _may_change(each, module, project)] for way in (made, started)
    ]
    if blocks[0] != blocks[1]:
        return False
    loops = [each for each in started if isinstance(each, REPEATING) and each not in made]
    begin, end = module.span(place).end, module.span(loops[-1] if loops else call).end
    if module.span(call).start < begin:
        return False
    between = (
        each
        for each in own_nodes(around or module.tree)
        if isinstance(each, ast.Call) and begin <= module.span(each).start < end
    )
    return not any(getattr(each.func, "attr", "") in _CHANGING for each in between)


def _below(module: Module, node: ast.AST, around: ast.AST | None) -> Iterator[ast.AST]:
    for parent in module.scopes.ancestors(node):
        if parent is around:
            return
        yield parent


def _may_change(node: ast.AST, module: Module, project: Project) -> bool:
    """Whether a block may run in another context than the code around it."""
    if not isinstance(node, ast.With | ast.AsyncWith):
        return False
    values = ContextFlow.of(project).values
    return not all(_is_harmless(values.of(module, each.context_expr)) for each in node.items)


def _is_harmless(value: object) -> bool:
    """Whether what a block enters is of the standard library, which knows no context of Flask."""
    root = value.name.partition(".")[0] if isinstance(value, Foreign) else ""
    return root in sys.stdlib_module_names | {"builtins"} and root != "contextlib"
