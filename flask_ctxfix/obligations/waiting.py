"""Who waits: for work that was started elsewhere, and for what a generator gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import (
    CONSUMING,
    ONLY_WAITING,
    STARTERS,
    WAITING,
    WAITING_POOLS,
    WAITING_STARTERS,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import block_of
from flask_ctxfix.syntax import last_name, root_of


def may_wait(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether the code around what starts work may wait until that has run."""
    around = module.scopes.function_of(node)
    begin = module.span(node).end
    for parent in (node, *module.scopes.ancestors(node)):
        if parent is around:
            break
        if isinstance(parent, ast.Await):
            return True
        if isinstance(parent, ast.Call) and _is_awaited(module, project, parent):
            return True
        items = parent.items if isinstance(parent, ast.With | ast.AsyncWith) else ()
        if any(_may_wait_at_end(module, project, each, node) for each in items):
            return True
    return any(
        module.span(call).end > begin
        and (around is None or around in module.scopes.ancestors(call))
        for call in _waits_in(module)
    )


def waiting_for(start: Start, project: Project) -> ast.AST | None:
    """Return the code behind which what is started has run, wherever code goes on from it."""
    waiting = _waiting_for_call(start.module, project, start.call)
    if waiting is not None:
        return waiting
    pool = pool_of(start)
    for block_ in start.module.scopes.ancestors(start.call) if isinstance(pool, ast.Name) else ():
        if isinstance(block_, ast.With) and _closes(start.module, project, block_, pool.id):  # type: ignore[union-attr]
            return block_
    return None


def _is_awaited(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether the code around a call that starts work waits for what that gives."""
    started = _called(module, project, call)
    if started not in STARTERS:
        return False
    if STARTERS[started].passing == "each" and is_read_at_once(module, call):
        return True
    return _waiting_for_call(module, project, call) is not None


def _called(module: Module, project: Project, call: ast.AST) -> str:
    """Return the name of what is called from elsewhere; empty where that is not known."""
    if not isinstance(call, ast.Call):
        return ""
    return ContextFlow.of(project).values.name_of(module, call.func)


def _waiting_for_call(module: Module, project: Project, call: ast.AST) -> ast.AST | None:
    """Return what waits for the work of one call: itself, or what is made of what it returns."""
    scopes = module.scopes
    parent = scopes.parents[call]
    if _called(module, project, call) in WAITING_STARTERS:
        return call
    if isinstance(parent, ast.Await) or _waits_for_task(parent):
        return parent
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
        block = block_of(scopes.parents[parent], parent)
        for statement in block[block.index(parent) + 1 :] if block else ():
            value = getattr(statement, "value", None) or getattr(statement, "test", None)
            if any(_waits_for_task(each, name) for each in (ast.walk(value) if value else ())):
                return statement
    return None


def pool_of(start: Start) -> ast.expr | None:
    """Return what a method is called on that starts something."""
    called = start.call.func if isinstance(start.call, ast.Call) else None
    return called.value if isinstance(called, ast.Attribute) else None


def is_read_at_once(module: Module, node: ast.expr) -> bool:
    """Whether what `node` makes runs where it stands: it is read there, or is for a ``with``."""
    makers = [node]
    for maker in makers:  # grows
        for use in uses_of(module, maker):
            parent = module.scopes.parents[use]
            if _is_read(module, use, parent):
                return True
            reader = module.scopes.parents[parent]
            if isinstance(parent, ast.comprehension) and isinstance(reader, ast.GeneratorExp):
                if parent.iter is use and reader not in makers:
                    makers.append(reader)
    return False


def is_read_later(module: Module, node: ast.AST) -> bool:
    """Whether a generator expression evaluates a node that nothing here uses up at once."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.GeneratorExp) and child is not parent.generators[0].iter:
            reader = module.scopes.parents[parent]
            if not isinstance(reader, ast.Call) or not _is_read(module, parent, reader):
                return True
        if isinstance(parent, ast.stmt):
            break
        is_first = isinstance(parent, ast.comprehension) and child is parent.iter
        child = child if is_first else parent
    return False


def uses_of(module: Module, node: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression, and the reads of the variable that it is the value of."""
    yield node
    parent = module.scopes.parents[node]
    targets: list[ast.expr] = parent.targets if isinstance(parent, ast.Assign) else []
    if isinstance(parent, ast.withitem) and parent.optional_vars is not None:
        targets = [parent.optional_vars]
    for target in targets:
        if isinstance(target, ast.Name):
            yield from module.scopes.home_of(target).reads.get(target.id, ())


def _is_read(module: Module, use: ast.expr, parent: ast.AST) -> bool:
    """Whether what stands around an expression reads what it makes."""
    if isinstance(parent, ast.Call):
        return last_name(parent.func) in CONSUMING or last_name(parent.func) == "next"
    if isinstance(parent, ast.comprehension):
        is_first = parent.iter is use
        return is_first and not isinstance(module.scopes.parents[parent], ast.GeneratorExp)
    return isinstance(parent, ast.withitem) or (isinstance(parent, ast.For) and parent.iter is use)


def _waits_in(module: Module) -> list[ast.Call]:
    """Return the calls of a module that wait for threads."""

    def compute() -> list[ast.Call]:
        return [call for call in module.scopes.calls_of({*ONLY_WAITING, "join"}) if _waits(call)]

    return module.memo("calls that wait", compute)


def _waits(call: ast.Call) -> bool:
    """Whether a call waits for threads; ``", ".join(names)`` does not."""
    function = call.func
    name = last_name(function)
    if name == "join":
        is_text = isinstance(getattr(function, "value", None), ast.Constant | ast.JoinedStr)
        numbers = (isinstance(getattr(each, "value", None), int | float) for each in call.args)
        return not is_text and all(numbers)
    return name in ONLY_WAITING


def _waits_for_task(node: ast.AST, name: str | None = None) -> bool:
    """Whether an attribute is a method that waits for a task: the one of that name, if any."""
    if not isinstance(node, ast.Attribute) or node.attr not in WAITING:
        return False
    return name is None or getattr(node.value, "id", None) == name


def _may_wait_at_end(module: Module, project: Project, item: ast.withitem, node: ast.AST) -> bool:
    """Whether what a block enters may wait, at its end, for work that is handed over in it.

    Executors do; what nobody knows may, if the work is handed to that.
    """
    value = ContextFlow.of(project).values.of(module, item.context_expr)
    if isinstance(value, Foreign):
        return value.name in WAITING_POOLS
    entered = getattr(item.optional_vars or item.context_expr, "id", "")
    around = (each for each in (node, *module.scopes.ancestors(node)) if isinstance(each, ast.Call))
    return value is None and any(getattr(root_of(c.func), "id", None) == entered for c in around)


def _closes(module: Module, project: Project, block: ast.With, pool: str) -> bool:
    """Whether a block waits, when it ends, for what the pool of that name was given."""
    for item in block.items:
        if getattr(item.optional_vars or item.context_expr, "id", "") == pool:
            name = ContextFlow.of(project).values.name_of(module, item.context_expr)
            return name in WAITING_POOLS
    return False
