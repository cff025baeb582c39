"""CTX504: what keeps a request, or data of one, for as long as the process runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Fix, Level, Rule
from flask_ctxfix.codemods.stored_requests.better_places import (
    is_meant_for_each,
    where_to_pile_up,
    where_to_share,
)
from flask_ctxfix.codemods.stored_requests.bounded_keys import are_bounded
from flask_ctxfix.codemods.stored_requests.exceptions import fix_of, handled, has_traceback
from flask_ctxfix.codemods.stored_requests.growth import (
    Growth,
    growths_in,
    tells_visitors_apart,
)
from flask_ctxfix.codemods.stored_requests.kept_paths import (
    Read,
    may_serve_request,
    path_of_write,
    read_by_another,
)
from flask_ctxfix.codemods.stored_requests.lasting_containers import (
    Container,
    lasting_container,
    may_last,
    object_with_items,
    shared_container,
    shared_slot,
)
from flask_ctxfix.codemods.stored_requests.locks import Locking, locking_around
from flask_ctxfix.codemods.stored_requests.progress import COUNTED, items_that_progress
from flask_ctxfix.codemods.stored_requests.puts import Put, puts_in
from flask_ctxfix.codemods.stored_requests.remembering import told_to_shared
from flask_ctxfix.codemods.stored_requests.shared_items import (
    is_emptied_by_requests,
    is_refilled,
    is_told_by_key,
    read_by_others,
    read_meanwhile,
    told_to_others,
)
from flask_ctxfix.codemods.stored_requests.slots import is_total, slot_of
from flask_ctxfix.codemods.stored_requests.texts import READ_BY_OTHERS, growing, kept
from flask_ctxfix.codemods.stored_requests.thread_state import thread_reads, thread_stores
from flask_ctxfix.codemods.stored_requests.trusted_flags import trusted
from flask_ctxfix.codemods.stored_requests.uses import reads_of
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.context_flow.values import Copied
from flask_ctxfix.flask_facts import FLASK_PROXIES
from flask_ctxfix.flask_versions import ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import is_truthy
from flask_ctxfix.wording import fitting

# What holds the environ of the request, and from Flask 3.2 on the request itself.
_HOLDERS = (".headers", ".environ")
_NEXT_ON_THREAD = (
    "so the next user on this thread can read it",
    "so the thread's next user can read it",
)
_PROXY_NAMES = FLASK_PROXIES - {"current_app"}
_ADVICE_OBJECT = "store values such as `request.path` instead, and limit their number"
_ADVICE_CAUGHT = "keep only the text of the exception, such as `traceback.format_exc()`"
_ADVICE_CHAT = "make one in each request, of a history in `session` or a database"
_ADVICE_THREAD = "keep the value in `g`, or reset it when the request ends"


class RequestObjectRetained(Rule):
    """A request, or data of one, stays in memory or on its thread after the request.

    Whatever a container holds, it is found if each request adds to it, or each visitor, by a key
    such as `request.remote_addr`. An item under a fixed key is found even if something removes it,
    as long as another request reads it. So is what a request puts into a container that it, or
    another one, empties as a whole, and into a list of which it has its answer made elsewhere.

    Who is hurt

    Whoever runs the server: a container of a module or a class that nothing empties grows with
    every request, until the process has no memory left. And your users: what is set on a
    `threading.local()` or in a `ContextVar`, and not reset, is still there when the same thread
    answers the next user. So is an item under a fixed key, whichever thread answers.

    How it fails

    An exception keeps the frames of its traceback, and these keep the request. After 1,000 failed
    requests to the view below, the process still has every one of them:

        >>> sum(isinstance(each, flask.Request) for each in gc.get_objects())
        1000

    Of a `threading.local()`, the next user on the thread sees the last one's name, with status 200.

    Before

        from flask import Flask

        app = Flask(__name__)
        errors = []


        @app.get("/<int:number>")
        def divide(number):
            try:
                return str(1 / number)
            except ZeroDivisionError as error:
                errors.append(error)
                return "no", 400


        @app.get("/errors")
        def list_errors():
            return [str(each) for each in errors]

    After

        from flask import Flask

        app = Flask(__name__)
        errors = []


        @app.get("/<int:number>")
        def divide(number):
            try:
                return str(1 / number)
            except ZeroDivisionError as error:
                errors.append(str(error))
                return "no", 400


        @app.get("/errors")
        def list_errors():
            return [str(each) for each in errors]

    What the fix changes

    The list holds the texts of the exceptions instead of the exceptions.

    When there is no fix

    For all but exceptions that are only made into text. Keep the values that you need instead of
    the request, its context or its methods. Keep what grows in a database, or delete what is no
    longer needed. Keep what belongs to one request in `g`. Keys of which there are only so many,
    such as ids of rows that were looked up or the choices of a URL, are no finding.

    Safe or unsafe

    The fix is always unsafe: a text has no traceback and no attributes of the exception.

    Versions

    The same on all versions of Flask. From Flask 3.2 on, `request.headers` and `request.environ`
    keep their request in memory, too.

    Sources

    Python's documentation, `BaseException.__traceback__`; pallets/flask issues 5709 and 5710.
    """

    code = "CTX504"
    name = "request-object-retained"
    message = "a request, or data of one, stays in memory after the request"
    levels = ("error", "warning")
    is_of_kept_data = True

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what puts a request into something that lasts."""
        if project.is_test(module.path):
            return
        data = RequestData.of_project(project)
        puts = [each for each in puts_in(module) if may_last(module, each.container)]
        told: list[Put] = []
        for put in puts:
            value, datum = _kept_by(module, project, data, put)
            if datum is None or any(each.node is put.node for each in told):
                continue
            found = [*self._put(module, project, target, put, value, datum)]
            told += [put] if found else []
            yield from found
        for growth in growths_in(module, project, puts, told):
            yield self._growing(module, project, growth)
        if data.may_be_in(module):
            yield from self._flags(module, project, puts)
        for item, container in items_that_progress(module, project):
            read = read_by_others(module, project, container)
            put = Put(item, item.value, (), (item.slice,))
            yield self._shared(module, project, put, container, COUNTED, read)
        for call, named, datum in told_to_shared(module, project):
            message = kept(module.segment(named), datum, READ_BY_OTHERS)
            path = path_of_write(module, project, call, datum, (module, call))
            yield self.finding(module, "warning", call, message, _ADVICE_CHAT, None, path)
        yield from self._last_exceptions(module, project, data)
        for store in thread_stores(module, project, data):
            node, datum = store.node, store.datum
            written = module.segment(store.target)
            message = kept(written, datum, _NEXT_ON_THREAD)
            read = read_by_another(module, project, node, thread_reads(module, project, store))
            path = path_of_write(module, project, node, datum, read, "nothing resets it")
            yield self.finding(module, "warning", node, message, _ADVICE_THREAD, None, path)

    def _put(
        self,
        module: Module,
        project: Project,
        target: TargetVersion,
        put: Put,
        value: ast.expr,
        datum: Datum,
    ) -> Iterator[Finding]:
        if _is_copy(module, project, value):
            return
        if datum.is_caught and not has_traceback(module, value):
            return
        found = lasting_container(module, project, put.container)
        others = found or shared_container(module, project, put.container)
        if others is None and put.fixed_keys(module, project) is not None:
            others = object_with_items(module, project, put.container)
        if others is None or not may_serve_request(module, project, put.node):
            return
        shared = _read_as_shared(module, project, put, others, datum)
        if found is None:
            if shared is not None:
                yield self._shared(module, project, put, others, datum, shared)
            return
        named = module.segment(found.named)
        if found.is_emptied or datum.how is not How.READ:
            if shared is not None:
                yield self._shared(module, project, put, found, datum, shared)
            return
        read = shared or read_by_another(module, project, put.node, found.reads)
        path = path_of_write(module, project, put.node, datum, read, "nothing removes it")
        is_object = datum.kind is Kind.OBJECT or (
            target.newest >= ONE_CONTEXT and datum.of.endswith(_HOLDERS)
        )
        is_value = not is_object and not datum.is_caught
        if is_value and not (_is_telling(put, datum) and _may_grow(module, project, put, found)):
            return
        level: Level = "error" if is_object else "warning"
        fix: Fix | None = None
        advice: Advice | str = _ADVICE_OBJECT
        if datum.is_caught:
            message = f"`{named}` is never emptied, so every exception keeps its request in memory"
            fix = fix_of(module, project, value, found)
            advice = fix.message if fix is not None else _ADVICE_CAUGHT
        elif is_object:
            message = fitting(
                f"`{named}` is never emptied, so each `{datum.of}` keeps its request in memory",
                f"`{named}` is never emptied, so each request stays in memory",
            )
        elif shared is not None or put.fixed_keys(module, project) is not None:
            yield self._shared(module, project, put, found, datum, read)
            return
        else:
            message = fitting(
                f"`{named}` is never emptied, so each `{datum.of}` stays in memory",
                f"`{named}` is never emptied, so data of each request stays in memory",
            )
            advice = where_to_pile_up(module, project, put.node, found)
        yield self.finding(module, level, put.node, message, advice, fix, path)

    def _growing(self, module: Module, project: Project, growth: Growth) -> Finding:
        """Return the finding on what gets one more item with each request, or each visitor."""
        put, found, datum = growth
        message = growing(module.segment(found.named), datum)
        read = read_by_another(module, project, put.node, found.reads)
        path = path_of_write(module, project, put.node, datum, read, "nothing removes it")
        advice = where_to_pile_up(module, project, put.node, found)
        return self.finding(module, "warning", put.node, message, advice, None, path)

    def _shared(
        self,
        module: Module,
        project: Project,
        put: Put,
        found: Container,
        datum: Datum,
        read: Read | None,
    ) -> Finding:
        """Return the finding on an item that each request sets, or makes its answer of."""
        named = module.segment(found.named) + (put.fixed_keys(module, project) or "")
        message = kept(named, datum, READ_BY_OTHERS)
        path = path_of_write(module, project, put.node, datum, read)
        is_pile = put.keys is None and not is_refilled(module, put.node, put.container)
        advice = where_to_share(module, project, put.node, found, is_pile)
        return self.finding(module, "warning", put.node, message, advice, None, path)

    def _flags(self, module: Module, project: Project, puts: list[Put]) -> Iterator[Finding]:
        """Yield the items that are set to a constant by who is asking, and that others trust."""
        for put in puts:
            is_set = any(map(is_truthy, put.values))
            if not is_set or put.fixed_keys(module, project) is None:
                continue
            found = lasting_container(module, project, put.container)
            reads = found.reads if found is not None else ()
            datum = trusted(module, project, put.node, reads)
            if found is not None and datum is not None:
                read = read_by_others(module, project, found)
                yield self._shared(module, project, put, found, datum, read)

    def _last_exceptions(
        self, module: Module, project: Project, data: RequestData
    ) -> Iterator[Finding]:
        """Yield the assignments of an exception to a global or to an attribute of a class."""
        for node in module.scopes.nodes(ast.Assign):
            if not isinstance(node.value, ast.Name):
                continue
            if not data.may_be(module, node.value) and not handled(module, project, node.value):
                continue
            shared = [each for each in node.targets if _is_shared(module, project, each)]
            if not shared:
                continue
            datum = data.of(module, node.value) or handled(module, project, node.value)
            if datum is not None and datum.is_caught and has_traceback(module, node.value):
                named = module.segment(shared[0])
                message = f"`{named}` keeps an exception, which keeps its request in memory"
                slot = shared_slot(module, project, shared[0])
                reads = reads_of(slot, project) if slot is not None else ()
                read = read_by_another(module, project, node, reads)
                path = path_of_write(module, project, node, datum, read)
                yield self.finding(module, "warning", node, message, _ADVICE_CAUGHT, None, path)


