"""Where a module pushes a context of Flask by hand, and what else becomes of that context."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.paths import AT_IMPORT, path_to
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import starts_in
from flask_ctxfix.context_flow.values import Foreign, Instance
from flask_ctxfix.flask_facts import (
    CLASSES,
    CONTEXT_MAKERS,
    GLOBALS,
    REMOVED_STACKS,
    REQUEST_CONTEXT_MAKERS,
    name_of,
)
from flask_ctxfix.module import Module
from flask_ctxfix.named import defines, is_imported
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record
from flask_ctxfix.scopes import Binding, FunctionNode, Scope
from flask_ctxfix.statements import block_of
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import is_constant_none, last_name, without_call

# Reading these of a context neither pops it nor hands it on.
_HARMLESS = {"app", "g", "request", "session", "url_adapter"}

# What stands for the context that is active, or for the stack that it is on.
_ACTIVE = frozenset({*REMOVED_STACKS, *GLOBALS})

Use = Literal["push", "pop", "read", "escape"]


class Push(Record, eq=False):
    """One statement ``….push()``. `made` is the call that makes the context, if it is known."""

    module: Module
    statement: ast.Expr
    receiver: ast.expr
    made: ast.expr | None

    @property
    def function(self) -> FunctionNode | None:
        """The function whose body pushes."""
        return self.module.scopes.function_of(self.statement)

    @property
    def block(self) -> list[ast.stmt]:
        """The statements that the push is one of."""
        return block_of(self.module.scopes.parents[self.statement], self.statement)

    @property
    def variable(self) -> Scope | None:
        """The scope of the variable that holds the context, if it is one."""
        if not isinstance(self.receiver, ast.Name):
            return None
        return self.module.scopes.scope_of(self.receiver).home(self.receiver.id)

    @property
    def bindings(self) -> list[Binding]:
        """What binds the variable."""
        home = self.variable
        is_variable = home is not None and isinstance(self.receiver, ast.Name)
        return home.bindings.get(self.receiver.id, []) if is_variable else []  # type: ignore

    @property
    def is_chained(self) -> bool:
        """Whether the context is made where it is pushed, so that nothing else has it."""
        return self.made is self.receiver

    @property
    def kind(self) -> str:
        """What is pushed, as far as its maker tells."""
        if self.made is None:
            return "context"
        is_of_request = last_name(without_call(self.made)) in REQUEST_CONTEXT_MAKERS
        return "request context" if is_of_request else "app context"

    def is_popped_elsewhere(self, project: Project) -> bool:
        """Whether another file may pop what an attribute or a variable of the module holds."""
        home = self.variable
        if self.is_chained or (home is not None and home.parent is not None):
            return False
        name = last_name(self.receiver)
        paths = (path for path in project.naming(name) if path != self.module.path)
        return any(
            last_name(read.value) == name
            for other in project.parsed(paths)
            for ending in ("pop", "__exit__")
            for read in other.scopes.attribute_reads.get(ending, ())
        )

    def path(self, project: Project, *then: Step) -> tuple[Step, ...]:
        """Return the path to the push, from what runs its function, and from there over `then`."""
        module, function = self.module, self.function
        here = (step_at(module, self.statement, "boundary", self.kind, verb="opens"), *then)
        if self.made is not None and module.scopes.function_of(self.made) is function:
            here = (step_at(module, self.made, "call"), *here) if not self.is_chained else here
        if function is None:
            return path_to(AT_IMPORT, *here)
        for start in starts_in(module, project):
            if start.function is not None and start.function.node is function:
                return path_over(start, project, then=here)
        return path_to(ContextFlow.of(project).reachability.of_function(module, function), *here)

    def is_same(self, node: ast.expr) -> bool:
        """Whether an expression is written as the one that is pushed."""
        return ast.dump(node) == ast.dump(self.receiver)

    def uses(self) -> list[tuple[Use, ast.expr]]:
        """Return what the module does with the variable or attribute that holds the context."""
        if self.is_chained:
            return []
        home = self.variable
        if home is not None and isinstance(self.receiver, ast.Name):
            reads: list[ast.expr] = [*home.reads.get(self.receiver.id, [])]
        else:
            name = getattr(self.receiver, "attr", "")
            reads = [*self.module.scopes.attribute_reads.get(name, ())]
        uses = [(self._use(node), node) for node in reads]
        if self.made is not None and self._is_kept_twice:
            uses.append(("escape", self.made))
        return uses

    @property
    def _is_kept_twice(self) -> bool:
        """Whether the context is assigned to something else along with its variable."""
        parent = self.module.scopes.parents.get(self.made) if self.made is not None else None
        return isinstance(parent, ast.Assign) and len(parent.targets) > 1

    def _use(self, node: ast.expr) -> Use:
        parents = self.module.scopes.parents
        parent = parents.get(node)
        if isinstance(parent, ast.Compare | ast.If | ast.BoolOp | ast.UnaryOp | ast.IfExp):
            return "read"
        if not isinstance(parent, ast.Attribute):
            return "escape"
        call = parents.get(parent)
        is_called = isinstance(call, ast.Call) and call.func is parent
        if parent.attr in {"push", "pop"}:
            is_here = self.module.scopes.function_of(node) is self.function
            return parent.attr if is_called and is_here else "escape"  # type: ignore[return-value]
        return "read" if parent.attr in _HARMLESS else "escape"


def pops_the_stack(push: Push, project: Project) -> bool:
    """Whether code that belongs to a push pops whichever context is the active one.

    That is code of its module, and of all tests for a push in a test.
    """
    is_test = project.is_test(push.module.path)
    own = project.tests if is_test else {push.module.path}
    naming = {path for name in _ACTIVE for path in project.naming(name)}
    return any(
        _is_active_context(module, project, read.value)
        for module in project.parsed(sorted(own & naming))
        for read in module.scopes.attribute_reads.get("pop", ())
    )


def _is_active_context(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an expression is a stack of contexts, or stands for the one that is active."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute) and node.attr in {"top", "_get_current_object"}:
        node = node.value
    names = {name_of(origin) for origin in project.origins(module, node)}
    return not names.isdisjoint(_ACTIVE)


def pushes_in(module: Module, project: Project) -> list[Push]:
    """Return the statements of a module that push what certainly is a context of Flask."""
    if project.is_migration(module.path):
        return []
    return module.memo("pushes", lambda: list(_pushes(module, project)))


def _pushes(module: Module, project: Project) -> Iterator[Push]:
    for call in module.scopes.calls.get("push", ()):
        called = call.func
        if not isinstance(called, ast.Attribute) or call.args or call.keywords:
            continue
        statement = module.scopes.parents.get(call)
        made = context_made(module, project, called.value)
        if isinstance(statement, ast.Expr) and made is not None:
            yield Push(module, statement, called.value, made)
        elif isinstance(statement, ast.Expr) and _is_given(module, project, called.value):
            yield Push(module, statement, called.value, None)


def context_made(module: Module, project: Project, node: ast.expr) -> ast.expr | None:
    """Return the call that makes the context which `node` certainly is."""
    if isinstance(node, ast.Call):
        return node if _makes(module, project, node) else None
    bound: list[ast.expr | None] = []
    if isinstance(node, ast.Name):
        home = module.scopes.scope_of(node).home(node.id)
        bound = [each.value for each in home.bindings.get(node.id, [])]
    elif isinstance(node, ast.Attribute):
        bound = [*_assigned_to(module, node)]
    made = [value for value in bound if not is_constant_none(value)]
    if not made or not all(
        isinstance(value, ast.Call) and _makes(module, project, value) for value in made
    ):
        return None
    return made[0]


def _assigned_to(module: Module, attribute: ast.Attribute) -> Iterator[ast.expr | None]:
    """Yield what the module assigns to an attribute that is written in the same way."""
    written = ast.unparse(attribute)
    for node in module.scopes.attribute_stores.get(attribute.attr, ()):
        parent = module.scopes.parents.get(node)
        is_plain = isinstance(parent, ast.Assign | ast.AnnAssign)
        if ast.unparse(node) == written:
            yield parent.value if is_plain else None  # type: ignore[union-attr]


def _makes(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a call makes a context of Flask."""
    called = call.func
    if project.flask_name(module, called) in CLASSES:
        return True
    if not isinstance(called, ast.Attribute) or called.attr not in CONTEXT_MAKERS:
        return False
    values = ContextFlow.of(project).values
    owner = values.of(module, called.value)
    if owner is None:
        return _has_one_meaning(project, called.attr)
    is_own = isinstance(owner, Instance) and not isinstance(values.of(module, called), Foreign)
    return not is_own and is_application(module, project, called.value)


def _has_one_meaning(project: Project, maker: str) -> bool:
    """Whether only Flask's applications have a method of that name, as far as the project tells."""
    is_async = is_imported(project, "quart") or is_imported(project, "sanic")
    return not is_async and not defines(project, maker)


def _is_given(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether a parameter holds a context in all that starts its function elsewhere."""
    if not isinstance(node, ast.Name):
        return False
    home = module.scopes.scope_of(node).home(node.id)
    if [each.kind for each in home.bindings.get(node.id, [])] != ["parameter"]:
        return False
    found = [
        given
        for start in starts_in(module, project)
        if start.function is not None and start.function.node is home.node
        for given, name in start.parameters.items()
        if name == node.id
    ]
    return bool(found) and all(context_made(module, project, each) for each in found)
