"""Proxies that are the senders of signals."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.threads.captured_proxies import APP, lasting_proxy_of
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.flask_facts import SENDING, SIGNAL_OBJECTS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


def senders_in(module: Module, project: Project) -> Iterator[ast.expr]:
    """Yield the senders of signals that are the proxy of the application."""
    values = ContextFlow.of(project).values
    for call in module.scopes.calls_of(SENDING):
        called = call.func
        if not isinstance(called, ast.Attribute) or not call.args:
            continue
        if lasting_proxy_of(module, project, call.args[0]) != APP:
            continue
        if _is_signal(values.name_of(module, called.value)):
            yield call.args[0]


def _is_signal(name: str) -> bool:
    """Whether what sends the application is a signal: what Flask and extensions hold ready is."""
    is_ready = name.startswith(("flask.", "flask_")) and "()" not in name
    return is_ready or name in SIGNAL_OBJECTS
