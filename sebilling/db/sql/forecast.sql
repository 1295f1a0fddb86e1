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
SELECT promise.id, promise.customer_id, promise.until_on, promise.reason, promise.promised_at, promise.promised_to,
       customer.counter_id, counter.timezone,
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

-- Customers with what their states follow from, to be counted; joins whose columns aren't selected are left out by the planner.
-- `promised_until`: last day of their promise to pay, if something is owed of what was owed then.
CREATE OR REPLACE VIEW customer_state AS
SELECT customer.id, customer.code, customer.name, customer.phone, customer.address, customer.pppoe_name, customer.counter_id,
       customer.plan_id, customer.installed_on, customer.active, counter.timezone, owed.customer_id IS NOT NULL AS owing, blocked.customer_id IS NOT NULL AS blocked,
       connected.customer_id IS NULL AS without_device, block.block_on,
       CASE WHEN owed.first_at <= promise.promised_at THEN promise.until_on END AS promised_until, owed.outstanding
  FROM customer
  JOIN counter ON counter.id = customer.counter_id
  LEFT JOIN (SELECT customer_id, min(issued_at) AS first_at, sum(outstanding) AS outstanding FROM invoice WHERE outstanding > 0 GROUP BY customer_id) owed
    ON owed.customer_id = customer.id
  LEFT JOIN (SELECT customer_id FROM service_access WHERE desired = 'BLOCKED' GROUP BY customer_id) blocked ON blocked.customer_id = customer.id
  LEFT JOIN (SELECT customer_id FROM service_access GROUP BY customer_id) connected ON connected.customer_id = customer.id
  LEFT JOIN (SELECT customer_id, min(block_on) AS block_on FROM upcoming_block GROUP BY customer_id) block ON block.customer_id = customer.id
  LEFT JOIN (SELECT DISTINCT ON (customer_id) customer_id, until_on, promised_at FROM payment_promise ORDER BY customer_id, id DESC) promise
    ON promise.customer_id = customer.id;
