"""What functions put into containers, and under which keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.lasting_containers import container_of
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import How
from flask_ctxfix.flask_facts import ADDING
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


class Put(NamedTuple):
    """Values that `node` puts into `container`: under `keys`, or (None) as one more of them."""

    node: ast.AST
    container: ast.expr
    values: tuple[ast.expr, ...]
    keys: tuple[ast.expr, ...] | None = None

    def fixed_keys(self, module: Module, project: Project) -> str | None:
        """The keys of the item that is written, as code, if they are the same in each request.

        They are constants, or names that functions around this one, or the module, bind once, but
        not to data of a request.
        """
        keys = self.every_key
        if keys is None or not all(self._is_fixed(module, project, each) for each in keys):
            return None
        return "".join(f"[{_written(module, each)}]" for each in keys)

    def _is_fixed(self, module: Module, project: Project, key: ast.expr) -> bool:
        if not isinstance(key, ast.Name):
            return isinstance(key, ast.Constant)
        home = module.scopes.home_of(key)
        bindings = home.bindings.get(key.id, ())
        if home.node is module.scopes.function_of(self.node) or len(bindings) != 1:
            return False
        data = RequestData.of_project(project)
        return home.parent is None or data.of(module, key, widest=How.DRAWN) is None

    @property
    def every_key(self) -> tuple[ast.expr, ...] | None:
        """What decides how many items there are; None if each time there is one more."""
        return None if self.keys is None else (*self.keys_of_item, *self.keys)

    @property
    def keys_of_item(self) -> tuple[ast.expr, ...]:
        """The keys of the item of another container that `container` is."""
        keys: tuple[ast.expr, ...] = ()
        item = self.container
        while True:
            if isinstance(item, ast.Subscript):
                keys = (item.slice, *keys)
                item = item.value
            elif isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute):
                keys = (*item.args[:1], *keys)
                item = item.func.value
            else:
                return keys


def puts_in(module: Module) -> Iterator[Put]:
    """Yield what functions put into containers."""
    scopes = module.scopes
    for call in scopes.calls_of(ADDING):
        function = call.func
        if isinstance(function, ast.Attribute) and scopes.function_of(call) is not None:
            container = _item_of(module, function.value)
            if function.attr == "update" and (items := _items_in(call)):
                yield from (Put(call, container, (value,), (key,)) for key, value in items)
            elif not call.keywords:
                values = call.args[1:] if function.attr in {"insert", "setdefault"} else call.args
                yield Put(call, container, tuple(values), _keys_of(call, function.attr))
    for node in scopes.nodes(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and scopes.function_of(node) is not None:
                container = _item_of(module, target.value)
                yield Put(node, container, (node.value,), (target.slice,))
    for added in scopes.nodes(ast.AugAssign):
        if scopes.function_of(added) is not None and isinstance(added.target, ast.Subscript):
            container = _item_of(module, added.target.value)
            yield Put(added, container, (), (added.target.slice,))
        if isinstance(added.value, ast.List | ast.Set | ast.Dict):
            if scopes.function_of(added) is not None:
                yield Put(added, added.target, (added.value,))


def _item_of(module: Module, node: ast.expr) -> ast.expr:
    """Return the item of a container that a local variable stands for; else the node itself."""
    if not isinstance(node, ast.Name):
        return node
    home = module.scopes.home_of(node)
    bindings = home.bindings.get(node.id, ()) if home.parent is not None else ()
    value = bindings[0].value if len(bindings) == 1 else None
    return value if value is not None and container_of(value) is not None else node


def _keys_of(call: ast.Call, method: str) -> tuple[ast.expr, ...] | None:
    """Return the keys under which a method puts what it is given, if it says which."""
    given = call.args[0] if call.args else None
    is_key = method == "setdefault" or (method == "add" and len(call.args) == 1)
    return (given,) if is_key and given is not None else None


def _items_in(call: ast.Call) -> list[tuple[ast.expr, ast.expr]]:
    """Return the keys and values that ``x.update(…)`` names, if it names all of them."""
    given = [each for each in call.args if isinstance(each, ast.Dict)]
    items = [item for each in given for item in zip(each.keys, each.values, strict=True)]
    named = [(each.arg, each.value) for each in call.keywords]
    if len(given) < len(call.args) or not all(key for key, _ in (*items, *named)):
        return []
    found = [(key, value) for key, value in items if key is not None]
    return [*found, *((ast.Constant(name), value) for name, value in named)]


def _written(module: Module, key: ast.expr) -> str:
    """Return the code of a key, also of one that is the name of an argument."""
    if isinstance(key, ast.Constant) and not hasattr(key, "lineno"):
        return f'"{key.value!s}"'
    return module.segment(key)
