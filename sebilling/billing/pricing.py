"""The pricing rule: who is invoiced for a period, who isn't and why, for which days, and what it comes to, line by line.

One SQL text serves the preview, generation and single invoices, so they can't disagree. It reads in steps, each a CTE over
the customers of a chunk: `terms` (plan, price, cycle, what is covered already) → `stretch` (which days) → `base` (what they
cost) → `waiting` and `off` (charges and discounts) → `priced` (tax, total, verdict). docs/pricing.md tells it in words.

It binds `period`, `month` (its first day), `after` (the day after its last) and `at` (now).
"""

from enum import StrEnum
from typing import Final


class SkipReason(StrEnum):
    """Why a customer gets no invoice in a period, besides having one already."""

    INACTIVE = "INACTIVE"
    NOT_INSTALLED_YET = "NOT_INSTALLED_YET"
    COVERED_BY_CYCLE = "COVERED_BY_CYCLE"
    ZERO_AMOUNT = "ZERO_AMOUNT"


class LineKind(StrEnum):
    """What a line of an invoice bills."""

    SUBSCRIPTION = "SUBSCRIPTION"
    PRORATION = "PRORATION"
    CHARGE = "CHARGE"
    DISCOUNT = "DISCOUNT"
    TAX = "TAX"
    LATE_FEE = "LATE_FEE"


ISSUE: Final = "ISSUE"
ALREADY_INVOICED: Final = "ALREADY_INVOICED"

# A cycle's months begin on its anchor's day, or on the month's last: anchor + n months, never a month after a month.
_GRID: Final = "(anchor + make_interval(months => nth + {k}))::date"
_TERMS: Final = """
    terms AS MATERIALIZED (
        SELECT customer.id, customer.counter_id, customer.active, customer.installed_on, plan.id AS plan_id, plan.name AS plan_name,
               coalesce(customer.price, plan.price) AS price, coalesce(months, 1) AS months, anchor, nth, start,
               CAST(:at AT TIME ZONE counter.timezone AS date) AS today, CAST(:month AS date) + counter.due_day - 1 AS due_on,
               coalesce(invoiced, false) AS invoiced, covered_until, least(covered_again_from, superseded_on) AS taken_from
          FROM {customers}
          JOIN plan ON plan.id = customer.plan_id
          JOIN counter ON counter.id = customer.counter_id
          LEFT JOIN LATERAL (
               SELECT months, effective_from AS anchor,
                      ((extract(year FROM CAST(:month AS date)) - extract(year FROM effective_from)) * 12
                       + extract(month FROM CAST(:month AS date)) - extract(month FROM effective_from))::int AS nth,
                      (SELECT min(later.effective_from) FROM billing_cycle later
                        WHERE later.customer_id = customer.id AND later.id > billing_cycle.id) AS superseded_on
                 FROM billing_cycle WHERE customer_id = customer.id AND effective_from < :after ORDER BY id DESC LIMIT 1) regime ON true
         CROSS JOIN LATERAL (SELECT CASE WHEN months > 1 THEN (anchor + make_interval(months => nth))::date
                                         ELSE greatest(:month, installed_on) END AS start) grid
         CROSS JOIN LATERAL (
               SELECT bool_or(period_id = :period) AS invoiced, max(covers_until) FILTER (WHERE covers_from <= start) AS covered_until,
                      min(covers_from) FILTER (WHERE covers_from > start) AS covered_again_from
                 FROM invoice WHERE customer_id = customer.id AND voided_at IS NULL AND covers_until > :month) covered
    )"""
# Ordinary months: what of the calendar month isn't covered; only a whole month (or a first one, if those aren't prorated)
# is billed as a month. Cycles: as many months as fit before what is covered already. In the month in which a cycle first
# begins, the days before it that nobody has billed are billed by days with it (`lead`).
_STRETCH: Final = f"""
    stretch AS MATERIALIZED (
        SELECT terms.*, covers_from, covers_until,
               CASE WHEN whole THEN 1 ELSE 0 END AS n,
               CASE WHEN whole THEN 0 ELSE greatest(covers_until - covers_from, 0) END AS lead_days,
               CAST(:after AS date) - :month AS lead_of, 0 AS tail_days, 1 AS tail_of
          FROM terms
         CROSS JOIN LATERAL (SELECT greatest(start, covered_until) AS covers_from, least(:after, taken_from) AS covers_until) days
         CROSS JOIN LATERAL (
               SELECT covers_until = :after AND (covers_from = :month OR covered_until IS NULL AND NOT prorate_first_month) AS whole
                 FROM settings) month
         WHERE months = 1
        UNION ALL
        SELECT terms.*, covers_from, covers_until, n, start - covers_from AS lead_days, CAST(:after AS date) - :month AS lead_of,
               CASE n WHEN 0 THEN covers_until - start ELSE 0 END AS tail_days, {_GRID.format(k=1)} - start AS tail_of
          FROM terms
         CROSS JOIN LATERAL (
               SELECT CASE WHEN taken_from IS NULL THEN months
                           ELSE (SELECT count(*) FROM generate_series(1, months) k WHERE {_GRID.format(k="k")} <= taken_from)::int
                      END AS n) fitting
         CROSS JOIN LATERAL (
               SELECT CASE WHEN covered_until > start THEN covered_until
                           WHEN anchor >= :month THEN least(start, greatest(:month, installed_on, covered_until))
                           ELSE start END AS covers_from,
                      CASE n WHEN 0 THEN taken_from ELSE {_GRID.format(k="n")} END AS covers_until) days
         WHERE months > 1
    )"""
