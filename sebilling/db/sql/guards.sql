-- What must never happen is impossible in SQL too: documents are written once, and only triggers change the sums beside them
-- (carried_sums.sql).

-- Documents and the event log are written once: no row of them is ever deleted, and no truth in them changed.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is append-only; record a correction instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Documents begin without allocations and corrections, which are rows of their own.
CREATE OR REPLACE FUNCTION refuse_born_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% begins without allocations and corrections', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE FUNCTION refuse_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a deposit begins as SUBMITTED' USING ERRCODE = 'restrict_violation';
END $$;

-- A closed period takes no new invoices. Once per statement, not per row.
CREATE OR REPLACE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM period WHERE closed_at IS NOT NULL AND id IN (SELECT DISTINCT period_id FROM new_invoice)) THEN
        RAISE EXCEPTION 'a closed period takes no new invoices' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER allocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON allocation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER billing_cycle_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_cycle
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER billing_settings_kept BEFORE DELETE OR TRUNCATE ON billing_settings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of a charge only its invoice and its cancellation change, and its invoice only by a trigger.
CREATE OR REPLACE TRIGGER charge_fixed BEFORE UPDATE ON charge FOR EACH ROW
    WHEN ((to_jsonb(OLD) - '{invoice_id,cancelled_at}'::text[]) IS DISTINCT FROM (to_jsonb(NEW) - '{invoice_id,cancelled_at}'::text[])
          OR (OLD.invoice_id IS DISTINCT FROM NEW.invoice_id AND pg_trigger_depth() = 0)
          OR (OLD.cancelled_at IS NOT NULL AND OLD.cancelled_at IS DISTINCT FROM NEW.cancelled_at))
    EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER charge_kept BEFORE DELETE OR TRUNCATE ON charge FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER charge_begins BEFORE INSERT ON charge FOR EACH ROW
    WHEN (NEW.invoice_id IS NOT NULL OR NEW.cancelled_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();

-- A counter's code is part of invoice numbers already given.
CREATE OR REPLACE TRIGGER counter_code_fixed BEFORE UPDATE OF code ON counter FOR EACH ROW
    WHEN (OLD.code IS DISTINCT FROM NEW.code) EXECUTE FUNCTION refuse_change();

-- A hold is a decision: it is written once and ended once.
CREATE OR REPLACE TRIGGER credit_hold_fixed BEFORE UPDATE ON credit_hold FOR EACH ROW
    WHEN (OLD.released_at IS NOT NULL
          OR (to_jsonb(OLD) - '{released_at,released_by}'::text[]) IS DISTINCT FROM (to_jsonb(NEW) - '{released_at,released_by}'::text[]))
    EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER credit_hold_kept BEFORE DELETE OR TRUNCATE ON credit_hold FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER deallocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deallocation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of a deposit only what its decision, corrections and settlements say changes, and only by their triggers.
CREATE OR REPLACE TRIGGER deposit_kept BEFORE DELETE OR TRUNCATE ON deposit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER deposit_fixed BEFORE UPDATE ON deposit FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR (to_jsonb(OLD) - '{status,counted,difference,settled}'::text[])
                                    IS DISTINCT FROM (to_jsonb(NEW) - '{status,counted,difference,settled}'::text[]))
    EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER deposit_begins BEFORE INSERT ON deposit FOR EACH ROW
    WHEN (NEW.status <> 'SUBMITTED' OR NEW.counted <> 0 OR NEW.difference <> 0 OR NEW.settled <> 0) EXECUTE FUNCTION refuse_decided();

CREATE OR REPLACE TRIGGER deposit_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deposit_correction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER deposit_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deposit_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER difference_settlement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON difference_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER discount_fixed BEFORE UPDATE ON discount FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'until_on') IS DISTINCT FROM (to_jsonb(NEW) - 'until_on')) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER discount_kept BEFORE DELETE OR TRUNCATE ON discount FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER feed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER feed_mark_kept BEFORE DELETE OR TRUNCATE ON feed_mark
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of invoices and payments only the sums that triggers keep change, and only from inside those triggers: depth 2.
CREATE OR REPLACE TRIGGER invoice_kept BEFORE DELETE OR TRUNCATE ON invoice
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER invoice_open_period AFTER INSERT ON invoice
    REFERENCING NEW TABLE AS new_invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();
CREATE OR REPLACE TRIGGER invoice_fixed BEFORE UPDATE ON invoice FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER invoice_truth BEFORE UPDATE OF id, period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from,
    covers_until, issued_at, due_on, total ON invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER invoice_begins BEFORE INSERT ON invoice FOR EACH ROW
    WHEN (NEW.allocated <> 0 OR NEW.written_off <> 0 OR NEW.voided_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();

CREATE OR REPLACE TRIGGER invoice_line_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER invoice_void_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_void
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER opening_balance_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opening_balance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER opening_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opening_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER payment_kept BEFORE DELETE OR TRUNCATE ON payment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payment_fixed BEFORE UPDATE ON payment FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payment_truth BEFORE UPDATE OF id, customer_id, counter_id, amount, method, received_by, collected_at, received_at,
    received_on, note, surplus_because ON payment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payment_begins BEFORE INSERT ON payment FOR EACH ROW
    WHEN (NEW.allocated <> 0 OR NEW.refunded <> 0 OR NEW.reversed_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();

-- A method stays at its account: what is in the journal would move.
CREATE OR REPLACE TRIGGER payment_method_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_method
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER payment_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A period keeps its month, and opens and closes by documents alone.
CREATE OR REPLACE TRIGGER period_fixed BEFORE UPDATE ON period FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR OLD.month <> NEW.month) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER period_begins BEFORE INSERT ON period FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER period_kept BEFORE DELETE OR TRUNCATE ON period FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER period_closing_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_closing
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER period_closing_figure_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_closing_figure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER period_reopening_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_reopening
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER proof_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON proof
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER refund_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER refund_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER settlement_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER write_off_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON write_off
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER write_off_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON write_off_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
