"""Imports of a file: under which name it has something, and what its edits add and drop."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from flask_ctxfix import flask_facts
from flask_ctxfix.codemod import (
    Edit,
    EditImport,
    Fix,
    InsertStatement,
    Need,
    RemoveStatement,
    ReplaceExpression,
    ReplaceStatement,
)
from flask_ctxfix.left_imports import left_of_import, spare_imports
from flask_ctxfix.retired_names import Retired
from flask_ctxfix.source import Span
from flask_ctxfix.statements import block_of, way_out

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.project import Project
    from flask_ctxfix.scopes import Binding, Scope


class LocalName(NamedTuple):
    """How code at one place can spell a name, and the import that this takes, if any."""

    code: str
    need: Need | None


def local_name(
    module: Module,
    project: Project,
    at: ast.AST,
    home: str,
    name: str,
    anchor: Span,
    gone: str | None = None,
) -> LocalName:
    """Return how the code at `at` spells `name` of Flask's module `home`.

    A name that the file has already is used; else the import goes to the block of the statement at
    `anchor`, under a name that no scope between the two uses for something else. `gone` is a
    variable there that the edits dissolve.
    """
    scope = module.scopes.scope_of(at)
    known = project.flask_locals(module).get(name, ())
    for local, bound in known:
        if scope.home(local) is bound or _first_with(scope, local, gone) is bound:
            return LocalName(local, None)
    if _is_starred(module, name) and _first_with(scope, name, gone) is None:
        return LocalName(name, None)
    for local in (name, f"flask_{name}", f"_flask_{name}"):
        if _first_with(scope, local, gone) is None:
            return LocalName(local, Need(anchor, home, name, local))
    raise LookupError(name)


def _first_with(scope: Scope, name: str, gone: str | None) -> Scope | None:
    scopes = (each for each in scope.chain() if each.binds(name))
    if name == gone:
        dissolved = scope.home(name)
        scopes = (each for each in scopes if each is not dissolved)
    return next(scopes, None)


def _is_starred(module: Module, name: str) -> bool:
    stars = module.scopes.module.star_imports
    return any(
        node.level == 0 and flask_facts.is_exported(node.module or "", name) for node in stars
    )


def plan_imports(
    module: Module, edits: Sequence[Edit], fixes: Sequence[Fix], project: Project | None
) -> list[Edit]:
    """Return the edits that import what `fixes` need and drop the names that they retire.

    With those go the imports that are no longer used, if the project is known.
    """
    needs = list(dict.fromkeys(need for fix in fixes for need in fix.needs))
    retires = {span for fix in fixes for span in fix.retires}
    retired = Retired(module, edits, needs, retires)
    if project is not None:
        retired.add(spare_imports(module, project, edits))
    dead = retired.dead()
    if not needs and not dead:
        return []
    return _Plan(module, edits, needs, dead, project).edits()


class _Plan:
    """The import edits of one file; `dead` are the bindings that go."""

    def __init__(
        self,
        module: Module,
        edits: Sequence[Edit],
        needs: Sequence[Need],
        dead: list[Binding],
        project: Project | None,
    ) -> None:
        self._module = module
        self._project = project
        self._edits = edits
        self._needs = needs
        self._dead = dead
        self._drops: dict[Span, list[Span]] = {}
        self._adds: dict[Span, list[tuple[str, str]]] = {}
        self._removed: set[Span] = set()
        self._inserted: dict[Span, list[str]] = {}
        self._new: dict[tuple[Span, str], list[tuple[str, str]]] = {}

    def edits(self) -> list[Edit]:
        """Return all edits of import statements."""
        for binding in self._dead:
            self._drop(binding)
        unneeded = self._tries_to_remove()
        by_import: dict[tuple[ast.stmt, str], list[tuple[str, str]]] = {}
        for each in self._tries_to_open(unneeded):
            unneeded.append(each)
            for home, name in self._left_of(each):
                by_import.setdefault((each, home), []).append(name)
        for need in self._needs:
            anchor = self._statement(need.anchor)
            anchor = next((t for t in unneeded if self._holds(t, anchor)), anchor)
            anchor = _failing_try(self._module, self._drops, anchor) or anchor
            if need.code is not None:
                last = _last_before(need.module, self._block(anchor), anchor)
                self._insert(last, need.code.rstrip())
                continue
            names = by_import.setdefault((anchor, need.module), [])
            if (need.name, need.local) not in names:
                names.append((need.name, need.local))
        for (anchor, home), names in sorted(
            by_import.items(), key=lambda item: (item[0][1], self._module.span(item[0][0]))
        ):
            self._add(anchor, home, sorted(names))
        for (place, home), names in self._new.items():
            self._inserted.setdefault(place, []).append(_import_of(home, sorted(names)))
        for statement in unneeded:
            self._removed.add(self._module.span(statement))
        return self._collect(unneeded)

    def _drop(self, binding: Binding) -> None:
        span = self._module.span(binding.node)
        if binding.alias is None:
            self._removed.add(span)
        else:
            self._drops.setdefault(span, []).append(self._module.span(binding.alias))

    def _tries_to_remove(self) -> list[ast.Try]:
        """Return each ``try`` around imports of which nothing is left to try."""
        return [
            each
            for each in self._tries()
            if all(map(self._is_gone, each.body)) and not self._guards_more(each)
        ]

    def _tries_to_open(self, unneeded: Sequence[ast.Try]) -> list[ast.Try]:
        """Return each ``try`` around imports of which none can fail any more."""
        if not any(map(_imports_flask, self._module.tree.body)):
            return []  # there may be no Flask
        return [
            each
            for each in self._tries()
            if each not in unneeded
            and all(map(self._is_sure, each.body))
            and self._bound_in(each.handlers) <= self._bound_in(each.body)
        ]

    def _left_of(self, statement: ast.Try) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield what the imports in a ``try`` still import, and from which module."""
        for each in statement.body:
            if isinstance(each, ast.ImportFrom):
                dropped = self._drops.get(self._module.span(each), ())
                for alias in each.names:
                    if self._module.span(alias) not in dropped:
                        yield each.module or "", (alias.name, alias.asname or alias.name)

    def _bound_in(self, nodes: Sequence[ast.AST]) -> set[str]:
        spans = list(map(self._module.span, nodes))
        return {
            name
            for scope in self._module.scopes.every
            for name, bindings in scope.bindings.items()
            for each in bindings
            if any(span.holds(self._module.span(each.alias or each.node)) for span in spans)
        }

    def _tries(self) -> list[ast.Try]:
        """Return each ``try`` of which an import goes, and that has handlers alone."""
        tries: dict[ast.Try, None] = {}
        for binding in self._dead:
            around = (p for p, _ in way_out(self._module, binding.node) if isinstance(p, ast.Try))
            statement = next(around, None)
            if statement is not None and not statement.orelse and not statement.finalbody:
                tries[statement] = None
        return list(tries)

    def _is_sure(self, statement: ast.stmt) -> bool:
        """Whether a statement imports what every Flask has, but for what is dropped."""
        if not isinstance(statement, ast.ImportFrom) or statement.level:
            return False
        dropped = self._drops.get(self._module.span(statement), ())
        return all(
            self._module.span(alias) in dropped
            or flask_facts.is_exported(statement.module or "", alias.name)
            for alias in statement.names
        )

    def _guards_more(self, statement: ast.Try) -> bool:
        """Whether a ``try`` does something of its own where Flask is not installed."""
        handled = [part for handler in statement.handlers for part in handler.body]
        if any(map(_imports_flask, (*handled, *self._module.tree.body))):
            return False
        is_needed = any(self._module.span(statement).holds(need.anchor) for need in self._needs)
        return is_needed or not all(map(self._is_gone, handled))

    def _is_gone(self, statement: ast.stmt) -> bool:
        span = self._module.span(statement)
        if isinstance(statement, ast.Pass) or span in self._removed:
            return True
        names = statement.names if isinstance(statement, ast.ImportFrom | ast.Import) else ()
        return bool(names) and len(self._drops.get(span, ())) == len(names)

    def _statement(self, span: Span) -> ast.stmt:
        return self._statements[span]

    @cached_property
    def _statements(self) -> dict[Span, ast.stmt]:
        """Every statement that can bind a name, or surround those that do, by its place."""
        kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Try)
        nodes = (node for kind in kinds for node in self._module.scopes.nodes(kind))
        return {self._module.span(node): node for node in nodes}

    def _holds(self, outer: ast.stmt, inner: ast.stmt) -> bool:
        return self._module.span(outer).holds(self._module.span(inner))

    def _block(self, statement: ast.stmt) -> list[ast.stmt]:
        return block_of(self._module.scopes.parents[statement], statement) or [statement]

    def _add(self, anchor: ast.stmt, home: str, names: list[tuple[str, str]]) -> None:
        """Import `names` of the module `home`, in the block of `anchor`."""
        block = self._block(anchor)
        existing = list(self._imports_of(home, block, anchor))
        if _is_one_a_line(existing):
            for name in names:
                self._add_a_line(existing, home, name)
        elif existing:
            added = self._adds.setdefault(self._module.span(existing[0]), [])
            added += [name for name in names if name not in added]
        else:
            self._add_new(block, anchor, home, names)

    def _add_new(
        self, block: list[ast.stmt], anchor: ast.stmt, home: str, names: list[tuple[str, str]]
    ) -> None:
        """Import `names` by a statement of their own, one for all anchors of a block."""
        places = {self._module.span(statement) for statement in block}
        for (place, module), already in self._new.items():
            if module == home and place in places:
                already += [name for name in names if name not in already]
                return
        if isinstance(anchor, ast.Try) and block.index(anchor):
            before = block[block.index(anchor) - 1]
            anchor = before if _imports_flask(before) else anchor
        is_placed = home == "flask" or home in sys.stdlib_module_names
        last = anchor if is_placed else _last_before(home, block, anchor)
        self._new[self._module.span(last), home] = list(names)

    def _add_a_line(
        self, existing: Sequence[ast.ImportFrom], home: str, name: tuple[str, str]
    ) -> None:
        """Give a name an import of its own: in the place of one that goes, or after the others."""
        free = [
            statement
            for statement in existing
            if self._module.span(statement) in self._drops
            and self._module.span(statement) not in self._adds
        ]
        if free:
            self._adds[self._module.span(free[0])] = [name]
        elif all(name not in added for added in self._adds.values()):
            last = max(existing, key=self._module.span)
            code = _import_of(home, [name])
            if code not in self._inserted.get(self._module.span(last), []):
                self._insert(last, code)

    def _insert(self, anchor: ast.stmt, code: str) -> None:
        self._inserted.setdefault(self._module.span(anchor), []).append(code)

    def _imports_of(
        self, home: str, block: list[ast.stmt], anchor: ast.stmt
    ) -> Iterator[ast.ImportFrom]:
        """Yield the imports of `home` in a block that can take more names, the best one first."""
        mates = [each for each in block if _is_mate(each, home)]
        place = block.index(anchor)
        if anchor in mates and isinstance(anchor, ast.ImportFrom):
            yield anchor
        yield from (s for s in reversed(mates) if block.index(s) < place)
        for statement in mates:
            between = Span(self._module.span(anchor).end, self._module.span(statement).start)
            if block.index(statement) > place and not self._is_executed_in(between):
                yield statement

    def _is_executed_in(self, between: Span) -> bool:
        """Whether an edit stands in a range of the text, outside of functions."""
        return any(
            between.holds(edit.span) for edit in self._edits if isinstance(edit, ReplaceExpression)
        )

    def _collect(self, unneeded: Sequence[ast.stmt]) -> list[Edit]:
        gone = [self._module.span(statement) for statement in unneeded]
        concerned = {*self._drops, *self._adds, *self._removed, *self._inserted, *gone}
        return [
            edit
            for span in sorted(concerned)
            if span in gone or not any(outer.holds(span) for outer in gone)
            for edit in self._edits_of(self._statement(span), span)
        ]

    def _edits_of(self, statement: ast.stmt, span: Span) -> Iterator[Edit]:
        drops, adds = self._drops.get(span, []), self._adds.get(span, [])
        inserted = _together(self._inserted.get(span, []))
        names = statement.names if isinstance(statement, ast.ImportFrom | ast.Import) else []
        goes = span in self._removed or (bool(drops) and len(drops) == len(names) and not adds)
        if goes:
            project = self._project
            run = None if project is None else left_of_import(self._module, project, statement)
            code = "\n".join(filter(None, (inserted, run)))
            yield ReplaceStatement(span, code) if code else RemoveStatement(span)
        else:
            if drops or adds:
                yield EditImport(span, tuple(drops), tuple(sorted(adds)))
            lines, blocks = _lines_and_blocks(self._inserted.get(span, []))
            if lines:
                after = _comes_after(lines, statement)
                yield InsertStatement(span, lines, "after" if after else "before")
            if blocks:
                yield InsertStatement(span, f"\n{blocks}", "after")


