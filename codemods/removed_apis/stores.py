"""Where an attribute that was kept on a context goes: to `g`, or to the context object still.

An attribute moves to `g` everywhere in the project or nowhere: one that is written in one place and
read in another must not be torn apart.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix import flask_facts
from flask_ctxfix.aliases import may_know
from flask_ctxfix.applications import imported_packages
from flask_ctxfix.codemods.removed_apis import NAME
from flask_ctxfix.codemods.removed_apis.setting_uses import reads_setting
from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, StackUses, Top
from flask_ctxfix.flask_versions import ONE_CONTEXT, STACKS_REMOVED, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.names_on_g import why_not_free_on_g
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record
from flask_ctxfix.scopes import Binding

_LOOKUPS = frozenset(flask_facts.LOOKUPS)
LOGIN_SLOT: tuple[Kind, str] = ("request", "user")
_LOGIN_USER = "_login_user"
_KEPT_BY_LOGIN = "Flask-Login keeps the user in `g._login_user` only from 0.6.2 on"
_MAY_BE_USER = "the name may be `user`, which Flask-Login 0.6.2 moved to `g._login_user`"
_KEPT_BY_OTHERS = "an extension may set `{}`, and keep the value elsewhere on newer Flask"


class Store(NamedTuple):
    """Where an attribute lives after the rewrite, and under which name.

    `is_exact` says that its value and lifetime stay what they were, `note` why they may not.
    """

    on_g: bool
    name: str | None
    is_exact: bool
    note: str = ""


class StackFacts(Record):
    """What one module tells about the attributes that the project keeps on contexts.

    `travelling` are the kinds of context whose object is passed on, or read by a computed name:
    anything may be read from it. `held` are attributes that are read from a context object itself.
    `kept` are the stacks that the module imports from other files of the project and goes on using,
    as `exported` names them.
    `written` are the attributes that it sets, `open_to_writes` the kinds of context of which it may
    set any; a test sets them in the stead of what does in earnest, and so none. `extensions` are
    the packages it imports that may set others.
    """

    travelling: frozenset[Kind]
    held: frozenset[str]
    kept: frozenset[str]
    written: frozenset[str]
    open_to_writes: frozenset[Kind]
    extensions: frozenset[str]
    knows_flask_login: bool
    is_flask_login: bool
    reads_setting: bool


def facts(module: Module, project: Project) -> StackFacts:
    """Collect the facts of one module."""
    uses = StackUses.of(module, project)
    imported = imported_packages(module)
    travelling = frozenset(_travelling(module, project, uses))
    is_test = project.is_test(module.path)
    return StackFacts(
        travelling=travelling,
        held=frozenset((*_held(module), *_read_from_values(module, uses))),
        kept=frozenset(_imported_and_used(module, project, uses)),
        written=frozenset(() if is_test else _written(module, uses)),
        open_to_writes=frozenset(
            () if is_test else (*travelling, *_written_by_computed_name(module, uses))
        ),
        extensions=frozenset(_extensions(module, project, imported)),
        knows_flask_login="flask_login" in imported or _asks_login_manager(module),
        is_flask_login=is_flask_login(module, project),
        reads_setting=reads_setting(module),
    )


def store_of(
    module: Module, project: Project, target: TargetVersion, kind: Kind, name: str | None
) -> Store:
    """Return where the attribute `name` (None: computed) of a context of this kind goes."""
    known = facts_of_project(module, project)
    has_login_slot = known.knows_flask_login and not known.is_flask_login
    if (kind, name) == LOGIN_SLOT and has_login_slot:
        return Store(True, _LOGIN_USER, False, _KEPT_BY_LOGIN)
    pinned = group_of(kind, str(name)) in project.pinned
    stays = name is None or kind in known.travelling or name in known.held or pinned
    stays = stays or why_not_free_on_g(str(name), project) is not None
    note = ""
    if name is None and kind == "request" and has_login_slot:
        note = _MAY_BE_USER
    elif name is not None and _is_foreign(known, kind, name):
        stays = True
        note = _KEPT_BY_OTHERS.format(name) if target.newest >= STACKS_REMOVED else ""
    is_exact = (kind == "app" or target.newest < ONE_CONTEXT) and not note
    return Store(may_move(kind, target) and not stays, name, is_exact, note)


def _is_foreign(known: StackFacts, kind: Kind, name: str) -> bool:
    """Whether nothing in the project sets an attribute, and an extension that it uses may."""
    set_here = name in known.written | known.held or kind in known.open_to_writes
    return not set_here and bool(known.extensions)


def group_of(kind: Kind, name: str) -> str:
    """Return the group of the fixes that move an attribute of a context to `g`."""
    return f"{kind} context: {name}"


def exported(path: str, name: str) -> str:
    """Return the group of the fixes after which no file imports a stack from another any more."""
    return f"{name} of {path}"


def imported_stack(module: Module, project: Project, binding: Binding) -> str | None:
    """Return the group that uses of a stack take part in if another file exports it."""
    if binding.alias is None or not isinstance(binding.node, ast.ImportFrom):
        return None
    source = project.source_of(module.path, binding.node)
    return None if source is None else exported(source, binding.alias.name)


def groups(
    module: Module, project: Project, uses: StackUses, target: TargetVersion
) -> Iterator[str]:
    """Yield the groups that fixes of a module may take part in."""
    for kind, name in attributes(module, project, uses):
        if may_move(kind, target):
            yield group_of(kind, name)
    for scope, binding in uses.bindings:
        if scope.parent is None:
            yield exported(module.path, binding.name)
        imported = imported_stack(module, project, binding)
        if imported is not None:
            yield imported


def may_move(kind: Kind, target: TargetVersion) -> bool:
    """Whether attributes of a context of this kind go to `g` at all."""
    return kind == "app" or target.newest >= ONE_CONTEXT


def is_flask_login(module: Module, project: Project) -> bool:
    """Whether the project is the extension that owns `LOGIN_SLOT`."""
    return project.find_module("flask_login", module.path) is not None


def facts_of_project(module: Module, project: Project) -> StackFacts:
    """Return the facts of all modules together; those of `module` where none was surveyed."""
    surveys = project.surveys.get(NAME)
    if not surveys:
        return facts(module, project)
    return project.memo(
        NAME, lambda: _together([each for each in surveys if isinstance(each, StackFacts)])
    )


def _together(every: list[StackFacts]) -> StackFacts:
    return StackFacts(
        travelling=frozenset().union(*(fact.travelling for fact in every)),
        held=frozenset().union(*(fact.held for fact in every)),
        kept=frozenset().union(*(fact.kept for fact in every)),
        knows_flask_login=any(fact.knows_flask_login for fact in every),
        written=frozenset().union(*(fact.written for fact in every)),
        open_to_writes=frozenset().union(*(fact.open_to_writes for fact in every)),
        extensions=frozenset().union(*(fact.extensions for fact in every)),
        is_flask_login=any(fact.is_flask_login for fact in every),
        reads_setting=any(fact.reads_setting for fact in every),
    )


def _written(module: Module, uses: StackUses) -> Iterator[str]:
    """Yield the attributes that a module sets on the top of a stack."""
    for top in uses.every_top():
        parent = module.scopes.parents[top.node]
        if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Store):
            yield parent.attr
        elif isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "setattr":
            name = getattr(parent.args[1], "value", None) if len(parent.args) > 1 else None
            if isinstance(name, str):
                yield name


def _written_by_computed_name(module: Module, uses: StackUses) -> Iterator[Kind]:
    for top in uses.every_top():
        call = module.scopes.parents[top.node]
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "setattr":
            if len(call.args) > 1 and not isinstance(call.args[1], ast.Constant):
                yield top.kind


def _extensions(module: Module, project: Project, imported: frozenset[str]) -> Iterator[str]:
    """Yield the extensions of Flask that a module imports and that are not of the project."""
    for name in imported:
        if name.startswith("flask_") and project.find_module(name, module.path) is None:
            yield name


def _asks_login_manager(module: Module) -> bool:
    return "login_manager" in module.scopes.attributes


def attributes(module: Module, project: Project, uses: StackUses) -> Iterator[tuple[Kind, str]]:
    """Yield the attributes of its own that a module keeps on the top of each stack."""
    built_in = flask_facts.REQUEST_CONTEXT_ATTRIBUTES | flask_facts.APP_CONTEXT_ATTRIBUTES
    for top in uses.every_top():
        parent = module.scopes.parents[top.node]
        name: object = getattr(parent, "attr", None)
        if isinstance(parent, ast.Call) and len(parent.args) > 1:
            name = getattr(parent.args[1], "value", None)
        if isinstance(name, str) and name not in built_in:
            yield top.kind, name
    for kind, name in _looked_up(module, project):
        if name is not None and name not in built_in:
            yield kind, name


def _looked_up(module: Module, project: Project) -> Iterator[tuple[Kind, str | None]]:
    """Yield what the private functions look up on a context; None for a computed name."""
    if not may_know(module, project, _LOOKUPS):
        return
    for lookup, kind in flask_facts.LOOKUPS.items():
        for read in project.uses_of(module, {lookup}):
            call = module.scopes.parents[read]
            if isinstance(call, ast.Call):
                named = call.args[0 if call.func is read else 1 :][:1]
                value = named[0].value if named and isinstance(named[0], ast.Constant) else None
                yield kind, value if isinstance(value, str) else None


def _travelling(module: Module, project: Project, uses: StackUses) -> Iterator[Kind]:
    yield from (kind for kind, name in _looked_up(module, project) if name is None)
    yield from (stack.kind for stack in uses.objects)
    inlined = {read.node for variable in uses.variables for read in variable.reads}
    for top in uses.tops:
        if not _stays_put(module, top):
            yield top.kind
    for variable in uses.variables:
        if not all(_stays_put(module, read) for read in variable.reads if read.node in inlined):
            yield variable.definitions[0].kind


def _stays_put(module: Module, top: Top) -> bool:
    """Whether a use reads one attribute by its name, or only asks whether a context is there."""
    parent = module.scopes.parents[top.node]
    if isinstance(parent, ast.Attribute):
        return not parent.attr.startswith("__")
    if isinstance(parent, ast.Call) and top.node in parent.args:
        function = getattr(parent.func, "id", "")
        if function in flask_facts.ATTRIBUTE_FUNCTIONS:
            return len(parent.args) > 1 and isinstance(parent.args[1], ast.Constant)
        return function in {"bool", "isinstance"}
    return isinstance(
        parent, ast.Compare | ast.UnaryOp | ast.BoolOp | ast.If | ast.While | ast.IfExp | ast.Assert
    )


def _held(module: Module) -> Iterator[str]:
    """Yield the attributes of variables that hold a context which the code made itself."""
    if module.names.isdisjoint(flask_facts.CONTEXT_MAKERS):
        return
    for scope in module.scopes.every:
        for name, bindings in scope.bindings.items():
            if any(_is_made_context(module, binding.node, binding.value) for binding in bindings):
                for read in scope.reads.get(name, ()):
                    parent = module.scopes.parents[read]
                    if isinstance(parent, ast.Attribute):
                        yield parent.attr


def _read_from_values(module: Module, uses: StackUses) -> Iterator[str]:
    """Yield the attributes of variables that will hold the context object."""
    for variable in uses.variables:
        for read in variable.reads if not variable.is_inlinable else ():
            parent = module.scopes.parents[read.node]
            if isinstance(parent, ast.Attribute):
                yield parent.attr
            elif isinstance(parent, ast.Call) and len(parent.args) > 1:
                name = parent.args[1]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield name.value


def _imported_and_used(module: Module, project: Project, uses: StackUses) -> Iterator[str]:
    """Yield the stacks that a module imports from another file and goes on using."""
    stay = {id(stack.node) for stack in (*uses.operations, *uses.objects)}
    for scope, binding in uses.bindings:
        imported = imported_stack(module, project, binding)
        if imported is not None and any(id(read) in stay for read in scope.reads[binding.name]):
            yield imported


def _is_made_context(module: Module, node: ast.AST, value: ast.expr | None) -> bool:
    maker = node.context_expr if isinstance(node, ast.withitem) else value
    return (
        isinstance(maker, ast.Call)
        and isinstance(maker.func, ast.Attribute)
        and maker.func.attr in flask_facts.CONTEXT_MAKERS
    )
