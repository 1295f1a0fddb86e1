-- Credit (titipan) beside a debt.

-- Let a customer's free credit settle what they owe: the oldest money first, the oldest debt first. Whoever has paid in full
-- must not be blocked because their money lies as credit beside an older debt, so everything that frees money or opens a debt
-- calls this in its own transaction. Credit that someone holds (credit_hold) stays. The caller holds the customer, their counter
-- (shared), their invoices and their payments (billing/locks.py). Gives the rupiah that were settled; writes `credit.applied`.
CREATE OR REPLACE FUNCTION settle_credit(p_customer bigint, p_at timestamptz, p_user bigint, p_user_name text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    settled bigint;
BEGIN
    -- Both queues as stretches on one line of rupiah: where a debt and a credit overlap, that much of the one settles the other.
    WITH debt AS (
        SELECT id, sum(outstanding) OVER (ORDER BY due_on, id) - outstanding AS starts, sum(outstanding) OVER (ORDER BY due_on, id) AS ends
          FROM invoice WHERE customer_id = p_customer AND outstanding > 0
    ), money AS (
        SELECT id, sum(credit) OVER (ORDER BY id) - credit AS starts, sum(credit) OVER (ORDER BY id) AS ends
          FROM payment WHERE customer_id = p_customer AND credit > 0
           AND NOT EXISTS (SELECT FROM credit_hold WHERE payment_id = payment.id AND released_at IS NULL)
    ), added AS (
        INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at)
        SELECT money.id, debt.id, least(debt.ends, money.ends) - greatest(debt.starts, money.starts), p_at
          FROM debt JOIN money ON debt.starts < money.ends AND money.starts < debt.ends ORDER BY debt.ends, money.ends
        RETURNING amount
    )
    SELECT coalesce(sum(amount), 0) INTO settled FROM added;
    IF settled > 0 THEN
        INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
        SELECT p_at, p_user, p_user_name, 'credit.applied', 'customer', id, counter_id, jsonb_build_object('amount', settled)
          FROM customer WHERE id = p_customer;
    END IF;
    RETURN settled;
END $$;
