"""The fix that lets a target run in a copy of the request's context."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import AddDecorator, Edit, Fix, ReplaceExpression
from flask_ctxfix.codemod import Need as Import
from flask_ctxfix.codemods.threads.made_copies import COPY, app_contexts_in, captured_files
from flask_ctxfix.codemods.threads.maps import can_have_copies, map_fix
from flask_ctxfix.codemods.threads.uploads import are_read_after
from flask_ctxfix.context_flow import ContextFlow, Need, Summary, Where
from flask_ctxfix.context_flow.said_uses import of_function
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.context_flow.summaries import Use
from flask_ctxfix.context_flow.uses import left_on_g, writes_session
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import BODY_READS, CHANGING, FORM_READS, WHOLE_BODY_READS
from flask_ctxfix.module import Module
from flask_ctxfix.named import is_imported, is_named
from flask_ctxfix.obligations.lasting_work import why_lasting
from flask_ctxfix.obligations.order_of_statements import Happened
from flask_ctxfix.obligations.teardown import fails_at_teardown
from flask_ctxfix.obligations.waiting import waiting_for
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.spelling import flask_name_at
from flask_ctxfix.wording import is_short

_IN_A_COPY = "in the copied context `g` starts empty, and teardown functions run a second time"
LATE_SESSION = "session changes made after the response has been sent are not saved"
_UNCERTAIN_START = "{} may be started outside a request, where making the copy raises RuntimeError"
_UNCERTAIN_USE = "some runs of {} do not read the request, but would run teardown functions again"
_SEEN = "teardown functions and URL matching run again, which other code here may notice"
# With these a second teardown, or a second match of the URL, may be seen.
_SEEING_NAMES = ("FileField", "url_value_preprocessor")
_SEEING_PACKAGES = ("flask_debugtoolbar", "opentelemetry")


def why_not(start: Start, project: Project, summary: Summary) -> str | None:
    """Return why a copy would be wrong for a target."""
    if start.starter.kind in ("timer", "delayed"):
        return of_function(start.function, "the request may be over when {} runs")
    if start.starter.kind == "process":
        return "a copied context cannot be pickled, which starting a process may require"
    if start.starter.passing == "each" and not can_have_copies(start, project):
        return "several tasks cannot share one copy of the context"
    if start.function is None:
        return "the function that is started is not known"
    if left_on_g(summary) or any(map(_asks_g, summary.uses)):
        return "`g` starts empty in a copied context"
    if any(map(writes_session, summary.uses)) and waiting_for(start, project) is None:
        return LATE_SESSION
    late = {use.attribute for use in summary.uses if use.of == "flask.request"} & BODY_READS
    if late and not late <= read_before(start, project):
        return of_function(
            start.function, "the request body may no longer be readable when {} runs"
        )
    if next(captured_files(start.function, project), None) is not None:
        return "uploaded files are closed when the request ends"
    if are_read_after(start.module, start.call, project):
        return "uploaded files are closed when a copied context ends, but are read later"
    if next(app_contexts_in(start.function), None) is not None:
        return of_function(
            start.function, "the app context that {} opens hides the request from Flask 3.2 on"
        )
    return why_lasting(start, project)


def _asks_g(use: Use) -> bool:
    """Whether a function itself looks up what is on `g`, which it would not find in a copy."""
    return use.of == "flask.g" and use.access == "probe" and use.span is not None


def read_before(start: Start, project: Project) -> frozenset[str]:
    """Return the attributes of the request that give its body to a target as the caller got it."""
    module = start.module
    around = module.scopes.function_of(start.call)
    if around is None:
        return frozenset()
    uses = ContextFlow.of(project).needs.of(Function(module, around)).uses
    own = [use for use in uses if use.of == "flask.request" and use.span]

    def has_read(attributes: frozenset[str]) -> bool:
        spans = {use.span for use in own if use.attribute in attributes}
        reading = Happened(around, lambda node: module.span(node) in spans) if spans else None
        return reading is not None and reading.before(start.call)

    if has_read(WHOLE_BODY_READS):
        return WHOLE_BODY_READS | FORM_READS
    return FORM_READS if has_read(FORM_READS) else frozenset()


def copy_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if the start is not known to be outside of a request."""
    if where not in (Where.REQUEST, Where.UNKNOWN) or why_not(start, project, summary) is not None:
        return None
    if not isinstance(start.call, ast.Call) or start.runs_late:
        return None
    if not start.may_be_in_context(where):
        return None
    module = start.module
    reason = _why_unsafe(start, project, summary, where)
    is_alone = start.is_only_use and start.starter.passing != "each"
    nested = start.nested if is_alone else None
    if nested is not None and (start.is_repeated(nested) or not _is_as_at(start, project, nested)):
        nested = None
    at = nested or start.call
    spelled = flask_name_at(module, project, at, COPY)
    if spelled is None:
        return None
    name, needs = spelled
    if nested is not None:
        edit = AddDecorator(module.span(nested), name)
        changes = f"decorate `{nested.name}` with `{name}`"
        return _copying(start, project, changes, (edit,), needs, reason)
    span = module.span(start.target)
    wrapped = ReplaceExpression(span, f"{name}(target)", (("target", span),))
    if start.starter.passing == "each":
        fix = map_fix(start, project, (wrapped,), needs)
        return replace(fix, gives_request=True) if fix is not None else None
    return _copying(start, project, _wrapping(module, start, name), (wrapped,), needs, reason)


