"""The proxies of a context, and what stands for one."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


def proxy_of(module: Module, project: Project, node: ast.expr) -> str | None:
    """Return the qualified name of the proxy that an expression stands for."""
    value = ContextFlow.of(project).values.of(module, node)
    return value.name if isinstance(value, Foreign) and value.name in PROXIES else None
