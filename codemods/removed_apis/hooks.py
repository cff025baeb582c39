"""CTX404: functions that ran before the first request."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flask_ctxfix.applications import imported_packages, imports_flask, instance_of
from flask_ctxfix.codemod import (
    Advice,
    Edit,
    Finding,
    Fix,
    InsertStatement,
    Level,
    RemoveDecorator,
    RemoveStatement,
    ReplaceStatement,
    Rule,
)
from flask_ctxfix.codemods.removed_apis.absences import expects_absence
from flask_ctxfix.codemods.removed_apis.stack_uses import serves_newer_flask
from flask_ctxfix.codemods.removed_apis.texts import read_fails
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow import Need as Context
from flask_ctxfix.context_flow.direct_calls import as_called
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.flask_facts import FIRST_REQUEST, FIRST_REQUEST_HOOKS, ROUTES, SERVING
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import function_run_by, with_called
from flask_ctxfix.project import Project
from flask_ctxfix.statements import block_of, own_nodes
from flask_ctxfix.syntax import root_of
from flask_ctxfix.wording import fitting

_HOOK_REMOVED = (2, 3)
_FLAG_DEPRECATED = (2, 3)
_FLAG_REMOVED = (3, 0)
_FOR_COMMANDS = "the function then runs for commands too, when what it reads may not exist yet"
_ADVICE: dict[str, Advice | str] = {
    "before_first_request": Advice(
        "instead, call {function} at setup, in `with {receiver}.app_context():`",
        notes=(_FOR_COMMANDS,),
    ),
    "before_app_first_request": Advice(
        "call {function} in a `record_once` function, in `with state.app.app_context():`",
        notes=(_FOR_COMMANDS,),
    ),
    "before_first_request_funcs": "instead, call the functions when the application is set up",
    "got_first_request": Advice(
        "keep a flag of your own, set by `before_request`",
        "no public API replaces `got_first_request`",
    ),
    "try_trigger_before_first_request_functions": Advice(
        "remove the call", notes=("Flask 2.2 runs these functions by itself, and Flask 2.3 none",)
    ),
}
_ADVICE_FOR_ROUTES: dict[str, str] = {
    "before_first_request": "call the function after all routes are registered, in "
    "`with app.app_context():`",
    "before_app_first_request": "call the function after all blueprints are registered, in "
    "`with app.app_context():`",
}
_ONCE = "call {{function}} once, with `{{receiver}}.{}` and a flag of your own"
_GUARDED: dict[str, str] = {
    "before_first_request": _ONCE.format("before_request"),
    "before_app_first_request": _ONCE.format("before_app_request"),
}
_NOT_SET_UP_YET = ("called here instead, the function misses routes and settings that come later",)
_NO_ROUTES_YET = (
    "the routes of the application may be registered after `init_app` or `register_blueprint`"
)
_EARLIER = "the function then runs at setup, when what it needs may not be set up yet"
_AT_REGISTRATION = """

@{blueprint}.record_once
def {name}(state):
    with state.app.app_context():
        {function}()
