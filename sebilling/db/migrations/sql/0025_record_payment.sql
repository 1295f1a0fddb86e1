-- Record money received, in one round trip. Money beyond the named invoices settles the customer's other debts, and
-- money collected for a customer or at a counter that moved away meanwhile is taken.
--
-- A function, not one statement: in READ COMMITTED a statement keeps the snapshot from before it waited for a lock, while
-- each statement in here takes a new one, so that what is read after a lock is what the lock protects.
--
-- Locks, in this order: the idempotency key, the customer, the customer's counter (shared; a generation chunk holds it
-- exclusively, so that credit and new invoices can't miss each other), the open invoices by id, and last the receipt
-- series, whose lock is held until the commit is on disk.
--
-- Gives one row: `outcome` RECORDED or REPLAYED. Everything else is raised by refuse(), so that nothing stays of it even where the
-- function is called in autocommit.
CREATE OR REPLACE FUNCTION record_payment(
    p_user bigint, p_user_name text, p_key text, p_fingerprint bytea,
    p_customer bigint, p_counter bigint, p_scope bigint[],      -- counters that the user may work at; NULL: all
    p_amount bigint, p_method text, p_collected_at timestamptz, p_at timestamptz, p_note text,
    p_invoices bigint[],                                        -- pay these first, in this order; NULL or empty: the oldest first
    OUT outcome text, OUT payment_id bigint
) LANGUAGE plpgsql AS $$
DECLARE
    fact text;
    home bigint;
    former bigint;
    zone text;
    place text;
    today date;
    earlier idempotency_key;
    settled bigint;
    payable bigint;
    why text;
    number_in_month int;
BEGIN
    payment_id := nextval(pg_get_serial_sequence('payment', 'id'));
    INSERT INTO idempotency_key (user_id, key, operation, fingerprint, result_id, created_at)
    VALUES (p_user, p_key, 'recordPayment', p_fingerprint, payment_id, p_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO earlier FROM idempotency_key WHERE user_id = p_user AND key = p_key;
        IF earlier.operation <> 'recordPayment' OR earlier.fingerprint <> p_fingerprint THEN PERFORM refuse('IDEMPOTENCY_MISMATCH'); END IF;
        outcome := 'REPLAYED';
        payment_id := earlier.result_id;
        RETURN;
    END IF;

    SELECT counter_id INTO home FROM customer WHERE id = p_customer FOR NO KEY UPDATE;
    IF NOT FOUND THEN PERFORM refuse('UNKNOWN_CUSTOMER'); END IF;
    IF p_scope IS NOT NULL AND (home <> ALL (p_scope) OR p_counter <> ALL (p_scope)) THEN
        -- Money that changed hands is never refused: the user may have worked at the counter when it did, and the customer may
        -- have belonged to it until lately.
        p_scope := p_scope || ARRAY(SELECT counter_id FROM user_counter_left WHERE user_id = p_user AND left_at >= p_collected_at);
        IF home <> ALL (p_scope) THEN
            -- Only what a phone gathered: a clerk at the counter doesn't see the customer any more.
            SELECT from_counter_id INTO former FROM customer_move
             WHERE customer_id = p_customer AND from_counter_id = ANY (p_scope) AND moved_at >= p_at - interval '180 days'
               AND p_collected_at <> p_at
             ORDER BY id DESC LIMIT 1;
            IF NOT FOUND THEN PERFORM refuse('UNKNOWN_CUSTOMER'); END IF;
        END IF;
    END IF;

    p_counter := coalesce(p_counter, former, home);
    SELECT timezone, code INTO zone, place FROM counter WHERE id = p_counter AND (p_scope IS NULL OR id = ANY (p_scope));
    IF NOT FOUND THEN PERFORM refuse('UNKNOWN_COUNTER'); END IF;
    -- Only a wrong clock shows another time: MAX_PAST and MAX_AHEAD of billing/payments.py.
    IF p_collected_at NOT BETWEEN p_at - interval '180 days' AND p_at + interval '15 minutes' THEN PERFORM refuse('WRONG_CLOCK'); END IF;
    today := (p_at AT TIME ZONE zone)::date;

    PERFORM pg_advisory_xact_lock_shared(1, home::int);
    PERFORM FROM invoice WHERE customer_id = p_customer AND outstanding > 0 ORDER BY id FOR NO KEY UPDATE;

    SELECT wanted.id::text INTO fact FROM unnest(p_invoices) wanted (id)
     WHERE NOT EXISTS (SELECT FROM invoice WHERE invoice.id = wanted.id AND customer_id = p_customer) LIMIT 1;
    IF FOUND THEN PERFORM refuse('INVOICE_NOT_PAYABLE', fact); END IF;

    SELECT coalesce(sum(outstanding), 0) INTO payable FROM invoice WHERE customer_id = p_customer AND outstanding > 0;
    -- Paid meanwhile is told even if another debt takes the money: someone may want it back.
    why := CASE WHEN p_amount > (SELECT coalesce(sum(outstanding), 0) FROM invoice WHERE id = ANY (p_invoices))
                     AND EXISTS (SELECT FROM invoice WHERE id = ANY (p_invoices) AND outstanding = 0) THEN 'ALREADY_PAID'
                WHEN p_amount <= payable THEN ''
                WHEN payable = 0 THEN 'IN_ADVANCE'
                ELSE 'OVERPAID' END;
    INSERT INTO payment (id, customer_id, counter_id, amount, allocated, refunded, method, received_by,
                         collected_at, received_at, received_on, note, surplus_because)
    OVERRIDING SYSTEM VALUE
    VALUES (payment_id, p_customer, p_counter, p_amount, 0, 0, p_method, p_user,
            p_collected_at, p_at, today, p_note, why);

    -- Each invoice in its turn takes what the ones before it have left: those named in their order, then the oldest.
    WITH owed AS (
        SELECT id, outstanding AS amount,
               sum(outstanding) OVER (ORDER BY array_position(p_invoices, id), due_on, id) - outstanding AS before
          FROM invoice WHERE customer_id = p_customer AND outstanding > 0
    ), added AS (
        INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
        SELECT record_payment.payment_id, id, least(amount, p_amount - before), p_at FROM owed WHERE before < p_amount
        RETURNING amount
    )
    SELECT coalesce(sum(amount), 0) INTO settled FROM added;

    PERFORM reconsider_access(ARRAY[p_customer], p_at, p_user, p_user_name);

    INSERT INTO receipt_series AS series (counter_id, month, next_number) VALUES (p_counter, date_trunc('month', today)::date, 2)
    ON CONFLICT (counter_id, month) DO UPDATE SET next_number = series.next_number + 1
    RETURNING next_number - 1 INTO number_in_month;
    INSERT INTO receipt (payment_id, counter_id, month, sequence, number)
    VALUES (payment_id, p_counter, date_trunc('month', today)::date, number_in_month,
            'KW/' || to_char(today, 'YYYY-MM') || '/' || place || '/' || lpad(number_in_month::text, greatest(6, length(number_in_month::text)), '0'));

    PERFORM append_event(p_at, p_user, p_user_name, 'payment.recorded', 'payment', payment_id, p_counter,
                         jsonb_build_object('customer_id', 'cus_' || p_customer, 'amount', p_amount, 'method', p_method,
                                            'allocated', settled, 'credit', p_amount - settled));
    outcome := 'RECORDED';
END $$;
