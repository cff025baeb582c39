"""Context managers and decorators to which it may matter which app context is active."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from flask_ctxfix.codemods.manual_contexts.pushes import pushes_in
from flask_ctxfix.codemods.manual_contexts.quiet_blocks import is_quiet_name
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import ENTERING, EXIT_STACKS
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_current_app
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import nodes_of

_With = ast.With | ast.AsyncWith
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.Tuple)


def doubtful_managers(
    module: Module, project: Project, statement: ast.With, opened: ast.expr
) -> Iterator[ast.expr]:
    """Yield the managers and decorators that may see it if the context `opened` is not entered.

    They are other items of its ``with``, those around it in its function, and those in its block.
    What they do when they are entered, or left, may depend on what the other end has done, each
    in another context then.
    """
    look = _Look(module, project)
    for each in (statement, *_around(module, statement)):
        yield from look.items(each.items, opened)
    for node in nodes_of(statement.body):
        if isinstance(node, _With):
            yield from look.items(node.items, opened)
        elif isinstance(node, ast.Call):
            yield from look.fed(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from (each for each in node.decorator_list if not look.is_standard(each))


def switches_app(module: Module, project: Project, statement: ast.With) -> bool:
    """Whether the function of a ``with`` pushes what may be a context of another application."""
    function = module.scopes.function_of(statement)
    pushed = [each.made for each in pushes_in(module, project) if each.function is function]
    return not all(each is not None and _is_of_current(module, project, each) for each in pushed)


def _around(module: Module, statement: ast.stmt) -> Iterator[_With]:
    for parent in module.scopes.ancestors(statement):
        if isinstance(parent, FunctionNode | ast.ClassDef):
            break
        if isinstance(parent, _With):
            yield parent


def _is_of_current(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether `node` makes an app context of the application that is active."""
    is_app = makes_context(node) is Need.APP
    if not is_app or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return is_current_app(module, project, node.func.value)


class _Look:
    """Looks at the managers of one module."""

    def __init__(self, module: Module, project: Project) -> None:
        self._module = module
        self._project = project
        self._values = ContextFlow.of(project).values

    def items(self, items: list[ast.withitem], opened: ast.expr) -> Iterator[ast.expr]:
        """Yield the managers that may depend on the context, of the items of a ``with``."""
        for each in items:
            manager, target = each.context_expr, each.optional_vars
            if manager is opened:
                continue
            is_plain = target is None or isinstance(target, ast.Name)
            is_alike = is_plain and self._is_alike(manager)
            if not is_alike or self._is_handed_on(manager, target):
                yield manager

    def fed(self, call: ast.Call) -> Iterator[ast.expr]:
        """Yield what a call gives a stack that enters it, or runs it at its end."""
        called = call.func
        if not isinstance(called, ast.Attribute):
            return
        owner = self._values.of(self._module, called.value)
        is_stack = isinstance(owner, Foreign) and owner.name in EXIT_STACKS
        if called.attr in ENTERING and (is_stack or owner is None):
            yield from (each for each in call.args if not self._is_alike(each))
        elif is_stack:
            yield from call.args[:1]

    def is_standard(self, node: ast.expr) -> bool:
        """Whether `node` is of Python's own, and is given nothing but plain data to work with."""
        made = self._made_of(node)
        left = [*(made or ())]
        seen = {node, *left}
        while made is not None and left:
            made = self._made_of_data(left.pop())
            new = [each for each in made or () if each not in seen]
            seen.update(new)
            left += new
        return made is not None

    def _is_alike(self, manager: ast.expr) -> bool:
        """Whether a manager certainly does the same in each app context of an application."""
        if _is_of_current(self._module, self._project, manager):
            return True
        if isinstance(manager, ast.Name):
            return self._is_only_entered(manager)
        return isinstance(manager, ast.Call) and self.is_standard(manager)

    def _is_only_entered(self, name: ast.Name) -> bool:
        """Whether a variable holds a manager of Python's own that nothing else is done with."""
        home = self._module.scopes.home_of(name)
        bindings = home.bindings.get(name.id, [])
        made = [each.value for each in bindings]
        parents = (self._module.scopes.parents.get(each) for each in home.reads.get(name.id, ()))
        return (
            bool(made)
            and all(isinstance(each, ast.Call) and self.is_standard(each) for each in made)
            and all(isinstance(each, ast.withitem) for each in parents)
        )

    def _is_handed_on(self, manager: ast.expr, target: ast.expr | None) -> bool:
        """Whether a stack is given to other code, which may put anything on it."""
        if self._values.name_of(self._module, manager) not in EXIT_STACKS:
            return False
        if not isinstance(target, ast.Name):
            return False
        reads = self._module.scopes.home_of(target).reads.get(target.id, ())
        parents = (self._module.scopes.parents.get(each) for each in reads)
        return not all(isinstance(each, ast.Attribute) for each in parents)

    def _made_of(self, node: ast.expr) -> list[ast.expr] | None:
        """Return what has to be plain data, so that `node` is of Python's own; None if not."""
        value = self._values.of(self._module, node.func if isinstance(node, ast.Call) else node)
        if not isinstance(value, Foreign) or not _is_of_python(value.name):
            return None
        if not isinstance(node, ast.Call):
            return []
        return [*node.args, *(each.value for each in node.keywords)]

    def _made_of_data(self, node: ast.expr) -> list[ast.expr] | None:
        """Return what a plain value of Python's own is made of; None if it may be something else.

        Such a value calls nothing of the project.
        """
        if isinstance(node, ast.Constant | ast.JoinedStr):
            return []
        if isinstance(node, _DISPLAYS):
            return [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
        bindings = []
        if isinstance(node, ast.Name):
            bindings = self._module.scopes.home_of(node).bindings.get(node.id, [])
        if any(each.kind == "import" for each in bindings) or not bindings:
            return self._made_of(node)
        values = [each.value for each in bindings if each.value is not None]
        return values if len(values) == len(bindings) else None


def _is_of_python(name: str) -> bool:
    package = name.partition(".")[0]
    return is_quiet_name(name) and (package == "builtins" or package in sys.stdlib_module_names)
