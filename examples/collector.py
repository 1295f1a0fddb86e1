"""A collector's phone in Python: signs in, syncs, takes payments offline, sends them when the network is back, shows receipts.

    python examples/collector.py sign-in kasir3            (prompts for the password, or reads COLLECTOR_PASSWORD)
    python examples/collector.py sync
    python examples/collector.py list [PART OF A NAME OR CODE]
    python examples/collector.py pay P000123 150000 [--invoice INV/2026-02/LKT03/000007]
    python examples/collector.py send
    python examples/collector.py receipt [KEY]             (of the last payment)

The rules that every app must follow are marked (1) to (6); docs/phone.md explains them. The only dependency is httpx. The store is one
SQLite file: on a phone, keep it in the app's own, encrypted storage.
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
    reset more cursor removed { customerId }
    customers { customerId code name address outstanding credit openInvoices { invoiceId number dueOn outstanding } } } }"""
SEND = """mutation Send($payments: [RecordPaymentInput!]!) {
  recordPayments(input: {payments: $payments}) {
    results { replayed payment { id receiptNumber amount credit surplusReason } errors { code message field } }
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
    """The sign-in has ended: ask for the password. Waiting payments stay in the store."""


class RefusedError(Exception):
    """The server refused the request, and a retry would not help: show the message to the user."""


class OfflineError(Exception):
    """No response after all tries: keep working offline, and try again later."""


class Collector:
    """One phone. All of its state is in the store, so that the process can be killed at any moment."""

    def __init__(self, server: str, store: Path, *, tries: int = 12, pause_seconds: float = 0.2) -> None:
        self._http = httpx.Client(base_url=server, timeout=20)  # httpx accepts gzip, which makes a sync eight times smaller
        self._store = sqlite3.connect(store, isolation_level=None)  # transactions begin with an explicit BEGIN
        self._store.executescript(TABLES)
        self._tries, self._pause_seconds = tries, pause_seconds
        self.replayed = self.retries = 0

    def close(self) -> None:
        """Close the connection and the store."""
        self._http.close()
        self._store.close()

    # --- requests -----------------------------------------------------------------------------------------------------------

    def _post(self, document: str, variables: dict[str, Any], headers: dict[str, str]) -> Any:
        """Send a request and return the response, with retries.

        (1) A missing response doesn't mean that nothing was done. So retry only what may be done twice: queries, payments with their
        keys, a refresh. Wait longer after each try, with a random factor, so that phones don't retry in step.
        """
        for number in range(self._tries):
            try:
                response = self._http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
                answer = response.json()
                codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", [])}
                if response.status_code not in {429, 502, 503, 504} and not codes & {"DATABASE_UNAVAILABLE", "DEADLINE_EXCEEDED"}:
                    return answer
            except (httpx.TransportError, ValueError):  # ValueError: the response was cut short, or is a proxy's page
                pass
            self.retries += 1
            time.sleep(min(30.0, self._pause_seconds * 1.5**number) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        raise OfflineError("no response from the server: try again where the network is better")

    def _ask(self, document: str, **variables: Any) -> Any:
        """Execute a document as the signed-in user and return the root field's value."""
        for refreshed in (False, True):
            headers = {"Authorization": f"Bearer {self._setting('token')}", "Accept-Language": "id"}
            answer = self._post(document, variables, headers)
            codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", [])}
            if "UNAUTHENTICATED" in codes and not refreshed:
                self._refresh()
                continue
            if "UNAUTHENTICATED" in codes:
                raise SignedOutError("sign in again; waiting payments are kept")
            return _value(answer)
        raise SignedOutError("sign in again; waiting payments are kept")

    def sign_in(self, username: str, password: str) -> None:
        """Sign in. Raises RefusedError. (If the response is lost, the unused sign-in expires.)"""
        tokens = _value(self._post(SIGN_IN, {"username": username, "password": password, "device": "collector.py"}, {}))
        self._keep(token=tokens["token"], refresh_token=tokens["refreshToken"])

    def _refresh(self) -> None:
        """(2) A token is valid for minutes. Store the new refresh token before using it; the old one is valid until then."""
        answer = self._post(REFRESH, {"refreshToken": self._setting("refresh_token") or "none"}, {})
        if answer.get("errors"):
            raise SignedOutError("sign in again; waiting payments are kept")
        tokens = _value(answer)
        self._keep(token=tokens["token"], refresh_token=tokens["refreshToken"])

    # --- the store ----------------------------------------------------------------------------------------------------------

    def _setting(self, name: str) -> str | None:
        row = self._store.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def _keep(self, **values: str) -> None:
        self._store.execute("BEGIN IMMEDIATE")
        self._store.executemany("REPLACE INTO setting VALUES (?, ?)", list(values.items()))
        self._store.execute("COMMIT")

    def sync(self) -> int:
        """Fetch what has changed; return the number of customers changed or removed."""
        count, more = 0, True
        while more:
            page = self._ask(SYNC, since=self._setting("cursor"))
            # (3) Store a page and its cursor in one transaction.
            self._store.execute("BEGIN IMMEDIATE")
            if page["reset"]:
                self._store.execute("DELETE FROM customer")
            self._store.executemany("DELETE FROM customer WHERE id = ?", [[gone["customerId"]] for gone in page["removed"]])
            self._store.executemany(
                "REPLACE INTO customer VALUES (?, ?, ?)", [[one["customerId"], one["code"], json.dumps(one)] for one in page["customers"]]
            )
            self._store.execute("REPLACE INTO setting VALUES ('cursor', ?)", [page["cursor"]])
            self._store.execute("COMMIT")
            count, more = count + len(page["customers"]) + len(page["removed"]), page["more"]
        return count

    def customers(self, part: str = "") -> list[dict[str, Any]]:
        """Customers whose name or code contains `part`, from the store, with the sum of their payments that wait to be sent."""
        known = [json.loads(row[0]) for row in self._store.execute("SELECT known FROM customer ORDER BY code")]
        waiting: dict[str, int] = {}
        for (body,) in self._store.execute("SELECT body FROM payment WHERE state = 'WAITING'"):
            payment = json.loads(body)
            waiting[payment["customerId"]] = waiting.get(payment["customerId"], 0) + payment["amount"]
        shown = [one for one in known if part.lower() in f"{one['code']} {one['name']}".lower()]
        return [one | {"waiting": waiting.get(one["customerId"], 0)} for one in shown]

    # --- money --------------------------------------------------------------------------------------------------------------

    def pay(self, code: str, amount: int, *, invoice: str | None = None) -> str:
        """Take a payment, online or offline: it is in the store when this returns. Returns its key, for a provisional slip."""
        row = self._store.execute("SELECT known FROM customer WHERE code = ?", [code]).fetchone()
        if row is None:
            raise RefusedError(f"this phone doesn't know the customer {code}: sync first")
        customer = json.loads(row[0])
        ids = {one["number"]: one["invoiceId"] for one in customer["openInvoices"]}
        if amount < 1 or (invoice is not None and invoice not in ids):
            raise RefusedError(f"{customer['name']} has open: {', '.join(ids) or 'nothing'}")
        # (4) The key is created once, with the payment, before anything is sent; the body never changes after that.
        key = str(uuid.uuid4())
        body = {
            "customerId": customer["customerId"], "amount": amount, "idempotencyKey": key, "method": "CASH",
            "collectedAt": datetime.now(UTC).isoformat(timespec="seconds"), "invoiceIds": None if invoice is None else [ids[invoice]],
        }  # fmt: skip
        self._store.execute("INSERT INTO payment (key, body) VALUES (?, ?)", [key, json.dumps(body)])
        return key

    def send(self) -> list[dict[str, Any]]:
        """Send the waiting payments, oldest first; return the results. On OfflineError or SignedOutError the rest stays waiting."""
        sent: list[dict[str, Any]] = []
        while waiting := self._store.execute(
            "SELECT place, body FROM payment WHERE state = 'WAITING' ORDER BY place LIMIT ?", [BATCH]
        ).fetchall():
            batch = [json.loads(body) for _, body in waiting]
            results = self._ask(SEND, payments=batch)["results"]
            held_up = False
            for (place, _), body, result in zip(waiting, batch, results, strict=True):
                held_up |= self._settle(place, body, result)
                sent.append(result)
            if held_up:
                break
        return sent

    def _settle(self, place: int, body: dict[str, Any], result: dict[str, Any]) -> bool:
        """Store the result of one payment; True if it has to be sent again later."""
        self.replayed += result["replayed"]
        codes = {error["code"] for error in result["errors"]}
        wrong_clock = any(error["code"] == "INVALID_DATE" and error["field"][-1] == "collectedAt" for error in result["errors"])
        if wrong_clock and body["collectedAt"] is not None:
            # (5) Never discard money because of a wrong clock: send the same payment as of its arrival.
            self._store.execute("UPDATE payment SET body = ? WHERE place = ?", [json.dumps(body | {"collectedAt": None}), place])
            return False
        if "INTERNAL" in codes:
            return True
        # (6) Keep a refused payment and show it until a person has dealt with it: someone's money is behind it.
        state = "REFUSED" if codes else "SENT"
        self._store.execute("UPDATE payment SET state = ?, answer = ? WHERE place = ?", [state, json.dumps(result), place])
        return False

    def payments(self, state: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Key, body and result of the payments that are WAITING, SENT or REFUSED, in the order in which they were taken."""
        rows = self._store.execute("SELECT key, body, answer FROM payment WHERE state = ? ORDER BY place", [state])
        return [(key, json.loads(body), json.loads(answer or "{}")) for key, body, answer in rows]

    def receipt(self, key: str | None = None) -> str:
        """Receipt as text for a 58 mm printer. Until the payment is sent there is no receipt number: a provisional slip says so."""
        row = self._store.execute(
            "SELECT key, body, state, answer FROM payment WHERE ? IS NULL OR key = ? ORDER BY place DESC LIMIT 1", [key, key]
        ).fetchone()
        if row is None:
            raise RefusedError("this phone has no such payment")
        if row[2] != "SENT":
            return f"BUKTI SEMENTARA\nRp{json.loads(row[1])['amount']:,}".replace(",", ".") + f"\nKode {row[0]}\nStatus {row[2]}\n"
        return str(self._ask(RECEIPT, paymentId=json.loads(row[3])["payment"]["id"])["text32"])


def _value(answer: dict[str, Any]) -> Any:
    """Return the root field's value. Raises RefusedError for errors of the request or of the payload."""
    if answer.get("errors"):
        raise RefusedError(answer["errors"][0]["message"])
    value = next(iter(answer["data"].values()))
    if value.get("errors"):
        raise RefusedError(value["errors"][0]["message"])
    return value


def _run(phone: Collector, arguments: argparse.Namespace) -> str:
    """Execute the command; return the text to print."""
    if arguments.command == "sign-in":
        phone.sign_in(arguments.user, os.environ.get("COLLECTOR_PASSWORD") or getpass.getpass())
        return "signed in"
    if arguments.command == "sync":
        return f"{phone.sync()} changes, {len(phone.customers())} customers"
    if arguments.command == "list":
        shown = phone.customers(arguments.part)
        return "\n".join(f"{one['code']}  {one['name']}  owes {one['outstanding']}  waiting {one['waiting']}" for one in shown)
    if arguments.command == "pay":
        return phone.pay(arguments.code, arguments.amount, invoice=arguments.invoice)
    if arguments.command == "receipt":
        return phone.receipt(arguments.key)
    results = phone.send()
    lines = [one["payment"]["receiptNumber"] if one["payment"] else one["errors"][0]["message"] for one in results]
    return "\n".join([*lines, ", ".join(f"{len(phone.payments(state))} {state.lower()}" for state in ("SENT", "WAITING", "REFUSED"))])


def main() -> int:
    """Run the command line; exit code 1 if the server refused, 2 without network, 3 if a sign-in is needed."""
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
    arguments = parser.parse_args()
    phone = Collector(arguments.server, arguments.store, tries=arguments.tries)
    try:
        sys.stdout.write(_run(phone, arguments) + "\n")
    except (RefusedError, OfflineError, SignedOutError) as error:
        sys.stderr.write(f"{error}\n")
        return {RefusedError: 1, OfflineError: 2, SignedOutError: 3}[type(error)]
    finally:
        phone.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
