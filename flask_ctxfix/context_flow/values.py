"""What an expression can stand for: a function, a class, an instance, or a name from elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.scopes import FunctionNode


class Foreign(NamedTuple):
    """A name from outside of the project: ``flask.request``.

    ``X()`` is what calling X gives, an instance where X is a class.
    """

    name: str


class Class(NamedTuple):
    """A class of the project."""

    module: Module
    node: ast.ClassDef

    @property
    def key(self) -> NodeKey:
        """What tells the class from others, also if its file is parsed again."""
        return self.module.key_of(self.node)


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


def parameters_of(function: Function) -> list[str]:
    """Return the names of the positional parameters."""
    arguments = function.node.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args)]


def bound_arguments(call: ast.Call, function: Function) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters of `function` that a call certainly gives a value, with that."""
    names = _free_parameters(function)
    for name, argument in zip(names, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        yield name, argument
    named = _named_parameters(function, names) if call.keywords else ()
    for keyword in call.keywords:
        if keyword.arg in named and keyword.arg is not None:
            yield keyword.arg, keyword.value


def passed_arguments(
    call: ast.Call, function: Function, *, is_sure: bool = False
) -> Iterator[tuple[str, ast.expr]]:
    """Yield the parameters of `function` that may hold, or hold among others, what a call passes.

    What no parameter is for is in that with a star, if there is one. What stands behind a star may
    be in each parameter that is left, and so may what follows it: if `is_sure`, that is left out.
    """
    parameters = function.node.args
    left = _free_parameters(function)
    named = _named_parameters(function, left)
    others = _name_of(parameters.vararg)
    is_spread = False
    for argument in call.args:
        is_spread = is_spread or isinstance(argument, ast.Starred)
        if is_spread and is_sure:
            break
        taking = [*left, *others] if is_spread else left[:1] or others
        left = left if is_spread else left[1:]
        yield from ((name, argument) for name in taking)
    others = _name_of(parameters.kwarg)
    for keyword in call.keywords:
        if keyword.arg is None:
            taking = [] if is_sure else [*named, *others]
        else:
            taking = [keyword.arg] if keyword.arg in named else others
        yield from ((name, keyword.value) for name in taking)


def _free_parameters(function: Function) -> list[str]:
    """Return the names of the positional parameters that calls give a value."""
    return parameters_of(function)[1 if function.receiver is not None else 0 :]


def _named_parameters(function: Function, positional: list[str]) -> list[str]:
    """Return the names of the parameters that a keyword can give a value, in their order."""
    parameters = function.node.args
    unnamed = {each.arg for each in parameters.posonlyargs}
    names = [*positional, *(each.arg for each in parameters.kwonlyargs)]
    return [each for each in names if each not in unnamed]


def _name_of(parameter: ast.arg | None) -> list[str]:
    return [] if parameter is None else [parameter.arg]


def receiving_class(module: Module, argument: ast.AST) -> ast.ClassDef | None:
    """Return the class whose method is called on what a parameter holds: ``self`` or ``cls``."""
    function = module.scopes.parents[module.scopes.parents[argument]]
    owner = module.scopes.parents.get(function)
    if not isinstance(owner, ast.ClassDef) or not isinstance(function, FunctionNode):
        return None
    first = (*function.args.posonlyargs, *function.args.args)[:1]
    is_first = first == (argument,) and not has_decorator(function, "staticmethod")
    return owner if is_first else None


def is_parameter(module: Module, node: ast.expr | None) -> bool:
    """Whether an expression names a parameter."""
    if not isinstance(node, ast.Name):
        return False
    bindings = module.scopes.home_of(node).bindings.get(node.id, ())
    return any(each.kind == "parameter" for each in bindings)


def class_of_receiver(module: Module, node: ast.expr) -> ast.ClassDef | None:
    """Return the class of the method around whose receiver `node` names."""
    if not isinstance(node, ast.Name):
        return None
    for binding in module.scopes.home_of(node).bindings.get(node.id, ()):
        if binding.kind == "parameter":
            return receiving_class(module, binding.node)
    return None


def has_decorator(function: FunctionNode, name: str) -> bool:
    """Whether a function has a decorator of that bare name."""
    decorators = getattr(function, "decorator_list", [])
    return any(isinstance(each, ast.Name) and each.id == name for each in decorators)


def depth_of(value: Value | None) -> int:
    """Return how deeply a value holds other values."""
    if isinstance(value, Foreign):
        return max(value.name.count("("), value.name.count(".") // 2)
    if isinstance(value, Partial | Copied | Proxy | Property):
        return 1 + depth_of(value.function)
    if isinstance(value, Function):
        return 1 + max((depth_of(each.value) for each in value.given), default=0)
    return 0
