"""What a call does with something callable that it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow.call_sites import (
    GIVEN_AWAY,
    Caller,
    CallSite,
    Held,
    Inside,
    Known,
    Result,
    Unseen,
)
from flask_ctxfix.context_flow.entries import Entry
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.stores import COMPARING, PUTTING, Store, member, stores_of
from flask_ctxfix.context_flow.values import Class, Foreign, Function, passed_arguments
from flask_ctxfix.flask_facts import HOLDING, LOOKING, is_log
from flask_ctxfix.module import Module


def given(known: Known, module: Module, call: ast.Call, node: ast.AST) -> Iterator[Held | Store]:
    """Yield what becomes of an argument of a call; a keyword stands for its value.

    It is `Inside` if it is called at once, and a `Result` if it is, or is in, what the call gives.
    """
    entry = known.entries.given(module, call)
    if entry is not None:
        yield from _called(known, module, entry)
        return
    value = known.values.of(module, call.func)
    if isinstance(value, Foreign):
        yield from _by_library(known, module, call, value.name)
    elif isinstance(value, Function):
        yield from _by_function(known, call, node, value)
    elif isinstance(value, Class):
        yield from _by_class(known, call, node, value)
    elif value is None and isinstance(call.func, ast.Attribute):
        yield from _by_member(known, module, call, node, call.func)
    else:
        yield Unseen(GIVEN_AWAY)


def _called(known: Known, module: Module, entry: Entry) -> Iterator[Held]:
    if entry.where is None:
        yield Inside(Need.NONE)
    elif entry.sender is not None:
        yield from senders(known, module, entry)
    else:
        yield entry


def _by_library(
    known: Known, module: Module, call: ast.Call, name: str
) -> Iterator[Store | Entry | Result | Unseen]:
    if name in HOLDING:
        yield Result(Need.NONE)
    elif name.rpartition(".")[2] in PUTTING and isinstance(call.func, ast.Attribute):
        yield from stores_of(known, module, call.func.value)
    elif name not in LOOKING and not is_log(name):
        yield Unseen(GIVEN_AWAY)


def _by_function(known: Known, call: ast.Call, node: ast.AST, function: Function) -> Iterator[Held]:
    """Yield what a function of the project does with an argument."""
    argument = node.value if isinstance(node, ast.keyword) else node
    names = [name for name, each in passed_arguments(call, function) if each is argument]
    if not names:
        yield Unseen(GIVEN_AWAY)
    for name in names:
        yield from known.held(function.module, function.node, name)


def _by_class(known: Known, call: ast.Call, node: ast.AST, owner: Class) -> Iterator[Held | Store]:
    """Yield what a class does with what its instances are made of."""
    made = known.values.member(owner, "__init__", of_instance=True)
    if isinstance(made, Function):
        yield from _by_function(known, call, node, made)
        return
    field = _field(owner, call, node)
    has_others = any(isinstance(each, Class) for each in known.values.bases(owner))
    is_unclear = has_others and not isinstance(node, ast.keyword)  # whose fields come first
    if field is None or is_unclear or known.entries.may_be_called_unseen(owner):
        yield Unseen(GIVEN_AWAY)
    else:
        yield member(known, owner, field)


def _by_member(
    known: Known, module: Module, call: ast.Call, node: ast.AST, method: ast.Attribute
) -> Iterator[Held | Store]:
    """Yield what a method does with it of an object that nobody knows, as far as it is seen.

    If the project has methods of that name, it is likely to be one of them.
    """
    if isinstance(method.value, ast.Constant | ast.JoinedStr) or method.attr in COMPARING:
        return
    if method.attr in PUTTING:
        yield from stores_of(known, module, method.value)
        return
    methods = known.references.methods(method.attr)
    for each in methods:
        yield from _by_function(known, call, node, each)
    yield Unseen(GIVEN_AWAY, is_likely=not methods)


def senders(known: Known, module: Module, entry: Entry) -> Iterator[Caller]:
    """Yield the calls that send the signal whose receiver an entry is."""
    assert entry.sender is not None
    is_sent = False
    for owner, binding in known.project.bindings(module, entry.sender):
        home = owner.scopes.module
        if not home.binds(binding.name):
            continue
        for other, read in known.references.of_variable(owner, home, binding.name):
            method = other.scopes.parents[read]
            call = other.scopes.parents[method]
            if isinstance(method, ast.Attribute) and method.attr in {"send", "send_async"}:
                if isinstance(call, ast.Call) and call.func is method:
                    is_sent = True
                    yield CallSite(other, call, known.guards.at(other, call))
    if not is_sent:
        yield Unseen("called for a signal whose sender is not known")


def _field(owner: Class, call: ast.Call, node: ast.AST) -> str | None:
    """Return the field of a class that an argument is for, where its fields tell how it is made."""
    if isinstance(node, ast.keyword):
        return node.arg
    fields = [
        each.target.id
        for each in owner.node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]
    position = next((n for n, each in enumerate(call.args) if each is node), len(fields))
    is_spread = any(isinstance(each, ast.Starred) for each in call.args)
    return fields[position] if position < len(fields) and not is_spread else None
