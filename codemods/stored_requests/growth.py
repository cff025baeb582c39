"""What each request, or each visitor, adds to a container that lasts, whatever it adds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.bounded_keys import are_bounded
from flask_ctxfix.codemods.stored_requests.kept_paths import serves_requests
from flask_ctxfix.codemods.stored_requests.lasting_containers import (
    Container,
    container_of,
    lasting_container,
    shared_slot,
)
from flask_ctxfix.codemods.stored_requests.puts import Put
from flask_ctxfix.codemods.stored_requests.slots import Slot
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.flask_facts import ERROR_HANDLERS, LISTING, TOLD_BY_PATH
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.started_once import asks_what_changes, conditions, is_once
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import last_name, without_call

_Key = Slot | tuple[FunctionNode | None, str]
_LISTING = LISTING | {"appendleft", "extendleft"}
_ONE_MORE = Datum(Kind.VALUE, "")


class Growth(NamedTuple):
    """What adds to a container that lasts, and data of which there is an item for each.

    Where `of` of that is empty, there is one more each time that the code runs.
    """

    put: Put
    found: Container
    datum: Datum


def growths_in(
    module: Module, project: Project, puts: list[Put], told: list[Put]
) -> Iterator[Growth]:
    """Yield the first of the `puts` of each container that requests make ever larger.

    What a container is given of which one of those is `told` grows by the same.
    """
    known = {_key_of(module, project, each) for each in told}
    for put in puts:
        datum = _grown_by(module, project, put)
        if datum is None or not serves_requests(module, project, put.node):
            continue
        key = _key_of(module, project, put)
        found = lasting_container(module, project, put.container) if key not in known else None
        if found is None or found.is_emptied or not _is_made(put, found):
            continue
        known.add(key)
        yield Growth(put, found, datum)


def _is_made(put: Put, found: Container) -> bool:
    """Whether a put makes an item, and does not only change one that is there."""
    is_sum = isinstance(put.node, ast.AugAssign) and put.keys is not None
    is_replaced = found.is_list and isinstance(put.node, ast.Assign)
    return found.makes_items if is_sum else not is_replaced


def _key_of(module: Module, project: Project, put: Put) -> _Key:
    """Return what is the same for all that is put into one container."""
    node = put.container
    while (item := container_of(node)) is not None:
        node = item
    return shared_slot(module, project, node) or (
        module.scopes.function_of(node),
        module.segment(node),
    )


def tells_visitors_apart(datum: Datum) -> bool:
    """Whether there is another value for each visitor, not for each of the application's paths."""
    is_of_path = any(datum.of.endswith(f".{name}") for name in TOLD_BY_PATH)
    return datum.kind is Kind.VALUE and not datum.is_caught and not is_of_path


def _grown_by(module: Module, project: Project, put: Put) -> Datum | None:
    """Return what there is an item for, where there may be ever more; None if there may not.

    That is data by which visitors differ, or, with nothing in `of`, each time that code runs.
    """
    keys = put.every_key
    if keys is None:
        is_more = _is_one_more(put) and not _is_added_once(module, project, put)
        return _ONE_MORE if is_more else None
    if put.fixed_keys(module, project) is not None:
        return None
    return next((each for key in keys if (each := _ever_new(module, project, put, key))), None)


def _ever_new(module: Module, project: Project, put: Put, key: ast.expr) -> Datum | None:
    """Return what a key is, if anyone can make up another one, or each request makes one."""
    if _counts_items(module, put, key):
        return _ONE_MORE
    data = RequestData.of_project(project)
    if not data.may_be(module, key):
        return None
    datum = data.of(module, key, widest=How.DRAWN)
    if datum is None or not tells_visitors_apart(datum):
        return None
    if are_bounded(module, project, (key,), trusts_session=True):
        return None
    if datum.how is How.DRAWN:
        return None if is_once(module, put.node, project) else _ONE_MORE
    # What a URL names, the application mostly has: `request.…` is what a visitor says of himself.
    return datum if datum.how is How.READ and not datum.of.isidentifier() else None


def _counts_items(module: Module, put: Put, key: ast.expr) -> bool:
    """Whether a key is made of the number of items that there are: ``games[len(games)]``."""
    written = module.segment(put.container)
    return any(
        isinstance(each, ast.Call)
        and getattr(each.func, "id", "") == "len"
        and [module.segment(argument) for argument in each.args] == [written]
        for each in ast.walk(key)
    )


def _is_one_more(put: Put) -> bool:
    """Whether a list gets one more item, or several."""
    if all(isinstance(e, ast.Constant) or last_name(e) == "__name__" for e in put.values):
        return False  # a mark, of which code says itself how often it leaves it
    if isinstance(put.node, ast.AugAssign):
        return isinstance(put.node.value, ast.List)
    called = put.node.func if isinstance(put.node, ast.Call) else None
    return getattr(called, "attr", "") in _LISTING


def _is_added_once(module: Module, project: Project, put: Put) -> bool:
    """Whether something is not added by each request: only by those that fail, or by the first.

    Then a test of what lasts may decide, as whether it is there already.
    """
    if _is_of_error(module, project, put.node):
        return True
    tests = conditions(module, put.node)
    asked = (asks_what_changes(module, each, project, by_key=True) for each in tests)
    return any(asked) or is_once(module, put.node, project)


def _is_of_error(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code handles an error."""
    values = ContextFlow.of(project).values
    for each in module.scopes.ancestors(node):
        if isinstance(each, ast.ExceptHandler):
            return True
        if isinstance(each, FunctionNode):
            decorators = map(without_call, getattr(each, "decorator_list", ()))
            return any(values.name_of(module, e) in ERROR_HANDLERS for e in decorators)
    return False
