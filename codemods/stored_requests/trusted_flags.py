"""Constants that one request sets by who is asking, and that another request trusts.

`settings.by_key = True`, behind a test of a header, lets the next visitor in as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.stored_requests.kept_paths import Reads, may_be_in_request
from flask_ctxfix.codemods.stored_requests.slots import (
    Slot,
    Store,
    declared_in_functions,
    slot_of,
    target_of,
)
from flask_ctxfix.codemods.stored_requests.uses import reads_of
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.flask_facts import BODY_READS, TOLD_BY_PATH, TURNING_AWAY, spelled
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import before_in, block_of, ends, statement_of, way_out
from flask_ctxfix.syntax import is_truthy, last_name

# The user is not told by these: what the server answers to, and what a form or a link asks for.
_OF_ROUTE = TOLD_BY_PATH | {"method", "is_json", "content_type"}
_ASKED_FOR = spelled(BODY_READS) | {"args", "files", "values", "view_args"}
_DENIED = frozenset({401, 403})


def flags_in(module: Module, project: Project) -> list[Store]:
    """Return where a module sets such constants; nothing for tests."""
    if project.is_test(module.path):
        return []
    return module.memo("trusted flags", lambda: [*_flags(module, project)])


def _flags(module: Module, project: Project) -> Iterator[Store]:
    if not RequestData.of_project(project).may_be_in(module):
        return
    for slot, target in (*_variables(module, project), *_attributes(module, project)):
        datum = trusted(module, project, target, reads_of(slot, project))
        if datum is not None:
            yield Store(slot, target, datum)


def trusted(module: Module, project: Project, node: ast.AST, reads: Reads) -> Datum | None:
    """Return the data that decides whether `node` sets a constant, if one of the `reads` trusts it.

    They trust it if another function that serves requests decides by it what a visitor gets.
    """
    test = next(tests_of_user(module, RequestData.of_project(project), node), None)
    if test is None:
        return None
    datum, is_proof = test
    tests = _tests_among(reads, module, project, node)
    if not any(not is_proof or _denies(*each) for each in tests):
        return None
    return datum._replace(kind=Kind.VALUE, how=How.MADE)


def _variables(module: Module, project: Project) -> Iterator[tuple[Slot, ast.expr]]:
    """Yield the variables of outside to which functions assign a constant that counts as true."""
    for slot, bindings in declared_in_functions(module, project):
        for binding in bindings:
            target = target_of(binding)
            if target is not None and is_truthy(binding.value):
                yield slot, target


def _attributes(module: Module, project: Project) -> Iterator[tuple[Slot, ast.expr]]:
    """Yield the attributes to which functions assign a constant that counts as true."""
    for target in module.scopes.assigned_attributes:
        assigned = module.scopes.parents[target]
        value = assigned.value if isinstance(assigned, ast.Assign | ast.AnnAssign) else None
        if is_truthy(value) and module.scopes.function_of(target) is not None:
            slot = slot_of(module, project, target)
            if slot is not None:
                yield slot, target


def tests_of_user(module: Module, data: RequestData, node: ast.AST) -> Iterator[tuple[Datum, bool]]:
    """Yield the data of the tests that `node` is behind, and whether it is what a form proves.

    What a visitor sends by themselves shows who they are only if it is compared with something, as
    a password with the one that is kept, or if something is found by it.
    """
    for test in _tests_before(module, node):
        for part in ast.walk(test):
            datum = data.of(module, part, widest=How.MADE) if isinstance(part, ast.expr) else None
            if datum is None or datum.is_caught or datum.kind is Kind.PROXY:
                continue
            if _names_in(datum) & _OF_ROUTE:
                continue
            if not is_sent(datum):
                yield datum, False
            elif datum.how in {How.FOUND, How.MADE} or _is_checked(module, part):
                yield datum, True


def is_sent(datum: Datum) -> bool:
    """Whether a visitor sends data by themselves, in a form or a link."""
    names = _names_in(datum)
    if names & _OF_ROUTE:
        return False
    return not names.isdisjoint(_ASKED_FOR) or datum.of.isidentifier()


def _names_in(datum: Datum) -> set[str]:
    return {*datum.of.replace("(", ".").replace("[", ".").split(".")}


def _is_checked(module: Module, node: ast.AST) -> bool:
    """Whether data is compared with something, or checked against it by a function."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Compare):
        return True
    return isinstance(parent, ast.Call) and node in parent.args and len(parent.args) > 1


def _tests_before(module: Module, node: ast.AST) -> Iterator[ast.expr]:
    """Yield the tests that decide whether `node` runs: around it, and those that leave before."""
    for parent, child in way_out(module, statement_of(module, node)):
        for earlier in before_in(parent, child):
            if isinstance(earlier, ast.If) and not earlier.orelse and _leaves(earlier.body):
                yield earlier.test
        if isinstance(parent, ast.If):
            yield parent.test


def _leaves(block: list[ast.stmt]) -> bool:
    """Whether code never goes on behind a block, also as it aborts there."""
    last = block[-1]
    is_call = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)
    return ends(block) or (is_call and _turns_away(last))


def _tests_among(
    reads: Reads, module: Module, project: Project, node: ast.AST
) -> Iterator[tuple[Module, ast.If]]:
    """Yield the tests in which another function that serves requests reads something."""
    own = module.scopes.function_of(node)
    for home, read in reads:
        if home.scopes.function_of(read) is own or not may_be_in_request(home, project, read):
            continue
        statement = statement_of(home, read)
        if isinstance(statement, ast.If) and read in ast.walk(statement.test):
            yield home, statement


def _denies(module: Module, test: ast.If) -> bool:
    """Whether one branch of a test turns the visitor away, or what follows if it is left."""
    block = block_of(module.scopes.parents[test], test)
    rest = block[block.index(test) + 1 :] if _leaves(test.body) else []
    return any(map(_turns_away, (*test.body, *test.orelse, *rest)))


def _turns_away(statement: ast.stmt) -> bool:
    for each in ast.walk(statement):
        if isinstance(each, ast.Constant) and each.value in _DENIED:
            return True
        if isinstance(each, ast.Call) and last_name(each.func) in TURNING_AWAY:
            return True
    return False
