-- What must never happen is impossible in SQL too. Version 2: corrections, charges, deposits.

-- The one way to round in SQL: numerator / denominator to the nearest whole, halves up. Exact: numeric division isn't used.
CREATE FUNCTION half_up(numerator numeric, denominator numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN div(2 * numerator + denominator, 2 * denominator)::bigint;

-- Of an invoice, a payment and a charge only what triggers carry moves, and only from inside those: depth 2.
DROP TRIGGER invoice_fixed ON invoice;
CREATE TRIGGER invoice_fixed BEFORE UPDATE ON invoice FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_truth BEFORE UPDATE OF id, period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from,
    covers_until, issued_at, due_on, total ON invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER payment_fixed ON payment;
CREATE TRIGGER payment_fixed BEFORE UPDATE ON payment FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_truth BEFORE UPDATE OF id, customer_id, counter_id, amount, method, received_by, collected_at, received_at,
    received_on, note, surplus_because ON payment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER charge_fixed BEFORE UPDATE ON charge FOR EACH ROW
    WHEN ((to_jsonb(OLD) - '{invoice_id,cancelled_at}'::text[]) IS DISTINCT FROM (to_jsonb(NEW) - '{invoice_id,cancelled_at}'::text[])
          OR (OLD.invoice_id IS DISTINCT FROM NEW.invoice_id AND pg_trigger_depth() = 0)
          OR (OLD.cancelled_at IS NOT NULL AND OLD.cancelled_at IS DISTINCT FROM NEW.cancelled_at))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER discount_fixed BEFORE UPDATE ON discount FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'until_on') IS DISTINCT FROM (to_jsonb(NEW) - 'until_on')) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER deposit_fixed BEFORE UPDATE ON deposit FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR (to_jsonb(OLD) - 'status') IS DISTINCT FROM (to_jsonb(NEW) - 'status'))
    EXECUTE FUNCTION refuse_change();

CREATE TRIGGER charge_kept BEFORE DELETE OR TRUNCATE ON charge FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER discount_kept BEFORE DELETE OR TRUNCATE ON discount FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER deposit_kept BEFORE DELETE OR TRUNCATE ON deposit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER billing_cycle_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_cycle
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER deallocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deallocation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_void_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_void
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER write_off_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON write_off
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refund
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER deposit_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deposit_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER proof_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON proof
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What corrections do to the documents that they name. CHECK constraints there bound it under any concurrency.
CREATE FUNCTION carry_deallocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET allocated = invoice.allocated - taken.amount
      FROM (SELECT invoice_id, sum(amount)::bigint AS amount FROM allocation
             WHERE id IN (SELECT allocation_id FROM new_deallocation) GROUP BY invoice_id) taken
     WHERE invoice.id = taken.invoice_id;
    UPDATE payment SET allocated = payment.allocated - taken.amount
      FROM (SELECT payment_id, sum(amount)::bigint AS amount FROM allocation
             WHERE id IN (SELECT allocation_id FROM new_deallocation) GROUP BY payment_id) taken
     WHERE payment.id = taken.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER deallocation_carried AFTER INSERT ON deallocation
    REFERENCING NEW TABLE AS new_deallocation FOR EACH STATEMENT EXECUTE FUNCTION carry_deallocations();

CREATE FUNCTION carry_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM period WHERE id = NEW.period_id AND closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a closed period takes no corrections' USING ERRCODE = 'restrict_violation';
    END IF;
    UPDATE invoice SET voided_at = NEW.voided_at WHERE id = NEW.invoice_id;
    UPDATE charge SET invoice_id = NULL WHERE invoice_id = NEW.invoice_id;
    RETURN NULL;
END $$;
CREATE TRIGGER invoice_void_carried AFTER INSERT ON invoice_void FOR EACH ROW EXECUTE FUNCTION carry_void();

CREATE FUNCTION carry_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payment SET reversed_at = NEW.reversed_at WHERE id = NEW.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_reversal_carried AFTER INSERT ON payment_reversal FOR EACH ROW EXECUTE FUNCTION carry_reversal();

