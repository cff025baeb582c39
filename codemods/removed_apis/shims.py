"""Branches for a Flask that the target no longer includes, and what is left without them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import Edit, KeepBlock, RemoveStatement
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, is_modern_import
from flask_ctxfix.codemods.removed_apis.versions import Version, is_flask_version, release_of
from flask_ctxfix.context_flow.caught import catches_import_error
from flask_ctxfix.flask_versions import STACKS_REMOVED, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project

_COMPARISONS: dict[type[ast.cmpop], Callable[[Version, Version], bool]] = {
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


class Shim(NamedTuple):
    """A statement of which the target takes one branch only. `kind` is the stack it was for.

    `dead` names the branch that no longer runs, and `kept` says what to do.
    """

    node: ast.stmt
    kind: Kind
    edit: Edit
    dead: str
    kept: str


def shims(module: Module, project: Project, target: TargetVersion) -> Iterator[Shim]:
    """Yield the version shims around the stacks that `target` does not need any more."""
    for statement in module.scopes.nodes(ast.Try):
        kept = _kept_arm(module, project, statement)
        if kept is not None:
            arms = {"body": statement.body, "handler": statement.handlers[0].body}
            dead = arms["body" if kept == "handler" else "handler"]
            if not _needs_stack(module, project, arms[kept]):
                yield from _shim(module, statement, dead, kept)
    for branch in module.scopes.nodes(ast.If):
        outcome = _outcome(module, project, target, branch.test)
        if outcome is None or _needs_stack(
            module, project, branch.body if outcome else branch.orelse
        ):
            continue
        if outcome is True and branch.orelse:
            yield from _shim(module, branch, branch.orelse, "body")
        elif outcome is False and not _is_elif(branch.orelse):
            yield from _shim(module, branch, branch.body, "orelse" if branch.orelse else None)


def _shim(
    module: Module,
    node: ast.Try | ast.If,
    dead: Sequence[ast.stmt],
    kept: Literal["body", "orelse", "handler"] | None,
) -> Iterator[Shim]:
    kinds = {kind for part in dead for kind in _stacks_in(part)}
    if not kinds or is_needed(module, node, dead):
        return
    span = module.span(node)
    edit: Edit = RemoveStatement(span) if kept is None else KeepBlock(span, kept)
    if module.text.startswith("elif", span.start):
        return
    dead_name, advice = _words(node, kept)
    yield Shim(node, "app" if "app" in kinds else "request", edit, dead_name, advice)


def _words(node: ast.Try | ast.If, kept: str | None) -> tuple[str, str]:
    """Return how to name the branch that no longer runs, and what to do about it."""
    if isinstance(node, ast.Try):
        if kept == "handler":
            return "this `try` body", "keep only the `except` body"
        return "the `except` body", "keep only the `try` body"
    if kept == "body":
        other = "`elif`" if _is_elif(node.orelse) else "`else`"
        return f"the {other} branch", "keep only the `if` body"
    if kept is None:
        return "this `if` body", "remove the whole `if` statement"
    return "this `if` body", "keep only the `else` body"


def _needs_stack(module: Module, project: Project, kept: Sequence[ast.stmt]) -> bool:
    """Whether a branch that stays needs a stack as well, by any name."""
    if any(True for statement in kept for _ in _stacks_in(statement)):
        return True
    nodes = (node for part in kept for node in ast.walk(part) if isinstance(node, ast.Name))
    reads = (node for node in nodes if isinstance(node.ctx, ast.Load))
    origins = (each for node in reads for each in project.origins(module, node) - {NONE})
    return any(flask_facts.name_of(each) in flask_facts.REMOVED_STACKS for each in origins)


def _stacks_in(statement: ast.stmt) -> Iterator[Kind]:
    for node in ast.walk(statement):
        names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
        for name in names:
            if name in flask_facts.REMOVED_STACKS:
                yield "app" if name == "_app_ctx_stack" else "request"


def is_needed(module: Module, node: ast.stmt, dead: Sequence[ast.stmt]) -> bool:
    """Whether something outside of the dead branch reads a name that only this branch binds."""
    dying = [module.span(statement) for statement in dead]
    whole = module.span(node)
    for scope in module.scopes.every:
        for name, bindings in scope.bindings.items():
            places = [module.span(b.alias or b.node) for b in bindings if b.kind != "other"]
            dies = [place for place in places if any(span.holds(place) for span in dying)]
            stays = [p for p in places if whole.holds(p) and p not in dies]
            if not dies or stays:
                continue
            reads = [module.span(read) for read in scope.reads.get(name, ())]
            if any(not any(span.holds(read) for span in dying) for read in reads):
                return True
    return False


def _kept_arm(
    module: Module, project: Project, statement: ast.Try
) -> Literal["body", "handler"] | None:
    """Return the arm of an import guard that serves a newer Flask, if the other one does not."""
    if len(statement.handlers) != 1 or statement.orelse or statement.finalbody:
        return None
    handler = statement.handlers[0]
    if not catches_import_error(module, project, handler):
        return None
    body_is_modern = any(map(is_modern_import, statement.body))
    handler_is_modern = any(map(is_modern_import, handler.body))
    if body_is_modern == handler_is_modern:
        return None
    return "body" if body_is_modern else "handler"


def _outcome(
    module: Module, project: Project, target: TargetVersion, test: ast.expr
) -> bool | None:
    """Return what a condition on the version of Flask is for all of `target`, if it is one."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _outcome(module, project, target, test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.Call):
        return _has_name(module, project, target, test)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    compare = _COMPARISONS.get(type(test.ops[0]))
    release = release_of(test.comparators[0])
    if compare is None or release is None or not is_flask_version(module, project, test.left):
        return None
    known = {version[: len(release)] for version in target}
    if release in known and isinstance(test.ops[0], ast.Gt | ast.LtE):
        return None  # 2.2.5 is more than 2.2
    outcomes = {compare(version, release) for version in known}
    return outcomes.pop() if len(outcomes) == 1 else None


def _has_name(
    module: Module, project: Project, target: TargetVersion, call: ast.Call
) -> bool | None:
    """Return the outcome of ``hasattr(flask, name)``."""
    if project.origins(module, call.func) != {"builtins.hasattr"} or len(call.args) != 2:
        return None
    owner = project.origins(module, call.args[0])
    name = getattr(call.args[1], "value", None)
    if owner == {"flask.globals"} and name in {"app_ctx", "request_ctx"}:
        return True
    if owner <= {"flask", "flask.globals"} and name in flask_facts.REMOVED_STACKS:
        return False if target.oldest >= STACKS_REMOVED else None
    return None


def _is_elif(block: Sequence[ast.stmt]) -> bool:
    return len(block) == 1 and isinstance(block[0], ast.If)
