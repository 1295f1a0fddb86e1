-- Giving back, version 2: rows are locked in the order of their ids, as the engine locks them, and devices aren't touched, so that
-- payments of one device's customers don't wait for each other; and the rule is worked out once for all of the customers.

CREATE OR REPLACE FUNCTION reconsider_access(p_customers bigint[], p_at timestamptz, p_user bigint, p_user_name text) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    given_back int;
BEGIN
    WITH cut AS MATERIALIZED (
        SELECT id FROM service_access WHERE customer_id = ANY (p_customers) AND desired = 'BLOCKED' AND NOT manual
         ORDER BY id FOR NO KEY UPDATE
    ), late AS MATERIALIZED (
        SELECT customer_id FROM isolation WHERE customer_id = ANY (p_customers) AND cut_on <= (p_at AT TIME ZONE timezone)::date
    ), changed AS (
        UPDATE service_access SET desired = 'ACTIVE', because = '', desired_at = p_at, want = want + 1, attempts = 0, next_at = p_at, error = ''
          FROM cut
         WHERE service_access.id = cut.id AND customer_id NOT IN (SELECT customer_id FROM late)
        RETURNING service_access.id, customer_id
    ), told AS (
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        SELECT p_at, p_user, p_user_name, 'isolation.restore_wanted', 'service_access', changed.id, counter_id,
               jsonb_build_object('customer', customer_id, 'because', 'nothing is overdue any more')
          FROM changed JOIN customer ON customer.id = customer_id
    )
    SELECT count(*) INTO given_back FROM changed;
    RETURN given_back;
END $$;
