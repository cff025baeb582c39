"""What an expression stands for: a function, a class, an instance, or a name from elsewhere.

Only what is certain has a value. Everything else is None: code that may mean several things, or
that nothing in the project tells.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from flask_ctxfix import flask_facts
from flask_ctxfix.context_flow.setters import Setter, may_be_set, setters_of
from flask_ctxfix.context_flow.tables import OPEN, QuestionKind, Table
from flask_ctxfix.origins import NONE, UNKNOWN
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import Binding, FunctionNode, Scope, children
from flask_ctxfix.syntax import without_call

# How many values may hold each other: a partial of a partial of a copy of a closure of a partial.
# Code that calls itself with a new one each time would have no end of them.
_DEEPEST = 8
_COPY = "flask.copy_current_request_context"
_PARTIAL = "functools.partial"
_HOLDERS = frozenset({_COPY, _PARTIAL, "werkzeug.local.LocalProxy"})
_REAL_OBJECTS = {"flask.current_app": "flask.Flask()", "flask.request": "flask.Request()"}


class Foreign(NamedTuple):
    """A name from outside of the project: ``flask.request``.

    ``X()`` is what calling X gives, an instance where X is a class.
    """

    name: str


class Class(NamedTuple):
    """A class of the project."""

    module: Module
    node: ast.ClassDef


class Instance(NamedTuple):
    """An instance of a class of the project."""

    of: Class


class Parent(NamedTuple):
    """What ``super()`` gives in a method of the class."""

    of: Class


class Function(NamedTuple):
    """A function of the project, without its decorators.

    `receiver` is what its first parameter is bound to; `given` holds values of its parameters and
    of those of the functions around it.
    """

    module: Module
    node: FunctionNode
    receiver: Value | None = None
    given: tuple[Given, ...] = ()

    @property
    def name(self) -> str:
        """The name that it is defined under."""
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name

    @property
    def is_generator(self) -> bool:
        """Whether calling it makes a generator, whose body runs later."""
        return self.node in self.module.scopes.generators


class Property(NamedTuple):
    """What runs `function` when it is read."""

    function: Function


class Partial(NamedTuple):
    """What ``functools.partial`` gives; `call` is the call that made it."""

    function: Value | None
    call: ast.Call


class Copied(NamedTuple):
    """A function that runs in a copy of the request's context; `maker` made the copy."""

    function: Value | None
    maker: ast.AST


class Proxy(NamedTuple):
    """A LocalProxy of the project, which calls `function` whenever it is used."""

    function: Value


class Switch(NamedTuple):
    """True or False, as code passes it to choose what a function does."""

    is_on: bool


class Given(NamedTuple):
    """The value that the parameter `name` of a function has."""

    function: FunctionNode
    name: str
    value: Value


Value = (
    Foreign | Class | Instance | Parent | Function | Property | Partial | Copied | Proxy | Switch
)
Known = tuple[Given, ...]


class _Undecided(NamedTuple):
    """The value of what is still being evaluated, which may become any."""


_UNDECIDED = _Undecided()
_Answer = Value | _Undecided | None


def _agreed(values: Iterable[_Answer]) -> _Answer:
    """Return the one value that all of `values` are, as far as they are decided."""
    found = set(values)
    if len(found) > 1:
        found.discard(_UNDECIDED)
    return found.pop() if len(found) == 1 else None


def _decided(value: _Answer) -> Value | None:
    """Return a value; None also if only its own value would tell."""
    return None if isinstance(value, _Undecided) else value


_VALUE: QuestionKind[_Answer] = QuestionKind(
    "value", _UNDECIDED, lambda one, other: one if one == other else None
)


