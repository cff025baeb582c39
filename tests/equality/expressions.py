"""The replacement tables: what stood there before, and how equal the replacement has to be.

Nothing here says what the replacement is; the tool does. `REQUEST_TOP` and `APP_TOP` stand for the
context on top of a stack, and each is spelled in several ways.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Literal

Grade = Literal["E", "E*"]
Version = tuple[int, int]

_STACKS = {"REQUEST_TOP": "_request_ctx_stack", "APP_TOP": "_app_ctx_stack"}
_HOMES = {
    "AppContext": "flask.ctx",
    "LocalProxy": "werkzeug.local",
    "Request": "flask",
    "RequestContext": "flask.ctx",
    "_app_ctx_err_msg": "flask.globals",
    "_find_app": "flask.globals",
    "_lookup_app_object": "flask.globals",
    "_lookup_req_object": "flask.globals",
    "_request_ctx_err_msg": "flask.globals",
    "current_app": "flask",
    "g": "flask",
    "has_app_context": "flask",
    "has_request_context": "flask",
    "partial": "functools",
    "request": "flask",
    "session": "flask",
    "signals_available": "flask",
    "suppress": "contextlib",
}


@dataclass(frozen=True)
class Expression:
    """One row: functions that are run one after the other, and the grade of their rewrite.

    `differs` holds, by state and function, what the table allows to come out differently: the
    outcome afterwards. From the target `reported_from` on the tool reports and leaves the code
    alone. `moves` says that a function enters a context, so that a variable which was given the top
    before is something else than the top. `safe_from` is the oldest version for which a fix is safe
    that is unsafe for targets that start below.
    """

    name: str
    code: str
    grade: Grade
    differs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reported_from: Version | None = None
    moves: bool = False
    safe_from: Version | None = None

    @property
    def stacks(self) -> set[str]:
        """The placeholders of stacks that occur."""
        return {word for word in _STACKS if word in self.code}

    def is_reported(self, newest: Version) -> bool:
        """Whether a target up to `newest` leaves this to the user."""
        return self.reported_from is not None and newest >= self.reported_from

    def source(self, spelled: Callable[[Expression], str]) -> str:
        """Return a module of these functions, with all imports that they need."""
        code = spelled(self)
        used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        imports = [f"from {_HOMES[name]} import {name}" for name in sorted(used & _HOMES.keys())]
        return "\n".join([*imports, code])


# --- spellings ---------------------------------------------------------------------------------


def _imported(expression: Expression) -> str:
    return _with_imports(expression, expression.code)


def _with_imports(expression: Expression, code: str) -> str:
    lines = [f"from flask import {_STACKS[word]}\n" for word in sorted(expression.stacks)]
    for word in expression.stacks:
        code = code.replace(word, f"{_STACKS[word]}.top")
    return "".join(lines) + "\n\n" + code


def _renamed(expression: Expression) -> str:
    code = expression.code
    lines = []
    for word in sorted(expression.stacks):
        code = code.replace(word, f"{word.lower()}_stack.top")
        lines.append(f"from flask.globals import {_STACKS[word]} as {word.lower()}_stack\n")
    return "".join(lines) + "\n\n" + code


def _dotted(expression: Expression) -> str:
    code = expression.code
    for word in expression.stacks:
        code = code.replace(word, f"flask.{_STACKS[word]}.top")
    return f"import flask\n\n\n{code}" if expression.stacks else code


def _in_variable(expression: Expression) -> str:
    """Give the top to a variable at the start of each function."""
    if expression.moves:
        return _imported(expression)
    lines = expression.code.split("\n")
    for function in reversed(ast.parse(expression.code).body):
        if isinstance(function, ast.FunctionDef):
            start, end = function.body[0].lineno - 1, function.end_lineno
            text = "\n".join(lines[start:end])
            given = [word for word in _STACKS if word in text]
            for word in given:
                text = text.replace(word, f"{word.lower()}_ctx")
            assigned = [f"    {word.lower()}_ctx = {_STACKS[word]}.top" for word in given]
            lines[start:end] = [*assigned, text]
    return _with_imports(expression, "\n".join(lines))


SPELLINGS: dict[str, Callable[[Expression], str]] = {
    "imported": _imported,
    "renamed": _renamed,
    "dotted": _dotted,
    "variable": _in_variable,
}


# --- shorthands --------------------------------------------------------------------------------


def _are_functions(code: str) -> bool:
    *rest, last = ast.parse(code).body
    around = (ast.FunctionDef, ast.ClassDef, ast.ImportFrom, ast.Try)
    return isinstance(last, ast.FunctionDef) and all(isinstance(each, around) for each in rest)


def _row(
    code: str,
    grade: Grade = "E",
    name: str = "",
    differs: Mapping[str, str | Mapping[str, str]] | None = None,
    reported_from: Version | None = None,
    moves: bool = False,
    safe_from: Version | None = None,
) -> Expression:
    """Make an expression of a value, of the body of a function, or of whole functions."""
    code = dedent(code).strip()
    name = name or " ".join(code.split())
    if "\n" not in code:
        code = f"return {code}"
    if not _are_functions(code):
        code = f"def outcome():\n{indent(code, '    ')}"
    each = {
        state: {"outcome": gone} if isinstance(gone, str) else gone
        for state, gone in (differs or {}).items()
    }
    return Expression(name, code + "\n", grade, each, reported_from, moves, safe_from)


def _both(code: str, grade: Grade = "E", name: str = "", moves: bool = False) -> list[Expression]:
    """Return the row for the request stack, and the same for the app stack; TOP is the top."""
    return [
        _row(code.replace("TOP", word), grade, name and f"{name}, {word}", moves=moves)
        for word in _STACKS
    ]


_ALWAYS = (2, 2)
_SESSION_FIXED = (3, 1)
_REQUEST_SURVIVES = {"app": "'one'", "req>app2": "'two'"}
_APP_OBJECT_SURVIVES = {"app": "app 0", "req>app2": "app 1"}

_PROBES = """

