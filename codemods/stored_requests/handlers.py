"""CTX506: handlers that code registers for the whole process each time a request is served."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Finding, Fix, Level, ReplaceExpression, Rule
from flask_ctxfix.codemods.stored_requests.registrations import (
    Registration,
    is_made_here,
    is_made_once,
    is_tested_and_set,
    registrations_in,
)
from flask_ctxfix.context_flow import ContextFlow, Reach, Where
from flask_ctxfix.context_flow.caught import caught_around, may_catch
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.values import Class, Function
from flask_ctxfix.flask_facts import AFTER_REQUEST, EVENT_DECORATORS, SETTING_UP, TEARDOWNS
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.singletons import is_kept_by_its_class
from flask_ctxfix.obligations.which_application import has_one_application
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import flask_name_at
from flask_ctxfix.steps import function_at, step_at
from flask_ctxfix.syntax import last_name, without_call

_OWNERS = ("flask.Flask().", "flask.current_app.", "flask.Blueprint().")
# What Flask calls once the response is made, when it is too late for `after_this_request`; handlers
# of Flask-SocketIO make no response at all.
_LATE = AFTER_REQUEST | TEARDOWNS | EVENT_DECORATORS
_CHECKED_BLUEPRINTS = (2, 3)
# What Flask raises if something is set up once a request is served.
_LATE_ERROR = "AssertionError"
_ADVICE_SETUP = "register the function once, while the application is set up"
_ADVICE_AFTER = "use `after_this_request` instead"
_MAY_WORK = "this code may run before the first request, and then registers it for all requests"
_WITHOUT_EFFECT = "on Flask 2.2 it may have no effect today, and after the fix the function runs"
_LIKE_OTHERS = "the code may expect the error, or mean other requests or applications"


class HandlerRegisteredInView(Rule):
    """Code that runs in a request registers a handler for all requests.

    Who is hurt

    The user of the request, who gets an error, if the handler is registered with an application or
    a blueprint. Otherwise the server: it keeps one handler more for each request, with all that the
    handler keeps, and calls all of them from then on. That is so for signals, loggers, jobs of a
    scheduler, listeners of SQLAlchemy, events of sockets, lists such as `after_request_funcs`, and
    `atexit`.

    How it fails

    Each request to the view below ends with status 500:

        AssertionError: The setup method 'after_request' can no longer be called on the application.
        It has already handled its first request, any changes will not be applied consistently.

    A handler that is added to a logger in a view shows no error: each log line is written once more
    with every request.

    Before

        from flask import Flask, request

        app = Flask(__name__)


        @app.get("/")
        def index():
            @app.after_request
            def remember(response):
                response.set_cookie("seen", request.path)
                return response

            return "hello"

    After

        from flask import Flask, after_this_request, request

        app = Flask(__name__)


        @app.get("/")
        def index():
            @after_this_request
            def remember(response):
                response.set_cookie("seen", request.path)
                return response

            return "hello"

    What the fix changes

    `after_this_request` calls the function for the response of this request, and for no other.

    When there is no fix

    For all but `after_request`. Register the handler once, while the application is set up, and let
    it read `request` when it is called. Give a job an `id` and `replace_existing=True`. If a flag
    lets the code run once, move it to where the application is made.

    Safe or unsafe

    The fix is safe for a nested function or a lambda that an application, or from Flask 2.3 on a
    blueprint, is given while it certainly serves a request, as that always was an AssertionError.
    It is unsafe if the code may expect the error, or if there are several applications, or if the
    function is made elsewhere. The finding says which.

    Versions

    An application raises AssertionError on all versions from Flask 2.2 on. A blueprint raises it
    from Flask 2.3 on. On Flask 2.2, it warns and never calls the handler.

    Sources

    Flask's documentation, `after_this_request`; its change log for 2.2 and 2.3; blinker's,
    `Signal.connect`.
    """

    code = "CTX506"
    name = "handler-registered-in-view"
    message = "code in a request registers a handler for all later requests"
    levels = ("error", "warning")
    is_of_kept_data = True

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what is registered in code that certainly runs in a request."""
        if project.is_test(module.path):
            return
        for node, method in _set_up(module, project):
            reach = _in_request(module, project, node)
            if reach is None or _makes_only_instance(module, project, node):
                continue
            if _LATE_ERROR not in caught_around(module, project, node):
                yield self._at_setup(module, project, target, node, method, reach)
        for registration in registrations_in(module, project):
            reach = _in_request(module, project, registration.node)
            if reach is not None and not is_made_once(module, project, registration):
                yield self._registered_in_request(module, registration, reach)

    def _at_setup(
        self,
        module: Module,
        project: Project,
        target: TargetVersion,
        node: ast.expr | ast.stmt,
        method: ast.Attribute,
        reach: Reach,
    ) -> Finding:
        written = module.segment(method)
        owner = _owner(module, project, method)
        fails = owner != "flask.Blueprint()." or target.newest >= _CHECKED_BLUEPRINTS
        level: Level = "error" if fails else "warning"
        is_since = owner == "flask.Blueprint()." and target.oldest < _CHECKED_BLUEPRINTS
        since = "on Flask 2.3 and later" if is_since else "once the app serves requests"
        message = f"`{written}` raises {_LATE_ERROR} {since}"
        if not fails:
            message = f"`{written}` does nothing once the blueprint is registered"
        fix = None
        is_wanted = not _is_late(module, project, reach) and not is_tested_and_set(module, node)
        if method.attr in AFTER_REQUEST and is_wanted:
            fix = _after_this_request(module, project, target, node, method)
        advice = fix.message if fix is not None else _ADVICE_SETUP
        path = path_to(reach, step_at(module, method, "register"))
        return self.finding(module, level, method, message, advice, fix, path)

    def _registered_in_request(self, module: Module, made: Registration, reach: Reach) -> Finding:
        path = path_to(reach, step_at(module, made.named, "register"))
        return self.finding(module, "warning", made.named, made.message, made.advice, None, path)


