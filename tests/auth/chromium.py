"""A real browser, driven as the W3C's WebDriver says: Debian's packages chromium and chromium-driver."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

_QUIET: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
"""It asks nobody but the servers of the test."""
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")) and not os.environ.get("CI"),
    reason="no browser: install Debian's packages chromium and chromium-driver",
)


class Browser:
    """One window, with a profile of its own."""

    def __init__(self, http: httpx.Client, session: str) -> None:
        self._http = http
        self._session = session

    def open(self, address: str) -> None:
        """Go to a page, and wait until it has loaded."""
        self._call("url", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of an asynchronous function in the page; gives what it returns."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async (...given) => {{ {script} }})(...[...arguments].slice(0, -1)).then(done, error => done('' + error));"
        )
        return self._call("execute/async", script=wrapped, args=list(arguments))

    def complaints(self) -> list[str]:
        """What the browser has said in the console since it was last asked."""
        return [one["message"] for one in self._call("se/log", type="browser")]

    def _call(self, verb: str, **given: Any) -> Any:
        answer = self._http.post(f"/session/{self._session}/{verb}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="sebilling-chromium-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        with log.open("w") as file:
            driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=file, stderr=subprocess.STDOUT)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{_port(log)}", timeout=60) as http:
                options = {"args": [*_QUIET, f"--user-data-dir={folder}/profile"]}
                wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
                answer = http.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
                assert answer.status_code == 200, answer.text
                session = answer.json()["value"]["sessionId"]
                try:
                    yield Browser(http, session)
                finally:
                    http.delete(f"/session/{session}")
        finally:
            driver.terminate()
            driver.wait()


def _port(log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := re.search(r"successfully on port (\d+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"the driver didn't start: {log.read_text()}")
