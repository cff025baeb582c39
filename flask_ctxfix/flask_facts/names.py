"""The one name by which a thing is known here, however code reaches it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from flask_ctxfix.flask_facts.flask import (
    APP_DECORATORS,
    ENTRY_BASES,
    ENTRY_DECORATORS,
    NEEDS,
    OUTSIDE_DECORATORS,
    PROXIES,
    TRANSPARENT_DECORATORS,
)
from flask_ctxfix.flask_facts.jobs import JOB_BASES, JOB_DECORATORS, JOB_STARTERS
from flask_ctxfix.flask_facts.removed import (
    CLASSES,
    ERROR_MESSAGES,
    EXPORTED,
    GLOBALS,
    LOOKUPS,
    REMOVED_STACKS,
    SIGNALS,
)
from flask_ctxfix.flask_facts.threads import CARRIERS, STARTERS


def spelled(names: Iterable[str]) -> frozenset[str]:
    """Return the last parts of qualified names: what code spells that uses one of them."""
    return frozenset(name.rpartition(".")[2] for name in names)


def name_of(origin: str) -> str | None:
    """Return the name that a qualified name of Flask's own modules ends in, if it is known here."""
    package, *modules = origin.split(".")
    name = modules.pop() if modules else ""
    known = package == "flask" and name in _KNOWN and _MODULES.issuperset(modules)
    return name if known else None


_STARRED = {
    "flask": EXPORTED,
    "flask.globals": frozenset(
        {"app_ctx", "current_app", "g", "request", "request_ctx", "session"}
    ),
}


def is_exported(module: str, name: str) -> bool:
    """Whether ``from <module> import *`` gives Flask's `name`."""
    return name in _STARRED.get(module, frozenset())


_KNOWN = (
    frozenset(REMOVED_STACKS)
    | frozenset(LOOKUPS)
    | frozenset(ERROR_MESSAGES)
    | EXPORTED
    | GLOBALS
    | CLASSES
    | SIGNALS
    | {"_find_app"}
)


_MODULES = frozenset(
    {
        "app",
        "blueprints",
        "cli",
        "ctx",
        "globals",
        "helpers",
        "json",
        "sansio",
        "sessions",
        "signals",
        "templating",
        "testing",
        "views",
        "wrappers",
    }
)


def is_well_known(name: str) -> bool:
    """Whether a name is one of Python's, Flask's or Werkzeug's, of which the facts are here."""
    package = name.partition(".")[0]
    return package in {"flask", "werkzeug"} or package in sys.stdlib_module_names


def is_transparent(decorator: str) -> bool:
    """Whether a decorator runs its function as it is, in the context of the caller."""
    return decorator in TRANSPARENT_DECORATORS


_PUBLIC = frozenset(
    {
        *PROXIES,
        *NEEDS,
        *STARTERS,
        *ENTRY_DECORATORS,
        *ENTRY_BASES,
        *OUTSIDE_DECORATORS,
        *APP_DECORATORS,
        *CARRIERS,
        *JOB_DECORATORS,
        *JOB_BASES,
        *JOB_STARTERS,
    }
)
_PUBLIC_HEADS = frozenset(
    head.rpartition(".")[0] if "()" not in name else head
    for name in _PUBLIC
    for head in [name.partition("()")[0]]
) | frozenset(name.partition("()")[0] for name in _PUBLIC)


def public_name(origin: str) -> str:
    """Return a qualified name without the private modules of its package, if that is known here."""
    head, call, rest = origin.partition("()")
    parts = head.split(".")
    while len(parts) > 2:
        if ".".join(parts) in _PUBLIC_HEADS:
            return ".".join(parts) + call + rest
        shorter = [*parts[:-2], parts[-1]]
        parts = shorter
    public = ".".join(parts)
    return public + call + rest if public in _PUBLIC_HEADS else origin


def canonical_name(origin: str) -> str:
    """Return the one name that is used here for what has several qualified names."""
    name = name_of(origin)
    return f"flask.{name}" if name is not None else public_name(origin)
