-- When who is blocked, if nothing is paid. Version 3: who is inactive still owes what they owe, and nobody is blocked for service that
-- hasn't begun.

-- A row for each customer who owes enough by some day: the day, the invoice that makes it so, and what is overdue by then.
-- Each unpaid invoice has a day of its own: FROM_INVOICE so many days after it was issued, or after the service that it bills
-- begins if that is later; FROM_INSTALL_DATE on the first of the monthly days of the installation (or the month's last) from then
-- on, plus days. The customer is cut on the day by
-- which the overdue sum reaches the policy's minimum, after a promise, and on no day on which nobody is cut.
CREATE OR REPLACE VIEW isolation AS
WITH debt AS (
    SELECT invoice.customer_id, invoice.id AS invoice_id, invoice.outstanding, policy.minimum, policy.mode, counter.timezone,
           policy.days + CASE policy.mode WHEN 'FROM_INVOICE' THEN issued_on
                                          WHEN 'FROM_INSTALL_DATE' THEN CASE WHEN this_month >= issued_on THEN this_month ELSE next_month END
                         END AS cut_on
      FROM invoice
      JOIN customer ON customer.id = invoice.customer_id
      JOIN counter ON counter.id = customer.counter_id
     CROSS JOIN LATERAL (
           SELECT mode, days, minimum FROM isolation_policy
            WHERE isolation_policy.customer_id = customer.id OR isolation_policy.counter_id = customer.counter_id
               OR isolation_policy.customer_id IS NULL AND isolation_policy.counter_id IS NULL
            ORDER BY isolation_policy.customer_id IS NULL, isolation_policy.counter_id IS NULL LIMIT 1) policy
     CROSS JOIN LATERAL (SELECT greatest((invoice.issued_at AT TIME ZONE counter.timezone)::date, covers_from) AS issued_on) issued
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

-- The ISP's own policy always exists: without it nobody would be in the view, and not being there is read as owing nothing.
CREATE TRIGGER isolation_policy_kept BEFORE DELETE ON isolation_policy FOR EACH ROW
    WHEN (OLD.customer_id IS NULL AND OLD.counter_id IS NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER isolation_policy_never_emptied BEFORE TRUNCATE ON isolation_policy FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
