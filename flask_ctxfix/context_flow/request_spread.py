"""Where data of requests may get to: a wide answer, found forward from where it is read.

What holds the data is followed from each read of a proxy, and each argument that Flask passes. This
reaches all that `request_data` would find, and more: what it does not reach is certainly no data.
Each expression is looked at once, however many questions there are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow.callers import Callers
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.module_names import functions_of, imports_of
from flask_ctxfix.context_flow.relatives import Relatives
from flask_ctxfix.context_flow.request_sources import (
    CONTEXTS,
    COPIES,
    is_form,
)
from flask_ctxfix.context_flow.spreading import (
    KEEPING,
    READING,
    Place,
    Spreading,
)
from flask_ctxfix.context_flow.starts import starts_by_function
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Instance,
    Parent,
    receiving_class,
)
from flask_ctxfix.flask_facts import RANDOM, REQUEST_GETTERS, REQUEST_PROXIES, canonical_name
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import parameters_in

_SOURCES = REQUEST_PROXIES | CONTEXTS | COPIES | REQUEST_GETTERS | RANDOM
_LAST_NAMES = frozenset(name.rpartition(".")[2] for name in _SOURCES)


class RequestSpread:
    """Tells which expressions of a project may be data of a request, or what gives it if called.

    Exceptions, which hold the request, are followed by themselves: nothing is read of them.
    """

    def __init__(self, project: Project, values: Values, callers: Callers) -> None:
        self._project = project
        self._values = values
        self._callers = callers
        dropped = project.dropped
        relatives = Relatives(project, values)
        self._data = Spreading(project, values, relatives, READING)
        self._caught = Spreading(project, values, relatives, KEEPING)
        self._start_at_names()
        for module in self._modules():
            self._start_at_stars(module)
            self._start_at_arguments(module)
            self._start_at_forms(module)
            self._start_at_handlers(module)
        self._start_at_work()
        self._data.run()
        self._caught.run()
        # What a module that was dropped meanwhile held is lost, and what follows from it.
        self._is_complete = project.dropped == dropped

    def reaches(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression may be data; so may any of a text that came later.

        What is assigned to or deleted is not followed: that is asked wherever it comes up.
        """
        if not self._is_complete or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return True
        return self._data.reaches(module, node) or self._caught.reaches(module, node)

    def reaches_into(self, module: Module) -> bool:
        """Whether anything in a module may be data."""
        reached = self._data.reaches_into(module) or self._caught.reaches_into(module)
        return reached or not self._is_complete

    def _modules(self) -> Iterator[Module]:
        return self._project.parsed(sorted(self._project.paths))

    def _start_at_names(self) -> None:
        """Start at the proxies, and at what gives data or keeps the context of a request."""
        for name in sorted(_LAST_NAMES):
            for module in self._project.parsed(self._project.naming(name)):
                self._start_at_imports(module, name)
                for node in module.scopes.attribute_reads.get(name, ()):
                    if self._is_source(module, node):
                        self._data.reach(Place(module), node)

    def _start_at_imports(self, module: Module, name: str) -> None:
        source_of = self._project.source_of
        for node, alias in imports_of(module).get(name, ()):
            is_foreign = source_of(module.path, node) is None
            if is_foreign and canonical_name(f"{node.module}.{name}") in _SOURCES:
                self._data.fill_imported(module, node, alias)

    def _start_at_stars(self, module: Module) -> None:
        """Start at all names where a module takes, and may hand on, all that Flask exports."""
        outermost = module.scopes.module
        stars = (self._project.source_of(module.path, star) for star in outermost.star_imports)
        if any(source is None for source in stars):
            for name in sorted(_LAST_NAMES):
                self._data.fill(Place(module), outermost, name)

    def _is_source(self, module: Module, node: ast.Attribute) -> bool:
        owner = self._values.of(module, node.value)
        if isinstance(owner, Foreign):
            return canonical_name(f"{owner.name}.{node.attr}") in _SOURCES
        if not isinstance(owner, Instance | Class | Parent):
            return False
        value = self._values.of(module, node)
        return isinstance(value, Foreign) and value.name in _SOURCES

    def _start_at_arguments(self, module: Module) -> None:
        """Start at what Flask passes to views."""
        for function in functions_of(module):
            arguments = [
                each
                for each in parameters_in(function.args)
                if receiving_class(module, each) is None
            ]
            if arguments and self._callers.give_data(module, function):
                for each in arguments:
                    self._data.fill_parameter(module, function, each.arg)

    def _start_at_work(self) -> None:
        """Start at what threads, and the like, give the functions that they run."""
        for starts in starts_by_function(self._project).values():
            for start in starts:
                run = start.function
                for name in start.parameters.values() if run is not None else ():
                    assert run is not None
                    self._data.fill_parameter(run.module, run.node, name)

    def _start_at_forms(self, module: Module) -> None:
        """Start at the classes whose instances are filled from a request, and at these."""
        for owner in module.scopes.nodes(ast.ClassDef):
            if not owner.bases or not is_form(self._values, Class(module, owner)):
                continue
            home = module.scopes.scope_of(owner).home(owner.name)
            self._data.fill(Place(module), home, owner.name)
            for method in (each for each in owner.body if isinstance(each, FunctionNode)):
                scope = module.scopes.opened_by(method)
                for argument in parameters_in(method.args):
                    if receiving_class(module, argument) is not None:
                        self._data.fill(Place(module), scope, argument.arg)

    def _start_at_handlers(self, module: Module) -> None:
        """Start at the exceptions that are caught."""
        for handler in module.scopes.nodes(ast.ExceptHandler):
            if handler.name is not None:
                home = module.scopes.scope_of(handler).home(handler.name)
                self._caught.fill(Place(module), home, handler.name)