_BASE: Final = """
    base AS MATERIALIZED (
        SELECT stretch.*, half_up(price * lead_days, lead_of) AS lead_amount, half_up(price * tail_days, tail_of) AS tail_amount,
               CASE WHEN invoiced THEN 'ALREADY_INVOICED'
                    WHEN NOT active THEN 'INACTIVE'
                    WHEN installed_on >= :after THEN 'NOT_INSTALLED_YET'
                    WHEN covers_from >= covers_until OR months > 1 AND covered_until > start THEN 'COVERED_BY_CYCLE'
                    ELSE 'ISSUE' END AS reason
          FROM stretch
    )"""
_WAITING: Final = """
    late AS MATERIALIZED (
        SELECT base.id AS customer_id, invoice.id AS overdue_id, 'Denda keterlambatan ' || number AS description, late_fee AS amount
          FROM settings JOIN base ON late_fee > 0 AND reason = 'ISSUE'
         CROSS JOIN LATERAL (
               SELECT id, number FROM invoice WHERE customer_id = base.id AND outstanding > 0 AND due_on < today - late_fee_after_days
                ORDER BY due_on, id) invoice
         WHERE (SELECT id FROM charge WHERE overdue_invoice_id = invoice.id) IS NULL
    ), waiting AS MATERIALIZED (
        SELECT customer_id, charge.id AS charge_id, kind = 'LATE_FEE' AS is_fee, description, amount
          FROM charge JOIN base ON base.id = customer_id AND reason = 'ISSUE'
         WHERE invoice_id IS NULL AND cancelled_at IS NULL
    ), charged AS (
        SELECT customer_id, sum(amount)::bigint AS amount, coalesce(sum(amount) FILTER (WHERE NOT is_fee), 0)::bigint AS taxable
          FROM (SELECT customer_id, is_fee, amount FROM waiting UNION ALL SELECT customer_id, true, amount FROM late) extra
         GROUP BY customer_id
    )"""
# A month is discounted if it begins within the discount's days. Discounts don't multiply: each is of the price, and
# together they take at most all of it, the oldest first.
_WITHIN: Final = "({day} >= from_on AND {day} < coalesce(until_on, 'infinity'))"
_PART_OFF: Final = """CASE WHEN {days} > 0 AND {within}
                THEN least({part}, coalesce(half_up(amount * {days}, {of}), half_up({part} * percent, 100))) ELSE 0 END"""
_LEAD_OFF: Final = _PART_OFF.format(days="lead_days", of="lead_of", part="lead_amount", within=_WITHIN.format(day="covers_from"))
_TAIL_OFF: Final = _PART_OFF.format(days="tail_days", of="tail_of", part="tail_amount", within=_WITHIN.format(day="start"))
_OFF: Final = f"""
    pair AS (
        SELECT base.id, discount.id AS discount_id FROM base JOIN discount ON customer_id = base.id WHERE reason = 'ISSUE'
        UNION ALL
        SELECT base.id, discount.id FROM base JOIN discount ON discount.plan_id = base.plan_id WHERE reason = 'ISSUE'
    ), own AS (
        SELECT base.id AS customer_id, discount_id, description, n * price + lead_amount + tail_amount AS subscription,
               least(price, coalesce(amount, half_up(price * percent, 100)))
               * CASE WHEN n = 0 THEN 0
                      WHEN months = 1 THEN {_WITHIN.format(day="covers_from")}::int
                      ELSE (SELECT count(*) FROM generate_series(0, n - 1) k WHERE {_WITHIN.format(day=_GRID.format(k="k"))}) END
               + {_LEAD_OFF} + {_TAIL_OFF} AS amount
          FROM pair JOIN base USING (id) JOIN discount ON discount.id = discount_id
    ), off AS MATERIALIZED (
        SELECT customer_id, discount_id, description, least(amount, subscription - before)::bigint AS amount
          FROM (SELECT *, sum(amount) OVER (PARTITION BY customer_id ORDER BY discount_id) - amount AS before FROM own) running
         WHERE amount > 0 AND before < subscription
    ), taken_off AS (
        SELECT customer_id, sum(amount)::bigint AS amount FROM off GROUP BY customer_id
    )"""
