"""Which expressions hold data of one request: its proxies, the objects behind them, or values.

Data is followed back from an expression to where it was read: through variables, containers,
attributes of local objects, arguments and returns of functions of the project, and through what is
found by it or made of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import Where
from flask_ctxfix.context_flow.data_of_searches import DataOfSearches
from flask_ctxfix.context_flow.request_datum import (
    DATUM,
    Datum,
    Frame,
    How,
    Kind,
    argument_of,
    found_by,
    from_call,
    most_harmful,
    within,
)
from flask_ctxfix.context_flow.request_searches import sides_of_search
from flask_ctxfix.context_flow.request_sources import (
    COPIES,
    PASSING_CALLS,
    READING_CALLS,
    TEXT_METHODS,
    G,
    is_form,
    is_record,
)
from flask_ctxfix.context_flow.request_spread import RequestSpread
from flask_ctxfix.context_flow.spreading import tells_nothing
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Known,
)
from flask_ctxfix.flask_facts import DERIVING_CALLS, RANDOM, REQUEST_GETTERS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import parameters_in, without_call

_BOUND = frozenset(
    {"get_data", "get_json", "close", "make_form_data_parser", "on_json_loading_failed"}
)


class RequestData(DataOfSearches):
    """Follows expressions back to the request that they were read from."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._spread = RequestSpread(project, self._values, self._flow.callers)

    @classmethod
    def of_project(cls, project: Project) -> RequestData:
        """Return the one of a project."""
        return project.memo("request data", lambda: cls(project))

    def of(
        self, module: Module, node: ast.expr, given: Known = (), widest: How = How.READ
    ) -> Datum | None:
        """Return what data of a request `node` is, if it came about as surely as `widest`."""
        return within(self._of(Frame(module, (), given), node), widest)

    def of_turn(self, module: Module, node: ast.AST) -> Datum | None:
        """Return the data by which a loop finds the item in whose turn `node` runs."""
        sides = sides_of_search(module, node)
        if not any(self.may_be(module, each) for each in sides):
            return None
        return self._searched(Frame(module), node)

    def may_be_in(self, module: Module) -> bool:
        """Whether a module may hold data of a request at all."""
        return self._spread.reaches_into(module)

    def may_be(self, module: Module, node: ast.expr) -> bool:
        """Whether `node` may be data of a request; far cheaper than to ask which it is."""
        return self._spread.reaches(module, node)

    def may_be_given(self, module: Module, call: ast.Call) -> bool:
        """Whether an argument of a call may be data of a request."""
        values = (*call.args, *(each.value for each in call.keywords))
        return any(self.may_be(module, each) for each in values)

    def of_binding(self, module: Module, binding: Binding, widest: How = How.READ) -> Datum | None:
        """Return what data of a request one binding gives its name."""
        return within(self._bound(Frame(module), binding), widest)

    def _of(self, frame: Frame, node: ast.expr) -> Datum | None:
        follow = _FOLLOWED.get(type(node))
        if follow is None or self._is_none(frame, node):
            return None
        key = ("datum", node, frame.arguments, frame.given)
        return self._table.ask(frame.module, DATUM, key, lambda: follow(self, frame, node))

    def _is_none(self, frame: Frame, node: ast.expr) -> bool:
        """Whether `node` is certainly no data, as far as calls in general tell."""
        if any(each.datum is not None for each in frame.arguments):
            return False
        return tells_nothing(frame.given) and not self._spread.reaches(frame.module, node)

    def _attribute(self, frame: Frame, node: ast.Attribute) -> Datum | None:
        known = self._known(frame, node)
        if known is not None:
            return known
        value = self._value(frame, node.value)
        if isinstance(value, Foreign) and value.name == G:
            key = ("kept on g", node.attr)
            kept = self._kept_on_g
            return self._table.ask(self._project, DATUM, key, lambda: kept(node.attr))
        base = self._of(frame, node.value)
        if base is not None:
            return self._part(frame, node, base)
        if isinstance(value, Instance):
            return self._kept_on_self(value.of, node.attr) or self._of_form(frame, node, value)
        return None

    def _part(self, frame: Frame, node: ast.Attribute, base: Datum) -> Datum | None:
        if base.is_caught or node.attr == "app":
            return None
        is_called = frame.module.scopes.call_of(node) is not None
        if node.attr in _BOUND and base.kind is not Kind.VALUE and not is_called:
            return base._replace(kind=Kind.OBJECT, of=f"{base.of}.{node.attr}")
        return self._longer(frame, node, base)

    def _longer(self, frame: Frame, node: ast.expr, base: Datum) -> Datum:
        """Return the value that `node` reads from `base`, named after as much as is telling."""
        if base.how is not How.READ:
            return base
        inner = without_call(node)
        parts = [each for each in ast.walk(inner) if isinstance(each, ast.Attribute)]
        text = " ".join(frame.module.segment(node).split())
        is_telling = text.startswith(base.of) and len(parts) <= 2 and len(text) <= 60
        if base.kind is Kind.VALUE and not is_telling:
            return base
        if base.kind is not Kind.VALUE and not text.startswith(base.of):
            return base._replace(kind=Kind.VALUE)
        whole = step_at(frame.module, node, "read")
        steps = tuple(whole if _holds(whole, step) else step for step in base.steps)
        return Datum(Kind.VALUE, text, steps, parameter=base.parameter)

    def _kept_on_g(self, attribute: str) -> Datum | None:
        """Return the data of the request that some code of the project keeps on `g`."""
        return most_harmful(each for each in self._every_on_g(attribute) if each.kind is Kind.VALUE)

    def _every_on_g(self, attribute: str) -> Iterator[Datum]:
        for module in self._project.parsed(self._project.naming(attribute)):
            for node in module.scopes.attribute_stores.get(attribute, ()):
                parent = module.scopes.parents[node]
                if not isinstance(parent, ast.Assign | ast.AnnAssign) or parent.value is None:
                    continue
                if self._project.flask_name(module, node.value) == "g":
                    datum = self._of(Frame(module), parent.value)
                    if datum is not None:
                        yield datum

    def _kept_on_self(self, owner: Class, attribute: str) -> Datum | None:
        """Return the data that methods of a class assign to an attribute of ``self``."""
        every = self._values.assigned(owner).get(attribute, ())
        return most_harmful(self._of(Frame(owner.module), assigned) for assigned in every)

    def _of_form(self, frame: Frame, node: ast.Attribute, value: Instance) -> Datum | None:
        """Return the field of a form, which is filled from the request."""
        return self._source(frame, Kind.VALUE, node) if is_form(self._values, value.of) else None

    def _subscript(self, frame: Frame, node: ast.Subscript) -> Datum | None:
        base = self._of(frame, node.value)
        if base is not None and not base.is_caught:
            return self._longer(frame, node, base)
        return found_by(self._of(frame, node.slice), How.FOUND)

    def _call(self, frame: Frame, node: ast.Call) -> Datum | None:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            of_method = self._method(frame, node, node.func, arguments)
            if of_method is not None:
                return of_method
        value = self._value(frame, node.func)
        if isinstance(value, Function):
            return self._result(frame, node, value)
        if isinstance(value, Class):
            return self._construction(frame, node, value, arguments)
        name = value.name if isinstance(value, Foreign) else ""
        if name in COPIES:
            where = self._flow.reachability.of(frame.module, node).where
            is_inside = where is Where.REQUEST or name.startswith("flask.")
            return self._source(frame, Kind.OBJECT, node) if is_inside else None
        if name in REQUEST_GETTERS:
            return self._source(frame, Kind.VALUE, node)
        if name in RANDOM:
            return self._drawn(frame, node)
        if name in PASSING_CALLS:
            return self._first(frame, arguments[1:])
        if name in READING_CALLS:
            return self._read(frame, arguments[:1])
        if name in DERIVING_CALLS:
            return self._read(frame, arguments)
        return self._fetched(frame, node) or self._made(frame, node, name, arguments)

    def _method(
        self, frame: Frame, node: ast.Call, called: ast.Attribute, arguments: list[ast.expr]
    ) -> Datum | None:
        """Return the data that a method of data, or of a text, gives."""
        base = self._of(frame, called.value)
        if base is None or base.is_caught:
            is_text = isinstance(called.value, ast.Constant) and called.attr in TEXT_METHODS
            return self._read(frame, arguments) if is_text else None
        if called.attr == "_get_current_object":
            is_request = self._project.flask_name(frame.module, called.value) == "request"
            kind = Kind.OBJECT if is_request else Kind.VALUE
            return self._source(frame, kind, node)
        return self._longer(frame, node, base)

    def _result(self, frame: Frame, call: ast.Call, function: Function) -> Datum | None:
        """Return what data a function of the project returns when it is called like this."""
        given = self._given(frame, call, function)
        node, module = function.node, function.module
        every = parameters_in(node.args)
        known = tuple(argument_of(node, each.arg, given.get(each.arg)) for each in every)
        around = frozenset(module.scopes.ancestors(node)) if frame.arguments else frozenset()
        seen = tuple(each for each in frame.arguments if each.function in around)
        inner = Frame(module, (*known, *seen), function.given)
        if isinstance(node, ast.Lambda):
            return from_call(self._of(inner, node.body), given, ())
        step = step_at(frame.module, call, "call")
        returned = module.scopes.returned.get(node, ())
        datum = self._first(inner, returned) or most_harmful(
            self._searched(inner, each) for each in returned
        )
        return from_call(datum, given, (step,))

    def _construction(
        self, frame: Frame, call: ast.Call, owner: Class, arguments: list[ast.expr]
    ) -> Datum | None:
        """Return the data that a new object of the project keeps of what it is made of."""
        datum = self._first(frame, arguments)
        if datum is None:
            return None
        init = self._values.member(owner, "__init__", of_instance=True)
        if isinstance(init, Function):
            given = self._given(frame, call, init)
            if not any(given.get(name) for name in _kept_parameters(init.node)):
                return None
        return datum if is_record(owner.node) else found_by(datum, How.FOUND)

    def _elements(self, frame: Frame, node: ast.Tuple | ast.List | ast.Set) -> Datum | None:
        return self._first(frame, node.elts)

    def _dict(self, frame: Frame, node: ast.Dict) -> Datum | None:
        return self._first(frame, (*node.keys, *node.values))

    def _wrapped(self, frame: Frame, node: ast.Await | ast.Starred | ast.NamedExpr) -> Datum | None:
        return self._of(frame, node.value)

    def _alternatives(self, frame: Frame, node: ast.IfExp) -> Datum | None:
        chosen = self._first(frame, (node.body, node.orelse))
        return chosen or found_by(self._of(frame, node.test), How.FOUND)

    def _operands(self, frame: Frame, node: ast.BoolOp) -> Datum | None:
        return self._first(frame, node.values)

    def _operation(self, frame: Frame, node: ast.BinOp) -> Datum | None:
        return self._read(frame, (node.left, node.right))

    def _comparison(self, frame: Frame, node: ast.Compare) -> Datum | None:
        return self._read(frame, (node.left, *node.comparators))

    def _negation(self, frame: Frame, node: ast.UnaryOp) -> Datum | None:
        return self._read(frame, (node.operand,))

    def _text(self, frame: Frame, node: ast.JoinedStr) -> Datum | None:
        parts = (each.value for each in node.values if isinstance(each, ast.FormattedValue))
        return self._read(frame, parts)

    def _comprehension(
        self, frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
    ) -> Datum | None:
        return self._first(frame, (node.elt,)) or self._filtered(frame, node)

    def _dict_comprehension(self, frame: Frame, node: ast.DictComp) -> Datum | None:
        return self._first(frame, (node.key, node.value)) or self._filtered(frame, node)


