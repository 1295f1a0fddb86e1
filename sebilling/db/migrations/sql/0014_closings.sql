-- What must never happen is impossible in SQL too. Version 4: closings and reopenings, reversals of write-offs and refunds.

-- When a document is dated that is being written now: at `p_at`, or just behind a closing that came first. Holds off closings until
-- commit (they take this lock alone): what a closing has seen is all that will ever be dated before it.
-- In the order of locks it stands behind the customer's invoices and payments and before the drawers. A closing more than an hour
-- ahead was dated by a wrong clock, and nothing waited for it.
CREATE FUNCTION after_closings(p_at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(2, 0);
    RETURN greatest(p_at, (SELECT max(closed_at) + interval '1 microsecond' FROM period_closing
                            WHERE closed_at >= p_at AND closed_at < p_at + interval '1 hour'));
END $$;

-- Money that is received when it is collected stays so: it isn't money that a phone gathered before.
CREATE FUNCTION date_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked_for timestamptz := NEW.received_at;
BEGIN
    NEW.received_at := after_closings(NEW.received_at);
    IF NEW.collected_at = asked_for THEN
        NEW.collected_at := NEW.received_at;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_dated BEFORE INSERT ON payment FOR EACH ROW EXECUTE FUNCTION date_payment();

-- A period keeps its month, and opens and closes by documents alone.
DROP TRIGGER period_fixed ON period;
CREATE TRIGGER period_fixed BEFORE UPDATE ON period FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR OLD.month <> NEW.month) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER period_begins BEFORE INSERT ON period FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER period_kept BEFORE DELETE OR TRUNCATE ON period FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER period_closing_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_closing
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER period_reopening_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_reopening
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER period_closing_figure_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_closing_figure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION carry_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE period SET closed_at = NEW.closed_at WHERE id = NEW.period_id AND closed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'period % is closed already', NEW.period_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER period_closing_carried AFTER INSERT ON period_closing FOR EACH ROW EXECUTE FUNCTION carry_closing();

CREATE FUNCTION carry_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE period SET closed_at = NULL
     WHERE closed_at IS NOT NULL AND id = (SELECT period_id FROM period_closing WHERE period_closing.id = NEW.closing_id)
       AND NEW.closing_id = (SELECT max(period_closing.id) FROM period_closing WHERE period_id = period.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'closing % is not the one that holds', NEW.closing_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER period_reopening_carried AFTER INSERT ON period_reopening FOR EACH ROW EXECUTE FUNCTION carry_reopening();

-- Reversals. CHECK constraints of the documents bound them; each names what it reverses, once (primary key).
CREATE TRIGGER write_off_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON write_off_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION carry_write_off_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET written_off = written_off - amount FROM write_off
     WHERE write_off.id = NEW.write_off_id AND invoice.id = write_off.invoice_id;
    RETURN NULL;
END $$;
CREATE TRIGGER write_off_reversal_carried AFTER INSERT ON write_off_reversal FOR EACH ROW EXECUTE FUNCTION carry_write_off_reversal();

CREATE FUNCTION carry_refund_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payment SET refunded = refunded - refund.amount FROM refund WHERE refund.id = NEW.refund_id AND payment.id = refund.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER refund_reversal_carried AFTER INSERT ON refund_reversal FOR EACH ROW EXECUTE FUNCTION carry_refund_reversal();
