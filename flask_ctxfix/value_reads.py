"""Values of a request that can be read earlier than the code that uses them."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import NamedTuple

from flask_ctxfix.codemod import Edit, InsertStatement, ReplaceExpression
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.handled_errors import may_go_on
from flask_ctxfix.context_flow.summaries import Use
from flask_ctxfix.flask_facts import (
    BODY_READS,
    PURE_READS,
    REQUEST_PROXIES,
    SEEING_NAMES,
    USERS,
    WHOLE_BODY_READS,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.spelling import is_free
from flask_ctxfix.syntax import arguments_of

# Of these, one entry is a value; the whole is a view of the request.
_CONTAINERS = frozenset({"args", "cookies", "form", "headers", "view_args"})
_RESERVED = frozenset(dir(builtins))
_TYPES = frozenset({"bool", "float", "int", "str"})


class Read(NamedTuple):
    """One value that code reads in a context: `chain`, as in ``request.args.get("page")``.

    `names` are those that suit a variable for it. `may_fail` says that reading can raise, or have
    an effect of its own, where there is a context. `is_app` says that `chain` is the proxy of the
    application, which the application itself takes the place of. `can_be_set` says that code of
    the application gives it its value, and may give it another.
    """

    chain: ast.expr
    names: tuple[str, ...]
    may_fail: bool
    is_app: bool = False
    can_be_set: bool = False

    def written(self, module: Module) -> str:
        """Return the code that reads the value where there is a context."""
        code = module.segment(self.chain)
        around = module.scopes.ancestors(self.chain)
        if any(isinstance(each, ast.JoinedStr) for each in around) and '"' not in code:
            code = code.replace("'", '"')  # the other quotes were those of the string around it
        return code + ("._get_current_object()" if self.is_app else "")


def is_readable_at(module: Module, at: ast.stmt, chain: ast.expr) -> bool:
    """Whether the proxy that a value is read from has the same name before a statement."""
    root = next(each for each in ast.walk(chain) if isinstance(each, ast.Name))
    home = module.scopes.scope_of(at).home(root.id)
    if home is not module.scopes.home_of(root):
        return False
    if home is module.scopes.module:
        return True
    begin = module.span(at).start
    nodes = [each.node for each in home.bindings.get(root.id, [])]
    return all(
        isinstance(each, ast.stmt | ast.arg) and module.span(each).end <= begin for each in nodes
    )


def read_of(module: Module, around: ast.AST, use: Use) -> Read | None:
    """Return the value that a use reads, if it is one that can be read before.

    `around` is the function, or the expression, whose use it is.
    """
    if use.span is None or use.of not in REQUEST_PROXIES or use.access == "write":
        return None
    node = expression_of(module, around, use)
    if node is None or _in_own_scope(module, node, around):
        return None
    if use.of == "flask.request":
        return _of_request(module, node)
    if use.of in USERS:
        is_read = isinstance(node, ast.Attribute)
        return Read(node, _names(node), True, can_be_set=True) if is_read else None
    read = _of_container(module, node, is_session=use.of == "flask.session")
    return read._replace(can_be_set=True) if read is not None else None


def expression_of(module: Module, around: ast.AST, use: Use) -> ast.expr | None:
    """Return the expression of a use below `around`; None if it stands in a callee."""
    return next(
        (
            each
            for each in ast.walk(around)
            if isinstance(each, ast.expr) and module.span(each) == use.span
        ),
        None,
    )


def is_tried(module: Module, project: Project, around: ast.AST, node: ast.AST) -> bool:
    """Whether the code `around` an expression handles what reading a value may raise."""
    return survives_errors(module, project, around, node, lambda each: each.handlers)


def survives_errors(
    module: Module,
    project: Project,
    around: ast.AST,
    node: ast.AST,
    handles: Callable[[ast.Try], object],
) -> bool:
    """Whether the code `around` an expression goes on behind an error of it.

    It does so at a ``try`` that `handles` it, and at a ``with`` that hides it.
    """
    inside = takewhile(lambda each: each is not around, module.scopes.ancestors(node))
    return any(
        bool(handles(each))
        if isinstance(each, ast.Try)
        else _may_hide_errors(module, project, each)
        for each in inside
    )


def _may_hide_errors(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether a statement is a ``with`` behind which code goes on although its block has failed."""
    values = ContextFlow.of(project).values
    items = node.items if isinstance(node, ast.With | ast.AsyncWith) else []
    return any(may_go_on(values, module, item.context_expr) for item in items)


def _in_own_scope(module: Module, node: ast.expr, around: ast.AST) -> bool:
    """Whether an expression stands in a function inside of `around`."""
    is_function = isinstance(around, FunctionNode)
    return module.scopes.function_of(node) is not (
        around if is_function else module.scopes.function_of(around)
    )


def _of_request(module: Module, node: ast.expr) -> Read | None:
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return None
    is_body = node.attr in BODY_READS
    if node.attr in _CONTAINERS:
        entry = _entry(module, node)
        may_fail = is_body or node.attr == "view_args"  # there are none where no route fits
        return entry._replace(may_fail=entry.may_fail or may_fail) if entry is not None else None
    if node.attr in WHOLE_BODY_READS:
        return _of_body(module, node)
    if node.attr not in PURE_READS or module.scopes.call_of(node):
        return None
    return Read(node, _names(node), False)


