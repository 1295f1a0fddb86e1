-- What the modes of isolation policies mean. billing/isolation/policy.py has the same modes.

-- The day from which a policy's days are counted, for an invoice that was issued on `p_issued_on` and is due on `p_due_on`;
-- `p_monthly_on` is the first day from the issue on that has the installation's day of the month. Infinity: never. NULL for a mode that
-- isn't named here, which the table refuses.
CREATE OR REPLACE FUNCTION isolation_counted_from(p_mode text, p_issued_on date, p_monthly_on date, p_due_on date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_mode WHEN 'FROM_DUE_DATE' THEN greatest(p_due_on, p_issued_on)
                       WHEN 'FROM_INVOICE' THEN p_issued_on
                       WHEN 'FROM_INSTALL_DATE' THEN p_monthly_on
                       WHEN 'MANUAL' THEN 'infinity'::date END;
