-- The tables that a generation fills as they were at commit 0a3552c, with their constraints, indexes and triggers: what the plain SQL of
-- bench/generate.py writes, so that it doesn't become faster along with us. As today, an invoice may cover no days (charges alone).
CREATE SCHEMA reference;

CREATE TABLE reference.invoice_series (
    period_id bigint NOT NULL REFERENCES period,
    counter_id bigint NOT NULL REFERENCES counter,
    next_number integer NOT NULL CHECK (next_number >= 1),
    PRIMARY KEY (period_id, counter_id)
);

CREATE TABLE reference.invoice (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    period_id bigint NOT NULL,
    counter_id bigint NOT NULL,
    sequence integer NOT NULL,
    number text NOT NULL,
    customer_id bigint NOT NULL REFERENCES customer,
    run_id bigint,
    plan_name text NOT NULL,
    covers_from date NOT NULL,
    covers_until date NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    due_on date NOT NULL,
    total bigint NOT NULL,
    allocated bigint NOT NULL,
    written_off bigint NOT NULL,
    voided_at timestamp with time zone,
    outstanding bigint NOT NULL
        GENERATED ALWAYS AS (CASE WHEN voided_at IS NULL THEN total - allocated - written_off ELSE 0 END) STORED,
    FOREIGN KEY (period_id, counter_id) REFERENCES reference.invoice_series,
    UNIQUE (period_id, counter_id, sequence),
    EXCLUDE USING gist (customer_id WITH =, daterange(covers_from, covers_until) WITH &&) WHERE (voided_at IS NULL),
    CHECK (total >= 0 AND allocated >= 0 AND written_off >= 0 AND allocated + written_off <= total),
    CHECK (voided_at IS NULL OR allocated + written_off = 0),
    CHECK (covers_from <= covers_until)
);
CREATE UNIQUE INDEX ON reference.invoice (customer_id, period_id) WHERE voided_at IS NULL AND covers_from < covers_until;
CREATE INDEX ON reference.invoice (customer_id, covers_until);
CREATE INDEX ON reference.invoice (counter_id, id);
CREATE INDEX ON reference.invoice (customer_id, due_on, id) WHERE outstanding > 0;
CREATE TRIGGER invoice_open_period AFTER INSERT ON reference.invoice
    REFERENCING NEW TABLE AS new_invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_closed_period();
CREATE TRIGGER invoice_begins BEFORE INSERT ON reference.invoice FOR EACH ROW
    WHEN (NEW.allocated <> 0 OR NEW.written_off <> 0 OR NEW.voided_at IS NOT NULL) EXECUTE FUNCTION refuse_born_settled();

CREATE TABLE reference.invoice_line (
    invoice_id bigint NOT NULL REFERENCES reference.invoice,
    position smallint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('SUBSCRIPTION', 'PRORATION', 'CHARGE', 'DISCOUNT', 'TAX', 'LATE_FEE')),
    description text NOT NULL,
    quantity smallint NOT NULL,
    unit_price bigint NOT NULL,
    amount bigint NOT NULL,
    charge_id bigint,
    discount_id bigint,
    tax_rate numeric(7,4),
    tax_fraction text,
    tax_base bigint,
    tax_rounding text,
    PRIMARY KEY (invoice_id, position),
    CHECK (amount = quantity * unit_price),
    CHECK ((kind = 'DISCOUNT') = (amount < 0)),
    CHECK ((kind = 'TAX') = (tax_rate IS NOT NULL))
);
CREATE INDEX ON reference.invoice_line (charge_id) WHERE charge_id IS NOT NULL;

CREATE FUNCTION reference.carry_charges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line record;
BEGIN
    FOR line IN SELECT charge_id, invoice_id, amount FROM new_line WHERE charge_id IS NOT NULL ORDER BY charge_id LOOP
        UPDATE charge SET invoice_id = line.invoice_id
         WHERE id = line.charge_id AND invoice_id IS NULL AND cancelled_at IS NULL AND amount = line.amount
           AND customer_id = (SELECT customer_id FROM reference.invoice WHERE invoice.id = line.invoice_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a line bills charge %, which is none of its customer''s waiting charges of that amount', line.charge_id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER invoice_line_charges AFTER INSERT ON reference.invoice_line
    REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION reference.carry_charges();
