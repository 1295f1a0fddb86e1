"""Plans (paket): internet speeds sold at a monthly price."""

from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyExists, InvalidAmount, NotFound
from sebilling.events.isp import PlanChanged, PlanCreated, PlanValues
from sebilling.language import Sentence
from sebilling.nouns import Noun

_INSERT: Final = text(
    """
    INSERT INTO plan (name, price, rate_down_kbps, rate_up_kbps, created_at) VALUES (:name, :price, :down, :up, :at)
    ON CONFLICT (name) DO NOTHING RETURNING id
    """
)
_LOCK: Final = text("SELECT price FROM plan WHERE id = :id FOR NO KEY UPDATE")
_UPDATE: Final = text("UPDATE plan SET price = :price WHERE id = :id")
_MAX_RATE_KBPS: Final = 100_000_000


async def create(
    session: WriteSession, *, name: str, price: int, rate_down_kbps: int | None = None, rate_up_kbps: int | None = None
) -> int:
    """Add a plan at `price` rupiah a month and return its id. Raises InvalidText, InvalidAmount, AlreadyExists, Forbidden."""
    scope.central(session)
    for field, rate in (("rateDownKbps", rate_down_kbps), ("rateUpKbps", rate_up_kbps)):
        if rate is not None and not 1 <= rate <= _MAX_RATE_KBPS:
            raise InvalidAmount(field=(field,), given=rate, least=1, most=_MAX_RATE_KBPS)
    name = validation.clean(name, what=Sentence("The name", "Nama"), field="name")
    price = validation.rupiah(price, field="price")
    bound = {"name": name, "price": price, "down": rate_down_kbps, "up": rate_up_kbps, "at": session.at}
    plan_id = await session.value(_INSERT, bound, kind=int)
    if plan_id is None:
        raise AlreadyExists(field="name", noun=Noun.PLAN, given=name)
    after = PlanValues(name=name, price=price, rate_down_kbps=rate_down_kbps, rate_up_kbps=rate_up_kbps)
    await events.append(session, PlanCreated(after=after), subject_id=plan_id)
    return plan_id


async def change_price(session: WriteSession, plan_id: int, *, price: int) -> None:
    """Set the price of future invoices; issued ones keep theirs. Raises InvalidAmount, NotFound, Forbidden."""
    scope.central(session)
    price = validation.rupiah(price, field="price")
    before = await session.value(_LOCK, {"id": plan_id}, kind=int)
    if before is None:
        raise NotFound(field="plan_id", noun=Noun.PLAN, given=plan_id)
    await session.execute(_UPDATE, {"id": plan_id, "price": price})
    await events.append(session, PlanChanged(before=PlanValues(price=before), after=PlanValues(price=price)), subject_id=plan_id)
