"""Pricing rule: which customers are invoiced for a period, who is skipped and why, for which days and what amounts, line by line.

Previews, generation, single invoices and the forecast use the same SQL, so they can't disagree; they differ only in the
`Sources` they read. The rule has steps, each a CTE over the customers of a chunk: `terms` (plan, price, cycle, days already
covered) → `stretch` (days to bill) → `waiting` (charges) → `base` (price of the days) → `off` (discounts) → `priced`
(tax, total, verdict). docs/pricing.md describes it in words.

Its parameters are `period`, `month` (the period's first day), `after` (the day after its last), `at` (now) and `as_of` (for late
fees: when the run began; else now).
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import BindParameter, Date, Text, TextClause, bindparam, text

from sebilling.billing import scope
from sebilling.billing.journal import Account, BookedCode
from sebilling.db.parameters import instant, number


class SkipReason(StrEnum):
    """Why a customer gets no invoice for a period, other than having one already."""

    INACTIVE = "INACTIVE"
    NOT_INSTALLED_YET = "NOT_INSTALLED_YET"
    COVERED_BY_CYCLE = "COVERED_BY_CYCLE"
    ZERO_AMOUNT = "ZERO_AMOUNT"
    PAUSED = "PAUSED"
    SERVICE_ENDED = "SERVICE_ENDED"


class LineKind(BookedCode):
    """Kind of an invoice line: its code, the account that it is booked to (as `line_account` in db/sql/journal.sql), and its names."""

    SUBSCRIPTION = "SUBSCRIPTION", Account.REVENUE, "Langganan", "Whole months of a plan."
    PRORATION = "PRORATION", Account.REVENUE, "Prorata", "Days of a plan."
    CHARGE = "CHARGE", Account.REVENUE, "Biaya", "One-off charge."
    DISCOUNT = "DISCOUNT", Account.REVENUE, "Potongan", "Discount; a negative amount."
    TAX = "TAX", Account.TAX_PAYABLE, "Pajak", "Tax (PPN)."
    LATE_FEE = "LATE_FEE", Account.REVENUE, "Denda", "Denda keterlambatan: late fee, charged once per overdue invoice."
    OPENING = "OPENING", Account.OPENING_BALANCE, "Saldo awal", "Saldo awal: arrears from the previous system, created by an import."


ISSUE: Final = "ISSUE"
ALREADY_INVOICED: Final = "ALREADY_INVOICED"


@dataclass(frozen=True, slots=True)
class Sources:
    """Tables that the rule reads, or FROM items with the same columns: present data, a run's snapshot, or data with forecast invoices."""

    settings: str = "billing_settings"
    plan: str = "plan"
    cycle: str = "billing_cycle"
    charge: str = "charge"
    discount: str = "discount"
    covering: str = "taken_days"
    """Days that aren't to be billed (again): customer_id, period_id, covers_from, covers_until, voided_at, suspension."""
    overdue: str = "invoice"
    """Invoices that may get a late fee."""


LIVE: Final = Sources()
OF_RUN: Final = Sources(
    settings="run_settings", plan="run_plan", discount="run_discount",
    charge="""(SELECT charge.* FROM charge JOIN (
                      SELECT unnest(charge_ids) AS id FROM generation_task JOIN task USING (counter_id) WHERE run_id = :run
                  ) known USING (id))""",
)  # fmt: skip
"""Data that the run `run` recorded when it began, for its counters in `task`. Needs the CTEs of OF_RUN_STEPS before it."""
OF_RUN_STEPS: Final = """
    run_settings AS MATERIALIZED (
        SELECT one.* FROM generation_run CROSS JOIN LATERAL jsonb_to_record(settings) AS one (
            prorate_first_month boolean, tax_rate numeric, tax_numerator int, tax_denominator int, tax_rounding text, late_fee bigint,
            late_fee_after_days int) WHERE id = :run
    ), run_plan AS MATERIALIZED (
        SELECT one.* FROM generation_run CROSS JOIN LATERAL jsonb_to_recordset(plans) AS one (id bigint, name text, price bigint)
         WHERE generation_run.id = :run
    ), run_discount AS MATERIALIZED (
        SELECT discount.id, customer_id, plan_id, amount, percent, description, from_on, known.until_on
          FROM (SELECT unnest(discount_ids) AS id, unnest(discount_untils) AS until_on FROM generation_run WHERE id = :run) known
          JOIN discount USING (id)
    ), slice AS MATERIALIZED (
        SELECT unnest(customer_ids[done + 1 : done + CAST(:chunk AS int)]) AS id,
               unnest(plan_ids[done + 1 : done + CAST(:chunk AS int)]) AS plan_id,
               unnest(prices[done + 1 : done + CAST(:chunk AS int)]) AS price
          FROM generation_task JOIN task USING (counter_id) WHERE run_id = :run
    )"""
