"""Import programs and visit all their routes, each in a fork of one process that has Flask.

Each line of standard input is a JSON job: `tree`, the folder of a program, perhaps with `only`, the
visit to be made; or `script` and `tree`, a script that imports from there, as those of fixtures do.
Each has a line of standard output:

* `modules`: what the import of each module of the program came to, "ok" or its error;
* `answers`: for each visit, in order, `[visit, outcome, body, errors]`, where the outcome is a
  status or the error that came out, and the errors are those of threads, pools and views;
* `printed`: what a script printed;
* `died`: how it ended, if by itself or because it took too long.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.thread
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType, FunctionType, TracebackType
from typing import Any

import flask

sys.path.insert(0, str(Path(__file__).parent.parent / "fixtures"))
import run_cases

# Seconds: for a program, for an import or a visit, for what a visit leaves behind.
PROGRAM, STEP, REST = 30.0, 4.0, 0.5
SHORT = 0.005
CHUNKS = 20
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OF_PATHS = {"IntegerConverter": 1, "FloatConverter": 1.5, "PathConverter": "a/b"}
UUID = "00000000-0000-0000-0000-000000000001"
# A name that the program takes out of data of a request, or out of the session.
TAKEN = re.compile(
    r"\b(args|form|values|headers|cookies|files|json|data|payload|body|session|get_json\(\))"
    r"""(?:\.(?:get|pop|getlist)\(|\[)\s*["']([\w.-]+)["']"""
)
MAIN = re.compile(r"^if __name__ == .__main__.:", re.MULTILINE)
USERS = ("1", "2")

# A name, and what makes the visit: it returns the outcome, the body and the errors beside it.
Visit = tuple[str, Callable[[], list[Any]]]

apps: list[flask.Flask] = []
blueprints: list[flask.Blueprint] = []
futures: list[concurrent.futures.Future[Any]] = []
errors: list[str] = []


class Late(BaseException):
    """A step takes too long."""


def serve() -> None:
    """Do one job after the other."""
    sys.dont_write_bytecode = True
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        answers.write(json.dumps(done(**json.loads(line))) + "\n")
        answers.flush()


def done(tree: str, script: str | None = None, only: str | None = None) -> dict[str, Any]:
    """Return what comes of a job, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(tree, Path(folder) / "program")
        result, output = Path(folder) / "result.json", Path(folder) / "output"
        child = os.fork()
        if child == 0:
            _be_child(copy, script, only, result, output)
        how = _wait(child)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        if script is not None and not how:
            text = output.read_text(encoding="utf-8", errors="replace")
            return {"printed": text.replace(str(copy), "TREE")}
        try:
            return json.loads(result.read_text().replace(str(copy), "TREE"))  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return {"died": how or "ends by itself"}


def _wait(child: int) -> str:
    """Return how the child ended if that was not well."""
    end = time.monotonic() + PROGRAM
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return f"ends with status {status}" if status else ""
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "takes too long"


def _be_child(copy: Path, script: str | None, only: str | None, result: Path, output: Path) -> None:
    status = 1
    try:
        os.setsid()
        os.chdir(copy)
        for stream in (1, 2):
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if script is not None:
            status = run_cases._script(script, str(copy), strict=False)
        else:
            result.write_text(json.dumps(visited(copy, only)))
            status = 0
    finally:
        os._exit(status)


# --- a program ---------------------------------------------------------------------------------


def visited(tree: Path, only: str | None) -> dict[str, Any]:
    """Import what is in `tree`, and visit every route, or make the one visit."""
    _watch()
    warnings.simplefilter("ignore")
    sources = [source for source in sorted(tree.rglob("*.py")) if not _is_test(source, tree)]
    roots = [root for root in (tree, tree / "src") if root.is_dir()]
    sys.path[:0] = map(str, roots)
    names = [name for source in sources if (name := _module(source, roots[-1], tree))]
    modules = {name: _outcome(lambda name=name: importlib.import_module(name)) for name in names}
    known = {name: each for name in names if (each := sys.modules.get(name)) is not None}
    for name, module in known.items():
        for made in list(_factories(module)):
            modules[f"{name}.{made.__name__}()"] = _outcome(made)
    text = "\n".join(source.read_text("utf-8", "replace") for source in sources)
    every = [*apps, *_registered()]
    visits = [visit for user in USERS for app in every for visit in _requests(app, text, user)]
    visits += [visit for app in every for visit in _commands(app)]
    visits += [
        _main(source) for source in sources if MAIN.search(source.read_text("utf-8", "replace"))
    ]
    answers = [[name, *visit()] for name, visit in visits if only in (None, name)]
    return {"modules": modules, "answers": answers}


def _is_test(source: Path, tree: Path) -> bool:
    inside = source.relative_to(tree)
    name = inside.name
    return (
        name in ("conftest.py", "setup.py", "gunicorn.conf.py")
        or name.startswith("test_")
        or "tests" in inside.parts[:-1]
    )


def _module(source: Path, root: Path, tree: Path) -> str:
    """Return the name of a module, or nothing where it has none."""
    inside = source.relative_to(root if source.is_relative_to(root) else tree).with_suffix("")
    parts = inside.parts[:-1] if inside.name == "__init__" else inside.parts
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _factories(module: Any) -> Iterator[Callable[[], object]]:
    """Yield the functions of a module that make an application of nothing."""
    makers = {n for n, v in vars(module).items() if isinstance(v, type) and _makes_apps(v)}
    for value in vars(module).values():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            needed = [
                p for p in inspect.signature(value).parameters.values() if p.default is p.empty
            ]
            needed = [p for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
            names = {*value.__code__.co_names}
            is_view = any(value in app.view_functions.values() for app in apps)
            if not needed and not is_view and (makers & names or {"flask", "Flask"} <= names):
                yield value


def _makes_apps(kind: type) -> bool:
    return issubclass(kind, flask.Flask)


def _registered() -> Iterator[flask.Flask]:
    """Yield an application for the blueprints that no other has."""
    known = {id(each) for app in apps for each in app.blueprints.values()}
    left = [each for each in blueprints if id(each) not in known]
    nested = {id(child) for each in left for child, _ in each._blueprints}
    if left:
        app = flask.Flask("visits")
        for each in left:
            if id(each) not in nested:
                _outcome(lambda each=each: app.register_blueprint(each))
        apps.remove(app)
        yield app


def _requests(app: flask.Flask, text: str, user: str) -> Iterator[Visit]:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.secret_key = app.secret_key or "visits"
    client = app.test_client()
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: (each.rule, each.endpoint)):
        if rule.endpoint == "static":
            continue
        try:
            with app.test_request_context():
                url = flask.url_for(rule.endpoint, **_parts(rule, user), _external=False)
        except Exception:
            url = rule.rule
        for method in METHODS:
            if rule.methods is None or method in rule.methods:
                visit = partial(_answer, client, method, url, text, user)
                yield f"{method} {url} of {user}", visit


def _parts(rule: Any, user: str) -> dict[str, object]:
    """Return a value for each part of the path that is variable."""
    parts: dict[str, object] = {}
    for name, converter in rule._converters.items():
        kind = type(converter).__name__
        value = OF_PATHS.get(kind, UUID if kind == "UUIDConverter" else user)
        if kind == "AnyConverter":
            value = sorted(converter.items)[0]
        parts[name] = value
    return parts


def _answer(client: Any, method: str, url: str, text: str, user: str) -> list[Any]:
    taken: dict[str, dict[str, str]] = {}
    for store, name in TAKEN.findall(text):
        taken.setdefault(store, {})[name] = user
    data = {n: user for store, names in taken.items() if store != "files" for n in names}
    options: dict[str, Any] = {"query_string": data, "headers": taken.get("headers", {})}
    if method != "GET":
        if re.search(r"get_json|\.json\b", text):
            options["json"] = data
        else:
            files = {name: (io.BytesIO(b"a file"), "a.txt") for name in taken.get("files", {})}
            options["data"] = {**data, **files}
    del errors[:]
    body: list[str] = []

    def visit() -> object:
        for name in taken.get("cookies", {}):
            client.set_cookie(name, user)
        with client.session_transaction() as session:
            session.update(taken.get("session", {}))
        response = client.open(url, method=method, **options)
        for _, chunk in zip(range(CHUNKS), response.iter_encoded(), strict=False):
            body.append(chunk.decode("utf-8", "replace"))
        response.close()
        return response.status_code

    outcome = _outcome(visit, lambda status: status)
    _rest()
    return [outcome, "".join(body), sorted(errors)]


def _commands(app: flask.Flask) -> Iterator[Visit]:
    """Yield the commands that need no argument."""
    import click

    for name, command in sorted(app.cli.commands.items()):
        if not isinstance(command, click.Group) and not any(p.required for p in command.params):
            yield f"flask {name}", partial(_invoke, app, name)


def _invoke(app: flask.Flask, name: str) -> list[Any]:
    del errors[:]
    results: list[Any] = []
    outcome = _outcome(lambda: results.append(app.test_cli_runner().invoke(args=[name])))
    _rest()
    for result in results:
        failed = result.exception
        ends = failed is None or isinstance(failed, SystemExit)
        outcome = f"exit {result.exit_code}" if ends else _said(failed)
    return [outcome, results[0].output if results else "", sorted(errors)]


def _main(source: Path) -> Visit:
    """Return what runs a module as a script."""

    def run() -> list[Any]:
        sys.argv = [str(source)]
        del errors[:]
        outcome = _outcome(lambda: runpy.run_path(str(source), run_name="__main__"))
        _rest()
        return [outcome, "", sorted(errors)]

    return f"python {source.name}", run


# --- what is watched ---------------------------------------------------------------------------


def _outcome(step: Callable[[], Any], shown: Callable[[Any], Any] = lambda _: "ok") -> Any:
    """Do a step and return what comes of it, or the error, whichever it is."""
    try:
        signal.setitimer(signal.ITIMER_REAL, STEP)
        return shown(step())
    except Late:
        return "Late: takes too long"
    except BaseException as error:
        return _said(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _said(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"


def _note(error: BaseException | None) -> None:
    if error is not None:
        errors.append(_said(error))


def _watch() -> None:
    """Note applications, errors and threads; let nothing wait for long, and no server start."""

    def late(number: int, frame: FrameType | None) -> None:
        raise Late

    signal.signal(signal.SIGALRM, late)
    threading.excepthook = lambda failed: _note(failed.exc_value)
    _wrap(flask.Flask, "__init__", lambda self, *_: apps.append(self))
    _wrap(flask.Blueprint, "__init__", lambda self, *_: blueprints.append(self))
    _wrap(concurrent.futures.Future, "__init__", lambda self: futures.append(self))
    _wrap(concurrent.futures.Future, "set_exception", lambda self, error: _note(error))
    flask.Flask.log_exception = _logged  # type: ignore[method-assign]
    flask.Flask.run = lambda self, *a, **k: None  # type: ignore[method-assign]
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, SHORT))
    timer = threading.Timer.__init__

    def start(self: Any, interval: float, *arguments: Any, **options: Any) -> None:
        timer(self, min(interval, SHORT), *arguments, **options)

    threading.Timer.__init__ = start  # type: ignore[method-assign]


def _logged(
    self: flask.Flask,
    exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None],
) -> None:
    _note(exc_info[1])


def _wrap(kind: Any, name: str, then: Callable[..., object]) -> None:
    wrapped = getattr(kind, name)

    def wrapping(self: Any, *arguments: Any, **options: Any) -> Any:
        result = wrapped(self, *arguments, **options)
        then(self, *arguments)
        return result

    setattr(kind, name, wrapping)


def _rest() -> None:
    """Wait for what a visit has started, but for what goes on and on."""
    end = time.monotonic() + REST
    pools = {*concurrent.futures.thread._threads_queues}
    for thread in {*threading.enumerate()} - pools - _lasting - {threading.current_thread()}:
        if thread.ident is not None:
            thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            _lasting.add(thread)
    concurrent.futures.wait(futures, max(0.0, end - time.monotonic()))
    del futures[:]


_lasting: set[threading.Thread] = set()


if __name__ == "__main__":
    serve()