class Values:
    """Evaluates the expressions of a project."""

    def __init__(self, project: Project, table: Table) -> None:
        self._project = project
        self._table = table
        self._named: dict[str, Foreign] = {}

    def of(self, module: Module, node: ast.expr, given: Known = ()) -> Value | None:
        """Return what `node` stands for where parameters have the values `given`."""
        return _decided(self._of(module, node, given))

    def definition(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, given: Known = ()
    ) -> Value | None:
        """Return what the name of a function stands for, once its decorators have run."""
        return _decided(self._definition(module, node, given))

    def below(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr
    ) -> Value | None:
        """Return what a decorator of a function is given, once those below it have run."""
        value: _Answer = Function(module, node)
        for each in reversed(node.decorator_list):
            if each is decorator or value is None:
                break
            value = self._decorate(module, each, value, ())
        return _decided(value)

    def result(self, function: Value | None, arguments: Known | None = None) -> Value | None:
        """Return what calling `function` gives where `arguments` are known."""
        return _decided(self._result(function, arguments))

    def arguments(self, module: Module, call: ast.Call, function: Function, given: Known) -> Known:
        """Return the values that a call binds to parameters of `function`, where they are known."""
        found = []
        for name, argument in bound_arguments(call, function):
            value = self.of(module, argument, given)
            if value is not None and self._is_shallow(value):
                found.append(Given(function.node, name, value))
        return tuple(found)

    def member(self, owner: Class, name: str, *, of_instance: bool) -> Value | None:
        """Return what an attribute of a class of the project, or of its instances, stands for."""
        return _decided(self._member(owner, name, of_instance=of_instance))

    def _of(self, module: Module, node: ast.expr, given: Known = ()) -> _Answer:
        if not given:
            answer: _Answer = module.answers.get(node, OPEN)  # most have been asked before
            if answer is not OPEN:
                return answer
        evaluate = _EVALUATED.get(type(node))
        return None if evaluate is None else evaluate(self, module, node, given)

    def _name(self, module: Module, node: ast.Name, given: Known) -> _Answer:
        scope = module.scopes.home_of(node)
        if given:
            given = _seen_from(module, scope, node.id, given)
            if not given:
                return self._of(module, node)
        is_local = scope.parent is not None and not scope.is_class
        place = (scope, node.id) if is_local else self._project.local_name(module, node)
        key = ("name", place, given)
        answer: _Answer = module.answers.get(key, OPEN)
        if answer is OPEN:
            answer = self._simple(module, node, given)
            if answer is OPEN:
                answer = self._ask(module, key, lambda: self._bound_name(module, node, given))
            else:
                module.answers[key] = answer
        if not given and key in module.answers:
            module.answers[node] = answer
        return answer

    def _simple(self, module: Module, node: ast.Name, given: Known) -> Any:
        """Return the value of a name if its one binding tells it; `OPEN` if it takes others."""
        binding = self._project.only_binding(module, node)
        if binding is None:
            return OPEN
        if binding.alias is not None:
            imported = self._project.imported_name(module, binding)
            return OPEN if imported is None else self._foreign(imported)
        if module.scopes.module.binds(node.id) and may_be_set(self._project, node.id):
            return OPEN
        made_by = binding.node
        if isinstance(made_by, ast.FunctionDef | ast.AsyncFunctionDef):
            if made_by.decorator_list:
                return OPEN
            return Function(module, made_by, None, _seen_by(module, made_by, given))
        if isinstance(made_by, ast.ClassDef):
            return Class(module, made_by)
        if binding.kind == "parameter":
            is_annotated = getattr(made_by, "annotation", None) is not None
            return OPEN if is_annotated else self._parameter(module, binding, given)
        is_made = binding.value is not None or isinstance(made_by, ast.withitem | ast.NamedExpr)
        return OPEN if is_made else None

    def _definition(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, given: Known
    ) -> _Answer:
        seen = _seen_by(module, node, given)
        if not node.decorator_list:
            return Function(module, node, None, seen)
        key = ("decorated", node, seen)
        return self._ask(module, key, lambda: self._decorated(module, node, seen))

    def _result(self, function: _Answer, arguments: Known | None = None) -> _Answer:
        if isinstance(function, Class):
            return Instance(function)
        if isinstance(function, Foreign):
            return Foreign(f"{function.name}()")
        if not isinstance(function, Function):
            return function if function is _UNDECIDED else None
        given = (*function.given, *(arguments or ()))
        module, node = function.module, function.node
        if isinstance(node, ast.Lambda):
            return self._of(module, node.body, given)
        if isinstance(node, ast.AsyncFunctionDef):
            return None
        key = ("result", node, given)
        return self._ask(module, key, lambda: self._returned(module, node, given))

    def _member(self, owner: Class, name: str, *, of_instance: bool) -> _Answer:
        key = ("member", owner.node, name, of_instance)
        return self._ask(owner.module, key, lambda: self._looked_up(owner, name, of_instance))

    def _ask(self, module: Module, key: Hashable, compute: Callable[[], _Answer]) -> _Answer:
        return self._table.ask(module, _VALUE, key, compute)

    def _is_shallow(self, value: Value) -> bool:
        is_shallow = _depth(value) <= _DEEPEST
        if not is_shallow:
            self._project.bounds["arguments that hold values more than 8 deep"] += 1
        return is_shallow

    def bases(self, owner: Class) -> Iterator[Class | Foreign]:
        """Yield the classes that a class inherits from, nearest first, as far as they are known."""
        seen = {owner.node}
        pending: list[Class] = [owner]
        while pending:
            current = pending.pop(0)
            for base in current.node.bases:
                value = self._of(current.module, base)
                if isinstance(value, Class) and value.node not in seen:
                    seen.add(value.node)
                    pending.append(value)
                    yield value
                elif isinstance(value, Foreign):
                    yield value

    def _foreign(self, origin: str) -> Foreign:
        """Return what a qualified name from outside of the project stands for."""
        found = self._named.get(origin)
        if found is None:
            found = self._named[origin] = Foreign(flask_facts.canonical_name(origin))
        return found

    def _constant(self, module: Module, node: ast.Constant, given: Known) -> _Answer:
        return Switch(node.value) if isinstance(node.value, bool) else None

    def _lambda(self, module: Module, node: ast.Lambda, given: Known) -> _Answer:
        return Function(module, node, None, _seen_by(module, node, given))

    def _called(self, module: Module, node: ast.Call, given: Known) -> _Answer:
        """Return the value of a call: of an unknown function, or one from elsewhere, at once."""
        function = OPEN if given else module.answers.get(node.func, OPEN)
        if function is OPEN:
            return self._asked(module, node, given)
        if function is None:
            is_plain = not isinstance(node.func, ast.Name) or node.func.id != "super"
        else:
            is_plain = isinstance(function, Foreign) and not _is_special(function.name)
        if not is_plain:
            return self._asked(module, node, given)
        value = None if function is None else Foreign(f"{function.name}()")
        module.answers[node] = value
        return value

    def _asked(self, module: Module, node: ast.expr, given: Known) -> _Answer:
        """Return the value of what is made of several others, or of others that lead back here."""
        key = ("value", node, given) if given else node
        return self._ask(module, key, lambda: self._expression(module, node, given))

    def _expression(self, module: Module, node: ast.expr, given: Known) -> _Answer:
        if isinstance(node, ast.Attribute):
            return self._looked_at(module, node, given)
        if isinstance(node, ast.Call):
            return self._call(module, node, given)
        if isinstance(node, ast.BoolOp):
            values = [self._of(module, value, given) for value in node.values]
            decisive = Switch(isinstance(node.op, ast.Or))
            return decisive if decisive in values else _agreed(values)
        if isinstance(node, ast.IfExp):
            return _agreed(self._of(module, value, given) for value in (node.body, node.orelse))
        assert isinstance(node, ast.Await | ast.NamedExpr)
        return self._of(module, node.value, given)

    def _bound_name(self, module: Module, node: ast.Name, given: Known) -> _Answer:
        bindings = self._project.bindings(module, node)
        if not bindings:
            return self._named_elsewhere(module, node)
        return self._agreed_on(bindings, given)

    def _agreed_on(self, bindings: list[tuple[Module, Binding]], given: Known) -> _Answer:
        """Return what the bindings of a name agree on, with what other modules set it to."""
        values = [
            self._bound(owner, binding, given)
            for owner, binding in bindings
            if not _is_none(binding)
        ]
        owners = {
            (owner.path, binding.name)
            for owner, binding in bindings
            if binding.alias is None and owner.scopes.module.binds(binding.name)
        }
        return _agreed([*values, *(v for path, name in owners for v in self._set_in(path, name))])

    def _set_in(self, path: str, name: str) -> Iterator[_Answer]:
        """Yield what code elsewhere sets a name of the module at `path` to."""
        for setter in setters_of(self._project, name):
            if self._project.module_of(setter.module, setter.target) == path:
                yield self._set_to(setter)

    def _set_on(self, owner: Class, name: str) -> Iterator[_Answer]:
        """Yield what code elsewhere sets an attribute of a class to, or of one that it inherits."""
        family = [owner.node]
        setters = [*setters_of(self._project, name)]
        if setters:
            family += [base.node for base in self.bases(owner) if isinstance(base, Class)]
        for setter in setters:
            target = self._of(setter.module, setter.target)
            if isinstance(target, Class) and target.node in family:
                yield self._set_to(setter)

    def _set_to(self, setter: Setter) -> _Answer:
        return None if setter.value is None else self._of(setter.module, setter.value)

    def _named_elsewhere(self, module: Module, node: ast.expr) -> Foreign | None:
        origins = self._project.origins(module, node) - {NONE}
        return self._one_foreign(origins)

    def _one_foreign(self, origins: Iterable[str]) -> Foreign | None:
        """Return what qualified names have in common, if it is one and known."""
        values = {self._foreign(origin) for origin in origins}
        value = values.pop() if len(values) == 1 else None
        return None if value is None or value.name == UNKNOWN else value

    def _bound(self, module: Module, binding: Binding, given: Known) -> _Answer:
        node = binding.node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._definition(module, node, given)
        if isinstance(node, ast.ClassDef):
            return Class(module, node)
        if binding.kind == "import":
            return self._imported(module, binding)
        if binding.kind == "parameter":
            return self._parameter(module, binding, given)
        if binding.value is not None:
            return self._of(module, binding.value, given)
        if isinstance(node, ast.withitem):
            return self._of(module, node.context_expr, given)
        if isinstance(node, ast.NamedExpr):
            return self._of(module, node.value, given)
        return None

    def _imported(self, module: Module, binding: Binding) -> Foreign | None:
        if module.scopes.in_type_checking(binding.node):
            return None
        return self._one_foreign(self._project.binding_origins(module, binding))

    def _parameter(self, module: Module, binding: Binding, given: Known) -> _Answer:
        argument = binding.node
        function = module.scopes.parents[module.scopes.parents[argument]]
        assert isinstance(function, FunctionNode)
        for each in reversed(given):
            if each.function is function and each.name == binding.name:
                return each.value
        owner = module.scopes.parents[function]
        if isinstance(owner, ast.ClassDef) and _is_receiver(function, argument):
            own = Class(module, owner)
            return own if _has_decorator(function, "classmethod") else Instance(own)
        annotation = getattr(argument, "annotation", None)
        if annotation is not None and binding.name == getattr(argument, "arg", ""):
            return self._result(self._class_named(module, annotation))
        return None

    def _class_named(self, module: Module, annotation: ast.expr) -> _Answer:
        """Return the class of the project, or of applications, that an annotation says."""
        value = self._of(module, annotation)
        is_application = isinstance(value, Foreign) and value.name == "flask.Flask"
        return value if isinstance(value, Class) or is_application else None

    def _attribute(self, module: Module, node: ast.Attribute, given: Known) -> _Answer:
        """Return the value of an attribute: what its owner is tells it, unless that is a module."""
        owner = self._of(module, node.value, given)
        if owner is _UNDECIDED:
            return owner
        if isinstance(owner, Instance):
            return self._of_member(module, node, given, owner.of, of_instance=True)
        if isinstance(owner, Class):
            return self._of_member(module, node, given, owner, of_instance=False)
        if isinstance(owner, Foreign):
            if self._project.find_module(owner.name, module.path) is None:
                value = self._foreign(f"{owner.name}.{node.attr}")
                return self._kept(module, node, given, node.value, value)
        elif owner is None:
            if not self._project.may_be_module(module, node.value):
                return self._kept(module, node, given, node.value, None)
        elif not isinstance(owner, Parent):
            return None
        return self._asked(module, node, given)

    def _of_member(
        self, module: Module, node: ast.Attribute, given: Known, owner: Class, *, of_instance: bool
    ) -> _Answer:
        value = self._member(owner, node.attr, of_instance=of_instance)
        if not given:
            member = ("member", owner.node, node.attr, of_instance)
            if node.value in module.answers and member in owner.module.answers:
                module.answers[node] = value
        return value

    def _kept(
        self, module: Module, node: ast.expr, given: Known, part: ast.expr, value: _Answer
    ) -> _Answer:
        """Return the value of `node`, which a part of it tells; keep it if that one is final."""
        if not given and part in module.answers:
            module.answers[node] = value
        return value

    def _looked_at(self, module: Module, node: ast.Attribute, given: Known) -> _Answer:
        """Return the value of an attribute of a module, or of the parent of a class."""
        owner = self._of(module, node.value, given)
        if owner is _UNDECIDED:
            return owner
        if owner is None:
            return self._of_module(module, node, given)
        if isinstance(owner, Foreign):
            found = self._of_module(module, node, given)
            return self._named_elsewhere(module, node) if found is None else found
        assert isinstance(owner, Parent)
        return self._inherited(owner.of, node.attr, Instance(owner.of))

    def _of_module(self, module: Module, node: ast.Attribute, given: Known) -> _Answer:
        """Return the value of an attribute of a module of the project."""
        if not isinstance(node.value, ast.Name | ast.Attribute):
            return None
        bindings = self._project.bindings(module, node)
        return self._agreed_on(bindings, given)

    def _call(self, module: Module, node: ast.Call, given: Known) -> _Answer:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self._parent(module, node)
        function = self._of(module, node.func, given)
        if isinstance(function, Foreign):
            return self._foreign_call(module, node, function.name, given)
        if isinstance(function, Function):
            return self._result(function, self.arguments(module, node, function, given))
        return self._result(function)

    def _parent(self, module: Module, node: ast.Call) -> Parent | None:
        around = module.scopes.ancestors(node)
        owner = next((each for each in around if isinstance(each, ast.ClassDef)), None)
        return Parent(Class(module, owner)) if owner is not None else None

    def _foreign_call(self, module: Module, node: ast.Call, name: str, given: Known) -> _Answer:
        if not _is_special(name):
            return Foreign(f"{name}()")
        if name in _HOLDERS:
            first = self._of(module, node.args[0], given) if node.args else None
            if isinstance(first, _Undecided):
                return first
            if name == _PARTIAL:
                return Partial(first, node)
            if name == _COPY:
                return Copied(first, node)
            return Proxy(first) if first is not None else None
        if name == "typing.cast":
            return self._of(module, node.args[1], given) if len(node.args) == 2 else None
        owner = name.rpartition(".")[0]
        return Foreign(_REAL_OBJECTS.get(owner, f"{name}()"))

    def _decorated(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, given: Known
    ) -> _Answer:
        value: _Answer = Function(module, node, None, given)
        for decorator in reversed(node.decorator_list):
            value = self._decorate(module, decorator, value, given)
            if value is None:
                return None
        return value

    def _decorate(
        self, module: Module, decorator: ast.expr, value: _Answer, given: Known
    ) -> _Answer:
        """Return what a decorator makes of `value`; None for one that is not known."""
        called = without_call(decorator)
        maker = self._of(module, called, given)
        if isinstance(maker, _Undecided) or isinstance(value, _Undecided):
            return _UNDECIDED
        if isinstance(maker, Foreign):
            if maker.name == _COPY:
                return Copied(value, decorator)
            if maker.name in _PROPERTIES and isinstance(value, Function):
                return Property(value)
            return value if flask_facts.is_transparent(maker.name) else None
        if isinstance(decorator, ast.Call):
            maker = self._of(module, decorator, given)
        if not isinstance(maker, Function) or value is None:
            return None
        parameters = parameters_of(maker)
        if not parameters:
            return None
        return self._result(maker, (Given(maker.node, parameters[0], value),))

    def _returned(self, module: Module, node: ast.FunctionDef, given: Known) -> _Answer:
        if node in module.scopes.generators:
            return None
        return _agreed(
            self._of(module, each, given) for each in module.scopes.returned.get(node, ())
        )

    def _looked_up(self, owner: Class, name: str, of_instance: bool) -> _Answer:
        receiver = Instance(owner) if of_instance else owner
        values = [_seen_as(each, receiver) for each in self._set_on(owner, name)]
        if not values or self._defines(owner, name):
            values.append(self._defined(owner, name, receiver))
        return _agreed(values)

    def _defines(self, owner: Class, name: str) -> bool:
        """Whether a class, its methods or its bases give an attribute more than a None at first."""
        classes = (owner, *self.bases(owner))
        return any(
            isinstance(each, Foreign)
            or name in self.assigned(each)
            or not all(map(_is_none, _body_of(each).bindings.get(name, ())))
            for each in classes
        )

    def _defined(self, owner: Class, name: str, receiver: Instance | Class) -> _Answer:
        """Return what a class, its methods or its bases give an attribute."""
        own = self._own_member(owner, name, receiver)
        if own is not None:
            return own
        if isinstance(receiver, Instance) and name in self.assigned(owner):
            values = self.assigned(owner)[name]
            return _agreed(self._of(owner.module, value) for value in values)
        return self._inherited(owner, name, receiver)

    def _inherited(self, owner: Class, name: str, receiver: Instance | Class) -> _Answer:
        for base in self.bases(owner):
            if isinstance(base, Foreign):
                of_instance = isinstance(receiver, Instance)
                found = f"{base.name}().{name}" if of_instance else f"{base.name}.{name}"
                if base.name not in _ROOTS:
                    return Foreign(found)
                continue
            own = self._own_member(base, name, receiver)
            if own is not None:
                return own
            values = self.assigned(base).get(name)
            if values is not None and isinstance(receiver, Instance):
                return _agreed(self._of(base.module, value) for value in values)
        return None

    def _own_member(self, owner: Class, name: str, receiver: Instance | Class) -> _Answer:
        """Return what the body of a class binds `name` to, as `receiver` sees it."""
        bindings = _body_of(owner).bindings.get(name, [])
        value = _agreed(self._bound(owner.module, binding, ()) for binding in bindings)
        return _seen_as(value, receiver)

    def assigned(self, owner: Class) -> dict[str, list[ast.expr]]:
        """Return what the methods of a class assign to attributes of ``self``."""
        module = owner.module
        every = module.memo("assigned", lambda: _assigned_in(module))
        return every.get(owner.node, {})


