"""What a plain LibCST codemod does: rename the tops of the stacks, by qualified name."""

from __future__ import annotations

from typing import ClassVar

import libcst as cst
from libcst.codemod import VisitorBasedCodemodCommand
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor
from libcst.metadata import ProviderT, QualifiedName, QualifiedNameProvider

TOPS = {
    f"{home}.{stack}.top": new
    for home in ("flask", "flask.globals")
    for stack, new in (("_request_ctx_stack", "request_ctx"), ("_app_ctx_stack", "app_ctx"))
}


class RenameStacks(VisitorBasedCodemodCommand):
    """Put the proxy of Flask 2.2 where the top of a stack is read; its guards stay as they are."""

    DESCRIPTION = "Rename the tops of Flask's context stacks."
    METADATA_DEPENDENCIES: ClassVar[tuple[ProviderT, ...]] = (QualifiedNameProvider,)

    def leave_Attribute(  # noqa: N802
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        names: set[QualifiedName] = self.get_metadata(QualifiedNameProvider, original_node, set())
        new = {TOPS.get(name.name) for name in names}
        if len(new) != 1 or None in new:
            return updated_node
        name = str(new.pop())
        stack = "_request_ctx_stack" if name == "request_ctx" else "_app_ctx_stack"
        for home in ("flask", "flask.globals"):
            RemoveImportsVisitor.remove_unused_import(self.context, home, stack)
        AddImportsVisitor.add_needed_import(self.context, "flask.globals", name)
        return cst.Name(name)
