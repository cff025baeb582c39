"""Where an error goes that leaves its function, and the handlers there that expect the old one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Edit
from flask_ctxfix.codemods.removed_apis.handlers import (
    BEFORE,
    EXPECTS,
    SINCE,
    ConflictError,
    Handlers,
)
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.call_sites import CallSite, is_setter
from flask_ctxfix.context_flow.caught import catches, names_of
from flask_ctxfix.context_flow.starts import is_deferred
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Property,
    parameters_of,
    passed_arguments,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import last_name

_CONTAINERS = (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.Starred)
_ASKS_BY_NAME = {"builtins.getattr": 3, "builtins.hasattr": 2}


def widened_handlers(module: Module, project: Project, node: ast.AST) -> list[Edit]:
    """Return edits after which the handlers around `node` treat both errors as the old one.

    Empty where none expects an AttributeError. Raises ConflictError where one treats a RuntimeError
    differently or asks which error it caught, or where one does that in what calls the function.
    """
    edits: list[Edit] = []
    function = Handlers(module, project, edits).passed(node)
    if function is not None:
        _Callers(project).check(module, function)
    return edits


class _Reference(NamedTuple):
    """A node that may raise what a function raises, once it is read or called."""

    module: Module
    node: ast.AST


class _Callers:
    """Follows a function to where it may be called."""

    def __init__(self, project: Project) -> None:
        self._project = project
        flow = ContextFlow.of(project)
        self._values, self._callers = flow.values, flow.callers

    def check(self, module: Module, function: FunctionNode) -> None:
        """Raise ConflictError if a caller of `function`, or of its callers, tells errors apart.

        A decorator's wrapper that calls the function it was made for stands for that one alone, by
        whose name it is called: where the decorator is used for others says nothing.
        """
        seen: set[tuple[FunctionNode, bool]] = set()
        pending = [(module, function, False)]
        while pending:
            owner, current, is_wrapper = pending.pop()
            if not seen.isdisjoint({(current, is_wrapper), (current, False)}):
                continue
            seen.add((current, is_wrapper))
            for reference in self._everywhere(owner, current, is_wrapper=is_wrapper):
                if is_wrapper and _is_returned(reference):
                    continue
                left = self._checked(reference, current)
                if left is not None:
                    is_made = _is_given_around(reference, left)
                    pending.append((reference.module, left, is_made))

    def _checked(self, reference: _Reference, function: FunctionNode) -> FunctionNode | None:
        """Return the function that the error leaves where it is referred to."""
        try:
            self._check_tests(reference)
            return Handlers(reference.module, self._project).passed(reference.node)
        except ConflictError as conflict:
            name = "" if isinstance(function, ast.Lambda) else f"a use of `{function.name}`"
            uses = (*filter(None, (name,)), "a use of this function")
            raise ConflictError(conflict.about(*uses)) from conflict

    def _check_tests(self, reference: _Reference) -> None:
        """Raise ConflictError for a call that is given the function together with the old error."""
        call = reference.module.scopes.parents[reference.node]
        if isinstance(call, ast.Call) and reference.node in call.args:
            each = (names_of(reference.module, self._project, argument) for argument in call.args)
            if any(catches(names, BEFORE) and not catches(names, SINCE) for names in each):
                raise ConflictError("a call", EXPECTS)

    def _everywhere(
        self, module: Module, function: FunctionNode, *, is_wrapper: bool
    ) -> Iterator[_Reference]:
        """Yield what names a function in its module, what calls it, and what is made of it.

        What calls a wrapper calls one of the functions that it was made for, maybe another one.
        """
        references = [*self._named(module, function)]
        if not is_wrapper:
            references += self._calling(module, function)
        known = {reference.node for reference in references}
        for reference in references:  # grows
            yield reference
            if self._has_run(reference, function):
                continue
            for further in self._passed_on(reference):
                if further.node not in known:
                    known.add(further.node)
                    references.append(further)

    def _has_run(self, reference: _Reference, function: FunctionNode) -> bool:
        """Whether a reference is a call of the function, whose result raises nothing any more."""
        called = reference.node.func if isinstance(reference.node, ast.Call) else None
        value = self._values.of(reference.module, called) if called is not None else None
        return isinstance(value, Function) and value.node is function and not is_deferred(value)

    def _named(self, module: Module, function: FunctionNode) -> Iterator[_Reference]:
        if isinstance(function, ast.Lambda):
            yield _Reference(module, function)
            return
        for name in module.scopes.names.get(function.name, ()):
            if isinstance(name.ctx, ast.Load) and self._may_be(module, name, function):
                yield _Reference(module, name)
        for attribute in module.scopes.attribute_reads.get(function.name, ()):
            if self._may_be(module, attribute, function):
                yield _Reference(module, attribute)
        is_asked = self._is_wrapped(function) and not is_setter(function)
        for asking in _ASKS_BY_NAME if is_asked else ():  # a property may run
            for call in module.scopes.calls.get(asking.rpartition(".")[2], ()):
                self._check_name(module, call, function.name)
        for decorator in function.decorator_list:
            yield from self._decorated(module, decorator)

    def _calling(self, module: Module, function: FunctionNode) -> Iterator[_Reference]:
        """Yield what is seen to call a function, wherever that is kept or given to."""
        for each in self._callers.of(module, function):
            if isinstance(each, CallSite):
                yield _Reference(each.module, each.node)

    def _may_be(
        self, module: Module, node: ast.Name | ast.Attribute, function: FunctionNode
    ) -> bool:
        value = self._values.of(module, node)
        if isinstance(value, Property):
            value = value.function
        if isinstance(value, Function):
            return value.node is function
        return not isinstance(value, Class | Foreign) or self._is_wrapped(function)

    def _is_wrapped(self, function: FunctionNode) -> bool:
        return not isinstance(function, ast.Lambda) and bool(function.decorator_list)

    def _check_name(self, module: Module, call: ast.Call, name: str) -> None:
        """Raise ConflictError for ``getattr(x, name, default)`` and ``hasattr(x, name)``."""
        if len(call.args) < 2 or getattr(call.args[1], "value", None) != name:
            return
        if len(call.args) == _ASKS_BY_NAME.get(self._values.name_of(module, call.func)):
            asking = last_name(call.func)
            raise ConflictError(f"`{asking}` reads `{name}`, and {EXPECTS}")

    def _decorated(self, module: Module, decorator: ast.expr) -> Iterator[_Reference]:
        """Yield where a decorator of the project uses the function that it is given."""
        value = self._values.of(module, decorator)
        if isinstance(value, Function):
            yield from self._parameter(value, parameters_of(value)[:1])

    def _passed_on(self, reference: _Reference) -> Iterator[_Reference]:
        """Yield the uses of what a reference gives the function to: a parameter, or a name."""
        module = reference.module
        node = _whole(module, reference.node)
        call = module.scopes.call_with(node)
        if call is not None:
            yield from self._given(module, call, node)
            node = call
        parent = module.scopes.parents[node]
        if isinstance(parent, ast.Assign | ast.AnnAssign):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    reads = module.scopes.home_of(target).reads.get(target.id, ())
                    yield from (_Reference(module, read) for read in reads)

    def _given(self, module: Module, call: ast.Call, node: ast.AST) -> Iterator[_Reference]:
        """Yield the reads of the parameters that a call gives a node, also by a partial of it."""
        function = self._values.of(module, call.func)
        if function == Foreign("functools.partial") and call.args:
            function = self._values.of(module, call.args[0])
            call = ast.Call(call.args[0], call.args[1:], call.keywords)
        if isinstance(function, Function):
            given = [name for name, each in passed_arguments(call, function) if each is node]
            yield from self._parameter(function, given)

    def _parameter(self, function: Function, names: list[str]) -> Iterator[_Reference]:
        reads = function.module.scopes.opened_by(function.node).reads
        for name in names:
            yield from (_Reference(function.module, read) for read in reads.get(name, ()))


def _is_returned(reference: _Reference) -> bool:
    return isinstance(reference.module.scopes.parents[reference.node], ast.Return)


def _is_given_around(reference: _Reference, function: FunctionNode) -> bool:
    """Whether what `function` calls is a parameter of a function around it."""
    node = reference.node.func if isinstance(reference.node, ast.Call) else reference.node
    if not isinstance(node, ast.Name):
        return False
    home = reference.module.scopes.home_of(node)
    return (
        isinstance(home.node, FunctionNode)
        and home.node is not function
        and (node.id in parameters_of(Function(reference.module, home.node)))
    )


def _whole(module: Module, node: ast.AST) -> ast.AST:
    """Return the container, with its star, that a node is in: ``*[read]`` of ``run(*[read])``."""
    parent = module.scopes.parents[node]
    while isinstance(parent, _CONTAINERS):
        node, parent = parent, module.scopes.parents[parent]
    return node
