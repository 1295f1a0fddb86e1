-- What the API shows of the view `isolation` and of promises to pay.

-- The forecast of each customer: nulls if their debts lead to no block. LIMIT has the rule evaluated for the customers who are looked at
-- and not for all.
CREATE OR REPLACE VIEW isolation_forecast AS
SELECT customer.id, customer.counter_id, block.block_on, block.amount, block.invoice_id, block.mode, block.promised_until
  FROM customer
  LEFT JOIN LATERAL (SELECT * FROM isolation WHERE isolation.customer_id = customer.id LIMIT 1) block ON true;

-- Service accesses that will be blocked, each from `block_on` on, unless the customer pays. The rule is evaluated once for all.
CREATE OR REPLACE VIEW upcoming_block AS
WITH block AS MATERIALIZED (SELECT * FROM isolation)
SELECT service_access.id, service_access.customer_id, customer.counter_id, service_access.device_id, block.invoice_id, block.amount,
       block.block_on, block.mode, block.promised_until, block.timezone
  FROM block
  JOIN service_access ON service_access.customer_id = block.customer_id AND desired = 'ACTIVE'
  JOIN device ON device.id = device_id AND enabled
  JOIN customer ON customer.id = block.customer_id;

-- Promises to pay with what has become of them. `owing`: something is owed of the invoices that were issued before the promise. `late`:
-- something of them was paid after its last day. `replaced`: by its last day the customer promised another.
CREATE OR REPLACE VIEW promise_to_pay AS
SELECT promise.*, customer.counter_id, counter.timezone,
       EXISTS (SELECT FROM invoice WHERE invoice.customer_id = promise.customer_id AND outstanding > 0 AND issued_at <= promised_at) AS owing,
       EXISTS (SELECT FROM invoice JOIN allocation ON allocation.invoice_id = invoice.id
                WHERE invoice.customer_id = promise.customer_id AND issued_at <= promised_at
                  AND (allocated_at AT TIME ZONE timezone)::date > promise.until_on
                  AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = allocation.id)) AS late,
       EXISTS (SELECT FROM payment_promise later
                WHERE later.customer_id = promise.customer_id AND later.id > promise.id
                  AND (later.promised_at AT TIME ZONE timezone)::date <= promise.until_on) AS replaced
  FROM payment_promise promise
  JOIN customer ON customer.id = promise.customer_id
  JOIN counter ON counter.id = customer.counter_id;
