-- What must never happen is impossible in SQL too. Version 1.

-- Documents and the event log are written once: no row of them is ever deleted, and no truth in them changed.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is append-only; record a correction instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER allocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_kept BEFORE DELETE OR TRUNCATE ON invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_kept BEFORE DELETE OR TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of an invoice and a payment only `allocated` moves, and only from inside the trigger on allocation: depth 2.
CREATE TRIGGER invoice_fixed BEFORE UPDATE ON invoice FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR (to_jsonb(OLD) - 'allocated') IS DISTINCT FROM (to_jsonb(NEW) - 'allocated'))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_fixed BEFORE UPDATE ON payment FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR (to_jsonb(OLD) - 'allocated') IS DISTINCT FROM (to_jsonb(NEW) - 'allocated'))
    EXECUTE FUNCTION refuse_change();

-- Sums of allocations are kept beside both documents, so that CHECK (allocated <= total) bounds them under any concurrency.
CREATE FUNCTION carry_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET allocated = invoice.allocated + added.amount
      FROM (SELECT invoice_id, sum(amount)::bigint AS amount FROM new_allocation GROUP BY invoice_id) added
     WHERE invoice.id = added.invoice_id;
    UPDATE payment SET allocated = payment.allocated + added.amount
      FROM (SELECT payment_id, sum(amount)::bigint AS amount FROM new_allocation GROUP BY payment_id) added
     WHERE payment.id = added.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER allocation_carried AFTER INSERT ON allocation
    REFERENCING NEW TABLE AS new_allocation FOR EACH STATEMENT EXECUTE FUNCTION carry_allocations();

-- A closed period takes no new invoices. Once per statement, not per row.
CREATE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM period WHERE closed_at IS NOT NULL AND id IN (SELECT DISTINCT period_id FROM new_invoice)) THEN
        RAISE EXCEPTION 'a closed period takes no new invoices' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER invoice_open_period AFTER INSERT ON invoice
    REFERENCING NEW TABLE AS new_invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();

-- A counter's code is part of invoice numbers already given.
CREATE TRIGGER counter_code_fixed BEFORE UPDATE OF code ON counter FOR EACH ROW
    WHEN (OLD.code IS DISTINCT FROM NEW.code) EXECUTE FUNCTION refuse_change();
-- A period is opened once, closed once, and keeps its month.
CREATE TRIGGER period_fixed BEFORE UPDATE ON period FOR EACH ROW
    WHEN (OLD.closed_at IS NOT NULL OR OLD.month <> NEW.month) EXECUTE FUNCTION refuse_change();
