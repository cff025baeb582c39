"""What responses stream: generators and the like, whose code runs after the request."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from flask_ctxfix.applications import imports_flask
from flask_ctxfix.context_flow import ContextFlow, Reach, Summary
from flask_ctxfix.context_flow.needs import Use
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Known, bound_arguments
from flask_ctxfix.flask_facts import (
    BODY_CONSUMERS,
    LAZY_WRAPPERS,
    RESPONSE_MAKERS,
    VIEW_BASES,
    VIEW_DECORATORS,
)
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.source import SourceError

_DEEPEST = 4
_MAKERS = frozenset(name.rpartition(".")[2] for name in RESPONSE_MAKERS)
_ANY = (ast.Call, ast.GeneratorExp, ast.IfExp, ast.Name)


class Late(NamedTuple):
    """Code that runs as long as a stream is read.

    `node` is the expression that makes it, in `module`: a call of `function`, or a generator
    expression, which has none. `of_function` is what is called for each item of a `map`, or the
    generator.
    """

    module: Module
    node: ast.expr
    function: Function | None
    summary: Summary


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """One response that streams `root`.

    For a view that is a generator itself, `root` is its definition.
    """

    module: Module
    root: ast.expr | ast.FunctionDef
    parts: tuple[Late, ...]

    @property
    def uses(self) -> list[Use]:
        """All that needs a context while the stream is read."""
        return [use for part in self.parts for use in part.summary.uses]

    @property
    def only(self) -> Late | None:
        """The code that runs late, if there is one such code and `root` itself makes it."""
        if len(self.parts) != 1:
            return None
        part = self.parts[0]
        return part if part.node is self.root and part.module is self.module else None

    def reach(self, project: Project) -> Reach:
        """Return where the stream is made."""
        reachability = ContextFlow.of(project).reachability
        if isinstance(self.root, ast.FunctionDef):
            return reachability.of_function(self.module, self.root)
        return reachability.of(self.module, self.root)


def streams_in(module: Module, project: Project) -> list[Stream]:
    """Return what a module gives to responses that is read after the request."""
    if project.is_test(module.path):
        return []
    return module.memo("streams", lambda: list(_streams(module, project)))


def _streams(module: Module, project: Project) -> Iterator[Stream]:
    flow = ContextFlow.of(project)
    if project.memo("bodies are read", lambda: _are_bodies_read(project)):
        return
    given_to_responses = list(_given_to_responses(module, project))
    passed = _passed_on(module, project, given_to_responses)
    for given in (*given_to_responses, *passed, *_returned(module, project)):
        root = _made_at(module, given)
        parts = parts_of(module, project, root) if root is not None else ()
        if root is not None and parts:
            yield Stream(module, root, parts)
    for function in _generator_views(module, project):
        value = Function(module, function)
        part = Late(module, ast.Name(function.name), value, flow.needs.of(value))
        yield Stream(module, function, (part,))


def _given_to_responses(module: Module, project: Project) -> Iterator[ast.expr]:
    names = _local_names(module)
    for call in module.scopes.nodes(ast.Call):
        called = call.func
        if isinstance(called, ast.Name):
            may_be = called.id in names or called.id[:1].isupper()
        else:
            attribute = getattr(called, "attr", "")
            may_be = attribute in _MAKERS or attribute[:1].isupper()
        body = _body_of(call) if may_be else None
        if isinstance(body, _ANY) and _makes_response(module, project, called):
            if not _is_consumed(module, call):
                yield body


def _passed_on(module: Module, project: Project, bodies: list[ast.expr]) -> Iterator[ast.expr]:
    """Yield the arguments for functions of the module that give a parameter to a response."""
    values = ContextFlow.of(project).values
    streaming = dict(_streaming_parameters(module, bodies))
    names = {getattr(function, "name", "") for function in streaming}
    for call in module.scopes.nodes(ast.Call) if names else ():
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in names:
            called = values.of(module, call.func)
            if isinstance(called, Function) and called.node in streaming:
                for name, argument in bound_arguments(call, called):
                    if name == streaming[called.node] and isinstance(argument, _ANY):
                        yield argument


def _streaming_parameters(module: Module, bodies: list[ast.expr]) -> Iterator[tuple[ast.AST, str]]:
    """Yield the functions that give one of their parameters to a response and to nothing else."""
    for body in bodies:
        if isinstance(body, ast.Name):
            home = module.scopes.home_of(body)
            kinds = [each.kind for each in home.bindings.get(body.id, [])]
            if kinds == ["parameter"] and home.reads.get(body.id) == [body]:
                yield home.node, body.id


def _local_names(module: Module) -> frozenset[str]:
    """Return the names that imports bind to what may make a response."""
    imports = module.scopes.nodes(ast.ImportFrom)
    aliases = (alias for node in imports for alias in node.names)
    return frozenset(alias.asname or alias.name for alias in aliases if alias.name in _MAKERS)


def _body_of(call: ast.Call) -> ast.expr | None:
    given = {each.arg: each.value for each in call.keywords}
    body = call.args[0] if call.args else given.get("response")
    return body.elts[0] if isinstance(body, ast.Tuple) and body.elts else body


def _makes_response(module: Module, project: Project, called: ast.expr) -> bool:
    """Whether what is called makes a response that streams."""
    values = ContextFlow.of(project).values
    value = values.of(module, called)
    if isinstance(value, Foreign):
        return value.name in RESPONSE_MAKERS
    if isinstance(value, Class):
        own = values.member(value, "__init__", of_instance=True)
        bases = {base.name for base in values.bases(value) if isinstance(base, Foreign)}
        return bool(bases & RESPONSE_MAKERS) and not isinstance(own, Function)
    is_class_of_app = isinstance(called, ast.Attribute) and called.attr == "response_class"
    return value is None and is_class_of_app and imports_flask(module)


def _is_consumed(module: Module, call: ast.Call) -> bool:
    """Whether the code that makes a response goes on to read its body."""
    parents = module.scopes.parents
    parent = parents[call]
    if isinstance(parent, ast.Attribute):
        return parent.attr in BODY_CONSUMERS
    targets = parent.targets if isinstance(parent, ast.Assign) else ()
    for target in targets:
        if isinstance(target, ast.Name):
            for read in module.scopes.home_of(target).reads.get(target.id, ()):
                user = parents[read]
                if isinstance(user, ast.Attribute) and user.attr in BODY_CONSUMERS:
                    return True
    return False


def _are_bodies_read(project: Project) -> bool:
    """Whether a hook of the project reads the body of every response while there is a request."""
    for path in project.mentioning("after_request"):
        try:
            functions = project.module(path).scopes.nodes(ast.FunctionDef)
        except SourceError:
            continue
        for function in functions:
            decorators = (getattr(each, "attr", "") for each in function.decorator_list)
            if any(name.startswith("after_") for name in decorators):
                if any(map(_reads_body, function.body)):
                    return True
    return False


def _reads_body(statement: ast.stmt) -> bool:
    """Whether a statement, on every way through it, reads the body of a response."""
    if isinstance(statement, ast.If | ast.For | ast.While | ast.Try):
        return False
    attributes = (each for each in ast.walk(statement) if isinstance(each, ast.Attribute))
    return any(each.attr in ("data", "freeze", "get_data") for each in attributes)


def _returned(module: Module, project: Project) -> Iterator[ast.expr]:
    """Yield what views return that Flask makes responses of."""
    for node in module.scopes.nodes(ast.Return):
        value = node.value
        if isinstance(value, ast.Tuple) and value.elts:
            value = value.elts[0]
        function = module.scopes.function_of(node)
        if isinstance(value, _ANY) and function is not None and _is_view(module, project, function):
            yield value


def _generator_views(module: Module, project: Project) -> Iterator[ast.FunctionDef]:
    for function in module.scopes.generators:
        if isinstance(function, ast.FunctionDef) and _is_view(module, project, function):
            yield function


def _is_view(module: Module, project: Project, function: FunctionNode) -> bool:
    """Whether Flask makes a response of what a function returns, and nothing else sees it."""

    def look() -> bool:
        values = ContextFlow.of(project).values
        if isinstance(function, ast.Lambda):
            return False
        defined = values.definition(module, function)
        if not isinstance(defined, Function) or defined.node is not function:
            return False
        for decorator in function.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = values.of(module, called)
            if isinstance(value, Foreign) and value.name in VIEW_DECORATORS:
                return True
        owner = module.scopes.parents.get(function)
        if not isinstance(owner, ast.ClassDef):
            return False
        bases = {b.name for b in values.bases(Class(module, owner)) if isinstance(b, Foreign)}
        names = {"get", "post", "put", "patch", "delete", "dispatch_request"}
        has_decorators = "decorators" in module.scopes.opened_by(owner).bindings
        return bool(bases & VIEW_BASES) and function.name in names and not has_decorators

    return module.memo(("is view", function), look)


def _made_at(module: Module, node: ast.expr) -> ast.expr | None:
    """Return the expression that makes what `node` stands for, if nothing else reads it."""
    if not isinstance(node, ast.Name):
        return node
    home = module.scopes.home_of(node)
    bindings = home.bindings.get(node.id, [])
    if len(bindings) != 1 or not isinstance(home.node, FunctionNode):
        return None
    if home.reads.get(node.id, []) != [node] or home is not module.scopes.scope_of(node):
        return None
    value = bindings[0].value
    return value if isinstance(value, _ANY) and not isinstance(value, ast.Name) else None


def parts_of(module: Module, project: Project, node: ast.expr) -> tuple[Late, ...]:
    """Return the code that runs when what `node` makes is read."""
    return tuple(_parts(ContextFlow.of(project), module, node, (), 0))


def _parts(
    flow: ContextFlow, module: Module, node: ast.expr, given: Known, depth: int
) -> Iterator[Late]:
    """Yield the code that runs when what `node` makes is read."""
    made = _made_at(module, node)
    if made is None or depth > _DEEPEST:
        return
    if isinstance(made, ast.GeneratorExp):
        yield Late(module, made, None, flow.needs.of_expression(module, made))
        yield from _parts(flow, module, made.generators[0].iter, given, depth + 1)
    elif isinstance(made, ast.IfExp):
        yield from _parts(flow, module, made.body, given, depth + 1)
        yield from _parts(flow, module, made.orelse, given, depth + 1)
    elif isinstance(made, ast.Call):
        yield from _parts_of_call(flow, module, made, given, depth)


def _parts_of_call(
    flow: ContextFlow, module: Module, call: ast.Call, given: Known, depth: int
) -> Iterator[Late]:
    values = flow.values
    called = values.of(module, call.func, given)
    if isinstance(called, Foreign) and called.name in LAZY_WRAPPERS:
        first = values.of(module, call.args[0], given) if call.args else None
        if called.name in ("builtins.map", "builtins.filter") and isinstance(first, Function):
            yield Late(module, call, first, flow.needs.of(first))
        for argument in call.args:
            yield from _parts(flow, module, argument, given, depth + 1)
    elif isinstance(called, Class):
        for name in ("__iter__", "__next__"):
            method = values.member(called, name, of_instance=True)
            if isinstance(method, Function):
                yield Late(module, call, method, flow.needs.of(method))
    elif isinstance(called, Function):
        bound = (*called.given, *values.arguments(module, call, called, given))
        yield from _parts_of_function(flow, module, call, called._replace(given=bound), depth)


def _parts_of_function(
    flow: ContextFlow, module: Module, call: ast.Call, function: Function, depth: int
) -> Iterator[Late]:
    node = function.node
    if isinstance(node, ast.AsyncFunctionDef):
        return
    if function.is_generator:
        yield Late(module, call, function, flow.needs.of(function))
        return
    returned = [node.body] if isinstance(node, ast.Lambda) else _returned_by(function)
    if len(returned) == 1 and isinstance(returned[0], _ANY):
        home = function.module
        yield from _parts(flow, home, returned[0], function.given, depth + 1)


def _returned_by(function: Function) -> list[ast.expr]:
    module = function.module
    returns = module.memo("returns by function", lambda: _returns(module))
    return returns.get(function.node, [])


def _returns(module: Module) -> dict[ast.AST | None, list[ast.expr]]:
    found: dict[ast.AST | None, list[ast.expr]] = {}
    for node in module.scopes.nodes(ast.Return):
        if node.value is not None:
            found.setdefault(module.scopes.function_of(node), []).append(node.value)
    return found
