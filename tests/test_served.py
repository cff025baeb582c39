"""What files of a project say that it serves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_ctxfix.served import (
    read_commands,
    read_compose,
    read_dockerfile,
    read_settings,
    read_variables,
    served_in,
)

Write = Callable[[dict[str, str | bytes]], None]

COMPOSE = """\
x-common: &common
  restart: always
services:
  web:
    build: ./shop
    command: gunicorn -w 4 shop.web:app
    environment:
      - FLASK_APP=shop.cli:make
  api:
    build:
      context: "api"
      dockerfile: Dockerfile
    command: ["gunicorn", "--bind", "0.0.0.0:8000", "api.wsgi"]
    environment:
      FLASK_APP: "api.dev:create_app('x')"
  long:
    command:
    - gunicorn
    - long:app
    # a comment
  folded:
    entrypoint: >
      flask --app folded
      run --port 80
  broken:
    command: [
      "hypercorn",
      "broken:asgi"
    ]
  db:
    image: flask:latest
    command: postgres -c x:y
volumes:
  web:
    command: gunicorn no:app
"""


@pytest.mark.parametrize(
    ("command", "module", "attribute"),
    [
        ("gunicorn shop:app", "shop", "app"),
        ("gunicorn shop.web:create_app()", "shop.web", "create_app"),
        ("gunicorn 'shop.web:create_app(\"a b\")' -w 4", "shop.web", "create_app"),
        ("gunicorn shop:site.wsgi", "shop", "site"),
        ("gunicorn wsgi", "wsgi", "application"),
        ("gunicorn -w 4 -b unix:app -k gevent wsgi:app", "wsgi", "app"),
        ("gunicorn --config python:conf --reload shop:app", "shop", "app"),
        ("gunicorn --worker-class=pkg:Worker shop:app", "shop", "app"),
        ("exec /venv/bin/gunicorn shop:app >log 2>&1", "shop", "app"),
        ("pip install gunicorn shop && gunicorn shop:app", "shop", "app"),
        ("flask db upgrade; gunicorn shop:app", "shop", "app"),
        ("sh -c 'sleep 1 && gunicorn shop:app'", "shop", "app"),
        ("newrelic-admin run-program gunicorn shop:app", "shop", "app"),
        ("python -m flask --app shop run", "shop", None),
        ("flask -A src/shop.py:app run", "src.shop", "app"),
        ("flask --app=./shop.py run", "shop", None),
        ("FLASK_APP=shop:app flask run", "shop", "app"),
        ("export FLASK_APP='shop:app'", "shop", "app"),
        ("waitress-serve --port=80 --call shop:create_app", "shop", "create_app"),
        ("hypercorn shop", "shop", "app"),
        ("uvicorn --workers 4 shop:asgi", "shop", "asgi"),
        ("uwsgi --http :80 --module shop:app", "shop", "app"),
        ("uwsgi -w shop", "shop", "application"),
        ("uwsgi --wsgi-file web/shop.py", "web.shop", "application"),
    ],
)
def test_commands(command: str, module: str, attribute: str | None) -> None:
    (named,) = read_commands(f"# gunicorn no:app\nweb: {command}\n")
    assert (named.module, named.attribute) == (module, attribute)


@pytest.mark.parametrize(
    "command",
    [
        "pip install gunicorn flask",
        "poetry add gunicorn wsgi:app",
        "gunicorn -c conf",
        "gunicorn $APP",
        "gunicorn",
        "flask run",
        "flask --app '$APP' run",
        "uvicorn shop",
        "uwsgi --ini uwsgi.ini",
        "echo no:app",
        "MY_FLASK_APP=shop",
        "FLASK_APP=",
        "FLASK_APP=${APP}",
    ],
)
def test_commands_that_serve_nothing_known(command: str) -> None:
    assert [*read_commands(command)] == []


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("cd web && gunicorn shop:app", "web"),
        ("cd web; echo; gunicorn shop:app", "web"),
        ("gunicorn --chdir web shop:app", "web"),
        ("gunicorn --chdir=web shop:app", "web"),
        ("cd /srv/web && gunicorn shop:app", ""),
        ('cd "$HOME" && gunicorn shop:app', ""),
    ],
)
def test_commands_in_another_folder(command: str, folder: str) -> None:
    assert [named.folder for named in read_commands(command)] == [folder]


def test_lines_that_go_on(tree: Write) -> None:
    (named,) = read_commands("web: gunicorn \\\n  --reload \\\n  shop:app\n")
    assert named[:3] == ("shop", "app", "gunicorn")


@pytest.mark.parametrize(
    ("command", "is_started"),
    [
        ("gunicorn shop:app", True),
        ("flask --app shop run", True),
        ("flask --app shop db upgrade", False),
        ("FLASK_APP=shop flask run", False),
    ],
)
def test_what_starts_a_server(command: str, is_started: bool) -> None:
    assert [named.is_started for named in read_commands(command)] == [is_started]


def test_variables() -> None:
    text = "# FLASK_APP=no\nexport FLASK_APP = 'shop.web:app'\nOTHER=FLASK\n"
    assert [named[:3] for named in read_variables(text)] == [("shop.web", "app", "FLASK_APP")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM flask\nCMD gunicorn shop:app\n", [("shop", "app")]),
        ('CMD ["gunicorn", "-w", "4", "shop:app"]\n', [("shop", "app")]),
        ('ENTRYPOINT ["gunicorn"]\nCMD ["-w", "4", "shop:app"]\n', [("shop", "app")]),
        ('CMD ["sh", "-c", "gunicorn shop:app"]\n', [("shop", "app")]),
        ('cmd [ \\\n  "gunicorn", \\\n# why\n  "shop:app"]\n', [("shop", "app")]),
        ("ENV FLASK_APP a.py\nENV A=1 FLASK_APP=web:app B=2\n", [("a", None), ("web", "app")]),
        ("RUN gunicorn no:app\nRUN pip install gunicorn\n#CMD gunicorn no:app", []),
    ],
)
def test_dockerfiles(text: str, found: list[tuple[str, str | None]]) -> None:
    assert [named[:2] for named in read_dockerfile(text)] == found


def test_compose_files() -> None:
    assert [(*named[:2], named.folder) for named in read_compose(COMPOSE)] == [
        ("shop.web", "app", "./shop/"),
        ("shop.cli", "make", "./shop/"),
        ("api.wsgi", "application", "api/"),
        ("api.dev", "create_app", "api/"),
        ("long", "app", ""),
        ("folded", None, ""),
        ("broken", "asgi", ""),
    ]


def test_settings_of_uwsgi() -> None:
    text = "[uwsgi]\nmodule = shop:app\nmaster = true\n"
    assert [named[:3] for named in read_settings(text)] == [("shop", "app", "uwsgi")]


def test_files_in_a_folder_and_right_below_it(tree: Write) -> None:
    tree(
        {
            "Procfile": "web: gunicorn shop:app\n",
            "docker/Dockerfile.prod": "CMD gunicorn shop.web:app\n",
            "inner/setup.py": "",
            "inner/Procfile": "web: gunicorn inner:app\n",
            "node_modules/Procfile": "web: gunicorn node:app\n",
            "a/b/Procfile": "web: gunicorn deep:app\n",
            "README": "gunicorn readme:app\n",
            ".env": b"FLASK_APP=env\xff\n",
        }
    )
    Path(".flaskenv").mkdir()
    here = str(Path.cwd())
    found = served_in(here)
    assert all(each.is_started for each in found)
    assert [each[:4] for each in found] == [
        ("shop", "app", "gunicorn in Procfile", here),
        ("shop.web", "app", "gunicorn in docker/Dockerfile.prod", f"{here}/docker"),
        ("shop.web", "app", "gunicorn in docker/Dockerfile.prod", here),
    ]


def test_which_file_is_served(tree: Write) -> None:
    tree({"compose.yml": "services:\n  a:\n    build: a\n    command: gunicorn shop.web:app\n"})
    here = Path.cwd()
    (served,) = served_in(str(here))
    for name in ("a/shop/web.py", "a/src/shop/web.py", "a/shop/web/__init__.py"):
        assert served.fits(str(here / name))
    for name in ("shop/web.py", "a/web.py", "a/shop/web/other.py", "a/b/shop/web.py"):
        assert not served.fits(str(here / name))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"app.py": "app = 1\n"}, [("app", "app")]),
        ({"app.py": "from x import y as make_app\n"}, [("app", "make_app")]),
        ({"app.py": "def create_app(): ...\n", "wsgi.py": "a: int = 1\n"}, [("app", "create_app")]),
        ({"app.py": "app = 1\n", "wsgi.py": "application: int = 1\n"}, [("wsgi", "application")]),
        ({"app.py": "class application: ...\n"}, [("app", "application")]),
        ({"app.py": "import app, other.app\nx.app = 1"}, [("app", "app")]),
        ({"app.py": "app = (\n"}, []),
        ({"app.py": b"app = 1\x00\n"}, []),
        ({"app.py": "x = 1\n", "main.py": "app = 1\n"}, []),
        ({"app.py": "app = 1\n", ".env": "FLASK_APP=other\n"}, [("other", None)]),
    ],
)
def test_what_flask_run_finds(
    tree: Write, files: dict[str, str | bytes], found: list[tuple[str, str | None]]
) -> None:
    tree(files)
    served = served_in(str(Path.cwd()))
    assert [each[:2] for each in served] == found
    assert not any(each.is_started for each in served)


PIECES = st.sampled_from(
    [
        *("gunicorn", "flask", "uwsgi", "FLASK_APP", "=", ":", "shop", "app", "-", "--app", "-w"),
        *("services:", "command:", "build:", "CMD", "ENTRYPOINT", "ENV", "[", "]", '"', "'", "\\"),
        *("\n", "\r\n", " ", "  ", "\t", "&&", ";", "#", "$", "{", "}", "(", ")", "/", "cd", "|"),
        *(">", ",", "\x00", "\u2028", "é", "\ufeff"),
    ]
)
READERS = (read_commands, read_compose, read_dockerfile, read_settings, read_variables)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_no_text_fails(text: str) -> None:
    for read in READERS:
        for named in read(text):
            assert named.module
            assert "/" not in named.module


NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}(\.[a-z_][a-z0-9_]{0,8}){0,2}", fullmatch=True)
ATTRIBUTES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
OPTIONS = st.lists(st.sampled_from(["-w 4", "--bind :80", "--reload", "-k gevent"]), max_size=3)


@given(NAMES, ATTRIBUTES, OPTIONS)
def test_every_file_tells_the_same(module: str, attribute: str, options: list[str]) -> None:
    command = " ".join(["gunicorn", *options, f"{module}:{attribute}"])
    listed = ", ".join(f'"{word}"' for word in command.split())
    for found in (
        read_commands(f"web: {command}"),
        read_dockerfile(f"CMD {command}"),
        read_dockerfile(f"CMD [{listed}]"),
        read_compose(f"services:\n  a:\n    command: {command}\n"),
        read_compose(f"services:\n  a:\n    command: [{listed}]\n"),
    ):
        assert [named[:2] for named in found] == [(module, attribute)]


@pytest.mark.parametrize("piece", ["FLASK_APP", " ", "\\", "a.", "a/", '"', "[", "export ", "cd "])
def test_long_lines_are_no_commands(piece: str) -> None:
    line = "gunicorn " + piece * 100_000
    for read in READERS:
        assert [*read(line)] == []
