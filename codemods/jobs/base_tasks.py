"""The fix that gives all tasks of a Celery an app context, as Flask documents it."""

from __future__ import annotations

import ast
import re

from flask_ctxfix.aliases import known_as
from flask_ctxfix.codemod import Fix, InsertStatement, Need, ReplaceExpression
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.insertion_points import is_first_on_line, start_with_comments
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import application_seen
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import is_free
from flask_ctxfix.syntax import arguments_of

_NAME = "FlaskTask"
_TEARS_DOWN = ("teardown functions run at the end of each task",)
_ALL_TASKS = "every task opens a new app context, even if the task needs none or runs in its caller"
_CLASS = """\
class {name}({base}):
    def __call__(self, *args: object, **kwargs: object) -> object:
        with {app}.app_context():
            return self.run(*args, **kwargs)
"""
_END = re.compile(r"(?P<line>(\s*(?P<comma>,))?[ \t]*(#[^\r\n]*)?)\s*(#[^\r\n]*\s*)*\)")
_BLANK = re.compile(r"\r\n|\r|\n")
_OWN_LINE = re.compile(r"(\r\n|\r|\n)([ \t]*)\Z")


def makers_in(module: Module, project: Project) -> list[ast.Call]:
    """Return the calls of a module that make a Celery whose class of tasks is not set."""
    if project.is_test(module.path) or module.names.isdisjoint(known_as(project, "Celery")):
        return []
    values = ContextFlow.of(project).values
    return [
        call
        for call in module.scopes.nodes(ast.Call)
        if values.of(module, call.func) == Foreign("celery.Celery")
        and not any(each.arg in (None, "task_cls") for each in call.keywords)
    ]


def one_maker(project: Project) -> str | None:
    """Return the file that makes the only Celery of a project, if it can be given a class there."""

    def compute() -> str | None:
        names = known_as(project, "Celery")
        paths = {path for name in names for path in project.naming_outside_tests(name)}
        modules = project.parsed(sorted(paths))
        found = [(module, call) for module in modules for call in makers_in(module, project)]
        if len(found) != 1 or base_task_fix(found[0][0], project, found[0][1]) is None:
            return None
        return found[0][0].path

    return project.memo("one maker of tasks", compute)


def base_task_fix(module: Module, project: Project, call: ast.Call) -> Fix | None:
    """Return the fix for a Celery, if the application is at hand where it is made."""
    statement = module.scopes.parents[call]
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
        return None
    if not is_first_on_line(module, statement):
        return None
    app = application_seen(module, project, module.scopes.scope_of(call))
    base = _base(module, call)
    code = _laid_out(module, call, _with_keyword(module, call))
    if app is None or base is None or code is None or not is_free(module, call, _NAME):
        return None
    written = _blank_lines(module, statement) + _CLASS.format(name=_NAME, base=base[0], app=app)
    edits = (
        InsertStatement(module.span(statement), written, "before"),
        ReplaceExpression(module.span(call), code),
    )
    changes = (
        f"set `task_cls=` to a base class that opens `with {app}.app_context():` for each task"
    )
    return Fix(changes, edits, base[1], notes=_TEARS_DOWN, unsafe_reason=_ALL_TASKS)


def _base(module: Module, call: ast.Call) -> tuple[str, tuple[Need, ...]] | None:
    """Return how to write Celery's class of tasks there, and the import that this takes."""
    if isinstance(call.func, ast.Attribute):
        return f"{module.segment(call.func.value)}.Task", ()
    if not isinstance(call.func, ast.Name):
        return None
    bindings = module.scopes.home_of(call.func).bindings.get(call.func.id, [])
    node = bindings[0].node if len(bindings) == 1 else None
    if not isinstance(node, ast.ImportFrom) or (node.level, node.module) != (0, "celery"):
        return None
    known = next((each.asname or each.name for each in node.names if each.name == "Task"), None)
    if known is not None:
        return known, ()
    local = next((each for each in ("Task", "CeleryTask") if is_free(module, call, each)), None)
    return (local, (Need(module.span(node), "celery", "Task", local),)) if local else None


def _with_keyword(module: Module, call: ast.Call) -> str | None:
    """Return the code of a call with the class of tasks as its last argument."""
    text, span = module.segment(call), module.span(call)
    arguments = arguments_of(call)
    added = f"task_cls={_NAME}"
    if not arguments:
        return f"{module.segment(call.func)}({added})"
    last = max(module.span(each).end for each in arguments) - span.start
    rest = _END.fullmatch(text, last)
    if rest is None:
        return None
    whole = [*call.args, *call.keywords]
    start = max(module.span(each).start for each in whole) - span.start
    own_line = _OWN_LINE.search(text[:start])
    if own_line is None:
        return f"{text[:last]}, {added}{text[last:]}"
    line_end = rest.end("line")
    comma = "," if rest["comma"] else ""
    before = text[last:line_end] if comma else f",{text[last:line_end]}"
    return f"{text[:last]}{before}{own_line[0]}{added}{comma}{text[line_end:]}"


def _laid_out(module: Module, call: ast.Call, code: str | None) -> str | None:
    """Return the code of a call without the indentation of its block, which its lines get again."""
    strings = (each for each in ast.walk(call) if isinstance(each, ast.Constant | ast.JoinedStr))
    if code is None or any(each.lineno != each.end_lineno for each in strings):
        return None
    around = (each for each in module.scopes.ancestors(call) if isinstance(each, ast.stmt))
    line = module.line(next(around).lineno)
    margin = line[: len(line) - len(line.lstrip())]
    first, *rest = _BLANK.split(code)
    if not all(each.startswith(margin) or not each.strip() for each in rest):
        return None
    return "\n".join([first, *(each.removeprefix(margin) for each in rest)])


def _blank_lines(module: Module, statement: ast.stmt) -> str:
    """Return the blank lines that a class needs that is put above a statement.

    It needs none at the start of a block.
    """
    if statement in getattr(module.scopes.parents[statement], "body", ())[:1]:
        return ""
    start = module.line_span(statement.lineno).start
    indentation = module.text[start : module.span(statement).start]
    above = module.text[: start_with_comments(module, start, indentation)]
    wanted = 2 if module.scopes.function_of(statement) is None else 1
    there = len(_BLANK.findall(above[len(above.rstrip()) :])) - 1
    return "\n" * max(0, wanted - there)