def _last_before(home: str, block: list[ast.stmt], anchor: ast.stmt) -> ast.stmt:
    """Return the last import, of those of Flask from `anchor` on, that sorts before `home`."""
    last = anchor
    for statement in block[block.index(anchor) + 1 :]:
        module = statement.module if isinstance(statement, ast.ImportFrom) else None
        if module is None or module.partition(".")[0] != "flask" or module > home:
            break
        last = statement
    return last


def _failing_try(
    module: Module, drops: Mapping[Span, list[Span]], anchor: ast.stmt
) -> ast.Try | None:
    """Return the ``try`` around an import that keeps a removed name, so that it may fail."""
    dropped = drops.get(module.span(anchor), [])
    names = anchor.names if isinstance(anchor, ast.ImportFrom) else []
    kept = (each for each in names if module.span(each) not in dropped)
    if not any(each.name in flask_facts.REMOVED_STACKS for each in kept):
        return None
    parent = module.scopes.parents[anchor]
    return parent if isinstance(parent, ast.Try) and anchor in parent.body else None


def _is_mate(statement: ast.stmt, home: str) -> TypeGuard[ast.ImportFrom]:
    """Whether a statement imports names from the module `home`."""
    if not isinstance(statement, ast.ImportFrom) or statement.names[0].name == "*":
        return False
    return (statement.level, statement.module) == (0, home)