_PRICED: Final = """
    priced AS MATERIALIZED (
        SELECT base.*, net + tax AS total, tax, tax_base,
               CASE WHEN reason = 'ISSUE' AND net = 0 THEN 'ZERO_AMOUNT' ELSE reason END AS verdict,
               CASE WHEN months > 1 THEN greatest(today, start) ELSE greatest(today, base.due_on) END AS falls_due
          FROM base
          LEFT JOIN charged ON charged.customer_id = base.id
          LEFT JOIN taken_off ON taken_off.customer_id = base.id
         CROSS JOIN settings
         CROSS JOIN LATERAL (
               SELECT n * price + lead_amount + tail_amount - coalesce(taken_off.amount, 0) AS subscription) one
         CROSS JOIN LATERAL (
               SELECT subscription + coalesce(charged.amount, 0) AS net, subscription + coalesce(charged.taxable, 0) AS tax_base) two
         CROSS JOIN LATERAL (
               SELECT CASE tax_rounding WHEN 'DOWN' THEN div(tax_base * tax_rate * tax_numerator, 100 * tax_denominator)::bigint
                                        ELSE half_up(tax_base * tax_rate * tax_numerator, 100 * tax_denominator) END AS tax) three
    )"""


def pricing(customers: str) -> str:
    """CTEs that end with `priced`: a row for every customer of `customers`, a FROM item called `customer`.

    `verdict` is ISSUE, ALREADY_INVOICED or a SkipReason; `total` rupiah, `covers_from`, `covers_until` and `falls_due` are
    those of the invoice. The lines are in LINES.
    """
    settings = "settings AS MATERIALIZED (SELECT * FROM billing_settings)"
    return ", ".join([settings, _TERMS.format(customers=customers), _STRETCH, _BASE, _WAITING, _OFF, _PRICED])


LINES: Final = """
    SELECT id AS customer_id, 1 AS position, 'SUBSCRIPTION' AS kind, plan_name AS description, n AS quantity, price AS unit_price,
           NULL::bigint AS charge_id, NULL::bigint AS discount_id, NULL::numeric AS tax_rate, NULL::text AS tax_fraction,
           NULL::bigint AS tax_base, NULL::text AS tax_rounding
      FROM priced WHERE verdict = 'ISSUE' AND n > 0
    UNION ALL
    SELECT id, 2, 'PRORATION', plan_name || ', ' || lead_days || '/' || lead_of || ' hari', 1, lead_amount,
           NULL, NULL, NULL, NULL, NULL, NULL
      FROM priced WHERE verdict = 'ISSUE' AND lead_days > 0
    UNION ALL
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
      FROM off JOIN priced ON priced.id = customer_id AND verdict = 'ISSUE'
    UNION ALL
    SELECT priced.id, 30000, 'TAX', 'PPN ' || trim_scale(settings.tax_rate) || ' %'
           || CASE WHEN tax_numerator < tax_denominator THEN ' × ' || tax_numerator || '/' || tax_denominator ELSE '' END, 1, tax,
           NULL, NULL, settings.tax_rate, tax_numerator || '/' || tax_denominator, priced.tax_base, settings.tax_rounding
      FROM priced CROSS JOIN settings WHERE verdict = 'ISSUE' AND tax > 0
"""
"""The lines of the invoices of `priced`. Late fees that have no charge yet get theirs by `new_fee` and `join_new_fees`."""

COUNTED: Final = """
    count(*) AS seen, count(*) FILTER (WHERE verdict = 'ISSUE') AS issued,
    count(*) FILTER (WHERE verdict = 'ALREADY_INVOICED') AS already_invoiced,
    coalesce(sum(total) FILTER (WHERE verdict = 'ISSUE'), 0)::bigint AS total_amount,
    """ + ", ".join(f"count(*) FILTER (WHERE verdict = '{reason}') AS skipped_{reason.lower()}" for reason in SkipReason)
"""What became of priced rows, in columns."""


def skipped_by_reason(counts: object) -> dict[str, int]:
    """The reasons that occurred and their counts, from a row of COUNTED columns."""
    found = {reason.value: getattr(counts, f"skipped_{reason.lower()}") for reason in SkipReason}
    return {reason: count for reason, count in found.items() if count}
