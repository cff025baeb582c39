"""What makes the instances of a class, and whether requests share them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from flask_ctxfix.aliases import calls_of_any, known_as
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.class_families import families, key_of
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Value
from flask_ctxfix.flask_facts import PLAIN_BASES
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.obligations.singletons import is_kept_by_its_class
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import last_name


def is_shared(owner: Class, project: Project) -> bool:
    """Whether all instances of a class are made once for the process, or kept for all requests."""
    return project.memo(("shared", owner.key), lambda: _is_shared(owner, project))


def _is_shared(owner: Class, project: Project) -> bool:
    if is_kept_by_its_class(owner, project):
        return True
    values = ContextFlow.of(project).values
    heirs = families(project, values).heirs[key_of(owner.module, owner.node)].values()
    if not all(_is_made_by_calls(each, values) for each in (owner, *heirs)):
        return False
    reachability = ContextFlow.of(project).reachability
    made = [call for each in (owner, *heirs) for call in instantiations(each, project)]
    return bool(made) and all(
        reachability.of(module, call).where is Where.OUTSIDE or _is_kept(module, call)
        for module, call in made
    )


def is_made_again(owner: Class, project: Project) -> bool:
    """Whether requests put a new instance of a class in place of the one that they share."""
    reachability = ContextFlow.of(project).reachability
    made = instantiations(owner, project)
    return any(reachability.of(m, call).where is not Where.OUTSIDE for m, call in made)


def _is_made_by_calls(owner: Class, values: Values) -> bool:
    """Whether nothing but calls that are seen makes instances: no metaclass, and no library."""
    bases = list(values.bases(owner))
    is_known = len(bases) >= len(owner.node.bases) and not owner.node.keywords
    return is_known and all(isinstance(b, Class) or b.name in PLAIN_BASES for b in bases)


def is_kept_in_global(module: Module, made: ast.Call) -> bool:
    """Whether a new instance becomes the value of a global, and of nothing else."""
    statement = module.scopes.parents[made]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    names = [each for each in targets if isinstance(each, ast.Name)]
    return len(names) == len(targets) == 1 and module.scopes.home_of(names[0]).parent is None


def _is_kept(module: Module, made: ast.Call) -> bool:
    """Whether a new instance becomes the value of a global, or of an attribute of its class."""
    statement = module.scopes.parents[made]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    owner = (
        targets[0].value if len(targets) == 1 and isinstance(targets[0], ast.Attribute) else None
    )
    is_of_class = isinstance(owner, ast.Name) and owner.id == last_name(made.func)
    return is_of_class or is_kept_in_global(module, made)


def may_be_shared(owner: Class, project: Project) -> bool:
    """Whether an instance of a class may be there for longer than the request that uses it.

    Each may that no code is seen to make in a request, or that its class makes only once.
    """
    if is_kept_by_its_class(owner, project):
        return True
    reachability = ContextFlow.of(project).every_caller
    made = [
        reachability.of(module, call).where
        for module, call in instantiations(owner, project)
        if not project.is_test(module.path)
    ]
    return not made or any(where is not Where.REQUEST for where in made)


def instantiations(owner: Class, project: Project) -> Iterator[tuple[Module, ast.Call]]:
    """Yield the calls of the project that make instances of a class, under whatever name."""
    home, name = owner.module, owner.node.name
    every = project.memo(("instantiations", name), lambda: _instantiations(project, name))
    for module, call in every.get(owner.key, ()):
        if module is home or module.path != home.path:
            yield module, call
    if project.module(home.path) is not home:  # it is another text of the file
        values = ContextFlow.of(project).values
        for call in calls_of_any(home, known_as(project, name)):
            if is_class(values.of(home, call.func), owner):
                yield home, call


def _instantiations(project: Project, name: str) -> dict[NodeKey, list[tuple[Module, ast.Call]]]:
    """Return the calls that make instances of the classes of a name, by which class that is."""
    values = ContextFlow.of(project).values
    names = known_as(project, name)
    found: dict[NodeKey, list[tuple[Module, ast.Call]]] = defaultdict(list)
    for module in project.parsed(sorted(project.index.naming_any(names))):
        for call in calls_of_any(module, names):
            value = values.of(module, call.func)
            if isinstance(value, Class):
                found[value.key].append((module, call))
    return found


def is_class(value: Value | None, owner: Class) -> bool:
    """Whether a value is this class, also if its file was parsed twice."""
    return isinstance(value, Class) and value.key == owner.key
