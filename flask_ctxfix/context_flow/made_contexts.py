"""What makes a context, and how long one lasts in a function."""

from __future__ import annotations

import ast
from enum import IntEnum

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance, Value
from flask_ctxfix.flask_facts import CONTEXTS_BY_METHOD, EXIT_STACKS, is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.statements import way_out
from flask_ctxfix.syntax import last_name, without_call


class Need(IntEnum):
    """A context, as something that code needs or that something provides."""

    NONE = 0
    APP = 1
    REQUEST = 2


NEED_OF = {"app": Need.APP, "request": Need.REQUEST}

_CONTAINERS = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp)
_MAKERS = {name: NEED_OF[kind] for name, kind in CONTEXTS_BY_METHOD.items()}


def makes_context(node: ast.expr) -> Need:
    """Return which context the call `node` makes, such as ``app.app_context()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _MAKERS.get(node.func.attr, Need.NONE)
    return Need.NONE


def made_context(value: Value | None) -> Need:
    """Return which context an object is that something made: ``app.app_context()``."""
    if not isinstance(value, Foreign) or not value.name.endswith("()"):
        return Need.NONE
    return _MAKERS.get(value.name.removesuffix("()").rpartition(".")[2], Need.NONE)


def may_be_context(values: Values, module: Module, node: ast.expr, value: Value | None) -> bool:
    """Whether a manager that nothing is known of is entered, which may be a context.

    What Python, Flask or the project make is known.
    """
    if isinstance(value, Foreign):
        return value.name.endswith("()") and not is_well_known(value.name)
    if value is not None:
        return False
    called = values.of(module, without_call(node))
    return not isinstance(called, Function) or not called.is_generator


def may_enter_context(values: Values, module: Module, manager: ast.expr) -> bool:
    """Whether a `with` block may have another context than the code around it."""
    value = values.of(module, manager)
    if makes_context(manager) or made_context(value):
        return True
    if isinstance(value, Foreign) and value.name.removesuffix("()") in EXIT_STACKS:
        return True
    makers = (value, values.of(module, without_call(manager)))
    return any(opens_inside(values, each) for each in makers) or may_be_context(
        values, module, manager, value
    )


def opens_inside(values: Values, value: Value | None) -> bool:
    """Whether a function or a class of the project, or what these call, makes or pushes one."""
    left = [value]
    seen: set[ast.AST] = set()
    while left:
        each = left.pop()
        each = each.of if isinstance(each, Instance) else each
        if not isinstance(each, Function | Class) or each.node in seen:
            continue
        seen.add(each.node)
        calls = [call for call in ast.walk(each.node) if isinstance(call, ast.Call)]
        bases = [*values.bases(each)] if isinstance(each, Class) else []
        if any(makes_context(call) or is_push(call) for call in calls) or any(
            isinstance(base, Foreign) and not is_well_known(base.name) for base in bases
        ):
            return True
        called = (values.of(each.module, call.func) for call in calls)
        left += (function for function in called if isinstance(function, Function))
        left += bases
    return False


def is_push(call: ast.Call) -> bool:
    """Whether a call may push a context that something has made."""
    return getattr(call.func, "attr", "") == "push"


def proves_context(values: Values, module: Module, node: ast.expr) -> Need:
    """Return which context there certainly is once that of the call `node` is entered.

    A test client has none before its first request, and a method of that name that the project, or
    another library, defines makes something else.
    """
    if makes_context(node) is Need.NONE or last_name(without_call(node)) == "test_client":
        return Need.NONE
    assert isinstance(node, ast.Call)
    maker = values.of(module, node.func)
    is_flask = isinstance(maker, Foreign) and maker.name.startswith("flask.")
    return makes_context(node) if maker is None or is_flask else Need.NONE


class Ends:
    """Where contexts may end that were there when something was asked."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def may_have_ended(self, module: Module, kept: ast.AST, read: ast.AST | None) -> bool:
        """Whether a context that was there when a test was made may be gone when it is asked.

        `kept` is the statement that keeps the outcome, `read` what asks it, None for a caller.
        """
        around = [parent for parent, _ in way_out(module, read)] if read is not None else []
        if read is not None and self.is_popped(module, kept, read):
            return True
        return any(
            may_enter_context(self._values, module, item.context_expr)
            for parent, _ in way_out(module, kept)
            if isinstance(parent, ast.With | ast.AsyncWith) and parent not in around
            for item in parent.items
        )

    def is_popped(self, module: Module, test: ast.AST, node: ast.AST) -> bool:
        """Whether a context is popped between a test and `node`, in their function."""
        pops = _pops(module).get(module.scopes.function_of(node), ())
        if not pops:
            return False
        begin, end = module.span(test).end, module.span(node).start
        between = (each for each in pops if begin <= module.span(each).start < end)
        return any(self._is_context(module, each.value) for each in between)

    def _is_context(self, module: Module, node: ast.expr) -> bool:
        value = self._values.of(module, node)
        if isinstance(value, Foreign):
            return value.name.endswith("_context()")
        if not isinstance(node, ast.Name):
            return may_be_context(self._values, module, node, value)
        bindings = module.scopes.home_of(node).bindings.get(node.id, [])
        made = [each.value for each in bindings if each.value is not None]
        if len(made) == len(bindings) and all(isinstance(each, _CONTAINERS) for each in made):
            return False
        return any(map(makes_context, made)) or may_be_context(self._values, module, node, value)


def _pops(module: Module) -> dict[ast.AST | None, list[ast.Attribute]]:
    """Return the calls of ``pop`` without arguments, by the function that makes them."""

    def compute() -> dict[ast.AST | None, list[ast.Attribute]]:
        found: dict[ast.AST | None, list[ast.Attribute]] = {}
        for each in module.scopes.attribute_reads.get("pop", ()):
            call = module.scopes.parents.get(each)
            if isinstance(call, ast.Call) and call.func is each and not call.args:
                found.setdefault(module.scopes.function_of(each), []).append(each)
        return found

    return module.memo("pops", compute)
