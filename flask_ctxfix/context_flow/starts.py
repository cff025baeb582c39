"""Where a module starts work that runs without the context of its caller."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from flask_ctxfix.aliases import classes_of, known_as
from flask_ctxfix.applications import imports_flask
from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow, Reach, Where
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Partial,
    Value,
    bound_arguments,
)
from flask_ctxfix.flask_facts import STARTED_CLASSES, STARTERS, Starter, spelled
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record
from flask_ctxfix.statements import REPEATING, simple_statement_of
from flask_ctxfix.steps import entry_step, step_at
from flask_ctxfix.syntax import arguments_of, last_name, without_call

# What modules have, and what objects have.
_NAMES = spelled(name for name in STARTERS if "()" not in name)
_METHODS = spelled(name for name in STARTERS if "()" in name)


class Start(Record, eq=False):
    """One call that starts `target`, which stands for `value`, elsewhere.

    For the `run` of a class of threads, and for a function whose decorator starts it, `call` is the
    definition: what starts it may be anywhere.
    """

    module: Module
    call: ast.AST
    starter: Starter
    target: ast.AST
    value: Value | None

    @property
    def function(self) -> Function | None:
        """The function of the project that runs elsewhere, without the arguments of a partial."""
        value = self.value.function if isinstance(self.value, Partial) else self.value
        return value if isinstance(value, Function) else None

    @property
    def nested(self) -> ast.FunctionDef | None:
        """The function that runs elsewhere, if the code that starts it defines it as a variable.

        Lines may stand before it that it sees the variables of; a decorator may be put on it.
        """
        scopes = self.module.scopes
        node = self.function.node if self.function is self.value and self.function else None
        if not isinstance(node, ast.FunctionDef) or node.decorator_list:
            return None
        around = scopes.function_of(node)
        is_here = around is not None and around is scopes.function_of(self.call)
        return node if is_here and not isinstance(scopes.parents[node], ast.ClassDef) else None

    @property
    def is_only_use(self) -> bool:
        """Whether nothing else in its scope names the function that runs elsewhere."""
        node = self.nested
        if node is None:
            return False
        return self.module.scopes.scope_of(node).reads.get(node.name, []) == [self.target]

    @property
    def callable(self) -> ast.AST:
        """The target, without the partial that gives it arguments.

        The partial may be a variable that is for this start alone.
        """
        if not isinstance(self.value, Partial):
            return self.target
        made: ast.AST | None = self.target
        if isinstance(made, ast.Name):
            scope = self.module.scopes.home_of(made)
            bindings = scope.bindings.get(made.id, [])
            is_for_it = len(bindings) == 1 and scope.reads.get(made.id, []) == [made]
            made = bindings[0].value if is_for_it and bindings[0].kind == "assign" else None
        is_made_so = made is self.value.call and bool(self.value.call.args)
        return self.value.call.args[0] if is_made_so else self.target

    @property
    def statement(self) -> ast.stmt | None:
        """The simple statement that the call is a part of."""
        return simple_statement_of(self.module, self.call)

    @property
    def handed(self) -> ast.Call:
        """The call of the target as it happens elsewhere, as far as it can be seen."""
        args: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        if isinstance(self.value, Partial) and self.value.call in self.module.scopes.parents:
            args += self.value.call.args[1:]
            keywords += self.value.call.keywords
        call, starter = self.call, self.starter
        if isinstance(call, ast.Call) and starter.passing == "rest":
            args += call.args[starter.position + 1 :]
            keywords += (each for each in call.keywords if each.value is not self.target)
        elif isinstance(call, ast.Call) and starter.passing == "tuple":
            given = {each.arg: each.value for each in call.keywords}
            positional = call.args[starter.arguments : starter.arguments + 2]
            for value in (*positional, given.get("args"), given.get("kwargs"), given.get("kwds")):
                if isinstance(value, ast.Tuple | ast.List):
                    args += value.elts
                elif isinstance(value, ast.Dict):
                    keywords += _keywords(value)
                elif isinstance(value, ast.Call) and _is_dict(self.module, value.func):
                    keywords += value.keywords
        return ast.Call(func=ast.Name("target"), args=args, keywords=keywords)

    @property
    def arguments(self) -> list[ast.expr]:
        """The expressions that are given to the target."""
        return [*arguments_of(self.handed)]

    @property
    def parameters(self) -> dict[ast.expr, str]:
        """The parameters that get the arguments, as far as they are known."""
        bound = () if self.function is None else bound_arguments(self.handed, self.function)
        return {argument: name for name, argument in bound}

    def reach(self, project: Project) -> Reach:
        """Return where the start happens."""
        reachability = ContextFlow.of(project).every_caller
        if isinstance(self.call, ast.FunctionDef):
            return reachability.of_function(self.module, self.call)
        return reachability.of(self.module, self.call)

    @property
    def step(self) -> Step:
        """The step at which the work starts."""
        kind = self.starter.noun
        is_job = self.starter.kind == "job"
        if not isinstance(self.call, ast.FunctionDef | ast.AsyncFunctionDef):
            verb = "queues" if is_job else ""
            return step_at(self.module, self.call, "boundary", kind, verb=verb)
        verb = "runs as" if is_job else "runs in"
        entered = entry_step(self.module, self.call, kind)._replace(role="boundary", verb=verb)
        if self.call is self.target:
            return entered
        decorated = step_at(self.module, self.target, "boundary", kind, verb=verb)
        return decorated._replace(function=entered.function)

    @property
    def runs_late(self) -> bool:
        """Whether the start stands in a generator, which may run when the context has ended."""
        scopes = self.module.scopes
        for parent in scopes.ancestors(self.call):
            if isinstance(parent, ast.GeneratorExp):
                user = scopes.parents[parent]
                if not isinstance(user, ast.Call | ast.For):
                    return True
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
                is_bare = not any(map(_keeps_context, parent.decorator_list))
                return is_bare and parent in scopes.generators
        return False

    def may_be_in_context(self, where: Where) -> bool:
        """Whether code at the start may take what it serves: not in a file that knows no Flask."""
        if where is Where.UNKNOWN:
            return imports_flask(self.module)
        return where is not Where.OUTSIDE

    def is_repeated(self, made: ast.AST) -> bool:
        """Whether the call may start what is defined, or made, once several times."""
        for parent in self.module.scopes.ancestors(self.call):
            if isinstance(parent, REPEATING):
                return made not in self.module.scopes.ancestors(self.call) and not any(
                    each is parent for each in self.module.scopes.ancestors(made)
                )
        return False


def _keeps_context(decorator: ast.expr) -> bool:
    """Whether a decorator runs a generator where it is called, or with the context of its call."""
    return last_name(without_call(decorator)) in {
        "contextmanager",
        "fixture",
        "stream_with_context",
    }


def _keywords(node: ast.Dict) -> Iterator[ast.keyword]:
    for key, value in zip(node.keys, node.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else None
        yield ast.keyword(arg=name if isinstance(name, str) else None, value=value)


def _is_dict(module: Module, called: ast.expr) -> bool:
    """Whether an expression names the dict of the builtins."""
    return (
        isinstance(called, ast.Name)
        and called.id == "dict"
        and not module.scopes.scope_of(called).home("dict").binds("dict")
    )


def starts_in(module: Module, project: Project) -> list[Start]:
    """Return what a module starts elsewhere; nothing for tests, which do without a context."""
    if project.is_test(module.path):
        return []

    def collect() -> list[Start]:
        made = (*_run_methods(module, project), *_decorated(module, project))
        return [*_calls(module, project), *made]

    return module.memo("starts", collect)


def starts_by_function(project: Project) -> dict[NodeKey, list[Start]]:
    """Return what starts each function of the project elsewhere."""

    def compute() -> dict[NodeKey, list[Start]]:
        found: dict[NodeKey, list[Start]] = defaultdict(list)
        for module in project.parsed(sorted(project.paths)):
            for start in starts_in(module, project):
                if start.function is not None:
                    found[start.function.module.key_of(start.function.node)].append(start)
        return found

    return project.memo("starts by function", compute)


def starting_names(module: Module, project: Project) -> set[str]:
    """Return the names of what a module has by which others start something.

    Those are functions that start what they decorate, classes of threads to inherit from, and what
    starts something under another name.
    """
    functions = (node for node in module.tree.body if isinstance(node, ast.FunctionDef))
    decorators = {node.name for node in functions if _starter_of_argument(module, project, node)}
    classes = {node.name for node, _ in _started_classes(module, project)}
    renamed = {name for name in _names(project) if name in module.scopes.module.bindings}
    return decorators | classes | renamed


def _decorated(module: Module, project: Project) -> Iterator[Start]:
    """Yield the functions whose decorator, a function of the project, starts them."""
    values = ContextFlow.of(project).values
    for node in module.scopes.nodes(ast.FunctionDef):
        for decorator in node.decorator_list:
            called = without_call(decorator)
            maker = values.of(module, called)
            if isinstance(maker, Function) and isinstance(maker.node, ast.FunctionDef):
                starter = _starter_of_argument(maker.module, project, maker.node)
                if starter is not None:
                    yield Start(module, node, starter, decorator, Function(module, node))


def _starter_of_argument(
    module: Module, project: Project, function: ast.FunctionDef
) -> Starter | None:
    """Return how a function starts a function that it, or one that it returns, is given."""
    for node, starter in _started_parameters(module, project):
        if function is node or function in module.scopes.ancestors(node):
            return starter
    return None


def _started_parameters(module: Module, project: Project) -> list[tuple[ast.AST, Starter]]:
    """Return the functions that start one of their parameters, or have a nested one do so."""

    def collect() -> Iterator[tuple[ast.AST, Starter]]:
        for start in _calls(module, project):
            if start.value is None and isinstance(start.target, ast.Name):
                home = module.scopes.home_of(start.target)
                bindings = home.bindings.get(start.target.id, [])
                if [each.kind for each in bindings] == ["parameter"]:
                    yield home.node, start.starter

    return module.memo("started parameters", lambda: list(collect()))


def is_only_started_by_decorator(start: Start, project: Project) -> bool:
    """Whether the decorator that starts a function does nothing else with it."""
    values = ContextFlow.of(project).values
    decorator = start.target if isinstance(start.target, ast.expr) else None
    maker = values.of(start.module, without_call(decorator)) if decorator is not None else None
    if not isinstance(maker, Function):
        return False
    scopes = maker.module.scopes
    for each in _calls(maker.module, project):
        home = scopes.home_of(each.target) if isinstance(each.target, ast.Name) else None
        if home is None or maker.node not in (home.node, *scopes.ancestors(home.node)):
            continue
        assert isinstance(each.target, ast.Name)
        reads = home.reads.get(each.target.id, [])
        if all(read is each.target or _is_for_wraps(maker.module, read) for read in reads):
            return True
    return False


def _is_for_wraps(module: Module, node: ast.expr) -> bool:
    """Whether a function is only given to ``functools.wraps``, which copies its name."""
    parent = module.scopes.parents[node]
    return isinstance(parent, ast.Call) and last_name(parent.func) == "wraps"


def is_deferred(function: Function) -> bool:
    """Whether a call of a function only makes a generator or a coroutine, which runs later."""
    return isinstance(function.node, ast.AsyncFunctionDef) or function.is_generator


def _calls(module: Module, project: Project) -> list[Start]:
    """Return the calls of a module that start something elsewhere."""
    return module.memo("calls that start", lambda: list(_starts(module, project)))


def _starts(module: Module, project: Project) -> Iterator[Start]:
    values = ContextFlow.of(project).values
    for call in module.scopes.calls_of(_names(project)):
        called = call.func
        starter = STARTERS.get(values.name_of(module, called))
        target = target_of(call, starter) if starter is not None else None
        if starter is not None and target is not None and not _is_prepared(module, project, called):
            yield Start(module, call, starter, target, values.of(module, target))


def _is_prepared(module: Module, project: Project, called: ast.expr) -> bool:
    """Whether an executor may give its work a context: by an `initializer`, or its own `submit`."""
    if not isinstance(called, ast.Attribute):
        return False
    values = ContextFlow.of(project).values
    executor = values.of(module, called.value)
    if isinstance(executor, Instance):
        submit = values.member(executor.of, "submit", of_instance=True)
        return not isinstance(submit, Foreign)
    made = (
        binding.node.context_expr if isinstance(binding.node, ast.withitem) else binding.value
        for _, binding in project.bindings(module, called.value)
    )
    return any(
        isinstance(each, ast.Call) and any(given.arg == "initializer" for given in each.keywords)
        for each in made
    )


def _run_methods(module: Module, project: Project) -> Iterator[Start]:
    """Yield the `run` of each class of threads that the module defines."""
    values = ContextFlow.of(project).values
    for node, starter in _started_classes(module, project):
        for run in node.body:
            if isinstance(run, ast.FunctionDef) and run.name == "run":
                value = values.member(Class(module, node), "run", of_instance=True)
                yield Start(module, run, starter, run, value)


def _started_classes(module: Module, project: Project) -> Iterator[tuple[ast.ClassDef, Starter]]:
    values = ContextFlow.of(project).values
    names = frozenset().union(*(classes_of(project, name) for name in spelled(STARTED_CLASSES)))
    for node in module.scopes.nodes(ast.ClassDef) if module.names & names else ():
        known = sorted(STARTED_CLASSES.keys() & {*values.base_names(Class(module, node))})
        starter = STARTED_CLASSES[known[0]] if known else None
        if starter is not None:
            yield node, starter


def _names(project: Project) -> list[str]:
    """Return the names of what may start something."""
    return project.memo(
        "names of starters",
        lambda: sorted(_METHODS.union(*(known_as(project, name) for name in _NAMES))),
    )


def target_of(call: ast.Call, starter: Starter) -> ast.expr | None:
    """Return the argument of a call that is the function to start."""
    for keyword in call.keywords:
        if keyword.arg == starter.keyword:
            return keyword.value
    if len(call.args) > starter.position:
        argument = call.args[starter.position]
        before = call.args[: starter.position]
        if not any(isinstance(each, ast.Starred) for each in (*before, argument)):
            return argument
    return None
