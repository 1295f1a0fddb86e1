"""Versions: a change that was made on the sight of an older version is refused, so that nobody undoes what another has just done."""

from typing import Final

from sqlalchemy import text

from sebilling.customer_errors import ChangedMeanwhile
from sebilling.db.engine import WriteSession
from sebilling.nouns import Noun

_TABLES: Final = {
    Noun.CUSTOMER: "customer",
    Noun.DEVICE: "device",
    Noun.PLAN: "plan",
    Noun.SETTINGS: "billing_settings",
    Noun.USER: "app_user",
}
_LOCK: Final = {noun: text(f"SELECT version FROM {table} WHERE id = :id FOR NO KEY UPDATE") for noun, table in _TABLES.items()}


async def expect(session: WriteSession, noun: Noun, number: int, version: int | None) -> None:
    """Lock the row until the transaction ends if a version is expected. Raises ChangedMeanwhile unless it has this version.

    A row that doesn't exist is left to the verb that changes it.
    """
    if version is None:
        return
    present = await session.value(_LOCK[noun], {"id": number}, kind=int)
    if present is not None and present != version:
        raise ChangedMeanwhile(field="expected_version", noun=noun, given=version, version=present)
