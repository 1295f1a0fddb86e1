"""A wire between driver and database that breaks where it is told to."""

import asyncio
from typing import Final, Self

from sebilling.plugins.testing import stop_listening

_READY: Final = b"Z"


class Link:
    """A TCP relay on 127.0.0.1, `link.port`. `cut_after` says after how many answers of the server it breaks; what breaks stays broken."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.cut_after: int | None = None
        self.cut_at: bytes | None = None
        """Or: it breaks at the request that has these words in it."""
        self.made = True
        """Whether the server gets the request whose answer is lost."""
        self.answers = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sever()

    async def listen(self) -> None:
        """Take connections again, and break nothing."""
        self.cut_after, self.cut_at, self.answers, self.made = None, None, 0, True
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    @property
    def _broken(self) -> bool:
        return self.cut_after is not None and self.answers >= self.cut_after

    async def sever(self) -> None:
        """Break every connection and take no new one."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = [writer]
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(forth)
            self._writers.update(ends)
            await asyncio.gather(self._requests(reader, forth), self._answers(back, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for one in ends:
                one.transport.abort()
                self._writers.discard(one)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.cut_at is not None and self.cut_at in data:
                self.cut_after = self.answers
            if not self.made and self._broken:
                raise OSError
            writer.write(data)
        writer.transport.abort()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            if head[:1] == _READY:
                if self._broken:
                    raise OSError  # the server has done it, the answer is lost
                self.answers += 1
            writer.write(head + body)
