-- A period's recap as it was at an instant, a row per counter, from the documents alone. It is what a closing keeps, and what an
-- invariant holds against what was kept. (The recap of now is billing/recap.py, which reads sums that triggers carry.)
--
-- Whatever a document says of its own time counts, but an allocation is never before its payment: a payment that had waited for a
-- closing is dated behind it (after_closings), its allocations are not. All but the cash on hand reads documents of the period only:
-- `settled` is not materialized, and the month's days are values rather than a join, so that indexes are used.
CREATE OR REPLACE FUNCTION period_figures(p_period bigint, p_at timestamptz) RETURNS TABLE (
    counter_id bigint, invoices bigint, total_billed bigint, voided_earlier bigint, voided_later bigint, allocated bigint,
    written_off bigint, outstanding bigint, payments bigint, reversed bigint, refunded bigint, total_received bigint, credit bigint,
    total_deposited bigint, difference bigint, awaiting_verification bigint, cash_on_hand bigint
) LANGUAGE sql STABLE AS $$
WITH span AS (
    SELECT month, (month + interval '1 month')::date AS after FROM period WHERE id = p_period
), settled AS NOT MATERIALIZED (
    SELECT allocation.invoice_id, allocation.amount, payment.counter_id, received_on
      FROM allocation JOIN payment ON payment.id = allocation.payment_id
      LEFT JOIN deallocation ON allocation_id = allocation.id AND deallocated_at <= p_at
     WHERE allocation_id IS NULL AND greatest(allocated_at, received_at) <= p_at
), came AS (
    SELECT id, payment.counter_id, amount FROM payment
     WHERE received_on >= (SELECT month FROM span) AND received_on < (SELECT after FROM span) AND received_at <= p_at
), given_up AS (
    SELECT invoice_id, amount FROM write_off LEFT JOIN write_off_reversal ON write_off_id = write_off.id AND reversed_at <= p_at
     WHERE write_off_id IS NULL AND written_off_at <= p_at
), given_back AS (
    SELECT payment_id, refund.counter_id, method, amount FROM refund LEFT JOIN refund_reversal ON refund_id = refund.id AND reversed_at <= p_at
     WHERE refund_id IS NULL AND refunded_at <= p_at
), moved (counter_id, name, amount) AS (
    SELECT invoice.counter_id, 'invoices', 1 FROM invoice WHERE period_id = p_period AND issued_at <= p_at
    UNION ALL
    SELECT invoice.counter_id, 'billed', total FROM invoice WHERE period_id = p_period AND issued_at <= p_at
    UNION ALL
    SELECT invoice.counter_id, 'voided', total FROM invoice JOIN invoice_void ON invoice_id = invoice.id
     WHERE invoice.period_id = p_period AND invoice_void.voided_at <= p_at
    UNION ALL
    SELECT invoice.counter_id, CASE invoice.period_id = p_period WHEN true THEN 'voided here' WHEN false THEN 'voided earlier' END, total
      FROM invoice_void JOIN invoice ON invoice.id = invoice_id WHERE invoice_void.period_id = p_period AND invoice_void.voided_at <= p_at
    UNION ALL
    SELECT invoice.counter_id, 'allocated', settled.amount FROM settled JOIN invoice ON invoice.id = invoice_id WHERE period_id = p_period
    UNION ALL
    SELECT invoice.counter_id, 'written off', given_up.amount FROM given_up JOIN invoice ON invoice.id = invoice_id WHERE period_id = p_period
    UNION ALL
    SELECT came.counter_id, 'payments', 1 FROM came
    UNION ALL
    SELECT came.counter_id, 'received', amount FROM came
    UNION ALL
    SELECT came.counter_id, 'credit', amount FROM came
      LEFT JOIN payment_reversal ON payment_id = came.id AND payment_reversal.reversed_at <= p_at WHERE payment_id IS NULL
    UNION ALL
    SELECT settled.counter_id, 'credit', -settled.amount FROM settled
     WHERE received_on >= (SELECT month FROM span) AND received_on < (SELECT after FROM span)
    UNION ALL
    SELECT payment.counter_id, 'credit', -given_back.amount FROM span, given_back JOIN payment ON payment.id = given_back.payment_id
     WHERE received_on >= month AND received_on < after
    UNION ALL
    SELECT payment.counter_id, 'reversed', amount FROM span, payment_reversal JOIN payment ON payment.id = payment_id
     WHERE reversed_on >= month AND reversed_on < after AND payment_reversal.reversed_at <= p_at
    UNION ALL
    SELECT refund.counter_id, 'refunded', amount FROM span, refund WHERE refunded_on >= month AND refunded_on < after AND refunded_at <= p_at
    UNION ALL
    SELECT refund.counter_id, 'refunded', -amount FROM span, refund_reversal JOIN refund ON refund.id = refund_id
     WHERE reversed_on >= month AND reversed_on < after AND reversed_at <= p_at
    UNION ALL
    SELECT handed.counter_id, name, CASE name WHEN 'deposited' THEN handed.counted WHEN 'difference' THEN handed.difference END
      FROM span, counted_money handed, unnest(ARRAY['deposited', 'difference']) name WHERE day >= month AND day < after AND at <= p_at
    UNION ALL
    SELECT deposit.counter_id, 'waiting', amount FROM deposit LEFT JOIN deposit_decision ON deposit_id = deposit.id AND decided_at <= p_at
     WHERE deposit_id IS NULL AND submitted_at <= p_at
    UNION ALL
    SELECT payment.counter_id, 'on hand', sum(amount)::bigint FROM payment
      LEFT JOIN payment_reversal ON payment_id = payment.id AND payment_reversal.reversed_at <= p_at
     WHERE payment_id IS NULL AND method = 'CASH' AND received_at <= p_at GROUP BY 1
    UNION ALL
    SELECT given_back.counter_id, 'on hand', -amount FROM given_back WHERE method = 'CASH'
    UNION ALL
    SELECT handed.counter_id, 'on hand', handed.difference - handed.counted FROM counted_money handed WHERE at <= p_at
), summed AS (
    SELECT moved.counter_id, name, sum(amount)::bigint AS amount FROM moved GROUP BY 1, 2
), figure AS (
    SELECT counter.id AS id, coalesce(jsonb_object_agg(summed.name, summed.amount) FILTER (WHERE summed.name IS NOT NULL), '{}') AS of
      FROM counter LEFT JOIN summed ON summed.counter_id = counter.id GROUP BY counter.id
), named AS (
    SELECT id, coalesce((of ->> 'invoices')::bigint, 0) AS invoices, coalesce((of ->> 'billed')::bigint, 0) AS billed,
           coalesce((of ->> 'voided')::bigint, 0) AS voided, coalesce((of ->> 'voided here')::bigint, 0) AS here,
           coalesce((of ->> 'voided earlier')::bigint, 0) AS earlier, coalesce((of ->> 'allocated')::bigint, 0) AS allocated,
           coalesce((of ->> 'written off')::bigint, 0) AS written_off, coalesce((of ->> 'payments')::bigint, 0) AS payments,
           coalesce((of ->> 'received')::bigint, 0) AS received, coalesce((of ->> 'credit')::bigint, 0) AS credit,
           coalesce((of ->> 'reversed')::bigint, 0) AS reversed, coalesce((of ->> 'refunded')::bigint, 0) AS refunded,
           coalesce((of ->> 'deposited')::bigint, 0) AS deposited, coalesce((of ->> 'difference')::bigint, 0) AS difference,
           coalesce((of ->> 'waiting')::bigint, 0) AS waiting, coalesce((of ->> 'on hand')::bigint, 0) AS on_hand
      FROM figure
)
SELECT id, invoices, billed - here - earlier, earlier, voided - here, allocated, written_off, billed - voided - allocated - written_off,
       payments, reversed, refunded, received - reversed, credit, deposited, difference, waiting, on_hand
  FROM named WHERE EXISTS (SELECT FROM span)
$$;
