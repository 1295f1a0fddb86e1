-- A charge is billed by one live invoice at a time, and only with its own customer and amount. Version 2: each is looked up by its
-- keys. A join of all lines was planned as if each had a charge, and read all invoices and all charges for each chunk of a generation.
CREATE OR REPLACE FUNCTION carry_charges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line record;
BEGIN
    FOR line IN SELECT charge_id, invoice_id, amount FROM new_line WHERE charge_id IS NOT NULL ORDER BY charge_id LOOP
        UPDATE charge SET invoice_id = line.invoice_id
         WHERE id = line.charge_id AND invoice_id IS NULL AND cancelled_at IS NULL AND amount = line.amount
           AND customer_id = (SELECT customer_id FROM invoice WHERE invoice.id = line.invoice_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a line bills charge %, which is none of its customer''s waiting charges of that amount', line.charge_id USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
