"""How we are served: what a client or a proxy in front of us relies on."""

import time
from http.client import HTTPConnection

from starlette.applications import Starlette

from sebilling.server import listening_socket, serving


def test_an_idle_connection_is_kept_for_longer_than_clients_keep_theirs() -> None:
    """Closed first by us, what a client sends at that moment is lost: httpx closes after 5 s, as uvicorn itself would."""
    with serving(Starlette(), listening_socket("127.0.0.1", 0)) as address:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        for pause in (0, 6.5):
            time.sleep(pause)
            connection.request("GET", "/")  # on the same socket; a closed one would raise
            assert connection.getresponse().read() == b"Not Found"
        connection.close()