def _wrapping(module: Module, start: Start, name: str) -> str:
    """Return what wraps a target, in words."""
    code = f"{name}({module.segment(start.target)})"
    return f"wrap the function: `{code}`" if is_short(code) else f"wrap the function in `{name}()`"


def _why_unsafe(start: Start, project: Project, summary: Summary, where: Where) -> str | None:
    """Return what may be wrong with a copy that nothing is known to stand against."""
    if where is not Where.REQUEST:
        return of_function(start.function, _UNCERTAIN_START)
    if not any(use.is_certain and use.need is Need.REQUEST for use in summary.uses):
        return of_function(start.function, _UNCERTAIN_USE)
    return _SEEN if _sees_copies(project) else None


def _copying(
    start: Start,
    project: Project,
    changes: str,
    edits: tuple[Edit, ...],
    needs: tuple[Import, ...],
    reason: str | None,
) -> Fix:
    is_late = waiting_for(start, project) is None
    notes = (_IN_A_COPY, LATE_SESSION) if is_late else (_IN_A_COPY,)
    return Fix(changes, edits, needs, gives_request=True, notes=notes, unsafe_reason=reason)


def _is_as_at(start: Start, project: Project, node: ast.AST) -> bool:
    """Whether there is a request at `node`, too, as far as there certainly is one at the start."""
    reachability = ContextFlow.of(project).every_caller
    return reachability.of(start.module, node).where is start.reach(project).where


def _sees_copies(project: Project) -> bool:
    """Whether something in the project may notice that a context is copied."""
    return project.memo(
        "sees copies",
        lambda: (
            any(is_named(project, each) for each in _SEEING_NAMES)
            or any(is_imported(project, each) for each in _SEEING_PACKAGES)
            or any(_of_request(project, "stream"))
            or any(_of_request(project, "files"))
            or any(_is_changed(*each) for each in _of_request(project, "view_args"))
            or fails_at_teardown(project)
        ),
    )


def _of_request(project: Project, name: str) -> Iterator[tuple[Module, ast.Attribute]]:
    """Yield where the project names an attribute of the request."""
    values = ContextFlow.of(project).values
    for module in project.parsed(project.naming(name)):
        for each in module.scopes.attributes.get(name, ()):
            if values.of(module, each.value) == Foreign("flask.request"):
                yield module, each


def _is_changed(module: Module, attribute: ast.Attribute) -> bool:
    """Whether a container of the request is changed, which matching the URL again undoes."""
    parent = module.scopes.parents[attribute]
    if isinstance(parent, ast.Attribute):
        return parent.attr in CHANGING
    return isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load)
