"""The path of data that is kept: what one request reads and writes, and where another reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import chain

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.request_datum import Datum
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at

Reads = Iterable[tuple[Module, ast.AST]]


def path_of_write(
    module: Module,
    project: Project,
    node: ast.AST,
    datum: Datum,
    read: Step | None,
    says: str = "for all requests",
) -> tuple[Step, ...]:
    """Return the path of `datum` to the write at `node`, and on to where another request reads it.

    It begins at what Flask calls, and goes over what is read of the request; `says` is what makes
    the write one for other requests, too.
    """
    reach = ContextFlow.of(project).reachability.of(module, node)
    path = path_to(reach, *datum.steps, step_at(module, node, "write", message=says))
    return path if read is None else (*path, read._replace(message="in another request"))


def read_by_another(module: Module, project: Project, node: ast.AST, reads: Reads) -> Step | None:
    """Return one of the reads of what `node` writes: of another function of its file, if any is."""
    around = module.scopes.function_of(node)
    found = [each for each in reads if not project.is_test(each[0].path)]
    found.sort(key=lambda each: each[0] is not module)
    elsewhere = (each for each in found if each[0].scopes.function_of(each[1]) is not around)
    first = next(chain(elsewhere, found), None)
    return None if first is None else step_at(*first, "read")
