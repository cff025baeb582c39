"""CTX401 to CTX403: the context stacks, and the private functions that looked things up in them."""

from __future__ import annotations

from collections.abc import Iterator

from flask_ctxfix.codemod import Finding, Rule
from flask_ctxfix.codemods.removed_apis.stack_findings import shared_findings
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


class _StackRule(Rule):
    """What the three rules share."""

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the findings of the shared analysis that carry this rule's code."""
        findings = shared_findings(module, project, target)
        yield from (finding for finding in findings if finding.code == self.code)


class RequestContextStack(_StackRule):
    """`_request_ctx_stack` was removed in Flask 3.0.

    What it finds

    Imports of `_request_ctx_stack` and everything done with it: `.top` tested, read, written, kept,
    passed on; stack operations; names of it in `mock.patch` strings.

    What goes wrong

    Flask 2.2 deprecates the stack, 2.3 takes its `push` and `pop` away, and on 3.0 the import is an
    ImportError: the module cannot be imported at all.

    Before

        from flask import _request_ctx_stack

        def current_path():
            ctx = _request_ctx_stack.top
            if ctx is None:
                return None
            return ctx.request.path

    After

        from flask import has_request_context, request

        def current_path():
            if not has_request_context():
                return None
            return request.path

    When the fix is safe

    Tests of `.top` become `has_request_context()`; what Flask keeps on the context is read through
    the public proxies, and as the object itself where it is kept, compared or passed on. An
    attribute of your own stays on the same object, now spelled `request_ctx.x`: exact up to Flask
    3.1. For a target of 3.2 it moves to `g`, which is unsafe: `g` lives as long as the app context.
    Where code around a read catches AttributeError, the handler learns to catch RuntimeError too;
    where a handler asks which error it caught, or treats RuntimeError otherwise, there is no fix.
    Stack operations and assignments to `session` have no counterpart and are reported, and so is a
    context object that is kept and entered by another function: threads cannot share one.

    What changes

    Outside of a request the error is a RuntimeError instead of an AttributeError. On Flask 3.2 an
    app context that is opened inside a request hides the request; no rewrite can undo that.

    Sources

    Flask's change log for 2.2, 2.3 and 3.0; the replacements were compared in eight states of the
    contexts on Flask 2.1 to 3.1.
    """

    code = "CTX401"
    name = "request-context-stack"
    message = "`_request_ctx_stack` was removed in Flask 3.0"


class AppContextStack(_StackRule):
    """`_app_ctx_stack` was removed in Flask 3.0.

    What it finds

    Imports of `_app_ctx_stack` and everything done with it, also through the usual
    `try: from flask import _app_ctx_stack` / `except ImportError: from flask import
    _request_ctx_stack`.

    What goes wrong

    Flask 2.2 deprecates the stack, 2.3 takes its `push` and `pop` away, and on 3.0 the import is an
    ImportError; with the fallback both arms fail.

    Before

        from flask import _app_ctx_stack as stack

        def connection():
            ctx = stack.top
            if ctx is not None:
                if not hasattr(ctx, "example_connection"):
                    ctx.example_connection = object()
                return ctx.example_connection

    After

        from flask import g, has_app_context

        def connection():
            if has_app_context():
                if "example_connection" not in g:
                    g.example_connection = object()
                return g.example_connection

    When the fix is safe

    Always: `g` lives exactly as long as the app context that the attribute was kept on. An
    attribute moves to `g` everywhere in the project at once, and only if the project does not use
    its name on `g` already; otherwise it stays on the context object, spelled `app_ctx.x`. There is
    no fix where a handler tells a RuntimeError from the AttributeError that it expects, or where a
    context object is kept and entered by another function: threads cannot share one.

    What changes

    Without an app context the error is a RuntimeError instead of an AttributeError; handlers
    around the code learn to catch both. Attributes on `g` can meet names of other extensions. A
    comment right above an import or a variable that goes is taken out if it has a name that is in
    the code no more.

    Sources

    Flask's change log for 2.2, 2.3 and 3.0; the replacements were compared in eight states of the
    contexts on Flask 2.1 to 3.1.
    """

    code = "CTX402"
    name = "app-context-stack"
    message = "`_app_ctx_stack` was removed in Flask 3.0"


class PrivateContextLookup(_StackRule):
    """Private functions that looked names up in a context were removed in Flask 2.2.

    What it finds

    `_lookup_req_object`, `_lookup_app_object`, `_find_app`, the error messages
    `_request_ctx_err_msg` and `_app_ctx_err_msg`, and the stacks imported from Flask's inner
    modules, such as `flask.app`.

    What goes wrong

    The import is an ImportError since Flask 2.2, without a deprecation before.

    Before

        from functools import partial
        from flask.globals import _lookup_app_object
        from werkzeug.local import LocalProxy

        blueprint_setup = LocalProxy(partial(_lookup_app_object, "example_setup"))

    After

        from flask import g
        from werkzeug.local import LocalProxy

        blueprint_setup = LocalProxy(lambda: g.example_setup)

    When the fix is safe

    Always: both raise a RuntimeError without a context and an AttributeError without the attribute.

    What changes

    Only the text of the error.

    Sources

    The source of Flask 2.1 and 2.2; the replacements were compared in eight states of the contexts.
    """

    code = "CTX403"
    name = "private-context-lookup"
    message = "private context lookups were removed in Flask 2.2"