CUSTOMERS_OF_RUN: Final = """(SELECT customer.*, slice.plan_id, slice.price FROM slice CROSS JOIN LATERAL (
               SELECT id, counter_id, active, installed_on, due_day FROM customer WHERE id = slice.id OFFSET 0) customer) customer"""
"""The next `chunk` customers of each task, with their plan and agreed price at the run's beginning."""
ONE_CUSTOMER: Final = f"""(SELECT * FROM customer
         WHERE id = :customer AND {scope.sees("counter_id")}) customer"""
"""The customer, if their counter is in the scope."""

# A cycle's months begin on the anchor's day of the month, or on the month's last day: anchor + n months, never previous + 1 month.
_GRID: Final = "(anchor + make_interval(months => {n}))::date"
_MONTHS_AFTER_ANCHOR: Final = """((extract(year FROM {day}) - extract(year FROM {anchor})) * 12
                       + extract(month FROM {day}) - extract(month FROM {anchor}))::int"""
_REGIME: Final = f"""LEFT JOIN LATERAL (
               SELECT months, effective_from AS anchor,
                      {_MONTHS_AFTER_ANCHOR.format(day="CAST(:month AS date)", anchor="effective_from")} AS nth,
                      (SELECT min(later.effective_from) FROM {{cycle}} later
                        WHERE later.customer_id = customer.id AND later.id > cycle.id) AS superseded_on
                 FROM {{cycle}} cycle WHERE customer_id = customer.id AND effective_from < :after
                ORDER BY id DESC LIMIT 1) regime ON true"""
_NO_REGIME: Final = "CROSS JOIN (SELECT NULL::int AS months, NULL::date AS anchor, NULL::int AS nth, NULL::date AS superseded_on) regime"
# An invoice over charges alone covers no days: the days, and the period's ordinary invoice, can still be billed.
_TERMS: Final = f"""
    terms AS MATERIALIZED (
        SELECT customer.id, customer.counter_id, customer.active, customer.installed_on, plan.id AS plan_id, plan.name AS plan_name,
               coalesce(customer.price, plan.price) AS price, coalesce(months, 1) AS months, anchor, nth, start,
               CAST(:at AT TIME ZONE counter.timezone AS date) AS today,
               CAST(:month AS date) + coalesce(customer.due_day, counter.due_day) - 1 AS due_on,
               CAST(:month AS date) + customer.due_day - 1 AS own_due_on,
               CAST(:as_of AT TIME ZONE counter.timezone AS date) AS fees_as_of,
               coalesce(invoiced, false) AS invoiced, coalesce(charged, false) AS charged, covered_until, suspended,
               least(covered_again_from, superseded_on) AS taken_from
          FROM {{customers}}
          JOIN {{plan}} plan ON plan.id = customer.plan_id
          JOIN counter ON counter.id = customer.counter_id
          {{regime}}
         CROSS JOIN LATERAL (SELECT CASE WHEN months > 1 THEN {_GRID.format(n="nth")}
                                         ELSE greatest(:month, installed_on) END AS start) grid
         CROSS JOIN LATERAL (
               SELECT bool_or(period_id = :period AND covers_from < covers_until) AS invoiced,
                      bool_or(period_id = :period AND covers_from = covers_until) AS charged,
                      max(covers_until) FILTER (WHERE covers_from <= start AND covers_from < covers_until AND covers_until > :month)
                          AS covered_until,
                      min(covers_from) FILTER (WHERE covers_from > start AND covers_from < covers_until) AS covered_again_from,
                      CASE WHEN bool_or(suspension = 'ENDED' AND covers_from < :after) THEN 'SERVICE_ENDED'
                           WHEN bool_or(suspension IS NOT NULL AND covers_from < :after AND covers_until >= :after) THEN 'PAUSED' END
                          AS suspended
                 FROM {{covering}} covering WHERE customer_id = customer.id AND voided_at IS NULL AND covers_until >= :month) covered
    )"""
