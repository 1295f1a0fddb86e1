-- Sums and states that triggers keep beside the documents, so that CHECK constraints bound them under any concurrency. Only these
-- triggers change them (guards.sql).

-- What allocations do to their invoices and payments. A payment settles invoices of its own customer only.
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
CREATE OR REPLACE TRIGGER allocation_carried AFTER INSERT ON allocation
    REFERENCING NEW TABLE AS new_allocation FOR EACH STATEMENT EXECUTE FUNCTION carry_allocations();

-- What corrections and their reversals do to the documents that they name, each at most once (primary key).
CREATE OR REPLACE FUNCTION carry_deallocations() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE TRIGGER deallocation_carried AFTER INSERT ON deallocation
    REFERENCING NEW TABLE AS new_deallocation FOR EACH STATEMENT EXECUTE FUNCTION carry_deallocations();

CREATE OR REPLACE FUNCTION carry_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM period WHERE id = NEW.period_id AND closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a closed period takes no corrections' USING ERRCODE = 'restrict_violation';
    END IF;
    UPDATE invoice SET voided_at = NEW.voided_at WHERE id = NEW.invoice_id;
    UPDATE charge SET invoice_id = NULL WHERE invoice_id = NEW.invoice_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER invoice_void_carried AFTER INSERT ON invoice_void FOR EACH ROW EXECUTE FUNCTION carry_void();

CREATE OR REPLACE FUNCTION carry_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payment SET reversed_at = NEW.reversed_at WHERE id = NEW.payment_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER payment_reversal_carried AFTER INSERT ON payment_reversal FOR EACH ROW EXECUTE FUNCTION carry_reversal();

CREATE OR REPLACE FUNCTION carry_write_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET written_off = written_off + NEW.amount WHERE id = NEW.invoice_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER write_off_carried AFTER INSERT ON write_off FOR EACH ROW EXECUTE FUNCTION carry_write_off();

CREATE OR REPLACE FUNCTION carry_write_off_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE invoice SET written_off = written_off - amount FROM write_off
     WHERE write_off.id = NEW.write_off_id AND invoice.id = write_off.invoice_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER write_off_reversal_carried AFTER INSERT ON write_off_reversal FOR EACH ROW EXECUTE FUNCTION carry_write_off_reversal();

CREATE OR REPLACE FUNCTION carry_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payment SET refunded = refunded + NEW.amount WHERE id = NEW.payment_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER refund_carried AFTER INSERT ON refund FOR EACH ROW EXECUTE FUNCTION carry_refund();

CREATE OR REPLACE FUNCTION carry_refund_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payment SET refunded = refunded - refund.amount FROM refund WHERE refund.id = NEW.refund_id AND payment.id = refund.payment_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER refund_reversal_carried AFTER INSERT ON refund_reversal FOR EACH ROW EXECUTE FUNCTION carry_refund_reversal();

-- A charge is billed by one live invoice at a time, and only with its own customer and amount. Each is looked up by its keys: a join
-- of all lines was planned as if each had a charge, and read all invoices and all charges for each chunk of a generation.
CREATE OR REPLACE FUNCTION carry_charges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line record;
BEGIN
    FOR line IN SELECT charge_id, invoice_id, amount FROM new_line WHERE charge_id IS NOT NULL ORDER BY charge_id LOOP
        UPDATE charge SET invoice_id = line.invoice_id
         WHERE id = line.charge_id AND invoice_id IS NULL AND cancelled_at IS NULL AND amount = line.amount
           AND customer_id = (SELECT customer_id FROM invoice WHERE invoice.id = line.invoice_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a line bills charge %, which is none of its customer''s waiting charges of that amount', line.charge_id USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER invoice_line_charges AFTER INSERT ON invoice_line
    REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION carry_charges();

-- A deposit is decided once, by someone else than who submitted it or whose cash it is.
CREATE OR REPLACE FUNCTION carry_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET status = CASE NEW.verified WHEN true THEN 'VERIFIED' WHEN false THEN 'REJECTED' END,
                       counted = coalesce(NEW.counted, 0), difference = coalesce(NEW.difference, 0)
     WHERE id = NEW.deposit_id AND status = 'SUBMITTED' AND NEW.decided_by NOT IN (submitted_by, collector_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'deposit % was decided before, or by its own submitter', NEW.deposit_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER deposit_decision_carried AFTER INSERT ON deposit_decision FOR EACH ROW EXECUTE FUNCTION carry_decision();

-- A correction follows the last one (or the decision), and is by someone else too.
CREATE OR REPLACE FUNCTION carry_deposit_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET counted = NEW.counted, difference = NEW.difference
     WHERE id = NEW.deposit_id AND status = 'VERIFIED' AND counted = NEW.counted_before AND difference = NEW.difference_before
       AND NEW.corrected_by NOT IN (submitted_by, collector_id)
       AND NEW.corrects_id IS NOT DISTINCT FROM
           (SELECT max(id) FROM deposit_correction WHERE deposit_id = NEW.deposit_id AND id <> NEW.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a correction of deposit % does not follow what was counted last, or is by its own submitter', NEW.deposit_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER deposit_correction_carried AFTER INSERT ON deposit_correction FOR EACH ROW EXECUTE FUNCTION carry_deposit_correction();

-- What is settled is bounded by the difference: CHECK deposit_settled_check.
CREATE OR REPLACE FUNCTION carry_settlement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET settled = settled + CASE NEW.kind WHEN 'SURPLUS' THEN NEW.amount WHEN 'SHORTAGE' THEN -NEW.amount END
     WHERE id = NEW.deposit_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER difference_settlement_carried AFTER INSERT ON difference_settlement FOR EACH ROW EXECUTE FUNCTION carry_settlement();

CREATE OR REPLACE FUNCTION carry_settlement_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET settled = settled - CASE kind WHEN 'SURPLUS' THEN settlement.amount WHEN 'SHORTAGE' THEN -settlement.amount END
      FROM difference_settlement settlement WHERE settlement.id = NEW.settlement_id AND deposit.id = settlement.deposit_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER settlement_reversal_carried AFTER INSERT ON settlement_reversal FOR EACH ROW EXECUTE FUNCTION carry_settlement_reversal();