def _of_body(module: Module, node: ast.Attribute) -> Read | None:
    """Return a read of the whole body, or of one entry of it."""
    whole: ast.expr = node
    if node.attr.startswith("get_"):
        call = module.scopes.parents[node]
        if (
            not isinstance(call, ast.Call)
            or call.func is not node
            or not _are_constant(module, call)
        ):
            return None
        whole = call
    elif module.scopes.call_of(node) is not None:
        return None
    entry = _entry(module, whole)
    return (entry or Read(whole, _names(node), True))._replace(may_fail=True)


def _of_container(module: Module, node: ast.expr, *, is_session: bool) -> Read | None:
    """Return a read of one entry of the session, or of one attribute of `g`."""
    parent = module.scopes.parents[node]
    if isinstance(node, ast.Attribute):
        if module.scopes.call_of(node) is None:
            return None if is_session else Read(node, _names(node), True)
        if node.attr != "get" or not isinstance(parent, ast.Call):
            return None
        return _got(module, parent, may_fail=is_session)
    if isinstance(node, ast.Subscript) and is_session:
        return _got(module, node, may_fail=True)
    return None


def _entry(module: Module, node: ast.expr) -> Read | None:
    """Return the read of one entry of the container `node`, under a key that is a constant."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return _got(module, parent, may_fail=True) if isinstance(parent.ctx, ast.Load) else None
    if isinstance(parent, ast.Attribute) and parent.attr in ("get", "getlist"):
        call = module.scopes.parents[parent]
        if isinstance(call, ast.Call) and call.func is parent:
            is_kept = parent.attr == "getlist" and not _is_only_read(module, call)
            return None if is_kept else _got(module, call, may_fail=False)
    return None


def _is_only_read(module: Module, node: ast.expr) -> bool:
    """Whether a list, which each call makes anew, is looked at once and not kept or changed."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Call):
        return node in parent.args
    if isinstance(parent, ast.For | ast.comprehension):
        return parent.iter is node
    return isinstance(parent, ast.Compare | ast.FormattedValue | ast.YieldFrom)


def _got(module: Module, node: ast.Call | ast.Subscript, *, may_fail: bool) -> Read | None:
    """Return the read of an entry, if its key is a constant string."""
    key = node.slice if isinstance(node, ast.Subscript) else next(iter(node.args), None)
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return None
    if isinstance(node, ast.Call) and not _are_constant(module, node):
        return None
    return Read(node, (_identifier(key.value), *_names(node)), may_fail)


def _are_constant(module: Module, call: ast.Call) -> bool:
    """Whether a call is given nothing but constants, and types that convert what it finds."""
    given = arguments_of(call)
    return all(isinstance(each, ast.Constant) or _is_type(module, each) for each in given)


def _is_type(module: Module, node: ast.expr) -> bool:
    """Whether an expression is a type of the builtins whose calls have no effect."""
    if not isinstance(node, ast.Name) or node.id not in _TYPES:
        return False
    return not module.scopes.home_of(node).binds(node.id)


def _names(node: ast.expr) -> tuple[str, ...]:
    """Return names for what an expression reads: ``path`` and ``request_path``, the short first."""
    parts: list[str] = []
    current = node
    while not isinstance(current, ast.Name):
        if isinstance(current, ast.Attribute) and current.attr not in ("get", "getlist"):
            parts.insert(0, current.attr)
        elif isinstance(current, ast.Subscript) and isinstance(current.slice, ast.Constant):
            parts.insert(0, _identifier(str(current.slice.value)))
        elif isinstance(current, ast.Call) and current.args:
            parts.insert(0, _identifier(str(getattr(current.args[0], "value", ""))))
        inner = current.func if isinstance(current, ast.Call) else getattr(current, "value", None)
        if not isinstance(inner, ast.expr):
            break
        current = inner
    root = current.id if isinstance(current, ast.Name) else "request"
    short = parts[-1] if parts else root
    return short.removeprefix("get_"), f"{root}_{short.removeprefix('get_')}"


def _identifier(key: str) -> str:
    return re.sub(r"\W+", "_", key).strip("_").lower()


def free_names(module: Module, at: ast.stmt, reads: list[Read]) -> dict[str, str] | None:
    """Return a free name for each value, by the code that reads it; None if one has none.

    In one function a name stands for one value: functions that were given it look it up late.
    """
    around = module.scopes.function_of(at)
    if around is not None and any(map(_looks_at_names, ast.walk(around))):
        return None
    taken: dict[str, str] = module.memo(("names of values", around), dict)
    named: dict[str, str] = {}
    for read in reads:
        code = module.segment(read.chain)
        if code in named:
            continue
        free = (
            name
            for name in read.names
            if name.isidentifier()
            and not keyword.iskeyword(name)
            and name not in _RESERVED
            and taken.get(name, code) == code
            and is_free(module, at, name)
        )
        name = next(free, None)
        if name is None:
            return None
        named[code] = name
        taken[name] = code
    return named


def _looks_at_names(node: ast.AST) -> bool:
    """Whether code may look at all the names of its function."""
    return isinstance(node, ast.Name) and node.id in SEEING_NAMES


def moving_edits(
    module: Module, at: ast.stmt, reads: list[Read], named: dict[str, str]
) -> Iterator[Edit]:
    """Yield the edits that read the values before `at`, and use them in their places."""
    lines = {
        f"{named[module.segment(read.chain)]} = {read.written(module)}": None for read in reads
    }
    yield InsertStatement(module.span(at), "\n".join(lines), "before")
    yield from using_edits(module, reads, named)


def using_edits(module: Module, reads: list[Read], named: dict[str, str]) -> Iterator[Edit]:
    """Yield the edits that put names in the places of what is read."""
    for read in reads:
        yield ReplaceExpression(module.span(read.chain), named[module.segment(read.chain)])
