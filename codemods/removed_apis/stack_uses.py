"""Where a module uses the context stacks that Flask 3.0 removed, and how it uses them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import may_know
from flask_ctxfix.codemods.removed_apis.fallbacks import works_without
from flask_ctxfix.codemods.removed_apis.versions import is_version_test, leaves_by_version
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.caught import catches_import_error
from flask_ctxfix.context_flow.made_contexts import NEED_OF
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record
from flask_ctxfix.scopes import Binding, Scope
from flask_ctxfix.statements import before_in, statement_of, way_out
from flask_ctxfix.syntax import is_constant_none

Kind = Literal["request", "app"]

STACKS = frozenset(flask_facts.REMOVED_STACKS)
_MODERN = flask_facts.GLOBALS | {"g", "current_app", "has_app_context", "has_request_context"}

_SUSPENDS = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
_DEFERRED = (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.GeneratorExp, ast.ClassDef)


class Stack(Record, eq=False):
    """An expression that is one of the two stacks."""

    node: ast.expr
    kind: Kind


class Top(Record, eq=False):
    """An expression that is the context on top of a stack, or None.

    `node` is ``stack.top`` itself, or a read of the variable that was given it. `stack` is where
    the name of the stack stands.
    """

    node: ast.expr
    kind: Kind
    stack: Stack


class Variable(Record, eq=False):
    """A local variable to which only the top of one stack is ever assigned."""

    statements: tuple[ast.Assign | ast.AnnAssign, ...]
    definitions: tuple[Top, ...]
    reads: tuple[Top, ...]
    is_inlinable: bool


class StackUses:
    """All uses of the stacks in one module."""

    def __init__(self, module: Module, project: Project) -> None:
        self._module = module
        self._project = project
        self._scopes = module.scopes
        self._shims: set[ast.AST] = set()
        # imports of which a version test chooses one, each of a stack
        self.chosen: list[Binding] = []
        may_be_used = may_know(module, project, STACKS)
        self.bindings = list(self._stack_bindings()) if may_be_used else []
        self.stacks = list(self._stacks()) if may_be_used else []
        self.tops: list[Top] = []
        self.variables: list[Variable] = []
        self.operations: list[Stack] = []
        self.objects: list[Stack] = []
        for stack in self.stacks:
            self._sort(stack)
        self._find_variables()
        self._kinds = {top.node: top.kind for top in self.every_top()}

    @classmethod
    def of(cls, module: Module, project: Project) -> StackUses:
        """Return the uses in `module`, analysed once."""
        return module.memo("stack uses", lambda: cls(module, project))

    def every_top(self) -> Iterator[Top]:
        """Yield the tops that stand on their own, and the reads of inlinable variables."""
        yield from self.tops
        for variable in self.variables:
            yield from variable.reads

    def kind_of(self, node: ast.expr) -> Kind | None:
        """Return the stack whose top `node` is, if it is one."""
        return self._kinds.get(node)

    def stack_kind(self, node: ast.expr) -> Kind | None:
        """Return which stack an expression certainly is.

        A name that an old Flask's fallback binds to the one or the other is the app context's:
        every Flask since 0.9 has that.
        """
        origins = self._project.origins(self._module, node) - {NONE}
        names = {flask_facts.name_of(origin) for origin in origins}
        if not names or not names <= flask_facts.REMOVED_STACKS.keys():
            return None
        return "app" if "_app_ctx_stack" in names else "request"

    def _stack_bindings(self) -> Iterator[tuple[Scope, Binding]]:
        """Yield the imports and assignments that bind nothing but a stack."""
        for scope in self._scopes.every:
            for bindings in scope.bindings.values():
                if not all(map(_may_bind_stack, bindings)):
                    continue
                if all(self._scopes.in_type_checking(binding.node) for binding in bindings):
                    continue
                origins = set().union(
                    *(self._project.binding_origins(self._module, b) for b in bindings)
                )
                names = {flask_facts.name_of(origin) for origin in origins - {NONE}}
                if not names or not names <= flask_facts.REMOVED_STACKS.keys():
                    continue
                if NONE in origins and self._is_shim(scope, bindings[0].name):
                    self._shims.update(binding.node for binding in bindings)
                elif any(map(self._is_for_older_flask, bindings)):
                    continue
                elif any(map(self._is_chosen, bindings)):
                    self.chosen += [each for each in bindings if each.alias is not None]
                else:
                    # what a class binds is read through its instances as well
                    yield from ((scope, b) for b in bindings if b.alias or not scope.is_class)

    def _is_for_older_flask(self, binding: Binding) -> bool:
        """Whether a binding is made for older versions of Flask only, or the code does without."""
        module, project = self._module, self._project
        return serves_newer_flask(module, project, binding.node) or works_without(
            module, project, binding.node
        )

    def _is_chosen(self, binding: Binding) -> bool:
        """Whether a version test chooses a binding, though the other branch needs a stack too."""
        return any(
            isinstance(choice, ast.If) and is_version_test(self._module, self._project, choice.test)
            for choice in self._scopes.ancestors(binding.node)
        )

    def _is_shim(self, scope: Scope, name: str) -> bool:
        """Whether a name that may be None chooses between a stack and what newer Flasks have."""
        return any(map(self._is_question, scope.reads.get(name, ()))) and any(
            node.attr in flask_facts.GLOBALS
            if isinstance(node, ast.Attribute)
            else any(alias.name in flask_facts.GLOBALS for alias in node.names)
            for node in ast.walk(self._module.tree)
            if isinstance(node, ast.Attribute | ast.ImportFrom)
        )

    def _is_question(self, node: ast.expr) -> bool:
        """Whether an expression is tested for truth, or compared with None."""
        parent = self._scopes.parents[node]
        if isinstance(parent, ast.Compare):
            return any(is_constant_none(c) for c in parent.comparators)
        return isinstance(parent, ast.BoolOp | ast.UnaryOp) or (
            isinstance(parent, ast.If | ast.IfExp | ast.While) and parent.test is node
        )

    def may_be_missing(self, stack: Stack) -> bool:
        """Whether the module itself asks if there is such a stack, which is None on a new Flask."""
        if not isinstance(stack.node, ast.Name):
            return False
        if NONE not in self._project.origins(self._module, stack.node):
            return False
        home = self._scopes.home_of(stack.node)
        reads = {id(read) for read in home.reads[stack.node.id]}
        return any(id(each.node) in reads and self._is_question(each.node) for each in self.objects)

    def asks_for_stack(self, node: ast.expr) -> bool:
        """Whether the statement of a node asks if there is a stack, which may be missing."""
        statement = statement_of(self._module, node)
        return any(
            self._is_question(each.node)
            and self.may_be_missing(each)
            and statement_of(self._module, each.node) is statement
            for each in self.objects
        )

    def _stacks(self) -> Iterator[Stack]:
        seen = {(scope.node, binding.name): scope for scope, binding in self.bindings}
        for (_, name), scope in seen.items():
            for read in scope.reads.get(name, ()):
                kind = self.stack_kind(read)
                if kind is not None and self._is_ours(read):
                    yield Stack(read, kind)
        for node in self._scopes.nodes(ast.Attribute):
            if isinstance(node.ctx, ast.Load) and self._may_be_stack(node):
                kind = self.stack_kind(node)
                if kind is not None and self._is_ours(node):
                    yield Stack(node, kind)

    def _may_be_stack(self, node: ast.Attribute) -> bool:
        """Whether an attribute is spelled, or used, as a stack that a module exports."""
        parent = self._scopes.parents[node]
        used_as_stack = isinstance(parent, ast.Attribute) and parent.attr in {"top", "push", "pop"}
        return used_as_stack or node.attr in flask_facts.REMOVED_STACKS

    def _is_ours(self, node: ast.expr) -> bool:
        served = self._scopes.parents[node] in self._shims or serves_newer_flask(
            self._module, self._project, node
        )
        served = served or self._is_looked_up_in_vain(node)
        return not served and not self._scopes.in_type_checking(node)

    def _is_looked_up_in_vain(self, node: ast.expr) -> bool:
        """Whether code expects that Flask has no such attribute, not that there is no context."""
        parent = self._scopes.parents[node]
        if not isinstance(node, ast.Attribute) or getattr(parent, "attr", "") == "top":
            return False
        return works_without(self._module, self._project, node)

    def _sort(self, stack: Stack) -> None:
        node: ast.expr = stack.node
        parent = self._scopes.parents[node]
        if isinstance(parent, ast.BoolOp) and self.stack_kind(parent) is not None:
            if parent.values[0] is not node:
                return
            node, parent = parent, self._scopes.parents[parent]
            stack = Stack(node, "app")
        if self._is_alias(node, parent):
            return
        if isinstance(parent, ast.Attribute) and parent.attr == "top":
            if isinstance(parent.ctx, ast.Load):
                self.tops.append(Top(parent, stack.kind, stack))
            else:
                self.objects.append(stack)
        elif isinstance(parent, ast.Attribute):
            self.operations.append(stack)
        else:
            self.objects.append(stack)

    def _is_alias(self, node: ast.expr, parent: ast.AST) -> bool:
        return any(binding.node is parent and binding.value is node for _, binding in self.bindings)

    def _find_variables(self) -> None:
        by_home: dict[tuple[Scope, str], list[Top]] = {}
        for top in self.tops:
            parent = self._scopes.parents[top.node]
            if isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is top.node:
                name = _only_name(parent)
                if name is not None:
                    home = self._scopes.scope_of(parent).home(name)
                    by_home.setdefault((home, name), []).append(top)
        for (home, name), definitions in by_home.items():
            variable = self._variable(home, name, definitions)
            if variable is not None:
                self.variables.append(variable)
                gone = {definition.node for definition in definitions}
                self.tops = [top for top in self.tops if top.node not in gone]

    def _variable(self, home: Scope, name: str, definitions: list[Top]) -> Variable | None:
        statements = [self._scopes.parents[definition.node] for definition in definitions]
        bound_by = [binding.node for binding in home.bindings[name]]
        kinds = {definition.kind for definition in definitions}
        is_function = isinstance(home.node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not is_function or len(kinds) != 1:
            return None
        if len(bound_by) != len(statements) or set(bound_by) != set(statements):
            return None
        first = definitions[0]
        reads = tuple(Top(read, first.kind, first.stack) for read in home.reads.get(name, ()))
        return Variable(
            tuple(s for s in statements if isinstance(s, ast.Assign | ast.AnnAssign)),
            tuple(definitions),
            reads,
            all(self._is_read_at_once(read.node, home.node) for read in reads)
            and not self.may_change_context(home.node),
        )

    def _is_read_at_once(self, read: ast.expr, function: ast.AST) -> bool:
        """Whether a read happens while `function` runs, not in something that it makes."""
        for parent in self._scopes.ancestors(read):
            if parent is function:
                return isinstance(read, ast.Name) and isinstance(read.ctx, ast.Load)
            if isinstance(parent, _DEFERRED):
                return False
        return False

    def is_active(self, top: Top) -> bool:
        """Whether tests around a use prove that the context which it asks for is there."""
        if not self._proves(top.kind, top.node):
            return False
        function = self._scopes.function_of(top.node)
        if function is None or not self.may_change_context(function):
            return True
        return not self._may_change_since_proof(top)

    def _proves(self, kind: Kind, node: ast.AST) -> bool:
        there = ContextFlow.of(self._project).guards.at(self._module, node)
        return there >= NEED_OF[kind]

    def _may_change_since_proof(self, top: Top) -> bool:
        """Whether a context may be entered or left between the test for it and a use of it."""
        use = self._module.span(top.node)
        for parent, _ in way_out(self._module, top.node):
            if isinstance(parent, _LOOPS):
                return True
            if isinstance(parent, ast.stmt) and not self._proves(top.kind, parent):
                changes = filter(self._changes_context, ast.walk(parent))
                return any(
                    isinstance(each, ast.comprehension) or self._module.span(each).end <= use.start
                    for each in changes
                )
        return True

    def may_change_context(self, function: ast.AST) -> bool:
        """Whether a context may be entered or left while `function` runs, or it is suspended."""
        return self._module.memo(
            ("may change context", function),
            lambda: any(map(self._changes_context, ast.walk(function))),
        )

    def _changes_context(self, node: ast.AST) -> bool:
        if isinstance(node, _SUSPENDS) or (isinstance(node, ast.comprehension) and node.is_async):
            return True
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return False
        if node.func.attr in {"push", "__enter__"} | flask_facts.CONTEXT_MAKERS:
            return True
        return node.func.attr == "pop" and not node.args and not node.keywords


def _may_bind_stack(binding: Binding) -> bool:
    """Whether a binding is of a kind that can give a name one of the stacks."""
    passed_on = (ast.Name, ast.Attribute, ast.BoolOp, ast.Constant)
    return binding.alias is not None or isinstance(binding.value, passed_on)


def _only_name(statement: ast.Assign | ast.AnnAssign) -> str | None:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if len(targets) == 1 and isinstance(targets[0], ast.Name):
        return targets[0].id
    return None


def serves_newer_flask(
    module: Module, project: Project, node: ast.AST, *, is_there: bool = False
) -> bool:
    """Whether `node` is a branch for an old Flask beside one that serves a newer Flask.

    `is_there` says that the newer one still has what `node` imports, so that no handler runs.
    """
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.If | ast.IfExp) and child is not parent.test:
            asks = is_version_test(module, project, parent.test)
            asks = asks or _asks_for_newer_name(module, parent.test)
            if asks and not _names_stack(_other_branch(parent, child)):
                return True
        elif is_there and isinstance(parent, ast.Try) and child in parent.body:
            pass
        elif isinstance(parent, ast.Try) and _other_arm_is_modern(module, parent, node):
            if any(catches_import_error(module, project, each) for each in parent.handlers):
                return True
        for earlier in before_in(parent, child):
            if leaves_by_version(module, project, earlier) and not _names_stack([earlier]):
                return True
        child = parent
    return False


def _asks_for_newer_name(module: Module, test: ast.expr) -> bool:
    """Whether a condition compares what a newer Flask has, which is a proxy there, with None."""
    if not isinstance(test, ast.Compare) or not isinstance(test.left, ast.Name):
        return False
    bindings = module.scopes.home_of(test.left).bindings.get(test.left.id, ())
    return getattr(test.comparators[0], "value", ...) is None and any(
        each.alias is not None and each.alias.name in flask_facts.GLOBALS for each in bindings
    )


def _other_branch(choice: ast.If | ast.IfExp, child: ast.AST) -> Sequence[ast.AST]:
    """Return the branch beside the one that holds `child`."""
    branches = [[part] if isinstance(part, ast.expr) else part for part in _branches(choice)]
    return next(branch for branch in branches if child not in branch)


def _names_stack(block: Iterable[ast.AST]) -> bool:
    """Whether code names a removed stack."""
    names = flask_facts.REMOVED_STACKS
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name in names)
        for part in block
        for node in ast.walk(part)
    )


def _branches(choice: ast.If | ast.IfExp) -> tuple[ast.expr | list[ast.stmt], ...]:
    return choice.body, choice.orelse


def _other_arm_is_modern(module: Module, guard: ast.Try, node: ast.AST) -> bool:
    span = module.span(node)
    handlers = [part for handler in guard.handlers for part in handler.body]
    in_body = any(module.span(part).holds(span) for part in guard.body)
    return any(is_modern_import(part) for part in (handlers if in_body else guard.body))


def is_modern_import(statement: ast.stmt) -> bool:
    """Whether a statement imports what a newer Flask has in the place of the stacks."""
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] == "flask"
        and any(alias.name in _MODERN for alias in node.names)
        and not any(alias.name in flask_facts.REMOVED_STACKS for alias in node.names)
        for node in ast.walk(statement)
    )
