"""``python -m flask_ctxfix``."""

from flask_ctxfix.cli import main

if __name__ == "__main__":
    main()
