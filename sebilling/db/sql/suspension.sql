-- Suspensions: days for which customers aren't billed. billing/suspensions.py sets and ends them.

-- The days of a customer that aren't to be billed (again): those of `covering`, and those of suspensions, which have no other end than
-- the calendar's if none is known.
CREATE OR REPLACE VIEW taken_days AS
SELECT customer_id, period_id, covers_from, covers_until, voided_at, NULL::text AS suspension FROM covering
UNION ALL
SELECT customer_id, NULL, from_on, coalesce(until_on, '9999-12-31'), NULL, kind FROM suspension WHERE until_on IS NULL OR from_on < until_on;

-- The day on which a pause from `p_from_on` on ends when somebody is back on `p_day`. In the month in which it began it is withdrawn, as
-- a month's invoice bills one stretch of days.
CREATE OR REPLACE FUNCTION suspension_ends_on(p_from_on date, p_day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_day < (date_trunc('month', p_from_on::timestamp) + interval '1 month')::date THEN p_from_on ELSE p_day END;

-- End the automatic pauses of those of these customers of whom nothing is blocked any more.
CREATE OR REPLACE FUNCTION resume_restored(p_customers bigint[], p_at timestamptz, p_user bigint, p_user_name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    appended bigint;
BEGIN
    WITH resumed AS (
        UPDATE suspension SET until_on = suspension_ends_on(from_on, (p_at AT TIME ZONE timezone)::date)
          FROM customer JOIN counter ON counter.id = counter_id
         WHERE suspension.customer_id = ANY (p_customers) AND kind = 'BLOCKED' AND until_on IS NULL AND customer.id = suspension.customer_id
           AND NOT EXISTS (SELECT FROM service_access WHERE service_access.customer_id = customer.id AND desired = 'BLOCKED')
        RETURNING suspension.customer_id, counter_id, from_on, until_on
    )
    SELECT append_events(p_at, p_user, p_user_name, 'customer.resumed', 'customer', array_agg(customer_id ORDER BY customer_id),
                         array_agg(counter_id ORDER BY customer_id),
                         array_agg(jsonb_build_object('from_on', from_on, 'until_on', until_on) ORDER BY customer_id))
      INTO appended FROM resumed;
END $$;

-- A suspension is written once; then only its end changes, and none is deleted.
CREATE OR REPLACE TRIGGER suspension_fixed BEFORE UPDATE ON suspension FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'until_on') IS DISTINCT FROM (to_jsonb(NEW) - 'until_on')) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER suspension_kept BEFORE DELETE OR TRUNCATE ON suspension FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
