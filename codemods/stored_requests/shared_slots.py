"""CTX501 and CTX502: request data in names that all requests share."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Fix, Label, Level, Rule, Step, Survey
from flask_ctxfix.codemods.stored_requests import NAME
from flask_ctxfix.codemods.stored_requests.kept_paths import (
    may_be_in_request,
    path_of_write,
    read_by_another,
    serves_requests,
)
from flask_ctxfix.codemods.stored_requests.moves import Moving, UnmovableError, fix_of
from flask_ctxfix.codemods.stored_requests.progress import progress_in
from flask_ctxfix.codemods.stored_requests.published import is_published
from flask_ctxfix.codemods.stored_requests.slots import (
    Slot,
    Store,
    declarations_in,
    group_of,
    stores_in,
    value_assigned,
)
from flask_ctxfix.codemods.stored_requests.texts import (
    IS_READABLE,
    KINDS,
    READ_BY_OTHERS,
    kept,
    kept_elsewhere,
)
from flask_ctxfix.codemods.stored_requests.trusted_flags import flags_in
from flask_ctxfix.codemods.stored_requests.uses import GUARDED, modules_with, reads_of, uses_in
from flask_ctxfix.codemods.stored_requests.verdicts import UNREAD, Verdict, verdict_of
from flask_ctxfix.context_flow.request_datum import How, Kind
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record, replace
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import last_name
from flask_ctxfix.wording import fitting

_NOT_EVERYWHERE = "files that are not changed use the value"
_STAYS = ("which stays there after the request",)
_AS_SHARED = ("which every request can read",)
_IF_OF_ONE = "if {} belongs to one user, keep it in `session` or a database"
_OF_PROXY = "a proxy always stands for the current request"


class SlotFacts(Record):
    """The slots that a module puts request data into."""

    slots: frozenset[Slot]


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Lead to the files that use the slots of a module: they move together."""
    slots = _slots_of(module, project)
    leads = frozenset(frozenset({slot.name}) for slot in slots)
    return Survey(SlotFacts(slots), leads, frozenset(_groups(module, project)))


def _slots_of(module: Module, project: Project) -> frozenset[Slot]:
    return frozenset(each.slot for each in _stores_in(module, project) if _is_leak(each))


def _stores_in(module: Module, project: Project) -> list[Store]:
    """Return where a module puts request data, or what it makes of that, into slots."""
    found = [*stores_in(module, project), *flags_in(module, project)]
    known = {each.target for each in found}
    return [*found, *(each for each in progress_in(module, project) if each.target not in known)]


def _groups(module: Module, project: Project) -> Iterator[str]:
    """Yield the groups that fixes of a module may take part in, whoever fills the slots."""
    names = _names_of_slots(project)
    if names.isdisjoint(module.names):
        return
    for scope in module.scopes.every:
        if scope.is_class or scope.parent is None:
            bound = names.intersection(scope.bindings)
            yield from (group_of(name, module.path) for name in bound)
    for star in module.scopes.module.star_imports:
        source = project.source_of(module.path, star)
        if source is not None:
            read = names.intersection(module.scopes.module.reads)
            yield from (group_of(name, source) for name in read)
    for node in declarations_in(module):
        yield from (group_of(name, module.path) for name in node.names if name in names)
    for imported in module.scopes.nodes(ast.ImportFrom):
        found = [alias.name for alias in imported.names if alias.name in names]
        source = project.source_of(module.path, imported) if found else None
        if source is not None:
            yield from (group_of(name, source) for name in found)
    scopes = module.scopes
    for name in names:
        for attributes in (scopes.attribute_reads, scopes.attribute_stores):
            for each in attributes.get(name, ()):
                homes = _homes_of(each.value, module, project)
                yield from (group_of(name, path) for path in homes)


def _names_of_slots(project: Project) -> frozenset[str]:
    """Return the names of all slots of the project."""

    def compute() -> frozenset[str]:
        modules = project.parsed(sorted(project.paths))
        return frozenset(slot.name for each in modules for slot in _slots_of(each, project))

    return project.memo("names of slots", compute)


