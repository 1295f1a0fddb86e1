"""Send messages on SeBilling's events. A hook only writes them to a queue file; a background task sends them."""

import logging
from typing import TYPE_CHECKING, Final

from sebilling.plugins.hookspecs import Context, Event, hookimpl

from sebilling_notify.settings import load

if TYPE_CHECKING:
    from sebilling_notify.running import Running

SEBILLING_PLUGIN_API: Final = (2, 0)
_log = logging.getLogger(__name__)
_running: "Running | None" = None


@hookimpl
async def sebilling_startup(context: Context) -> None:
    """Read the settings and start sending. Raises BadSettings."""
    global _running  # noqa: PLW0603 - a module is what hooks are called on
    settings = load()
    if not settings.has_work:
        _log.info("nothing is set to be sent: see SEBILLING_NOTIFY_WEBHOOK_URLS, _WHATSAPP_URL and _TELEGRAM_CHAT")
        return
    if _running is None:
        from sebilling_notify.running import Running  # noqa: PLC0415 - httpx takes long to import, and an ISP that sends nothing doesn't need it

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
    """Remind customers who will be blocked soon."""
    if _running is not None:
        _running.remind()


def _take(event: Event) -> None:
    if _running is not None:
        _running.take(event)


@hookimpl
def sebilling_invoices_issued(event: Event) -> None:
    """Notify each customer of their invoice."""
    _take(event)


@hookimpl
def sebilling_payment_recorded(event: Event) -> None:
    """Notify the customer that their payment was recorded."""
    _take(event)


@hookimpl
def sebilling_payment_reversed(event: Event) -> None:
    """Notify the staff of a reversed payment."""
    _take(event)


@hookimpl
def sebilling_deposit_verified(event: Event) -> None:
    """Notify the staff of a verified deposit."""
    _take(event)


@hookimpl
def sebilling_customer_blocked(event: Event) -> None:
    """Notify the customer that they were blocked."""
    _take(event)


@hookimpl
def sebilling_customer_restored(event: Event) -> None:
    """Notify the customer that they were restored."""
    _take(event)


@hookimpl
def sebilling_isolation_failed(event: Event) -> None:
    """Notify the staff of a failed block or restore."""
    _take(event)


@hookimpl
def sebilling_device_health_changed(event: Event) -> None:
    """Notify the staff of a device's changed health."""
    _take(event)
