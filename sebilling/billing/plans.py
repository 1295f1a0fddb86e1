"""Plans (paket): internet speeds sold at a monthly price."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypedDict, Unpack

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.billing.validation import Problems
from sebilling.customer_errors import AlreadyArchived, Archived
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import AlreadyExists, InputPath, InvalidAmount, NotFound
from sebilling.events.isp import PlanChanged, PlanCreated, PlanValues
from sebilling.language import Sentence
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class PlanDetails:
    """Details of a plan: `price` is rupiah a month, speeds are kbit/s, None if unknown."""

    name: str
    price: int
    rate_down_kbps: int | None = None
    rate_up_kbps: int | None = None


class PlanChanges(TypedDict, total=False):
    """Fields of PlanDetails to change; the others stay as they are."""

    name: str
    price: int
    rate_down_kbps: int | None
    rate_up_kbps: int | None


_NAMES: Final = PlanDetails.__match_args__
_COLUMNS: Final = ", ".join(_NAMES)
_INSERT: Final = text(
    f"""
    INSERT INTO plan ({_COLUMNS}, created_at) VALUES ({", ".join(f":{name}" for name in _NAMES)}, :at)
    ON CONFLICT (name) DO NOTHING RETURNING id
    """
)
_LOCK: Final = text(f"SELECT {_COLUMNS} FROM plan WHERE id = :id FOR NO KEY UPDATE")
_UPDATE: Final = text(f"UPDATE plan SET {', '.join(f'{name} = :{name}' for name in _NAMES)}, version = version + 1 WHERE id = :id")
_LOCK_ARCHIVED: Final = text("SELECT archived_at FROM plan WHERE id = :id FOR UPDATE")  # against customers who get it meanwhile
_ARCHIVE: Final = text("UPDATE plan SET archived_at = :archived_at, version = version + 1 WHERE id = :id")
_ARCHIVED: Final = text("SELECT archived_at IS NOT NULL FROM plan WHERE id = :id")
_NAMED: Final = text("SELECT EXISTS (SELECT FROM plan WHERE name = :name AND id <> :id)")
_MAX_RATE_KBPS: Final = 100_000_000


async def create(
    session: WriteSession, *, name: str, price: int, rate_down_kbps: int | None = None, rate_up_kbps: int | None = None
) -> int:
    """Add a plan at `price` rupiah a month and return its id.

    Raises InvalidText, InvalidAmount, InvalidInputs, AlreadyExists, Forbidden.
    """
    scope.central(session)
    plan = await _checked(session, PlanDetails(name, price, rate_down_kbps, rate_up_kbps))
    plan_id = await session.value(_INSERT, {**_bound(plan), "at": session.at}, kind=int)
    if plan_id is None:
        raise AlreadyExists(field="name", noun=Noun.PLAN, given=plan.name)
    await events.append(session, PlanCreated(after=_logged(plan)), subject_id=plan_id)
    return plan_id


async def update(session: WriteSession, plan_id: int, **changes: Unpack[PlanChanges]) -> None:
    """Change a plan, for future invoices: issued ones keep their price and the plan's name.

    No device is changed: a changed speed is for customers who get the plan from now on. Raises like `create`, and NotFound.
    """
    scope.central(session)
    current = await session.row(_LOCK, {"id": plan_id}, into=PlanDetails)
    if current is None:
        raise NotFound(field="plan_id", noun=Noun.PLAN, given=plan_id)
    plan = await _checked(session, replace(current, **changes), plan_id=plan_id)
    try:
        await session.execute(_UPDATE, {**_bound(plan), "id": plan_id})
    except IntegrityError as error:  # its only unique column
        raise AlreadyExists(field="name", noun=Noun.PLAN, given=plan.name) from error
    before, after = events.changed(_logged(current), _logged(plan))
    await events.append(session, PlanChanged(before=before, after=after), subject_id=plan_id)


async def archive(session: WriteSession, plan_id: int) -> None:
    """Archive a plan: no customer gets it any more, and those who have it keep it. Raises NotFound, AlreadyArchived, Forbidden."""
    await _set_archived(session, plan_id, archived=True)


async def unarchive(session: WriteSession, plan_id: int) -> None:
    """Bring an archived plan back. Raises NotFound, AlreadyArchived (it is in use), Forbidden."""
    await _set_archived(session, plan_id, archived=False)


async def _set_archived(session: WriteSession, plan_id: int, *, archived: bool) -> None:
    scope.central(session)
    row = await session.row(_LOCK_ARCHIVED, {"id": plan_id}, into=_Archived)
    if row is None:
        raise NotFound(field="plan_id", noun=Noun.PLAN, given=plan_id)
    if (row.archived_at is not None) == archived:
        raise AlreadyArchived.of(Noun.PLAN, plan_id, archived=archived)
    await session.execute(_ARCHIVE, {"id": plan_id, "archived_at": session.at if archived else None})
    changed = PlanChanged(before=PlanValues(archived=not archived), after=PlanValues(archived=archived))
    await events.append(session, changed, subject_id=plan_id)


@dataclass(frozen=True, slots=True)
class _Archived:
    archived_at: datetime | None


async def check_open(session: ReadSession, plan_id: int, *, field: InputPath = "plan_id") -> None:
    """Check that customers can get the plan. Raises NotFound, Archived."""
    archived = await session.value(_ARCHIVED, {"id": plan_id}, kind=bool)
    if archived is None:
        raise NotFound(field=field, noun=Noun.PLAN, given=plan_id)
    if archived:
        raise Archived(field=field, noun=Noun.PLAN, given=plan_id)


async def _checked(session: WriteSession, plan: PlanDetails, *, plan_id: int = 0) -> PlanDetails:
    """Check every field of a plan, which is a new one without `plan_id`, and return the details as they are stored."""
    with Problems() as check:
        stored = replace(
            plan,
            name=check(validation.clean, plan.name, what=Sentence("The name", "Nama"), field="name"),
            price=check(validation.rupiah, plan.price, field="price"),
        )
        for field, rate in (("rate_down_kbps", plan.rate_down_kbps), ("rate_up_kbps", plan.rate_up_kbps)):
            if rate is not None and not 1 <= rate <= _MAX_RATE_KBPS:
                check.add(InvalidAmount(field=field, given=rate, least=1, most=_MAX_RATE_KBPS))
        if check.found and await session.only_value(_NAMED, {"name": stored.name, "id": plan_id}, kind=bool):
            check.add(AlreadyExists(field="name", noun=Noun.PLAN, given=stored.name))
    return stored


def _bound(plan: PlanDetails) -> dict[str, object]:
    return {"name": plan.name, "price": plan.price, "rate_down_kbps": plan.rate_down_kbps, "rate_up_kbps": plan.rate_up_kbps}


def _logged(plan: PlanDetails) -> PlanValues:
    return PlanValues(name=plan.name, price=plan.price, rate_down_kbps=plan.rate_down_kbps, rate_up_kbps=plan.rate_up_kbps)
