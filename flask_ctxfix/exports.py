"""What the statements of a module bind, in their order, read off its syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flask_ctxfix.scopes import Binding
from flask_ctxfix.syntax import last_name

Spot = tuple[int, int]

_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LISTING = ("append", "extend", "remove")


class Event(NamedTuple):
    """One statement that binds a name, deletes it (no binding), or may, as a star import.

    `order` counts the statements of the module itself, `spot` is where this one stands in the text.
    One of these is `certain` to run, what is nested in it is not; `delayed` is what functions do to
    names that they declare global.
    """

    order: int
    spot: Spot
    is_certain: bool
    binding: Binding | None = None
    star: ast.ImportFrom | None = None
    is_typing: bool = False
    is_delayed: bool = False

    @property
    def is_deletion(self) -> bool:
        """Whether the name is gone after this."""
        return self.binding is None and self.star is None


class Exports:
    """What a module binds; a definition is there without its node.

    `listed` are the names of ``__all__``: None where there is none. What the statements do not say
    makes it open.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[Event]] = {}
        self.stars: list[Event] = []
        self.listed: frozenset[str] | None = None
        self.is_open = False

    def offers(self, name: str) -> bool:
        """Whether a star import of this module takes a name, if it is bound here."""
        if self.listed is None:
            return not name.startswith("_")
        return name in self.listed or self.is_open

    def add(self, name: str, event: Event) -> None:
        """Note what a statement does to a name."""
        self.names.setdefault(name, []).append(event)


class _Statement(NamedTuple):
    node: ast.AST
    is_certain: bool
    is_typing: bool


def exports_of(tree: ast.Module, text: str) -> Exports:
    """Return what the statements at the top level of a module bind, also in their blocks."""
    exports = Exports()
    # What is rare is looked for in the expressions and functions only where the text has it.
    has_walrus = ":=" in text
    for order, statement in enumerate(tree.body):
        for each in statements([statement]):
            event = Event(order, spot_of(each.node), each.is_certain, is_typing=each.is_typing)
            _add_all(exports, each.node, event, has_walrus)
    if "global " in text:
        _add_globals(exports, tree, has_walrus)
    if "__all__" in exports.names or "__all__" in text:
        _add_listed(exports, tree)
    return exports


def spot_of(node: ast.AST) -> Spot:
    """Return where a statement, or a branch of one, stands."""
    placed = node.pattern if isinstance(node, ast.match_case) else node
    return placed.lineno, placed.col_offset  # type: ignore[attr-defined]


def statements(body: Iterable[ast.AST], inside: bool = False) -> Iterator[_Statement]:
    """Yield statements and those nested in them; `inside` of functions and classes as well."""
    left = [_Statement(node, True, False) for node in body][::-1]
    while left:
        each = left.pop()
        yield each
        node = each.node
        if inside or not isinstance(node, _DEFINITIONS):
            below: list[_Statement] = []
            for name in _BLOCKS:
                nodes = getattr(node, name, None)
                if type(nodes) is list and nodes:
                    typing = each.is_typing or (name == "body" and _is_for_types(node))
                    below += [_Statement(child, False, typing) for child in nodes]
            left += below[::-1]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and last_name(node.test) == "TYPE_CHECKING"


def _add_all(exports: Exports, node: ast.AST, event: Event, has_walrus: bool) -> None:
    if isinstance(node, ast.Expr) and not has_walrus:
        return
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        exports.stars.append(event._replace(star=node))
        return
    is_certain = event.is_certain and not isinstance(node, ast.For | ast.AsyncFor)
    for binding in _bindings(node):
        exports.add(binding.name, event._replace(binding=binding, is_certain=is_certain))
    if isinstance(node, ast.Delete):
        for name in _names(node.targets):
            exports.add(name, event)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        other = Binding(node.name, "other", ast.Pass())
        exports.add(node.name, event._replace(binding=other))
    elif isinstance(node, ast.match_case):
        for name in _captures(node.pattern):
            exports.add(name, event._replace(binding=Binding(name, "other", ast.Pass())))
    if has_walrus:
        for name in _walruses(node):
            other = Binding(name, "other", ast.Pass())
            exports.add(name, event._replace(binding=other, is_certain=False))


