"""What responses stream: generators and the like, whose code runs after the request."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.aliases import classes_of, known_as_any
from flask_ctxfix.applications import imports_flask
from flask_ctxfix.codemod import Step
from flask_ctxfix.codemods.streams import NAME
from flask_ctxfix.codemods.streams.body_reads import are_all_bodies_read, is_body_read
from flask_ctxfix.codemods.streams.late_code import MAKING, Late, made_at, parts_of
from flask_ctxfix.context_flow import ContextFlow, Reach, Where
from flask_ctxfix.context_flow.reachability import Reachability
from flask_ctxfix.context_flow.summaries import Use
from flask_ctxfix.context_flow.values import Class, Foreign, Function, bound_arguments
from flask_ctxfix.flask_facts import (
    RESPONSE_MAKERS,
    VIEW_BASES,
    VIEW_DECORATORS,
    VIEW_METHODS,
    spelled,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import entry_step, step_at
from flask_ctxfix.syntax import arguments_of, without_call

_MAKERS = spelled(RESPONSE_MAKERS)


class Stream(Record, eq=False):
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

    @property
    def step(self) -> Step:
        """The step at which the response gets what it streams."""
        if isinstance(self.root, ast.FunctionDef):
            entered = entry_step(self.module, self.root, "stream")
            return entered._replace(role="boundary", verb="runs as")
        return step_at(self.module, self.root, "boundary", "stream")

    def reach(self, project: Project) -> Reach:
        """Return where the stream is made."""
        return self._reach(ContextFlow.of(project).reachability)

    def is_in_request(self, project: Project) -> bool:
        """Whether all that may make the stream does so in a request."""
        return self._reach(ContextFlow.of(project).every_caller).where is Where.REQUEST

    def _reach(self, reachability: Reachability) -> Reach:
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
    if are_all_bodies_read(project):
        return
    bodies = _given_to_responses(module, project)
    for given in (*bodies, *_passed_on(module, project), *_returned(module, project)):
        root = made_at(module, given)
        parts = parts_of(module, project, root) if root is not None else ()
        if root is not None and parts:
            yield Stream(module, root, parts)
    for function in _generator_views(module, project):
        value = Function(module, function)
        part = Late(module, ast.Name(function.name), value, flow.needs.of(value))
        yield Stream(module, function, (part,))


def _given_to_responses(module: Module, project: Project) -> Iterator[ast.expr]:
    for call in module.scopes.calls_of(_makers(project)):
        body = _body_of(call)
        if isinstance(body, MAKING) and _makes_response(module, project, call.func):
            if not is_body_read(module, project, call):
                yield body


def _passed_on(module: Module, project: Project) -> Iterator[ast.expr]:
    """Yield the arguments for functions of the project that give a parameter to a response."""
    values = ContextFlow.of(project).values
    for call in module.scopes.calls_of(_streaming(project)):
        arguments = arguments_of(call)
        if not any(isinstance(made_at(module, each), MAKING) for each in arguments):
            continue
        called = values.of(module, call.func)
        if not isinstance(called, Function):
            continue
        streamed = streamed_parameters(called.module, project).get(called.node)
        for name, argument in bound_arguments(call, called) if streamed else ():
            if name == streamed and isinstance(argument, MAKING):
                if not is_body_read(module, project, call):
                    yield argument


def _streaming(project: Project) -> list[str]:
    """Return the names under which code may have a function that streams one of its parameters."""

    def compute() -> list[str]:
        surveys = project.surveys.get(NAME, [])
        names = {name for each in surveys if isinstance(each, frozenset) for name in each}
        return sorted(known_as_any(project, frozenset(names)))

    return project.memo("functions that stream", compute)


def streamed_parameters(module: Module, project: Project) -> dict[ast.AST, str]:
    """Return the functions that give one of their parameters to a response and to nothing else."""

    def search() -> Iterator[tuple[ast.AST, str]]:
        for body in _given_to_responses(module, project):
            if isinstance(body, ast.Name):
                home = module.scopes.home_of(body)
                kinds = [each.kind for each in home.bindings.get(body.id, [])]
                if kinds == ["parameter"] and home.reads.get(body.id) == [body]:
                    yield home.node, body.id

    return module.memo("streamed parameters", lambda: dict(search()))


def streaming_names(module: Module, project: Project) -> Iterator[str]:
    """Yield the names of what a module defines by which others stream: helpers, and responses."""
    for function in streamed_parameters(module, project):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield function.name
    for node in module.scopes.nodes(ast.ClassDef):
        if _is_response(Class(module, node), project):
            yield node.name


def _makers(project: Project) -> frozenset[str]:
    """Return the names under which code may have what makes a response."""
    return project.memo(
        "makers of responses",
        lambda: frozenset().union(*(classes_of(project, name) for name in _MAKERS)),
    )


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
        return _is_response(value, project) and not isinstance(own, Function)
    is_class_of_app = isinstance(called, ast.Attribute) and called.attr == "response_class"
    return value is None and is_class_of_app and imports_flask(module)


def _is_response(owner: Class, project: Project) -> bool:
    return not RESPONSE_MAKERS.isdisjoint(ContextFlow.of(project).values.base_names(owner))


def _returned(module: Module, project: Project) -> Iterator[ast.expr]:
    """Yield what views return that Flask makes responses of."""
    for node in module.scopes.nodes(ast.Return):
        value = node.value
        if isinstance(value, ast.Tuple) and value.elts:
            value = value.elts[0]
        function = module.scopes.function_of(node) if isinstance(value, MAKING) else None
        if value is not None and function is not None and is_view(module, project, function):
            yield value


def _generator_views(module: Module, project: Project) -> Iterator[ast.FunctionDef]:
    for function in module.scopes.generators:
        if isinstance(function, ast.FunctionDef) and is_view(module, project, function):
            yield function


def is_view(module: Module, project: Project, function: FunctionNode) -> bool:
    """Whether Flask makes a response of what a function returns, and nothing else sees it."""

    def look() -> bool:
        values = ContextFlow.of(project).values
        if isinstance(function, ast.Lambda):
            return False
        defined = values.definition(module, function)
        if not isinstance(defined, Function) or defined.node is not function:
            return False
        for decorator in function.decorator_list:
            called = without_call(decorator)
            if values.name_of(module, called) in VIEW_DECORATORS:
                return True
        owner = module.scopes.parents.get(function)
        if not isinstance(owner, ast.ClassDef):
            return False
        is_view = not VIEW_BASES.isdisjoint(values.base_names(Class(module, owner)))
        has_decorators = "decorators" in module.scopes.opened_by(owner).bindings
        return is_view and function.name in VIEW_METHODS and not has_decorators

    return module.memo(("is view", function), look)


def streams_of(part: Late, project: Project) -> list[Stream]:
    """Return the streams of a module that run the same code."""
    return [
        stream
        for stream in streams_in(part.module, project)
        for other in stream.parts
        if other.code is part.code
    ]
