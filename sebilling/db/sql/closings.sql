-- Closings and reopenings of periods.

-- When a document is dated that is being written now: at `p_at`, or just behind a closing that came first. Holds off closings until
-- commit (they take this lock alone): what a closing has seen is all that will ever be dated before it.
-- In the order of locks it stands behind the customer's invoices and payments and before the drawers. A closing more than an hour
-- ahead was dated by a wrong clock, and nothing waited for it.
CREATE OR REPLACE FUNCTION after_closings(p_at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(2, 0);
    RETURN greatest(p_at, (SELECT max(closed_at) + interval '1 microsecond' FROM period_closing
                            WHERE closed_at >= p_at AND closed_at < p_at + interval '1 hour'));
END $$;

-- Money that is received when it is collected stays so: it isn't money that a phone gathered before.
CREATE OR REPLACE FUNCTION date_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked_for timestamptz := NEW.received_at;
BEGIN
    NEW.received_at := after_closings(NEW.received_at);
    IF NEW.collected_at = asked_for THEN
        NEW.collected_at := NEW.received_at;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payment_dated BEFORE INSERT ON payment FOR EACH ROW EXECUTE FUNCTION date_payment();

CREATE OR REPLACE FUNCTION carry_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE period SET closed_at = NEW.closed_at WHERE id = NEW.period_id AND closed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'period % is closed already', NEW.period_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER period_closing_carried AFTER INSERT ON period_closing FOR EACH ROW EXECUTE FUNCTION carry_closing();

CREATE OR REPLACE FUNCTION carry_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE period SET closed_at = NULL
     WHERE closed_at IS NOT NULL AND id = (SELECT period_id FROM period_closing WHERE period_closing.id = NEW.closing_id)
       AND NEW.closing_id = (SELECT max(period_closing.id) FROM period_closing WHERE period_id = period.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'closing % is not the one that holds', NEW.closing_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER period_reopening_carried AFTER INSERT ON period_reopening FOR EACH ROW EXECUTE FUNCTION carry_reopening();
