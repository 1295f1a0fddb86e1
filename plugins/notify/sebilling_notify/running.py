"""The running plugin: its queue, its channels and the task that sends. Imported only if a receiver is set."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sebilling.plugins.hookspecs import Context, Event

from sebilling_notify import clock, composing
from sebilling_notify.channels import Channel, Telegram, Webhook, WhatsApp
from sebilling_notify.queue import Queue
from sebilling_notify.sender import Sender
from sebilling_notify.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Running:
    """The running plugin. Create it with `open` on the event loop that sends."""

    settings: Settings
    context: Context
    queue: Queue
    sender: Sender
    loop: asyncio.AbstractEventLoop
    now: Callable[[], datetime]
    task: "asyncio.Task[None] | None" = None

    @classmethod
    def open(cls, settings: Settings, context: Context, *, now: Callable[[], datetime] = clock.now) -> "Running":
        """Open the queue file and start sending its messages. Raises OSError, sqlite3.Error."""
        queue = Queue(settings.queue_file, most=settings.max_waiting, clock=now)
        sender = Sender(
            queue, channels(settings, now), lock=settings.queue_file.with_suffix(".lock"), clock=now,
            max_age=timedelta(hours=settings.max_age_hours), timeout_seconds=settings.timeout_seconds,
        )  # fmt: skip
        running = cls(settings, context, queue, sender, asyncio.get_running_loop(), now)
        running.task = running.loop.create_task(sender.run())
        running.task.add_done_callback(_say_why)
        return running

    def take(self, event: Event) -> int:
        """Queue the event's messages; return how many are new. Thread-safe. Raises QueueFull, and what context raises."""
        if self.now() - event.at > timedelta(hours=self.settings.max_age_hours):
            return 0
        messages = [*composing.webhooks(event, self.settings), *composing.texts(event, self.context, self.settings)]
        try:
            return self.queue.put(messages)
        finally:
            self._wake()

    def remind(self) -> int:
        """Queue reminders, each once."""
        if "reminder" not in (*self.settings.whatsapp_messages, *self.settings.telegram_messages):
            return 0
        added = self.queue.put(composing.reminders(self.context, self.settings))
        self._wake()
        return added

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the messages are sent after the next start
            self.loop.call_soon_threadsafe(self.sender.wake)

    async def close(self) -> None:
        """Stop sending; waiting messages stay in the file."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        self.queue.close()


def channels(settings: Settings, now: Callable[[], datetime]) -> list[Channel]:
    """Return the channels of these settings."""
    enabled: list[Channel] = []
    if settings.webhook_secret is not None:
        enabled += [Webhook(url, settings.webhook_secret, now) for url in settings.webhook_urls]
    if settings.whatsapp_url:
        enabled.append(
            WhatsApp(
                settings.whatsapp_url, settings.whatsapp_token, settings.whatsapp_token_header, settings.whatsapp_phone_field,
                settings.whatsapp_text_field, settings.whatsapp_extra, settings.whatsapp_per_minute,
            )
        )  # fmt: skip
    if settings.telegram_chat and settings.telegram_token is not None:
        enabled.append(Telegram(settings.telegram_url, settings.telegram_token))
    return enabled


def _say_why(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("sending has ended: %s; start the worker anew", type(task.exception()).__name__)