def _assigned_in(module: Module) -> dict[ast.AST, dict[str, list[ast.expr]]]:
    """Return, for each class, what its methods assign to attributes of their first parameter."""
    found: dict[ast.AST, dict[str, list[ast.expr]]] = {}
    nodes: list[ast.Assign | ast.AnnAssign] = [
        *module.scopes.nodes(ast.Assign),
        *module.scopes.nodes(ast.AnnAssign),
    ]
    for node in nodes:
        value = node.value
        if value is None or _is_constant_none(value):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
            owner = _receiving_class(module, target)
            if owner is not None and isinstance(target, ast.Attribute):
                found.setdefault(owner, {}).setdefault(target.attr, []).append(value)
    return found


def _receiving_class(module: Module, target: ast.expr) -> ast.ClassDef | None:
    """Return the class whose instance, in one of its methods, `target` is an attribute of."""
    if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
        return None
    method = module.scopes.function_of(target)
    if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    owner = module.scopes.parents[method]
    first = next(iter((*method.args.posonlyargs, *method.args.args)), None)
    is_own = first is not None and first.arg == target.value.id
    return owner if is_own and isinstance(owner, ast.ClassDef) else None


_EVALUATED: dict[type[ast.expr], Callable[[Values, Module, Any, Known], _Answer]] = {
    ast.Name: Values._name,
    ast.Attribute: Values._attribute,
    ast.Call: Values._called,
    ast.Constant: Values._constant,
    ast.Lambda: Values._lambda,
    ast.Await: Values._asked,
    ast.NamedExpr: Values._asked,
    ast.BoolOp: Values._asked,
    ast.IfExp: Values._asked,
}
_PROPERTIES = {"builtins.property", "functools.cached_property", "werkzeug.utils.cached_property"}
_ROOTS = {"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"}


