-- Opening balances: how customers stood when they came into this system. See docs/opening.md.

-- The days of a customer that nobody bills (again): those of live invoices, and those that the system before has billed.
CREATE OR REPLACE VIEW covering AS
SELECT customer_id, period_id, covers_from, covers_until, voided_at FROM invoice
UNION ALL
SELECT customer_id, NULL, installed_on, billed_until, NULL
  FROM opening_balance JOIN customer ON customer.id = customer_id WHERE billed_until > installed_on;
