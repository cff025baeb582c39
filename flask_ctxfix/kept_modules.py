"""Which parsed modules of a project stay in memory: all, up to half a million lines or so."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from flask_ctxfix.module import Module

# In characters of their texts; for each, trees and scopes take some 28 bytes.
_ALWAYS_KEPT = 20_000_000
# Of a project with more, this part: about 1 KB for each line.
_PART_KEPT = 2 / 3
# Of what is kept, this part more for modules that are to be parsed again for the next question.
_PART_PASSING = 1 / 8


class KeptModules:
    """Keeps the modules that come first, and of those that do not fit the ones used last.

    Which stay does not change, since questions go through all modules again and again: each would
    be dropped right before it is asked for. `size` is that of all together, in characters;
    `dropped` counts the times that a module was let go of.
    """

    def __init__(self, size: int) -> None:
        self.dropped = 0
        self._left = max(_ALWAYS_KEPT, int(size * _PART_KEPT))
        self._left_passing = int(self._left * _PART_PASSING)
        self._kept: dict[str, Module] = {}
        self._passing: OrderedDict[str, Module] = OrderedDict()
        # What was dropped but is still in use: not to be parsed a second time.
        self._alive: WeakValueDictionary[str, Module] = WeakValueDictionary()

    def get(self, path: str) -> Module | None:
        """Return the module at a path, if it is at hand."""
        module = self._kept.get(path)
        if module is not None:
            return module
        if path in self._passing:
            self._passing.move_to_end(path)
            return self._passing[path]
        module = self._alive.get(path)
        if module is not None:
            self._let_pass(module)
        return module

    def add(self, module: Module) -> None:
        """Take a module that was just parsed."""
        if len(module.text) <= self._left:
            self._left -= len(module.text)
            self._kept[module.path] = module
        else:
            self._alive[module.path] = module
            self._let_pass(module)

    def _let_pass(self, module: Module) -> None:
        self._passing[module.path] = module
        self._left_passing -= len(module.text)
        while self._left_passing < 0 and len(self._passing) > 1:
            oldest = self._passing.popitem(last=False)[1]
            self._left_passing += len(oldest.text)
            oldest.forget()
            self.dropped += 1

    def clear(self) -> None:
        """Let go of all modules, and of what refers back to them."""
        for module in (*self._kept.values(), *self._passing.values()):
            module.forget()
        self._kept.clear()
        self._passing.clear()