# A cycle that costs nothing is never invoiced, so only the discounts show that it existed: counted from the end of the last
# invoice (or from the anchor), cycles that are fully discounted are skipped, up to `paid_nth`, the first that costs something.
# A month within a free cycle is skipped, and none of its days are billed with the next cycle.
_UNTIL_NTH: Final = _MONTHS_AFTER_ANCHOR.format(day="until", anchor="anchor")
_FREE: Final = f"""
    begun AS MATERIALIZED (
        SELECT terms.id, nth, customer_id, plan_id, coalesce(CASE WHEN covered_until > start THEN nth ELSE (
                   SELECT {_UNTIL_NTH} + CASE WHEN {_GRID.format(n=_UNTIL_NTH)} < until THEN 1 ELSE 0 END
                     FROM (SELECT max(covers_until) AS until FROM {{covering}} covering
                            WHERE customer_id = terms.id AND voided_at IS NULL AND covers_from < covers_until
                              AND covers_until <= start AND covers_until > anchor) before WHERE until IS NOT NULL) END, 0) AS begin_nth
          FROM (SELECT *, id AS customer_id FROM terms WHERE months > 1) terms
    ), offered AS MATERIALIZED (
        SELECT id, array_agg(amount) AS amounts, array_agg(percent) AS percents, array_agg(from_on) AS froms, array_agg(until_on) AS untils
          FROM (SELECT begun.id, amount, percent, from_on, until_on FROM begun JOIN {{discount}} discount USING (customer_id)
                 WHERE nth > begin_nth
                UNION ALL
                SELECT begun.id, amount, percent, from_on, until_on FROM begun JOIN {{discount}} discount USING (plan_id)
                 WHERE nth > begin_nth
               ) both_kinds GROUP BY id
    )"""
_PASSED: Final = f"""
          JOIN (SELECT id, begin_nth FROM begun) begun USING (id)
          LEFT JOIN offered USING (id)
         CROSS JOIN LATERAL (
               SELECT coalesce(begin_nth + min(kth) * months, begin_nth + (nth - begin_nth) / months * months) AS paid_nth,
                      min(kth) IS NULL AS all_free
                 FROM generate_series(0, CASE WHEN nth > begin_nth THEN (nth - begin_nth) / months ELSE -1 END) kth
                CROSS JOIN LATERAL (
                      SELECT array_agg({_GRID.format(n="j")}) AS days
                        FROM generate_series(begin_nth + kth * months, begin_nth + kth * months + months - 1) j
                       WHERE taken_from IS NULL OR {_GRID.format(n="j")} < taken_from) cycle
                WHERE coalesce((
                      SELECT sum(least(price, coalesce(amount, half_up(price * percent, 100)))
                                 * (SELECT count(*) FROM unnest(days) day WHERE day >= from_on AND day < coalesce(until_on, 'infinity')))
                        FROM unnest(amounts, percents, froms, untils) off (amount, percent, from_on, until_on)), 0)
                      < price * cardinality(days)) paid"""
# Ordinary months: the days of the calendar month that aren't covered; only a whole month (or a first one, if those aren't
# prorated) is billed as a month. Cycles: as many months as fit before days already covered. Unbilled days of the period before
# its cycle begins are billed by days with it (`lead`), and so are uncovered days after a shortened stretch (`tail`).
_MONTHS: Final = """
        SELECT terms.*, covers_from, covers_until,
               CASE WHEN whole THEN 1 ELSE 0 END AS n,
               CASE WHEN whole THEN 0 ELSE greatest(covers_until - covers_from, 0) END AS lead_days,
               CAST(:after AS date) - :month AS lead_of, 0 AS tail_days, 1 AS tail_of, covers_from AS tail_from, false AS free
          FROM terms
         CROSS JOIN LATERAL (SELECT greatest(start, covered_until) AS covers_from, least(:after, taken_from) AS covers_until) days
         CROSS JOIN LATERAL (
               SELECT covers_until = :after AND (covers_from = :month OR covered_until IS NULL AND NOT prorate_first_month) AS whole
                 FROM settings) month
         WHERE months = 1"""
