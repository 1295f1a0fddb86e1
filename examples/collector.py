"""A collector's phone in Python: signs in, syncs, takes money while offline, sends it when the line is back, shows receipts.

    python examples/collector.py sign-in kasir3            (the password is asked for, or in COLLECTOR_PASSWORD)
    python examples/collector.py sync
    python examples/collector.py list [PART OF A NAME OR CODE]
    python examples/collector.py pay P000123 150000 [--invoice INV/2026-02/LKT03/000007]
    python examples/collector.py send
    python examples/collector.py receipt [KEY]             (of the last payment)

What an app has to get right is marked with (1) to (6); docs/phone.md tells why. It needs httpx and nothing else. The store is one
file of SQLite: on a phone it belongs into the app's own, encrypted storage.
"""

import argparse
import getpass
import json
import os
import random
import sqlite3
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

BATCH = 50
SIGN_IN = """mutation SignIn($username: String!, $password: String!, $device: String!) {
  signIn(input: {username: $username, password: $password, refreshable: true, device: $device}) {
    token refreshToken errors { code message } } }"""
REFRESH = """mutation Refresh($refreshToken: String!) {
  refreshSignIn(input: {refreshToken: $refreshToken}) { token refreshToken errors { code message } } }"""
SYNC = """query Sync($since: String) {
  syncCustomers(since: $since, first: 500) {
    reset more cursor removed { id }
    customers { id code name address outstanding credit openInvoices { id number dueOn outstanding } } } }"""
SEND = """mutation Send($payments: [RecordPaymentInput!]!) {
  recordPayments(input: {payments: $payments}) {
    results { replayed payment { id receiptNumber amount credit surplusBecause } errors { code message field } }
    errors { code message } } }"""
RECEIPT = "query Receipt($paymentId: ID!) { receipt(paymentId: $paymentId) { text32 } }"
TABLES = """
    CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS customer (id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, known TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS payment (
        place INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'WAITING', answer TEXT);
"""


class SignedOutError(Exception):
    """The sign-in has ended: ask for the password. Payments that wait stay in the store."""


class RefusedError(Exception):
    """The server said no, and will say it again: tell the person."""


class OfflineError(Exception):
    """No answer after many tries: go on working, try again later."""