def _set_up(
    module: Module, project: Project
) -> Iterator[tuple[ast.expr | ast.stmt, ast.Attribute]]:
    """Yield the calls, and the decorated functions, that set an application up in a function."""
    scopes = module.scopes
    for node in functions_of(module):
        for decorator in node.decorator_list if scopes.function_of(node) else ():
            called = without_call(decorator)
            if _owner(module, project, called) is not None:
                yield node, called  # type: ignore[misc]
    for call in scopes.calls_of(SETTING_UP):
        if call.args and scopes.function_of(call) and _is_method(module, project, call):
            yield call, call.func  # type: ignore[misc]


def _is_method(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a call sets something up, rather than makes the decorator that would."""
    parent = module.scopes.parents[call]
    is_decorator = call in getattr(parent, "decorator_list", ())
    return not is_decorator and _owner(module, project, call.func) is not None


def _owner(module: Module, project: Project, node: ast.expr) -> str | None:
    """Return what an attribute that sets something up is one of: a kind of `_OWNERS`."""
    if not isinstance(node, ast.Attribute) or node.attr not in SETTING_UP:
        return None
    name = ContextFlow.of(project).values.name_of(module, node)
    return next((owner for owner in _OWNERS if name == owner + node.attr), None)


def _in_request(module: Module, project: Project, node: ast.AST) -> Reach | None:
    """Return the way from what Flask calls to a node, where it only runs in requests."""
    reach = ContextFlow.of(project).reachability.of(module, node)
    return reach if reach.where is Where.REQUEST and reach.steps else None


def _is_late(module: Module, project: Project, reach: Reach) -> bool:
    """Whether what Flask calls first on the way is called when the response is made."""
    function = reach.steps[0].function
    found = function_at(module, project, function) if function is not None else None
    entry = found[1] if found is not None else None
    for decorator in getattr(entry, "decorator_list", ()):
        called = without_call(decorator)
        if last_name(called) in _LATE:
            return True
    return entry is None


def _after_this_request(
    module: Module,
    project: Project,
    target: TargetVersion,
    node: ast.expr | ast.stmt,
    method: ast.Attribute,
) -> Fix | None:
    """Return the fix that registers a function for the response of this request."""
    written = flask_name_at(module, project, node, "after_this_request")
    if written is None:
        return None
    code, needs = written
    is_checked = target.oldest >= _CHECKED_BLUEPRINTS
    owner = _owner(module, project, method)
    always_failed = is_checked or owner != "flask.Blueprint()."
    is_served = ContextFlow.of(project).every_caller.of(module, node).where is Where.REQUEST
    is_own = not isinstance(node, ast.Call) or is_made_here(module, project, node.args[0])
    is_caught = may_catch(caught_around(module, project, node), _LATE_ERROR)
    is_plain = is_own and not is_caught and _answers(module, project, node)
    is_plain = is_plain and (owner == "flask.current_app." or has_one_application(project))
    doubt = None if is_plain else _LIKE_OTHERS
    if not is_served:
        doubt = _MAY_WORK
    elif not always_failed:
        doubt = _WITHOUT_EFFECT
    edit = ReplaceExpression(module.span(method), code)
    return Fix(_ADVICE_AFTER, (edit,), needs, unsafe_reason=doubt)


def _answers(module: Module, project: Project, node: ast.expr | ast.stmt) -> bool:
    """Whether the registered function gives a response back, as one for a response has to."""
    registered: ast.AST = node
    if isinstance(node, ast.Call):
        value = ContextFlow.of(project).values.of(module, node.args[0])
        if not isinstance(value, Function):
            return True
        module, registered = value.module, value.node
    if not isinstance(registered, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    return bool(module.scopes.returned.get(registered))


def _makes_only_instance(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code runs as the one instance of a class is made, by whichever call is the first."""
    function = module.scopes.function_of(node)
    owner = module.scopes.parents[function] if function is not None else None
    if not isinstance(owner, ast.ClassDef) or getattr(function, "name", "") != "__init__":
        return False
    return is_kept_by_its_class(Class(module, owner), project)