_CYCLES: Final = f"""
        SELECT terms.*, covers_from, covers_until, n, CASE WHEN bare_from > start THEN 0 ELSE start - covers_from END AS lead_days,
               CAST(:after AS date) - :month AS lead_of,
               CASE n WHEN 0 THEN greatest(covers_until - tail_from, 0) ELSE 0 END AS tail_days,
               {_GRID.format(n="nth + 1")} - start AS tail_of,
               tail_from, all_free AND nth > paid_nth AS free
          FROM terms{_PASSED}
         CROSS JOIN LATERAL (SELECT greatest(covered_until, installed_on) AS bare_from) bare
         CROSS JOIN LATERAL (
               SELECT CASE WHEN bare_from > start THEN 0
                           WHEN taken_from IS NULL THEN months
                           ELSE (SELECT count(*) FROM generate_series(1, months) k WHERE {_GRID.format(n="nth + k")} <= taken_from)::int
                      END AS n, greatest(start, bare_from) AS tail_from) fitting
         CROSS JOIN LATERAL (
               SELECT CASE WHEN bare_from > start THEN bare_from
                           WHEN paid_nth = nth AND nth > begin_nth THEN start
                           ELSE least(start, greatest(:month, bare_from)) END AS covers_from,
                      CASE WHEN bare_from > start THEN least(:after, taken_from)
                           WHEN n = 0 THEN taken_from ELSE {_GRID.format(n="nth + n")} END AS covers_until) days
         WHERE months > 1"""
_STRETCH: Final = f"""
    stretch AS MATERIALIZED ({_MONTHS}
        UNION ALL{_CYCLES}
    )"""
_PLAIN_STRETCH: Final = f"""
    stretch AS MATERIALIZED ({_MONTHS}
    )"""
_CHARGES: Final = """
    waiting AS MATERIALIZED (
        SELECT customer_id, charge.id AS charge_id, kind = 'LATE_FEE' AS is_fee, description, amount
          FROM {charge} charge JOIN stretch ON stretch.id = customer_id
         WHERE invoice_id IS NULL AND cancelled_at IS NULL
    )"""
# A customer without an ordinary invoice gets one over the charges alone, at most once in a period; it covers no days.
_BASE: Final = """
    base AS MATERIALIZED (
        SELECT id, counter_id, plan_id, plan_name, price, months, anchor, nth, start, today, due_on, own_due_on, fees_as_of, lead_of,
               tail_of, tail_from, alone,
               CASE WHEN alone THEN 'ISSUE' WHEN aside AND charged THEN 'ALREADY_INVOICED' ELSE why END AS reason,
               CASE WHEN alone THEN :month ELSE covers_from END AS covers_from,
               CASE WHEN alone THEN :month ELSE covers_until END AS covers_until,
               CASE WHEN alone THEN 0 ELSE n END AS n, CASE WHEN alone THEN 0 ELSE lead_days END AS lead_days,
               CASE WHEN alone THEN 0 ELSE tail_days END AS tail_days,
               CASE WHEN alone THEN 0 ELSE half_up(price * lead_days, lead_of) END AS lead_amount,
               CASE WHEN alone THEN 0 ELSE half_up(price * tail_days, tail_of) END AS tail_amount
          FROM stretch
         CROSS JOIN LATERAL (
               SELECT CASE WHEN invoiced THEN 'ALREADY_INVOICED'
                           WHEN NOT active THEN 'INACTIVE'
                           WHEN installed_on >= :after THEN 'NOT_INSTALLED_YET'
                           WHEN covers_from >= covers_until THEN coalesce(suspended, 'COVERED_BY_CYCLE')
                           WHEN free THEN 'ZERO_AMOUNT'
                           ELSE 'ISSUE' END AS why) judged
         CROSS JOIN LATERAL (SELECT why IN ('INACTIVE', 'COVERED_BY_CYCLE', 'ZERO_AMOUNT', 'PAUSED', 'SERVICE_ENDED') AS aside) two
         CROSS JOIN LATERAL (SELECT {alone} AS alone) three
    )"""
