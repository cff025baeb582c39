"""The example for threads behind real servers: what they lose, and what is lost after the rewrite.

A test client runs threads in the process of the request and keeps what a server throws away, so
only a server shows what users see.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

PARCELS = Path(__file__).parent.parent / "examples" / "parcels"
CUSTOMERS = ("Ada", "Grace")
KINDS = ("receipts", "labels", "mails")
# With the login of each customer that is 200 requests.
ORDERS = [(customer, kind, n) for n in range(33) for kind in KINDS for customer in CUSTOMERS]

every_server = pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--worker-class=gthread", "--threads=4"], id="gthread"),
        pytest.param(
            ["--worker-class=gevent"],
            id="gevent",
            marks=pytest.mark.skipif(find_spec("gevent") is None, reason="needs gevent"),
        ),
    ],
)
pytestmark = pytest.mark.skipif(find_spec("gunicorn") is None, reason="needs gunicorn")


@pytest.fixture
def before(tmp_path: Path) -> Path:
    # A ledger is there once somebody has run the example in its place.
    ignore = shutil.ignore_patterns("ledger.txt")
    return Path(shutil.copytree(PARCELS, tmp_path / "parcels", ignore=ignore))


@pytest.fixture
def after(before: Path, tmp_path: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "flask_ctxfix", "--apply"],
        cwd=before,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        check=True,
    )
    return before


@every_server
def test_threads_lose_what_they_read_of_a_request(before: Path, options: list[str]) -> None:
    with served(before, options) as address:
        order(address)
        time.sleep(0.5)
    assert len(entries(before)) < len(ORDERS)
    assert "RuntimeError: Working outside of" in log(before).read_text()


@every_server
def test_threads_lose_nothing_after_the_rewrite(after: Path, options: list[str]) -> None:
    with served(after, options) as address:
        order(address)
        deadline = time.monotonic() + 10
        while len(entries(after)) < len(ORDERS) and time.monotonic() < deadline:
            time.sleep(0.05)
    texts = {"receipts": "receipt for", "labels": "small label for", "mails": "mail about"}
    expected = sorted(f"{who}: {texts[kind]} {who}-{n}" for who, kind, n in ORDERS)
    found = sorted(line.removesuffix(" from parcels@example.com") for line in entries(after))
    assert found == expected
    assert "Error" not in log(after).read_text()


@contextmanager
def served(folder: Path, options: list[str]) -> Iterator[str]:
    """Serve the application in `folder` with one worker, and yield its address."""
    gunicorn = [sys.executable, "-B", "-m", "gunicorn", "--bind=127.0.0.1:0", "--workers=1"]
    with log(folder).open("wb") as output:
        server = subprocess.Popen([*gunicorn, *options, "app:app"], cwd=folder, stderr=output)
        try:
            yield address_in(log(folder), server)
        finally:
            server.terminate()
            server.wait(timeout=10)


def address_in(output: Path, server: subprocess.Popen[bytes]) -> str:
    """Wait for the server to say where it listens."""
    deadline = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < deadline:
        if said := re.search(r"Listening at: (\S+)", output.read_text()):
            return said[1]
        time.sleep(0.02)
    raise AssertionError(f"no server:\n{output.read_text()}")


def order(address: str) -> None:
    """Have the customers log in and order everything, four requests at a time."""
    cookies = {
        customer: post(f"{address}/login/{customer}")["Set-Cookie"] for customer in CUSTOMERS
    }

    def post_order(customer: str, kind: str, n: int) -> None:
        post(f"{address}/{kind}?parcel={customer}-{n}", cookies[customer])

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(post_order, *zip(*ORDERS, strict=True)))


def post(url: str, cookie: str = "") -> dict[str, str]:
    """Post nothing to `url` and return the headers of the answer; an error fails the test."""
    with urlopen(Request(url, method="POST", headers={"Cookie": cookie}), timeout=10) as response:
        response.read()
        return dict(response.headers)


def entries(folder: Path) -> list[str]:
    ledger = folder / "ledger.txt"
    return ledger.read_text().splitlines() if ledger.exists() else []


def log(folder: Path) -> Path:
    return folder / "server.log"