CREATE FUNCTION carry_write_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET written_off = written_off + NEW.amount WHERE id = NEW.invoice_id;
    RETURN NULL;
END $$;
CREATE TRIGGER write_off_carried AFTER INSERT ON write_off FOR EACH ROW EXECUTE FUNCTION carry_write_off();

CREATE FUNCTION carry_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payment SET refunded = refunded + NEW.amount WHERE id = NEW.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER refund_carried AFTER INSERT ON refund FOR EACH ROW EXECUTE FUNCTION carry_refund();

-- A charge is billed by one live invoice at a time, and only with its own customer and amount.
CREATE FUNCTION carry_charges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint;
    taken bigint;
BEGIN
    SELECT count(*) INTO wanted FROM new_line WHERE charge_id IS NOT NULL;
    IF wanted > 0 THEN
        UPDATE charge SET invoice_id = new_line.invoice_id
          FROM new_line JOIN invoice ON invoice.id = new_line.invoice_id
         WHERE charge.id = new_line.charge_id AND charge.invoice_id IS NULL AND charge.cancelled_at IS NULL
           AND charge.customer_id = invoice.customer_id AND charge.amount = new_line.amount;
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF taken <> wanted THEN
            RAISE EXCEPTION '% lines bill % waiting charges', wanted, taken USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER invoice_line_charges AFTER INSERT ON invoice_line
    REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION carry_charges();

-- A deposit is decided once, by someone else than who submitted it or whose cash it is.
CREATE FUNCTION carry_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET status = CASE WHEN NEW.verified THEN 'VERIFIED' ELSE 'REJECTED' END
     WHERE id = NEW.deposit_id AND status = 'SUBMITTED' AND NEW.decided_by NOT IN (submitted_by, collector_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'deposit % was decided before, or by its own submitter', NEW.deposit_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER deposit_decision_carried AFTER INSERT ON deposit_decision FOR EACH ROW EXECUTE FUNCTION carry_decision();
CREATE FUNCTION refuse_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a deposit begins as SUBMITTED' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER deposit_begins BEFORE INSERT ON deposit FOR EACH ROW WHEN (NEW.status <> 'SUBMITTED') EXECUTE FUNCTION refuse_decided();
-- A payment settles invoices of its own customer only. (The rest of this function is as in version 1.)
CREATE OR REPLACE FUNCTION carry_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET allocated = invoice.allocated + added.amount
      FROM (SELECT invoice_id, sum(amount)::bigint AS amount FROM new_allocation GROUP BY invoice_id) added
     WHERE invoice.id = added.invoice_id;
    UPDATE payment SET allocated = payment.allocated + added.amount
      FROM (SELECT payment_id, sum(amount)::bigint AS amount FROM new_allocation GROUP BY payment_id) added
     WHERE payment.id = added.payment_id;
    IF EXISTS (SELECT FROM new_allocation JOIN invoice ON invoice.id = invoice_id JOIN payment ON payment.id = payment_id
                WHERE invoice.customer_id <> payment.customer_id) THEN
        RAISE EXCEPTION 'a payment settles invoices of its own customer only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_settings_kept BEFORE DELETE OR TRUNCATE ON billing_settings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Documents begin untouched: nothing is born settled but by rows that say so.
CREATE FUNCTION refuse_born_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% begins without allocations and corrections', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoice_begins BEFORE INSERT ON invoice FOR EACH ROW
    WHEN (NEW.allocated <> 0 OR NEW.written_off <> 0 OR NEW.voided_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();
CREATE TRIGGER payment_begins BEFORE INSERT ON payment FOR EACH ROW
    WHEN (NEW.allocated <> 0 OR NEW.refunded <> 0 OR NEW.reversed_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();
CREATE TRIGGER charge_begins BEFORE INSERT ON charge FOR EACH ROW
    WHEN (NEW.invoice_id IS NOT NULL OR NEW.cancelled_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();
