-- Whose plan has another speed than before is to be given it on their devices: network/speeds.py does it.

CREATE OR REPLACE FUNCTION want_speeds_of_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service_access SET speed_pending = true WHERE customer_id = NEW.id AND NOT speed_pending;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION want_speeds_of_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- by ascending id, as everywhere that several are locked
    WITH wanted AS MATERIALIZED (
        SELECT service_access.id FROM service_access JOIN customer ON customer.id = customer_id
         WHERE plan_id = NEW.id AND NOT speed_pending ORDER BY service_access.id FOR NO KEY UPDATE OF service_access
    )
    UPDATE service_access SET speed_pending = true FROM wanted WHERE service_access.id = wanted.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER customer_wants_speed AFTER UPDATE OF plan_id ON customer FOR EACH ROW
    WHEN (OLD.plan_id IS DISTINCT FROM NEW.plan_id) EXECUTE FUNCTION want_speeds_of_customer();
CREATE OR REPLACE TRIGGER plan_wants_speed AFTER UPDATE OF rate_down_kbps, rate_up_kbps ON plan FOR EACH ROW
    WHEN ((OLD.rate_down_kbps, OLD.rate_up_kbps) IS DISTINCT FROM (NEW.rate_down_kbps, NEW.rate_up_kbps)) EXECUTE FUNCTION want_speeds_of_plan();
