"""Every use of a slot in one module: what declares, writes, reads and imports it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from flask_ctxfix.applications import makes_application
from flask_ctxfix.codemods.stored_requests.application_uses import why_not_all_known
from flask_ctxfix.codemods.stored_requests.locks import Locking, locking_around
from flask_ctxfix.codemods.stored_requests.order import function_around
from flask_ctxfix.codemods.stored_requests.slots import (
    Slot,
    declarations_in,
    scope_of_owner,
    slot_of,
    target_of,
)
from flask_ctxfix.codemods.stored_requests.texts import WithoutG, unseen
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Foreign, Instance
from flask_ctxfix.flask_facts import CHANGING, SEEING_NAMES
from flask_ctxfix.left_imports import exported_names
from flask_ctxfix.module import Module, stem_of
from flask_ctxfix.obligations.named_in_strings import is_imported_by_name, strings_naming
from flask_ctxfix.obligations.shared_instances import (
    instantiations,
    is_class,
    is_kept_in_global,
)
from flask_ctxfix.obligations.waiting import is_read_later
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, Scope

_VARIABLES = frozenset({"global", "variable"})
_NAMESPACES = SEEING_NAMES | {"globals"}
_BOUND = "a statement other than an assignment sets"
GUARDED = "a lock seems to guard the value, so requests share it on purpose"


class Uses:
    """The uses of a slot in a module.

    `reads` and `writes` are the expressions; `changes` those that do both: the targets of augmented
    assignments. The reads that are `changed_at` change the object in place. `globals` are the
    statements that declare the slot, `initial` those that give it its first value. `imported` are
    imports of its name, of which those at the top of a module copy the value that it has then.
    `problems` say what a move would break.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.reads: list[ast.expr] = []
        self.writes: list[ast.expr] = []
        self.changes: list[ast.expr] = []
        self.changed_at: list[ast.expr] = []
        self.globals: list[ast.Global | ast.Nonlocal] = []
        self.initial: list[ast.Assign | ast.AnnAssign] = []
        self.imported: list[Binding] = []
        self.problems: list[str] = []

    @property
    def are_any(self) -> bool:
        """Whether the module uses the slot at all."""
        return any((*self.expressions, *self.globals, *self.initial, *self.imported))

    @property
    def expressions(self) -> tuple[ast.expr, ...]:
        """All that reads or writes the slot."""
        return (*self.reads, *self.writes, *self.changes)


def modules_with(slot: Slot, project: Project) -> Iterator[Module]:
    """Yield the modules that hold the name of a slot."""
    return project.parsed(project.naming(slot.name))


def reads_of(slot: Slot, project: Project) -> Iterator[tuple[Module, ast.expr]]:
    """Yield what reads a slot, in all of the project."""
    for module in modules_with(slot, project):
        yield from ((module, node) for node in uses_in(slot, module, project).reads)


def uses_in(slot: Slot, module: Module, project: Project) -> Uses:
    """Return the uses of a slot in a module, which are not to be changed."""
    return module.memo(("uses", slot), lambda: _uses_in(slot, module, project))


def _uses_in(slot: Slot, module: Module, project: Project) -> Uses:
    uses = Uses(module)
    if slot.kind in _VARIABLES and module.path == slot.path:
        _own(slot, uses)
    if slot.kind == "global" and module.path != slot.path:
        _imported(slot, uses, project)
    if slot.kind != "variable":
        _attributes(slot, uses, project)
        uses.problems += _in_strings(slot, uses, project)
    if slot.kind == "application":
        uses.problems += why_not_all_known(project)
    elif slot.kind == "object":
        uses.problems.append(f"other code may use the attributes of `{slot.owner}`")
    elif slot.kind not in _VARIABLES:
        _of_class(slot, uses, project)
    uses.changed_at += (node for node in uses.reads if _is_changed(module, node))
    for node in uses.expressions:
        uses.problems += _around(module, project, node)
    for node in uses.reads:
        if is_read_later(module, node):
            text = f"a generator expression reads `{slot.name}`, maybe after the request"
            uses.problems.append(WithoutG(text))
    return uses