def _seen_by(module: Module, node: FunctionNode, given: Known) -> Known:
    """Return those of `given` that a function sees where it is defined: of functions around it."""
    if not given:
        return ()
    around = {each for each in module.scopes.ancestors(node) if isinstance(each, FunctionNode)}
    return tuple(each for each in given if each.function in around)


def _is_special(name: str) -> bool:
    """Whether a call of something from elsewhere gives more than an object of that name."""
    return name in _HOLDERS or name == "typing.cast" or name.endswith("._get_current_object")


def _seen_from(module: Module, scope: Scope, name: str, given: Known) -> Known:
    """Return those of `given` that the value of a name of a scope can depend on.

    They are of the functions around the scope, and around what binds the name for it elsewhere.
    """
    functions: set[ast.AST | None] = {each.node for each in scope.and_outer()}
    for binding in scope.bindings.get(name, ()):
        function = module.scopes.function_of(binding.node)
        while function is not None and function not in functions:
            functions.add(function)
            function = module.scopes.function_of(function)
    return tuple(each for each in given if each.function in functions)


def _depth(value: Value | None) -> int:
    """Return how deeply a value holds other values."""
    if isinstance(value, Foreign):
        return max(value.name.count("("), value.name.count(".") // 2)
    if isinstance(value, Partial | Copied | Proxy | Property):
        return 1 + _depth(value.function)
    if isinstance(value, Function):
        return 1 + max((_depth(each.value) for each in value.given), default=0)
    return 0


def _is_none(binding: Binding) -> bool:
    return binding.value is not None and _is_constant_none(binding.value)


def _is_constant_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _body_of(owner: Class) -> Scope:
    return owner.module.scopes.opened_by(owner.node)


def _seen_as(value: _Answer, receiver: Instance | Class) -> _Answer:
    """Return what an attribute of a class is where it is read of `receiver`."""
    if isinstance(value, Function) and value.receiver is None:
        return _received(value, receiver)
    if isinstance(value, Property):
        return Property(_received(value.function, receiver))
    return value


def _received(function: Function, receiver: Instance | Class) -> Function:
    """Return a method as `receiver` sees it."""
    if _has_decorator(function.node, "staticmethod"):
        return function
    if _has_decorator(function.node, "classmethod") and isinstance(receiver, Instance):
        receiver = receiver.of
    elif isinstance(receiver, Class) and not _has_decorator(function.node, "classmethod"):
        return function
    names = parameters_of(function)
    given = (Given(function.node, names[0], receiver),) if names else ()
    return function._replace(receiver=receiver, given=(*function.given, *given))


def _has_decorator(function: FunctionNode, name: str) -> bool:
    decorators = getattr(function, "decorator_list", [])
    return any(isinstance(each, ast.Name) and each.id == name for each in decorators)


def _is_receiver(function: FunctionNode, argument: ast.AST) -> bool:
    first = (*function.args.posonlyargs, *function.args.args)[:1]
    return first == (argument,) and not _has_decorator(function, "staticmethod")


def parameters_of(function: Function) -> list[str]:
    """Return the names of the positional parameters."""
    arguments = function.node.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args)]


def bound_arguments(call: ast.Call, function: Function) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters of `function` that a call gives a value, with that expression."""
    names = parameters_of(function)[1 if function.receiver is not None else 0 :]
    for name, argument in zip(names, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        yield name, argument
    every = {*names, *(each.arg for each in function.node.args.kwonlyargs)}
    for keyword in call.keywords:
        if keyword.arg in every and keyword.arg is not None:
            yield keyword.arg, keyword.value


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, without those of functions and classes defined in it."""
    pending = [node]
    while pending:
        current = pending.pop()
        for child in children(current):
            yield child
            if not isinstance(child, FunctionNode | ast.ClassDef):
                pending.append(child)
