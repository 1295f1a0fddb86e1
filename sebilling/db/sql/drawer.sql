-- Drawers: what each collector holds in cash of each counter, kept by triggers, so that reading it doesn't sum all cash ever received.
--
-- A balance moves when its transaction commits (deferred triggers): its row is locked last, behind the series of receipts, and only while
-- the commit is written. So payments at one counter wait for nothing that they didn't wait for before, and no two of them in a circle.
-- Whoever locks a drawer to take cash out of it (billing/locks.py) sees its own movements at once.

-- Add to the balance of a collector at a counter. Each amount may be below 0.
CREATE OR REPLACE FUNCTION move_drawer(p_counter bigint, p_collector bigint, p_received numeric DEFAULT 0, p_refunded numeric DEFAULT 0,
                                       p_deposited numeric DEFAULT 0, p_difference numeric DEFAULT 0, p_waiting numeric DEFAULT 0) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO drawer_balance AS kept (counter_id, collector_id, received, refunded, deposited, difference, waiting)
    VALUES (p_counter, p_collector, p_received, p_refunded, p_deposited, p_difference, p_waiting)
    ON CONFLICT (counter_id, collector_id) DO UPDATE
       SET received = kept.received + p_received, refunded = kept.refunded + p_refunded, deposited = kept.deposited + p_deposited,
           difference = kept.difference + p_difference, waiting = kept.waiting + p_waiting;
END $$;

-- Cash received, and cash that a reversal says was never received.
CREATE OR REPLACE FUNCTION carry_cash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_drawer(NEW.counter_id, NEW.received_by, p_received => CASE TG_OP WHEN 'INSERT' THEN NEW.amount WHEN 'UPDATE' THEN -NEW.amount END);
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS payment_in_drawer ON payment;
CREATE CONSTRAINT TRIGGER payment_in_drawer AFTER INSERT ON payment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.method = 'CASH') EXECUTE FUNCTION carry_cash();
DROP TRIGGER IF EXISTS payment_out_of_drawer ON payment;
CREATE CONSTRAINT TRIGGER payment_out_of_drawer AFTER UPDATE OF reversed_at ON payment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.method = 'CASH' AND OLD.reversed_at IS NULL AND NEW.reversed_at IS NOT NULL) EXECUTE FUNCTION carry_cash();

CREATE OR REPLACE FUNCTION carry_cash_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_drawer(NEW.counter_id, NEW.refunded_by, p_refunded => NEW.amount);
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS refund_out_of_drawer ON refund;
CREATE CONSTRAINT TRIGGER refund_out_of_drawer AFTER INSERT ON refund DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.method = 'CASH') EXECUTE FUNCTION carry_cash_refund();

CREATE OR REPLACE FUNCTION carry_cash_refund_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_drawer(counter_id, refunded_by, p_refunded => -amount) FROM refund WHERE id = NEW.refund_id AND method = 'CASH';
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS refund_reversal_in_drawer ON refund_reversal;
CREATE CONSTRAINT TRIGGER refund_reversal_in_drawer AFTER INSERT ON refund_reversal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION carry_cash_refund_reversal();

-- A deposit waits, is decided, and is corrected and settled: by its row of before and of after, of which one may not be.
CREATE OR REPLACE FUNCTION carry_deposit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := TG_OP = 'INSERT';
BEGIN
    PERFORM move_drawer(NEW.counter_id, NEW.collector_id,
                        p_deposited => NEW.counted - CASE WHEN is_new THEN 0 ELSE OLD.counted END,
                        p_difference => NEW.difference - NEW.settled - CASE WHEN is_new THEN 0 ELSE OLD.difference - OLD.settled END,
                        p_waiting => NEW.amount * (NEW.status = 'SUBMITTED')::int
                                     - CASE WHEN is_new THEN 0 ELSE OLD.amount * (OLD.status = 'SUBMITTED')::int END);
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS deposit_in_drawer ON deposit;
CREATE CONSTRAINT TRIGGER deposit_in_drawer AFTER INSERT OR UPDATE ON deposit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION carry_deposit();

-- Balances are moved by these triggers alone, and never forgotten.
CREATE OR REPLACE TRIGGER drawer_balance_carried BEFORE INSERT OR UPDATE ON drawer_balance FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER drawer_balance_kept BEFORE DELETE OR TRUNCATE ON drawer_balance FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A drawer: what a collector holds in cash of a counter. on_hand = received - refunded - deposited + difference; it is never
-- below nothing, because what leaves it is checked under the lock of its collector. `difference` is what isn't settled of it. One of
-- which everything was reversed or rejected is no drawer.
CREATE OR REPLACE VIEW drawer AS
SELECT counter_id, collector_id, received::bigint AS received, refunded::bigint AS refunded, deposited::bigint AS deposited,
       difference::bigint AS difference, waiting::bigint AS waiting, (received - refunded - deposited + difference)::bigint AS on_hand
  FROM drawer_balance WHERE received <> 0 OR refunded <> 0 OR deposited <> 0 OR difference <> 0 OR waiting <> 0;
