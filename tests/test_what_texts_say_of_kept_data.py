"""What the pages of the rules on kept data say, shown by their own examples."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from flask import Blueprint, Flask, Request, Response, request

from flask_ctxfix.cli import main
from tests.test_rules import RULES, section

Names = dict[str, Any]


def example(code: str, heading: str = "Before") -> Names:
    """Return what the example of a rule defines."""
    names: Names = {"__name__": "example"}
    exec(compile(section(RULES[code], heading), code, "exec"), names)
    return names


def both_first(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that two requests have to reach before either of them goes on."""
    barrier = threading.Barrier(2, timeout=30)

    def waiting() -> Any:
        barrier.wait()
        return function()

    return waiting


def at_once(ask: Callable[[str], str], who: Iterable[str]) -> list[str]:
    """Return what the requests of some users are answered that are served at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(ask, who))


@pytest.mark.parametrize(("heading", "answers"), [("Before", 1), ("After", 2)])
def test_two_users_share_a_global(heading: str, answers: int) -> None:
    names = example("CTX501", heading)
    names["total"] = both_first(names["total"])
    prices = {"ann": [1, 2], "bob": [100]}

    def ask(user: str) -> str:
        answer = names["app"].test_client().post("/total", json={"prices": prices[user]})
        assert answer.status_code == 200
        return cast(str, answer.text)

    assert len({*at_once(ask, prices)}) == answers


@pytest.mark.parametrize(("heading", "answers"), [("Before", 1), ("After", 2)])
def test_two_users_share_an_attribute_of_a_class(heading: str, answers: int) -> None:
    names = example("CTX502", heading)
    names["greet"] = both_first(names["greet"])

    def ask(user: str) -> str:
        return cast(str, names["app"].test_client().get("/", headers={"X-User": user}).text)

    found = {*at_once(ask, ("ann", "bob"))}
    assert len(found) == answers
    assert found <= {"hello ann", "hello bob"}


@pytest.mark.parametrize(("heading", "different"), [("Before", 1), ("After", 2)])
def test_two_users_share_an_attribute_of_the_application(heading: str, different: int) -> None:
    names = example("CTX503", heading)
    app: Flask = names["app"]
    app.view_functions["index"] = both_first(names["index"])

    def ask(language: str) -> str:
        return app.test_client().get("/", headers={"Accept-Language": language}).text

    assert len({*at_once(ask, ("de", "fr"))}) == different


def _requests_in_memory() -> int:
    gc.collect()
    return sum(type(each) is Request for each in gc.get_objects())


@pytest.mark.parametrize(("heading", "kept"), [("Before", 50), ("After", 0)])
def test_an_exception_keeps_its_request_in_memory(heading: str, kept: int) -> None:
    names = example("CTX504", heading)
    before = _requests_in_memory()
    client = names["app"].test_client()
    assert [client.get("/0").status_code for _ in range(50)] == [400] * 50
    assert _requests_in_memory() - before == kept


def test_the_next_user_on_a_thread_reads_what_is_not_reset() -> None:
    app, local = Flask("shop"), threading.local()

    def login(user: str) -> str:
        local.user = user
        return ""

    app.add_url_rule("/login/<user>", view_func=login)
    app.add_url_rule("/who", "who", lambda: local.user)
    app.test_client().get("/login/ann")
    assert app.test_client().get("/who").text == "ann"


def test_a_cached_function_gives_the_first_result_to_all() -> None:
    app = example("CTX505")["app"]
    asked = [app.test_client().get("/", headers={"Accept-Language": each}) for each in ("de", "fr")]
    assert [each.text for each in asked] == ["de", "de"]


class AtOneAddress(Request):
    """A request that has the hash of the one before, as one at the same address has."""

    def __hash__(self) -> int:
        return 1


def test_a_proxy_is_the_same_key_for_all_requests() -> None:
    app = Flask("shop")
    app.request_class = AtOneAddress

    @lru_cache
    def who(asked: Request) -> str:
        return asked.args["user"]

    app.add_url_rule("/", view_func=lambda: who(request))
    asked = [app.test_client().get(f"/?user={each}") for each in ("ann", "bob")]
    assert [each.text for each in asked] == ["ann", "ann"]


def test_a_handler_that_a_view_registers_is_an_error() -> None:
    app: Flask = example("CTX506")["app"]
    app.testing = True
    with pytest.raises(AssertionError, match="It has already handled its first request"):
        app.test_client().get("/")
    assert example("CTX506", "After")["app"].test_client().get("/").status_code == 200


def test_a_blueprint_refuses_handlers_from_flask_2_3_on() -> None:
    app, pages = Flask("shop"), Blueprint("pages", __name__)
    called = []

    def note(response: Response) -> Response:
        called.append(response)
        return response

    @pages.get("/")
    def index() -> str:
        pages.after_request(note)
        return ""

    app.register_blueprint(pages)
    app.testing = True
    if version("flask") >= "2.3":
        with pytest.raises(AssertionError, match="It has already been registered"):
            app.test_client().get("/")
    else:
        with pytest.warns(UserWarning, match="can no longer be called on the blueprint"):
            assert app.test_client().get("/").status_code == 200
    assert called == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("2.2", "does nothing once the blueprint is registered"),
        ("2.2-3.1", "raises AssertionError on Flask 2.3 and later"),
        ("3.1", "raises AssertionError once the app serves requests"),
    ],
)
def test_of_a_blueprint_is_said_what_each_flask_does(
    target: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "pages.py").write_text(
        "from flask import Blueprint, Flask\n\n"
        "app = Flask(__name__)\npages = Blueprint('pages', __name__)\n\n\n"
        "@pages.get('/')\ndef index():\n"
        "    pages.after_request(lambda response: response)\n    return ''\n\n\n"
        "app.register_blueprint(pages)\n"
    )
    args = ["--select", "CTX506", "--target-version", target, str(tmp_path)]
    assert f"`pages.after_request` {said}\n" in CliRunner().invoke(main, args).stdout