def _kept_by(
    module: Module, project: Project, data: RequestData, put: Put
) -> tuple[ast.expr, Datum | None]:
    """Return what is put in that is data of a request, or the key of an item that piles it up."""
    widest = How.MADE if put.keys is None else How.READ
    if put.fixed_keys(module, project) is not None:
        widest = How.DRAWN
    for value in put.values if not _counts(module, project, put) else ():
        datum = handled(module, project, value)
        if data.may_be(module, value):
            datum = data.of(module, value, (), widest) or datum
        if datum is not None and datum.kind is not Kind.PROXY:
            return value, datum
    found = data.of_turn(module, put.node) if put.values and widest >= How.FOUND else None
    if found is not None and not _counts(module, project, put):
        return put.values[0], found
    keys = put.keys_of_item if put.keys is None else ()
    for key in keys if not are_bounded(module, project, keys) else ():
        if data.may_be(module, key):
            datum = data.of(module, key)
            if datum is not None and tells_visitors_apart(datum):
                return key, datum
    return put.container, None


def _counts(module: Module, project: Project, put: Put) -> bool:
    """Whether an item gets a number that is made of its own: a total of all requests."""
    if not isinstance(put.node, ast.Assign) or put.keys is None:
        return False
    value = put.node.value
    own = {module.segment(each) for each in put.node.targets}
    parts = (each for each in ast.walk(value) if isinstance(each, ast.Subscript))
    return any(module.segment(each) in own for each in parts) and is_total(module, project, value)


