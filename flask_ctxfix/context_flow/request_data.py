"""Which expressions hold data of one request: its proxies, the objects behind them, or values.

Data is followed back from an expression to where it was read: through variables, containers,
attributes of local objects, arguments and returns of functions of the project. What an unknown
function makes of it is unknown, and is no data.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.request_sources import (
    CONTEXTS,
    COPIES,
    PASSING_CALLS,
    READING_CALLS,
    TEXT_METHODS,
    G,
    is_form,
    is_receiver,
    is_record,
    is_view,
)
from flask_ctxfix.context_flow.request_spread import RequestSpread
from flask_ctxfix.context_flow.spreading import tells_nothing
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Known,
    Value,
    bound_arguments,
)
from flask_ctxfix.flask_facts import ADDING, DERIVING_CALLS, REQUEST_GETTERS, REQUEST_PROXIES
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.statements import block_of
from flask_ctxfix.steps import step_at, step_at_name
from flask_ctxfix.syntax import LOOPS, without_call

_BOUND = frozenset(
    {"get_data", "get_json", "close", "make_form_data_parser", "on_json_loading_failed"}
)


class Kind(Enum):
    """What kind of data of a request something is."""

    PROXY = "proxy"
    OBJECT = "object"
    VALUE = "value"


class Datum(NamedTuple):
    """Data of a request: `of` as it is written where it is read, and the `steps` it has come since.

    In a function that is followed for one call, data may come in by a `parameter`.
    A PROXY is harmless for memory; an OBJECT is the request or a context itself, or keeps it alive,
    as an exception that `is_caught` does with its traceback; a VALUE was read from it.
    """

    kind: Kind
    of: str
    steps: tuple[Step, ...] = ()
    is_caught: bool = False
    parameter: str = ""

    @property
    def distance(self) -> int:
        """How far the data has come."""
        return len(self.steps) + bool(self.parameter)


class _Argument(NamedTuple):
    """What the parameter `name` of a function holds in one call."""

    function: FunctionNode
    name: str
    datum: Datum | None


_Arguments = tuple[_Argument, ...]


class _Place(NamedTuple):
    """A module, and what the parameters of the functions hold whose code is followed."""

    module: Module
    arguments: _Arguments = ()
    given: Known = ()


class RequestData:
    """Follows expressions back to the request that they were read from."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._flow = ContextFlow.of(project)
        self._values = self._flow.values
        self._table = self._flow.table
        self._spread = RequestSpread(project, self._values)

    @classmethod
    def of_project(cls, project: Project) -> RequestData:
        """Return the one of a project."""
        return project.memo("request data", lambda: cls(project))

    def of(self, module: Module, node: ast.expr, given: Known = ()) -> Datum | None:
        """Return what data of a request `node` is; None if it is none, or nobody knows."""
        return self._of(_Place(module, (), given), node)

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

    def of_binding(self, module: Module, binding: Binding) -> Datum | None:
        """Return what data of a request one binding gives its name."""
        return self._bound(_Place(module), binding)

    def _of(self, place: _Place, node: ast.expr) -> Datum | None:
        follow = _FOLLOWED.get(type(node))
        if follow is None or self._is_none(place, node):
            return None
        key = ("datum", node, place.arguments, place.given)
        return self._table.ask(place.module, _DATUM, key, lambda: follow(self, place, node))

    def _is_none(self, place: _Place, node: ast.expr) -> bool:
        """Whether `node` is certainly no data, as far as calls in general tell."""
        if any(each.datum is not None for each in place.arguments):
            return False
        return tells_nothing(place.given) and not self._spread.reaches(place.module, node)

    def _value(self, place: _Place, node: ast.expr) -> Value | None:
        return self._values.of(place.module, node, place.given)

    def _first(self, place: _Place, nodes: Iterable[ast.expr | None]) -> Datum | None:
        """Return the most harmful data that one of several expressions is."""
        return _most_harmful(self._of(place, node) for node in nodes if node is not None)

    def _read(self, place: _Place, nodes: Iterable[ast.expr | None]) -> Datum | None:
        """Return the value that is made of expressions, if one of them is data."""
        return _made_of(self._first(place, nodes))

    # --- names -----------------------------------------------------------------------------

    def _name(self, place: _Place, node: ast.Name) -> Datum | None:
        known = self._known(place, node)
        if known is not None:
            return known
        scope = place.module.scopes.home_of(node)
        bindings = scope.bindings.get(node.id, [])
        if scope.parent is None:
            function = place.module.scopes.function_of(node)
            here = (each for each in bindings if _function_of(place, each) is function)
            bindings = list(here) if function is not None else []
        reaching = _reaching(place.module, node, bindings)
        datum = _most_harmful(self._bound(place, each) for each in reaching)
        if datum is not None or scope.parent is None:
            return datum
        return self._put_into(place, node)

    def _known(self, place: _Place, node: ast.expr) -> Datum | None:
        """Return what a proxy, a context or a value that an extension keeps is."""
        value = self._value(place, node)
        name = value.name if isinstance(value, Foreign) else ""
        if name in REQUEST_PROXIES:
            return self._source(place, Kind.PROXY, node)
        if name in CONTEXTS:
            return self._source(place, Kind.OBJECT, node)
        return None

    def _source(self, place: _Place, kind: Kind, node: ast.AST, name: str = "") -> Datum:
        module = place.module
        if name:
            return Datum(kind, name, (step_at_name(module, node, name, "read"),))
        written = " ".join(module.segment(node).split())
        return Datum(kind, written, (step_at(module, node, "read"),))

    def _bound(self, place: _Place, binding: Binding) -> Datum | None:
        node = binding.node
        if binding.kind == "parameter":
            return self._parameter(place, binding)
        if binding.kind in {"import", "definition"}:
            return self._closure(place, node) if isinstance(node, FunctionNode) else None
        if binding.value is not None:
            return self._of(place, binding.value)
        return self._unpacked(place, binding)

    def _unpacked(self, place: _Place, binding: Binding) -> Datum | None:
        """Return what a target holds that is not the only one of an assignment."""
        scopes = place.module.scopes
        for parent in (binding.node, *scopes.ancestors(binding.node)):
            if isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension):
                return self._read(place, (parent.iter,))
            if isinstance(parent, ast.NamedExpr | ast.AugAssign):
                return self._of(place, parent.value)
            if isinstance(parent, ast.Assign):
                return self._element(place, binding, parent)
            if isinstance(parent, ast.ExceptHandler):
                return self._caught(place, parent)
            if isinstance(parent, ast.stmt):
                return None
        return None

    def _element(self, place: _Place, binding: Binding, node: ast.Assign) -> Datum | None:
        names = binding.node.elts if isinstance(binding.node, ast.Tuple | ast.List) else []
        values = node.value.elts if isinstance(node.value, ast.Tuple | ast.List) else []
        if len(names) == len(values) and binding.node in node.targets:
            pairs = zip(names, values, strict=True)
            same = [value for name, value in pairs if getattr(name, "id", "") == binding.name]
            return self._first(place, same)
        return self._read(place, (node.value,))

    def _caught(self, place: _Place, node: ast.ExceptHandler) -> Datum | None:
        """Return what an exception is that was caught in a request: its frames hold that."""
        where = self._flow.reachability.of(place.module, node).where
        if where is not Where.REQUEST or node.name is None:
            return None
        return self._source(place, Kind.OBJECT, node, node.name)._replace(is_caught=True)

    def _parameter(self, place: _Place, binding: Binding) -> Datum | None:
        module = place.module
        function = module.scopes.parents[module.scopes.parents[binding.node]]
        assert isinstance(function, FunctionNode)
        in_call = [each for each in place.arguments if each.function is function]
        if in_call:
            return next((each.datum for each in in_call if each.name == binding.name), None)
        if is_view(self._values, module, function):
            is_own = is_receiver(module, function, binding.node)
            return None if is_own else self._source(place, Kind.VALUE, binding.node)
        if isinstance(function, ast.Lambda):
            return None
        key = ("passed", module.path, function.name, function.lineno, binding.name)
        return self._table.ask(
            self._project, _DATUM, key, lambda: self._passed(module, function, binding.name)
        )

    def _passed(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
    ) -> Datum | None:
        """Return the data that some call of the project passes as a parameter."""
        for home, reference in self._flow.reachability.references(module, function):
            call = home.scopes.parents.get(reference)
            if not isinstance(call, ast.Call) or call.func is not reference:
                continue
            value = self._values.of(home, reference)
            if isinstance(value, Function):
                for parameter, argument in bound_arguments(call, value):
                    datum = self._of(_Place(home), argument) if parameter == name else None
                    if datum is not None:
                        step = step_at(home, call, "call")
                        return datum._replace(steps=(*datum.steps, step))
        return None

    def _put_into(self, place: _Place, node: ast.Name) -> Datum | None:
        """Return the data that was put into the object of a local variable."""
        function = place.module.scopes.function_of(node)
        for read, values in _puts_into(place.module, node):
            if read is not node and place.module.scopes.function_of(read) is function:
                datum = self._first(place, values)
                if datum is not None and datum.kind is not Kind.PROXY:
                    return datum
        return None

    # --- what is made of data --------------------------------------------------------------

    def _attribute(self, place: _Place, node: ast.Attribute) -> Datum | None:
        known = self._known(place, node)
        if known is not None:
            return known
        value = self._value(place, node.value)
        if isinstance(value, Foreign) and value.name == G:
            key = ("kept on g", node.attr)
            kept = self._kept_on_g
            return self._table.ask(self._project, _DATUM, key, lambda: kept(node.attr))
        base = self._of(place, node.value)
        if base is not None:
            return self._part(place, node, base)
        if isinstance(value, Instance):
            return self._kept_on_self(value.of, node.attr) or self._of_form(place, node, value)
        return None

    def _part(self, place: _Place, node: ast.Attribute, base: Datum) -> Datum | None:
        if base.is_caught or node.attr == "app":
            return None
        is_called = _is_called(place.module, node)
        if node.attr in _BOUND and base.kind is not Kind.VALUE and not is_called:
            return base._replace(kind=Kind.OBJECT, of=f"{base.of}.{node.attr}")
        return self._longer(place, node, base)

    def _longer(self, place: _Place, node: ast.expr, base: Datum) -> Datum:
        """Return the value that `node` reads from `base`, named after as much as is telling."""
        inner = without_call(node)
        parts = [each for each in ast.walk(inner) if isinstance(each, ast.Attribute)]
        text = " ".join(place.module.segment(node).split())
        is_telling = text.startswith(base.of) and len(parts) <= 2 and len(text) <= 60
        if base.kind is Kind.VALUE and not is_telling:
            return base
        if base.kind is not Kind.VALUE and not text.startswith(base.of):
            return base._replace(kind=Kind.VALUE)
        whole = step_at(place.module, node, "read")
        steps = tuple(whole if _holds(whole, step) else step for step in base.steps)
        return Datum(Kind.VALUE, text, steps, parameter=base.parameter)

    def _kept_on_g(self, attribute: str) -> Datum | None:
        """Return the data of the request that some code of the project keeps on `g`."""
        for module in self._project.parsed(self._project.naming(attribute)):
            for node in module.scopes.attribute_stores.get(attribute, ()):
                parent = module.scopes.parents[node]
                if not isinstance(parent, ast.Assign | ast.AnnAssign) or parent.value is None:
                    continue
                if self._project.flask_name(module, node.value) == "g":
                    datum = self._of(_Place(module), parent.value)
                    if datum is not None and datum.kind is Kind.VALUE:
                        return datum
        return None

    def _kept_on_self(self, owner: Class, attribute: str) -> Datum | None:
        """Return the data that methods of a class assign to an attribute of ``self``."""
        for assigned in self._values.assigned(owner).get(attribute, ()):
            datum = self._of(_Place(owner.module), assigned)
            if datum is not None:
                return datum
        return None

    def _of_form(self, place: _Place, node: ast.Attribute, value: Instance) -> Datum | None:
        """Return the field of a form, which is filled from the request."""
        return self._source(place, Kind.VALUE, node) if is_form(self._values, value.of) else None

    def _subscript(self, place: _Place, node: ast.Subscript) -> Datum | None:
        base = self._of(place, node.value)
        return None if base is None or base.is_caught else self._longer(place, node, base)

    def _call(self, place: _Place, node: ast.Call) -> Datum | None:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            of_method = self._method(place, node, node.func, arguments)
            if of_method is not None:
                return of_method
        value = self._value(place, node.func)
        if isinstance(value, Function):
            return self._result(place, node, value)
        if isinstance(value, Class):
            return self._construction(place, node, value, arguments)
        name = value.name if isinstance(value, Foreign) else ""
        if name in COPIES:
            where = self._flow.reachability.of(place.module, node).where
            is_inside = where is Where.REQUEST or name.startswith("flask.")
            return self._source(place, Kind.OBJECT, node) if is_inside else None
        if name in REQUEST_GETTERS:
            return self._source(place, Kind.VALUE, node)
        if name in PASSING_CALLS:
            return self._first(place, arguments[1:])
        if name in READING_CALLS:
            return self._read(place, arguments[:1])
        return self._read(place, arguments) if name in DERIVING_CALLS else None

    def _method(
        self, place: _Place, node: ast.Call, called: ast.Attribute, arguments: list[ast.expr]
    ) -> Datum | None:
        """Return the data that a method of data, or of a text, gives."""
        base = self._of(place, called.value)
        if base is None or base.is_caught:
            is_text = isinstance(called.value, ast.Constant) and called.attr in TEXT_METHODS
            return self._read(place, arguments) if is_text else None
        if called.attr == "_get_current_object":
            is_request = self._project.flask_name(place.module, called.value) == "request"
            kind = Kind.OBJECT if is_request else Kind.VALUE
            return self._source(place, kind, node)
        return self._longer(place, node, base)

    def _result(self, place: _Place, call: ast.Call, function: Function) -> Datum | None:
        """Return what data a function of the project returns when it is called like this."""
        given = {name: self._of(place, value) for name, value in bound_arguments(call, function)}
        node, module = function.node, function.module
        arguments = node.args
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        known = tuple(_argument(node, each.arg, given.get(each.arg)) for each in every)
        inner = _Place(module, known, function.given)
        if isinstance(node, ast.Lambda):
            return _from_call(self._of(inner, node.body), given, ())
        step = step_at(place.module, call, "call")
        return _from_call(self._first(inner, module.scopes.returned.get(node, ())), given, (step,))

    def _construction(
        self, place: _Place, call: ast.Call, owner: Class, arguments: list[ast.expr]
    ) -> Datum | None:
        """Return the data that a new object of the project keeps of what it is made of."""
        datum = self._first(place, arguments)
        if datum is None:
            return None
        init = self._values.member(owner, "__init__", of_instance=True)
        if isinstance(init, Function):
            names = {n for n, value in bound_arguments(call, init) if self._of(place, value)}
            if not names & _kept_parameters(init.node):
                return None
        return datum if is_record(owner.node) else None

    def _closure(self, place: _Place, node: ast.AST) -> Datum | None:
        """Return the data that a function keeps of the one around it."""
        scopes = place.module.scopes
        around = scopes.function_of(node)
        if around is None:
            return None
        reads = (each for each in ast.walk(node) if isinstance(each, ast.Name))
        free = [each for each in reads if scopes.home_of(each).node is around]
        datum = self._first(place, free)
        return None if datum is None or datum.kind is Kind.PROXY else datum

    def _elements(self, place: _Place, node: ast.Tuple | ast.List | ast.Set) -> Datum | None:
        return self._first(place, node.elts)

    def _dict(self, place: _Place, node: ast.Dict) -> Datum | None:
        return self._first(place, (*node.keys, *node.values))

    def _wrapped(
        self, place: _Place, node: ast.Await | ast.Starred | ast.NamedExpr
    ) -> Datum | None:
        return self._of(place, node.value)

    def _alternatives(self, place: _Place, node: ast.IfExp) -> Datum | None:
        return self._first(place, (node.body, node.orelse))

    def _operands(self, place: _Place, node: ast.BoolOp) -> Datum | None:
        return self._first(place, node.values)

    def _operation(self, place: _Place, node: ast.BinOp) -> Datum | None:
        return self._read(place, (node.left, node.right))

    def _comparison(self, place: _Place, node: ast.Compare) -> Datum | None:
        return self._read(place, (node.left, *node.comparators))

    def _negation(self, place: _Place, node: ast.UnaryOp) -> Datum | None:
        return self._read(place, (node.operand,))

    def _text(self, place: _Place, node: ast.JoinedStr) -> Datum | None:
        parts = (each.value for each in node.values if isinstance(each, ast.FormattedValue))
        return self._read(place, parts)

    def _comprehension(
        self, place: _Place, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
    ) -> Datum | None:
        return self._first(place, (node.elt,))

    def _dict_comprehension(self, place: _Place, node: ast.DictComp) -> Datum | None:
        return self._first(place, (node.key, node.value))


