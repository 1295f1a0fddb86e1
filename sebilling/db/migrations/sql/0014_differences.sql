-- What must never happen is impossible in SQL too. Version 5: corrections of deposits, and differences that are settled.

CREATE TRIGGER deposit_correction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deposit_correction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER difference_settlement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON difference_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_reversal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of a deposit only what its decision, corrections and settlements say moves, and only by their triggers.
DROP TRIGGER deposit_fixed ON deposit;
CREATE TRIGGER deposit_fixed BEFORE UPDATE ON deposit FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 OR (to_jsonb(OLD) - '{status,counted,difference,settled}'::text[])
                                    IS DISTINCT FROM (to_jsonb(NEW) - '{status,counted,difference,settled}'::text[]))
    EXECUTE FUNCTION refuse_change();
DROP TRIGGER deposit_begins ON deposit;
CREATE TRIGGER deposit_begins BEFORE INSERT ON deposit FOR EACH ROW
    WHEN (NEW.status <> 'SUBMITTED' OR NEW.counted <> 0 OR NEW.difference <> 0 OR NEW.settled <> 0) EXECUTE FUNCTION refuse_decided();

-- A deposit is decided once, by someone else than who submitted it or whose cash it is. Version 2: what was counted is carried too.
CREATE OR REPLACE FUNCTION carry_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET status = CASE WHEN NEW.verified THEN 'VERIFIED' ELSE 'REJECTED' END,
                       counted = coalesce(NEW.counted, 0), difference = coalesce(NEW.difference, 0)
     WHERE id = NEW.deposit_id AND status = 'SUBMITTED' AND NEW.decided_by NOT IN (submitted_by, collector_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'deposit % was decided before, or by its own submitter', NEW.deposit_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- A correction follows the last one (or the decision), and is by someone else too.
CREATE FUNCTION carry_deposit_correction() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER deposit_correction_carried AFTER INSERT ON deposit_correction FOR EACH ROW EXECUTE FUNCTION carry_deposit_correction();

-- What is settled is bounded by the difference: CHECK deposit_settled_check.
CREATE FUNCTION carry_settlement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET settled = settled + CASE NEW.kind WHEN 'SURPLUS' THEN NEW.amount WHEN 'SHORTAGE' THEN -NEW.amount END
     WHERE id = NEW.deposit_id;
    RETURN NULL;
END $$;
CREATE TRIGGER difference_settlement_carried AFTER INSERT ON difference_settlement FOR EACH ROW EXECUTE FUNCTION carry_settlement();

CREATE FUNCTION carry_settlement_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposit SET settled = settled - CASE kind WHEN 'SURPLUS' THEN settlement.amount WHEN 'SHORTAGE' THEN -settlement.amount END
      FROM difference_settlement settlement WHERE settlement.id = NEW.settlement_id AND deposit.id = settlement.deposit_id;
    RETURN NULL;
END $$;
CREATE TRIGGER settlement_reversal_carried AFTER INSERT ON settlement_reversal FOR EACH ROW EXECUTE FUNCTION carry_settlement_reversal();

-- Cash that was handed over before the phone could tell of it: the surplus of the deposit takes it, as far as it goes. The surplus
-- must have been counted after the money was collected. Whoever counts this collector's deposits waits until commit, so that a
-- count and a payment can't miss each other; payments don't wait for one another until there is a surplus to be shared.
CREATE FUNCTION use_surplus() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unplaced bigint := NEW.amount;
    surplus record;
    part bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(22, NEW.received_by::int);
    PERFORM FROM deposit JOIN deposit_decision ON deposit_id = deposit.id
      WHERE collector_id = NEW.received_by AND counter_id = NEW.counter_id AND deposit.difference <> settled
        AND deposit.difference > 0 AND decided_at > NEW.collected_at;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM FROM app_user WHERE id = NEW.received_by FOR NO KEY UPDATE;
    FOR surplus IN
        SELECT deposit.id, deposit.difference - settled AS unused FROM deposit JOIN deposit_decision ON deposit_id = deposit.id
         WHERE collector_id = NEW.received_by AND counter_id = NEW.counter_id AND deposit.difference <> settled
           AND deposit.difference > 0 AND decided_at > NEW.collected_at
         ORDER BY deposit.id
    LOOP
        part := least(unplaced, surplus.unused);
        EXIT WHEN part = 0;
        unplaced := unplaced - part;
        INSERT INTO difference_settlement (deposit_id, kind, payment_id, amount, reason, settled_at, settled_on, settled_by)
        VALUES (surplus.id, 'SURPLUS', NEW.id, part, '', NEW.received_at, NEW.received_on, NEW.received_by);
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        VALUES (NEW.received_at, NEW.received_by, (SELECT name FROM app_user WHERE id = NEW.received_by), 'deposit.surplus_settled',
                'deposit', surplus.id, NEW.counter_id,
                jsonb_build_object('collector', NEW.received_by, 'amount', part, 'payment', NEW.id));
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_uses_surplus AFTER INSERT ON payment FOR EACH ROW
    WHEN (NEW.method = 'CASH' AND NEW.collected_at < NEW.received_at) EXECUTE FUNCTION use_surplus();
