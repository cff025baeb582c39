"""The tables on contexts say what Flask, Werkzeug, the standard library and gevent really do.

What belongs to a package that is not installed is skipped, under the name of that package.
"""

import asyncio
import contextlib
import functools
import importlib
import inspect
import io
import time
import typing
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import flask
import pytest
from jinja2 import DictLoader

from flask_ctxfix.flask_facts import (
    BODY_READS,
    ENTRY_DECORATORS,
    NEEDS,
    PROXIES,
    PURE_READS,
    STARTERS,
    TRANSPARENT_DECORATORS,
    Starter,
)

HERE = Path(__file__)
BODY = b"name=ann&name=bob"


def each_of(names: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrize a test with names; those of packages that are not installed are skipped."""
    params = []
    for name in sorted(names):
        package = name.partition(".")[0]
        missing = find_spec(package) is None
        marks = [pytest.mark.skip(reason=f"{package} is not installed")] if missing else []
        params.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("name", params)


# What functions that are called like classes give.
CLASSES = {"multiprocessing.dummy.Pool": "multiprocessing.pool.ThreadPool"}


def found(name: str) -> Any:
    """Return what a qualified name stands for; of an instance, what its class has."""
    head, _, rest = name.partition("()")
    value = resolve_name(CLASSES.get(head, head) if rest else head)
    path = rest.lstrip(".")
    if path and not hasattr(value, path.partition(".")[0]):
        value = value()  # the attribute is made for each instance
    return attrgetter(path)(value) if path else value


@pytest.fixture
def app() -> flask.Flask:
    app = flask.Flask(__name__)
    app.secret_key = "dev"
    app.jinja_loader = DictLoader({"page": "{% macro greet() %}hello{% endmacro %}page"})
    app.add_url_rule("/", "index")
    return app


@each_of(name for name in PROXIES if name.startswith("flask."))
def test_proxies_are_bound_by_their_context_only(name: str, app: flask.Flask) -> None:
    proxy = found(name)
    with pytest.raises(RuntimeError):
        proxy._get_current_object()
    if PROXIES[name] == "request":
        with app.app_context(), pytest.raises(RuntimeError):
            proxy._get_current_object()
        with app.test_request_context():
            assert proxy._get_current_object() is not None
    else:
        with app.app_context():
            assert proxy._get_current_object() is not None


@each_of(name for name in PROXIES if not name.startswith("flask."))
def test_proxies_of_extensions_fail_without_a_context(name: str) -> None:
    with pytest.raises((RuntimeError, AttributeError)):
        _ = found(name).id


USES: dict[str, Callable[[flask.Flask], object]] = {
    "flask.after_this_request": lambda app: flask.after_this_request(lambda response: response),
    "flask.copy_current_request_context": lambda app: flask.copy_current_request_context(print),
    "flask.flash": lambda app: flask.flash("text"),
    "flask.get_flashed_messages": lambda app: flask.get_flashed_messages(),
    "flask.get_template_attribute": lambda app: flask.get_template_attribute("page", "greet")(),
    "flask.jsonify": lambda app: flask.jsonify(1),
    "flask.make_response": lambda app: flask.make_response("text"),
    "flask.render_template": lambda app: flask.render_template("page"),
    "flask.render_template_string": lambda app: flask.render_template_string("text"),
    "flask.send_file": lambda app: flask.send_file(HERE).close(),
    "flask.send_from_directory": lambda app: flask.send_from_directory(
        HERE.parent, HERE.name
    ).close(),
    "flask.stream_template": lambda app: list(flask.stream_template("page")),
    "flask.stream_template_string": lambda app: list(flask.stream_template_string("text")),
    "flask.stream_with_context": lambda app: flask.stream_with_context(iter("text")),
    "flask.url_for": lambda app: flask.url_for("index"),
    "flask.Flask().url_for": lambda app: app.url_for("index"),
}


def test_all_needs_of_flask_are_tried() -> None:
    assert set(USES) == {name for name in NEEDS if name.startswith("flask.")}


@each_of(USES)
def test_needs_are_met_by_their_context_only(name: str, app: flask.Flask) -> None:
    use = USES[name]
    with pytest.raises(RuntimeError):
        use(app)
    if NEEDS[name] == "app":
        with app.app_context():
            use(app)
    else:
        with app.app_context(), pytest.raises(RuntimeError):
            use(app)
    with app.test_request_context():
        use(app)


@each_of(name for name in NEEDS if not name.startswith("flask."))
def test_needs_of_extensions_exist(name: str) -> None:
    with contextlib.suppress(RuntimeError):  # it is an attribute that is missing its context
        assert found(name) is not None


class Input(io.BytesIO):
    """The body of a request, which notes that it was read."""

    was_read = False

    def read(self, *args: Any) -> bytes:
        self.was_read = True
        return super().read(*args)

    def readinto(self, *args: Any) -> int:
        self.was_read = True
        return super().readinto(*args)


def posted(app: flask.Flask, kind: str = "application/x-www-form-urlencoded") -> tuple[Any, Input]:
    body = Input(BODY if kind != "application/json" else b"{}")
    size = len(body.getvalue())
    context = app.test_request_context(
        "/", method="POST", input_stream=body, content_length=size, content_type=kind
    )
    return context, body


@pytest.mark.parametrize("name", sorted(PURE_READS))
def test_pure_reads_leave_the_request_as_it_is(name: str, app: flask.Flask) -> None:
    context, body = posted(app)
    with context:
        first = getattr(flask.request, name)
        assert getattr(flask.request, name) == first or name == "user_agent"
        assert not body.was_read
        assert flask.request.get_data() == BODY


@pytest.mark.parametrize("name", sorted(PURE_READS))
def test_pure_reads_do_not_fail_for_a_page_that_does_not_exist(name: str, app: flask.Flask) -> None:
    with app.test_request_context("/nowhere"):
        getattr(flask.request, name)


@pytest.mark.parametrize("name", sorted(BODY_READS))
def test_body_reads_read_the_body(name: str, app: flask.Flask) -> None:
    is_json = "json" in name
    context, body = posted(
        app, "application/json" if is_json else "application/x-www-form-urlencoded"
    )
    with context:
        value = getattr(flask.request, name)
        if "stream" in name:
            value.read()
        elif callable(value):
            value()
        assert body.was_read


def test_nothing_else_of_a_request_reads_the_body(app: flask.Flask) -> None:
    reading = set()
    for name in dir(flask.Request):
        if name.startswith("_"):
            continue
        context, body = posted(app)
        with context:
            with contextlib.suppress(Exception):  # no JSON, or nothing that is set
                getattr(flask.request, name)
            if body.was_read:
                reading.add(name)
    assert reading <= BODY_READS


HOOK_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "route": ("/hook",),
    "errorhandler": (418,),
    "app_errorhandler": (418,),
    **dict.fromkeys(("delete", "get", "patch", "post", "put"), ("/hook",)),
}


@each_of(name for name in ENTRY_DECORATORS if name.startswith("flask."))
def test_entry_decorators_serve_requests_and_give_back_the_function(
    name: str, app: flask.Flask
) -> None:
    hook = name.rpartition(".")[2]
    seen = []

    def function(*args: Any, **kwargs: Any) -> Any:
        seen.append(flask.has_request_context())
        if "context_processor" in hook:
            return {}
        if "after" in hook:
            return args[0]
        return "text" if hook in HOOK_ARGUMENTS else None

    blueprint = flask.Blueprint("blueprint", __name__)
    owner = blueprint if "Blueprint()" in name else app
    decorator = getattr(owner, hook)
    if hook in HOOK_ARGUMENTS:
        decorator = decorator(*HOOK_ARGUMENTS[hook])
    assert decorator(function) is function

    @blueprint.route("/page")
    def page() -> str:
        if "errorhandler" in hook:
            flask.abort(418)
        return flask.render_template_string("text")

    app.register_blueprint(blueprint)
    method = hook if hook in ("delete", "patch", "post", "put") else "get"
    path = "/hook" if HOOK_ARGUMENTS.get(hook) == ("/hook",) else "/page"
    app.test_client().open(path, method=method.upper())
    assert seen == [True]


@each_of(name for name in ENTRY_DECORATORS if not name.startswith("flask."))
def test_entry_decorators_of_extensions_exist(name: str) -> None:
    assert callable(found(name))


def path_of_request(*args: object) -> str:
    return flask.request.path


def generated(*args: object) -> Iterator[str]:
    yield flask.request.path


async def generated_in_async_code(*args: object) -> Any:
    yield flask.request.path


async def _enter(made: Any) -> str:
    async with made as path:
        return str(path)


def _transparently(name: str) -> object:
    """Run a decorated function in the way that its decorator is for, and return what it reads."""
    if name == "contextlib.contextmanager":
        with contextlib.contextmanager(generated)() as path:
            return path
    if name == "contextlib.asynccontextmanager":
        return asyncio.run(_enter(contextlib.asynccontextmanager(generated_in_async_code)()))
    if name in ("builtins.classmethod", "builtins.staticmethod"):
        owner: Any = type("Owner", (), {"method": found(name)(path_of_request)})
        return owner.method()
    if name == "functools.wraps":
        return functools.wraps(print)(path_of_request)()
    return found(name)(path_of_request)()


OF_PYTHON = {name for name in TRANSPARENT_DECORATORS if not name.startswith("flask")}


@each_of(OF_PYTHON)
def test_transparent_decorators_run_the_function_where_its_caller_is(
    name: str, app: flask.Flask
) -> None:
    with app.test_request_context("/here"):
        assert _transparently(name) == "/here"


@each_of(TRANSPARENT_DECORATORS - OF_PYTHON)
def test_transparent_decorators_exist(name: str) -> None:
    assert callable(found(name))


@each_of(STARTERS)
def test_starters_take_what_the_table_says(name: str) -> None:
    starter = STARTERS[name]
    try:
        signature = inspect.signature(found(name))
    except ValueError:
        pytest.skip("it is written in C and has no signature")
    names = [each for each in signature.parameters if each != "self"]
    if signature.parameters[names[0]].kind is inspect.Parameter.VAR_POSITIONAL:
        pytest.skip("all of its parameters are behind a star")
    if starter.keyword and not any(
        each.kind is inspect.Parameter.VAR_POSITIONAL and index <= starter.position
        for index, each in enumerate(signature.parameters[each] for each in names)
    ):
        assert names[starter.position] == starter.keyword
    if starter.passing == "tuple":
        assert names[starter.arguments] == "args"
        assert names[starter.arguments + 1] in ("kwargs", "kwds")


MADE: dict[str, tuple[Any, ...]] = {
    "gevent.threadpool.ThreadPool()": (1,),
    "eventlet.GreenPool()": (1,),
}
TRIED = {
    name
    for name, starter in STARTERS.items()
    if starter.kind != "process"
    and not name.startswith(("concurrent.futures.Executor()", "flask_"))
}


@each_of(TRIED)
def test_starters_run_the_function_without_the_context(name: str, app: flask.Flask) -> None:
    starter = STARTERS[name]
    seen: list[tuple[bool, tuple[Any, ...]]] = []

    def function(*args: Any) -> None:
        seen.append((flask.has_request_context() or flask.has_app_context(), args))

    with app.test_request_context():
        started = _callable(name)(*_call(name, starter, function))
        if hasattr(started, "start"):
            with contextlib.suppress(AssertionError):
                started.start()
        if hasattr(started, "__next__"):
            list(started)
        _wait(name, seen)
    assert seen == [(False, ("given",))]


def _callable(name: str) -> Callable[..., Any]:
    owner, is_instance, method = name.partition("().")
    if not is_instance:
        return typing.cast("Callable[..., Any]", found(name))
    made = found(owner)(*MADE.get(f"{owner}()", ()))
    return typing.cast("Callable[..., Any]", getattr(made, method))


def _call(name: str, starter: Starter, function: object) -> list[object]:
    """Return the arguments of a call that gives the text "given" to a function."""
    filler = 0 if starter.kind in ("timer", "delayed") else None
    call: list[object] = [filler] * starter.position + [function]
    if starter.passing == "tuple":
        between = starter.arguments - len(call)
        return [*call, *[None] * between, ("given",)]
    if starter.passing == "each":
        return [*call, [("given",)] if "starmap" in name else ["given"]]
    return [*call, "given"]


def _wait(name: str, seen: list[Any]) -> None:
    sleep = importlib.import_module(name.partition(".")[0]).sleep if "event" in name else time.sleep
    for _ in range(500):
        sleep(0.01)
        if seen:
            return