def truth():
    return bool(_found)

def equals_none():
    return _found == None

def attribute():
    return _found.mark

def has_attribute():
    return hasattr(_found, "mark")

def attribute_or_default():
    return getattr(_found, "mark", "default")

def shown():
    return repr(_found).partition(" at 0x")[0]

def behind():
    return _found._get_current_object()
"""
_THING = """
class Thing:
    mark = 7

    def __repr__(self):
        return "<thing>"

"""
_SET = "\ndef given():\n    {}.found = {}\n"


def _proxies(definition: str, grade: Grade, holder: str, name: str) -> list[Expression]:
    """Return a proxy definition with its attribute unset, set to None, and set to a thing."""
    given = {
        "unset": "",
        "None": _SET.format(holder, "None"),
        "thing": _SET.format(holder, "Thing()"),
    }
    return [
        Expression(
            f"{name}, {what}",
            f"{_THING}\n_found = {definition}\n{setter}{_PROBES}",
            "E*" if setter else grade,
            _errors_of_bare_proxy(holder) if "_TOP.found" in definition else {},
        )
        for what, setter in given.items()
    ]


def _errors_of_bare_proxy(holder: str) -> dict[str, dict[str, str]]:
    """Return what an unbound proxy does that passed the AttributeError of a missing top on."""
    unbound = {
        "truth": "False",
        "has_attribute": "raises RuntimeError",
        "attribute_or_default": "raises RuntimeError",
        "shown": "'<LocalProxy unbound>'",
    }
    return dict.fromkeys(WITHOUT[holder], unbound)


WITHOUT = {"REQUEST_TOP": ("none", "app"), "APP_TOP": ("none",)}


# --- the tables --------------------------------------------------------------------------------

_PRESENCE = [
    *_both("TOP is None"),
    *_both("None is TOP"),
    *_both("TOP == None"),
    *_both("not TOP"),
    *_both("not not TOP"),
    *_both("TOP is not None"),
    *_both("TOP != None"),
    *_both("not TOP is None"),
    *_both("bool(TOP)"),
    *_both("(TOP is None) == False"),
    *_both("str(TOP is None) + '.'"),
    *_both("[TOP is None, 1][0]"),
    *_both("f'{TOP is None}'"),
    *_both("1 if TOP else 2"),
    *_both("1 if not TOP else 2"),
    *_both("1 if TOP is None else 2"),
    *_both("[item for item in 'ab' if TOP]"),
    *_both("if TOP:\n    return 1\nreturn 2", name="if"),
    *_both("if not TOP:\n    return 1\nelse:\n    return 2", name="if not"),
    *_both("if 0:\n    return 0\nelif TOP is not None:\n    return 1\nreturn 2", name="elif"),
    *_both("while TOP:\n    return 1\nreturn 2", name="while"),
    *_both("assert TOP\nreturn 1", name="assert"),
    *_both("assert TOP is not None, 'no context'\nreturn 1", name="assert is not None"),
    _row("bool(REQUEST_TOP or APP_TOP)"),
    _row("REQUEST_TOP or APP_TOP"),
    _row("REQUEST_TOP is None and APP_TOP is None"),
    _row("if REQUEST_TOP or APP_TOP:\n    return 1\nreturn 2", name="if either"),
    _row("REQUEST_TOP if REQUEST_TOP is not None else APP_TOP"),
    _row("isinstance(REQUEST_TOP, RequestContext)"),
    _row("isinstance(APP_TOP, AppContext)"),
    _row("isinstance(REQUEST_TOP, AppContext)"),
    _row("isinstance(REQUEST_TOP, (RequestContext, AppContext))"),
    _row("REQUEST_TOP is not None and isinstance(REQUEST_TOP, RequestContext)"),
]

_VALUES = [
    *_both("TOP"),
    *_both("(TOP)"),
    *_both("[TOP, 1]"),
    *_both("{'context': TOP}['context']"),
    *_both("TOP is TOP"),
    *_both("TOP == TOP"),
    *_both("id(TOP) == id(TOP)"),
    *_both("type(TOP)"),
    *_both("(lambda: TOP)()"),
    *_both("(lambda context=TOP: context)()"),
    *_both("TOP or 'nothing'"),
    *_both("TOP and 'something'"),
    *_both("'something' and TOP"),
    *_both("list(context for context in [TOP])"),
    *_both("kept = TOP\nreturn kept", name="kept"),
    *_both("kept = TOP\nif kept is None:\n    return 1\nreturn kept", name="kept and tested"),
    *_both("kept = other = TOP\nreturn kept is other, kept", name="kept twice"),
    *_both("kept, number = TOP, 1\nreturn kept", name="unpacked"),
    *_both("kept: object = TOP\nreturn kept", name="annotated"),
    *_both("if (kept := TOP) is not None:\n    return kept\nreturn 1", name="walrus"),
    *_both(
        """
        kept = TOP

        def inner():
            return kept

        return inner()
        """,
        name="closed over",
    ),
    *_both(
        """
        def _same(context):
            return context

        def outcome():
            return _same(TOP), _same(context=TOP)
        """,
        name="passed on",
    ),
    *_both(
        """
        def _every():
            yield TOP
            yield TOP is None

        def outcome():
            return list(_every())
        """,
        name="yielded",
    ),
    *_both("with TOP:\n    return 1", name="entered"),
    *_both(
        """
        with current_app.app_context():
            return TOP is None, TOP
        """,
        name="inside another context",
        moves=True,
    ),
    *_both(
        """
        context = TOP
        if context is None:
            return 1
        with current_app.app_context():
            return context is TOP, context is None
        """,
        name="held while another context is entered",
        moves=True,
    ),
]

_GUARDS = [
    _row("REQUEST_TOP and REQUEST_TOP.request.path"),
    _row("REQUEST_TOP is not None and REQUEST_TOP.request.path"),
    _row("REQUEST_TOP is None or REQUEST_TOP.request.path"),
    _row("REQUEST_TOP.request.path if REQUEST_TOP else None"),
    _row("None if REQUEST_TOP is None else REQUEST_TOP.request.path"),
    _row("REQUEST_TOP.request if REQUEST_TOP is not None else None"),
    _row("REQUEST_TOP and REQUEST_TOP.app", differs={"req>app2": "app 1"}),
    _row("REQUEST_TOP and (REQUEST_TOP.request.args or 'none')"),
    _row("(REQUEST_TOP and REQUEST_TOP.request.path) or 'none'"),
    _row("REQUEST_TOP and REQUEST_TOP.request.path or 'none'"),
    _row("not (REQUEST_TOP and REQUEST_TOP.request.path)"),
    _row("REQUEST_TOP and REQUEST_TOP.request and REQUEST_TOP.request.path"),
    _row("(REQUEST_TOP and REQUEST_TOP.request.path) == '/inner'"),
    *_both("TOP and TOP.u", name="guarded unset"),
    *_both("TOP is not None and hasattr(TOP, 'u')"),
    *_both("hasattr(TOP, 'u') and TOP.u"),
    *_both("TOP is None or not hasattr(TOP, 'u')"),
    _row("APP_TOP and APP_TOP.app"),
    _row("APP_TOP.app if APP_TOP else None"),
    _row("APP_TOP.app.name if APP_TOP is not None else 'none'"),
    _row("has_request_context() and REQUEST_TOP.request.path"),
    _row("has_app_context() and APP_TOP.app.name"),
    _row("REQUEST_TOP.request.path if request else None"),
    _row("if REQUEST_TOP is None:\n    return 1\nreturn REQUEST_TOP.request", name="left early"),
    _row(
        """
        if not REQUEST_TOP:
            raise LookupError
        return getattr(REQUEST_TOP, "u", "default")
        """,
        name="raised early",
    ),
    _row(
        """
        if REQUEST_TOP is None and APP_TOP is None:
            return 1
        return hasattr(APP_TOP, "u"), hasattr(REQUEST_TOP, "u")
        """,
        name="left early for both",
    ),
]


def _tried(body: str, handler: str = "except AttributeError:\n    return 'caught'") -> str:
    return f"try:\n    {body}\n{handler}"


_HANDLERS = [
    _row(_tried("return REQUEST_TOP.request"), name="try request"),
    _row(_tried("return REQUEST_TOP.request.path"), name="try request.path"),
    _row(_tried("return REQUEST_TOP.request.missing"), name="try request.missing"),
    _row(_tried("return REQUEST_TOP.session['name']"), name="try session"),
    _row(_tried("return REQUEST_TOP.url_adapter"), name="try url_adapter"),
    *_both(_tried("return TOP.u"), name="try custom"),
    *_both(_tried("TOP.u = 1\n    return TOP.u"), name="try custom, set"),
    *_both(_tried("return getattr(TOP, 'u')"), name="try getattr"),
    *_both(_tried("setattr(TOP, 'u', 1)\n    return getattr(TOP, 'u')"), name="try setattr"),
    *_both(_tried("del TOP.u\n    return 1"), name="try del"),
    *_both(_tried("delattr(TOP, 'u')\n    return 1"), name="try delattr"),
    _row(_tried("return APP_TOP.app"), name="try app"),
    _row(_tried("return APP_TOP.g"), name="try g"),
    _row(
        _tried("return REQUEST_TOP.request", "except (AttributeError, KeyError):\n    return 1"),
        name="try, tuple",
    ),
    _row(
        _tried("return REQUEST_TOP.request", "except Exception:\n    return 1"),
        name="try, Exception",
    ),
    _row(_tried("return REQUEST_TOP.request", "except:\n    return 1"), name="try, bare"),
    _row(
        _tried(
            "return REQUEST_TOP.request", "except (AttributeError, RuntimeError):\n    return 1"
        ),
        name="try, both",
    ),
    _row(
        _tried(
            "found = REQUEST_TOP.request",
            "except AttributeError:\n    found = 1\nelse:\n    return 2\n"
            "finally:\n    number = 3\nreturn found, number",
        ),
        name="try, else, finally",
    ),
    _row(
        _tried("return REQUEST_TOP.request", "except KeyError:\n    return 1"),
        "E*",
        name="try, KeyError",
    ),
    _row(
        """
        try:
            try:
                return REQUEST_TOP.request
            except KeyError:
                return 1
        except AttributeError:
            return 2
        """,
        name="try in try",
    ),
    _row(
        """
        try:
            with suppress(AttributeError):
                return REQUEST_TOP.request
            return 1
        except AttributeError:
            return 2
        """,
        name="suppress in try",
    ),
    *_both("with suppress(AttributeError):\n    return TOP.u\nreturn 1", name="suppress"),
    _row(
        """
        try:
            if REQUEST_TOP is not None:
                return REQUEST_TOP.u
            return 1
        except AttributeError:
            return 2
        """,
        name="try, guarded",
    ),
    _row(
        """
        for item in [1, 2]:
            try:
                found = REQUEST_TOP.request
            except AttributeError:
                continue
            return found
        return 3
        """,
        name="try in a loop",
    ),
]

_BUILT_IN = [
    _row("REQUEST_TOP.request.path", "E*"),
    _row("REQUEST_TOP.request.args['name']", "E*"),
    _row("REQUEST_TOP.request.args.get('none')", "E*"),
    _row("REQUEST_TOP.request.method == 'GET'", "E*"),
    _row("'%s' % REQUEST_TOP.request.path", "E*"),
    _row("[name for name in REQUEST_TOP.request.args]", "E*"),
    _row("REQUEST_TOP.request.missing", "E*"),
    _row("REQUEST_TOP.request.seen = 1\nreturn REQUEST_TOP.request.seen", "E*", "request.seen ="),
    _row("REQUEST_TOP.request", "E*"),
    _row("(REQUEST_TOP.request)", "E*"),
    _row("[REQUEST_TOP.request]", "E*"),
    _row("{'request': REQUEST_TOP.request}['request']", "E*"),
    _row("REQUEST_TOP.request is REQUEST_TOP.request", "E*"),
    _row("REQUEST_TOP.request == REQUEST_TOP.request", "E*"),
    _row("REQUEST_TOP.request in [REQUEST_TOP.request]", "E*"),
    _row("REQUEST_TOP.request is None", "E*"),
    _row("not REQUEST_TOP.request", "E*"),
    _row("REQUEST_TOP.request or 1", "E*"),
    _row("type(REQUEST_TOP.request)", "E*"),
    _row("isinstance(REQUEST_TOP.request, Request)", "E*"),
    _row("(lambda: REQUEST_TOP.request)()", "E*"),
    _row("kept = REQUEST_TOP.request\nreturn kept", "E*", "kept request"),
    _row("getattr(REQUEST_TOP, 'request')", "E*"),
    _row("getattr(REQUEST_TOP, 'request').path", "E*"),
    _row("getattr(REQUEST_TOP, 'request', None)"),
    _row("getattr(REQUEST_TOP, 'request', None) is None"),
    _row("getattr(REQUEST_TOP, 'request', None) is not None"),
    _row("getattr(REQUEST_TOP, 'request', 'default')"),
    _row("hasattr(REQUEST_TOP, 'request')"),
    _row("not hasattr(REQUEST_TOP, 'request')"),
    _row("hasattr(REQUEST_TOP, 'request') and REQUEST_TOP.request.path"),
    _row("REQUEST_TOP.session['name']", "E*"),
    _row("REQUEST_TOP.session['missing']", "E*"),
    _row("REQUEST_TOP.session.get('name')", "E*"),
    _row("'name' in REQUEST_TOP.session", "E*"),
    _row("'none' not in REQUEST_TOP.session", "E*"),
    _row("[key for key in REQUEST_TOP.session]", "E*"),
    _row("list(REQUEST_TOP.session)", "E*"),
    _row("dict(REQUEST_TOP.session)['name']", "E*"),
    _row("len(REQUEST_TOP.session)", "E*"),
    _row("bool(REQUEST_TOP.session)", "E*"),
    _row("REQUEST_TOP.session", "E*"),
    _row("getattr(REQUEST_TOP, 'session', None)"),
    _row("hasattr(REQUEST_TOP, 'session')"),
    _row("REQUEST_TOP.session['k'] = 1\nreturn session['k']", "E*", "session[...] ="),
    _row(
        "REQUEST_TOP.session['k'] = 1\nREQUEST_TOP.session['k'] += 1\nreturn session['k']",
        "E*",
        "session[...] +=",
    ),
    _row("del REQUEST_TOP.session['name']\nreturn 'name' in session", "E*", "del session[...]"),
    _row("REQUEST_TOP.session.modified = True\nreturn session.modified", "E*", "session.modified"),
    _row(
        "REQUEST_TOP.session = {'k': 1}\nreturn session['k']",
        "E*",
        "session =",
        reported_from=_SESSION_FIXED,
    ),
    _row(
        "setattr(REQUEST_TOP, 'session', {'k': 1})\nreturn session['k']",
        "E*",
        "setattr session",
        reported_from=_SESSION_FIXED,
    ),
    _row("REQUEST_TOP.app.name", "E*", differs=_REQUEST_SURVIVES),
    _row("REQUEST_TOP.app.config['TESTING']", "E*", differs={"app": "False"}),
    _row("REQUEST_TOP.app", "E*", differs=_APP_OBJECT_SURVIVES),
    _row("REQUEST_TOP.app is None", "E*", differs={"app": "False"}),
    _row("getattr(REQUEST_TOP, 'app')", "E*", differs=_APP_OBJECT_SURVIVES),
    _row("getattr(REQUEST_TOP, 'app', None)", differs={"req>app2": "app 1"}),
    _row("hasattr(REQUEST_TOP, 'app')"),
    _row("REQUEST_TOP.g", "E*", differs={"app": "g 0"}),
    _row("REQUEST_TOP.g.u = 1\nreturn REQUEST_TOP.g.u", "E*", "g.u", differs={"app": "1"}),
    _row("'u' in REQUEST_TOP.g", "E*", differs={"app": "False"}),
    _row("getattr(REQUEST_TOP.g, 'u', 'default')", "E*", differs={"app": "'default'"}),
    _row("getattr(REQUEST_TOP, 'g', None)"),
    _row("hasattr(REQUEST_TOP, 'g')"),
    _row("REQUEST_TOP.url_adapter", "E*"),
    _row("REQUEST_TOP.url_adapter.build('inner')", "E*"),
    _row("getattr(REQUEST_TOP, 'url_adapter', None)"),
    _row("hasattr(REQUEST_TOP, 'url_adapter')"),
    _row("REQUEST_TOP.flashes", "E*"),
    _row("getattr(REQUEST_TOP, 'flashes', 'default')"),
    _row("REQUEST_TOP.flashes = [1]\nreturn REQUEST_TOP.flashes", "E*", "flashes ="),
    _row(
        "setattr(REQUEST_TOP, 'flashes', [1])\nreturn REQUEST_TOP.flashes", "E*", "setattr flashes"
    ),
    _row("REQUEST_TOP.request = 1\nreturn REQUEST_TOP.request", "E*", "request ="),
    _row("REQUEST_TOP.match_request()", "E*"),
    _row("type(REQUEST_TOP.copy())", "E*"),
    _row("REQUEST_TOP.copy().request", "E*"),
    _row("REQUEST_TOP.copy() is REQUEST_TOP", "E*"),
    _row(
        "REQUEST_TOP.push()\nREQUEST_TOP.pop()\nreturn REQUEST_TOP", "E*", "push, pop", moves=True
    ),
    _row("len(REQUEST_TOP._after_request_functions)", "E*"),
    _row(
        "REQUEST_TOP._after_request_functions.append(1)\n"
        "return list(REQUEST_TOP._after_request_functions)",
        "E*",
        "_after_request_functions",
    ),
    _row("REQUEST_TOP.auto_pop(None)", "E*", reported_from=_ALWAYS),
    _row("REQUEST_TOP.preserved", "E*", reported_from=_ALWAYS),
    _row("REQUEST_TOP._preserved_exc", "E*", reported_from=_ALWAYS),
    _row("getattr(REQUEST_TOP, 'preserved', False)", reported_from=_ALWAYS),
    _row("APP_TOP.app.name", "E*"),
    _row("APP_TOP.app", "E*"),
    _row("APP_TOP.app is APP_TOP.app", "E*"),
    _row("getattr(APP_TOP, 'app')", "E*"),
    _row("getattr(APP_TOP, 'app', None)"),
    _row("getattr(APP_TOP, 'app', None) is None"),
    _row("hasattr(APP_TOP, 'app')"),
    _row("APP_TOP.g", "E*"),
    _row("APP_TOP.g.u = 1\nreturn APP_TOP.g.u", "E*", "app context's g.u"),
    _row("'u' in APP_TOP.g", "E*"),
    _row("getattr(APP_TOP, 'g', None)"),
    _row("APP_TOP.url_adapter is None", "E*"),
    _row("getattr(APP_TOP, 'url_adapter', 'default') is None"),
    _row("APP_TOP.push()\nAPP_TOP.pop()\nreturn APP_TOP", "E*", "app push, pop", moves=True),
]

_CUSTOM = [
    *_both("TOP.u", "E*"),
    *_both("TOP.u.v", "E*"),
    *_both("getattr(TOP, 'u')", "E*"),
    *_both("getattr(TOP, 'u', None)"),
    *_both("getattr(TOP, 'u', 'default')"),
    *_both("getattr(TOP, 'u', ['default'])"),
    *_both("getattr(TOP, 'u', 1 if 0 else 2)"),
    *_both("getattr(TOP, 'u', lambda: 3)()"),
    *_both("getattr(TOP, 'u', None) is None"),
    *_both("getattr(TOP, 'u', None) is not None"),
    *_both("getattr(TOP, 'u', None) or 'default'"),
    *_both("not getattr(TOP, 'u', None)"),
    *_both("not getattr(TOP, 'u', False)"),
    *_both("1 if getattr(TOP, 'u', None) else 2"),
    *_both("getattr(TOP, 'u', None) == 1"),
    *_both("getattr(TOP, 'u', 'default').upper()"),
    *_both("'-' + getattr(TOP, 'u', 'default')"),
    *_both("hasattr(TOP, 'u')"),
    *_both("not hasattr(TOP, 'u')"),
    *_both("hasattr(TOP, 'u') is False"),
    *_both("hasattr(TOP, 'u') or 'no'"),
    *_both("hasattr(TOP, 'u'), 1"),
    *_both("name = 'u'\nreturn getattr(TOP, name, 'default')", name="computed getattr"),
    *_both("name = 'u'\nreturn hasattr(TOP, name)", name="computed hasattr"),
    *_both("TOP.u = 1\nreturn TOP.u", "E*", "set, read"),
    *_both("TOP.u = TOP.v = 1\nreturn TOP.u, TOP.v", "E*", "set two"),
    *_both("TOP.u: int = 1\nreturn TOP.u", "E*", "set annotated"),
    *_both("TOP.u, number = 1, 2\nreturn TOP.u", "E*", "set unpacked"),
    *_both("for TOP.u in [1, 2]:\n    pass\nreturn TOP.u", "E*", "set by a loop"),
    *_both("TOP.u = []\nTOP.u.append(1)\nreturn TOP.u", "E*", "set, appended to"),
    *_both("TOP.u = {}\nTOP.u['k'] = 1\nreturn TOP.u['k']", "E*", "set, item set"),
    *_both("TOP.u = 1\nTOP.u += 1\nreturn TOP.u", "E*", "set, augmented"),
    *_both("TOP.u = 1\ndel TOP.u\nreturn hasattr(TOP, 'u')", "E*", "set, deleted"),
    *_both("del TOP.u\nreturn 1", "E*", "deleted unset"),
    *_both("setattr(TOP, 'u', 1)\nreturn TOP.u", "E*", "setattr, read"),
    *_both("setattr(TOP, 'u', 1)\ndelattr(TOP, 'u')\nreturn getattr(TOP, 'u', 2)", "E*", "delattr"),
    *_both("delattr(TOP, 'u')", "E*", "delattr unset"),
    *_both("name = 'u'\nsetattr(TOP, name, 1)\nreturn TOP.u", "E*", "computed setattr"),
    *_both(
        """
        def given():
            TOP.u = 1

        def read():
            return TOP.u

        def read_by_name():
            return getattr(TOP, "u", "default"), hasattr(TOP, "u")

        def read_guarded():
            if TOP is not None and hasattr(TOP, "u"):
                return TOP.u
            return "none"

        def gone():
            del TOP.u

        def read_again():
            return getattr(TOP, "u", None)
        """,
        "E*",
        "set in one function, read in others",
    ),
    *_both(
        """
        def given():
            setattr(TOP, "u", None)

        def read():
            return TOP.u is None, getattr(TOP, "u", "default"), hasattr(TOP, "u")

        def read_or_default():
            return getattr(TOP, "u", None) or "default"
        """,
        "E*",
        "set to None",
    ),
    *_both(
        """
        def cached():
            context = TOP
            if context is not None:
                if not hasattr(context, "u"):
                    context.u = ["made"]
                return context.u

        def cached_again():
            if TOP is None:
                return "none"
            made = getattr(TOP, "u", None)
            if made is None:
                made = TOP.u = ["made again"]
            return made
        """,
        name="made once",
    ),
    *_both(
        """
        def given():
            if TOP is not None:
                TOP.u = TOP.request if hasattr(TOP, "request") else TOP.app

        def read():
            return getattr(TOP, "u", None)
        """,
        name="set to what a context holds",
    ),
    *_both(
        """
        def given():
            TOP.u = 1

        def travelling():
            return TOP

        def read():
            context = travelling()
            return context.u if context is not None else "none"
        """,
        "E*",
        "read from a context that was passed on",
    ),
    _row(
        """
        def given():
            g.u = "of the user"
            REQUEST_TOP.u = 1

        def read():
            return g.u, REQUEST_TOP.u
        """,
        "E*",
        "name used on g as well, REQUEST_TOP",
    ),
    _row(
        """
        def given():
            g.u = "of the user"
            APP_TOP.u = 1

        def read():
            return g.u, APP_TOP.u
        """,
        "E",
        "name used on g as well, APP_TOP",
    ),
    *_both(
        """
        def given():
            TOP.u = 1

        def read():
            with current_app.app_context():
                return getattr(TOP, "u", "default")

        def read_in_request():
            with current_app.test_request_context("/inner"):
                return hasattr(TOP, "u")
        """,
        "E*",
        "read inside another context",
        moves=True,
    ),
    _row(
        """
        def given():
            REQUEST_TOP.u = 1
            APP_TOP.u = 2

        def read():
            return REQUEST_TOP.u, APP_TOP.u, hasattr(REQUEST_TOP, "v"), hasattr(APP_TOP, "v")

        def read_outside():
            return getattr(REQUEST_TOP, "u", "none"), getattr(APP_TOP, "u", "none")
        """,
        "E*",
        "one name on both contexts",
    ),
]

_OPERATIONS = [
    _row(
        """
        from flask import _request_ctx_stack

        def outcome():
            context = current_app.test_request_context("/inner")
            _request_ctx_stack.push(context)
            try:
                return request.path
            finally:
                _request_ctx_stack.pop()
        """,
        "E*",
        "stack.push, stack.pop",
        reported_from=_ALWAYS,
    ),
    _row(
        """
        from flask import _app_ctx_stack

        def outcome():
            return len(_app_ctx_stack._local.stack)
        """,
        "E*",
        "stack._local",
        reported_from=_ALWAYS,
    ),
]

_LOOKUPS = [
    *_proxies(
        'LocalProxy(partial(_lookup_req_object, "found"))',
        "E",
        "REQUEST_TOP",
        "partial(_lookup_req_object)",
    ),
    *_proxies(
        'LocalProxy(partial(_lookup_app_object, "found"))',
        "E",
        "APP_TOP",
        "partial(_lookup_app_object)",
    ),
    *_proxies(
        'LocalProxy(lambda: _lookup_req_object("found"))',
        "E",
        "REQUEST_TOP",
        "lambda: _lookup_req_object",
    ),
    *(
        expression
        for holder in _STACKS
        for expression in _proxies(
            f'LocalProxy(lambda: getattr({holder}, "found", None))',
            "E",
            holder,
            f"lambda: getattr({holder})",
        )
    ),
    *(
        expression
        for holder in _STACKS
        for expression in _proxies(
            f"LocalProxy(lambda: {holder}.found)", "E*", holder, f"lambda: {holder}.found"
        )
    ),
    *(
        Expression(
            f"partial(_lookup_{kind}_object, {name!r})",
            f'_found = LocalProxy(partial(_lookup_{kind}_object, "{name}"))\n'
            "\ndef truth():\n    return bool(_found)\n"
            "\ndef behind():\n    return _found._get_current_object()\n",
            "E",
        )
        for kind, name in (
            ("req", "request"),
            ("req", "session"),
            ("req", "url_adapter"),
            ("app", "g"),
            ("app", "app"),
        )
    ),
    _row("_lookup_req_object('request')"),
    _row("_lookup_req_object('session')"),
    _row("_lookup_req_object('u')"),
    _row("_lookup_app_object('g')"),
    _row("_lookup_app_object('u')"),
    _row("_find_app()"),
    _row("_find_app().name"),
    _row("LocalProxy(_find_app)"),
    _row("LocalProxy(_find_app)._get_current_object()"),
    _row(
        """
        if not has_request_context():
            raise RuntimeError(_request_ctx_err_msg)
        return 1
        """,
        name="_request_ctx_err_msg",
    ),
    _row(
        """
        try:
            return current_app.name
        except RuntimeError:
            return _app_ctx_err_msg[:38], _request_ctx_err_msg[:34]
        """,
        name="_app_ctx_err_msg",
    ),
]

_CLASSES = [
    _row(
        """
        def _application():
            return current_app._get_current_object()

        def outcome():
            app = _application()
            with RequestContext(app, {"PATH_INFO": "/inner", "REQUEST_METHOD": "GET",
                                      "SERVER_NAME": "localhost", "SERVER_PORT": "80",
                                      "wsgi.url_scheme": "http"}):
                return request.path
        """,
        name="RequestContext(app, environ)",
    ),
    _row(
        """
        app = current_app._get_current_object()
        with AppContext(app):
            return current_app is app, current_app._get_current_object()
        """,
        name="AppContext(app)",
    ),
    _row(
        """
        app = current_app._get_current_object()
        kept = app.app_context(), app.test_request_context("/inner")
        return [isinstance(context, RequestContext) for context in kept]
        """,
        name="isinstance(context, RequestContext)",
    ),
    _row("signals_available", safe_from=(2, 3)),
    _row("1 if signals_available else 2", safe_from=(2, 3)),
]

_CORNERS = [
    *_both("TOP is None is False"),
    *_both("-1 if TOP is None else 1"),
    *_both("TOP in [None]"),
    *_both("TOP not in (None, 1)"),
    *_both("{TOP: 1}[TOP]"),
    *_both("[*[TOP], TOP]"),
    *_both("max([TOP], key=id)"),
    *_both("(1, 2)[TOP is None]"),
    *_both("any(TOP for _ in 'ab')"),
    *_both("[TOP is None for _ in 'ab']"),
    *_both("{key: TOP for key in 'a'}['a']"),
    *_both("TOP.__class__"),
    *_both("TOP and TOP.u or 'default'"),
    *_both("TOP and getattr(TOP, 'u', None)"),
    *_both("TOP and hasattr(TOP, 'u') and TOP.u and TOP.v"),
    *_both("TOP.u if hasattr(TOP, 'u') else TOP.v if hasattr(TOP, 'v') else 'none'"),
    *_both("TOP.u if TOP and hasattr(TOP, 'u') else 'none'"),
    *_both("not TOP or not hasattr(TOP, 'u') or TOP.u"),
    *_both("getattr(TOP, 'u', TOP)"),
    *_both("getattr(TOP, 'u', TOP is None)"),
    *_both("getattr(TOP, 'u', getattr(TOP, 'v', 1))"),
    *_both("getattr(getattr(TOP, 'u', None), 'v', 'default')"),
    *_both("getattr(TOP, 'u', None) if TOP else 'none'"),
    *_both("TOP.__dict__.get('u')"),
    *_both("TOP.u = 1\nreturn TOP.__dict__.get('u'), vars(TOP)['u']", "E*", "set, read from vars"),
    *_both("TOP.__dict__['u'] = 1\nreturn TOP.u", name="set in __dict__"),
    *_both("TOP.get = 1\nreturn getattr(TOP, 'get', 2)", "E*", "set, named get"),
    *_both("TOP.setdefault = 1\nreturn TOP.setdefault", "E*", "set, named setdefault"),
    *_both("TOP.u, TOP.v = 1, 2\nreturn TOP.u + TOP.v", "E*", "set two at once"),
    *_both("TOP.u = {1}\nTOP.u |= {2}\nreturn len(TOP.u)", "E*", "set, in-place or"),
    *_both("TOP.u = [1, 2]\ndel TOP.u[0]\nreturn TOP.u", "E*", "set, item deleted"),
    *_both("if hasattr(TOP, 'u'):\n    return TOP.u\nreturn 1", name="if hasattr"),
    *_both("with suppress(KeyError):\n    return TOP.u\nreturn 1", "E*", "suppress KeyError"),
    *_both("match TOP:\n    case None:\n        return 1\nreturn 2", name="match"),
    *_both("(kept := TOP) and kept", name="walrus in and"),
    *_both("class Holder:\n    context = TOP\nreturn Holder.context", name="class body"),
    *_both("if 1:\n    kept = TOP\nelse:\n    kept = None\nreturn kept", name="kept in branches"),
    *_both("for kept in [TOP]:\n    return kept is None", name="for"),
    *_both("kept = TOP\ndel kept\nreturn TOP is None", name="kept, deleted"),
    *_both("kept = TOP\nkept = kept is None\nreturn kept", name="kept, assigned again"),
    *_both(
        """
        if TOP is None:
            pass
        return TOP is None
        """,
        name="tested for nothing",
    ),
    *_both(
        """
        try:
            return TOP.u
        except AttributeError:
            TOP.u = 1
            return TOP.u
        """,
        "E*",
        "made in a handler",
    ),
    *_both(
        """
        if TOP is not None:
            try:
                return TOP.u
            except AttributeError:
                return 1
        return 2
        """,
        name="handler below a guard",
    ),
    *_both(
        """
        try:
            return TOP.u
        except AttributeError as error:
            raise LookupError from error
        """,
        name="handler that raises",
    ),
    *_both(
        """
        try:
            return TOP.u
        except (AttributeError,) as error:
            return isinstance(error, Exception)
        """,
        name="handler of a tuple of one",
    ),
    *_both(
        """
        for number in range(3):
            if TOP is None:
                continue
            if not hasattr(TOP, "u"):
                TOP.u = number
        return getattr(TOP, "u", "none")
        """,
        name="loop with continue",
    ),
    *_both(
        """
        import asyncio

        async def inner():
            kept = TOP
            await asyncio.sleep(0)
            if kept is None:
                return "none"
            return hasattr(kept, "u"), kept is TOP

        return asyncio.run(inner())
        """,
        name="async",
    ),
    *_both(
        """
        class _Owner:
            @property
            def context(self):
                return TOP

            @property
            def value(self):
                context = self.context
                if context is not None:
                    if not hasattr(context, "u"):
                        context.u = 1
                    return context.u

        def outcome():
            return _Owner().value, _Owner().context is None
        """,
        name="properties",
    ),
    _row("(REQUEST_TOP or APP_TOP).app"),
    _row("getattr(REQUEST_TOP or APP_TOP, 'app', None)"),
    _row("hasattr(REQUEST_TOP or APP_TOP, 'request')"),
    _row("getattr(REQUEST_TOP, 'u', APP_TOP)"),
    _row("getattr(REQUEST_TOP, 'request', APP_TOP)"),
    _row("APP_TOP.app is REQUEST_TOP.app", "E*", differs={"app": "True", "req>app2": "True"}),
    _row("REQUEST_TOP.app.app_context().app", "E*", differs=_APP_OBJECT_SURVIVES, moves=True),
    _row("REQUEST_TOP.request.path, REQUEST_TOP.session['name']", "E*"),
    _row("REQUEST_TOP.session.get('k', REQUEST_TOP.request.path)", "E*"),
    _row("REQUEST_TOP._implicit_app_ctx_stack", "E*", reported_from=_ALWAYS),
    _row("APP_TOP._refcnt", "E*", reported_from=_ALWAYS),
    _row(
        """
        with current_app.test_request_context("/inner"):
            return REQUEST_TOP.request.path, REQUEST_TOP.request
        """,
        name="request inside another request",
        moves=True,
    ),
    _row(
        """
        if REQUEST_TOP is None:
            with current_app.test_request_context("/inner"):
                return REQUEST_TOP.request.path
        return REQUEST_TOP.request.path
        """,
        name="request pushed where there is none",
        moves=True,
    ),
    _row(
        """
        from flask import Flask

        def outcome():
            if APP_TOP is None:
                Flask("three").app_context().push()
            return hasattr(APP_TOP, "u"), APP_TOP.app.name
        """,
        name="app context pushed where there is none",
        moves=True,
    ),
    _row(
        """
        try:
            from flask import _app_ctx_stack as stack
        except ImportError:
            from flask import _request_ctx_stack as stack

        def given():
            context = stack.top
            if context is not None:
                if not hasattr(context, "u"):
                    context.u = 1
                return context.u

        def read():
            return getattr(stack.top, "u", None), stack.top is None

        def removed():
            if hasattr(stack.top, "u"):
                del stack.top.u
            return hasattr(stack.top, "u")
        """,
        name="import with a fallback",
    ),
    _row(
        """
        from flask import _app_ctx_stack, _request_ctx_stack

        def outcome():
            context = (_app_ctx_stack or _request_ctx_stack).top
            return getattr(context, "u", "none")
        """,
        name="one stack or the other",
    ),
]

EXPRESSIONS: tuple[Expression, ...] = (
    *_PRESENCE,
    *_VALUES,
    *_GUARDS,
    *_HANDLERS,
    *_BUILT_IN,
    *_CUSTOM,
    *_OPERATIONS,
    *_LOOKUPS,
    *_CLASSES,
    *_CORNERS,
)
