"""The old place of `flask_ctxfix.spelling`."""

from flask_ctxfix.spelling import flask_name_at, is_free, standard_name_at

__all__ = ["flask_name_at", "is_free", "standard_name_at"]
