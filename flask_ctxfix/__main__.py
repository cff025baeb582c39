"""The command as a process of its own."""

import gc
import os
import sys


def run() -> None:
    """Run the command, and end the process at once.

    Nothing is collected on the way, and nothing is taken apart at the end: there are no circles,
    and to free all syntax trees one by one takes longer than a small run does to search.
    """
    gc.disable()
    from flask_ctxfix.cli import main

    try:
        main(prog_name="flask-ctxfix")
    except SystemExit as end:
        if isinstance(end.code, int) and _is_all_written():
            os._exit(end.code)
        raise


def _is_all_written() -> bool:
    """Whether nothing is left to write: where nobody reads, Python says so at its own end."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    run()
