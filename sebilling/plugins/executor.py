"""Where a plugin's hooks run: in threads of their own, coroutines on a loop of the plugin's own. Nothing that they do stops ours."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

MAX_UNENDED: Final = 20
"""Calls of one plugin that may run on after their deadline, each with its thread."""
_CLOSE_SECONDS: Final = 1.0


class PluginUnresponsive(Exception):
    """So many calls of the plugin never ended that it isn't called any more: mend it, then start the worker anew."""


class PluginExecutor:
    """The threads of one plugin, and its loop, which is made with the first coroutine. `close()` it at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._unended: set[object] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], list[Any]], *, seconds: float) -> None:
        """Call it, and await what it gives, within `seconds`. What takes longer is left behind; a coroutine is cancelled.

        Raises TimeoutError, PluginUnresponsive, and whatever the call raises, SystemExit among it.
        """
        if len(self._unended) >= MAX_UNENDED:
            raise PluginUnresponsive(
                f"{MAX_UNENDED} calls of it never ended, so it isn't called any more: mend it, then start the worker anew"
            )
        try:
            async with asyncio.timeout(seconds):
                for answer in await self._in_a_thread(call):
                    if inspect.isawaitable(answer):
                        await self._on_its_loop(answer)
        except TimeoutError as error:
            raise TimeoutError(*(error.args or (f"it didn't end within {seconds:g} seconds",))) from error

    async def _in_a_thread(self, call: Callable[[], Any]) -> Any:
        """What `call` gives, from a thread of its own: those of the loop's pool are few, and hooks that block would use them up.

        A daemon, so that one that stays blocked doesn't hold up the end of the process.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        token = object()

        def tell(answer: Any, error: BaseException | None) -> None:
            if not done.done():  # else it was left behind
                done.set_result((answer, error))

        def work() -> None:
            answer: Any = None
            failed: BaseException | None = None
            try:
                answer = call()
            except BaseException as error:  # noqa: BLE001 - SystemExit too is only this hook's end
                failed = error
            self._unended.discard(token)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, answer, failed)

        self._unended.add(token)
        threading.Thread(target=work, name=f"sebilling-hook-{self._name}", daemon=True).start()
        answer, error = await done
        if error is not None:
            raise error
        return answer

    async def _on_its_loop(self, work: Awaitable[Any]) -> None:
        """Await it on the plugin's loop: one that blocks there instead of waiting holds up its own plugin only."""
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
        """End its loop, and cancel what still runs there. One that is blocked is left behind."""
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
        for task in (left := asyncio.all_tasks(loop)):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        loop.close()