_FOLLOWED: dict[type[ast.expr], Callable[[RequestData, Frame, Any], Datum | None]] = {
    ast.Attribute: RequestData._attribute,
    ast.Await: RequestData._wrapped,
    ast.BinOp: RequestData._operation,
    ast.BoolOp: RequestData._operands,
    ast.Call: RequestData._call,
    ast.Compare: RequestData._comparison,
    ast.Dict: RequestData._dict,
    ast.DictComp: RequestData._dict_comprehension,
    ast.GeneratorExp: RequestData._comprehension,
    ast.IfExp: RequestData._alternatives,
    ast.JoinedStr: RequestData._text,
    ast.Lambda: RequestData._closure,
    ast.List: RequestData._elements,
    ast.ListComp: RequestData._comprehension,
    ast.Name: RequestData._name,
    ast.NamedExpr: RequestData._wrapped,
    ast.Set: RequestData._elements,
    ast.SetComp: RequestData._comprehension,
    ast.Starred: RequestData._wrapped,
    ast.Subscript: RequestData._subscript,
    ast.Tuple: RequestData._elements,
    ast.UnaryOp: RequestData._negation,
}


def _holds(whole: Step, part: Step) -> bool:
    """Whether one step is taken at a part of the code of another."""
    if whole.filename != part.filename:
        return False
    starts = (whole.row, whole.column) <= (part.row, part.column)
    return starts and (part.end_row, part.end_column) <= (whole.end_row, whole.end_column)


def _kept_parameters(init: FunctionNode) -> set[str]:
    """Return the names that a constructor reads in what it assigns to attributes."""
    assigns = (each for each in ast.walk(init) if isinstance(each, ast.Assign | ast.AnnAssign))
    kept = (each.value for each in assigns if each.value is not None)
    return {each.id for value in kept for each in ast.walk(value) if isinstance(each, ast.Name)}