_FOLLOWED: dict[type[ast.expr], Callable[[RequestData, _Place, Any], Datum | None]] = {
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


_HARM = (Kind.OBJECT, Kind.VALUE, Kind.PROXY)


def _most_harmful(data: Iterable[Datum | None]) -> Datum | None:
    """Return the most harmful data of several, the nearest of these."""
    found = (datum for datum in data if datum is not None)
    return min(found, key=lambda each: (_HARM.index(each.kind), each.distance), default=None)


_DATUM: QuestionKind[Datum | None] = QuestionKind(
    "data", None, lambda one, other: _most_harmful((one, other))
)


def _argument(function: FunctionNode, name: str, datum: Datum | None) -> _Argument:
    """Return what a parameter holds, as far as the function can tell.

    Where the data comes from is left out, so that all calls with data of a kind are one question.
    `_from_call` puts it in again.
    """
    if datum is None:
        return _Argument(function, name, None)
    of = name if datum.of == name else f"<{name}>"
    return _Argument(function, name, datum._replace(of=of, steps=(), parameter=name))


def _from_call(
    datum: Datum | None, given: Mapping[str, Datum | None], call: tuple[Step, ...]
) -> Datum | None:
    """Return what a function returns in a call that gives its parameters this data."""
    if datum is None or not datum.parameter:
        return datum and datum._replace(steps=(*call, *datum.steps))
    passed = given[datum.parameter]
    assert passed is not None
    unnamed = f"<{datum.parameter}>"
    of = datum.of
    if of.startswith(unnamed):
        of = passed.of + of.removeprefix(unnamed)
    steps = (*passed.steps, *call, *datum.steps)
    return datum._replace(of=of, steps=steps, parameter=passed.parameter)


def _holds(whole: Step, part: Step) -> bool:
    """Whether one step is taken at a part of the code of another."""
    if whole.filename != part.filename:
        return False
    starts = (whole.row, whole.column) <= (part.row, part.column)
    return starts and (part.end_row, part.end_column) <= (whole.end_row, whole.end_column)


def _made_of(datum: Datum | None) -> Datum | None:
    """Return the value that reading `datum` gives; what an exception says may be anything."""
    if datum is None or datum.is_caught:
        return None
    return datum._replace(kind=Kind.VALUE)


def _function_of(place: _Place, binding: Binding) -> FunctionNode | None:
    return place.module.scopes.function_of(binding.node)


def _is_called(module: Module, node: ast.expr) -> bool:
    parent = module.scopes.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _kept_parameters(init: FunctionNode) -> set[str]:
    """Return the names that a constructor reads in what it assigns to attributes."""
    assigns = (each for each in ast.walk(init) if isinstance(each, ast.Assign | ast.AnnAssign))
    kept = (each.value for each in assigns if each.value is not None)
    return {each.id for value in kept for each in ast.walk(value) if isinstance(each, ast.Name)}


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


def _reaching(module: Module, node: ast.Name, bindings: list[Binding]) -> Iterator[Binding]:
    """Yield the bindings that `node` may read: none that a later one certainly replaces."""
    scopes = module.scopes
    function = scopes.function_of(node)
    blocks = list(scopes.ancestors(node))
    start = module.span(node).start
    for binding in bindings:
        if binding.value is None or scopes.function_of(binding.node) is not function:
            yield binding
            continue
        mine = module.span(binding.node)
        if mine.end > start and not _shares_loop(module, node, binding.node):
            continue
        replaced = any(
            other is not binding
            and other.kind == "assign"
            and mine.end <= module.span(other.node).start
            and module.span(other.node).end <= start
            and scopes.parents[other.node] in blocks
            and _same_block(scopes.parents[other.node], other.node, node, scopes.ancestors)
            for other in bindings
        )
        if not replaced:
            yield binding


def _shares_loop(module: Module, one: ast.AST, other: ast.AST) -> bool:
    loops = {e for e in module.scopes.ancestors(one) if isinstance(e, LOOPS)}
    return any(each in loops for each in module.scopes.ancestors(other))


def _same_block(
    parent: ast.AST,
    statement: ast.AST,
    node: ast.AST,
    ancestors: Callable[[ast.AST], Iterator[ast.AST]],
) -> bool:
    """Whether `statement` stands in the very block of `parent` that holds `node`."""
    around = {node, *ancestors(node)}
    return any(each in around for each in block_of(parent, statement))