"""


class _Registration(NamedTuple):
    """A function that `statement` registers to run before the first request."""

    owner: ast.expr
    function: ast.FunctionDef
    statement: ast.stmt
    removal: Edit


class BeforeFirstRequest(Rule):
    """Code uses `before_first_request` or a related hook, which Flask 2.3 removed.

    These are `before_first_request` and `before_app_first_request`, as decorators and as calls,
    the list `before_first_request_funcs`, the flag `got_first_request`, and
    `try_trigger_before_first_request_functions()`.

    Who is hurt

    Everyone: the error comes while the module is imported, so the application does not start. The
    usual quick fix, `before_request`, runs the function for every request: if it starts a thread,
    each request starts one.

    How it fails

        AttributeError: 'Flask' object has no attribute 'before_first_request'

    Before

        from flask import Flask

        app = Flask(__name__)

        @app.before_first_request
        def warm_up():
            app.config["WARM"] = True

    After

        from flask import Flask

        app = Flask(__name__)

        def warm_up():
            app.config["WARM"] = True


        with app.app_context():
            warm_up()

    What the fix changes

    The function runs once, where the application is set up, and no longer inside the first
    request of each worker. It then runs for commands too, and its error stops the start of the
    application instead of the first request.

    When there is no fix

    * The function uses the request, or `g`: move what needs them to `before_request`.
    * The application is made in another function or module: call the function there.
    * The function reads the routes, as through `view_functions`: call it after all are
      registered.
    * `got_first_request`: keep a flag of your own, set by `before_request`.

    Safe or unsafe

    Unsafe, because what the function needs, such as a database, may not be set up yet when it
    runs earlier. Removing a call of `try_trigger_before_first_request_functions()` is safe.

    Versions

    The hooks and their list warn on Flask 2.2, and 2.3 removed them. `got_first_request` warns on
    2.3, and 3.0 removed it. 2.2 removed `try_trigger_before_first_request_functions()` without a
    warning.

    Sources

    Flask's change log for 2.2 and 2.3; pallets/flask issue 5123.
    """

    code = "CTX404"
    name = "before-first-request"
    message = "`before_first_request` and related hooks were removed in Flask 2.3"
    levels = ("error", "warning")

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the uses of the hooks, of their list, and of what triggers them."""
        named = module.scopes.attributes
        attributes = (node for name in FIRST_REQUEST for node in named.get(name, ()))
        uses = [node for node in attributes if _is_flasks(module, project, node)]
        special = {
            node: _about_routes(module, project, node) or _for_any_application(module, node)
            for node in uses
        }
        fixes = _fixes(module, project, [node for node in uses if special[node] is None])
        for node in uses:
            advice = Advice.of(special[node] or _ADVICE[node.attr])
            advice = advice._replace(help=_spelled(module, node, advice.help))
            yield from self._use(module, target, node, advice, fixes.get(node))

    def _use(
        self,
        module: Module,
        target: TargetVersion,
        node: ast.Attribute,
        advice: Advice,
        fix: Fix | None,
    ) -> Iterator[Finding]:
        level: Level = "error"
        removed = "2.3"
        if node.attr == "got_first_request":
            if target.newest < _FLAG_DEPRECATED:
                return
            level, removed = ("error" if target.newest >= _FLAG_REMOVED else "warning"), "3.0"
        elif node.attr in FIRST_REQUEST_HOOKS and target.newest < _HOOK_REMOVED:
            level = "warning"
        elif node.attr.startswith("try_"):
            removed = "2.2"
        message = read_fails(node, removed)
        yield self.finding(module, level, node, message, advice, fix)


def _spelled(module: Module, node: ast.Attribute, text: str) -> str:
    """Return a text with the names of the application and of the function that is registered."""
    parent = module.scopes.parents[node]
    text = text.replace("{receiver}", module.segment(node.value))
    given = parent.args[0] if isinstance(parent, ast.Call) and parent.args else None
    name = getattr(parent, "name", "")
    if isinstance(given, ast.Name | ast.Attribute):
        name = module.segment(given)
    names = (f"`{name}`", "the function") if name else ("the function",)
    return fitting(*(text.replace("{function}", each) for each in names))


def _about_routes(module: Module, project: Project, node: ast.Attribute) -> Advice | None:
    """Return the advice for a hook whose function has to run after all routes are registered."""
    parent = module.scopes.parents[node]
    function: Function | None = None
    if node.attr not in FIRST_REQUEST_HOOKS:
        return None
    if isinstance(parent, ast.FunctionDef):
        function = as_called(module, parent)
    elif isinstance(parent, ast.Call) and parent.func is node and len(parent.args) == 1:
        values = ContextFlow.of(project).values
        function = function_run_by(values.of(module, parent.args[0]))
    reader = _reader_of_routes(function, project) if function is not None else None
    if reader is None:
        return None
    name, attribute = reader
    reason = f"`{name}` uses `{attribute}`, which lacks routes that are registered later"
    return Advice(_ADVICE_FOR_ROUTES[node.attr], reason, (_NO_ROUTES_YET,))


def _for_any_application(module: Module, node: ast.Attribute) -> Advice | None:
    """Return the advice for a hook where code does not know how its application is set up."""
    if node.attr not in FIRST_REQUEST_HOOKS:
        return None
    parent = module.scopes.parents[node]
    given = parent.args[0] if isinstance(parent, ast.Call) and parent.args else None
    is_bound = isinstance(given, ast.Attribute) and not _is_module(module, given)
    if not is_bound and not _is_handed_over(module, node.value):
        return None
    return Advice(_GUARDED[node.attr], notes=_NOT_SET_UP_YET)


def _is_handed_over(module: Module, owner: ast.expr) -> bool:
    """Whether an application is a parameter, or a part of something else, not made here."""
    if not isinstance(owner, ast.Name):
        return not _is_module(module, owner)
    bindings = module.scopes.home_of(owner).bindings.get(owner.id, ())
    return any(isinstance(each.node, ast.arg) for each in bindings)


