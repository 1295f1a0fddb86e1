-- When who is cut, if nothing is paid. Version 1. docs/isolation.md tells the rule in words.

-- A row for each customer who owes enough by some day: the day, the invoice that makes it so, and what is overdue by then.
-- Each unpaid invoice has a day of its own: FROM_INVOICE so many days after it was issued; FROM_INSTALL_DATE on the first of
-- the monthly days of the installation (or the month's last) from its issue on, plus days. The customer is cut on the day by
-- which the overdue sum reaches the policy's minimum, after a promise, and on no day on which nobody is cut.
CREATE VIEW isolation AS
WITH debt AS (
    SELECT invoice.customer_id, invoice.id AS invoice_id, invoice.outstanding, policy.minimum, policy.mode, counter.timezone,
           policy.days + CASE policy.mode WHEN 'FROM_INVOICE' THEN issued_on
                                          WHEN 'FROM_INSTALL_DATE' THEN CASE WHEN this_month >= issued_on THEN this_month ELSE next_month END
                         END AS cut_on
      FROM invoice
      JOIN customer ON customer.id = invoice.customer_id AND customer.active
      JOIN counter ON counter.id = customer.counter_id
     CROSS JOIN LATERAL (
           SELECT mode, days, minimum FROM isolation_policy
            WHERE isolation_policy.customer_id = customer.id OR isolation_policy.counter_id = customer.counter_id
               OR isolation_policy.customer_id IS NULL AND isolation_policy.counter_id IS NULL
            ORDER BY isolation_policy.customer_id IS NULL, isolation_policy.counter_id IS NULL LIMIT 1) policy
     CROSS JOIN LATERAL (SELECT (invoice.issued_at AT TIME ZONE counter.timezone)::date AS issued_on) issued
     CROSS JOIN LATERAL (
           SELECT (extract(year FROM issued_on) * 12 + extract(month FROM issued_on)
                   - extract(year FROM installed_on) * 12 - extract(month FROM installed_on))::int AS months) since
     CROSS JOIN LATERAL (
           SELECT (installed_on + make_interval(months => months))::date AS this_month,
                  (installed_on + make_interval(months => months + 1))::date AS next_month) monthly
     WHERE invoice.outstanding > 0 AND policy.mode <> 'MANUAL'
), overdue AS (
    SELECT debt.*, sum(outstanding) OVER (PARTITION BY customer_id ORDER BY cut_on, invoice_id) AS amount FROM debt
), reached AS (
    SELECT DISTINCT ON (customer_id) customer_id, invoice_id, amount, mode, timezone, cut_on FROM overdue WHERE amount >= minimum
     ORDER BY customer_id, cut_on, invoice_id
)
SELECT reached.customer_id, reached.invoice_id, reached.amount::bigint AS amount, reached.mode, reached.timezone, promised.until_on AS promised_until,
       CASE WHEN EXISTS (SELECT FROM no_cut_day WHERE day = wanted.cut_on)
            THEN (SELECT wanted.cut_on + min(ahead) FROM generate_series(1, 366) ahead
                   WHERE NOT EXISTS (SELECT FROM no_cut_day WHERE day = wanted.cut_on + ahead))
            ELSE wanted.cut_on END AS cut_on
  FROM reached
  LEFT JOIN LATERAL (SELECT until_on FROM payment_promise WHERE customer_id = reached.customer_id ORDER BY id DESC LIMIT 1) promised ON true
 CROSS JOIN LATERAL (SELECT greatest(reached.cut_on, promised.until_on + 1) AS cut_on) wanted;

-- Give back who is cut by the engine and need no longer be: called in the transaction of whatever clears a debt. The
-- worker sees it by `want`. What was blocked by hand stays.
CREATE FUNCTION reconsider_access(p_customers bigint[], p_at timestamptz, p_user bigint, p_user_name text) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    given_back int;
BEGIN
    WITH changed AS (
        UPDATE service_access SET desired = 'ACTIVE', because = '', desired_at = p_at, want = want + 1, attempts = 0, next_at = p_at, error = ''
         WHERE customer_id = ANY (p_customers) AND desired = 'BLOCKED' AND NOT manual
           AND NOT EXISTS (SELECT FROM isolation WHERE isolation.customer_id = service_access.customer_id
                              AND isolation.cut_on <= (p_at AT TIME ZONE isolation.timezone)::date)
        RETURNING id, customer_id, device_id
    ), woken AS (
        UPDATE device SET next_at = least(next_at, p_at) WHERE id IN (SELECT device_id FROM changed) AND failures = 0
    ), told AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        SELECT p_at, p_user, p_user_name, 'isolation.restore_wanted', 'service_access', changed.id, counter_id,
               jsonb_build_object('customer', customer_id, 'because', 'nothing is overdue any more')
          FROM changed JOIN customer ON customer.id = customer_id
    )
    SELECT count(*) INTO given_back FROM changed;
    RETURN given_back;
END $$;
