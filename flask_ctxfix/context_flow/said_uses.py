"""What findings say of a use that lacks its context: who does what, and what that raises."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.made_contexts import NEED_OF, Need
from flask_ctxfix.context_flow.summaries import Use, is_called
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.flask_facts import (
    NEEDS,
    NONE_WITHOUT_REQUEST,
    PROXIES,
)
from flask_ctxfix.wording import fitting, is_short

_LONGEST_LIST = 40
_NAMELESS = "this function"
_NO_REQUEST = "RuntimeError: Working outside of request context"
_NO_APP = "RuntimeError: Working outside of application context"
# Of the functions of Flask that need a request, those that read a proxy of it first.
_READING_REQUEST = frozenset({"flask.flash", "flask.get_flashed_messages"})


def of_function(function: Function | None, *texts: str) -> str:
    """Return the first of some texts that fits, with the name of a function for each `{}`."""
    node = function.node if function is not None else None
    names = [f"`{node.name}`"] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    every = (*names, "the function")
    return fitting(*(text.replace("{}", name) for name in every for text in texts))


def sentence(use: Use, *rests: str, user: str | None = None) -> str:
    """Return who uses what, and the rest of the sentence, the first of `rests` that fits.

    `user` is who does it where that is no function.
    """
    users = dict.fromkeys((user or _user(use.steps), user or _NAMELESS))
    codes = dict.fromkeys((f"`{written(use)}`", f"`{_without_index(use.name)}`"))
    begins = [f"{who} {verb_of(use)} {code}" for who in users for code in codes]
    begins += [f"{who} uses a value" for who in users]
    return fitting(*(f"{begin} {rest}" for begin in begins for rest in rests))


def quoted(code: str) -> str:
    """Return code for a sentence, as it is written; "the value" if that is too long for one."""
    return f"`{code}`" if is_short(code) else "the value"


def written(use: Use) -> str:
    """Return a use as it is written, without arguments; without an index that is long."""
    step = use.steps[-1] if use.steps else None
    if step is None or step.role == "call":
        return _without_index(use.name)
    return step.code if is_short(step.code) else _without_index(use.name)


def listed(codes: Iterable[str]) -> str:
    """Return the code of some values as a short list; "the values" if that is too long for one."""
    quoted_codes = list(dict.fromkeys(map(quoted, codes)))
    text = " and ".join(filter(None, (", ".join(quoted_codes[:-1]), *quoted_codes[-1:])))
    is_short = quoted_codes and len(text) <= _LONGEST_LIST
    return text if is_short and "the value" not in quoted_codes else "the values"


def failing(use: Use) -> tuple[Step, ...]:
    """Return the steps to a use that lacks its context, the last with what that raises."""
    *before, last = use.steps or (None,)
    if last is None:
        return ()
    return (*filter(None, before), last._replace(error=raised_by(use)))


def raised_by(use: Use) -> str:
    """Return what a use raises where no context is active; "" if that is not known."""
    name, need = use.of, use.need
    if name in NONE_WITHOUT_REQUEST:
        attribute = use.name.rpartition(".")[2]
        is_asked = use.name.rpartition(".")[0] and attribute != name.rpartition(".")[2]
        error = f"AttributeError: 'NoneType' object has no attribute '{attribute}'"
        return error if is_asked and attribute.isidentifier() else ""
    if not name.startswith("flask."):
        return ""
    if name in PROXIES:
        return _NO_REQUEST if NEED_OF[PROXIES[name]] is Need.REQUEST else _NO_APP
    if name in _READING_REQUEST:
        return _NO_REQUEST
    is_of_app = need is Need.APP and name in NEEDS
    return _NO_APP if is_of_app else "RuntimeError"


def _user(steps: tuple[Step, ...]) -> str:
    """Return how a sentence names the function that the last of some steps is taken in."""
    functions = [step.function for step in steps if step.function is not None]
    if not functions:
        return _NAMELESS
    name = functions[-1].name
    return "a lambda" if name == "lambda" else f"`{name}`"


def verb_of(use: Use) -> str:
    """Return what a function does with what it uses."""
    if use.access == "write":
        return "changes"
    if is_called(use.access, use.name):
        return "calls"
    return "reads" if use.of in PROXIES else "uses"


def _without_index(name: str) -> str:
    return name.partition("[")[0]