def _own(slot: Slot, uses: Uses) -> None:
    """Collect the uses of a global, or of a variable of a function, in its own module."""
    module = uses.module
    scope = scope_of_owner(module, slot.owner) if slot.owner else module.scopes.module
    if scope is None:
        uses.problems.append(f"several functions are called `{slot.owner}`")
        return
    around = scope.node if slot.owner else None
    for binding in scope.bindings.get(slot.name, ()):
        node, target = binding.node, target_of(binding)
        if function_around(module, node) is around:
            _initialised(slot, uses, node, scope.node)
        elif target is None:
            uses.problems.append(f"{_BOUND} `{slot.name}`")
        elif isinstance(node, ast.AugAssign):
            uses.changes.append(target)
        else:
            uses.writes.append(target)
    for statement in module.scopes.nodes(ast.AnnAssign):
        if statement.value is None and getattr(statement.target, "id", "") == slot.name:
            if module.scopes.parents[statement] is scope.node:
                uses.initial.append(statement)
    declared = _declarations_of(module).get(slot.name, ())
    uses.globals += (n for n in declared if module.scopes.scope_of(n).home(slot.name) is scope)
    uses.reads += scope.reads.get(slot.name, ())
    if slot.owner and any(_looking_into(module, scope)):
        uses.problems.append(f"`{slot.owner}` looks its variables up by their names")
    if not slot.owner and slot.name in exported_names(module):
        uses.problems.append(f"`__all__` exports `{slot.name}`, so other code may use it")
    for node in module.scopes.nodes(ast.ClassDef):
        body = module.scopes.opened_by(node)
        if slot.name in body.bindings and slot.name in body.reads:
            uses.problems.append(f"the class body of `{node.name}` uses the same name")
    if any(not isinstance(read.ctx, ast.Load) for read in scope.reads.get(slot.name, ())):
        uses.problems.append(f"a `del` statement deletes `{slot.name}`")


def _looking_into(module: Module, scope: Scope) -> Iterator[ast.Call]:
    """Yield the calls in a function that may look its variables up by their names."""
    for call in module.scopes.calls_of(SEEING_NAMES):
        if isinstance(call.func, ast.Name) and scope in module.scopes.scope_of(call).and_outer():
            yield call


def _declarations_of(module: Module) -> dict[str, list[ast.Global | ast.Nonlocal]]:
    """Return the statements that declare each name to be of outside."""

    def compute() -> dict[str, list[ast.Global | ast.Nonlocal]]:
        found: dict[str, list[ast.Global | ast.Nonlocal]] = defaultdict(list)
        for node in declarations_in(module):
            for name in dict.fromkeys(node.names):
                found[name].append(node)
        return found

    return module.memo("declarations of names", compute)


def _initialised(slot: Slot, uses: Uses, node: ast.AST, around: ast.AST) -> None:
    """Take down a statement that gives a name its first value, in the block that it lives in."""
    is_outermost = uses.module.scopes.parents.get(node) is around
    if is_outermost and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        names = node.targets if isinstance(node, ast.Assign) else [node.target]
        if is_constant(node.value) and all(isinstance(each, ast.Name) for each in names):
            uses.initial.append(node)
            return
    uses.problems.append(f"the first value of `{slot.name}` is not a constant")


def is_constant(node: ast.expr) -> bool:
    """Whether an expression is a literal, of which each evaluation gives the same."""
    try:
        ast.literal_eval(node)
    except (TypeError, ValueError, SyntaxError):
        return False
    return True


def _imported(slot: Slot, uses: Uses, project: Project) -> None:
    """Collect the imports of a global's name, and the reads of what they bind."""
    module = uses.module
    if _is_passed_on(slot, module, project):
        uses.problems.append(unseen(f"code uses the module of `{slot.name}` as a value"))
    for scope in module.scopes.every:
        for star in scope.star_imports:
            is_named = slot.name in module.scopes.names
            if is_named and project.source_of(module.path, star) == slot.path:
                uses.problems.append(unseen(f"a star import imports `{slot.name}`"))
    for scope, node, binding in _imports_of(module).get(slot.name, ()):
        if project.source_of(module.path, node) != slot.path:
            continue
        uses.imported.append(binding)
        uses.reads += scope.reads.get(binding.name, ())
        if len(scope.bindings[binding.name]) > 1 or module.scopes.in_type_checking(node):
            uses.problems.append(f"a module imports `{slot.name}` in several ways")
        if scope.parent is None and binding.name in exported_names(module):
            uses.problems.append(f"`__all__` exports `{slot.name}`, so other code may use it")


def _imports_of(module: Module) -> dict[str, list[tuple[Scope, ast.ImportFrom, Binding]]]:
    """Return what imports each name from another module, with the scope that gets it."""

    def compute() -> dict[str, list[tuple[Scope, ast.ImportFrom, Binding]]]:
        found: dict[str, list[tuple[Scope, ast.ImportFrom, Binding]]] = defaultdict(list)
        for scope in module.scopes.every:
            for bindings in scope.bindings.values():
                for each in bindings:
                    if isinstance(each.node, ast.ImportFrom) and each.alias is not None:
                        found[each.alias.name].append((scope, each.node, each))
        return found

    return module.memo("what imports each name", compute)


