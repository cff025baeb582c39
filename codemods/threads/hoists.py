"""The fix that reads values before the start, where there still is a request."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Edit, Fix, InsertStatement, ReplaceExpression
from flask_ctxfix.codemods.threads.spelling import is_free
from flask_ctxfix.codemods.threads.starts import Start
from flask_ctxfix.context_flow import Summary, Where
from flask_ctxfix.context_flow.needs import Use
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.flask_facts import BODY_READS, PURE_READS
from flask_ctxfix.project import Module
from flask_ctxfix.scopes import FunctionNode

_CHANGES = "read the values before the start, where there still is a request"
# Of these, one entry is a value; the whole is a view of the request.
_CONTAINERS = frozenset({"args", "cookies", "form", "headers", "view_args"})
_WHOLE_BODIES = frozenset({"data", "get_data", "get_json", "json"})
_PROXIES = frozenset({"flask.request", "flask.session", "flask.g", "flask_login.current_user"})
_RESERVED = frozenset(dir(builtins))


class Read(NamedTuple):
    """One value of a request that a target reads: `chain`, as in ``request.args.get("page")``.

    `names` are those that suit a variable for it. `may_fail` says that reading can raise, or have
    an effect of its own, where there is a request.
    """

    chain: ast.expr
    names: tuple[str, ...]
    may_fail: bool


def values_fix(start: Start, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if all that the target needs a context for are values that can be moved."""
    module, function = start.module, start.function
    if where not in (Where.REQUEST, Where.UNKNOWN) or start.starter.kind == "process":
        return None
    if function is None or function is not start.value or function.module is not module:
        return None
    at = _place(start, function)
    if at is None or not summary.uses:
        return None
    reads = []
    for use in summary.uses:
        read = read_of(module, function.node, use)
        if read is None or not _is_readable_at(module, at, read.chain):
            return None
        if read.may_fail and not use.is_certain and use.of != "flask.g":
            return None
        between = _between(start, at) if use.of != "flask.request" else ()
        if any(isinstance(getattr(each, "ctx", None), ast.Store) for each in between):
            return None
        reads.append(read._replace(may_fail=True) if between else read)
    named = free_names(module, at, reads)
    if named is None:
        return None
    is_safe = where is Where.REQUEST and not any(read.may_fail for read in reads)
    edits = tuple(moving_edits(module, at, reads, named))
    return Fix("safe" if is_safe else "unsafe", _CHANGES, edits)


def _place(start: Start, function: Function) -> ast.stmt | None:
    """Return the statement that the values are read before: what makes the function."""
    if isinstance(function.node, ast.Lambda):
        return start.statement if function.node is start.target else None
    return start.nested if start.is_only_use else None


def _is_readable_at(module: Module, at: ast.stmt, chain: ast.expr) -> bool:
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


def _between(start: Start, at: ast.stmt) -> list[ast.expr]:
    """Return what, between a function and its start, may change what it would read."""
    if at is start.statement:
        return []
    module = start.module
    begin, end = module.span(at).end, module.span(start.statement or start.call).start
    around = module.scopes.function_of(start.call)
    nodes = ast.walk(around) if around is not None else ()
    kinds = ast.Call | ast.Attribute | ast.Subscript
    found = (each for each in nodes if isinstance(each, kinds))
    return [each for each in found if begin <= module.span(each).start < end]


def read_of(module: Module, function: FunctionNode, use: Use) -> Read | None:
    """Return the value that a use reads, if it is one that can be read before."""
    if use.span is None or use.of not in _PROXIES or use.access == "write":
        return None
    node = next(
        (
            each
            for each in ast.walk(function)
            if isinstance(each, ast.expr)
            and hasattr(each, "lineno")
            and module.span(each) == use.span
        ),
        None,
    )
    if node is None or _in_own_scope(module, node, function):
        return None
    if use.of == "flask.request":
        return _of_request(module, node)
    if use.of == "flask_login.current_user":
        return Read(node, _names(node), True) if isinstance(node, ast.Attribute) else None
    return _of_container(module, node, is_session=use.of == "flask.session")


