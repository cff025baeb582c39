"""flask-ctxfix: finds and rewrites leaky, lost and removed request contexts in Flask code."""

__version__ = "0.1.0"
