"""Forms that no rewrite may write: each looks right and is wrong on some Flask."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.flask_versions import TargetVersion

_CONTEXTS = {"request_ctx", "app_ctx"}
_PROXIES = _CONTEXTS | {"request", "session", "g", "current_app"}
_BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}
_HAS = {"has_request_context", "has_app_context"}
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_ONE_CONTEXT = (3, 2)
_FIXED_SESSION = (3, 1)


def never_emitted(old: str, new: str, target: TargetVersion) -> list[str]:
    """Return what is wrong with `new`, which was written for `target` where `old` stood."""
    if new == old:
        return []
    return [f"{message}: {ast.unparse(node)}" for message, node in _Check(old, new, target).all()]


class _Check:
    def __init__(self, old: str, new: str, target: TargetVersion) -> None:
        self._old = {ast.unparse(node) for node in ast.walk(ast.parse(old))}
        self._had_g = any(text.endswith(".g") for text in self._old)
        self._tree = ast.parse(new)
        self._target = target
        self._is_of_request_only = "_app_ctx_stack" not in old and "_app_object" not in old
        self._is_of_one_stack = self._is_of_request_only or "_request_ctx_stack" not in old
        self._parents = {
            child: node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)
        }

    def all(self) -> Iterator[tuple[str, ast.AST]]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom):
                yield from self._imported(node)
            elif isinstance(node, ast.Try):
                yield from self._handlers(node)
            elif (name := _proxy(node)) is not None and isinstance(node, ast.expr):
                parent = self._parents[node]
                if name not in self._old:
                    yield from self._use(name, node, parent)
        yield from self._mixed_stores()

    def _imported(self, node: ast.ImportFrom) -> Iterator[tuple[str, ast.AST]]:
        names = {alias.name for alias in node.names}
        if names & _CONTEXTS and node.module != "flask.globals":
            yield "only flask.globals has it", node
        if names & {"_cv_app", "_cv_request", "_no_req_msg", "_no_app_msg"}:
            yield "private", node
        if "request_ctx" in names and self._target.newest >= _ONE_CONTEXT:
            arm = self._parents[node]
            if self._target.oldest >= _ONE_CONTEXT or not isinstance(arm, ast.If):
                yield "deprecated on 3.2", node

    def _use(self, name: str, node: ast.expr, parent: ast.AST) -> Iterator[tuple[str, ast.AST]]:
        if isinstance(parent, ast.Compare) and any(map(_is_none, ast.walk(parent))):
            yield "a proxy is never None", parent
        elif isinstance(parent, ast.Call) and node in parent.args:
            yield from self._argument(name, parent)
        elif isinstance(parent, ast.Attribute):
            yield from self._attribute(name, parent)
        elif isinstance(parent, ast.Compare) and isinstance(parent.ops[0], ast.In | ast.NotIn):
            if name == "g" and not self._had_g and not self._is_proven(parent):
                yield "raises without a context", parent
        elif not isinstance(parent, ast.Subscript):
            yield "the proxy stands where the object stood", parent

    def _argument(self, name: str, call: ast.Call) -> Iterator[tuple[str, ast.AST]]:
        function = getattr(call.func, "id", "")
        if function == "isinstance":
            yield "true of every context on 3.2", call
        elif function not in _BY_NAME:
            yield "the proxy stands where the object stood", call
        elif function == "hasattr" or (len(call.args) == 3 and function == "getattr"):
            if name in _CONTEXTS and not self._is_proven(call):
                yield "raises without a context", call

    def _attribute(self, name: str, node: ast.Attribute) -> Iterator[tuple[str, ast.AST]]:
        newest = self._target.newest
        if name == "request_ctx" and node.attr == "g":
            yield "went with Flask 2.2", node
        if name == "app_ctx" and self._is_of_request_only and self._target.oldest < _ONE_CONTEXT:
            if node.attr != "g":
                yield "this is the app context below 3.2", node
        if name in _CONTEXTS and not isinstance(node.ctx, ast.Load):
            if node.attr == "session" and newest >= _FIXED_SESSION:
                yield "read-only since 3.1.3", node
            if node.attr in {"request", "flashes"} and newest >= _ONE_CONTEXT:
                yield "read-only or dead on 3.2", node
        if name == "g" and node.attr in {"get", "pop", "setdefault"}:
            call = self._parents[node]
            if isinstance(call, ast.Call) and call.func is node and not self._is_proven(node):
                yield "raises without a context", node

    def _mixed_stores(self) -> Iterator[tuple[str, ast.AST]]:
        stores: dict[str, set[str]] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) not in self._old:
                name = _proxy(node.value)
                if name in _CONTEXTS | {"g"}:
                    stores.setdefault(node.attr, set()).add(str(name))
                    if len(stores[node.attr]) > 1 and self._is_of_one_stack:
                        yield "written to one store, read from another", node

    def _handlers(self, node: ast.Try) -> Iterator[tuple[str, ast.AST]]:
        caught = [ast.unparse(h.type) if h.type else "BaseException" for h in node.handlers]
        if not any("AttributeError" in name for name in caught):
            return
        if any("RuntimeError" in name or "Exception" in name for name in caught):
            return
        for part in node.body:
            for read in ast.walk(part):
                name = _proxy(read)
                if name is None or not isinstance(read, ast.expr) or self._is_suppressed(read):
                    continue
                if self._unparsed_statement(read) not in self._old and not self._is_proven(read):
                    yield "the RuntimeError escapes", node

    def _unparsed_statement(self, node: ast.AST) -> str:
        while not isinstance(node, ast.stmt):
            node = self._parents[node]
        return ast.unparse(node)

    def _is_suppressed(self, node: ast.AST) -> bool:
        """Whether something further in than the handler catches the RuntimeError."""
        for parent in self._ancestors(node):
            if isinstance(parent, ast.With | ast.Try) and "RuntimeError" in ast.unparse(parent):
                return True
        return False

    def _ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self._parents:
            node = self._parents[node]
            yield node

    def _is_proven(self, node: ast.AST) -> bool:
        """Whether a test of the contexts stands before `node`, in any form that can guard it."""
        for parent in self._ancestors(node):
            if isinstance(parent, ast.If | ast.IfExp | ast.While) and _tests(parent.test):
                if node is not parent.test:
                    return True
            if isinstance(parent, ast.BoolOp) and node in parent.values:
                if any(map(_tests, parent.values[: parent.values.index(node)])):
                    return True
            for name in ("body", "orelse", "finalbody"):
                block = getattr(parent, name, None)
                if isinstance(block, list) and node in block:
                    if any(map(_leaves_without, block[: block.index(node)])):
                        return True
            node = parent
        return False


def _leaves_without(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return _tests(statement.test) and isinstance(statement.body[-1], _LEAVES)
    return isinstance(statement, ast.Assert) and _tests(statement.test)


def _tests(test: ast.AST) -> bool:
    return any(getattr(node, "id", getattr(node, "attr", "")) in _HAS for node in ast.walk(test))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _proxy(node: ast.AST) -> str | None:
    """Return which of Flask's proxies `node` is, spelled as a name or below ``flask``."""
    if isinstance(node, ast.Name):
        return node.id if node.id in _PROXIES else None
    if isinstance(node, ast.Attribute) and node.attr in _PROXIES:
        holder = ast.unparse(node.value)
        return node.attr if holder in {"flask", "flask.globals"} else None
    return None