def _homes_of(base: ast.expr, module: Module, project: Project) -> Iterator[str]:
    """Yield the modules that `base` may be, or be defined in; an empty path for an application."""
    if is_application(module, project, base):
        yield ""
    if not isinstance(base, ast.Name | ast.Attribute):
        yield module.path
        return
    for origin in project.origins(module, base):
        path = project.find_module(origin, module.path)
        if path is not None:
            yield path
    yield from (owner.path for owner, _ in project.bindings(module, base))


def _is_leak(store: Store) -> bool:
    return store.datum.kind is not Kind.PROXY


def _moving(project: Project) -> dict[Slot, Verdict]:
    """Return the slots that can move, and are not pinned."""

    def compute() -> dict[Slot, Verdict]:
        surveyed = project.surveys.get(NAME, [])
        slots = {slot for fact in surveyed if isinstance(fact, SlotFacts) for slot in fact.slots}
        found = {slot: verdict_of(slot, project) for slot in sorted(slots)}
        able = {slot: verdict for slot, verdict in found.items() if verdict.goes_to is not None}
        return {s: v for s, v in able.items() if _why_unmovable(s, able, project) is None}

    moving = project.memo("moving slots", compute)
    return {slot: v for slot, v in moving.items() if slot.group not in project.pinned}


def _why_unmovable(slot: Slot, moving: Moving, project: Project) -> str | None:
    """Return why some file that uses a slot cannot be rewritten."""
    try:
        for module in modules_with(slot, project):
            if uses_in(slot, module, project).are_any:
                fix_of(slot, moving, module, project)
    except UnmovableError as error:
        return str(error)
    except LookupError:
        return "every name that `g` could be imported as is used for something else"
    return None


class SharedSlot(Rule):
    """What the rules of slots have in common: they differ in the kind of slot."""

    kinds: frozenset[str]

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the stores of request data, and the other uses of what moves."""
        moving = _moving(project)
        stores = [each for each in _stores_in(module, project) if each.slot.kind in self.kinds]
        for store in stores:
            if store.datum.how is How.READ or _is_read_by_another(store, module, project):
                yield self._stored(store, moving, module, project)
        seen = {store.slot for store in stores if _is_leak(store)}
        for slot in moving:
            if slot.kind in self.kinds and slot not in seen:
                yield from self._used(slot, moving, module, project)

    def _stored(self, store: Store, moving: Moving, module: Module, project: Project) -> Finding:
        slot, datum = store.slot, store.datum
        written = f"{slot.owner}.{slot.name}" if slot.owner else slot.name
        if slot.kind in {"application", "object"} and isinstance(store.target, ast.Attribute):
            written = module.segment(store.target)
        elif slot.kind == "variable":
            written = slot.name
        what = KINDS[slot.kind]
        if datum.kind is Kind.PROXY:
            message = fitting(
                f"`{written}` is the proxy `{datum.of}`, so each request reads its own data",
                f"`{written}` is a proxy, so each request reads its own data",
            )
            advice = Advice(f"use `{datum.of}` instead of `{written}`", notes=(_OF_PROXY,))
            path = path_of_write(module, project, store.target, datum, None)
            return self.finding(module, "info", store.target, message, advice, None, path)
        verdict = verdict_of(slot, project)
        fix = self._fix(slot, moving, module, project)
        if fix is not None:
            advice = Advice(fix.message)
        else:
            advice = self._advice(slot, written, verdict, project)
            if datum.how is How.DRAWN and "`session`" in advice.help:
                advice = advice._replace(notes=(*advice.notes, IS_READABLE))
        ends = {UNREAD: _STAYS, GUARDED: _AS_SHARED}.get(verdict.reason, READ_BY_OTHERS)
        message = kept(written, datum, ends, what)
        path = _path(store, verdict, module, project)
        level = _level(module, store, verdict, project)
        found = self.finding(module, level, store.target, message, advice, fix, path)
        return replace(found, labels=_labels(slot, module, project) if fix is not None else ())

    def _advice(self, slot: Slot, written: str, verdict: Verdict, project: Project) -> Advice:
        """Return where the value of a slot belongs that has no fix, and why it has none."""
        why = verdict.reason
        if verdict.goes_to is not None:
            why = _why_unmovable(slot, {slot: verdict}, project) or _NOT_EVERYWHERE
        if why == UNREAD:
            return Advice(f"remove `{written}`", why)
        if why == GUARDED:
            names = (f"`{slot.name}`", "the value")
            return Advice(fitting(*(_IF_OF_ONE.format(each) for each in names)), why)
        crosses = verdict.goes_to is None and verdict.read is not None
        return Advice(kept_elsewhere(slot.name, why, is_read_by_others=crosses), why)

    def _used(
        self, slot: Slot, moving: Moving, module: Module, project: Project
    ) -> Iterator[Finding]:
        """Yield the part of a fix that is made in a module whose slot another one fills."""
        first = _first_use(slot, module, project)
        fix = self._fix(slot, moving, module, project) if first is not None else None
        if first is not None and fix is not None:
            text = _label_of(slot)
            part = self.finding(module, "error", first, text, fix.message, fix)
            yield replace(part, is_part=True)

    def _fix(self, slot: Slot, moving: Moving, module: Module, project: Project) -> Fix | None:
        if slot not in moving:
            return None
        alike = {s: v for s, v in moving.items() if v.applicability == moving[slot].applicability}
        return fix_of(slot, alike, module, project)


def _level(module: Module, store: Store, verdict: Verdict, project: Project) -> Level:
    """Return how sure it is that a user's own value is kept, and that a request reads it."""
    datum = store.datum
    if verdict.reason == GUARDED:
        return "info"
    reads = list(reads_of(store.slot, project))
    if reads and not any(serves_requests(home, project, read) for home, read in reads):
        return "warning"
    if is_published(module, project, store.target, datum, reads):
        return "warning"
    return "warning" if datum.how >= How.MADE else "error"


