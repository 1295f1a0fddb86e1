-- Payments in sums, without reading them all: what was received is what each day's takings keep (takings.sql), and the few that were
-- reversed or have credit left are read by indexes of their own. A reversal counts on the day of its payment, other than in the takings.
CREATE OR REPLACE VIEW payment_total AS
SELECT counter_id, method, day AS received_on, payments, received AS amount, 0 AS reversed, 0 AS credit FROM daily_takings
UNION ALL
SELECT counter_id, method, received_on, 0, 0, amount, 0 FROM payment WHERE reversed_at IS NOT NULL
UNION ALL
SELECT counter_id, method, received_on, 0, 0, 0, credit FROM payment WHERE credit > 0;