def _is_module(module: Module, owner: ast.expr) -> bool:
    """Whether an attribute is one of a module, as ``app`` of ``shop.app`` may be."""
    root = root_of(owner)
    if not isinstance(root, ast.Name):
        return False
    bindings = module.scopes.home_of(root).bindings.get(root.id, ())
    return bool(bindings) and all(isinstance(each.node, ast.Import) for each in bindings)


def _reader_of_routes(function: Function, project: Project) -> tuple[str, str] | None:
    """Return which function uses the routes of an application, and by which attribute."""
    for each in with_called(function, project):
        for node in own_nodes(each.node):
            if isinstance(node, ast.Attribute) and node.attr in ROUTES:
                if instance_of(each.module, project, node.value) != "other":
                    return getattr(each.node, "name", "the function"), node.attr
    return None


def _is_flasks(module: Module, project: Project, node: ast.Attribute) -> bool:
    """Whether the attribute is that of a Flask application or blueprint, not of a look-alike."""
    kind = instance_of(module, project, node.value)
    if (
        kind == "other"
        or serves_newer_flask(module, project, node)
        or expects_absence(module, project, node)
    ):
        return False
    if kind is None and _is_own(module, node):
        return False
    if kind is not None or any(map(imports_flask, _makers(module, project, node.value))):
        return True
    return node.attr in FIRST_REQUEST_HOOKS and "quart" not in imported_packages(module)


def _makers(module: Module, project: Project, owner: ast.expr) -> Iterator[Module]:
    """Yield the module, and those of the functions that `owner` is what they return."""
    yield module
    for home, binding in project.bindings(module, owner):
        if isinstance(binding.value, ast.Call):
            for maker, _ in project.bindings(home, binding.value.func):
                yield maker


def _is_own(module: Module, node: ast.Attribute) -> bool:
    """Whether this is an attribute of `self` that its class defines."""
    if getattr(node.value, "id", "") != "self":
        return False
    around = module.scopes.ancestors(node)
    own_class = next((parent for parent in around if isinstance(parent, ast.ClassDef)), None)
    return own_class is not None and any(
        isinstance(each.ctx, ast.Store) and ast.unparse(each) == f"self.{node.attr}"
        if isinstance(each, ast.Attribute)
        else isinstance(each, ast.FunctionDef) and each.name == node.attr
        for each in ast.walk(own_class)
    )


def _fixes(
    module: Module, project: Project, uses: Sequence[ast.Attribute]
) -> dict[ast.Attribute, Fix]:
    """Return the fixes there are; the hooks of one application share theirs."""
    fixes: dict[ast.Attribute, Fix] = {}
    of_application: dict[tuple[str, int], dict[ast.Attribute, _Registration]] = {}
    for node in sorted(uses, key=module.span):
        if node.attr.startswith("try_"):
            fix = _untriggered(module, node)
            if fix is not None:
                fixes[node] = fix
            continue
        is_hook = node.attr in FIRST_REQUEST_HOOKS
        registration = _registration(module, project, node) if is_hook else None
        if registration is None or not _can_run_at_setup(module, project, registration.function):
            continue
        made = project.bindings(module, registration.owner)
        owner = registration.owner
        if len(made) != 1 or made[0][0] is not module or not isinstance(owner, ast.Name):
            continue
        kind = instance_of(module, project, owner)
        block = _block_of(module, made[0][1].node)
        if block is None or registration.statement not in block:
            continue
        if kind == "Flask" and _place_in(module, owner.id, block, registration) is not None:
            of_application.setdefault((owner.id, id(block)), {})[node] = registration
        elif kind == "Blueprint" and block is module.tree.body:
            fixes[node] = _at_registration(module, owner.id, registration)
    for (app, _), registrations in of_application.items():
        fix = _at_setup(module, app, list(registrations.values()))
        fixes |= dict.fromkeys(registrations, fix)
    return fixes


def _untriggered(module: Module, node: ast.Attribute) -> Fix | None:
    call = module.scopes.parents[node]
    statement = module.scopes.parents[call]
    if not isinstance(call, ast.Call) or not isinstance(statement, ast.Expr):
        return None
    return Fix("remove the call", (RemoveStatement(module.span(statement)),))