def _in_own_scope(module: Module, node: ast.expr, function: FunctionNode) -> bool:
    """Whether an expression stands in a function inside of the function."""
    return module.scopes.function_of(node) is not function


def _of_request(module: Module, node: ast.expr) -> Read | None:
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return None
    is_body = node.attr in BODY_READS
    if node.attr in _CONTAINERS:
        entry = _entry(module, node)
        return entry._replace(may_fail=entry.may_fail or is_body) if entry is not None else None
    if node.attr in _WHOLE_BODIES:
        return _of_body(module, node)
    if node.attr not in PURE_READS or _is_called(module, node):
        return None
    return Read(node, _names(node), False)


def _of_body(module: Module, node: ast.Attribute) -> Read | None:
    """Return a read of the whole body, or of one entry of it."""
    whole: ast.expr = node
    if node.attr.startswith("get_"):
        call = module.scopes.parents[node]
        if not isinstance(call, ast.Call) or call.func is not node or not _are_constant(call):
            return None
        whole = call
    elif _is_called(module, node):
        return None
    entry = _entry(module, whole)
    return (entry or Read(whole, _names(node), True))._replace(may_fail=True)


def _of_container(module: Module, node: ast.expr, *, is_session: bool) -> Read | None:
    """Return a read of one entry of the session, or of one attribute of `g`."""
    parent = module.scopes.parents[node]
    if isinstance(node, ast.Attribute):
        if not _is_called(module, node):
            return None if is_session else Read(node, _names(node), True)
        if node.attr != "get" or not isinstance(parent, ast.Call):
            return None
        return _got(parent, may_fail=is_session)
    if isinstance(node, ast.Subscript) and is_session:
        return _got(node, may_fail=True)
    return None


def _entry(module: Module, node: ast.expr) -> Read | None:
    """Return the read of one entry of the container `node`, under a key that is a constant."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return _got(parent, may_fail=True) if isinstance(parent.ctx, ast.Load) else None
    if isinstance(parent, ast.Attribute) and parent.attr == "get":
        call = module.scopes.parents[parent]
        if isinstance(call, ast.Call) and call.func is parent:
            return _got(call, may_fail=False)
    return None


def _got(node: ast.Call | ast.Subscript, *, may_fail: bool) -> Read | None:
    """Return the read of an entry, if its key is a constant string."""
    key = node.slice if isinstance(node, ast.Subscript) else next(iter(node.args), None)
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return None
    if isinstance(node, ast.Call) and not _are_constant(node):
        return None
    return Read(node, (_identifier(key.value), *_names(node)), may_fail)


def _are_constant(call: ast.Call) -> bool:
    """Whether a call is given nothing but constants."""
    given = (*call.args, *(each.value for each in call.keywords))
    return all(isinstance(each, ast.Constant) for each in given)


def _is_called(module: Module, node: ast.expr) -> bool:
    parent = module.scopes.parents[node]
    return isinstance(parent, ast.Call) and parent.func is node


def _names(node: ast.expr) -> tuple[str, ...]:
    """Return names for what an expression reads: ``path`` and ``request_path``, the short first."""
    parts: list[str] = []
    current = node
    while not isinstance(current, ast.Name):
        if isinstance(current, ast.Attribute) and current.attr != "get":
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


def moving_edits(
    module: Module, at: ast.stmt, reads: list[Read], named: dict[str, str]
) -> Iterator[Edit]:
    """Yield the edits that read the values before `at`, and use them in their places."""
    lines = [f"{name} = {code}" for code, name in named.items()]
    yield InsertStatement(module.span(at), "\n".join(lines), "before")
    for read in reads:
        yield ReplaceExpression(module.span(read.chain), named[module.segment(read.chain)])
