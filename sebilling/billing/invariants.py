"""Invariants of the data, each as SQL that must return no row. Checked after scenario tests, by a job, and by `sebilling check`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.billing import recap
from sebilling.billing.deposits import DepositType
from sebilling.billing.journal import Account
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.pricing import LineKind
from sebilling.db.engine import Database, ReadSession


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule, and SQL for the rows that violate it."""

    name: str
    sentence: str
    broken: str


_LIVE_ALLOCATION: Final = (
    "(SELECT allocation.* FROM allocation LEFT JOIN deallocation ON allocation_id = allocation.id WHERE allocation_id IS NULL) live"
)
# The journal is all of history: it is read once and summed by pairs of accounts, then by account.
_JOURNAL_BALANCES: Final = (
    "SELECT account, sum(posted.amount) AS balance FROM (SELECT debit, credit, sum(amount) AS amount FROM journal GROUP BY 1, 2) moved"
    " CROSS JOIN LATERAL (VALUES (debit, moved.amount), (credit, -moved.amount)) posted (account, amount) GROUP BY 1"
)
_FIGURES: Final = ", ".join(f"figure.{name}" for name in recap.NAMES)
_LIVE_WRITE_OFF: Final = (
    "(SELECT write_off.* FROM write_off LEFT JOIN write_off_reversal ON write_off_id = write_off.id WHERE write_off_id IS NULL) live"
)
_LIVE_REFUND: Final = "(SELECT refund.* FROM refund LEFT JOIN refund_reversal ON refund_id = refund.id WHERE refund_id IS NULL) live"
# All that has moved cash, by drawer: what the triggers of db/sql/drawer.sql carry.
_DRAWER_MOVES: Final = (
    "(SELECT counter_id, received_by AS collector_id, amount AS received, 0 AS refunded, 0 AS deposited, 0 AS difference, 0 AS waiting"
    " FROM payment WHERE method = 'CASH' AND reversed_at IS NULL"
    f" UNION ALL SELECT counter_id, refunded_by, 0, amount, 0, 0, 0 FROM {_LIVE_REFUND} WHERE method = 'CASH'"
    " UNION ALL SELECT counter_id, collector_id, 0, 0, counted, difference - settled, 0 FROM deposit WHERE status = 'VERIFIED'"
    " UNION ALL SELECT counter_id, collector_id, 0, 0, 0, 0, amount FROM deposit WHERE status = 'SUBMITTED') moved"
)
_DRAWER_SUMS: Final = ("received", "refunded", "deposited", "difference", "waiting")
_METHODS: Final = ", ".join(f"('{method}', '{method.account}')" for method in PaymentMethod)


def _lines(account: Account) -> str:
    """SQL for the sum of the lines of live invoices that are booked to the account."""
    kinds = ", ".join(f"'{kind}'" for kind in LineKind if kind.account is account)
    return (
        "coalesce((SELECT sum(amount) FROM invoice_line JOIN invoice ON invoice.id = invoice_id AND voided_at IS NULL"
        f" WHERE kind IN ({kinds})), 0)"
    )


def _received(account: Account) -> str:
    """SQL for what payments, less refunds, and deposits have brought to the account."""
    methods = ", ".join(["NULL", *(f"'{method}'" for method in PaymentMethod if method.account is account)])
    types = ", ".join(["NULL", *(f"'{way}'" for way in DepositType if way.account is account)])
    return (
        f"coalesce((SELECT sum(amount) FROM payment WHERE method IN ({methods}) AND reversed_at IS NULL), 0)"
        f" - coalesce((SELECT sum(amount) FROM {_LIVE_REFUND} WHERE method IN ({methods})), 0)"
        f" + coalesce((SELECT sum(counted) FROM deposit WHERE type IN ({types})), 0)"
    )