_ALONE: Final = "aside AND NOT charged AND id IN (SELECT customer_id FROM waiting)"
_LATE: Final = """
    late AS MATERIALIZED (
        SELECT base.id AS customer_id, invoice.id AS overdue_id, 'Denda keterlambatan ' || number AS description, late_fee AS amount
          FROM settings JOIN base ON late_fee > 0 AND reason = 'ISSUE'
         CROSS JOIN LATERAL (
               SELECT id, number FROM {overdue} invoice
                WHERE customer_id = base.id AND outstanding > 0 AND due_on < fees_as_of - late_fee_after_days
                ORDER BY due_on, id) invoice
         WHERE (SELECT id FROM charge WHERE overdue_invoice_id = invoice.id) IS NULL
    ), charged AS (
        SELECT customer_id, sum(amount)::bigint AS amount, coalesce(sum(amount) FILTER (WHERE NOT is_fee), 0)::bigint AS taxable
          FROM (SELECT customer_id, is_fee, amount FROM waiting UNION ALL SELECT customer_id, true, amount FROM late) extra
         GROUP BY customer_id
    )"""
# A month is discounted if it begins within the discount's days. Discounts aren't compounded: each is computed from the price,
# and together they are at most the price, the oldest first.
_WITHIN: Final = "({day} >= from_on AND {day} < coalesce(until_on, 'infinity'))"
_PART_OFF: Final = """CASE WHEN {days} > 0 AND {within}
                THEN least({part}, coalesce(half_up(amount * {days}, {of}), half_up({part} * percent, 100))) ELSE 0 END"""
_LEAD_OFF: Final = _PART_OFF.format(days="lead_days", of="lead_of", part="lead_amount", within=_WITHIN.format(day="covers_from"))
_TAIL_OFF: Final = _PART_OFF.format(days="tail_days", of="tail_of", part="tail_amount", within=_WITHIN.format(day="tail_from"))
_OFF: Final = f"""
    pair AS (
        SELECT base.id, discount.id AS discount_id FROM base JOIN {{discount}} discount ON customer_id = base.id WHERE reason = 'ISSUE'
        UNION ALL
        SELECT base.id, discount.id FROM base JOIN {{discount}} discount ON discount.plan_id = base.plan_id WHERE reason = 'ISSUE'
    ), own AS (
        SELECT base.id AS customer_id, discount_id, description, n * price + lead_amount + tail_amount AS subscription,
               least(price, coalesce(amount, half_up(price * percent, 100)))
               * CASE WHEN n = 0 THEN 0
                      WHEN months = 1 THEN {_WITHIN.format(day="covers_from")}::int
                      ELSE (SELECT count(*) FROM generate_series(0, n - 1) k WHERE {_WITHIN.format(day=_GRID.format(n="nth + k"))}) END
               + {_LEAD_OFF} + {_TAIL_OFF} AS amount
          FROM pair JOIN base USING (id) JOIN {{discount}} discount ON discount.id = discount_id
    ), off AS MATERIALIZED (
        SELECT customer_id, discount_id, description, least(amount, subscription - before)::bigint AS amount
          FROM (SELECT *, sum(amount) OVER (PARTITION BY customer_id ORDER BY discount_id) - amount AS before FROM own) running
         WHERE amount > 0 AND before < subscription
    ), taken_off AS (
        SELECT customer_id, sum(amount)::bigint AS amount FROM off GROUP BY customer_id
    )"""
_EXTRAS: Final = """LEFT JOIN charged ON charged.customer_id = base.id
          LEFT JOIN taken_off ON taken_off.customer_id = base.id"""
