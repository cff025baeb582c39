"""Follows what expressions hold forward, through a whole project, to all that may get to hold it.

Order and branches are left out, and so is which call gave what, but for one thing: what a function
is given gets out of it only where it is called with what is followed.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask_ctxfix.context_flow.call_sites import is_setter
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.module_names import (
    around_others,
    functions_named,
    imports_of,
    members_of_modules,
    starring,
)
from flask_ctxfix.context_flow.relatives import Relatives
from flask_ctxfix.context_flow.request_searches import is_search, rows_of
from flask_ctxfix.context_flow.request_sources import (
    PASSING_CALLS,
    G,
    is_record,
)
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Known,
    class_of_receiver,
    passed_arguments,
)
from flask_ctxfix.flask_facts import ADDING
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode, Scope
from flask_ctxfix.syntax import last_name


class Place(NamedTuple):
    """Where something is held: in a module, and if `by` is a function, by what that is given."""

    module: Module
    by: FunctionNode | None = None

    def elsewhere(self, node: ast.AST) -> Place:
        """Return the place of a node of the module, which may be in another function."""
        if self.by is None or self.module.scopes.function_of(node) is self.by:
            return self
        return Place(self.module)


class Reached(NamedTuple):
    """The expressions of a module that hold what is followed: always, or by what is given."""

    always: set[ast.AST]
    given: set[ast.AST]


class _Reaching:
    """What is reached so far, and where the variables and attributes that hold it are read."""

    def __init__(self, project: Project, values: Values, relatives: Relatives) -> None:
        self._project = project
        self._values = values
        self._relatives = relatives
        self._left: list[tuple[Place, ast.AST]] = []
        self._variables: set[tuple[Scope, str, FunctionNode | None]] = set()
        self._members: set[tuple[ast.ClassDef, str]] = set()
        self._of_any: set[str] = set()  # attributes whose class is not certain
        for module in project.parsed(sorted(project.paths)):
            module.memo(self, lambda: Reached(set(), set()))

    def reaches(self, module: Module, node: ast.AST) -> bool:
        """Whether an expression may hold it; so may any of a text that came later."""
        reached: Reached | None = module.known(self)
        return reached is None or node in reached.always or node in reached.given

    def reaches_into(self, module: Module) -> bool:
        """Whether anything in a module may hold it."""
        reached: Reached | None = module.known(self)
        return reached is None or bool(reached.always or reached.given)

    def reach(self, place: Place, node: ast.AST) -> None:
        """Go on with an expression."""
        reached: Reached | None = place.module.known(self)
        if reached is None or node in reached.always:
            return
        place = place.elsewhere(node)
        nodes = reached.always if place.by is None else reached.given
        if node not in nodes:
            nodes.add(node)
            self._left.append((place, node))

    def fill(self, place: Place, scope: Scope, name: str) -> None:
        """Go on where a variable is read."""
        module, by = place
        if not self._variables.isdisjoint(((scope, name, None), (scope, name, by))):
            return
        self._variables.add((scope, name, by))
        for read in scope.reads.get(name, ()):
            self.reach(place, read)
        if isinstance(scope.node, FunctionNode):
            if scope.node in around_others(module):
                for each in (*scope.reads.get(name, ()), *_bound_at(scope, name)):
                    self._close_over(place, scope.node, each)
        elif scope.parent is None:
            self._hand_out(module, name)
        elif isinstance(scope.node, ast.ClassDef):
            self._fill_member(scope.node, name)

    def fill_imported(self, module: Module, node: ast.ImportFrom, alias: ast.alias) -> None:
        """Go on where what is imported is read."""
        local = alias.asname or alias.name
        self.fill(Place(module), module.scopes.scope_of(node).home(local), local)

    def fill_parameter(self, module: Module, function: FunctionNode, name: str) -> None:
        """Go on where a function reads what it is given."""
        every = function.args
        # Where it has others, a call says of all arguments what they are.
        is_told = bool(every.posonlyargs or every.args or every.kwonlyargs)
        place = Place(module, function if is_told else None)
        self.fill(place, module.scopes.opened_by(function), name)

    def _close_over(self, place: Place, function: FunctionNode, node: ast.AST) -> None:
        """Go on with the functions in `function` that hold a use of one of its variables."""
        scopes = place.module.scopes
        for each in scopes.ancestors(node):
            if each is function:
                break
            if isinstance(each, FunctionNode) and scopes.function_of(each) is function:
                self._give(place, each)

    def _give(self, place: Place, function: FunctionNode) -> None:
        """Go on where a function is named that holds it or returns it."""
        if isinstance(function, ast.Lambda):
            self.reach(place, function)
        else:
            scope = place.module.scopes.scope_of(function)
            self.fill(place, scope.home(function.name), function.name)

    def _hand_out(self, module: Module, name: str) -> None:
        """Go on in the modules that read a name of another one."""
        imports, reads = members_of_modules(self._project, name)
        for other, node, alias in imports.get(module.path, ()):
            self.fill_imported(other, node, alias)
        for other, read in reads.get(module.path, ()):
            self.reach(Place(other), read)
        for other in starring(self._project).get(module.path, ()):
            self.fill(Place(other), other.scopes.module, name)

    def _fill_member(self, owner: ast.ClassDef, name: str) -> None:
        """Go on where an attribute of a class, or of its instances, is read."""
        if (owner, name) in self._members:
            return
        self._members.add((owner, name))
        reads = self._relatives.reads_of_members(name)
        found = [read for each in self._relatives.of(owner) for read in reads.get(each, ())]
        if name not in self._of_any:
            self._of_any.add(name)
            found += reads.get(None, ())
        for module, read in found:
            self.reach(Place(module), read)


class Spreading(_Reaching):
    """One thing that is followed. `rises` say where it gets to, by the kind of node that holds it.

    An expression is also followed if it is a function that returns it.
    """

    def __init__(
        self, project: Project, values: Values, relatives: Relatives, rises: Rises
    ) -> None:
        super().__init__(project, values, relatives)
        self._rises = rises
        self._wrapped: set[tuple[str, str]] = set()
        self._calls: dict[FunctionNode, list[tuple[Place, ast.Call]]] = defaultdict(list)
        self._handing_back: set[FunctionNode] = set()
        self._kept_on_g: set[str] = set()
        self._reads_of_g: dict[str, list[tuple[Place, ast.Attribute]]] = defaultdict(list)

    def run(self) -> None:
        """Go on until nothing new is reached."""
        while self._left:
            place, node = self._left.pop()
            parent = place.module.scopes.parents.get(node)
            rise = self._rises.get(type(parent))
            if rise is not None:
                rise(self, place, node, parent)

    def part(self, place: Place, node: ast.AST, parent: ast.Attribute | ast.Subscript) -> None:
        """Go on with what is read of an object, or found in one by a key."""
        if isinstance(parent, ast.Subscript) and node is parent.slice:
            self.reach(place, parent)
            return
        if node is not parent.value or not isinstance(parent.ctx, ast.Load):
            return
        if isinstance(parent, ast.Attribute) and parent.attr not in self._kept_on_g:
            if self._is_g(place.module, parent.value):
                self._reads_of_g[parent.attr].append((place, parent))
                call = place.module.scopes.parents[parent]
                if isinstance(call, ast.Call) and call.func is parent:
                    self.reach(place, call)
                return
        self.reach(place, parent)

    def _is_g(self, module: Module, node: ast.expr) -> bool:
        return last_name(node) == "g" and self._values.of(module, node) == Foreign(G)

    def whole(self, place: Place, node: ast.AST, parent: ast.AST) -> None:
        """Go on with an expression that is, holds or is made of the one inside."""
        self.reach(place, parent)

    def one_of_two(self, place: Place, node: ast.AST, parent: ast.IfExp) -> None:
        """Go on with a choice."""
        if node is not parent.test:
            self.reach(place, parent)

    def chosen(self, place: Place, node: ast.AST, parent: ast.If) -> None:
        """Go on with what a loop does with the item that it was looking for."""
        if node is not parent.test or not is_search(place.module, parent):
            return
        for each in (inner for statement in parent.body for inner in ast.walk(statement)):
            if isinstance(each, ast.Assign | ast.AnnAssign | ast.AugAssign) and each.value:
                self.assigned(place, each.value, each)
            elif isinstance(each, ast.Return) and each.value is not None:
                self.returned(place, each.value, each)

    def named(self, place: Place, node: ast.AST, parent: ast.NamedExpr) -> None:
        """Go on with an expression that is given a name."""
        self._bind(place, parent.target)
        self.reach(place, parent)

    def element(self, place: Place, node: ast.AST, parent: ast.ListComp) -> None:
        """Go on with a comprehension that makes the expression its elements."""
        if node is parent.elt:
            self.reach(place, parent)

    def item(self, place: Place, node: ast.AST, parent: ast.DictComp) -> None:
        """Go on with a comprehension that makes the expression its keys or values."""
        if node in (parent.key, parent.value):
            self.reach(place, parent)

    def formatted(self, place: Place, node: ast.AST, parent: ast.FormattedValue) -> None:
        """Go on with a text that is made of the expression."""
        if node is parent.value:
            self.reach(place, place.module.scopes.parents[parent])

    def each(self, place: Place, node: ast.AST, parent: ast.For | ast.comprehension) -> None:
        """Go on with the variables of a loop, and with what a comprehension leaves of it."""
        if node is parent.iter:
            self._bind(place, parent.target)
        elif isinstance(parent, ast.comprehension):
            self.reach(place, place.module.scopes.parents[parent])

    def entered(self, place: Place, node: ast.AST, parent: ast.withitem) -> None:
        """Go on with what a ``with`` statement binds."""
        if parent.optional_vars is not None and node is parent.context_expr:
            self._bind(place, parent.optional_vars)

    def assigned(
        self, place: Place, node: ast.AST, parent: ast.Assign | ast.AnnAssign | ast.AugAssign
    ) -> None:
        """Go on with what is assigned to."""
        if node is parent.value:
            for target in parent.targets if isinstance(parent, ast.Assign) else [parent.target]:
                self._bind(place, target)

    def _bind(self, place: Place, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.fill(place, place.module.scopes.home_of(target), target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                self._bind(place, each)
        elif isinstance(target, ast.Starred):
            self._bind(place, target.value)
        elif isinstance(target, ast.Attribute):
            self._put_into(place, target.value)
            self._set(place.module, target)
        elif isinstance(target, ast.Subscript):
            self._put_into(place, target.value)

    def _put_into(self, place: Place, node: ast.expr) -> None:
        """Go on with a variable whose object holds it from now on."""
        if isinstance(node, ast.Name):
            home = place.module.scopes.home_of(node)
            if home.parent is not None:
                self.fill(place, home, node.id)

    def _set(self, module: Module, target: ast.Attribute) -> None:
        """Go on with what an attribute is of: a class, a module, or `g`."""
        value = self._values.of(module, target.value)
        if isinstance(value, Class):
            self._fill_member(value.node, target.attr)
        if isinstance(value, Instance):
            self._fill_setter(value.of, target.attr)
        owner = class_of_receiver(module, target.value)
        if owner is not None:
            self._fill_member(owner, target.attr)
        elif self._project.flask_name(module, target.value) == "g":
            self._kept_on_g.add(target.attr)
            for place, read in self._reads_of_g.pop(target.attr, ()):
                self.reach(place, read)
        else:
            path = self._project.module_of(module, target.value)
            for other in self._project.parsed([path] if path is not None else []):
                self.fill(Place(other), other.scopes.module, target.attr)

    def _fill_setter(self, owner: Class, name: str) -> None:
        """Go on in what sets a property."""
        for each in owner.node.body:
            if isinstance(each, ast.FunctionDef) and each.name == name and is_setter(each):
                for given in each.args.args[1:]:
                    self.fill_parameter(owner.module, each, given.arg)

    def returned(self, place: Place, node: ast.AST, parent: ast.Return) -> None:
        """Go on where a function is called that returns it."""
        function = place.module.scopes.function_of(parent)
        if function is not None:
            self._get_out(place, function)

    def of_lambda(self, place: Place, node: ast.AST, parent: ast.Lambda) -> None:
        """Go on where a lambda is called that returns it."""
        self._get_out(place, parent)

    def _get_out(self, place: Place, function: FunctionNode) -> None:
        if place.by is None:
            self._give(place, function)
        elif function not in self._handing_back:
            self._handing_back.add(function)
            for calling, call in self._calls.pop(function, ()):
                self.reach(calling, call)

    def decorating(self, place: Place, node: ast.AST, parent: ast.FunctionDef) -> None:
        """Go on with a function that a decorator has made into something else."""
        if node in parent.decorator_list:
            self._give(place, parent)

    def annotating(self, place: Place, node: ast.AST, parent: ast.arg) -> None:
        """Go on with a parameter that is an instance of a class."""
        scopes = place.module.scopes
        function = scopes.parents[scopes.parents[parent]]
        self.fill(Place(place.module), scopes.opened_by(function), parent.arg)

    def by_keyword(self, place: Place, node: ast.AST, parent: ast.keyword) -> None:
        """Go on with what a call makes of a keyword argument."""
        call = place.module.scopes.parents[parent]
        rise = self._rises[ast.Call]
        if isinstance(call, ast.Call):
            rise(self, place, node, call)

    def in_call(self, place: Place, node: ast.AST, call: ast.Call) -> None:
        """Go on with what a call gives of a function that returns it, or of arguments."""
        called = call.func
        if node is called:
            self.reach(place, call)
            return
        if isinstance(called, ast.Attribute) and called.attr in ADDING:
            self._put_into(place, called.value)
        value = self._values.of(place.module, called)
        name = value.name if isinstance(value, Foreign) else ""
        if isinstance(value, Function):
            self._pass(place, node, call, value)
        is_made_of_it = isinstance(value, Class) and is_record(value.node)
        is_passed_on = is_made_of_it or name in PASSING_CALLS
        if is_passed_on or self._relatives.may_replace(place.module, called):
            self.reach(place, call)

    def in_reading_call(self, place: Place, node: ast.AST, call: ast.Call) -> None:
        """Go on with what a call gives, also of what is read of its arguments or found by them."""
        value = self._values.of(place.module, call.func)
        if node is not call.func and not isinstance(value, Function):
            self.reach(place, call)
            for rows in rows_of(place.module, call):
                self.reach(place, rows)
        self.in_call(place, node, call)

    def _pass(self, place: Place, node: ast.AST, call: ast.Call, function: Function) -> None:
        """Go on with what a function makes of what it is given."""
        is_usual = tells_nothing(function.given)
        if not is_usual or function.node in self._handing_back:
            self.reach(place, call)
        else:
            self._calls[function.node].append((place, call))
        for name, argument in passed_arguments(call, function):
            if argument is node:
                self.fill_parameter(function.module, function.node, name)
                if not is_usual:
                    self._pass_to_wrapped(place.module, call.func, name)

    def _pass_to_wrapped(self, module: Module, called: ast.expr, name: str) -> None:
        """Go on with the functions that a call names, where a decorator has replaced them."""
        imports = (alias for found in imports_of(module).values() for _, alias in found)
        written = last_name(called)
        names = {written, *(alias.name for alias in imports if alias.asname == written)}
        for each in sorted(names):
            if (each, name) in self._wrapped:
                continue
            self._wrapped.add((each, name))
            for other in self._project.parsed(self._project.naming(each)):
                for function in functions_named(other).get(each, ()):
                    if other.scopes.opened_by(function).binds(name):
                        self.fill_parameter(other, function, name)


def tells_nothing(given: Known) -> bool:
    """Whether what parameters have been given is what they have anyway: methods their receivers."""
    for function, _, value in given:
        owner = value.of if isinstance(value, Instance) else value
        if not isinstance(owner, Class):
            return False
        if owner.module.scopes.parents.get(function) is not owner.node:
            return False
    return True


def _bound_at(scope: Scope, name: str) -> list[ast.AST]:
    return [each.node for each in scope.bindings.get(name, ())]


Rise = Callable[[Spreading, Place, Any, Any], None]
Rises = Mapping[type | None, Rise]

# Where something gets to as it is.
KEEPING: Rises = {
    ast.AnnAssign: Spreading.assigned,
    ast.Assign: Spreading.assigned,
    ast.AsyncFunctionDef: Spreading.decorating,
    ast.AugAssign: Spreading.assigned,
    ast.Await: Spreading.whole,
    ast.BoolOp: Spreading.whole,
    ast.Call: Spreading.in_call,
    ast.Dict: Spreading.whole,
    ast.DictComp: Spreading.item,
    ast.FunctionDef: Spreading.decorating,
    ast.GeneratorExp: Spreading.element,
    ast.IfExp: Spreading.one_of_two,
    ast.Lambda: Spreading.of_lambda,
    ast.List: Spreading.whole,
    ast.ListComp: Spreading.element,
    ast.NamedExpr: Spreading.named,
    ast.Return: Spreading.returned,
    ast.Set: Spreading.whole,
    ast.SetComp: Spreading.element,
    ast.Starred: Spreading.whole,
    ast.Tuple: Spreading.whole,
    ast.keyword: Spreading.by_keyword,
}
# Where what is read of it gets to as well.
READING: Rises = {
    **KEEPING,
    ast.AsyncFor: Spreading.each,
    ast.Attribute: Spreading.part,
    ast.BinOp: Spreading.whole,
    ast.Call: Spreading.in_reading_call,
    ast.Compare: Spreading.whole,
    ast.For: Spreading.each,
    ast.FormattedValue: Spreading.formatted,
    ast.If: Spreading.chosen,
    ast.IfExp: Spreading.whole,
    ast.Subscript: Spreading.part,
    ast.UnaryOp: Spreading.whole,
    ast.arg: Spreading.annotating,
    ast.comprehension: Spreading.each,
    ast.withitem: Spreading.entered,
}
