-- Who is overdue, when non-payers are blocked, and who is restored. On a blackout date nobody is blocked, whenever it was decided.

-- Blocks by the policies in force; with p_customer, that customer's by the policy that is given instead, for a preview.
CREATE OR REPLACE FUNCTION isolation_by(p_customer bigint, p_mode text, p_days int, p_minimum bigint)
RETURNS TABLE (customer_id bigint, invoice_id bigint, amount bigint, mode text, timezone text, promised_until date, block_on date)
LANGUAGE sql STABLE AS $$
WITH debt AS (
    SELECT invoice.customer_id, invoice.id AS invoice_id, invoice.outstanding, policy.minimum, policy.mode, counter.timezone,
           policy.days + isolation_counted_from(policy.mode, issued_on, CASE WHEN this_month >= issued_on THEN this_month ELSE next_month END,
                                                due_on) AS block_on
      FROM invoice
      JOIN customer ON customer.id = invoice.customer_id
      JOIN counter ON counter.id = customer.counter_id
      LEFT JOIN isolation_policy own ON own.customer_id = customer.id
      LEFT JOIN isolation_policy counters ON counters.counter_id = customer.counter_id
      JOIN isolation_policy isp ON isp.customer_id IS NULL AND isp.counter_id IS NULL
     CROSS JOIN LATERAL (
           SELECT coalesce(p_mode, own.mode, counters.mode, isp.mode) AS mode, coalesce(p_days, own.days, counters.days, isp.days) AS days,
                  coalesce(p_minimum, own.minimum, counters.minimum, isp.minimum) AS minimum) policy
     CROSS JOIN LATERAL (SELECT greatest((invoice.issued_at AT TIME ZONE counter.timezone)::date, covers_from) AS issued_on) issued
     CROSS JOIN LATERAL (
           SELECT (extract(year FROM issued_on) * 12 + extract(month FROM issued_on)
                   - extract(year FROM installed_on) * 12 - extract(month FROM installed_on))::int AS months) since
     CROSS JOIN LATERAL (
           SELECT (installed_on + make_interval(months => months))::date AS this_month,
                  (installed_on + make_interval(months => months + 1))::date AS next_month) monthly
     WHERE invoice.outstanding > 0 AND policy.mode <> 'MANUAL' AND (p_customer IS NULL OR invoice.customer_id = p_customer)
), overdue AS (
    SELECT debt.*, sum(outstanding) OVER (PARTITION BY customer_id ORDER BY block_on, invoice_id) AS amount FROM debt
), reached AS (
    SELECT DISTINCT ON (customer_id) customer_id, invoice_id, amount, mode, timezone, block_on FROM overdue WHERE amount >= minimum
     ORDER BY customer_id, block_on, invoice_id
)
SELECT reached.customer_id, reached.invoice_id, reached.amount::bigint AS amount, reached.mode, reached.timezone, promised.until_on AS promised_until,
       CASE WHEN EXISTS (SELECT FROM blackout_date WHERE day = wanted.block_on)
            THEN (SELECT wanted.block_on + min(ahead) FROM generate_series(1, 366) ahead
                   WHERE NOT EXISTS (SELECT FROM blackout_date WHERE day = wanted.block_on + ahead))
            ELSE wanted.block_on END AS block_on
  FROM reached
  LEFT JOIN LATERAL (SELECT until_on FROM payment_promise WHERE customer_id = reached.customer_id ORDER BY id DESC LIMIT 1) promised ON true
 CROSS JOIN LATERAL (SELECT greatest(reached.block_on, promised.until_on + 1) AS block_on) wanted
$$;

CREATE OR REPLACE VIEW isolation AS SELECT * FROM isolation_by(NULL, NULL, NULL, NULL);

-- Customers who are overdue at an instant, by the day of their counter. `may_block`: today is no blackout date there. Whoever is not
-- here is restored; whoever is here and may be blocked is blocked.
CREATE OR REPLACE FUNCTION overdue_customers(p_at timestamptz)
RETURNS TABLE (customer_id bigint, invoice_id bigint, amount bigint, block_on date, may_block boolean) LANGUAGE sql STABLE AS $$
    SELECT isolation.customer_id, isolation.invoice_id, isolation.amount, isolation.block_on,
           NOT EXISTS (SELECT FROM blackout_date WHERE day = (p_at AT TIME ZONE isolation.timezone)::date)
      FROM isolation WHERE isolation.block_on <= (p_at AT TIME ZONE isolation.timezone)::date
$$;

-- Customers who will be overdue within so many days, and aren't yet.
CREATE OR REPLACE FUNCTION upcoming_blocks(p_at timestamptz, p_days int)
RETURNS TABLE (customer_id bigint, amount bigint, block_on date) LANGUAGE sql STABLE AS $$
    SELECT isolation.customer_id, isolation.amount, isolation.block_on
      FROM isolation, LATERAL (SELECT (p_at AT TIME ZONE isolation.timezone)::date AS today) local
     WHERE isolation.block_on > today AND isolation.block_on <= today + p_days
$$;

-- Restore whoever of these customers is blocked by the engine and no longer overdue. Rows are locked in the order of their ids, as the
-- engine locks them, and devices aren't touched, so that payments of one device's customers don't wait for each other.
CREATE OR REPLACE FUNCTION reconsider_access(p_customers bigint[], p_at timestamptz, p_user bigint, p_user_name text) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    restored int;
BEGIN
    WITH blocked AS MATERIALIZED (
        SELECT id FROM service_access WHERE customer_id = ANY (p_customers) AND desired = 'BLOCKED' AND NOT manual
         ORDER BY id FOR NO KEY UPDATE
    ), overdue AS MATERIALIZED (
        SELECT customer_id FROM overdue_customers(p_at) WHERE customer_id = ANY (p_customers)
    ), changed AS (
        UPDATE service_access SET desired = 'ACTIVE', block_reason = NULL, block_on = NULL, block_amount = NULL,
               block_invoice_id = NULL, block_note = NULL, desired_at = p_at, desired_generation = desired_generation + 1,
               attempts = 0, next_at = p_at, error = NULL
          FROM blocked
         WHERE service_access.id = blocked.id AND customer_id NOT IN (SELECT customer_id FROM overdue)
        RETURNING service_access.id, customer_id
    )
    SELECT append_events(p_at, p_user, p_user_name, 'isolation.restore_wanted', 'service_access',
                         array_agg(changed.id ORDER BY changed.id), array_agg(counter_id ORDER BY changed.id),
                         array_agg(jsonb_build_object('customer_id', 'cus_' || customer_id, 'reason', 'NOT_OVERDUE', 'note', NULL)
                                   ORDER BY changed.id))
      INTO restored FROM changed JOIN customer ON customer.id = customer_id;
    IF restored > 0 THEN
        PERFORM resume_restored(p_customers, p_at, p_user, p_user_name);
    END IF;
    RETURN restored;
END $$;

-- The ISP's own policy always exists: without it nobody would be in the view, and not being there is read as owing nothing.
CREATE OR REPLACE TRIGGER isolation_policy_kept BEFORE DELETE ON isolation_policy FOR EACH ROW
    WHEN (OLD.customer_id IS NULL AND OLD.counter_id IS NULL) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER isolation_policy_never_emptied BEFORE TRUNCATE ON isolation_policy FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