_NO_EXTRAS: Final = (
    "CROSS JOIN (SELECT 0::bigint AS amount, 0::bigint AS taxable) charged CROSS JOIN (SELECT 0::bigint AS amount) taken_off"
)
_PRICED: Final = """
    priced AS MATERIALIZED (
        SELECT base.*, net + tax AS total, tax, tax_base,
               CASE WHEN reason = 'ISSUE' AND net = 0 THEN 'ZERO_AMOUNT' ELSE reason END AS verdict,
               CASE WHEN alone THEN greatest(today, base.due_on)
                    WHEN months > 1 THEN greatest(today, start, covers_from, own_due_on)
                    ELSE greatest(today, base.due_on, covers_from) END AS falls_due
          FROM base
          {extras}
         CROSS JOIN settings
         CROSS JOIN LATERAL (
               SELECT n * price + lead_amount + tail_amount - coalesce(taken_off.amount, 0) AS subscription) one
         CROSS JOIN LATERAL (
               SELECT subscription + coalesce(charged.amount, 0) AS net, subscription + coalesce(charged.taxable, 0) AS tax_base) two
         CROSS JOIN LATERAL (
               SELECT CASE tax_rounding
                      WHEN 'DOWN' THEN div(tax_base * tax_rate * tax_numerator, 100 * tax_denominator)::bigint
                      WHEN 'HALF_UP' THEN half_up(tax_base * tax_rate * tax_numerator, 100 * tax_denominator) END AS tax) three
    )"""


def pricing(customers: str, sources: Sources = LIVE, *, plain: bool = False) -> str:
    """Return CTEs that end with `priced`: one row for each customer of `customers`, a FROM item named `customer`.

    `verdict` is ISSUE, ALREADY_INVOICED or a SkipReason; `total` (rupiah), `covers_from`, `covers_until` and `falls_due` are
    those of the invoice. LINES selects its lines.

    With `plain` the steps are left out that find nothing where there are no cycles, discounts, waiting charges and late fees; most of
    the time that the statement takes to plan is theirs. PLAIN_LINES selects the lines then.
    """
    settings = f"settings AS MATERIALIZED (SELECT * FROM {sources.settings} one)"
    steps = (_TERMS, _PLAIN_STRETCH, _BASE, _PRICED) if plain else (_TERMS, _FREE, _STRETCH, _CHARGES, _BASE, _LATE, _OFF, _PRICED)
    return ", ".join([settings, *(step.format(
        customers=customers, plan=sources.plan, cycle=sources.cycle, charge=sources.charge, discount=sources.discount,
        covering=sources.covering, overdue=sources.overdue, regime=_NO_REGIME if plain else _REGIME.format(cycle=sources.cycle),
        alone="false" if plain else _ALONE, extras=_NO_EXTRAS if plain else _EXTRAS,
    ) for step in steps)])  # fmt: skip


PRICED: Final = "verdict, covers_from, covers_until, falls_due, total"
"""Columns of `priced`, for rows of Priced."""


@dataclass(frozen=True, slots=True)
class Priced:
    """The rule's verdict on one customer and period: ISSUE, ALREADY_INVOICED or a SkipReason. The rest is the invoice's, if any."""

    verdict: str
    covers_from: date
    covers_until: date
    falls_due: date
    total: int
    """Rupiah."""


_MONTH_LINES: Final = """
    SELECT id AS customer_id, 1 AS position, 'SUBSCRIPTION' AS kind, plan_name AS description, n AS quantity, price AS unit_price,
           NULL::bigint AS charge_id, NULL::bigint AS discount_id, NULL::numeric AS tax_rate, NULL::text AS tax_fraction,
           NULL::bigint AS tax_base, NULL::text AS tax_rounding
      FROM priced WHERE verdict = 'ISSUE' AND n > 0
    UNION ALL
    SELECT id, 2, 'PRORATION', plan_name || ', ' || lead_days || '/' || lead_of || ' hari', 1, lead_amount,
           NULL, NULL, NULL, NULL, NULL, NULL
      FROM priced WHERE verdict = 'ISSUE' AND lead_days > 0"""
