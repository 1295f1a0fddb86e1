-- Opening balances: how customers stood when they came into this system. Version 1. See docs/opening.md.

-- The days of a customer that nobody bills (again): those of live invoices, and those that the system before has billed.
CREATE VIEW covering AS
SELECT customer_id, period_id, covers_from, covers_until, voided_at FROM invoice
UNION ALL
SELECT customer_id, NULL, installed_on, billed_until, NULL
  FROM opening_balance JOIN customer ON customer.id = customer_id WHERE billed_until > installed_on;

CREATE TRIGGER opening_balance_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opening_balance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER opening_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opening_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
