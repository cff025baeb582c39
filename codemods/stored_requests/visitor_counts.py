"""Whether a count is that of one visitor: a score, the tries that are left, the next question.

One request sets it to its first value, and others give it the next one; or requests count it up,
and find what they answer by it. A total of all visitors is never set back by one of them, and
decides on nothing.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.kept_paths import Read, may_be_in_request
from flask_ctxfix.codemods.stored_requests.slots import value_assigned
from flask_ctxfix.codemods.stored_requests.trusted_flags import is_sent, tests_of_user
from flask_ctxfix.codemods.stored_requests.uses import is_constant
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Kind
from flask_ctxfix.flask_facts import ADDING
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import is_handling, own_nodes, statement_of, way_out


class Assigned(NamedTuple):
    """A value that requests give what counts; None if it is only made more or less by that."""

    target: ast.expr
    value: ast.expr | None


class Count(NamedTuple):
    """What requests give its next value, with all that they give it in a module, and its reads.

    `first` are the values that it has before any request.
    """

    assigned: list[Assigned]
    reads: list[Read]
    first: tuple[ast.expr, ...] = ()

    def steps(self, module: Module) -> dict[FunctionNode | None, ast.expr]:
        """Return one target in each function that gives the next value, which is no error's."""
        found: dict[FunctionNode | None, ast.expr] = {}
        for target, value in self.assigned:
            if (value is None or _reads(module, value, target)) and not is_handling(
                module, target, finally_=False
            ):
                found.setdefault(module.scopes.function_of(target), target)
        return found


def assigned_at(module: Module, target: ast.expr) -> Assigned | None:
    """Return what a statement gives a target, also as one of several; None for a loop, say."""
    if isinstance(module.scopes.parents[target], ast.AugAssign):
        return Assigned(target, None)
    value = value_assigned(module, target)
    return None if value is None else Assigned(target, value)


def _reads(module: Module, value: ast.expr, target: ast.expr) -> bool:
    """Whether a value is made of the one that it replaces."""
    written = module.segment(target)
    alike = (each for each in ast.walk(value) if isinstance(each, type(target)))
    return any(module.segment(each) == written for each in alike)


def is_of_one(count: Count, module: Module, project: Project, *, is_open: bool = False) -> bool:
    """Whether a count is that of one visitor: set back, or asked for what comes next.

    If it `is_open`, other code sets it back for other reasons: visitors have to count it up by what
    they send.
    """
    steps = count.steps(module)
    data = RequestData.of_project(project)
    is_answer = any(True for target in steps.values() for _ in tests_of_user(module, data, target))
    if (is_answer or not is_open) and any(
        each.value and is_constant(each.value) for each in count.assigned
    ):
        return True
    if any(_takes_turns(module, each) for each in count.assigned):
        return False
    reads = [each for each in count.reads if may_be_in_request(each[0], project, each[1])]
    if any(_is_rest(*each) for each in reads):
        return False
    if any(_finds_next(*each) for each in reads):
        return True
    is_up = any(_counts_up(module, each) for each in steps.values())
    return is_answer and is_up and any(_is_end(*each) for each in reads)


def stages_of_one(count: Count, module: Module, project: Project) -> list[ast.expr]:
    """Return where a visitor gets to the next stage: one target in each function that moves on.

    A conversation asks at which stage it is and goes on to the next by what the visitor sends.
    Two stages are those of a switch, which all visitors may turn.
    """
    moves = [e for e in count.assigned if e.value is not None and is_constant(e.value)]
    names = {ast.unparse(each) for each in count.first if is_constant(each)}
    names |= {ast.unparse(each.value) for each in moves if each.value is not None}
    found: dict[FunctionNode | None, ast.expr] = {}
    asking = [each.target for each in moves if _asks_itself(module, each.target)]
    for target in asking if len(names) > 2 and len(asking) > 1 else ():
        function = module.scopes.function_of(target)
        if function is not None and _is_told(module, project, function):
            found.setdefault(function, target)
    return [*found.values()]


def _asks_itself(module: Module, target: ast.expr) -> bool:
    """Whether a test around an assignment reads what it assigns to."""
    written = module.segment(target)
    tests = (
        p.test for p, _ in way_out(module, statement_of(module, target)) if isinstance(p, ast.If)
    )
    parts = (each for test in tests for each in ast.walk(test) if isinstance(each, type(target)))
    return any(module.segment(each) == written for each in parts)


def _is_told(module: Module, project: Project, function: FunctionNode) -> bool:
    """Whether a function reads what a visitor sends."""
    data = RequestData.of_project(project)
    parts = (each for each in own_nodes(function) if isinstance(each, ast.Attribute | ast.Call))
    for each in parts:
        datum = data.of(module, each) if data.may_be(module, each) else None
        if datum is not None and datum.kind is Kind.VALUE and is_sent(datum):
            return True
    return False


def _takes_turns(module: Module, assigned: Assigned) -> bool:
    """Whether the value after the last one is the first again, whoever the visitor is."""
    parts = ast.walk(statement_of(module, assigned.target))
    return any(isinstance(e, ast.BinOp) and isinstance(e.op, ast.Mod) for e in parts)


def _counts_up(module: Module, target: ast.expr) -> bool:
    """Whether a count gets greater; what gets less, as a stock, is mostly what all share."""
    assigned = statement_of(module, target)
    parts = (assigned, *ast.walk(assigned))
    return any(isinstance(getattr(each, "op", None), ast.Add) for each in parts)


def _is_rest(module: Module, read: ast.AST) -> bool:
    """Whether only the rest of a division by something counts: all visitors take turns."""
    parent = module.scopes.parents[read]
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod)


def _finds_next(module: Module, read: ast.AST) -> bool:
    """Whether code finds an item by a count, in what requests do not fill by counting."""
    parents = module.scopes.parents
    key, parent = read, parents[read]
    while isinstance(parent, ast.BinOp):
        key, parent = parent, parents[parent]
    if not isinstance(parent, ast.Subscript) or key is not parent.slice:
        return False
    return isinstance(parent.ctx, ast.Load) and not _is_filled(module, parent.value)


def _is_filled(module: Module, container: ast.expr) -> bool:
    """Whether functions of a module put something into a container."""
    written = module.segment(container)
    scopes = module.scopes
    items = (each for each in scopes.nodes(ast.Subscript) if isinstance(each.ctx, ast.Store))
    owners = [
        *(each.value for each in items),
        *(e.func.value for e in scopes.calls_of(ADDING) if isinstance(e.func, ast.Attribute)),
    ]
    return any(
        scopes.function_of(each) is not None and module.segment(each) == written for each in owners
    )


def _is_end(module: Module, read: ast.AST) -> bool:
    """Whether a test compares a count with what is the same for all: a limit, or a length."""
    parents = module.scopes.parents
    compared = parents[read]
    if not isinstance(compared, ast.Compare):
        return False
    whole: ast.AST = compared
    while isinstance(parents[whole], ast.BoolOp | ast.UnaryOp):
        whole = parents[whole]
    others = [each for each in (compared.left, *compared.comparators) if each is not read]
    is_limit = all(_is_limit(module, each) for each in others)
    return is_limit and getattr(parents[whole], "test", None) is whole


def _is_limit(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") == "len"
    if isinstance(node, ast.Name):
        bound = module.scopes.home_of(node).bindings.get(node.id, ())
        return len(bound) == 1 and bound[0].value is not None and is_constant(bound[0].value)
    return is_constant(node)
