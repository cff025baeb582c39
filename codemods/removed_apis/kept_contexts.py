"""Context objects that are kept, or passed on, and entered by what runs later or elsewhere.

Since Flask 2.2 a context can be left only where it was entered last: of two threads that enter the
same object, one fails with ``ValueError: … was created in a different Context``. So the object may
be kept and read, but not be entered by any function other than the one that took it off the stack,
or that was handed it by a plain call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from flask_ctxfix.codemods.removed_apis.kept_values import Uses
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    bound_arguments,
    passed_arguments,
)
from flask_ctxfix.flask_facts import ENTERING
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record, replace
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import arguments_of, defaults_of

Form = Literal["context", "container", "either"]

_ENTERS = frozenset({"push", "__enter__"})
_SAME = (ast.IfExp, ast.BoolOp, ast.Await, ast.NamedExpr)
_HOLDS = (
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.Starred,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
# What is kept under a name that everything has may be anywhere.
_MOST = 20_000


class _Held(Record):
    """An expression that is, or holds, a context that was taken off a stack.

    `home` is the function that it was taken in; `is_later` says that it was kept since, so that no
    function is that.
    """

    module: Module
    node: ast.expr
    home: FunctionNode | None
    form: Form = "context"
    is_later: bool = False


class KeptContexts:
    """Follows context objects through a project."""

    def __init__(self, project: Project) -> None:
        self._bounds = project.bounds
        self._values = ContextFlow.of(project).values
        self._uses = Uses(project)

    def is_entered_later(self, module: Module, node: ast.expr) -> bool:
        """Whether a context that `node` takes off a stack is entered by another function."""
        first = _Held(module, node, module.scopes.function_of(node))
        seen = {first}
        left = [first]
        while left:
            held = left.pop()
            if self._is_entered(held):
                return True
            new = [each for each in dict.fromkeys(self._next(held)) if each not in seen]
            seen.update(new)
            left += new
            if len(seen) > _MOST:
                self._bounds["contexts that are kept in more than 20000 places"] += 1
                return True
        return False

    def _is_entered(self, held: _Held) -> bool:
        scopes = held.module.scopes
        parent = scopes.parents[held.node]
        elsewhere = held.is_later or scopes.function_of(held.node) is not held.home
        if isinstance(parent, ast.Attribute) and parent.attr in _ENTERS:
            call = scopes.parents[parent]
            if isinstance(call, ast.Call) and call.func is parent:
                return elsewhere and not call.args  # a container is told what to push
            return True
        if isinstance(parent, ast.withitem):
            return elsewhere and held.form != "container" and parent.context_expr is held.node
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
            return elsewhere and parent.func.attr in ENTERING
        return False

    def _next(self, held: _Held) -> Iterator[_Held]:
        """Yield the expressions that have a context next."""
        node = held.node
        parent = held.module.scopes.parents[node]
        if isinstance(parent, ast.keyword):
            parent = held.module.scopes.parents[parent]
        if isinstance(parent, _SAME):
            yield replace(held, node=parent)
        if isinstance(parent, _HOLDS):
            yield replace(held, node=parent, form="container")
        elif isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            if parent.value is node:
                yield from (each for target in targets for each in self._target_reads(held, target))
        elif isinstance(parent, ast.Subscript | ast.Attribute):
            yield from self._taken_out(held, parent)
        elif isinstance(parent, ast.Call):
            yield from self._passed(held, parent)
        else:
            yield from self._moved(held, parent)

    def _moved(self, held: _Held, parent: ast.AST) -> Iterator[_Held]:
        """Yield what has the context by a loop, by a result, by a default or by ``as``."""
        if isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension):
            if parent.iter is held.node:
                yield from self._target_reads(replace(held, form="either"), parent.target)
        elif isinstance(parent, ast.withitem) and parent.optional_vars is not None:
            yield from self._target_reads(replace(held, form="either"), parent.optional_vars)
        elif isinstance(parent, ast.Return | ast.Yield | ast.YieldFrom):
            yield from self._results(held, is_plain=isinstance(parent, ast.Return))
        elif isinstance(parent, ast.arguments):
            for parameter, default in defaults_of(parent):
                if default is held.node:
                    function = held.module.scopes.parents[parent]
                    reads = self._uses.of_parameter(held.module, parameter.arg, function)
                    yield from self._each(held, reads, is_later=True)

    def _target_reads(self, held: _Held, target: ast.expr) -> Iterator[_Held]:
        """Yield the reads of what is assigned."""
        if isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                yield from self._target_reads(replace(held, form="either"), each)
        elif isinstance(target, ast.Starred):
            yield from self._target_reads(held, target.value)
        elif isinstance(target, ast.Name):
            is_local = self._uses.is_local(held.module, target)
            reads = self._uses.of_name(held.module, target)
            yield from self._each(held, reads, is_later=held.is_later or not is_local)
        elif isinstance(target, ast.Attribute):
            reads = self._uses.of_attribute(held.module, target)
            yield from self._each(held, reads, is_later=True)
        elif isinstance(target, ast.Subscript):
            yield from self._target_reads(replace(held, form="container"), target.value)

    def _each(
        self, held: _Held, reads: Iterator[tuple[Module, ast.expr]], *, is_later: bool
    ) -> Iterator[_Held]:
        for module, read in reads:
            yield replace(held, module=module, node=read, is_later=is_later)

    def _taken_out(self, held: _Held, parent: ast.Subscript | ast.Attribute) -> Iterator[_Held]:
        """Yield what an item or a method of a container gives."""
        if held.form == "context" or parent.value is not held.node:
            return
        call = held.module.scopes.parents[parent]
        if isinstance(parent, ast.Subscript):
            yield replace(held, node=parent, form="either")
        elif isinstance(call, ast.Call) and call.func is parent:
            yield replace(held, node=call, form="either")

    def _results(self, held: _Held, *, is_plain: bool) -> Iterator[_Held]:
        """Yield the calls of the function that returns or yields a context."""
        function = held.module.scopes.function_of(held.node)
        if function is None or isinstance(function, ast.Lambda):
            return
        is_kept = held.is_later or function is not held.home
        for module, call in self._uses.of_result(held.module, function):
            form: Form = held.form if is_plain else "container"
            yield _Held(module, call, module.scopes.function_of(call), form, is_kept)

    def _passed(self, held: _Held, call: ast.Call) -> Iterator[_Held]:
        """Yield what gets a context as an argument, and the call that may give it back."""
        if call.func is held.node:
            yield replace(held, node=call, form="either")
            return
        called = self._values.of(held.module, call.func)
        if isinstance(called, Class):
            maker = self._values.member(called, "__init__", of_instance=True)
            if not isinstance(maker, Function):
                yield from self._fields(held, called)
            called = maker
            yield replace(held, node=call, form="container")
        if isinstance(called, Function):
            yield from self._given(held, call, called)
        elif called == Foreign("builtins.setattr"):
            yield from self._set(held, call)
        else:
            yield replace(held, node=call, form="container")
            yield from self._given_to_others(held, call)

    def _given(self, held: _Held, call: ast.Call, function: Function) -> Iterator[_Held]:
        """Yield the reads of the parameters of a function that is called at once."""
        sure = {name for name, each in bound_arguments(call, function) if each is held.node}
        names = [name for name, each in passed_arguments(call, function) if each is held.node]
        runs_later = isinstance(function.node, ast.AsyncFunctionDef) or function.is_generator
        is_elsewhere = held.module.scopes.function_of(call) is not held.home
        later = held.is_later or is_elsewhere or runs_later
        for name in names or self._uses.parameters(function):
            form = held.form if name in sure else "either"
            for read in self._uses.of_parameter(function.module, name, function.node):
                yield _Held(*read, function.node, form, later)

    def _given_to_others(self, held: _Held, call: ast.Call) -> Iterator[_Held]:
        """Yield what a call from outside of the project may hand the context to."""
        if isinstance(call.func, ast.Attribute):
            yield from self._target_reads(replace(held, form="container"), call.func.value)
        for field in self._uses.fields_of(held.module, call, held.node):
            reads = self._uses.of_attribute_named(field, None)
            yield from self._each(held, reads, is_later=True)
        for argument in arguments_of(call):
            function = self._values.of(held.module, argument)
            if isinstance(function, Function):
                for name in self._uses.parameters(function):
                    reads = self._uses.of_parameter(function.module, name, function.node)
                    yield from self._each(replace(held, form="either"), reads, is_later=True)

    def _fields(self, held: _Held, owner: Class) -> Iterator[_Held]:
        """Yield the reads of what a class without ``__init__`` keeps of its arguments."""
        for statement in owner.node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                reads = self._uses.of_attribute_named(statement.target.id, owner)
                yield from self._each(held, reads, is_later=True)

    def _set(self, held: _Held, call: ast.Call) -> Iterator[_Held]:
        name = getattr(call.args[1], "value", None) if len(call.args) > 1 else None
        if isinstance(name, str):
            reads = self._uses.of_attribute_named(name, None)
            yield from self._each(held, reads, is_later=True)
