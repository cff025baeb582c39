"""Whether the keys of a container are bounded in number: those of what the project itself has.

Anyone can make up an address, a token or a text, and a container that is keyed by these grows by
each. The rows of a database, the members of an enum and the keys of a table are what they are:
what was looked up there before it became a key is one of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from flask_ctxfix.codemods.stored_requests.made_results import MadeResults
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.direct_calls import as_called, passed_by
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance
from flask_ctxfix.flask_facts import (
    FINDING,
    NEVER_RETURNING,
    RANDOM,
    USER_GETTERS,
    USERS,
    is_well_known,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.statements import before, ends, way_out
from flask_ctxfix.syntax import last_name

_CHOICE = "any("
_CHOOSING = "choice"
_NAMED = (ast.Name, ast.Attribute, ast.Subscript)


def are_bounded(
    module: Module, project: Project, keys: Iterable[ast.expr], *, trusts_session: bool = False
) -> bool:
    """Whether there can only be so many of the keys that are written here.

    Where it `trusts_session`, an item of the session that nothing is seen to set counts as bounded.
    """
    bounded = _Bounded(project, trusts_session)
    return all(bounded.is_bounded(module, key) for key in keys)


class _Bounded:
    """Follows keys to where they come from, and looks at what was asked of them before."""

    def __init__(self, project: Project, trusts_session: bool) -> None:
        self._project = project
        self._trusts_session = trusts_session
        self._flow = ContextFlow.of(project)
        self._known: dict[ast.expr, bool] = {}
        self._made = MadeResults(project, self._is_checked)

    def is_bounded(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression has only so many values."""
        if node not in self._known:
            self._known[node] = False  # of what only gives itself, nothing is known
            self._known[node] = self._is_bounded(module, node)
        return self._known[node]

    def _is_bounded(self, module: Module, node: ast.expr) -> bool:
        every = partial(self._every, module)
        if isinstance(node, _NAMED) and self._is_checked(module, node):
            return True
        match node:
            case ast.Constant() | ast.Compare():
                return True
            case ast.BinOp(op=ast.Mod(), right=ast.Constant(value=int())):
                return True
            case ast.BinOp():
                return every((node.left, node.right))
            case ast.IfExp():
                return every((node.body, node.orelse))
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.JoinedStr(values=parts):
                return every(parts)
            case ast.FormattedValue(value=value):
                return self.is_bounded(module, value)
            case ast.Name():
                return self._is_name(module, node)
            case ast.Attribute():
                return self._is_of_row(module, node.value) or self._is_of_object(module, node)
            case ast.Subscript():
                is_item = self._is_of_row(module, node.value) or self._is_table(module, node.value)
                return is_item or self._is_of_session(module, node)
            case ast.Call():
                return self._is_call(module, node)
        return False

    def _every(self, module: Module, nodes: Sequence[ast.expr]) -> bool:
        return all(self.is_bounded(module, each) for each in nodes)

    def _is_call(self, module: Module, call: ast.Call) -> bool:
        """Whether a call gives the member of an enum, or a form of what is bounded itself."""
        if self._is_enum(module, call) or self._is_of_session(module, call):
            return True
        name = self._flow.values.name_of(module, call.func)
        if name in USER_GETTERS or (name in RANDOM and last_name(call.func) == _CHOOSING):
            return True
        if isinstance(call.func, ast.Attribute) and not name.startswith("builtins."):
            return not call.args and self._is_of_row(module, call.func.value)
        is_form = name.startswith("builtins.") and bool(call.args)
        return is_form and self._every(module, call.args)

    def _is_enum(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression is the member of an enum that a value stands for."""
        called = node.func if isinstance(node, ast.Call) else getattr(node, "value", None)
        owner = self._flow.values.of(module, called) if isinstance(called, ast.expr) else None
        if not isinstance(owner, Class):
            return False
        return any(each.startswith("enum.") for each in self._flow.values.base_names(owner))

    def _is_of_session(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression is an item of the session that only gets what is bounded."""
        key = node.slice if isinstance(node, ast.Subscript) else None
        owner = node.value if isinstance(node, ast.Subscript) else None
        if isinstance(node, ast.Call) and last_name(node.func) == "get" and node.args:
            key, owner = node.args[0], getattr(node.func, "value", None)
        if not isinstance(key, ast.Constant) or not self._is_session(module, owner):
            return False
        given = [
            (other, assigned.value)
            for other in self._project.parsed(sorted(self._project.naming("session")))
            for item in other.scopes.nodes(ast.Subscript)
            if isinstance(assigned := other.scopes.parents[item], ast.Assign)
            and isinstance(item.ctx, ast.Store)
            and getattr(item.slice, "value", None) == key.value
            and self._is_session(other, item.value)
        ]
        is_known = bool(given) or self._trusts_session
        return is_known and all(self.is_bounded(*each) for each in given)

    def _is_session(self, module: Module, node: ast.expr | None) -> bool:
        return node is not None and self._flow.values.name_of(module, node) == "flask.session"

    def _is_table(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression is a table that is written in the code."""
        found = [each.value for _, each in self._project.bindings(module, node)]
        return len(found) == 1 and isinstance(found[0], ast.Dict | ast.List | ast.Tuple)

    def _is_of_row(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression is the current user, or a row that was found."""
        if self._flow.values.name_of(module, node) in USERS or self._is_enum(module, node):
            return True
        if isinstance(node, ast.Attribute):
            return self._is_of_row(module, node.value)
        if isinstance(node, ast.Call):
            return _is_finding(node)
        if not isinstance(node, ast.Name):
            return False
        calls = [each.value for each in module.scopes.home_of(node).bindings.get(node.id, ())]
        if calls and all(isinstance(each, ast.Call) and _is_finding(each) for each in calls):
            return True
        return self._is_checked(module, node)

    def _is_of_object(self, module: Module, node: ast.Attribute) -> bool:
        """Whether an expression is what an object has that was there before: ``self.path``.

        That stands for something the project has, whoever made it; a new object for what it is of.
        """
        owner = node.value
        if not isinstance(owner, ast.Name):
            return False
        found = module.scopes.home_of(owner).bindings.get(owner.id, ())
        is_given = [each.kind for each in found] == ["parameter"]
        return is_given and isinstance(self._flow.values.of(module, owner), Instance)

    def _is_name(self, module: Module, node: ast.Name) -> bool:
        found = self._project.bindings(module, node)
        return bool(found) and all(self._is_binding(*each) for each in found)

    def _is_binding(self, module: Module, binding: Binding) -> bool:
        """Whether a name is bound to what is bounded itself."""
        if binding.kind == "parameter":
            return self._is_parameter(module, binding)
        if isinstance(binding.node, ast.For | ast.comprehension):
            return self._is_table(module, binding.node.iter)
        return binding.value is not None and self.is_bounded(module, binding.value)

    def _is_parameter(self, module: Module, binding: Binding) -> bool:
        """Whether a URL gives a parameter one of several words, or all callers what is bounded."""
        scopes = module.scopes
        function = scopes.parents[scopes.parents[binding.node]]
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        rules = (
            each.value
            for decorator in function.decorator_list
            for each in ast.walk(decorator)
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        )
        parts = [part for rule in rules for part in rule.split("<")]
        own = [part for part in parts if part.partition(">")[0].endswith(binding.name)]
        if own or function.decorator_list:
            return bool(own) and all(part.startswith(_CHOICE) for part in own)
        given = [*self._given(module, function, binding.name)]
        return bool(given) and all(self.is_bounded(*each) for each in given)

    def _given(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what callers give a parameter; an unknown expression where they are not seen."""
        for home, reference in self._flow.reachability.references(module, function):
            call = home.scopes.call_of(reference)
            if call is None:
                yield home, reference
                continue
            passed = passed_by(self._project, home, call, as_called(module, function))
            yield from ((home, each) for key, each in passed if key == name)

    def _is_checked(self, module: Module, node: ast.expr) -> bool:
        """Whether code before a place leaves it, or fails, where a name is not one of the known."""
        name = ast.unparse(node)
        tell = partial(self._told, module)
        for parent, child in way_out(module, node):
            if isinstance(parent, ast.If | ast.IfExp) and child is not parent.test:
                body = parent.body if isinstance(parent, ast.If) else (parent.body,)
                if name in tell(parent.test, child in body):
                    return True
        for statement in before(module, node):
            if isinstance(statement, ast.If):
                if self._leaves(module, statement.body) and name in tell(statement.test, False):
                    return True
            elif isinstance(statement, ast.Assert):
                if name in tell(statement.test, True):
                    return True
            elif any(self._fails_for(module, each, name) for each in ast.walk(statement)):
                return True
        return False

    def _fails_for(self, module: Module, node: ast.AST, name: str) -> bool:
        """Whether an expression fails where a name does not stand for something known."""
        if isinstance(node, ast.Call) and _is_finding(node):
            return name in _names_in(node)
        if isinstance(node, ast.Call | ast.Subscript) and self._is_enum(module, node):
            return name in _names_in(node)
        return False

    def _leaves(self, module: Module, block: Sequence[ast.stmt]) -> bool:
        last = block[-1]
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
            return self._flow.values.name_of(module, last.value.func) in NEVER_RETURNING
        return ends(block)

    def _told(self, module: Module, test: ast.expr, outcome: bool) -> set[str]:
        """Return the names that are known to stand for something, where a test has an outcome."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self._told(module, inner, not outcome)
            case ast.BoolOp(op=op, values=parts):
                told = [self._told(module, each, outcome) for each in parts]
                is_each = isinstance(op, ast.And) is outcome
                return set.union(*told) if is_each else set.intersection(*told)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(module, left, op, right, outcome)
            case ast.Name() | ast.Call():
                return self._found(module, test) if outcome else set()
        return set()

    def _compared(
        self, module: Module, left: ast.expr, op: ast.cmpop, right: ast.expr, outcome: bool
    ) -> set[str]:
        if isinstance(op, ast.In | ast.NotIn):
            is_in = isinstance(op, ast.In) is outcome
            is_own = RequestData.of_project(self._project).of(module, right) is None
            return _names_in(left) if is_in and is_own else set()
        if not isinstance(right, ast.Constant):
            return set()
        if right.value is None:
            is_there = isinstance(op, ast.IsNot | ast.NotEq) is outcome
            return self._found(module, left) if is_there else set()
        return _names_in(left) if isinstance(op, ast.Eq) is outcome else set()

    def _found(self, module: Module, node: ast.expr) -> set[str]:
        """Return a row that was looked up, and what it was looked up by."""
        if isinstance(node, ast.Call):
            return _names_in(node) if self._looks_up(module, node) else set()
        if not isinstance(node, ast.Name):
            return set()
        values = [each.value for each in module.scopes.home_of(node).bindings.get(node.id, ())]
        calls = [each for each in values if isinstance(each, ast.Call)]
        if not calls or len(calls) < len(values):
            return set()
        if not all(self._looks_up(module, each) for each in calls):
            return set()
        return {node.id}.union(*map(_names_in, calls))

    def _looks_up(self, module: Module, call: ast.Call) -> bool:
        """Whether a call may look for something: it is given data, and no library's of Python."""
        value = self._flow.values.of(module, call.func)
        if isinstance(value, Class) or not _names_in(call):
            return False
        if isinstance(value, Function):
            return not self._made.makes(value)
        name = value.name if isinstance(value, Foreign) else ""
        return not name.startswith(("flask.", "builtins.")) and not is_well_known(name)


def _is_finding(call: ast.Call) -> bool:
    """Whether a call gives a row, or fails: ``Player.query.get_or_404(number)``."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in FINDING


def _names_in(node: ast.AST) -> set[str]:
    """Return what is compared, or what the calls of a chain are given, as it is written."""
    if isinstance(node, _NAMED):
        return {ast.unparse(node)}
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    given = [each for call in calls for each in (*call.args, *(k.value for k in call.keywords))]
    return {ast.unparse(each) for argument in given for each in _named_in(argument)}


def _named_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the names, attributes and items that an expression is made of, as wholes."""
    if isinstance(node, _NAMED):
        yield node
    else:
        for child in ast.iter_child_nodes(node):
            yield from _named_in(child)