class Collector:
    """One phone. Everything it knows is in the store, so that it can be killed at any moment."""

    def __init__(self, server: str, store: Path, *, tries: int = 12, pause_seconds: float = 0.2) -> None:
        self._http = httpx.Client(base_url=server, timeout=20)  # it accepts gzip by itself: a sync is an eighth of its size
        self._store = sqlite3.connect(store, isolation_level=None)  # a transaction is where BEGIN is said
        self._store.executescript(TABLES)
        self._tries, self._pause_seconds = tries, pause_seconds
        self.replayed = self.retries = 0

    def close(self) -> None:
        """Let go of the line and the store."""
        self._http.close()
        self._store.close()

    # --- the line -----------------------------------------------------------------------------------------------------------

    def _post(self, document: str, variables: dict[str, Any], headers: dict[str, str]) -> Any:
        """The answer, after as many tries as it takes.

        (1) No answer doesn't mean that nothing was done. So only what may be done twice is sent twice: queries, payments with their
        keys, a refresh. Wait longer each time, and not all phones equally long.
        """
        for number in range(self._tries):
            try:
                response = self._http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
                answer = response.json()
                codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", [])}
                if response.status_code not in {429, 502, 503, 504} and not codes & {"DATABASE_UNAVAILABLE", "DEADLINE_EXCEEDED"}:
                    return answer
            except (httpx.TransportError, ValueError):  # ValueError: what came was cut, or is a proxy's page
                pass
            self.retries += 1
            time.sleep(min(30.0, self._pause_seconds * 1.5**number) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        raise OfflineError("no answer: try again where the line is better")

    def _ask(self, document: str, **variables: Any) -> Any:
        """The root field's value, as who is signed in."""
        for refreshed in (False, True):
            headers = {"Authorization": f"Bearer {self._setting('token')}", "Accept-Language": "id"}
            answer = self._post(document, variables, headers)
            codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", [])}
            if "UNAUTHENTICATED" in codes and not refreshed:
                self._refresh()
                continue
            if "UNAUTHENTICATED" in codes:
                raise SignedOutError("sign in again: what waits is kept")
            return _value(answer)
        raise SignedOutError("sign in again: what waits is kept")

    def sign_in(self, username: str, password: str) -> None:
        """Sign this phone in. Raises RefusedError. (If the answer is lost, a sign-in that nobody uses ends by itself.)"""
        found = _value(self._post(SIGN_IN, {"username": username, "password": password, "device": "collector.py"}, {}))
        self._keep(token=found["token"], refresh_token=found["refreshToken"])

    def _refresh(self) -> None:
        """(2) A token is good for minutes. Keep the new refresh token before it is used; the old one is good until then."""
        answer = self._post(REFRESH, {"refreshToken": self._setting("refresh_token") or "none"}, {})
        if answer.get("errors"):
            raise SignedOutError("sign in again: what waits is kept")
        found = _value(answer)
        self._keep(token=found["token"], refresh_token=found["refreshToken"])

    # --- what it knows ------------------------------------------------------------------------------------------------------

    def _setting(self, name: str) -> str | None:
        row = self._store.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def _keep(self, **values: str) -> None:
        self._store.execute("BEGIN IMMEDIATE")
        self._store.executemany("REPLACE INTO setting VALUES (?, ?)", list(values.items()))
        self._store.execute("COMMIT")

    def sync(self) -> int:
        """Get what has changed; gives how many customers came or went."""
        count, more = 0, True
        while more:
            page = self._ask(SYNC, since=self._setting("cursor"))
            # (3) A page and its cursor are kept together or not at all.
            self._store.execute("BEGIN IMMEDIATE")
            if page["reset"]:
                self._store.execute("DELETE FROM customer")
            self._store.executemany("DELETE FROM customer WHERE id = ?", [[gone["id"]] for gone in page["removed"]])
            self._store.executemany(
                "REPLACE INTO customer VALUES (?, ?, ?)", [[one["id"], one["code"], json.dumps(one)] for one in page["customers"]]
            )
            self._store.execute("REPLACE INTO setting VALUES ('cursor', ?)", [page["cursor"]])
            self._store.execute("COMMIT")
            count, more = count + len(page["customers"]) + len(page["removed"]), page["more"]
        return count

    def customers(self, part: str = "") -> list[dict[str, Any]]:
        """Those whose name or code has this part, without a line. What waits to be sent is taken off what they owe."""
        found = [json.loads(row[0]) for row in self._store.execute("SELECT known FROM customer ORDER BY code")]
        waiting: dict[str, int] = {}
        for (body,) in self._store.execute("SELECT body FROM payment WHERE state = 'WAITING'"):
            given = json.loads(body)
            waiting[given["customerId"]] = waiting.get(given["customerId"], 0) + given["amount"]
        shown = [one for one in found if part.lower() in f"{one['code']} {one['name']}".lower()]
        return [one | {"waiting": waiting.get(one["id"], 0)} for one in shown]

    # --- money --------------------------------------------------------------------------------------------------------------

    def pay(self, code: str, amount: int, *, invoice: str | None = None) -> str:
        """Take money, with or without a line: it is in the store when this returns. Gives its key, which a slip for now may show."""
        row = self._store.execute("SELECT known FROM customer WHERE code = ?", [code]).fetchone()
        if row is None:
            raise RefusedError(f"this phone doesn't know the customer {code}: sync first")
        customer = json.loads(row[0])
        ids = {one["number"]: one["id"] for one in customer["openInvoices"]}
        if amount < 1 or (invoice is not None and invoice not in ids):
            raise RefusedError(f"{customer['name']} has open: {', '.join(ids) or 'nothing'}")
        # (4) The key is made once, with the payment, before anything is sent; the body never changes after that.
        key = str(uuid.uuid4())
        body = {
            "customerId": customer["id"], "amount": amount, "idempotencyKey": key, "method": "CASH",
            "collectedAt": datetime.now(UTC).isoformat(timespec="seconds"), "invoiceIds": None if invoice is None else [ids[invoice]],
        }  # fmt: skip
        self._store.execute("INSERT INTO payment (key, body) VALUES (?, ?)", [key, json.dumps(body)])
        return key

    def send(self) -> list[dict[str, Any]]:
        """Send what waits, the oldest first; gives the server's answers. Raises OfflineError, SignedOutError: then the rest waits on."""
        told: list[dict[str, Any]] = []
        while waiting := self._store.execute(
            "SELECT place, body FROM payment WHERE state = 'WAITING' ORDER BY place LIMIT ?", [BATCH]
        ).fetchall():
            batch = [json.loads(body) for _, body in waiting]
            results = self._ask(SEND, payments=batch)["results"]
            held_up = False
            for (place, _), body, result in zip(waiting, batch, results, strict=True):
                held_up |= self._settle(place, body, result)
                told.append(result)
            if held_up:
                break
        return told

    def _settle(self, place: int, body: dict[str, Any], result: dict[str, Any]) -> bool:
        """Keep what the server said of one payment; True if it has to be sent again later."""
        self.replayed += result["replayed"]
        codes = {error["code"] for error in result["errors"]}
        wrong_clock = any(error["code"] == "INVALID_DATE" and error["field"][-1] == "collectedAt" for error in result["errors"])
        if wrong_clock and body["collectedAt"] is not None:
            # (5) Money is never thrown away because of a clock: the same payment, as of when it arrives.
            self._store.execute("UPDATE payment SET body = ? WHERE place = ?", [json.dumps(body | {"collectedAt": None}), place])
            return False
        if "INTERNAL" in codes:
            return True
        # (6) What is refused is kept, and shown until a person has dealt with it: someone's money is behind it.
        state = "REFUSED" if codes else "SENT"
        self._store.execute("UPDATE payment SET state = ?, answer = ? WHERE place = ?", [state, json.dumps(result), place])
        return False

    def payments(self, state: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Key, body and answer of the payments that are WAITING, SENT or REFUSED, in the order in which the money came."""
        rows = self._store.execute("SELECT key, body, answer FROM payment WHERE state = ? ORDER BY place", [state])
        return [(key, json.loads(body), json.loads(answer or "{}")) for key, body, answer in rows]

    def receipt(self, key: str | None = None) -> str:
        """The text for a printer of 58 mm. Without a line, or before it was sent, there is no receipt number yet: a slip says so."""
        row = self._store.execute(
            "SELECT key, body, state, answer FROM payment WHERE ? IS NULL OR key = ? ORDER BY place DESC LIMIT 1", [key, key]
        ).fetchone()
        if row is None:
            raise RefusedError("there is no such payment on this phone")
        if row[2] != "SENT":
            return f"BUKTI SEMENTARA\nRp{json.loads(row[1])['amount']:,}".replace(",", ".") + f"\nKode {row[0]}\nStatus {row[2]}\n"
        return str(self._ask(RECEIPT, paymentId=json.loads(row[3])["payment"]["id"])["text32"])


def _value(answer: dict[str, Any]) -> Any:
    """The root field's value. Raises RefusedError for errors of the request or of the payload."""
    if answer.get("errors"):
        raise RefusedError(answer["errors"][0]["message"])
    value = next(iter(answer["data"].values()))
    if value.get("errors"):
        raise RefusedError(value["errors"][0]["message"])
    return value


def _run(phone: Collector, given: argparse.Namespace) -> str:
    """Do what the command line says; gives what to print."""
    if given.command == "sign-in":
        phone.sign_in(given.user, os.environ.get("COLLECTOR_PASSWORD") or getpass.getpass())
        return "signed in"
    if given.command == "sync":
        return f"{phone.sync()} changes, {len(phone.customers())} customers"
    if given.command == "list":
        shown = phone.customers(given.part)
        return "\n".join(f"{one['code']}  {one['name']}  owes {one['outstanding']}  waiting {one['waiting']}" for one in shown)
    if given.command == "pay":
        return phone.pay(given.code, given.amount, invoice=given.invoice)
    if given.command == "receipt":
        return phone.receipt(given.key)
    told = phone.send()
    lines = [one["payment"]["receiptNumber"] if one["payment"] else one["errors"][0]["message"] for one in told]
    return "\n".join([*lines, ", ".join(f"{len(phone.payments(state))} {state.lower()}" for state in ("SENT", "WAITING", "REFUSED"))])


def main() -> int:
    """The command line; 1 if something was refused, 2 if there is no line, 3 if somebody has to sign in."""
    parser = argparse.ArgumentParser(description="A collector's phone.")
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--store", type=Path, default=Path("collector.db"))
    parser.add_argument("--tries", type=int, default=12)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sign-in").add_argument("user")
    commands.add_parser("sync")
    commands.add_parser("list").add_argument("part", nargs="?", default="")
    pay = commands.add_parser("pay")
    pay.add_argument("code")
    pay.add_argument("amount", type=int)
    pay.add_argument("--invoice")
    commands.add_parser("send")
    commands.add_parser("receipt").add_argument("key", nargs="?")
    given = parser.parse_args()
    phone = Collector(given.server, given.store, tries=given.tries)
    try:
        sys.stdout.write(_run(phone, given) + "\n")
    except (RefusedError, OfflineError, SignedOutError) as error:
        sys.stderr.write(f"{error}\n")
        return {RefusedError: 1, OfflineError: 2, SignedOutError: 3}[type(error)]
    finally:
        phone.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