def _is_passed_on(slot: Slot, module: Module, project: Project) -> bool:
    """Whether a module hands the one that has the global on, so that anything may read it."""
    return slot.path in module.memo("passed on", lambda: {*_passed_on(module, project)})


def _passed_on(module: Module, project: Project) -> Iterator[str | None]:
    """Yield the modules that a module imports and uses otherwise than for what they hold."""
    for scope in module.scopes.every:
        for local, bindings in scope.bindings.items():
            imports = [each for each in bindings if each.kind == "import"]
            if imports and any(_is_value(module, read) for read in scope.reads.get(local, ())):
                for binding in imports:
                    origins = project.binding_origins(module, binding)
                    yield from _modules_of(origins, module, project)


def _is_value(module: Module, read: ast.Name) -> bool:
    parent = module.scopes.parents[read]
    return isinstance(read.ctx, ast.Load) and not isinstance(parent, ast.Attribute)


def _modules_of(origins: Iterable[str], module: Module, project: Project) -> set[str | None]:
    return {project.find_module(origin, module.path) for origin in origins}


def is_re_exported(name: str, importer: str, module: Module, project: Project) -> bool:
    """Whether a module takes `name` from the one at `importer`, which has it from elsewhere."""
    for node in module.scopes.nodes(ast.ImportFrom):
        if any(alias.name in (name, "*") for alias in node.names):
            if project.source_of(module.path, node) == importer:
                return True
    return any(
        importer in _modules_of(project.origins(module, node.value), module, project)
        for node in module.scopes.attributes.get(name, ())
    )


def _attributes(slot: Slot, uses: Uses, project: Project) -> None:
    """Collect the uses of a slot as an attribute."""
    module = uses.module
    for node in module.scopes.attributes.get(slot.name, ()):
        if not _is_of(slot, module, project, node):
            continue
        parent = module.scopes.parents[node]
        if isinstance(node.ctx, ast.Load):
            uses.reads.append(node)
        elif isinstance(node.ctx, ast.Del):
            uses.problems.append(f"a `del` statement deletes `{slot.name}`")
        elif _is_first_value(slot, module, project, node) and isinstance(
            parent, ast.Assign | ast.AnnAssign
        ):
            uses.initial.append(parent)
        elif isinstance(parent, ast.Assign | ast.AnnAssign | ast.Tuple | ast.List):
            uses.writes.append(node)
        elif isinstance(parent, ast.AugAssign):
            uses.changes.append(node)
        else:
            uses.problems.append(f"{_BOUND} `{slot.name}`")


def _is_of(slot: Slot, module: Module, project: Project, node: ast.Attribute) -> bool:
    found = slot_of(module, project, node)
    if found == slot:
        return True
    is_sibling = found is not None and (found.path, found.owner) == (slot.path, slot.owner)
    return is_sibling and bool(slot.owner)


def _is_first_value(slot: Slot, module: Module, project: Project, node: ast.Attribute) -> bool:
    """Whether a constructor, or what sets the application up, gives the attribute a constant."""
    function = module.scopes.function_of(node)
    parent = module.scopes.parents[node]
    is_first = {
        "instance": getattr(function, "name", "") == "__init__",
        "application": makes_application(module, project, function or module.tree),
        "object": function is None,
    }
    return (
        is_first.get(slot.kind, False)
        and isinstance(parent, ast.Assign | ast.AnnAssign)
        and parent.value is not None
        and is_constant(parent.value)
        and (isinstance(parent, ast.AnnAssign) or len(parent.targets) == 1)
    )


def _of_class(slot: Slot, uses: Uses, project: Project) -> None:
    """Collect the first value in the body of a class, and what lets others reach the class."""
    module = uses.module
    values = ContextFlow.of(project).values
    owner = class_of(slot, project)
    if owner is None:
        uses.problems.append(f"`{slot.owner}` is not defined at the top of a module")
        return
    if module.path == slot.path:
        if slot.kind == "instance" and sum(1 for _ in instantiations(owner, project)) > 1:
            uses.problems.append(f"`{slot.owner}` has several instances")
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == slot.owner:
                _body_of(slot, uses, node)
    for value, name in _classes_read(module, values):
        parent = module.scopes.parents[name]
        if is_class(value, owner):
            is_made = isinstance(parent, ast.Call) and parent.func is name
            if not (is_made and slot.kind == "instance" and _is_first_instance(module, parent)):
                uses.problems.append(unseen(f"code uses `{slot.owner}` itself as a value"))
        elif isinstance(value, Instance) and is_class(value.of, owner):
            uses.problems.append(unseen(f"code uses an instance of `{slot.owner}` as a value"))