def _bindings(node: ast.AST) -> Iterator[Binding]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            local = alias.asname or alias.name.partition(".")[0]
            yield Binding(local, "import", node, alias=alias)
    elif isinstance(node, _DEFINITIONS):
        yield Binding(node.name, "definition", ast.Pass())
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield Binding(target.id, "assign", ast.Pass(), value=_passed_on(node.value))
            else:
                yield from (Binding(name, "assign", ast.Pass()) for name in _names([target]))
    elif isinstance(node, ast.AnnAssign):
        if node.value is not None and isinstance(node.target, ast.Name):
            yield Binding(node.target.id, "assign", ast.Pass(), value=_passed_on(node.value))
    else:
        yield from (Binding(name, "other", ast.Pass()) for name in _targets(node))


def _passed_on(value: ast.expr) -> ast.expr | None:
    """Return the value that an assignment gives a name alone, if another name may be it."""
    return (
        value if isinstance(value, ast.Name | ast.Attribute | ast.BoolOp | ast.Constant) else None
    )


def _targets(node: ast.AST) -> Iterator[str]:
    """Yield the names that a loop, a `with`, an augmented assignment or a type alias binds."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.AugAssign):
        yield from _names([node.target])
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from _names(each.optional_vars for each in node.items if each.optional_vars)
    elif type(node).__name__ == "TypeAlias":
        yield from _names([node.name])  # type: ignore[attr-defined]


def _names(targets: Iterable[ast.AST]) -> Iterator[str]:
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                yield part.id


def _captures(pattern: ast.AST) -> Iterator[str]:
    for part in ast.walk(pattern):
        name = getattr(part, "rest" if isinstance(part, ast.MatchMapping) else "name", None)
        if name and isinstance(part, ast.MatchMapping | ast.MatchAs | ast.MatchStar):
            yield name


def _walruses(node: ast.AST) -> Iterator[str]:
    """Yield the names that the expressions of a statement itself bind."""
    for name, value in ast.iter_fields(node):
        if name in _BLOCKS or (name == "value" and not isinstance(value, ast.AST)):
            continue
        for each in value if isinstance(value, list) else [value]:
            for part in ast.walk(each) if isinstance(each, ast.AST) else ():
                if isinstance(part, ast.NamedExpr):
                    yield part.target.id


def _add_globals(exports: Exports, tree: ast.Module, has_walrus: bool) -> None:
    """Add what functions bind of the module: at any time, or never."""
    for function in statements(tree.body, inside=True):
        if not isinstance(function.node, _DEFINITIONS):
            continue
        body = [each.node for each in statements(function.node.body)]
        names = {name for each in body if isinstance(each, ast.Global) for name in each.names}
        inner = Exports()
        for node in body if names else ():
            _add_all(inner, node, Event(-1, spot_of(node), False, is_delayed=True), has_walrus)
        for name in names.intersection(inner.names):
            for event in inner.names[name]:
                exports.add(name, event)


def _add_listed(exports: Exports, tree: ast.Module) -> None:
    """Read ``__all__``, as far as the statements list its names one by one."""
    listed: set[str] = set()
    is_any = False
    for node, is_certain, is_typing in statements(tree.body):
        found = None if is_typing else _listing(node)
        if found is not None:
            is_any = True
            values = _strings(found)
            exports.is_open |= values is None or not is_certain or not _adds(node)
            if isinstance(node, ast.Assign) and is_certain:
                listed.clear()
            listed.update(values or ())
    events = exports.names.get("__all__", ())
    if not is_any and not all(each.is_typing for each in events):
        exports.is_open = is_any = True
    exports.listed = frozenset(listed) if is_any else None


def _listing(node: ast.AST) -> ast.expr | None:
    """Return the names that a statement puts into ``__all__``, or takes out of it."""
    if isinstance(node, ast.Assign):
        return node.value if any(map(_is_listing, node.targets)) else None
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return node.value if _is_listing(node.target) else None
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        if _is_listing(call.func.value) and call.func.attr in _LISTING:
            return call.args[0] if call.args else None
    return None


def _is_listing(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__all__"


def _adds(node: ast.AST) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return not isinstance(call, ast.Call) or last_name(call.func) != "remove"


def _strings(node: ast.expr) -> list[str] | None:
    """Return the strings that an expression lists, None if it has others, too."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts: list[ast.expr] = [node.left, node.right]
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        parts = node.elts
    else:
        return None
    found: list[str] = []
    for part in parts:
        strings = _strings(part)
        if strings is None:
            return None
        found += strings
    return found
