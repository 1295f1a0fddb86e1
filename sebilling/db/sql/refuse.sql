-- Refuse what a caller wants, for a reason that their errors name, and undo the statement: SQLSTATE SB001, see db/refusals.py.
CREATE OR REPLACE FUNCTION refuse(reason text, fact text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', reason USING ERRCODE = 'SB001', DETAIL = fact;
END $$;