def _is_read_by_another(store: Store, module: Module, project: Project) -> bool:
    """Whether a request may read in a slot what another one has written.

    What a function alone uses is read so while it answers several requests at a time: that harms
    none of them where it was drawn at random, or is counted from the start, and maybe not where
    something unknown has made it, or is a new object.
    """
    slot = store.slot
    if verdict_of(slot, project).goes_to == "local":
        value = value_assigned(module, store.target)
        is_new = isinstance(value, ast.Call) and last_name(value.func)[:1].isupper()
        return bool(store.datum.of) and store.datum.how < How.MADE and not is_new
    return any(may_be_in_request(home, project, read) for home, read in reads_of(slot, project))


def _path(store: Store, verdict: Verdict, module: Module, project: Project) -> tuple[Step, ...]:
    """Return the path of data: what one request reads and writes, and another one reads.

    It ends with the read that keeps the slot where it is, if there is one.
    """
    found = verdict.read
    read = found if found is not None and may_be_in_request(found[0], project, found[1]) else None
    if read is None:
        read = read_by_another(module, project, store.target, reads_of(store.slot, project))
    path = path_of_write(module, project, store.target, store.datum, read)
    if read is None and found is not None:
        return (*path, step_at(*found, "read", message="outside of the request"))
    return path


def _labels(slot: Slot, module: Module, project: Project) -> tuple[Label, ...]:
    """Return the other files that use a slot, each with the line of its first use."""
    found = []
    for other in modules_with(slot, project):
        first = _first_use(slot, other, project) if other is not module else None
        if first is not None:
            start, end = (other.position(offset) for offset in other.span(first))
            found.append(Label(other.path, *start, *end, _label_of(slot)))
    return tuple(found)


def _label_of(slot: Slot) -> str:
    return f"the fix also changes this use of `{slot.name}`"


def _first_use(slot: Slot, module: Module, project: Project) -> ast.AST | None:
    """Return what best shows that a module uses a slot."""
    uses = uses_in(slot, module, project)
    imported = [binding.node for binding in uses.imported]
    every = (*imported, *uses.globals, *uses.writes, *uses.reads, *uses.initial)
    return next(iter(every), None)


