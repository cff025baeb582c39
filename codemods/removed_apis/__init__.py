"""Removed and changed context APIs: CTX401 to CTX407."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_ctxfix.codemods.removed_apis import stores
from flask_ctxfix.codemods.removed_apis.stack_uses import StackUses
from flask_ctxfix.codemods.removed_apis.stacks import (
    AppContextStack,
    PrivateContextLookup,
    RequestContextStack,
)

from flask_ctxfix.codemod import Codemod, Survey

if TYPE_CHECKING:
    from flask_ctxfix.project import Module, Project


def survey(module: Module, project: Project) -> Survey:
    """Collect what the rules must know of a module before they judge any other."""
    names = {b.name for s, b in StackUses.of(module, project).bindings if s.parent is None}
    stem = module.path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
    leads = frozenset(frozenset({name.encode(), stem.encode()}) for name in names)
    return Survey(stores.facts(module, project), leads)


CODEMOD = Codemod(
    name=stores.NAME,
    rules=(RequestContextStack(), AppContextStack(), PrivateContextLookup()),
    words=(
        b"_ctx_stack",
        b"_lookup_req_object",
        b"_lookup_app_object",
        b"_find_app",
        b"_ctx_err_msg",
    ),
    survey=survey,
)
