"""Each name of the facts stands once, has a source, and exists where its package is installed."""

import asyncio
import importlib
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any, get_args

import flask
import pytest

from flask_ctxfix.flask_facts import FACTS, NAMES_OF_APPLICATION, is_report, named, rows
from flask_ctxfix.flask_facts.rows import Facts, Role

DISTRIBUTIONS = metadata.packages_distributions()
APP = flask.Flask(__name__)

# What calls give whose class does not tell, or which have to be given something.
GIVEN: dict[str, Any] = {
    "flask.Flask": APP,
    "flask.Blueprint": flask.Blueprint("blueprint", __name__),
    "flask.Request": APP.test_request_context().request,
    "flask.Response": APP.response_class("text"),
    "flask.ctx.AppContext": APP.app_context(),
    "flask.ctx.RequestContext": APP.test_request_context(),
    "blinker.Namespace().signal": "blinker.Signal",
    "blinker.signal": "blinker.Signal",
    "flask.signals.Namespace().signal": "blinker.Signal",
    "asyncio.get_event_loop": asyncio.AbstractEventLoop,
    "asyncio.get_running_loop": asyncio.AbstractEventLoop,
    "re.compile": re.compile(""),
    "redis.Redis.from_url": "redis.Redis",
    "redis.StrictRedis": "redis.Redis",
    "redis.from_url": "redis.Redis",
    "multiprocessing.Manager": "multiprocessing.managers.SyncManager",
    "multiprocessing.dummy.Pool": "multiprocessing.pool.ThreadPool",
}
# What exists only as an attribute of what a decorator was given.
NOT_FOUND = "rq.decorators.job()()"


def member(value: Any, path: str) -> Any:
    """Return what a path of attributes leads to; of an instance, what its class has."""
    for part in path.removeprefix(".").split("."):
        if isinstance(value, type) and part not in dir(value):
            value = value()  # the attribute is made for each instance
        if part not in dir(value):
            raise AttributeError(f"{value!r} has no {part}")
        try:
            value = getattr(value, part)
        except Exception:  # a property that cannot be read as things are
            value = inspect.getattr_static(value, part)
    return value


def found(name: str) -> Any:
    """Return what a name of the facts stands for, up to its last call."""
    head, *rest = name.split("()")
    value = resolve_name(head)
    while rest and rest != [""]:
        given = GIVEN.get(head, value)
        if isinstance(given, str):
            given = resolve_name(given)
        elif given is value and not isinstance(given, type):
            given = given()
        head, value = f"{head}(){rest[0]}", member(given, rest[0])
        del rest[0]
    return value


def version_of(package: str) -> tuple[int, ...]:
    if package in sys.stdlib_module_names:
        return sys.version_info[:2]
    version = metadata.version(DISTRIBUTIONS[package][0])
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def is_there(facts: Facts) -> bool:
    """Whether the version of the package that is installed has the names."""
    if facts.since is None and facts.until is None:
        return True
    package = next(iter(facts.rows)).partition(".")[0]
    version = version_of(package)
    return (facts.since or version) <= version and not (facts.until and facts.until <= version)


def each_of(groups: Iterable[Facts]) -> pytest.MarkDecorator:
    """Parametrize a test with names; those of packages that are not installed are skipped."""
    params = []
    for name in sorted(name for facts in groups for name in facts.rows):
        package = name.partition(".")[0]
        missing = find_spec(package) is None
        marks = [pytest.mark.skip(reason=f"{package} is not installed")] if missing else []
        params.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("name", params)


def test_each_name_stands_once() -> None:
    counted = Counter(name for name, _ in rows())
    assert [name for name, count in counted.items() if count > 1] == []


def test_each_row_has_a_source_and_roles() -> None:
    for facts in FACTS:
        assert re.search(r"\w{3}", facts.source)
        for name, roles in facts.rows.items():
            assert roles, name
            assert len(set(roles)) == len(roles), name


def test_each_source_stands_once() -> None:
    counted = Counter(facts.source for facts in FACTS)
    assert [source for source, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("role", get_args(Role))
def test_each_role_has_names(role: Role) -> None:
    assert named(role)


@each_of(facts for facts in FACTS if is_there(facts))
def test_names_exist(name: str) -> None:
    if name.startswith(NOT_FOUND):
        pytest.skip("it exists only on what a decorator was given")
    try:
        found(name)
    except AttributeError:
        module = name.partition("()")[0].rpartition(".")[0]
        try:
            importlib.import_module(module)
        except ImportError as error:
            if not f"{module}.".startswith(f"{error.name}."):
                pytest.skip(str(error))
        raise


@each_of(facts for facts in FACTS if not is_there(facts))
def test_names_are_gone(name: str) -> None:
    with pytest.raises((AttributeError, ImportError)):
        found(name)


@pytest.mark.parametrize(
    "name",
    [
        "builtins.print",
        "flask.current_app.logger.warning",
        "logging.getLogger().info",
        "loguru.logger.success",
        "raven.Client().captureException",
        "sentry_sdk.capture_message",
        "traceback.print_exc",
    ],
)
def test_what_only_tells_people_is_a_report(name: str) -> None:
    assert is_report(name)


@pytest.mark.parametrize(
    "name", ["builtins.open", "logging.getLogger().addHandler", "logging.log_"]
)
def test_what_does_more_is_none(name: str) -> None:
    assert not is_report(name)


def test_what_an_application_has_by_itself_is_known() -> None:
    assert {name for name in dir(APP) if not name.startswith("_")} <= NAMES_OF_APPLICATION
