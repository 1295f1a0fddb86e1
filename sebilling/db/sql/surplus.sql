-- Cash that was handed over before the phone could tell of it: the surplus of the deposit takes it, as far as it goes. The surplus
-- must have been counted after the money was collected. Whoever counts this collector's deposits waits until commit, so that a
-- count and a payment can't miss each other; payments don't wait for one another until there is a surplus to be shared.
CREATE OR REPLACE FUNCTION use_surplus() RETURNS trigger LANGUAGE plpgsql AS $$
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
        PERFORM append_event(NEW.received_at, NEW.received_by, (SELECT name FROM app_user WHERE id = NEW.received_by),
                             'deposit.surplus_settled', 'deposit', surplus.id, NEW.counter_id,
                             jsonb_build_object('collector_id', 'usr_' || NEW.received_by, 'amount', part, 'reason', '',
                                                'payment_id', 'pay_' || NEW.id));
    END LOOP;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER payment_uses_surplus AFTER INSERT ON payment FOR EACH ROW
    WHEN (NEW.method = 'CASH' AND NEW.collected_at < NEW.received_at) EXECUTE FUNCTION use_surplus();
