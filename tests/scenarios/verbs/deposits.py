"""Deposits, drawers and the recap."""

from collections.abc import Callable
from typing import Any, Final

from tests.scenarios.book import RECAP, Book
from tests.scenarios.sentences import Outcome, Refused, says
from tests.storage import packed, pdf, receipt

_FILES: Final[dict[str, Callable[[], tuple[str, bytes]]]] = {
    "": lambda: ("image/jpeg", packed(receipt(), "JPEG")),
    "a PNG as": lambda: ("image/png", packed(receipt(), "PNG")),
    "a WebP as": lambda: ("image/webp", packed(receipt(), "WEBP")),
    "a PDF as": lambda: ("application/pdf", pdf()),
    # what they call themselves doesn't matter: proofs are checked by content
    "a text file as": lambda: ("image/jpeg", b"sudah transfer ya kak"),
    "a huge": lambda: ("image/jpeg", packed(receipt(), "JPEG") + bytes(5 * 1024 * 1024)),
}


@says("deposit(s) {amount} at {counter}[ {transfer}][ with {file}][ of {user}][ noting {note:quoted}][ with key {key}]")
async def deposit(book: Book, *, amount: int, counter: str, key: str | None = None, **words: Any) -> Outcome:
    given = {"counterId": book.ids[counter], "amount": amount, "type": "TRANSFER" if "transfer" in words else "MANUAL"}
    given |= {"note": words.get("note"), "collectorId": book.ids[words["user"]] if "user" in words else None}
    upload = _FILES[words["file"]]() if "file" in words else None
    selection = "deposit { id status proof { mediaType } } moreThanOnHand replayed"
    made = await book.mutate("submitDeposit", selection, proof=upload, idempotencyKey=book.key(key), **given)
    book.deposit_id = made["deposit"]["id"]
    proof = made["deposit"]["proof"]
    more = {"status": made["deposit"]["status"], "proof": proof and proof["mediaType"]}
    return {**more, "more than on hand": made["moreThanOnHand"] or 0, "replayed": made["replayed"]}


@says("(verify|verifies) {deposit}[, counting {amount}][ {sure}][ with key {key}]")
async def verify(book: Book, *, deposit: str, amount: int | None = None, sure: str = "", key: str | None = None) -> Outcome:
    given = {
        "depositId": await book.deposit(deposit), "counted": amount, "idempotencyKey": book.key(key), "confirmDifference": bool(sure),
    }  # fmt: skip
    return {"replayed": (await book.mutate("verifyDeposit", "replayed", **given))["replayed"]}


@says("reject(s) {deposit} because {reason:quoted}")
async def reject(book: Book, *, deposit: str, reason: str) -> None:
    await book.mutate("rejectDeposit", depositId=await book.deposit(deposit), reason=reason, idempotencyKey=book.key(None))


@says("correct(s) {deposit} to {amount} because {reason:quoted}[ with key {key}]")
async def correct(book: Book, *, deposit: str, amount: int, reason: str, key: str | None = None) -> Outcome:
    given = {"depositId": await book.deposit(deposit), "counted": amount, "reason": reason, "idempotencyKey": book.key(key)}
    return {"replayed": (await book.mutate("correctDeposit", "replayed", **given))["replayed"]}


@says("settle(s) {amount} of the {difference} of {user} at {counter} because {reason:quoted}[ with key {key}]")
async def settle(book: Book, *, amount: int, difference: str, user: str, counter: str, reason: str, key: str | None = None) -> Outcome:
    given = {"counterId": book.ids[counter], "collectorId": book.ids[user], "amount": amount, "reason": reason}
    name = f"settle{difference}"
    document = f"mutation($input: SettleDifferenceInput!) {{ {name}(input: $input) {{ replayed errors {{ code message }} }} }}"
    payload = await book.ask(document, input={**given, "idempotencyKey": book.key(key)})
    for error in payload["errors"]:
        raise Refused(error["code"], error["message"])
    return {"replayed": payload["replayed"]}


@says("reverse(s) settlement of {deposit} because {reason:quoted}")
async def reverse_settlement(book: Book, *, deposit: str, reason: str) -> None:
    deposit_id = await book.deposit(deposit)
    document = "query($d: ID!) { deposit(id: $d) { settlements { id } } }"
    settlement = (await book.ask(document, d=deposit_id))["settlements"][-1]["id"]
    await book.mutate("reverseSettlement", settlementId=settlement, depositId=deposit_id, reason=reason, idempotencyKey=book.key(None))


@says("look(s) at proof of {deposit}")
async def look_at_proof(book: Book, *, deposit: str) -> Outcome:
    document = "query($d: ID!) { proofLink(depositId: $d) { url } }"
    return await book.download((await book.ask(document, d=await book.deposit(deposit)))["url"])


def _difference(found: int | None) -> Outcome:
    return {"difference": found, "surplus": max(found or 0, 0), "shortage": max(-(found or 0), 0)}


@says("expect(s) {deposit}")
async def expect_deposit(book: Book, *, deposit: str) -> Outcome:
    selection = """amount type status submittedBy { name } depositedOn proof { mediaType } decision { reason decidedBy { name } }
      counted difference unsettled corrections { counted reason } settlements { kind amount reversal { reason } }"""
    found = await book.ask(f"query($d: ID!) {{ deposit(id: $d) {{ {selection} }} }}", d=await book.deposit(deposit))
    decision = found["decision"] or {"reason": None, "decidedBy": {"name": None}}
    return {
        "amount": found["amount"], "type": found["type"], "status": found["status"], "submitted by": found["submittedBy"]["name"],
        "deposited on": found["depositedOn"], "counted": found["counted"], "reason": decision["reason"],
        "decided by": decision["decidedBy"]["name"], **_difference(found["difference"]), "unsettled": found["unsettled"],
        "corrections": [f"{one['counted']} {one['reason']}" for one in found["corrections"]],
        "settlements": [f"{one['kind']} {one['amount']}" for one in found["settlements"] if one["reversal"] is None],
    }  # fmt: skip


@says("expect(s) drawer of {user} at {counter}")
async def expect_drawer(book: Book, *, user: str, counter: str) -> Outcome:
    names = ("received", "refunded", "deposited", "difference", "waiting", "onHand")
    mine = [one for one in await book.drawers(counter) if one["collector"]["username"] == user]
    found = mine[0] if mine else dict.fromkeys(names, 0)
    return {name: found[name] for name in names} | {"on hand": found["onHand"], **_difference(found["difference"])}


_LABELS: Final = {"Total Masuk": "totalReceived", "Sisa Tagihan": "outstanding", "Total Setor": "totalDeposited"}


@says("expect(s) recap of {counter} in {month}[ {then}]")
async def expect_recap(book: Book, *, counter: str, month: str, then: str = "") -> Outcome:
    found = next(one for one in await book.recaps(month) if one["counter"]["code"] == counter)
    if then:
        found = found[{"as of closing": "asOfClosing", "since closing": "since"}[then]]
        assert found is not None, "the period isn't closed"
    return {name: found[key] for name, key in (RECAP | _LABELS).items()} | _difference(found["difference"])
