"""Run the functions of a module in eight states of Flask's contexts, and tell what each gave.

``python -m tests.equality.outcomes FILE`` prints it as JSON. Runs on Flask 2.1 and later.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from contextvars import Context
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import flask
from werkzeug.local import LocalProxy

Outcomes = dict[str, dict[str, str]]
Entered = list[dict[str, object]]

NAME = "expression"
_SIMPLE = (bool, int, float, str, bytes, type(None))


def _application(name: str) -> flask.Flask:
    app = flask.Flask(name)
    app.secret_key = "key"
    app.add_url_rule("/outer", "outer", lambda: "")
    app.add_url_rule("/inner", "inner", lambda: "")
    return app


_ONE, _TWO = _application("one"), _application("two")


def _app(app: flask.Flask) -> Callable[[], AbstractContextManager[object]]:
    return app.app_context


def _request(app: flask.Flask, path: str) -> Callable[[], AbstractContextManager[object]]:
    return lambda: app.test_request_context(f"{path}?name={path[1:]}")


_OUTER = _request(_ONE, "/outer")
STATES = {
    "none": (),
    "app": (_app(_ONE),),
    "req": (_OUTER,),
    "app>req": (_app(_ONE), _OUTER),
    "req>app": (_OUTER, _app(_ONE)),
    "req>app2": (_OUTER, _app(_TWO)),
    "req>req": (_OUTER, _request(_ONE, "/inner")),
    "req>req2": (_OUTER, _request(_TWO, "/inner")),
}


def outcomes(source: str) -> Outcomes:
    """Return, for each state, what each public function of the module `source` gave, in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        code = compile(source, f"<{NAME}>", "exec")
        return {state: Context().run(_in_state, code, state) for state in STATES}


def _in_state(code: CodeType, state: str) -> dict[str, str]:
    namespace: dict[str, Any] = {"__name__": NAME}
    exec(code, namespace)
    entered: Entered = []
    found: dict[str, str] = {}
    try:
        with ExitStack() as stack:
            for enter in STATES[state]:
                stack.enter_context(enter())
                if flask.has_request_context():
                    flask.session["name"] = flask.request.path
                entered.append(dict(_active_objects()))
            for name, function in list(namespace.items()):
                if isinstance(function, FunctionType) and function.__module__ == NAME:
                    if not name.startswith("_"):
                        found[name] = _outcome(function, entered)
    except Exception as error:
        found["leaving the contexts"] = f"raises {type(error).__name__}"
    return found


def _active_objects() -> Iterator[tuple[str, object]]:
    """Yield what the innermost contexts hold, and those contexts."""
    proxies: dict[str, Any] = {
        "request": flask.request,
        "session": flask.session,
        "g": flask.g,
        "app": flask.current_app,
    }
    for name, proxy in proxies.items():
        if proxy:
            yield name, proxy._get_current_object()
    if flask.has_app_context():
        yield "app context", _top("app")
    if flask.has_request_context():
        context = _top("request")
        yield "request context", context
        yield "url adapter", context.url_adapter


def _top(kind: str) -> Any:
    context = getattr(flask.globals, f"{kind}_ctx", None)
    if context is None:
        return getattr(flask.globals, f"_{kind}_ctx_stack").top
    return context._get_current_object()


def _outcome(function: FunctionType, entered: Entered) -> str:
    try:
        return _written(function(), entered)
    except Exception as error:
        return f"raises {_raised(error)}"


def _raised(error: Exception) -> str:
    """Return the name of an exception's class, the same on every Python.

    A `with` over what is no context manager, as None, raises TypeError from Python 3.11 on. Before,
    it raised AttributeError with this text, which no other AttributeError has.
    """
    if type(error) is AttributeError and str(error) == "__enter__":
        return "TypeError"
    return type(error).__name__


def _written(value: object, entered: Entered) -> str:
    """Write a value so that it can be compared across versions.

    An object of a context is named by what it is and by the context, counted from the outermost,
    that brought it; a proxy is marked as one.
    """
    if type(value) is LocalProxy:
        try:
            return f"proxy for {_written(value._get_current_object(), entered)}"
        except RuntimeError:
            return "unbound proxy"
    for index, objects in enumerate(entered):
        for name, known in objects.items():
            if known is value and value is not None:
                return f"{name} {index}"
    if isinstance(value, _SIMPLE):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_written(item, entered) for item in value)}]"
    if isinstance(value, type):
        return f"class {value.__name__}"
    return type(value).__name__


if __name__ == "__main__":
    print(json.dumps(outcomes(Path(sys.argv[1]).read_text()), indent=1))