_EXPECTED_BY_ACCOUNT: Final = {
    Account.RECEIVABLE: "SELECT sum(outstanding) FROM invoice",
    Account.REVENUE: f"SELECT coalesce(sum(amount), 0) - {_lines(Account.REVENUE)} FROM {_LIVE_WRITE_OFF} WHERE kind = 'LATE_FEE'",
    Account.TAX_PAYABLE: f"SELECT -{_lines(Account.TAX_PAYABLE)}",
    Account.CREDIT: "SELECT -sum(credit) FROM payment",
    Account.CASH_ON_HAND: "SELECT sum(on_hand) FROM drawer",
    Account.CENTRAL_CASH: f"SELECT {_received(Account.CENTRAL_CASH)}",
    Account.BANK: f"SELECT {_received(Account.BANK)}",
    Account.OTHER_RECEIPTS: f"SELECT {_received(Account.OTHER_RECEIPTS)}",
    Account.OPENING_BALANCE: f"SELECT {_received(Account.OPENING_BALANCE)} - {_lines(Account.OPENING_BALANCE)}",
    Account.BAD_DEBT: f"SELECT sum(amount) FROM {_LIVE_WRITE_OFF} WHERE kind = 'BAD_DEBT'",
    Account.SHORTAGE: "SELECT sum(settled - difference) FROM deposit WHERE difference < 0",
    Account.SURPLUS: "SELECT sum(settled - difference) FROM deposit WHERE difference > 0",
}
_EXPECTED_BALANCES: Final = " UNION ALL ".join(
    f"SELECT '{account}' AS account, coalesce(({_EXPECTED_BY_ACCOUNT[account]}), 0) AS expected" for account in Account
)
# Row by row in the order of the numbers: this takes time, not memory. A digest whose event is missing counts as wrong.
_CHAIN: Final = (
    "(SELECT number, digest, event_id, lag(digest, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY number) AS before FROM feed) chained"
    " LEFT JOIN event ON event.id = event_id"
)

CHECKED_PER_STATEMENT: Final = (
    Invariant(
        "billed_once", "No day of service is billed twice.",
        "SELECT customer_id FROM (SELECT customer_id, covers_from, lag(covers_until) OVER (PARTITION BY customer_id ORDER BY covers_from)"
        " AS before FROM invoice WHERE voided_at IS NULL AND covers_from < covers_until) stretch WHERE covers_from < before",
    ),
    Invariant(
        "invoice_references", "The customer and the series of each invoice, and the invoice of each line, exist.",
        "SELECT invoice.id FROM invoice LEFT JOIN customer ON customer.id = customer_id WHERE customer.id IS NULL"
        " UNION ALL SELECT invoice.id FROM invoice LEFT JOIN invoice_series series USING (period_id, counter_id)"
        " WHERE series.next_number IS NULL"
        " UNION ALL SELECT invoice_id FROM invoice_line LEFT JOIN invoice ON invoice.id = invoice_id WHERE invoice.id IS NULL",
    ),
)  # fmt: skip
"""What triggers check for new rows only (db/sql/invoice_checks.sql), and no constraint for all of them."""
# The cash on hand of each closing, from the documents alone, which are read once for all closings: each is summed from the first closing
# on that isn't before it, and the sums are added up.
_CASH_AT_CLOSINGS: Final = (
    "SELECT closing_id, counter_id, sum(amount) OVER (PARTITION BY counter_id ORDER BY place) AS amount FROM"
    " (SELECT id AS closing_id, row_number() OVER (ORDER BY closed_at, id) AS place FROM period_closing) closing"
    " CROSS JOIN (SELECT id AS counter_id FROM counter) counter"
    " LEFT JOIN (SELECT counter_id, 1 + width_bucket(at, (SELECT array_agg(closed_at + interval '1 microsecond' ORDER BY closed_at)"
    " FROM period_closing)) AS place, sum(amount) AS amount FROM"
    " (SELECT counter_id, received_at AS at, amount FROM payment WHERE method = 'CASH'"
    " UNION ALL SELECT counter_id, payment_reversal.reversed_at, -amount FROM payment_reversal"
    " JOIN payment ON payment.id = payment_id WHERE method = 'CASH'"
    " UNION ALL SELECT counter_id, refunded_at, -amount FROM refund WHERE method = 'CASH'"
    " UNION ALL SELECT counter_id, reversed_at, amount FROM refund_reversal JOIN refund ON refund.id = refund_id WHERE method = 'CASH'"
    " UNION ALL SELECT counter_id, at, difference - counted FROM counted_money) moved GROUP BY 1, 2) cash USING (counter_id, place)"
)
# What a month's recap counts as received, refunded and handed over (billing/recap.py), of all months at once.
_RECEIVED_AND_HANDED_OVER: Final = (
    "SELECT counter_id, month, sum(came) AS came, sum(went) AS went, sum(counted) AS counted, sum(off) AS off FROM"
    " (SELECT counter_id, date_trunc('month', received_on)::date AS month, amount AS came, 0 AS went, 0 AS counted, 0 AS off FROM payment"
    " UNION ALL SELECT counter_id, date_trunc('month', reversed_on)::date, -amount, 0, 0, 0 FROM payment_reversal"
    " JOIN payment ON payment.id = payment_id"
    " UNION ALL SELECT counter_id, date_trunc('month', refunded_on)::date, 0, amount, 0, 0 FROM refund"
    " UNION ALL SELECT counter_id, date_trunc('month', reversed_on)::date, 0, -amount, 0, 0 FROM refund_reversal"
    " JOIN refund ON refund.id = refund_id"
    " UNION ALL SELECT counter_id, date_trunc('month', day)::date, 0, 0, counted, difference FROM counted_money) moved GROUP BY 1, 2"
)

