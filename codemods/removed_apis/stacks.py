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
    """Code uses `_request_ctx_stack`, which Flask 3.0 removed.

    Imports of the stack and everything done with it are found: `.top` that is tested, read,
    written, kept or passed on, `push` and `pop`, and the name in the strings of `mock.patch`.

    Who is hurt

    Everyone: the import fails, so an application that loads the module does not start. Where the
    name is read as an attribute of Flask, the view that reads it answers 500.

    How it fails

        ImportError: cannot import name '_request_ctx_stack' from 'flask' (.../flask/__init__.py)

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

    What the fix changes

    A test of `.top` becomes `has_request_context()`. What Flask keeps on the context is read
    through `request`, `session` and `current_app`; what you keep on it yourself, from
    `request_ctx`, which is the same object. Without a request, a read raises RuntimeError where
    it raised AttributeError; an `except` around it that expects the old error is made to catch
    both.

    When there is no fix

    * An `except` examines its error, or catches RuntimeError for something else: check
      `has_request_context()` first instead.
    * The code pushes to the stack or pops from it: open the context with `with ctx:`.
    * The code sets `session`: change its items, or write a session interface.
    * A context is kept and entered by another function, as for a thread: pass the values that it
      needs, or a function that `copy_current_request_context` wrapped.

    Safe or unsafe

    Safe up to Flask 3.1, where the replacements do the same. Unsafe for a target of 3.2 where an
    attribute of your own moves to `g`, which may live longer than the request; and where the
    attribute is the user of Flask-Login, which moved it to `g._login_user` in 0.6.2.

    Versions

    Flask 2.2 and 2.3 warn; on 2.3 `push` and `pop` are gone; 3.0 has no stack. On Flask 3.2 an
    app context that is opened inside a request hides the request, which no rewrite can undo.

    Sources

    Flask's change log for 2.2, 2.3 and 3.0; the replacements were compared in eight states of the
    contexts on Flask 2.1 to 3.1.
    """

    code = "CTX401"
    name = "request-context-stack"
    message = "`_request_ctx_stack` was removed in Flask 3.0"
    levels = ("error", "warning", "info")


class AppContextStack(_StackRule):
    """Code uses `_app_ctx_stack`, which Flask 3.0 removed.

    Imports of the stack and everything done with it are found, also those that fall back from one
    stack to the other where an import fails.

    Who is hurt

    Everyone: the import fails, so an application that loads the module does not start. A fallback
    to `_request_ctx_stack` does not help, as both are gone.

    How it fails

        ImportError: cannot import name '_app_ctx_stack' from 'flask' (.../flask/__init__.py)

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

    What the fix changes

    A test of `.top` becomes `has_app_context()`. What you keep on the context moves to `g`,
    everywhere in the project at once; if the project uses that name on `g` already, it stays on
    the context, as `app_ctx.x`. Without an app context, a read raises RuntimeError where it
    raised AttributeError; an `except` around it that expects the old error is made to catch both. A
    comment above an import or a variable that is removed is removed with it if it has a name that
    the code no longer has.

    When there is no fix

    * An `except` examines its error, or catches RuntimeError for something else: check
      `has_app_context()` first instead.
    * The code pushes to the stack or pops from it: open the context with `with ctx:`.
    * A context is kept and entered by another function, as in a thread: since Flask 2.2 the
      second thread raises an error, so keep the application, and open `app.app_context()` in each
      thread.
    * The code checks whether there is such a stack: remove the check, which is false on Flask
      3.0.

    Safe or unsafe

    Safe: `g` lives exactly as long as the app context that the attribute was kept on. Unsafe
    where an extension may be what sets the attribute, and where a branch for an older Flask is
    removed.

    Versions

    Flask 2.2 and 2.3 warn; on 2.3 `push` and `pop` are gone; 3.0 has no stack.

    Sources

    Flask's change log for 2.2, 2.3 and 3.0; the replacements were compared in eight states of the
    contexts on Flask 2.1 to 3.1.
    """

    code = "CTX402"
    name = "app-context-stack"
    message = "`_app_ctx_stack` was removed in Flask 3.0"
    levels = ("error", "warning", "info")


class PrivateContextLookup(_StackRule):
    """Code uses private functions that looked up a name in a context, which Flask 2.2 removed.

    These are `_lookup_req_object`, `_lookup_app_object` and `_find_app`, the error messages
    `_request_ctx_err_msg` and `_app_ctx_err_msg`, and the stacks where they are imported from an
    inner module of Flask, such as `flask.app`.

    Who is hurt

    Everyone: the import fails, so an application that loads the module does not start.

    How it fails

        ImportError: cannot import name '_lookup_app_object' from 'flask.globals' (.../globals.py)

    Before

        from functools import partial
        from flask.globals import _lookup_app_object
        from werkzeug.local import LocalProxy

        blueprint_setup = LocalProxy(partial(_lookup_app_object, "example_setup"))

    After

        from flask import g
        from werkzeug.local import LocalProxy

        blueprint_setup = LocalProxy(lambda: g.example_setup)

    What the fix changes

    The text of the error without a context, which is a RuntimeError as before.

    When there is no fix

    The function is kept, or passed to something else than `partial`: write a function of your own
    that reads `g`, `request` or `current_app`.

    Safe or unsafe

    Safe: both forms raise RuntimeError without a context, and AttributeError without the
    attribute. Unsafe for a target of 3.2 where an attribute of a request moves to `g`, which may
    live longer.

    Versions

    Gone since Flask 2.2, without a warning before.

    Sources

    The source of Flask 2.1 and 2.2; the replacements were compared in eight states of the
    contexts.
    """

    code = "CTX403"
    name = "private-context-lookup"
    message = "private functions that look up a context were removed in Flask 2.2"
    levels = ("error",)
