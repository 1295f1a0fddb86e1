-- The field that isn't a column, in the way that PostGraphile's manual recommends: an SQL function of a row, which PostgreSQL inlines.
CREATE FUNCTION invoice_status(invoice invoice) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN invoice.voided_at IS NOT NULL THEN 'VOID' WHEN invoice.outstanding = 0 AND invoice.written_off > 0 THEN 'WRITTEN_OFF'
                WHEN invoice.outstanding = 0 THEN 'PAID' WHEN invoice.outstanding = invoice.total THEN 'OPEN' ELSE 'PARTLY_PAID' END
$$;
-- A relation without a foreign key, as the reference is checked by a trigger; a smart comment, as its manual recommends.
COMMENT ON TABLE invoice IS '@foreignKey (customer_id) references customer (id)';
