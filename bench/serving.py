"""Our server as a process of its own, and a GraphQL client."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.place import PASSWORD, USERNAME

SERVE = ["-m", "sebilling.cli", "serve", "--port", "0"]


@contextmanager
def served(arguments: list[str], url: str, **environment: str) -> Iterator[str]:
    """Run Python with these arguments on the database at `url`; yield the address that it prints."""
    with started([sys.executable, *arguments], url, environment) as address:
        yield address


@contextmanager
def started(command: list[str], url: str, environment: Mapping[str, str], *, stop: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    """Run a server on the database at `url`; yield the address that it prints, and end it by the signal `stop`.

    Raises RuntimeError with what it wrote if it ends before it prints one.
    """
    log = Path(tempfile.mkstemp(prefix="bench-")[1])
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file,
            env={**os.environ, "SEBILLING_DATABASE_URL": url, "SEBILLING_LOG_LEVEL": "INFO", "SEBILLING_ALLOWED_HOSTS": "bench",
                 **environment},
        )  # fmt: skip
    try:
        while not (address := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)
        yield address[0]
    finally:
        process.send_signal(stop)
        process.wait()
        log.unlink()


def ask(http: httpx.Client, document: str, **variables: Any) -> Any:
    """Execute a document and return the first root field's value. Raises RuntimeError if there are errors."""
    answer = http.post("/graphql", json={"query": document, "variables": variables}).json()
    if "errors" in answer:
        raise RuntimeError(answer["errors"])
    return next(iter(answer["data"].values()))


def sign_in(http: httpx.Client) -> None:
    """Sign in as the admin and send the token with later requests."""
    document = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
    token = ask(http, document, i={"username": USERNAME, "password": PASSWORD})["token"]
    http.headers["Authorization"] = f"Bearer {token}"
