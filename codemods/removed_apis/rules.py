"""The rules of the family, and what they have to know of a file before they judge others."""

from __future__ import annotations

from collections.abc import Iterator

from flask_ctxfix.codemod import Survey
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
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

RULES = (
    RequestContextStack(),
    AppContextStack(),
    PrivateContextLookup(),
    BeforeFirstRequest(),
    ContextClassUse(),
    RemovedContextFlags(),
    ChangedIn32(),
)


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Collect what the rules must know of a module before they judge any other."""
    uses = StackUses.of(module, project)
    groups = frozenset(stores.groups(module, project, uses, target))
    leads = frozenset(frozenset({name}) for name in _leads(module, project, target))
    return Survey(stores.facts(module, project), leads, groups)


def _leads(module: Module, project: Project, target: TargetVersion) -> Iterator[str]:
    """Yield names that those use who use what a module exports, or may keep the same names."""
    uses = StackUses.of(module, project)
    for scope, binding in uses.bindings:
        if scope.parent is None:
            yield binding.name
    for kind, attribute in stores.attributes(module, project, uses):
        if stores.may_move(kind, target):
            yield attribute
        if (kind, attribute) == stores.LOGIN_SLOT and not stores.is_flask_login(module, project):
            yield from ("flask_login", "login_manager")