_OTHER_LINES: Final = """
    SELECT id, 3, 'PRORATION', plan_name || ', ' || tail_days || '/' || tail_of || ' hari', 1, tail_amount,
           NULL, NULL, NULL, NULL, NULL, NULL
      FROM priced WHERE verdict = 'ISSUE' AND tail_days > 0
    UNION ALL
    SELECT customer_id, 9 + row_number() OVER (PARTITION BY customer_id ORDER BY charge_id),
           CASE WHEN is_fee THEN 'LATE_FEE' ELSE 'CHARGE' END, waiting.description, 1, waiting.amount, charge_id,
           NULL, NULL, NULL, NULL, NULL
      FROM waiting JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE'
    UNION ALL
    SELECT late.customer_id, 9999 + row_number() OVER (PARTITION BY late.customer_id ORDER BY overdue_id), 'LATE_FEE',
           late.description, 1, late.amount, {new_fee}, NULL, NULL, NULL, NULL, NULL
      FROM late JOIN priced ON priced.id = late.customer_id AND verdict = 'ISSUE' {join_new_fees}
    UNION ALL
    SELECT customer_id, 19999 + row_number() OVER (PARTITION BY customer_id ORDER BY discount_id), 'DISCOUNT',
           off.description, 1, -off.amount, NULL, discount_id, NULL, NULL, NULL, NULL
      FROM off JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE'"""
_TAX_LINE: Final = """
    SELECT priced.id, 30000, 'TAX', 'PPN ' || trim_scale(settings.tax_rate) || ' %'
           || CASE WHEN tax_numerator < tax_denominator THEN ' × ' || tax_numerator || '/' || tax_denominator ELSE '' END, 1, tax,
           NULL, NULL, settings.tax_rate, tax_numerator || '/' || tax_denominator, priced.tax_base, settings.tax_rounding
      FROM priced CROSS JOIN settings WHERE verdict = 'ISSUE' AND tax > 0
"""
LINES: Final = f"{_MONTH_LINES}\n    UNION ALL{_OTHER_LINES}\n    UNION ALL{_TAX_LINE}"
"""Lines of the invoices of `priced`. `new_fee` and `join_new_fees` supply the charge of late fees that have none yet."""
PLAIN_LINES: Final = f"{_MONTH_LINES}\n    UNION ALL{_TAX_LINE}"
"""Lines of the invoices of `priced`, if it is plain."""

_Parameter = BindParameter[date] | BindParameter[datetime] | BindParameter[int] | BindParameter[str]
_PARAMETERS: Final[tuple[_Parameter, ...]] = (
    bindparam("month", type_=Date()), bindparam("after", type_=Date()), instant("at"), instant("as_of"),
    bindparam("user_name", type_=Text()),
    *(number(name) for name in ("period", "run", "user", "chunk", "customer")),
)  # fmt: skip


def statement(sql: str) -> TextClause:
    """Return a statement with typed parameters: PostgreSQL can't infer the types in `INSERT … SELECT :at`."""
    return text(sql).bindparams(*(parameter for parameter in _PARAMETERS if re.search(rf":{parameter.key}\b", sql)))


COUNTED: Final = """
    count(*) AS seen, count(*) FILTER (WHERE verdict = 'ISSUE') AS issued,
    count(*) FILTER (WHERE verdict = 'ALREADY_INVOICED') AS already_invoiced,
    coalesce(sum(total) FILTER (WHERE verdict = 'ISSUE'), 0)::bigint AS total_amount,
    """ + ", ".join(f"count(*) FILTER (WHERE verdict = '{reason}') AS skipped_{reason.lower()}" for reason in SkipReason)
"""Columns that count the priced rows by verdict, for rows of Counted."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Customers counted by verdict, and the total of the invoices in rupiah."""

    seen: int
    issued: int
    already_invoiced: int
    total_amount: int
    skipped_inactive: int
    skipped_not_installed_yet: int
    skipped_covered_by_cycle: int
    skipped_zero_amount: int
    skipped_paused: int
    skipped_service_ended: int

    @property
    def skipped(self) -> dict[str, int]:
        """The reasons that occurred, with their counts."""
        by_reason = {
            SkipReason.INACTIVE: self.skipped_inactive,
            SkipReason.NOT_INSTALLED_YET: self.skipped_not_installed_yet,
            SkipReason.COVERED_BY_CYCLE: self.skipped_covered_by_cycle,
            SkipReason.ZERO_AMOUNT: self.skipped_zero_amount,
            SkipReason.PAUSED: self.skipped_paused,
            SkipReason.SERVICE_ENDED: self.skipped_service_ended,
        }
        return {reason.value: count for reason, count in by_reason.items() if count}
