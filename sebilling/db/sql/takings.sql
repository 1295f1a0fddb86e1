-- What is received and reversed at each counter on each day, by method, as sums beside the documents: the dashboard shows twelve months of
-- it. Moved at commit, as balances of drawers are (drawer.sql), and after them: a payment's trigger of this name fires after the drawer's,
-- and whoever takes cash out of a drawer moves these sums at commit nevertheless (billing/locks.py). So nothing waits for them in a circle.
CREATE OR REPLACE FUNCTION carry_takings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
BEGIN
    INSERT INTO daily_takings AS kept (counter_id, day, method, payments, received, reversed)
    VALUES (NEW.counter_id,
            CASE WHEN is_new THEN NEW.received_on ELSE (SELECT reversed_on FROM payment_reversal WHERE payment_id = NEW.id) END,
            NEW.method, is_new::int, CASE WHEN is_new THEN NEW.amount ELSE 0 END, CASE WHEN is_new THEN 0 ELSE NEW.amount END)
    ON CONFLICT (counter_id, day, method) DO UPDATE
       SET payments = kept.payments + excluded.payments, received = kept.received + excluded.received, reversed = kept.reversed + excluded.reversed;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS payment_in_takings ON payment;
CREATE CONSTRAINT TRIGGER payment_in_takings AFTER INSERT ON payment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION carry_takings();
DROP TRIGGER IF EXISTS payment_out_of_takings ON payment;
CREATE CONSTRAINT TRIGGER payment_out_of_takings AFTER UPDATE OF reversed_at ON payment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.reversed_at IS NULL AND NEW.reversed_at IS NOT NULL) EXECUTE FUNCTION carry_takings();

-- Moved by these triggers alone, and never forgotten.
CREATE OR REPLACE TRIGGER daily_takings_carried BEFORE INSERT OR UPDATE ON daily_takings FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER daily_takings_kept BEFORE DELETE OR TRUNCATE ON daily_takings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