class RequestInGlobal(SharedSlot):
    """A global variable keeps data of one request, and other requests read it.

    What is found by data of a request counts as that data, too: the item under that key, the row of
    a query, the file of that name, an object that is made with it. As a warning, so does what an
    unknown function makes of it, what a request draws at random, a count that goes on from request
    to request and that one of them sets back, and a constant such as `logged_in = True` behind a
    test of who is asking, if a view lets visitors in by it.

    Who is hurt

    Your users: one of them can get the data of another. There is one global in each process, for
    all requests that the process answers, at the same time or one after the other.

    How it fails

    Ann and Bob post their prices to the view below at the same time, `[1, 2]` and `[100]`. Bob's
    request sets the global after Ann's has set it, and before Ann's has read it. Both get status
    200, and nothing is logged:

        ann {'total': 100}
        bob {'total': 100}

    A request that reads the global before it has set it gets what an earlier one left there. Other
    processes of the same server do not have the value at all.

    Before

        from flask import Flask, request

        app = Flask(__name__)
        data = None


        def load():
            global data
            data = request.get_json()


        def total():
            return sum(data["prices"])


        @app.post("/total")
        def show():
            load()
            return {"total": total()}

    After

        from flask import Flask, g, request

        app = Flask(__name__)


        def load():
            g.data = request.get_json()


        def total():
            return sum(g.data["prices"])


        @app.post("/total")
        def show():
            load()
            return {"total": total()}

    What the fix changes

    The value is kept in `g`, so each request has its own, and the global is removed. What only one
    function uses becomes a local variable. All files that use the name change together, or none.

    When there is no fix

    The finding says why. Mostly one request reads what another one wrote, and `g` ends with its
    request. Decide whose value it is, and keep it in `g` for one request, in `session` for one
    user, or in a database for all users. Two kinds of globals are only info, as they are right as
    they are: those that a lock guards, and proxies such as `request`, which always stand for the
    current request.

    Safe or unsafe

    The fix is safe if, on each path, every request sets the global before it reads it, and nothing
    but requests uses it. Also, no module exports the global, no string names it, its first value is
    a constant, and its name is free on `g`. The fix is unsafe if one of these is likely but not
    proven, such as what the decorator of a library does with a view. The finding names it.

    Versions

    The same on all versions of Flask: the example was run on 2.2, 2.3 and 3.1.

    Sources

    Flask's documentation, "The Application Context"; Stack Overflow 32815451.
    """

    code = "CTX501"
    name = "request-in-global"
    message = "a global keeps data of one request, and other requests read it"
    levels = ("error", "warning", "info")
    is_of_kept_data = True
    kinds = frozenset({"global", "variable"})


class RequestInClassAttribute(SharedSlot):
    """A class, or an object that all requests share, keeps data of one request.

    Who is hurt

    Your users: one of them can get the data of another. An attribute of a class is there once in
    each process, and so is that of an object that is made when the application starts.

    How it fails

    Ann and Bob open the page below at the same time. Bob's request sets `Current.user` after Ann's
    has set it, and before Ann's has read it. Both get status 200, and nothing is logged:

        ann sees: hello bob
        bob sees: hello bob

    Before

        from flask import Flask, request

        app = Flask(__name__)


        class Current:
            user = None
            limit = 10


        def greet():
            return f"hello {Current.user}"


        @app.get("/")
        def index():
            Current.user = request.headers["X-User"]
            return greet()

    After

        from flask import Flask, g, request

        app = Flask(__name__)


        class Current:
            limit = 10


        def greet():
            return f"hello {g.user}"


        @app.get("/")
        def index():
            g.user = request.headers["X-User"]
            return greet()

    What the fix changes

    The value is kept in `g`, so each request has its own, and the attribute is removed. All files
    that use it change together, or none.

    When there is no fix

    The finding says why. Mostly the class has bases, or code passes it or its objects around, so
    that not all uses of the attribute are known. Keep the value in `g` for one request, in
    `session` for one user, or in a database for all users, or pass it as an argument.

    Safe or unsafe

    The fix is safe if every request sets the attribute before it reads it, as for CTX501. Also, the
    class has no bases and no decorators, and is used for its attributes alone, or to make the one
    global object. It is unsafe if one thing is likely but not proven. The finding names it.

    Versions

    The same on all versions of Flask.

    Sources

    Flask's documentation, "The Application Context"; hotosm/tasking-manager pull request 1037.
    """

    code = "CTX502"
    name = "request-in-class-attribute"
    message = "a class or a shared object keeps data of one request"
    levels = ("error", "warning", "info")
    is_of_kept_data = True
    kinds = frozenset({"class", "instance", "object"})
