"""Customers (pelanggan): their details, plan and counter."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypedDict, Unpack

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling import events
from sebilling.billing import billing_cycles, phones, validation
from sebilling.billing.validation import Problems
from sebilling.customer_errors import Archived
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyExists, GenerationRunning, InvalidDate, NotFound
from sebilling.events.customers import CustomerChanged, CustomerCreated, CustomerValues
from sebilling.events.ids import CounterId, PlanId
from sebilling.language import Sentence
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class CustomerDetails:
    """Details of a customer. `price` is an agreed monthly price in rupiah that replaces the plan's, `due_day` one that replaces the
    counter's.
    """

    code: str
    name: str
    counter_id: int
    plan_id: int
    installed_on: date
    phone: str = ""
    address: str = ""
    price: int | None = None
    active: bool = True
    due_day: int | None = None
    pppoe_name: str | None = None


class CustomerChanges(TypedDict, total=False):
    """Fields of CustomerDetails to change; the others stay as they are."""

    name: str
    counter_id: int
    plan_id: int
    installed_on: date
    phone: str
    address: str
    price: int | None
    active: bool
    due_day: int | None
    pppoe_name: str | None


@dataclass(frozen=True, slots=True)
class _Archived:
    """Whether the counter and the plan are archived; None if there is none."""

    counter: bool | None
    plan: bool | None


@dataclass(frozen=True, slots=True)
class _Taken:
    """Whether other customers have the code and the PPPoE name."""

    code: bool
    pppoe_name: bool


_NAMES: Final = CustomerDetails.__match_args__
_COLUMNS: Final = ", ".join(_NAMES)
_INSERT: Final = text(
    f"""
    INSERT INTO customer ({_COLUMNS}, created_at)
    VALUES ({", ".join(f":{name}" for name in _NAMES)}, :at)
    ON CONFLICT DO NOTHING RETURNING id
    """
)
_LOCK: Final = text(f"SELECT {_COLUMNS} FROM customer WHERE id = :id FOR NO KEY UPDATE")
# Locked against being archived meanwhile.
_FIND: Final = text(
    """
    SELECT (SELECT archived_at IS NOT NULL FROM counter WHERE id = :counter_id FOR KEY SHARE) AS counter,
           (SELECT archived_at IS NOT NULL FROM plan WHERE id = :plan_id FOR KEY SHARE) AS plan
    """
)
_TAKEN: Final = text(
    """
    SELECT coalesce(bool_or(code = :code), false) AS code, coalesce(bool_or(pppoe_name = :pppoe_name), false) AS pppoe_name
      FROM customer WHERE (code = :code OR pppoe_name = :pppoe_name) AND code <> :own_code
    """
)
_SET: Final = ", ".join(f"{name} = :{name}" for name in _NAMES if name != "code")
_UPDATE: Final = text(f"UPDATE customer SET {_SET}, version = version + 1 WHERE id = :id")
# Exclusively, as whoever adds invoices does (db/sql/invoice_checks.sql): each customer's invoices are added under one lock.
_LOCK_COUNTERS: Final = text(
    """
    SELECT id FROM (SELECT id FROM counter WHERE id IN (:one, :other) ORDER BY id FOR NO KEY UPDATE) counter,
                   pg_advisory_xact_lock(1, id::int)
    """
)
_MOVE: Final = text(
    """
    INSERT INTO customer_move (customer_id, from_counter_id, to_counter_id, moved_at, moved_by) VALUES (:id, :one, :other, :at, :user)
    """
)
_UNFINISHED: Final = text(
    """
    SELECT counter.code FROM generation_run
      JOIN generation_task ON run_id = generation_run.id AND NOT finished
      JOIN counter ON counter.id = counter_id
     WHERE finished_at IS NULL AND counter_id IN (:one, :other) LIMIT 1
    """
)


async def create(session: WriteSession, details: CustomerDetails) -> int:
    """Add a customer and return the id. Raises InvalidText, InvalidAmount, InvalidDate, InvalidInputs, NotFound, Archived,
    AlreadyExists.
    """
    details = await _checked(session, details, before=None)
    values = _columns(details)
    customer_id = await session.value(_INSERT, {**values, "at": session.at}, kind=int)
    if customer_id is None:
        with Problems() as check:
            await _tell_taken(session, details, check, before=None)
        raise RuntimeError("a customer was not added, and neither the code nor the PPPoE name is taken")
    await events.append(session, CustomerCreated(after=_logged(details)), subject_id=customer_id, counter_id=details.counter_id)
    return customer_id


async def update(session: WriteSession, customer_id: int, **changes: Unpack[CustomerChanges]) -> None:
    """Change fields of a customer. Issued invoices stay as they are.

    Postponing the installation also postpones a billing cycle that would begin before it, and raises AlreadyInvoiced if days
    before it are invoiced.

    Moving to another counter raises GenerationRunning while a run is unfinished at either counter, so that each run accounts for
    exactly the customers it began with. Raises like `create`.
    """
    current = await session.row(_LOCK, {"id": customer_id}, into=CustomerDetails)
    if current is None or current.counter_id not in session.actor.scope:
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    details = await _checked(session, replace(current, **changes), before=current)
    if details.counter_id != current.counter_id:
        counters = {"one": current.counter_id, "other": details.counter_id}
        await session.values(_LOCK_COUNTERS, counters, kind=int)
        if (code := await session.value(_UNFINISHED, counters, kind=str)) is not None:
            raise GenerationRunning(field="counter_id", what=code)
        await session.execute(_MOVE, {**counters, "id": customer_id, "at": session.at, "user": session.actor.user_id})
    if details.installed_on > current.installed_on:
        await billing_cycles.put_off(session, customer_id, current.counter_id, installed_on=details.installed_on)
    try:
        await session.execute(_UPDATE, {**_columns(details), "id": customer_id})
    except IntegrityError as error:  # its only unique column
        raise AlreadyExists(field="pppoe_name", noun=Noun.CUSTOMER, given=details.pppoe_name) from error
    before, after = events.changed(_logged(current), _logged(details))
    await events.append(session, CustomerChanged(before=before, after=after), subject_id=customer_id, counter_id=details.counter_id)


async def _checked(session: WriteSession, details: CustomerDetails, *, before: CustomerDetails | None) -> CustomerDetails:
    """Check every field and return the details as they are stored. An archived counter or plan is kept by whoever has it."""
    pppoe, pppoe_name = Sentence("The PPPoE name", "Nama PPPoE"), details.pppoe_name
    archived = await session.only_row(_FIND, {"counter_id": details.counter_id, "plan_id": details.plan_id}, into=_Archived)
    with Problems() as check:
        stored = replace(
            details,
            code=check(validation.customer_code, details.code, field="code"),
            name=check(validation.clean, details.name, what=Sentence("The name", "Nama"), field="name"),
            address=check(
                validation.clean, details.address, what=Sentence("The address", "Alamat"), field="address", most=500, required=False
            ),
            phone=check(phones.read, details.phone, field="phone"),
            price=None if details.price is None else check(validation.rupiah, details.price, field="price"),
            due_day=None if details.due_day is None else check(validation.due_day, details.due_day),
            pppoe_name=None if pppoe_name is None else check(validation.key, pppoe_name, what=pppoe, field="pppoe_name", most=64),
        )
        if not 1990 <= details.installed_on.year <= 2199:
            why = Sentence("the installation lies between 1990 and 2199.", "tanggal pemasangan harus antara tahun 1990 dan 2199.")
            check.add(InvalidDate(field="installed_on", given=details.installed_on, why=why))
        if archived.counter is None or details.counter_id not in session.actor.scope:
            check.add(NotFound(field="counter_id", noun=Noun.COUNTER, given=details.counter_id))
        elif archived.counter and _joins_counter(details, before):
            check.add(Archived(field="counter_id", noun=Noun.COUNTER, given=details.counter_id))
        if archived.plan is None:
            check.add(NotFound(field="plan_id", noun=Noun.PLAN, given=details.plan_id))
        elif archived.plan and (before is None or before.plan_id != details.plan_id):
            check.add(Archived(field="plan_id", noun=Noun.PLAN, given=details.plan_id))
        if check.found:
            await _tell_taken(session, stored, check, before=before)
    return stored


def _joins_counter(details: CustomerDetails, before: CustomerDetails | None) -> bool:
    """Whether the counter gets one more active customer, or one who was moved to it."""
    return before is None or before.counter_id != details.counter_id or (details.active and not before.active)


async def _tell_taken(session: WriteSession, details: CustomerDetails, check: Problems, *, before: CustomerDetails | None) -> None:
    """Add a problem for each of code and PPPoE name that another customer has."""
    own_code = "" if before is None else before.code
    wanted = {"code": details.code, "pppoe_name": details.pppoe_name, "own_code": own_code}
    taken = await session.only_row(_TAKEN, wanted, into=_Taken)
    if taken.code:
        check.add(AlreadyExists(field="code", noun=Noun.CUSTOMER, given=details.code))
    if taken.pppoe_name:
        check.add(AlreadyExists(field="pppoe_name", noun=Noun.CUSTOMER, given=details.pppoe_name))


def _columns(details: CustomerDetails) -> dict[str, object]:
    return {
        "code": details.code, "name": details.name, "counter_id": details.counter_id, "plan_id": details.plan_id,
        "installed_on": details.installed_on, "phone": details.phone, "address": details.address, "price": details.price,
        "due_day": details.due_day,
        "active": details.active, "pppoe_name": details.pppoe_name,
    }  # fmt: skip


def _logged(details: CustomerDetails) -> CustomerValues:
    """Return the details for the event log."""
    return CustomerValues(
        code=details.code, name=details.name, counter_id=CounterId.of(details.counter_id), plan_id=PlanId.of(details.plan_id),
        installed_on=details.installed_on, phone=details.phone, address=details.address, price=details.price, active=details.active,
        due_day=details.due_day,
        pppoe_name=details.pppoe_name,
    )  # fmt: skip
