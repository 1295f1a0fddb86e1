"""Execution of plugins' hooks: functions in threads, coroutines on an event loop of the plugin, so that they can't block the core."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from sebilling.language import Sentence

MAX_UNENDED: Final = 20
"""Maximum number of a plugin's calls still running after their deadline, each with its thread."""
_CLOSE_SECONDS: Final = 1.0


UNRESPONSIVE: Final = Sentence(
    f"{MAX_UNENDED} calls of it never ended, so it is no longer called: fix the plugin, then restart the worker",
    f"{MAX_UNENDED} panggilannya tidak pernah selesai, jadi tidak dipanggil lagi: perbaiki pluginnya, lalu mulai ulang worker",
)


class PluginUnresponsive(Exception):
    """Too many calls of the plugin never ended, so it is no longer called until the worker is restarted."""

    def __init__(self) -> None:
        super().__init__(UNRESPONSIVE.english)


class PluginExecutor:
    """Threads and event loop of one plugin. The loop is created for the first coroutine. Call `close()` at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._unended: set[object] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], list[Any]], *, seconds: float) -> None:
        """Execute a call, and await its results, within `seconds`. After that a thread is abandoned; a coroutine is cancelled.

        Raises TimeoutError, PluginUnresponsive, and whatever the call raises, including SystemExit.
        """
        if len(self._unended) >= MAX_UNENDED:
            raise PluginUnresponsive
        try:
            async with asyncio.timeout(seconds):
                for answer in await self._in_a_thread(call):
                    if inspect.isawaitable(answer):
                        await self._on_its_loop(answer)
        except TimeoutError as error:
            raise TimeoutError(*(error.args or (f"it didn't end within {seconds:g} seconds",))) from error

    async def _in_a_thread(self, call: Callable[[], Any]) -> Any:
        """Execute `call` in a new thread: the loop's pool has few, and hooks that block would use them up.

        It is a daemon thread, so that a blocked one doesn't prevent the process from ending.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        token = object()

        def tell(answer: Any, error: BaseException | None) -> None:
            if not done.done():  # otherwise it was abandoned
                done.set_result((answer, error))

        def work() -> None:
            answer: Any = None
            failed: BaseException | None = None
            try:
                answer = call()
            except BaseException as error:  # noqa: BLE001 - SystemExit too must end only this hook
                failed = error
            self._unended.discard(token)
            with suppress(RuntimeError):  # the loop is closed: nobody waits for the result
                loop.call_soon_threadsafe(tell, answer, failed)

        self._unended.add(token)
        threading.Thread(target=work, name=f"sebilling-hook-{self._name}", daemon=True).start()
        answer, error = await done
        if error is not None:
            raise error
        return answer

    async def _on_its_loop(self, work: Awaitable[Any]) -> None:
        """Await a coroutine on the plugin's loop, so that one that blocks delays only its own plugin."""
        token = object()

        async def watched() -> BaseException | None:
            try:
                await work
            except (Exception, SystemExit) as error:  # noqa: BLE001 - SystemExit would end the loop
                return error
            finally:
                self._unended.discard(token)
            return None

        self._unended.add(token)
        error = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(watched(), self._started()))
        if error is not None:
            raise error

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(loop,), name=f"sebilling-plugin-{self._name}", daemon=True)
            self._thread.start()
        return self._loop

    async def close(self) -> None:
        """Stop the plugin's loop, and cancel what still runs there. A blocked loop is abandoned."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    while thread.is_alive():  # noqa: ASYNC110 - a thread can't be awaited
                        await asyncio.sleep(0.01)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        for task in (remaining := asyncio.all_tasks(loop)):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*remaining, return_exceptions=True))
    finally:
        loop.close()
