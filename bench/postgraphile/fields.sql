-- Fields that aren't columns, in the way that PostGraphile's manual recommends: SQL functions of a row, which PostgreSQL inlines.
CREATE FUNCTION invoice_status(invoice invoice) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN invoice.voided_at IS NOT NULL THEN 'VOID' WHEN invoice.outstanding = 0 AND invoice.written_off > 0 THEN 'WRITTEN_OFF'
                WHEN invoice.outstanding = 0 THEN 'PAID' WHEN invoice.outstanding = invoice.total THEN 'OPEN' ELSE 'PARTLY_PAID' END
$$;
CREATE FUNCTION invoice_payments(invoice invoice) RETURNS SETOF payment LANGUAGE sql STABLE AS $$
    SELECT * FROM payment
    WHERE id IN (SELECT payment_id FROM allocation live WHERE invoice_id = invoice.id
                 AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = live.id))
    ORDER BY id
$$;
