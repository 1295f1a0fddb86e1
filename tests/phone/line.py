"""A bad line: a TCP proxy that loses answers after the request has reached the server."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class BadLine:
    """Passes on whatever a phone sends; of each answer it first reads something, and then may hang up instead of passing it on.

    `lost` is the probability of that. A third of the lost answers are cut in the middle, the others are lost whole.
    """

    def __init__(self, host: str, port: int, *, lost: float, seed: int) -> None:
        self.lost = lost
        self.answers = self.dropped = self.cut = 0
        self._server = (host, port)
        self._chance = random.Random(seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self.address = ""

    async def listen(self) -> asyncio.Server:
        """Be called at a free port of this machine."""
        server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def hang_up(self) -> None:
        """End all calls, also those that are just being taken; no task is cancelled, as that could miss its own clean-up."""
        while asyncio.all_tasks() - {asyncio.current_task()}:
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)  # what was hung up is closed by the loop's next turns

    def _taken(self, phone: asyncio.StreamReader, to_phone: asyncio.StreamWriter) -> None:
        self._writers.add(to_phone)
        call = asyncio.create_task(self._call(phone, to_phone))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, phone: asyncio.StreamReader, to_phone: asyncio.StreamWriter) -> None:
        writers = [to_phone]
        try:
            with suppress(ConnectionError):
                server, to_server = await asyncio.open_connection(*self._server)
                writers.append(to_server)
                self._writers.add(to_server)
                waiting = {"for an answer": False}
                requests = asyncio.create_task(self._pass_requests(phone, to_server, waiting))
                try:
                    await self._pass_answers(server, to_phone, waiting)
                finally:
                    requests.cancel()
                    await asyncio.gather(requests, return_exceptions=True)
        finally:
            for writer in writers:
                writer.transport.abort()
                self._writers.discard(writer)

    @staticmethod
    async def _pass_requests(phone: asyncio.StreamReader, to_server: asyncio.StreamWriter, waiting: dict[str, bool]) -> None:
        while chunk := await phone.read(65_536):
            waiting["for an answer"] = True
            to_server.write(chunk)
            await to_server.drain()
        to_server.write_eof()

    async def _pass_answers(self, server: asyncio.StreamReader, to_phone: asyncio.StreamWriter, waiting: dict[str, bool]) -> None:
        while chunk := await server.read(65_536):
            if waiting["for an answer"]:  # its first bytes: the server has done what it was asked for
                waiting["for an answer"] = False
                self.answers += 1
                if self._chance.random() < self.lost:
                    self.dropped += 1
                    if self._chance.random() < 1 / 3:
                        self.cut += 1
                        to_phone.write(chunk[: len(chunk) // 2])
                        await to_phone.drain()
                    return
            to_phone.write(chunk)
            await to_phone.drain()


@contextmanager
def bad_line(address: str, *, lost: float, seed: int = 0) -> Iterator[BadLine]:
    """A line to the server at `address` (http://host:port), in a thread of its own."""
    host, port = address.removeprefix("http://").split(":")
    line, ready, done = BadLine(host, int(port), lost=lost, seed=seed), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        async with await line.listen():
            ready.set()
            await done.wait()
        await line.hang_up()

    thread = threading.Thread(target=lambda: asyncio.run(work()), name="bad line", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield line
    finally:
        loops[0].call_soon_threadsafe(done.set)
        thread.join(10)
        assert not thread.is_alive(), "a call doesn't end"
