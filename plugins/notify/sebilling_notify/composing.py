"""Compose the messages of an event: the event itself for each webhook, a text for a customer or the staff."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sebilling.plugins.hookspecs import Context, Customer, Event

from sebilling_notify import phones
from sebilling_notify.channels import Telegram, WhatsApp
from sebilling_notify.queue import New
from sebilling_notify.settings import Settings
from sebilling_notify.templates import day, render, rupiah

_log = logging.getLogger(__name__)
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """A text to compose: its template, its customer, its fields, and what distinguishes it from others of the same event."""

    template: str
    customer: Customer | None
    fields: Mapping[str, str]
    part: str = ""


def webhooks(event: Event, settings: Settings) -> Iterator[New]:
    """Return the unchanged event for each webhook. The target is the event's id, for the header."""
    told = {
        "id": event.id, "at": event.at.isoformat(), "kind": event.kind, "actor": event.actor, "subject": event.subject,
        "subjectId": event.subject_id, "counterId": event.counter_id, "data": dict(event.data),
    }  # fmt: skip
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    for url in settings.webhook_urls:
        yield New(f"webhook {url} {event.id}", f"webhook {url}", str(event.id), body)


def texts(event: Event, context: Context, settings: Settings) -> Iterator[New]:
    """Return the texts of an event."""
    write = _WRITERS.get(event.kind)
    if write is not None:
        for told in write(event, context):
            yield from _addressed(told, f"{event.id}{told.part}", context, settings)


def reminders(context: Context, settings: Settings) -> Iterator[New]:
    """Return reminders for customers who will be blocked soon, one per customer and block date."""
    for due in context.upcoming_blocks(within_days=settings.reminder_days):
        fields = {"amount": rupiah(due.amount), "block_on": day(due.block_on)}
        yield from _addressed(Told("reminder", due.customer, fields), f"{due.customer.id} {due.block_on}", context, settings)


def _addressed(told: Told, key: str, context: Context, settings: Settings) -> Iterator[New]:
    template, customer = told.template, told.customer
    phone = ""
    if customer is not None and customer.phone.strip() and settings.whatsapp_url and template in settings.whatsapp_messages:
        phone = phones.international(customer.phone)
        if not phone:
            _log.warning("customer %s gets no message: the phone isn't a number that WhatsApp could have; correct it", customer.id)
    is_for_staff = template in settings.telegram_messages and settings.telegram_chat
    if not phone and not is_for_staff:
        return
    text = render(template, settings.templates, {**_about(customer, context), **told.fields})
    if phone:
        yield New(f"{WhatsApp.lane} {template} {key}", WhatsApp.lane, phone, text)
    if is_for_staff:
        yield New(f"{Telegram.lane} {template} {key}", Telegram.lane, settings.telegram_chat, text)


def _about(customer: Customer | None, context: Context) -> Mapping[str, str]:
    if customer is None:
        return {"name": "?", "code": "?", "counter": "", "owes": "", "company": "", "link": ""}
    return {
        "name": customer.name, "code": customer.code, "counter": customer.counter, "owes": rupiah(customer.owes),
        "company": context.company(), "link": f"\nTagihan dan cara bayar: {customer.page}" if customer.page else "",
    }  # fmt: skip


def _invoices(event: Event, context: Context) -> Iterator[Told]:
    skip = 0
    while bills := context.invoices(event, skip=skip, most=_PAGE):
        for bill in bills:
            fields = {"number": bill.number, "amount": rupiah(bill.total), "due_on": day(bill.due_on)}
            if bill.outstanding > 0:  # the others are paid from credit
                yield Told("invoice", bill.customer, fields, f" {bill.number}")
        skip += len(bills)


def _of_customer(template: str, fields: Callable[[Event], Mapping[str, str]]) -> Callable[[Event, Context], Iterator[Told]]:
    def write(event: Event, context: Context) -> Iterator[Told]:
        yield Told(template, context.customer(event.data["customer_id"]), fields(event))

    return write


def _deposit(event: Event, _: Context) -> Iterator[Told]:
    data = event.data
    fields = {name: rupiah(data[name]) for name in ("amount", "counted", "difference")}
    yield Told("deposit", None, {"actor": event.actor, **fields})


def _health(event: Event, _: Context) -> Iterator[Told]:
    status = "bisa dihubungi" if event.data.get("reachable") else "tidak bisa dihubungi"
    problems = "; ".join(_in_indonesian(problem) for problem in event.data.get("problems", ()))
    yield Told("health", None, {"device": str(event.data["name"]), "status": status, "reason": problems})


def _reason(event: Event, name: str) -> str:
    return _in_indonesian(event.data.get(name))


def _in_indonesian(value: object) -> str:
    """Return a text of an event: the Indonesian one of a text in both languages, what was typed as it is."""
    return str(value["id"] if isinstance(value, Mapping) else "" if value is None else value)


def _nothing(_: Event) -> Mapping[str, str]:
    return {}


def _amount(event: Event) -> Mapping[str, str]:
    return {"amount": rupiah(event.data["amount"])}


def _reversal(event: Event) -> Mapping[str, str]:
    return {**_amount(event), "actor": event.actor, "reason": _reason(event, "reason")}


def _failure(event: Event) -> Mapping[str, str]:
    return {"reason": _reason(event, "error")}


_WRITERS: Final[Mapping[str, Callable[[Event, Context], Iterator[Told]]]] = {
    "invoices.issued": _invoices,
    "payment.recorded": _of_customer("payment", _amount),
    "payment.reversed": _of_customer("reversed", _reversal),
    "customer.blocked": _of_customer("blocked", _nothing),
    "customer.restored": _of_customer("restored", _nothing),
    "isolation.failed": _of_customer("failed", _failure),
    "deposit.verified": _deposit,
    "device.health_changed": _health,
}
