"""Whether a function of the project makes its result of its arguments, instead of looking it up.

`return text.strip()` gives back what anyone can make up, and so does a test of how long a text is.
`return users[name]` and `return next(u for u in users if u.name == name)` give what was there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Foreign, Function, receiving_class
from flask_ctxfix.flask_facts import is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.syntax import arguments_of

_ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
Checked = Callable[[Module, ast.expr], bool]


class MadeResults:
    """Follows what functions return back to their parameters.

    `is_checked` says whether a name is known to stand for something that the project has.
    """

    def __init__(self, project: Project, is_checked: Checked) -> None:
        self._project = project
        self._values = ContextFlow.of(project).values
        self._is_checked = is_checked
        self._known: dict[ast.AST, bool] = {}

    def makes(self, function: Function) -> bool:
        """Whether a function may return what is made of its arguments alone."""
        node = function.node
        if node not in self._known:
            self._known[node] = False  # what only gives itself is made of nothing
            returned = function.module.scopes.returned.get(node, ())
            self._known[node] = self._any(function.module, returned)
        return self._known[node]

    def _any(self, module: Module, nodes: Iterable[ast.AST]) -> bool:
        return any(self._is_made(module, node) for node in nodes if isinstance(node, ast.expr))

    def _is_made(self, module: Module, node: ast.expr) -> bool:
        match node:
            case ast.Name():
                return not self._is_checked(module, node) and self._is_made_name(module, node)
            case ast.Attribute() | ast.Subscript():
                return not self._is_checked(module, node) and self._is_made(module, node.value)
            case ast.Call():
                return self._is_made_call(module, node)
            case ast.Compare(left=left, ops=ops, comparators=others):
                # one that is equal, or in something, is compared with what is there
                is_order = all(isinstance(each, _ORDERING) for each in ops)
                return is_order and self._any(module, (left, *others))
            case ast.IfExp():
                return self._any(module, (node.body, node.orelse))
            case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
                return self._is_made(module, node.elt)
            case ast.Lambda():
                return False
        return self._any(module, ast.iter_child_nodes(node))

    def _is_made_name(self, module: Module, node: ast.Name) -> bool:
        bindings = module.scopes.home_of(node).bindings.get(node.id, ())
        return any(self._is_made_binding(module, each) for each in bindings)

    def _is_made_binding(self, module: Module, binding: Binding) -> bool:
        if binding.kind == "parameter":
            return receiving_class(module, binding.node) is None
        value = binding.value
        if isinstance(binding.node, ast.For | ast.comprehension):
            value = binding.node.iter
        if value is None:
            return False
        if value not in self._known:
            self._known[value] = False
            self._known[value] = self._is_made(module, value)
        return self._known[value]

    def _is_made_call(self, module: Module, call: ast.Call) -> bool:
        value = self._values.of(module, call.func)
        if isinstance(value, Function):
            return self.makes(value)
        if isinstance(value, Class):
            return self._any(module, arguments_of(call))
        name = value.name if isinstance(value, Foreign) else ""
        if is_well_known(name) and "()" not in name:
            return self._any(module, arguments_of(call))
        return isinstance(call.func, ast.Attribute) and self._is_made(module, call.func.value)
