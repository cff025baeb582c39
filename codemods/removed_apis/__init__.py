"""Removed and changed context APIs: CTX401 to CTX407."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import Codemod, Survey
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
from flask_ctxfix.project import stem_of

if TYPE_CHECKING:
    from flask_ctxfix.flask_versions import TargetVersion
    from flask_ctxfix.project import Module, Project


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Collect what the rules must know of a module before they judge any other."""
    uses = StackUses.of(module, project)
    groups = frozenset(stores.groups(module, project, uses, target))
    leads = frozenset(_leads(module, project, target))
    return Survey(stores.facts(module, project), leads, groups)


def _leads(module: Module, project: Project, target: TargetVersion) -> Iterator[frozenset[str]]:
    """Yield the words of files that use what a module exports, or may keep the same names."""
    uses = StackUses.of(module, project)
    stem = stem_of(module.path)
    for scope, binding in uses.bindings:
        if scope.parent is None:
            yield frozenset({binding.name, stem})
    for kind, attribute in stores.attributes(module, project, uses):
        if stores.may_move(kind, target):
            yield frozenset({attribute})
        if (kind, attribute) == stores.LOGIN_SLOT and not stores.is_flask_login(module, project):
            yield frozenset({"flask_login"})
            yield frozenset({"login_manager"})


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
    ),
    words_since=(
        (
            (3, 2),
            (
                *(name.encode() for name in sorted(flask_facts.DISPATCH_METHODS)),
                *(name.encode() for name in sorted(flask_facts.CONTEXT_MAKERS)),
            ),
        ),
    ),
    survey=survey,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "RemovedApisCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
