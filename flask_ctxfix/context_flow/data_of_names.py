"""What data of a request variables, parameters and closures hold."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow import Where
from flask_ctxfix.context_flow.call_sites import is_setter
from flask_ctxfix.context_flow.direct_calls import calls_of
from flask_ctxfix.context_flow.reaching_definitions import reaching
from flask_ctxfix.context_flow.request_datum import (
    DATUM,
    DataQuestions,
    Datum,
    Frame,
    How,
    Kind,
    found_by,
    made_of,
    most_harmful,
)
from flask_ctxfix.context_flow.request_searches import sides_of_search
from flask_ctxfix.context_flow.starts import starts_by_function
from flask_ctxfix.context_flow.values import (
    Class,
    Function,
    Instance,
    passed_arguments,
    receiving_class,
)
from flask_ctxfix.flask_facts import ADDING
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import starred_in


class DataOfNames(DataQuestions):
    """Follows names back to the data that they were given."""

    def _name(self, frame: Frame, node: ast.Name) -> Datum | None:
        known = self._known(frame, node)
        if known is not None:
            return known
        scope = frame.module.scopes.home_of(node)
        bindings = scope.bindings.get(node.id, [])
        if scope.parent is None:
            function = frame.module.scopes.function_of(node)
            here = (each for each in bindings if _function_of(frame, each) is function)
            bindings = list(here) if function is not None else []
        found = reaching(frame.module, node, bindings)
        datum = most_harmful(self._bound(frame, each) for each in found)
        if datum is not None or scope.parent is None:
            return datum
        return self._put_into(frame, node)

    def _bound(self, frame: Frame, binding: Binding) -> Datum | None:
        node = binding.node
        if binding.kind == "parameter":
            return self._parameter(frame, binding)
        if binding.kind in {"import", "definition"}:
            return self._closure(frame, node) if isinstance(node, FunctionNode) else None
        if binding.value is not None:
            datum = self._of(frame, binding.value)
        else:
            datum = self._unpacked(frame, binding)
        return datum or self._searched(frame, node)

    def _searched(self, frame: Frame, node: ast.AST) -> Datum | None:
        """Return the data by which a loop has found the item in whose turn `node` runs."""
        sides = sides_of_search(frame.module, node)
        return found_by(self._first(frame, sides), How.FOUND)

    def _unpacked(self, frame: Frame, binding: Binding) -> Datum | None:
        """Return what a target holds that is not the only one of an assignment."""
        scopes = frame.module.scopes
        for parent in (binding.node, *scopes.ancestors(binding.node)):
            if isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension):
                return self._read(frame, (parent.iter,))
            if isinstance(parent, ast.NamedExpr | ast.AugAssign):
                return self._of(frame, parent.value)
            if isinstance(parent, ast.withitem):
                return made_of(self._of(frame, parent.context_expr))
            if isinstance(parent, ast.Assign):
                return self._element(frame, binding, parent)
            if isinstance(parent, ast.ExceptHandler):
                return self._caught(frame, parent)
            if isinstance(parent, ast.stmt):
                return None
        return None

    def _element(self, frame: Frame, binding: Binding, node: ast.Assign) -> Datum | None:
        names = binding.node.elts if isinstance(binding.node, ast.Tuple | ast.List) else []
        values = node.value.elts if isinstance(node.value, ast.Tuple | ast.List) else []
        if len(names) == len(values) and binding.node in node.targets:
            pairs = zip(names, values, strict=True)
            same = [value for name, value in pairs if getattr(name, "id", "") == binding.name]
            return self._first(frame, same)
        return self._read(frame, (node.value,))

    def _caught(self, frame: Frame, node: ast.ExceptHandler) -> Datum | None:
        """Return what an exception is that was caught in a request: its frames hold that."""
        where = self._flow.reachability.of(frame.module, node).where
        if where is not Where.REQUEST or node.name is None:
            return None
        return self._source(frame, Kind.OBJECT, node, node.name)._replace(is_caught=True)

    def _parameter(self, frame: Frame, binding: Binding) -> Datum | None:
        module = frame.module
        function = module.scopes.parents[module.scopes.parents[binding.node]]
        assert isinstance(function, FunctionNode)
        in_call = [each for each in frame.arguments if each.function is function]
        if in_call:
            return next((each.datum for each in in_call if each.name == binding.name), None)
        if self._flow.callers.give_data(module, function):
            is_own = receiving_class(module, binding.node) is not None
            return None if is_own else self._source(frame, Kind.VALUE, binding.node)
        if isinstance(function, ast.Lambda):
            return None
        key = ("passed", module.path, function.name, function.lineno, binding.name)
        return self._table.ask(
            self._project, DATUM, key, lambda: self._passed(module, function, binding.name)
        )

    def _passed(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
    ) -> Datum | None:
        """Return the data that some call of the project passes as a parameter."""
        for home, call in calls_of(self._project, module, function):
            value = self._values.of(home, call.func)
            if isinstance(value, Function) and not _is_overridden(value, module, function):
                datum = self._given(Frame(home), call, value, name).get(name)
                if datum is not None:
                    step = step_at(home, call, "call")
                    is_known = step in datum.steps  # what calls itself passes it on and on
                    return datum if is_known else datum._replace(steps=(*datum.steps, step))
        elsewhere = self._passed_elsewhere(module, function, name)
        return elsewhere or self._assigned_to(module, function)

    def _passed_elsewhere(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
    ) -> Datum | None:
        """Return the data that a thread, or its like, that runs a function is given for it."""
        for start in starts_by_function(self._project).get(module.key_of(function), ()):
            for argument, parameter in start.parameters.items():
                datum = self._of(Frame(start.module), argument) if parameter == name else None
                if datum is not None and datum.kind is not Kind.PROXY:
                    return datum._replace(steps=(*datum.steps, start.step))
        return None

    def _assigned_to(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Datum | None:
        """Return the data that code assigns to a property, for what sets that."""
        owner = module.scopes.parents.get(function)
        if not isinstance(owner, ast.ClassDef) or not is_setter(function):
            return None
        for home in self._project.parsed(self._project.naming(function.name)):
            for target in home.scopes.attribute_stores.get(function.name, ()):
                assigned = home.scopes.parents[target]
                of = self._values.of(home, target.value)
                if not isinstance(of, Instance) or of.of.key != Class(module, owner).key:
                    continue
                if isinstance(assigned, ast.Assign):
                    datum = self._of(Frame(home), assigned.value)
                    if datum is not None:
                        step = step_at(home, target, "call")
                        return datum._replace(steps=(*datum.steps, step))
        return None

    def _given(
        self, frame: Frame, call: ast.Call, function: Function, name: str | None = None
    ) -> dict[str, Datum | None]:
        """Return the data that a call gives the parameters of a function, or only one of them.

        A parameter with a star holds what it is given: of a proxy, that is no data yet. What goes
        on behind a star may be for any parameter, most of which it is not for.
        """
        starred = {each.arg for each in starred_in(function.node.args)}
        found: dict[str, Datum | None] = {}
        for parameter, argument in passed_arguments(call, function, is_sure=True):
            if found.get(parameter) is None and name in (None, parameter):
                datum = self._of(frame, argument)
                is_proxy = datum is not None and datum.kind is Kind.PROXY
                found[parameter] = None if is_proxy and parameter in starred else datum
        return found

    def _put_into(self, frame: Frame, node: ast.Name) -> Datum | None:
        """Return the data that was put into the object of a local variable."""
        function = frame.module.scopes.function_of(node)
        for read, values in _puts_into(frame.module, node):
            if read is not node and frame.module.scopes.function_of(read) is function:
                datum = self._first(frame, values)
                if datum is not None and datum.kind is not Kind.PROXY:
                    return datum
        return None

    def _closure(self, frame: Frame, node: ast.AST) -> Datum | None:
        """Return the data that a function keeps of the one around it."""
        scopes = frame.module.scopes
        around = scopes.function_of(node)
        if around is None:
            return None
        reads = (each for each in ast.walk(node) if isinstance(each, ast.Name))
        free = [each for each in reads if scopes.home_of(each).node is around]
        datum = self._first(frame, free)
        return None if datum is None or datum.kind is Kind.PROXY else datum


def _function_of(frame: Frame, binding: Binding) -> FunctionNode | None:
    return frame.module.scopes.function_of(binding.node)


def _puts_into(module: Module, name: ast.Name) -> list[tuple[ast.Name, list[ast.expr]]]:
    """Return the reads of a variable at which something is put into its object, and what."""
    scope = module.scopes.home_of(name)

    def compute() -> list[tuple[ast.Name, list[ast.expr]]]:
        parents = module.scopes.parents
        puts = []
        for read in scope.reads.get(name.id, ()):
            parent = parents[read]
            outer = parents.get(parent)
            if not isinstance(parent, ast.Attribute | ast.Subscript) or parent.value is not read:
                continue
            if isinstance(outer, ast.Assign) and parent in outer.targets:
                puts.append((read, [outer.value]))
            elif isinstance(outer, ast.Call) and outer.func is parent:
                if isinstance(parent, ast.Attribute) and parent.attr in ADDING:
                    puts.append((read, [*outer.args, *(k.value for k in outer.keywords)]))
        return puts

    return module.memo(("puts into", scope, name.id), compute)


def _is_overridden(called: Function, module: Module, function: ast.AST) -> bool:
    """Whether what is called is a method of another class, which a function may stand in for."""
    owner = called.module.scopes.parents.get(called.node)
    own = module.scopes.parents.get(function)
    if not isinstance(owner, ast.ClassDef) or not isinstance(own, ast.ClassDef):
        return False
    return called.module.key_of(owner) != module.key_of(own)
