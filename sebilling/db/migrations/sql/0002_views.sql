-- What follows from the documents. Nothing here is stored, so nothing can drift. Version 1.

-- A drawer: what a collector holds in cash of a counter. on_hand = received - refunded - deposited + difference; it is never
-- below nothing, because what leaves it is checked under the lock of its collector.
CREATE VIEW drawer AS
SELECT counter_id, collector_id, sum(received)::bigint AS received, sum(refunded)::bigint AS refunded,
       sum(deposited)::bigint AS deposited, sum(difference)::bigint AS difference, sum(waiting)::bigint AS waiting,
       sum(received - refunded - deposited + difference)::bigint AS on_hand
  FROM (SELECT counter_id, received_by AS collector_id, amount AS received, 0 AS refunded, 0 AS deposited, 0 AS difference, 0 AS waiting
          FROM payment WHERE method = 'CASH' AND reversed_at IS NULL
        UNION ALL
        SELECT counter_id, refunded_by, 0, amount, 0, 0, 0 FROM refund WHERE method = 'CASH'
        UNION ALL
        SELECT counter_id, collector_id, 0, 0, counted, deposit_decision.difference, 0
          FROM deposit JOIN deposit_decision ON deposit_id = deposit.id WHERE status = 'VERIFIED'
        UNION ALL
        SELECT counter_id, collector_id, 0, 0, 0, 0, amount FROM deposit WHERE status = 'SUBMITTED') moved
 GROUP BY counter_id, collector_id;

-- The journal: every document as rows of debit, credit and an amount above nothing, so that it balances by construction.
-- Accounts: RECEIVABLE piutang, REVENUE pendapatan, TAX_PAYABLE PPN keluaran, CREDIT titipan pelanggan, CASH_ON_HAND kas di
-- kolektor, CENTRAL_CASH kas pusat, BANK, BAD_DEBT piutang tak tertagih, SHORTAGE and SURPLUS selisih setoran.
-- `id` is the document's id and the kind of row, so that pages by it stay right while rows are added.
CREATE VIEW journal AS
WITH billed AS NOT MATERIALIZED (
    SELECT invoice.*, coalesce((SELECT sum(amount) FROM invoice_line WHERE invoice_id = invoice.id AND kind = 'TAX'), 0)::bigint AS tax
      FROM invoice
)
SELECT entry.id * 32 + entry.code AS id, (entry.posted_at AT TIME ZONE counter.timezone)::date AS posted_on, entry.posted_at,
       entry.counter_id, entry.document, entry.id AS document_id, entry.reference, entry.debit, entry.credit, entry.amount
  FROM (
    SELECT id, 1 AS code, issued_at AS posted_at, counter_id, 'invoice' AS document, number AS reference,
           'RECEIVABLE' AS debit, 'REVENUE' AS credit, total - tax AS amount FROM billed
    UNION ALL
    SELECT id, 2, issued_at, counter_id, 'invoice', number, 'RECEIVABLE', 'TAX_PAYABLE', tax FROM billed
    UNION ALL
    SELECT id, 3, invoice_void.voided_at, counter_id, 'invoice_void', number, 'REVENUE', 'RECEIVABLE', total - tax
      FROM billed JOIN invoice_void ON invoice_id = id
    UNION ALL
    SELECT id, 4, invoice_void.voided_at, counter_id, 'invoice_void', number, 'TAX_PAYABLE', 'RECEIVABLE', tax
      FROM billed JOIN invoice_void ON invoice_id = id
    UNION ALL
    SELECT id, 5, received_at, payment.counter_id, 'payment', number, CASE method WHEN 'CASH' THEN 'CASH_ON_HAND' ELSE 'BANK' END,
           'CREDIT', amount
      FROM payment JOIN receipt ON payment_id = payment.id
    UNION ALL
    SELECT id, 6, payment_reversal.reversed_at, payment.counter_id, 'payment_reversal', number, 'CREDIT',
           CASE method WHEN 'CASH' THEN 'CASH_ON_HAND' ELSE 'BANK' END, amount
      FROM payment JOIN payment_reversal ON payment_reversal.payment_id = id JOIN receipt ON receipt.payment_id = id
    UNION ALL
    SELECT allocation.id, 7, allocated_at, counter_id, 'allocation', number, 'CREDIT', 'RECEIVABLE', amount
      FROM allocation JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT allocation.id, 8, deallocated_at, counter_id, 'deallocation', number, 'RECEIVABLE', 'CREDIT', amount
      FROM deallocation JOIN allocation ON allocation.id = allocation_id JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT write_off.id, 9, written_off_at, counter_id, 'write_off', number, 'BAD_DEBT', 'RECEIVABLE', amount
      FROM write_off JOIN invoice ON invoice.id = invoice_id
    UNION ALL
    SELECT refund.id, 10, refunded_at, refund.counter_id, 'refund', number, 'CREDIT',
           CASE method WHEN 'CASH' THEN 'CASH_ON_HAND' ELSE 'BANK' END, amount
      FROM refund JOIN receipt USING (payment_id)
    UNION ALL
    SELECT id, 11, decided_at, counter_id, 'deposit', 'SETOR/' || id, CASE type WHEN 'TRANSFER' THEN 'BANK' ELSE 'CENTRAL_CASH' END,
           'CASH_ON_HAND', counted
      FROM deposit JOIN deposit_decision ON deposit_id = id WHERE verified
    UNION ALL
    SELECT id, 12, decided_at, counter_id, 'deposit', 'SETOR/' || id, CASE WHEN difference > 0 THEN 'CASH_ON_HAND' ELSE 'SHORTAGE' END,
           CASE WHEN difference > 0 THEN 'SURPLUS' ELSE 'CASH_ON_HAND' END, abs(difference)
      FROM deposit JOIN deposit_decision ON deposit_id = id WHERE verified
  ) entry
  JOIN counter ON counter.id = entry.counter_id
 WHERE entry.amount > 0;
