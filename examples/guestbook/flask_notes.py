"""An extension as they were written for Flask 0.9: one connection for each app context."""

import sqlite3

from flask import _app_ctx_stack, current_app


class Notes:
    def __init__(self, app):
        app.config.setdefault("NOTES_DATABASE", "notes.sqlite")
        app.teardown_appcontext(self.close)

    @property
    def connection(self):
        ctx = _app_ctx_stack.top
        if ctx is not None:
            if not hasattr(ctx, "notes_connection"):
                ctx.notes_connection = sqlite3.connect(
                    current_app.config["NOTES_DATABASE"]
                )
            return ctx.notes_connection

    def close(self, error):
        ctx = _app_ctx_stack.top
        if hasattr(ctx, "notes_connection"):
            ctx.notes_connection.close()  # whatever is not committed is lost
