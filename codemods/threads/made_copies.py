"""Where a module makes copies of the request's context, and what becomes of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.aliases import calls_of_any, known_as
from flask_ctxfix.context_flow import ContextFlow, Need, Reach
from flask_ctxfix.context_flow.handled_errors import expects_no_context
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.context_flow.values import Class, Copied, Foreign, Function
from flask_ctxfix.flask_facts import ADDING, TAKING, TOLD_WHEN_CLOSED
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_places import outlives_requests
from flask_ctxfix.obligations.lasting_work import function_run_by
from flask_ctxfix.obligations.waiting import may_wait
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record
from flask_ctxfix.statements import own_nodes

COPY = "copy_current_request_context"


class Copy(Record, eq=False):
    """One place that makes a copy of the request's context, for `function` to run in.

    `maker` is the call that makes it, or a decorator of `definition`.
    """

    module: Module
    maker: ast.expr
    function: Function | None
    definition: ast.FunctionDef | ast.AsyncFunctionDef | None = None

    @property
    def uses(self) -> list[ast.expr]:
        """The expressions that stand for the copied function, as far as names tell."""
        scopes = self.module.scopes
        if self.definition is not None:
            is_method = isinstance(scopes.parents[self.definition], ast.ClassDef)
            reads = scopes.scope_of(self.definition).reads.get(self.definition.name, [])
            return [] if is_method else [*reads]
        name = self._variable()
        return [self.maker] if name is None else [*scopes.scope_of(name).reads.get(name.id, [])]

    def _variable(self) -> ast.Name | None:
        """Return the local variable that holds the copied function, and nothing else."""
        parent = self.module.scopes.parents[self.maker]
        if not isinstance(parent, ast.Assign) or parent.value is not self.maker:
            return None
        first, *rest = parent.targets
        if rest or not isinstance(first, ast.Name):
            return None
        scope = self.module.scopes.scope_of(first)
        is_only = len(scope.bindings.get(first.id, [])) == 1
        return first if is_only and scope.home(first.id) is scope else None

    def reach(self, project: Project) -> Reach:
        """Return where the copy is made."""
        at = self.definition or self.maker
        return ContextFlow.of(project).reachability.of(self.module, at)

    def starts(self, project: Project) -> list[Start]:
        """Return what runs the copied function elsewhere."""
        uses = self.uses
        return [each for each in starts_in(self.module, project) if each.callable in uses]

    def is_tried(self, project: Project) -> bool:
        """Whether the code expects that there may be no request to copy."""
        child: ast.AST = self.definition or self.maker
        for parent in self.module.scopes.ancestors(child):
            if isinstance(parent, ast.Try) and child in parent.body:
                if expects_no_context(self.module, project, parent):
                    return True
            child = parent
        return False

    def leaves(self, project: Project) -> bool:
        """Whether something takes the copied function that may run it in another thread."""
        started = {each.callable for each in self.starts(project)}
        return any(use in started or self._is_handed_on(use, project) for use in self.uses)

    def _is_handed_on(self, use: ast.expr, project: Project) -> bool:
        call = self.module.scopes.call_with(use)
        if call is None or _kept_in(self.module, use):
            return False
        taker = ContextFlow.of(project).values.of(self.module, call.func)
        if isinstance(taker, Foreign):
            return not taker.name.startswith(("flask.", "builtins.", "functools."))
        return not isinstance(taker, Function | Class)

    def is_called_in_loop(self) -> bool:
        """Whether a coroutine calls the copied function."""
        scopes = self.module.scopes
        called = [use for use in self.uses if getattr(scopes.parents[use], "func", None) is use]
        return any(isinstance(scopes.function_of(use), ast.AsyncFunctionDef) for use in called)

    def is_awaited(self, project: Project) -> bool:
        """Whether the code that hands the copied function on waits until it has run."""
        return all(may_wait(self.module, project, use) for use in self.uses)

    def keeper(self, project: Project) -> ast.Name | None:
        """Return the name of what keeps the copied function for as long as the process runs."""
        for use in self.uses:
            root = _root(_kept_in(self.module, use))
            if root is not None and self._lasts(root, project):
                return root
        return None

    def _lasts(self, root: ast.Name, project: Project) -> bool:
        """Whether a name stands for what lasts, and nothing takes out what is put in."""
        reads = self.module.scopes.home_of(root).reads[root.id]
        is_emptied = any(_releases(self.module, read) for read in reads)
        return not is_emptied and outlives_requests(self.module, root, project)


def copies_in(module: Module, project: Project) -> list[Copy]:
    """Return the copies that a module makes; nothing for tests."""
    if project.is_test(module.path) or module.names.isdisjoint(known_as(project, COPY)):
        return []
    return module.memo("copies", lambda: [*_decorated(module, project), *_wrapped(module, project)])


def _decorated(module: Module, project: Project) -> Iterator[Copy]:
    values = ContextFlow.of(project).values
    for node in functions_of(module):
        for decorator in node.decorator_list:
            if values.of(module, decorator) == Foreign(f"flask.{COPY}"):
                made = values.definition(module, node)
                is_known = isinstance(made, Copied) and made.maker is decorator
                yield Copy(module, decorator, function_run_by(made) if is_known else None, node)


def _wrapped(module: Module, project: Project) -> Iterator[Copy]:
    values = ContextFlow.of(project).values
    names = known_as(project, COPY)
    for call in calls_of_any(module, names):
        if len(call.args) == 1 and not call.keywords:
            if values.of(module, call.func) == Foreign(f"flask.{COPY}"):
                yield Copy(module, call, function_run_by(values.of(module, call.args[0])))


def _kept_in(module: Module, use: ast.expr) -> ast.expr | None:
    """Return what an expression is put into: ``x`` in ``x[key] = use`` and ``x.append(use)``."""
    parent = module.scopes.parents[use]
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
        return target.value if isinstance(target, ast.Subscript | ast.Attribute) else None
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
        return parent.func.value if parent.func.attr in ADDING else None
    return None


def _root(node: ast.expr | None) -> ast.Name | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _releases(module: Module, read: ast.Name) -> bool:
    """Whether the code that reads a container takes something out of it."""
    parent = module.scopes.parents[read]
    if isinstance(parent, ast.Attribute):
        return parent.attr in TAKING
    return isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Del)


def app_contexts_in(function: Function) -> Iterator[ast.With]:
    """Yield the statements of a function that open an app context."""
    for node in own_nodes(function.node):
        items = node.items if isinstance(node, ast.With) else []
        if any(makes_context(item.context_expr) is Need.APP for item in items):
            assert isinstance(node, ast.With)
            yield node


def captured_files(function: Function, project: Project) -> Iterator[ast.Name]:
    """Yield the reads of variables of the functions around that hold a file of the request."""
    module = function.module
    inner = module.scopes.opened_by(function.node)
    for node in own_nodes(function.node):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        if getattr(module.scopes.parents[node], "attr", "") in TOLD_WHEN_CLOSED:
            continue
        home = module.scopes.home_of(node)
        if home not in inner.and_outer() or home is inner or home.parent is None:
            continue
        bound = [binding.value for binding in home.bindings.get(node.id, ())]
        if bound and all(each is not None and is_file(module, each, project) for each in bound):
            yield node


def is_files(module: Module, node: ast.expr, project: Project) -> bool:
    """Whether an expression stands for the uploads of a request."""
    return ContextFlow.of(project).values.of(module, node) == Foreign("flask.request.files")


def is_file(module: Module, node: ast.expr, project: Project) -> bool:
    """Whether an expression stands for an upload, or for the stream of the request's body."""
    values = ContextFlow.of(project).values
    if isinstance(node, ast.Subscript):
        return is_files(module, node.value, project)
    made = values.of(module, node)
    return made in (Foreign("flask.request.files.get()"), Foreign("flask.request.stream"))
