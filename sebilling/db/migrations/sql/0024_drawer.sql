-- Nothing of a drawer is stored, so nothing can drift from the documents. Cash received is all of history: it is summed by itself, in
-- the order of payment_cash_idx and from that index alone.

-- A drawer: what a collector holds in cash of a counter. on_hand = received - refunded - deposited + difference; it is never
-- below nothing, because what leaves it is checked under the lock of its collector. `difference` is what isn't settled of it.
CREATE OR REPLACE VIEW drawer AS
SELECT counter_id, collector_id, sum(received)::bigint AS received, sum(refunded)::bigint AS refunded,
       sum(deposited)::bigint AS deposited, sum(difference)::bigint AS difference, sum(waiting)::bigint AS waiting,
       sum(received - refunded - deposited + difference)::bigint AS on_hand
  FROM (SELECT counter_id, received_by AS collector_id, sum(amount) AS received, 0 AS refunded, 0 AS deposited, 0 AS difference, 0 AS waiting
          FROM payment WHERE method = 'CASH' AND reversed_at IS NULL GROUP BY counter_id, received_by
        UNION ALL
        SELECT counter_id, refunded_by, 0, amount, 0, 0, 0
          FROM refund WHERE method = 'CASH' AND NOT EXISTS (SELECT FROM refund_reversal WHERE refund_id = refund.id)
        UNION ALL
        SELECT counter_id, collector_id, 0, 0, counted, difference - settled, 0 FROM deposit WHERE status = 'VERIFIED'
        UNION ALL
        SELECT counter_id, collector_id, 0, 0, 0, 0, amount FROM deposit WHERE status = 'SUBMITTED') moved
 GROUP BY counter_id, collector_id;
