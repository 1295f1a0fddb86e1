-- The journal, and which account each code is booked to. Nothing here has an ELSE: a code without an account is refused where it would
-- be written (a foreign key to `payment_method`, CHECK constraints with these functions), and the journal raises an error rather than
-- show it (the domain `journal_account`). billing/journal.py has the same accounts.

-- The account that receives deposits of this type; NULL for a type that isn't named here.
CREATE OR REPLACE FUNCTION deposit_account(p_type text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_type WHEN 'MANUAL' THEN 'CENTRAL_CASH' WHEN 'TRANSFER' THEN 'BANK' END;

-- The account that invoice lines of this kind are booked to; NULL for a kind that isn't named here.
CREATE OR REPLACE FUNCTION line_account(p_kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_kind WHEN 'SUBSCRIPTION' THEN 'REVENUE' WHEN 'PRORATION' THEN 'REVENUE' WHEN 'CHARGE' THEN 'REVENUE'
                       WHEN 'DISCOUNT' THEN 'REVENUE' WHEN 'LATE_FEE' THEN 'REVENUE' WHEN 'TAX' THEN 'TAX_PAYABLE'
                       WHEN 'OPENING' THEN 'OPENING_BALANCE' END;

-- The account that write-offs of this kind are booked to; NULL for a kind that isn't named here.
CREATE OR REPLACE FUNCTION write_off_account(p_kind text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_kind WHEN 'BAD_DEBT' THEN 'BAD_DEBT' WHEN 'LATE_FEE' THEN 'REVENUE' END;

-- An instant of the day, whatever the counter's time zone.
CREATE OR REPLACE FUNCTION noon(p_day date) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (p_day + time '05:00') AT TIME ZONE 'UTC';

-- The journal: every document as rows of debit, credit and an amount above nothing, so that it balances by construction.
-- Accounts: RECEIVABLE piutang, REVENUE pendapatan, TAX_PAYABLE PPN keluaran, CREDIT titipan pelanggan, CASH_ON_HAND kas di
-- kolektor, CENTRAL_CASH kas pusat, BANK, OTHER_RECEIPTS penerimaan lain, BAD_DEBT piutang tak tertagih, SHORTAGE and SURPLUS
-- selisih setoran, OPENING_BALANCE ekuitas saldo awal. Each document is posted on the day in whose recap it stands; opening balances on
-- the last day of their month. `signed` swaps debit and credit where its amount is below nothing.
-- `id` is the document's id and the kind of row, so that pages by it stay right while rows are added.
CREATE OR REPLACE VIEW journal AS
WITH booked AS NOT MATERIALIZED (
    SELECT invoice.*, line.account, line.amount
      FROM invoice CROSS JOIN LATERAL (
           SELECT sum(amount) FILTER (WHERE line_account(kind) = 'REVENUE')::bigint AS revenue,
                  sum(amount) FILTER (WHERE line_account(kind) = 'TAX_PAYABLE')::bigint AS tax,
                  sum(amount) FILTER (WHERE line_account(kind) = 'OPENING_BALANCE')::bigint AS opening
             FROM invoice_line WHERE invoice_id = invoice.id) summed
     CROSS JOIN LATERAL (VALUES ('REVENUE', revenue), ('TAX_PAYABLE', tax), ('OPENING_BALANCE', opening)) line (account, amount)
), recount AS NOT MATERIALIZED (
    SELECT deposit_correction.id, deposit_correction.corrected_at AS at, corrected_on AS day, counter_id, deposit_id, type,
           deposit_correction.counted - counted_before AS counted,
           greatest(deposit_correction.difference, 0) - greatest(difference_before, 0) AS surplus,
           greatest(-deposit_correction.difference, 0) - greatest(-difference_before, 0) AS shortage
      FROM deposit_correction JOIN deposit ON deposit.id = deposit_id
), signed AS NOT MATERIALIZED (
    SELECT id, 13 AS code, at, day, counter_id, deposit_id, deposit_account(type) AS debit, 'CASH_ON_HAND' AS credit, counted AS amount
      FROM recount
    UNION ALL
    SELECT id, 14, at, day, counter_id, deposit_id, 'CASH_ON_HAND', 'SURPLUS', surplus FROM recount
    UNION ALL
    SELECT id, 15, at, day, counter_id, deposit_id, 'SHORTAGE', 'CASH_ON_HAND', shortage FROM recount
)
SELECT entry.id * 32 + entry.code AS id, coalesce(entry.day, (entry.posted_at AT TIME ZONE counter.timezone)::date) AS posted_on,
       entry.posted_at, entry.counter_id, entry.document, entry.id AS document_id, entry.reference, entry.debit::journal_account AS debit,
       entry.credit::journal_account AS credit, entry.amount
  FROM (
    SELECT id, CASE account WHEN 'REVENUE' THEN 1 WHEN 'TAX_PAYABLE' THEN 2 END AS code, issued_at AS posted_at, NULL::date AS day, counter_id,
           'invoice' AS document, number AS reference, 'RECEIVABLE' AS debit, account AS credit, amount
      FROM booked WHERE account <> 'OPENING_BALANCE'
    UNION ALL
    SELECT id, 20, noon(covers_from - 1), covers_from - 1, counter_id, 'invoice', number, 'RECEIVABLE', account, amount
      FROM booked JOIN opening_balance ON invoice_id = id WHERE account = 'OPENING_BALANCE'
    UNION ALL
    SELECT id, CASE account WHEN 'REVENUE' THEN 3 WHEN 'TAX_PAYABLE' THEN 4 WHEN 'OPENING_BALANCE' THEN 21 END, invoice_void.voided_at, NULL,
           counter_id, 'invoice_void', number, account, 'RECEIVABLE', amount
      FROM booked JOIN invoice_void ON invoice_id = id
    UNION ALL
    SELECT id, 5, CASE WHEN account = 'OPENING_BALANCE' THEN noon(received_on) WHEN account <> 'OPENING_BALANCE' THEN received_at END,
           received_on, payment.counter_id, 'payment', number, account, 'CREDIT', amount
      FROM payment JOIN payment_method ON payment_method.code = method JOIN receipt ON payment_id = payment.id
    UNION ALL
    SELECT id, 6, payment_reversal.reversed_at, reversed_on, payment.counter_id, 'payment_reversal', number, 'CREDIT',
           account, amount
      FROM payment JOIN payment_method ON payment_method.code = method JOIN payment_reversal ON payment_reversal.payment_id = id
      JOIN receipt ON receipt.payment_id = id
    UNION ALL
    SELECT allocation.id, 7, allocated_at, NULL, counter_id, 'allocation', number, 'CREDIT', 'RECEIVABLE', amount
      FROM allocation JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT allocation.id, 8, deallocated_at, NULL, counter_id, 'deallocation', number, 'RECEIVABLE', 'CREDIT', amount
      FROM deallocation JOIN allocation ON allocation.id = allocation_id JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT write_off.id, 9, written_off_at, written_off_on, counter_id, 'write_off', number,
           write_off_account(kind), 'RECEIVABLE', amount
      FROM write_off JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT refund.id, 10, refunded_at, refunded_on, refund.counter_id, 'refund', number, 'CREDIT', account, amount
      FROM refund JOIN payment_method ON payment_method.code = method JOIN receipt USING (payment_id)
    UNION ALL
    SELECT id, 11, decided_at, decided_on, counter_id, 'deposit', 'SETOR/' || id, deposit_account(type), 'CASH_ON_HAND',
           deposit_decision.counted
      FROM deposit JOIN deposit_decision ON deposit_id = id WHERE verified
    UNION ALL
    SELECT id, 12, decided_at, decided_on, counter_id, 'deposit', 'SETOR/' || id,
           CASE WHEN deposit_decision.difference > 0 THEN 'CASH_ON_HAND' WHEN deposit_decision.difference < 0 THEN 'SHORTAGE' END,
           CASE WHEN deposit_decision.difference > 0 THEN 'SURPLUS' WHEN deposit_decision.difference < 0 THEN 'CASH_ON_HAND' END, abs(deposit_decision.difference)
      FROM deposit JOIN deposit_decision ON deposit_id = id WHERE verified
    UNION ALL
    SELECT id, code, at, day, counter_id, 'deposit_correction', 'SETOR/' || deposit_id,
           CASE WHEN amount > 0 THEN debit WHEN amount < 0 THEN credit END, CASE WHEN amount > 0 THEN credit WHEN amount < 0 THEN debit END, abs(amount)
      FROM signed
    UNION ALL
    SELECT difference_settlement.id, 16, settled_at, settled_on, counter_id, 'difference_settlement', 'SETOR/' || deposit_id,
           CASE kind WHEN 'SURPLUS' THEN 'SURPLUS' WHEN 'SHORTAGE' THEN 'CASH_ON_HAND' END,
           CASE kind WHEN 'SURPLUS' THEN 'CASH_ON_HAND' WHEN 'SHORTAGE' THEN 'SHORTAGE' END, difference_settlement.amount
      FROM difference_settlement JOIN deposit ON deposit.id = deposit_id
    UNION ALL
    SELECT settlement_id, 17, reversed_at, reversed_on, counter_id, 'settlement_reversal', 'SETOR/' || deposit_id,
           CASE kind WHEN 'SURPLUS' THEN 'CASH_ON_HAND' WHEN 'SHORTAGE' THEN 'SHORTAGE' END,
           CASE kind WHEN 'SURPLUS' THEN 'SURPLUS' WHEN 'SHORTAGE' THEN 'CASH_ON_HAND' END, difference_settlement.amount
      FROM settlement_reversal JOIN difference_settlement ON difference_settlement.id = settlement_id
      JOIN deposit ON deposit.id = deposit_id
    UNION ALL
    SELECT write_off_id, 18, reversed_at, reversed_on, counter_id, 'write_off_reversal', number, 'RECEIVABLE',
           write_off_account(kind), amount
      FROM write_off_reversal JOIN write_off ON write_off.id = write_off_id JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT refund_id, 19, reversed_at, reversed_on, refund.counter_id, 'refund_reversal', number, account, 'CREDIT', amount
      FROM refund_reversal JOIN refund ON refund.id = refund_id JOIN payment_method ON payment_method.code = method
      JOIN receipt USING (payment_id)
  ) entry
  JOIN counter ON counter.id = entry.counter_id
 WHERE entry.amount > 0;