INVARIANTS: Final = (
    Invariant(
        "invoice_total", "An invoice's total is the sum of its lines.",
        "SELECT invoice.id FROM invoice LEFT JOIN invoice_line ON invoice_id = invoice.id"
        " GROUP BY invoice.id HAVING total <> coalesce(sum(amount), 0) OR count(amount) = 0",
    ),
    Invariant(
        "invoice_allocated", "An invoice's allocated amount is the sum of its live allocations.",
        f"SELECT invoice.id FROM invoice LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM {_LIVE_ALLOCATION} GROUP BY 1) given"
        " ON invoice_id = invoice.id WHERE allocated <> coalesce(amount, 0)",
    ),
    Invariant(
        "payment_allocated", "A payment's allocated amount is the sum of its live allocations.",
        f"SELECT payment.id FROM payment LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM {_LIVE_ALLOCATION} GROUP BY 1) given"
        " ON payment_id = payment.id WHERE allocated <> coalesce(given.amount, 0)",
    ),
    Invariant(
        "allocation_customer", "A payment settles invoices of its own customer only.",
        "SELECT allocation.id FROM allocation JOIN invoice ON invoice.id = invoice_id JOIN payment ON payment.id = payment_id"
        " WHERE invoice.customer_id <> payment.customer_id",
    ),
    Invariant(
        "gapless_numbers", "The numbers of a counter's invoices in a period are 1, 2, 3 … without a gap.",
        "SELECT series.period_id, series.counter_id FROM invoice_series series LEFT JOIN invoice USING (period_id, counter_id)"
        " GROUP BY series.period_id, series.counter_id, next_number"
        " HAVING count(invoice.id) <> next_number - 1 OR coalesce(max(sequence), 0) <> next_number - 1",
    ),
    Invariant(
        "number_text", "An invoice's number consists of its period, counter and sequence.",
        "SELECT invoice.id FROM invoice JOIN period ON period.id = period_id JOIN counter ON counter.id = counter_id"
        " WHERE number <> 'INV/' || to_char(month, 'YYYY-MM') || '/' || code"
        " || '/' || lpad(sequence::text, greatest(6, length(sequence::text)), '0')",
    ),
    *CHECKED_PER_STATEMENT,
    Invariant(
        "run_accounts", "A run's tasks account for all customers, and a finished run that wasn't abandoned has only finished tasks.",
        "SELECT run_id FROM generation_task JOIN generation_run ON generation_run.id = run_id"
        " WHERE done <> issued + already_invoiced + skipped OR finished AND done <> total"
        " OR finished_at IS NOT NULL AND abandoned_at IS NULL AND NOT finished"
        " OR skipped <> (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(skipped_by_reason))",
    ),
    Invariant(
        "run_progress", "No run is failing, and none has waited an hour for its next customers. See generationRuns and abandonGeneration.",
        "SELECT id FROM generation_run WHERE finished_at IS NULL AND (attempts > 0 OR next_at < now() - interval '1 hour')",
    ),
    Invariant(
        "run_issued", "A task's invoices match the number and the amount that it records.",
        "SELECT run_id FROM generation_task FULL JOIN (SELECT run_id, counter_id, count(*) AS count, sum(total) AS total FROM invoice"
        " WHERE run_id IS NOT NULL GROUP BY 1, 2) written USING (run_id, counter_id)"
        " WHERE issued IS DISTINCT FROM coalesce(count, 0) OR total_amount IS DISTINCT FROM coalesce(written.total, 0)",
    ),
    Invariant(
        "run_told", "Every invoice of a run is in the event log.",
        "SELECT run_id FROM (SELECT run_id, sum(issued) AS issued FROM generation_task GROUP BY 1) run LEFT JOIN"
        " (SELECT subject_id, sum((data->>'issued')::bigint) AS issued FROM event WHERE kind = 'invoices.issued' GROUP BY 1) told"
        " ON subject_id = run_id WHERE run.issued <> coalesce(told.issued, 0)",
    ),
    Invariant(
        "payment_told", "Every payment is in the event log, once and with its amount.",
        "SELECT payment.id FROM payment LEFT JOIN event ON subject = 'payment' AND subject_id = payment.id AND kind = 'payment.recorded'"
        " WHERE method <> 'OPENING' GROUP BY payment.id HAVING count(event.id) <> 1 OR min((data->>'amount')::bigint) <> amount",
    ),
    Invariant(
        "closed_periods", "A closed period takes no new invoices and no corrections.",
        "SELECT invoice.id FROM invoice JOIN period ON period.id = period_id WHERE issued_at > closed_at"
        " UNION ALL SELECT invoice_id FROM invoice_void JOIN period ON period.id = period_id WHERE voided_at > closed_at",
    ),
    Invariant(
        "corrections_carried", "Invoices and payments carry exactly the amounts of their corrections.",
        "SELECT invoice.id FROM invoice LEFT JOIN invoice_void ON invoice_id = invoice.id"
        f" LEFT JOIN (SELECT invoice_id, sum(amount) AS amount FROM {_LIVE_WRITE_OFF} GROUP BY 1) given_up"
        " ON given_up.invoice_id = invoice.id"
        " WHERE written_off <> coalesce(amount, 0) OR invoice.voided_at IS DISTINCT FROM invoice_void.voided_at"
        " UNION ALL SELECT payment.id FROM payment LEFT JOIN payment_reversal ON payment_id = payment.id"
        f" LEFT JOIN (SELECT payment_id, sum(amount) AS amount FROM {_LIVE_REFUND} GROUP BY 1) refund_total"
        " ON refund_total.payment_id = payment.id"
        " WHERE refunded <> coalesce(refund_total.amount, 0) OR payment.reversed_at IS DISTINCT FROM payment_reversal.reversed_at",
    ),
    Invariant(
        "charges_billed", "A charge is either billed, with its amount, by the one live invoice that it names, or not billed yet.",
        "SELECT charge.id FROM charge LEFT JOIN (SELECT charge_id, invoice_id, amount, customer_id FROM invoice_line"
        " JOIN invoice ON invoice.id = invoice_id AND voided_at IS NULL WHERE charge_id IS NOT NULL) line ON charge_id = charge.id"
        " WHERE charge.invoice_id IS DISTINCT FROM line.invoice_id OR charge.amount <> line.amount"
        " OR charge.customer_id <> line.customer_id OR line.invoice_id IS NOT NULL AND cancelled_at IS NOT NULL",
    ),
    Invariant(
        "tax_lines", "Tax is its rate times its fraction of its base, and the base is the sum of the invoice's taxable lines.",
        "SELECT line.invoice_id FROM invoice_line line WHERE kind = 'TAX' AND (amount IS DISTINCT FROM (SELECT CASE tax_rounding"
        " WHEN 'DOWN' THEN floor(exact) WHEN 'HALF_UP' THEN floor(exact + 0.5) END FROM (SELECT tax_base * tax_rate"
        " * split_part(tax_fraction, '/', 1)::int / (100 * split_part(tax_fraction, '/', 2)::int) AS exact) one)"
        " OR tax_base <> (SELECT sum(amount) FROM invoice_line WHERE invoice_id = line.invoice_id AND kind NOT IN ('TAX', 'LATE_FEE')))",
    ),
    Invariant(
        "receipts", "Every payment has a receipt; their numbers are 1, 2, 3 … per counter and month without a gap.",
        "SELECT payment.id FROM payment LEFT JOIN receipt ON payment_id = payment.id WHERE payment_id IS NULL"
        " OR receipt.counter_id <> payment.counter_id OR month <> date_trunc('month', received_on)"
        " UNION ALL SELECT series.counter_id FROM receipt_series series LEFT JOIN receipt USING (counter_id, month)"
        " GROUP BY series.counter_id, series.month, next_number"
        " HAVING count(payment_id) <> next_number - 1 OR coalesce(max(sequence), 0) <> next_number - 1",
    ),
    Invariant(
        "drawers", "No drawer is negative, and all cash received is deposited, refunded, missing, or on hand.",
        "SELECT counter_id FROM drawer WHERE on_hand < 0 OR on_hand <> received - refunded - deposited + difference OR waiting < 0",
    ),
    Invariant(
        "drawer_balances", "A drawer's balance is the sum of the payments, refunds and deposits of its collector at its counter.",
        f"SELECT counter_id FROM drawer_balance kept FULL JOIN (SELECT counter_id, collector_id,"
        f" {', '.join(f'sum({name}) AS {name}' for name in _DRAWER_SUMS)} FROM {_DRAWER_MOVES} GROUP BY 1, 2) document"
        " USING (counter_id, collector_id) WHERE "
        + " OR ".join(f"coalesce(kept.{name}, 0) <> coalesce(document.{name}, 0)" for name in _DRAWER_SUMS),
    ),
    Invariant(
        "daily_takings", "A day's takings are the sums of the payments that were received and reversed on it, by counter and method.",
        "SELECT counter_id FROM daily_takings kept FULL JOIN (SELECT counter_id, day, method, sum(payments) AS payments,"
        " sum(received) AS received, sum(reversed) AS reversed FROM"
        " (SELECT counter_id, received_on AS day, method, 1 AS payments, amount AS received, 0 AS reversed FROM payment"
        " UNION ALL SELECT counter_id, reversed_on, method, 0, 0, amount FROM payment_reversal"
        " JOIN payment ON payment.id = payment_id) moved GROUP BY 1, 2, 3) document USING (counter_id, day, method) WHERE "
        + " OR ".join(f"coalesce(kept.{name}, 0) <> coalesce(document.{name}, 0)" for name in ("payments", "received", "reversed")),
    ),
    Invariant(
        "period_totals", "A period's totals at a counter are the sums of its invoices.",
        "SELECT period_id FROM period_total kept FULL JOIN (SELECT period_id, counter_id, count(*) AS invoices,"
        " coalesce(sum(total) FILTER (WHERE voided_at IS NULL), 0) AS billed, sum(allocated) AS allocated, sum(written_off) AS written_off,"
        " sum(outstanding) AS outstanding FROM invoice GROUP BY 1, 2) document USING (period_id, counter_id) WHERE "
        + " OR ".join(
            f"coalesce(kept.{name}, 0) <> coalesce(document.{name}, 0)"
            for name in ("invoices", "billed", "allocated", "written_off", "outstanding")
        ),
    ),
    Invariant(
        "deposits_carried", "A deposit's counted, difference and settled amounts match its documents.",
        "SELECT deposit.id FROM deposit LEFT JOIN deposit_decision ON deposit_id = deposit.id AND verified"
        " LEFT JOIN (SELECT DISTINCT ON (deposit_id) deposit_id, counted, difference FROM deposit_correction ORDER BY deposit_id, id DESC)"
        " last ON last.deposit_id = deposit.id"
        " LEFT JOIN (SELECT settlement.deposit_id, sum(CASE kind WHEN 'SURPLUS' THEN amount WHEN 'SHORTAGE' THEN -amount END) AS amount"
        " FROM difference_settlement settlement WHERE NOT EXISTS (SELECT FROM settlement_reversal WHERE settlement_id = settlement.id)"
        " GROUP BY 1) explained ON explained.deposit_id = deposit.id"
        " WHERE deposit.counted <> coalesce(last.counted, deposit_decision.counted, 0)"
        " OR deposit.difference <> coalesce(last.difference, deposit_decision.difference, 0) OR settled <> coalesce(explained.amount, 0)",
    ),
    Invariant(
        "surplus_used", "A payment uses surpluses of its own drawer only, at most its amount, and none once it is reversed.",
        "SELECT payment.id FROM payment JOIN difference_settlement settlement ON payment_id = payment.id"
        " JOIN deposit ON deposit.id = deposit_id"
        " WHERE NOT EXISTS (SELECT FROM settlement_reversal WHERE settlement_id = settlement.id)"
        " GROUP BY payment.id HAVING sum(settlement.amount) > payment.amount OR payment.reversed_at IS NOT NULL OR method <> 'CASH'"
        " OR bool_or((deposit.collector_id, deposit.counter_id) IS DISTINCT FROM (received_by, payment.counter_id))",
    ),
    Invariant(
        "periods_carried", "A period is closed if and only if its last closing was not reopened, and since that closing.",
        "SELECT period.id FROM period LEFT JOIN (SELECT DISTINCT ON (period_id) period_id, closed_at FROM period_closing"
        " LEFT JOIN period_reopening ON closing_id = period_closing.id WHERE closing_id IS NULL ORDER BY period_id, period_closing.id DESC)"
        " last ON period_id = period.id WHERE period.closed_at IS DISTINCT FROM last.closed_at",
    ),
    Invariant(
        "closing_figures", "A closing's figures match the documents before it: none was backdated.",
        f"WITH now AS MATERIALIZED (SELECT closing.id AS closing_id, closing.closed_at, figure.*, coalesce(held.amount, 0) AS cash_on_hand"
        f" FROM period_closing closing CROSS JOIN LATERAL period_money(period_id, closed_at) figure"
        f" LEFT JOIN ({_CASH_AT_CLOSINGS}) held ON held.closing_id = closing.id AND held.counter_id = figure.counter_id)"
        f" (SELECT closing_id, figure.counter_id, {_FIGURES} FROM period_closing_figure figure"
        f" EXCEPT SELECT closing_id, figure.counter_id, {_FIGURES} FROM now figure)"
        f" UNION ALL SELECT closing_id, figure.counter_id, {_FIGURES} FROM now figure JOIN counter ON counter.id = figure.counter_id"
        " WHERE (closing_id, figure.counter_id) NOT IN"
        " (SELECT closing_id, counter_id FROM period_closing_figure) AND counter.created_at <= closed_at",
    ),
    Invariant(
        "recap_journal", "At each counter, the money in a month's recap equals that in the month's journal.",
        # What can't be received or handed over is left out of the journal before it is read.
        "WITH booked AS MATERIALIZED (SELECT counter_id, date_trunc('month', posted_on)::date AS month,"
        " sum(CASE document WHEN 'payment' THEN amount WHEN 'payment_reversal' THEN -amount END) AS came,"
        " sum(CASE document WHEN 'refund' THEN amount WHEN 'refund_reversal' THEN -amount END) AS went,"
        " sum(CASE WHEN debit IN ('CENTRAL_CASH', 'BANK') AND credit = 'CASH_ON_HAND' THEN amount"
        " WHEN credit IN ('CENTRAL_CASH', 'BANK') AND debit = 'CASH_ON_HAND' THEN -amount END) AS counted,"
        " sum(CASE WHEN credit IN ('SURPLUS', 'SHORTAGE') THEN amount WHEN debit IN ('SURPLUS', 'SHORTAGE') THEN -amount END) AS off"
        " FROM journal WHERE document NOT IN ('invoice', 'invoice_void', 'allocation', 'deallocation') GROUP BY 1, 2),"
        f" recap AS MATERIALIZED ({_RECEIVED_AND_HANDED_OVER})"
        " SELECT period.id FROM period CROSS JOIN counter"
        " LEFT JOIN booked ON booked.counter_id = counter.id AND booked.month = period.month"
        " LEFT JOIN recap ON recap.counter_id = counter.id AND recap.month = period.month"
        " WHERE coalesce(booked.came, 0) <> coalesce(recap.came, 0) OR coalesce(booked.went, 0) <> coalesce(recap.went, 0)"
        " OR coalesce(booked.counted, 0) <> coalesce(recap.counted, 0) OR coalesce(booked.off, 0) <> coalesce(recap.off, 0)",
    ),
    Invariant(
        "deposits_decided", "A deposit is decided once, by another user, and its status matches the decision.",
        "SELECT deposit.id FROM deposit LEFT JOIN deposit_decision ON deposit_id = deposit.id"
        " WHERE status <> coalesce(CASE verified WHEN true THEN 'VERIFIED' WHEN false THEN 'REJECTED' END, 'SUBMITTED')"
        " OR decided_by IN (submitted_by, collector_id) OR type = 'TRANSFER' AND proof_id IS NULL",
    ),
    Invariant(
        "journal", "Each journal account's balance matches the documents, and all accounts together sum to zero.",
        f"SELECT account FROM ({_JOURNAL_BALANCES}) kept FULL JOIN ({_EXPECTED_BALANCES}) document USING (account)"
        " WHERE coalesce(balance, 0) <> coalesce(expected, 0)"
        f" UNION ALL SELECT 'all' FROM ({_EXPECTED_BALANCES}) document HAVING sum(expected) <> 0",
    ),
    Invariant(
        "payment_methods", "Each payment method is booked to the account that it declares.",
        f"SELECT code FROM payment_method FULL JOIN (VALUES {_METHODS}) declared (code, account) USING (code)"
        " WHERE payment_method.account IS DISTINCT FROM declared.account",
    ),
    Invariant(
        "corrections_told", "Every correction is in the event log, once and with its amount.",
        "SELECT invoice.id FROM invoice_void JOIN invoice ON invoice.id = invoice_id LEFT JOIN event ON subject = 'invoice'"
        " AND subject_id = invoice_id AND kind = 'invoice.voided' AND (data->>'total')::bigint = total"
        " GROUP BY 1 HAVING count(event.id) <> 1"
        " UNION ALL SELECT payment.id FROM payment_reversal JOIN payment ON payment.id = payment_id LEFT JOIN event"
        " ON subject = 'payment' AND subject_id = payment_id AND kind = 'payment.reversed' AND (data->>'amount')::bigint = amount"
        " GROUP BY 1 HAVING count(event.id) <> 1"
        " UNION ALL SELECT invoice.id FROM invoice LEFT JOIN (SELECT subject_id, sum((data->>'amount')::bigint"
        " * CASE kind WHEN 'invoice.write_off_reversed' THEN -1 WHEN 'invoice.written_off' THEN 1"
        " WHEN 'invoice.late_fee_cancelled' THEN 1 END) AS amount FROM event"
        " WHERE kind IN ('invoice.written_off', 'invoice.late_fee_cancelled', 'invoice.write_off_reversed')"
        " GROUP BY 1) told ON subject_id = invoice.id WHERE written_off <> coalesce(amount, 0)"
        " UNION ALL SELECT payment.id FROM payment LEFT JOIN (SELECT subject_id, sum((data->>'amount')::bigint"
        " * CASE kind WHEN 'credit.refund_reversed' THEN -1 WHEN 'credit.refunded' THEN 1 END) AS amount FROM event"
        " WHERE kind IN ('credit.refunded', 'credit.refund_reversed') GROUP BY 1) told"
        " ON subject_id = payment.id WHERE refunded <> coalesce(told.amount, 0)"
        " UNION ALL SELECT deposit_id FROM deposit_decision LEFT JOIN event ON subject = 'deposit' AND subject_id = deposit_id"
        " AND kind IN ('deposit.verified', 'deposit.rejected') GROUP BY 1 HAVING count(event.id) <> 1"
        " UNION ALL SELECT deposit_id FROM deposit_correction LEFT JOIN event ON subject = 'deposit' AND subject_id = deposit_id"
        " AND kind = 'deposit.corrected' AND (data->'after'->>'counted')::bigint = counted AND at = corrected_at"
        " GROUP BY deposit_id, deposit_correction.id HAVING count(event.id) < 1"
        " UNION ALL SELECT deposit.id FROM deposit LEFT JOIN (SELECT subject_id, sum((data->>'amount')::bigint"
        " * CASE concat_ws(' ', kind, data->>'settlement_kind') WHEN 'deposit.surplus_settled' THEN 1"
        " WHEN 'deposit.shortage_settled' THEN -1 WHEN 'deposit.settlement_reversed SHORTAGE' THEN 1"
        " WHEN 'deposit.settlement_reversed SURPLUS' THEN -1 END) AS amount FROM event"
        " WHERE kind IN ('deposit.surplus_settled', 'deposit.shortage_settled', 'deposit.settlement_reversed') GROUP BY 1) told"
        " ON subject_id = deposit.id WHERE settled <> coalesce(told.amount, 0)"
        " UNION ALL SELECT period_closing.period_id FROM period_closing LEFT JOIN event ON kind = 'period.closed'"
        " AND subject_id = period_closing.period_id AND data->>'closing_id' = 'clo_' || period_closing.id"
        " GROUP BY period_closing.id HAVING count(event.id) <> 1"
        " AND max(closed_at) > (SELECT min(at) FROM event WHERE data ? 'closing_id')",
    ),
    Invariant(
        "feed_gapless", "The numbers of the feed are 1, 2, 3 … without a gap.",
        "SELECT 1 FROM feed HAVING count(*) <> coalesce(max(number), 0)",
    ),
    Invariant(
        "feed_complete", "Every event that the feed has passed has a number, and every number has an event.",
        "SELECT id FROM event LEFT JOIN feed ON event_id = event.id WHERE event_id IS NULL AND event.id <= (SELECT low FROM feed_mark)"
        " UNION ALL SELECT event_id FROM feed LEFT JOIN event ON event.id = event_id WHERE event.id IS NULL",
    ),
    Invariant(
        "feed_chain", "Each digest of the feed matches the previous digest and its event as it is now: nothing was changed.",
        f"SELECT number FROM {_CHAIN} WHERE digest IS DISTINCT FROM sha256(before || event_canonical(event))",
    ),
    Invariant(
        "credit_beside_debt", "No customer has a debt and credit at the same time, unless the credit is on hold.",
        "SELECT payment.id FROM payment JOIN (SELECT DISTINCT customer_id FROM invoice WHERE outstanding > 0) debtor USING (customer_id)"
        " WHERE credit > 0 AND NOT EXISTS (SELECT FROM credit_hold WHERE payment_id = payment.id AND released_at IS NULL)",
    ),
    Invariant(
        "opening_balances", "An opening balance matches its invoice and its payment, and is in the event log once.",
        "SELECT opening_balance.customer_id FROM opening_balance LEFT JOIN invoice ON invoice.id = invoice_id"
        " LEFT JOIN payment ON payment.id = payment_id"
        " WHERE arrears <> coalesce(total, 0) OR opening_balance.credit <> coalesce(payment.amount, 0)"
        " OR invoice.customer_id <> opening_balance.customer_id OR payment.customer_id <> opening_balance.customer_id"
        " OR payment.method <> 'OPENING' OR invoice.period_id <> opening_balance.period_id"
        " OR 1 <> (SELECT count(*) FROM event WHERE kind = 'customer.opening_recorded' AND subject = 'customer'"
        " AND subject_id = opening_balance.customer_id)"
        " UNION ALL SELECT id FROM payment WHERE method = 'OPENING'"
        " AND NOT EXISTS (SELECT FROM opening_balance WHERE payment_id = payment.id)"
        " UNION ALL SELECT invoice_id FROM invoice_line WHERE kind = 'OPENING'"
        " AND NOT EXISTS (SELECT FROM opening_balance WHERE opening_balance.invoice_id = invoice_line.invoice_id)",
    ),
    Invariant(
        "suspended_days", "No invoice bills days for which its customer was suspended when it was issued.",
        "SELECT invoice.id FROM invoice JOIN suspension ON suspension.customer_id = invoice.customer_id AND issued_at > set_at"
        " WHERE voided_at IS NULL AND covers_from < covers_until AND covers_from < coalesce(until_on, 'infinity')"
        " AND covers_until > from_on AND from_on < coalesce(until_on, 'infinity')",
    ),
    Invariant(
        "zero_invoices", "No invoice has a total of zero.",
        "SELECT id FROM invoice WHERE total = 0",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """An invariant and the number of rows that violate it."""

    invariant: Invariant
    rows: int


async def check(session: ReadSession) -> AsyncIterator[Finding]:
    """Check each invariant in turn. A count above 0 means that money may be wrong; nothing is corrected automatically."""
    for invariant in INVARIANTS:
        yield await _checked(session, invariant)


async def check_side_by_side(database: Database, *, connections: int) -> list[Finding]:
    """Check the invariants on this many connections at a time; the findings in their order. Each is one statement, as in `check`."""
    waiting = iter(INVARIANTS)

    async def work() -> list[Finding]:
        async with database.reading() as session:
            return [await _checked(session, invariant) for invariant in waiting]

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work()) for _ in range(connections)]
    findings = {finding.invariant.name: finding for worker in workers for finding in worker.result()}
    return [findings[invariant.name] for invariant in INVARIANTS]


async def _checked(session: ReadSession, invariant: Invariant) -> Finding:
    rows = await session.only_value(text(f"SELECT count(*) FROM ({invariant.broken}) broken".replace(":", r"\:")), kind=int)
    return Finding(invariant, rows)
