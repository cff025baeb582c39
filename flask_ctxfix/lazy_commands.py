"""How a family gives LibCST's tool its command, so that nothing else pays for LibCST's import."""

from __future__ import annotations

from collections.abc import Callable

from flask_ctxfix.codemod import Codemod


def giving_command(codemod: Codemod) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a family's package, such as that of ``StreamsCommand``."""
    package = codemod.home.rpartition(".")[0]
    command = f"{codemod.name.title().replace('_', '')}Command"

    def get(name: str) -> object:
        if name != command:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from flask_ctxfix.libcst_command import command_for

        return command_for(codemod, package, name)

    return get
