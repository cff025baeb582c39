"""Which statements bind a name or an attribute of a module, through imports of the project."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.exports import Spot, spot_of
from flask_ctxfix.local_names import LocalName, since_of, statement_or_branch
from flask_ctxfix.origins import Resolver
from flask_ctxfix.scopes import Binding
from flask_ctxfix.source import SourceError

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.modules import Modules


class _Bound(NamedTuple):
    """A binding; an import is followed unless it is the end."""

    module: Module
    binding: Binding
    is_end: bool = False


class _Member(NamedTuple):
    """A name of a module that `since` asks for, in the import `via`."""

    place: str
    name: str
    since: str | None
    via: _Bound | None


_Step = _Bound | _Member
_Asked = LocalName | tuple[_Member, ...]


class Binders:
    """Follows a name to the statements that bind it; an import of what is no statement is one.

    Where a name may be something else, too, nothing is found: no answer is better than a part.
    """

    def __init__(self, project: Modules, resolver: Resolver) -> None:
        self._project = project
        self._module = resolver.module
        self._lookup = resolver.lookup
        self._locals = resolver.locals
        self.resolver = resolver
        self._is_whole = True
        self._found: dict[_Asked, list[tuple[Module, Binding]]] = {}

    def of(self, node: ast.expr) -> list[tuple[Module, Binding]]:
        """Return what binds the name or module attribute `node`."""
        if isinstance(node, ast.Name):
            only = self._locals.only(node)
            if only is not None and (
                only.alias is None or self._lookup.elsewhere(self._module.path, only) is not None
            ):
                return [(self._module, only)]
            read = self._locals.of(node)
            own = self._locals.bindings(read)
            if read.scope.parent is not None and not any(each.alias for each in own):
                return [(self._module, binding) for binding in own]
            asked: _Asked = read
            first = self._of_name(read, own)
        elif isinstance(node, ast.Attribute):
            if not self.resolver.may_be_module(node.value):
                return []
            owners = self.resolver.modules(node.value)
            if not owners:
                return []
            since = since_of(self._module, node)
            asked = tuple([_Member(each.place, node.attr, since, None) for each in owners])
            first = iter(asked)
        else:
            return []
        found = self._found.get(asked)
        if found is None:
            self._is_whole = True
            found = self._followed(first)
            found = self._found[asked] = found if self._is_whole else []
        return found

    def _of_name(self, read: LocalName, bindings: Sequence[Binding]) -> Iterator[_Step]:
        for binding in bindings:
            yield _Bound(self._module, binding)
        for star in self._locals.stars(read):
            yield from self._starred(self._module.path, star, read.name, None)
        if self._locals.may_be_builtin(read) or self._locals.taken_over_by(read) is not None:
            self._is_whole = False

    def _starred(
        self, path: str, star: ast.ImportFrom, name: str, via: _Bound | None
    ) -> Iterator[_Step]:
        source = self._lookup.source(path, star)
        if source is not None:
            yield _Member(source, name, path, via)
        else:
            yield from self._elsewhere(via)

    def _elsewhere(self, via: _Bound | None) -> Iterator[_Bound]:
        """Yield the import that stands for what no statement of the project binds."""
        if via is not None:
            yield via._replace(is_end=True)
        else:
            self._is_whole = False

    def _followed(self, first: Iterable[_Step]) -> list[tuple[Module, Binding]]:
        found: dict[Binding, Module] = {}
        seen: set[tuple[str, str, str | None]] = set()
        left = [*first][::-1]
        while left:
            each = left.pop()
            if isinstance(each, _Member):
                key = each.place, each.name, each.since
                if key not in seen:
                    seen.add(key)
                    left += [*self._of_member(each)][::-1]
                continue
            imported = None if each.is_end else self._imported(each)
            if imported is None:
                found[each.binding] = each.module
            else:
                left.append(imported)
        return [(module, binding) for binding, module in found.items()]

    def _imported(self, bound: _Bound) -> _Member | None:
        module, binding, _ = bound
        node, alias = binding.node, binding.alias
        if alias is None:
            return None
        if isinstance(node, ast.ImportFrom):
            place, name = self._lookup.source(module.path, node), alias.name
        else:
            package, _, name = alias.name.rpartition(".") if alias.asname else ("", "", "")
            place = self._lookup.files.find(package, module.path)
        return None if place is None else _Member(place, name, since_of(module, node), bound)

    def _of_member(self, member: _Member) -> Iterator[_Step]:
        place, name, since, via = member
        found = self._lookup.find(place, name, since)
        if found.module is not None or found.is_open or found.is_nothing:
            yield from self._elsewhere(via)
        spots = {each.spot for each in found.events if each.binding is not None}
        yield from self._bindings(place, name, spots)
        for event in found.events:
            if event.star is not None:
                yield from self._starred(place, event.star, name, via)

    def _bindings(self, path: str, name: str, spots: set[Spot]) -> Iterator[_Bound]:
        try:
            module = self._project.module(path) if spots else self._module
            bindings = module.scopes.module.bindings.get(name, ()) if spots else ()
        except SourceError:
            return
        for binding in bindings:
            if spot_of(statement_or_branch(module, binding.node)) in spots:
                yield _Bound(module, binding)
