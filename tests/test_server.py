"""How we are served: what a client or a proxy in front of us relies on."""

import socket
import time
from http.client import HTTPConnection
from pathlib import Path

from starlette.applications import Starlette

from sebilling.server import listening_socket, serving
from tests import commands


def test_an_idle_connection_is_kept_for_longer_than_clients_keep_theirs() -> None:
    """Closed first by us, what a client sends at that moment is lost: httpx closes after 5 s, as uvicorn itself would."""
    with serving(Starlette(), listening_socket("127.0.0.1", 0)) as address:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        for pause in (0, 6.5):
            time.sleep(pause)
            connection.request("GET", "/")  # on the same socket; a closed one would raise
            assert connection.getresponse().read() == b"Not Found"
        connection.close()


def test_a_taken_port_is_told_before_a_database_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = commands.run(["serve", "--port", port], folder=tmp_path, SEBILLING_VAR=str(tmp_path / "var"))
    assert (done.returncode, "choose another port" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "var").exists()
