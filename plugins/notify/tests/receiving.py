"""A receiver on a socket, which answers as it is told."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl


@dataclass
class Request:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Answer:
    """What goes back. `hangs`: nothing does. `drops`: the request was taken, the answer is lost."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    drops: bool = False


class Receiver:
    """An HTTP server on loopback; answers in turn, then 200 for ever, or as `decide` says."""

    def __init__(self, *answers: Answer, decide: Callable[[Request], Answer] | None = None) -> None:
        self._answers, self._decide = list(answers), decide
        self.requests: list[Request] = []
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while line := await reader.readline():
                headers = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(line.decode().split()[1], headers, body, asyncio.get_running_loop().time())
                self.requests.append(request)
                answer = self._decide(request) if self._decide else self._answers.pop(0) if self._answers else Answer()
                if answer.hangs:
                    await asyncio.sleep(3600)
                if answer.drops:
                    break
                told = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
                writer.write(f"HTTP/1.1 {answer.status} x\r\nContent-Length: {len(answer.body)}\r\n{told}\r\n".encode() + answer.body)
                await writer.drain()
        writer.close()