def _read_as_shared(
    module: Module, project: Project, put: Put, found: Container, datum: Datum
) -> Read | None:
    """Return where another request gets what is put in, whether or not it is taken out later."""
    if datum.kind is not Kind.VALUE or not _is_telling(put, datum):
        return None
    if locking_around(module, project, put.node) >= Locking.KEPT:
        return None  # requests share it on purpose
    keys = put.fixed_keys(module, project)
    is_set = keys is not None or is_refilled(module, put.node, put.container)
    if keys is None and put.keys and not isinstance(put.keys[0], ast.Slice):
        is_set = is_set and not all(is_told_by_key(*each) for each in found.reads)
    is_for_all = put.keys is None and not put.keys_of_item
    if is_for_all and is_meant_for_each(module, project, found.named):
        return read_by_another(module, project, put.node, found.reads)
    is_piled_up = is_for_all and datum.how is not How.READ
    if is_set or is_piled_up or (is_for_all and is_emptied_by_requests(project, found)):
        return read_by_others(module, project, found) or read_meanwhile(project, found)
    return told_to_others(module, project, put.node, found) if is_for_all else None


def _is_telling(put: Put, datum: Datum) -> bool:
    """Whether a value was certainly read from a request, and not kept for a client that stays."""
    target = put.node.targets[0] if isinstance(put.node, ast.Assign) else None
    key = target.slice if isinstance(target, ast.Subscript) else None
    is_of_connection = isinstance(key, ast.Attribute) and key.attr == "sid"
    return datum.of not in _PROXY_NAMES and not is_of_connection


def _may_grow(module: Module, project: Project, put: Put, found: Container) -> bool:
    """Whether there may be ever more items, or one that all requests share."""
    keys = put.every_key
    if keys is None or put.fixed_keys(module, project) is not None:
        return True
    is_replaced = found.is_list and len(keys) == 1 and isinstance(put.node, ast.Assign)
    return not is_replaced and not are_bounded(module, project, keys)


def _is_copy(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether a value is a copy of a context, which CTX105 reports."""
    return isinstance(ContextFlow.of(project).values.of(module, node), Copied)


def _is_shared(module: Module, project: Project, target: ast.expr) -> bool:
    if module.scopes.function_of(target) is None:
        return False
    if isinstance(target, ast.Name):
        return module.scopes.home_of(target).parent is None
    return isinstance(target, ast.Attribute) and slot_of(module, project, target) is not None
