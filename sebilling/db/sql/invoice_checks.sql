-- References and days of new invoices, checked once per statement: per row, foreign keys and an exclusion constraint were three
-- quarters of the cost of an invoice. Why this is as safe: docs/decisions/0026.
--
-- A reference can't dangle: what it names is never deleted and keeps its key (triggers below), so it is enough that it exists.
--
-- Days can't overlap: whoever adds invoices of a customer holds the lock of the customer's counter, and so does whoever moves the
-- customer to another one. So of two writers the second waits for the first's commit, and then sees its invoices.

-- A session plans these queries once, perhaps while the tables have a few rows: each row is looked up by an index even then.

CREATE OR REPLACE FUNCTION check_invoices() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    series record;
    broken record;
BEGIN
    -- An older snapshot would miss what another transaction committed before this one got the lock.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'invoices are added under READ COMMITTED, not %', upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'feature_not_supported';
    END IF;
    -- Generation holds these locks already (billing/locks.py).
    FOR series IN SELECT DISTINCT counter_id, period_id FROM new_invoice ORDER BY counter_id, period_id LOOP
        PERFORM pg_advisory_xact_lock(1, series.counter_id::int);
        IF NOT EXISTS (SELECT FROM invoice_series WHERE period_id = series.period_id AND counter_id = series.counter_id) THEN
            RAISE EXCEPTION 'insert on table "invoice" violates "invoice_period_id_counter_id_fkey"'
                USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      CONSTRAINT = 'invoice_period_id_counter_id_fkey',
                      DETAIL = format('Key (period_id, counter_id)=(%s, %s) is not present in table "invoice_series".',
                                      series.period_id, series.counter_id);
        END IF;
    END LOOP;
    -- With the locks, in a snapshot of its own. Subqueries, as a join might hash all of history; a difference, as with
    -- `covers_from < covers_until` the planner takes invoice_live_period_idx and reads each customer's history.
    SELECT *, (SELECT counter_id FROM customer WHERE id = added.customer_id) AS home INTO broken FROM new_invoice added
     WHERE (SELECT counter_id FROM customer WHERE id = added.customer_id) IS DISTINCT FROM added.counter_id
        OR added.covers_from < added.covers_until
           AND (SELECT id FROM invoice other
                 WHERE other.customer_id = added.customer_id AND other.covers_until > added.covers_from
                   AND other.covers_from < added.covers_until AND other.covers_until - other.covers_from > 0
                   AND other.voided_at IS NULL AND other.id <> added.id LIMIT 1) IS NOT NULL
     LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF broken.home IS NULL THEN
        RAISE EXCEPTION 'insert on table "invoice" violates "invoice_customer_id_fkey"'
            USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'invoice_customer_id_fkey',
                  DETAIL = format('Key (customer_id)=(%s) is not present in table "customer".', broken.customer_id);
    ELSIF broken.home <> broken.counter_id THEN
        RAISE EXCEPTION 'an invoice is issued at its customer''s counter' USING ERRCODE = 'restrict_violation',
            DETAIL = format('Customer %s belongs to counter %s, not %s.', broken.customer_id, broken.home, broken.counter_id);
    END IF;
    RAISE EXCEPTION 'a day is billed twice: "invoice_covers_excl"'
        USING ERRCODE = 'exclusion_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = 'invoice_covers_excl',
              DETAIL = format('Another live invoice of customer %s covers days of [%s, %s).',
                              broken.customer_id, broken.covers_from, broken.covers_until);
END $$;
CREATE OR REPLACE TRIGGER invoice_checked AFTER INSERT ON invoice
    REFERENCING NEW TABLE AS new_invoice FOR EACH STATEMENT EXECUTE FUNCTION check_invoices();

-- A void invoice stays void: its days may be billed again already. (Nothing else of its days, customer and counter ever changes: invoice_truth.)
CREATE OR REPLACE TRIGGER invoice_stays_void BEFORE UPDATE OF voided_at ON invoice FOR EACH ROW
    WHEN (OLD.voided_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION check_invoice_lines() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    orphan bigint;
BEGIN
    SELECT invoice_id INTO orphan FROM new_line WHERE (SELECT id FROM invoice WHERE id = new_line.invoice_id) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'insert on table "invoice_line" violates "invoice_line_invoice_id_fkey"'
            USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = 'invoice_line_invoice_id_fkey',
                  DETAIL = format('Key (invoice_id)=(%s) is not present in table "invoice".', orphan);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER invoice_line_checked AFTER INSERT ON invoice_line
    REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION check_invoice_lines();

-- What invoices refer to: customers, series, and the invoices themselves (invoice_kept, invoice_truth in guards.sql).
CREATE OR REPLACE FUNCTION refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: invoices refer to it by its key', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER customer_kept BEFORE DELETE OR TRUNCATE ON customer FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
CREATE OR REPLACE TRIGGER customer_key_fixed BEFORE UPDATE OF id ON customer FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
CREATE OR REPLACE TRIGGER invoice_series_kept BEFORE DELETE OR TRUNCATE ON invoice_series
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
CREATE OR REPLACE TRIGGER invoice_series_key_fixed BEFORE UPDATE OF period_id, counter_id ON invoice_series
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();

-- A customer moves while nobody adds invoices at either counter.
CREATE OR REPLACE FUNCTION lock_counters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1, least(OLD.counter_id, NEW.counter_id)::int);
    PERFORM pg_advisory_xact_lock(1, greatest(OLD.counter_id, NEW.counter_id)::int);
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER customer_moved BEFORE UPDATE OF counter_id ON customer FOR EACH ROW
    WHEN (OLD.counter_id <> NEW.counter_id) EXECUTE FUNCTION lock_counters();
