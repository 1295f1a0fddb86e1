"""Messages on SeBilling's events. A hook only writes them to a file; a task of the plugin sends what waits there."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sebilling.plugins.hookspecs import Context, Event, hookimpl

from sebilling_notify import clock, composing
from sebilling_notify.channels import Channel, Telegram, Webhook, WhatsApp
from sebilling_notify.queue import Queue
from sebilling_notify.sender import Sender
from sebilling_notify.settings import Settings, load

SEBILLING_PLUGIN_API: Final = (1, 0)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Running:
    """The plugin between its start and its end. `open` makes it on the loop that sends."""

    settings: Settings
    context: Context
    queue: Queue
    sender: Sender
    loop: asyncio.AbstractEventLoop
    now: Callable[[], datetime]
    task: "asyncio.Task[None] | None" = None

    @classmethod
    def open(cls, settings: Settings, context: Context, *, now: Callable[[], datetime] = clock.now) -> "Running":
        """Open the queue's file and begin to send what waits in it. Raises OSError, sqlite3.Error."""
        queue = Queue(settings.queue_file, most=settings.most_waiting, clock=now)
        sender = Sender(
            queue, channels(settings, now), lock=settings.queue_file.with_suffix(".lock"), clock=now,
            max_age=timedelta(hours=settings.max_age_hours), timeout_seconds=settings.timeout_seconds,
        )  # fmt: skip
        running = cls(settings, context, queue, sender, asyncio.get_running_loop(), now)
        running.task = running.loop.create_task(sender.run())
        running.task.add_done_callback(_say_why)
        return running

    def take(self, event: Event) -> int:
        """Put the event's messages into the queue; gives how many are new. From any thread. Raises QueueFull, and what context does."""
        if self.now() - event.at > timedelta(hours=self.settings.max_age_hours):
            return 0
        messages = [*composing.webhooks(event, self.settings), *composing.texts(event, self.context, self.settings)]
        try:
            return self.queue.put(messages)
        finally:
            self._wake()

    def remind(self) -> int:
        """Put reminders into the queue, each once."""
        if "reminder" not in (*self.settings.whatsapp_messages, *self.settings.telegram_messages):
            return 0
        added = self.queue.put(composing.reminders(self.context, self.settings))
        self._wake()
        return added

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the next start sends
            self.loop.call_soon_threadsafe(self.sender.wake)

    async def close(self) -> None:
        """Stop sending; what waits stays in the file."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        self.queue.close()


def channels(settings: Settings, now: Callable[[], datetime]) -> list[Channel]:
    """Where these settings send to."""
    found: list[Channel] = []
    if settings.webhook_secret is not None:
        found += [Webhook(url, settings.webhook_secret, now) for url in settings.webhook_urls]
    if settings.whatsapp_url:
        found.append(
            WhatsApp(
                settings.whatsapp_url, settings.whatsapp_token, settings.whatsapp_token_header, settings.whatsapp_phone_field,
                settings.whatsapp_text_field, settings.whatsapp_extra, settings.whatsapp_per_minute,
            )
        )  # fmt: skip
    if settings.telegram_chat and settings.telegram_token is not None:
        found.append(Telegram(settings.telegram_url, settings.telegram_token))
    return found


def _say_why(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("sending has ended: %s; start the worker anew", type(task.exception()).__name__)


_running: Running | None = None


@hookimpl
async def sebilling_startup(context: Context) -> None:
    """Read the settings and begin to send. Raises BadSettings."""
    global _running  # noqa: PLW0603 - a module is what hooks are called on
    settings = load()
    if not settings.has_work:
        _log.info("nothing is set to be sent: see SEBILLING_NOTIFY_WEBHOOK_URLS, _WHATSAPP_URL and _TELEGRAM_CHAT")
        return
    if _running is None:
        _running = Running.open(settings, context)


@hookimpl
async def sebilling_shutdown() -> None:
    """Stop sending."""
    global _running
    running, _running = _running, None
    if running is not None:
        await running.close()


@hookimpl
def sebilling_hourly() -> None:
    """Remind who will be cut soon."""
    if _running is not None:
        _running.remind()


def _take(event: Event) -> None:
    if _running is not None:
        _running.take(event)


@hookimpl
def sebilling_invoices_issued(event: Event) -> None:
    """Tell each customer their invoice."""
    _take(event)


@hookimpl
def sebilling_payment_recorded(event: Event) -> None:
    """Tell the customer that their money came."""
    _take(event)


@hookimpl
def sebilling_payment_reversed(event: Event) -> None:
    """Tell the staff."""
    _take(event)


@hookimpl
def sebilling_deposit_verified(event: Event) -> None:
    """Tell the staff."""
    _take(event)


@hookimpl
def sebilling_customer_blocked(event: Event) -> None:
    """Tell the customer that they were cut."""
    _take(event)


@hookimpl
def sebilling_customer_restored(event: Event) -> None:
    """Tell the customer that they are back."""
    _take(event)


@hookimpl
def sebilling_isolation_failed(event: Event) -> None:
    """Tell the staff."""
    _take(event)


@hookimpl
def sebilling_device_health_changed(event: Event) -> None:
    """Tell the staff."""
    _take(event)
