"""Whether an application is told where it is served: what URLs need outside of a request."""

from __future__ import annotations

import ast

from flask_ctxfix.applications import is_set_for
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import is_constant_none

_SETTING = "SERVER_NAME"
# Keys of the environment of one request; what has them as well is no configuration.
_OF_A_REQUEST = frozenset({"PATH_INFO", "REQUEST_METHOD", "SERVER_PORT", "wsgi.url_scheme"})


def has_server_name(project: Project, path: str | None) -> bool:
    """Whether the application of a file, or any, is given SERVER_NAME, or asks for it."""
    setters = _setters(project)
    return any(path is None or is_set_for(project, setter, path) for setter in setters)


def _setters(project: Project) -> tuple[str, ...]:
    """Return the files that give, or ask for, the setting."""

    def compute() -> tuple[str, ...]:
        modules = project.parsed(project.naming(_SETTING))
        return tuple(module.path for module in modules if _has(module))

    return project.memo("setters of the server name", compute)


def _has(module: Module) -> bool:
    """Whether code of a module gives the setting a value, or reads it, as others may set it."""
    nodes = module.scopes.nodes
    keywords = (each.value for each in nodes(ast.keyword) if each.arg == _SETTING)
    bound = (
        binding.value or binding.node
        for scope in module.scopes.every
        for binding in scope.bindings.get(_SETTING, ())
    )
    attributes = (each for each in nodes(ast.Attribute) if each.attr == _SETTING)
    strings = (each for each in nodes(ast.Constant) if each.value == _SETTING)
    return (
        any(not is_constant_none(each) for each in (*keywords, *bound))
        or any(not is_constant_none(_assigned(module, each)) for each in attributes)
        or any(_is_key(module, each) for each in strings)
    )


def _is_key(module: Module, node: ast.Constant) -> bool:
    """Whether a string is the key under which something is got, set or given."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Subscript):
        return not is_constant_none(_assigned(module, parent)) and not _is_environ(parent.value)
    if isinstance(parent, ast.Dict):
        keys = {each.value for each in parent.keys if isinstance(each, ast.Constant)}
        values = [v for k, v in zip(parent.keys, parent.values, strict=True) if k is node]
        return bool(values) and not is_constant_none(values[0]) and keys.isdisjoint(_OF_A_REQUEST)
    if isinstance(parent, ast.Call) and parent.args[:1] == [node]:
        owner = parent.func.value if isinstance(parent.func, ast.Attribute) else None
        is_environ = owner is not None and _is_environ(owner)
        return not any(map(is_constant_none, parent.args[1:])) and not is_environ
    return False


def _assigned(module: Module, target: ast.expr) -> ast.expr | None:
    """Return what an attribute or an item is set to, if it is set."""
    parent = module.scopes.parents[target]
    if not isinstance(parent, ast.Assign | ast.AnnAssign) or parent.value is target:
        return None
    return parent.value


def _is_environ(node: ast.expr) -> bool:
    """Whether an expression is the environment of a request: its attribute of that name."""
    return isinstance(node, ast.Attribute) and node.attr == "environ" and not _is_of_os(node)


def _is_of_os(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "os"
