"""Removed and changed context APIs: CTX401 to CTX407."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_ctxfix.codemods.removed_apis import stores
from flask_ctxfix.codemods.removed_apis.changed import ChangedIn32
from flask_ctxfix.codemods.removed_apis.classes import ContextClassUse
from flask_ctxfix.codemods.removed_apis.flags import RemovedContextFlags
from flask_ctxfix.codemods.removed_apis.hooks import BeforeFirstRequest
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
    rules=(
        RequestContextStack(),
        AppContextStack(),
        PrivateContextLookup(),
        BeforeFirstRequest(),
        ContextClassUse(),
        RemovedContextFlags(),
        ChangedIn32(),
    ),
    words=(
        b"_ctx_stack",
        b"_lookup_req_object",
        b"_lookup_app_object",
        b"_find_app",
        b"_ctx_err_msg",
        b"first_request",
        b"RequestContext",
        b"AppContext",
        b"PRESERVE_CONTEXT_ON_EXCEPTION",
        b"preserve_context",
        b"signals_available",
        b"request_ctx",
        b"_cv_request",
        b"dispatch_request",
        b"do_teardown",
        b"finalize_request",
        b"make_default_options_response",
        b"preprocess_request",
        b"process_response",
        b"update_template_context",
        b"app_context",
        b"request_context",
    ),
    survey=survey,
)