def _registration(module: Module, project: Project, node: ast.Attribute) -> _Registration | None:
    """Return the function that a decorator, if it is the last to run, or a call registers."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.FunctionDef) and parent.decorator_list[:1] == [node]:
        if len(module.scopes.scope_of(parent).bindings[parent.name]) > 1:
            return None
        return _Registration(node.value, parent, parent, RemoveDecorator(module.span(node)))
    statement = module.scopes.parents[parent]
    if not isinstance(parent, ast.Call) or not isinstance(statement, ast.Expr):
        return None
    if len(parent.args) != 1 or parent.keywords:
        return None
    bindings = project.bindings(module, parent.args[0])
    if len(bindings) != 1 or bindings[0][0] is not module:
        return None
    function = bindings[0][1].node
    if not isinstance(function, ast.FunctionDef) or function.name != getattr(
        parent.args[0], "id", ""
    ):
        return None
    removal = RemoveStatement(module.span(statement))
    return _Registration(node.value, function, statement, removal)


def _can_run_at_setup(module: Module, project: Project, function: ast.FunctionDef) -> bool:
    """Whether a function needs no argument and nothing of a request."""
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    if positional > len(arguments.defaults) or None in arguments.kw_defaults:
        return False
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
        return False
    return not _uses_request(module, project, function)


def _uses_request(module: Module, project: Project, function: ast.FunctionDef) -> bool:
    """Whether a function, or one that it calls, uses a request, or what lasts as long as one."""
    uses = ContextFlow.of(project).needs.of(Function(module, function)).uses
    return any(use.need is Context.REQUEST or use.of == "flask.g" for use in uses)


def _block_of(module: Module, statement: ast.AST) -> Sequence[ast.stmt] | None:
    parent = module.scopes.parents[statement]
    is_scope = isinstance(parent, ast.Module | ast.FunctionDef)
    return (block_of(parent, statement) or None) if is_scope else None


def _place_in(
    module: Module, app: str, block: Sequence[ast.stmt], last: _Registration
) -> ast.stmt | None:
    """Return the statement after which an application is set up, if the block tells."""
    if block is module.tree.body:
        later = block[block.index(last.statement) + 1 :]
        serving = next((statement for statement in later if _serves(statement)), None)
        last_of_setup: ast.stmt = block[(block.index(serving) if serving else 0) - 1]
        return last_of_setup
    if last.function not in block and last.function not in module.tree.body:
        return None
    returns = [n for statement in block for n in ast.walk(statement) if isinstance(n, ast.Return)]
    own = [each for each in returns if module.scopes.function_of(each) is _function(module, block)]
    is_last = isinstance(block[-1], ast.Return) and getattr(block[-1].value, "id", "") == app
    return block[-2] if is_last and len(own) == 1 else None


def _function(module: Module, block: Sequence[ast.stmt]) -> ast.AST:
    return module.scopes.parents[block[0]]


def _serves(statement: ast.stmt) -> bool:
    """Whether a statement of a module runs the server, or whatever only a script does."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else None
            if (name or getattr(function, "id", "")) in SERVING:
                return True
        elif isinstance(node, ast.Name) and node.id == "__name__":
            if isinstance(statement, ast.If) and node in ast.walk(statement.test):
                return True
    return False


def _at_setup(module: Module, app: str, registrations: Sequence[_Registration]) -> Fix:
    """Return the fix that calls the functions where the block has set the application up."""
    last = registrations[-1]
    block = _block_of(module, last.statement)
    assert block is not None
    place = _place_in(module, app, block, last)
    assert place is not None
    names = [registration.function.name for registration in registrations]
    calls = "".join(f"    {name}()\n" for name in names)
    code = f"with {app}.app_context():\n{calls}"
    edits = [registration.removal for registration in registrations]
    if edits[-1] == RemoveStatement(module.span(place)):
        edits[-1] = ReplaceStatement(module.span(place), code)
    else:
        blank = "\n\n" if block is module.tree.body else "\n"
        edits.append(InsertStatement(module.span(place), blank + code, "after"))
    listed = ", ".join(f"`{name}`" for name in names)
    return Fix(f"call {listed} at setup", tuple(edits), unsafe_reason=_EARLIER)


def _at_registration(module: Module, blueprint: str, registration: _Registration) -> Fix:
    """Return the fix that calls a function when its blueprint is registered."""
    function = registration.function.name
    name = f"run_{function}"
    while module.scopes.module.binds(name):
        name = f"_{name}"
    code = _AT_REGISTRATION.format(blueprint=blueprint, function=function, name=name)
    span = module.span(registration.statement)
    edits: tuple[Edit, ...] = (ReplaceStatement(span, code),)
    if registration.statement is registration.function:
        edits = (registration.removal, InsertStatement(span, code, "after"))
    changes = f"call `{function}` when the blueprint is registered"
    return Fix(changes, edits, unsafe_reason=_EARLIER)