def _import_of(home: str, names: Sequence[tuple[str, str]]) -> str:
    listed = ", ".join(name if name == local else f"{name} as {local}" for name, local in names)
    return f"from {home} import {listed}"


def _lines_and_blocks(codes: Sequence[str]) -> tuple[str, str]:
    """Split what is inserted into imports, and blocks that have to follow all imports."""
    blocks = [code for code in codes if "\n" in code]
    return _together([code for code in codes if code not in blocks]), _together(blocks)


def _together(codes: Sequence[str]) -> str:
    """Join statements; a block is set off by a blank line."""
    first, *rest = sorted(codes) or [""]
    return "\n".join([first, *(f"\n{code}" if "\n" in code else code for code in rest)])


def _is_one_a_line(imports: Sequence[ast.ImportFrom]) -> bool:
    """Whether a file imports each name of a module by a statement of its own."""
    whole = [each for each in imports if each.names[0].asname is None]
    return len(whole) > 1 and all(len(each.names) == 1 for each in imports)


def _comes_after(inserted: str, statement: ast.stmt) -> bool:
    """Whether an import belongs below `statement` in sorted imports."""
    if not isinstance(statement, ast.ImportFrom) or statement.level or statement.module is None:
        return False
    return inserted.split()[1] >= statement.module


def _imports_flask(statement: ast.stmt) -> bool:
    """Whether `statement` is an import that fails where Flask is not installed."""
    if isinstance(statement, ast.ImportFrom):
        names = [statement.module or ""] if statement.level == 0 else []
    else:
        names = [a.name for a in statement.names] if isinstance(statement, ast.Import) else []
    return any(name.partition(".")[0] == "flask" for name in names)