def _classes_read(module: Module, values: Values) -> list[tuple[Class | Instance, ast.expr]]:
    """Return the classes and instances that a module uses otherwise than for an attribute."""

    def compute() -> Iterator[tuple[Class | Instance, ast.expr]]:
        names: list[ast.Name | ast.Attribute] = [*module.scopes.nodes(ast.Name)]
        names += module.scopes.nodes(ast.Attribute)
        for name in names:
            is_value = not isinstance(module.scopes.parents[name], ast.Attribute)
            if is_value and isinstance(name.ctx, ast.Load):
                value = values.of(module, name)
                if isinstance(value, Class | Instance):
                    yield value, name

    return module.memo("classes read", lambda: [*compute()])


def _is_first_instance(module: Module, made: ast.AST) -> bool:
    """Whether an instance is made as the module is imported, as the value of a global alone."""
    if not isinstance(made, ast.Call) or module.scopes.function_of(made) is not None:
        return False
    return is_kept_in_global(module, made)


def class_of(slot: Slot, project: Project) -> Class | None:
    """Return the class whose attribute a slot is."""
    home = project.module(slot.path)
    for node in home.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == slot.owner:
            return Class(home, node)
    return None


def _body_of(slot: Slot, uses: Uses, node: ast.ClassDef) -> None:
    module = uses.module
    if node.decorator_list or node.bases or node.keywords:
        uses.problems.append(f"`{slot.owner}` has bases, a metaclass or decorators")
    scope = module.scopes.opened_by(node)
    for binding in scope.bindings.get(slot.name, ()):
        statement = binding.node
        is_here = isinstance(statement, ast.Assign | ast.AnnAssign) and statement in node.body
        if is_here and isinstance(statement, ast.Assign | ast.AnnAssign):
            is_alone = isinstance(statement, ast.AnnAssign) or len(statement.targets) == 1
            if is_alone and statement.value is not None and is_constant(statement.value):
                uses.initial.append(statement)
                continue
        uses.problems.append(f"the first value of `{slot.name}` is not a constant")
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and each.value is None:
            if getattr(each.target, "id", "") == slot.name:
                uses.initial.append(each)
    if scope.reads.get(slot.name):
        uses.problems.append(f"the body of `{slot.owner}` reads `{slot.name}`")


def _in_strings(slot: Slot, uses: Uses, project: Project) -> Iterator[str]:
    """Yield how code may get at a slot by a string."""
    module = uses.module
    for text in strings_naming(slot.name, module, slot.owner or stem_of(slot.path)):
        yield f"the string `{text!r}` may name `{slot.name}`"
    if is_imported_by_name(stem_of(slot.path), module):
        yield f"a string imports the module of `{slot.name}`, so not all its uses are known"
    if module.path == slot.path and slot.kind == "global":
        values = ContextFlow.of(project).values
        for call in module.scopes.calls_of(_NAMESPACES):
            if isinstance(call.func, ast.Name):
                value = values.of(module, call.func)
                if isinstance(value, Foreign) and not call.args:
                    yield f"`{call.func.id}()` can read `{slot.name}`"
                elif isinstance(value, Foreign) and call.func.id in {"exec", "eval"}:
                    yield f"`{call.func.id}` may use `{slot.name}`"


def _around(module: Module, project: Project, node: ast.AST) -> Iterator[str]:
    """Yield what stands around a use and says that it is shared on purpose."""
    locking = locking_around(module, project, node)
    if locking >= Locking.KEPT:
        yield GUARDED
    elif locking is Locking.MADE:
        yield "a `with` block or a call around a use may be a lock"


def _is_changed(module: Module, node: ast.expr) -> bool:
    """Whether the object in a slot is changed where it is read."""
    parent = module.scopes.parents[node]
    outer = module.scopes.parents.get(parent)
    if not isinstance(parent, ast.Attribute | ast.Subscript) or parent.value is not node:
        return False
    is_called = isinstance(outer, ast.Call) and outer.func is parent
    return not isinstance(parent.ctx, ast.Load) or (
        is_called and isinstance(parent, ast.Attribute) and parent.attr in CHANGING
    )
