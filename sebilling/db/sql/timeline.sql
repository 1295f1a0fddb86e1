-- A customer's timeline, read from the documents and the event log.

-- The customer whom an event concerns, by its subject or by its payload; NULL if it concerns none, or many. The index event_customer_idx
-- has this very expression.
CREATE OR REPLACE FUNCTION event_customer(p_subject text, p_subject_id bigint, p_data jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_subject = 'customer' THEN p_subject_id ELSE substr(p_data ->> 'customer_id', 5)::bigint END;

-- What happened to customers, to be read for one customer at a time: their events, and their invoices, as the events of generation are
-- about many. `moment` orders the entries, then their ids: of the same instant, the events come after the invoices.
CREATE OR REPLACE VIEW customer_timeline AS
SELECT event.id * 2 + 1 AS id, to_char(event.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US 1') COLLATE "C" AS moment, event.at,
       event_customer(event.subject, event.subject_id, event.data) AS customer_id, event.kind, event.actor_id, event.actor_name,
       event.subject, event.subject_id, event.data
  FROM event
 WHERE event_customer(event.subject, event.subject_id, event.data) IS NOT NULL AND event.kind <> 'generation.started'
UNION ALL
SELECT invoice.id * 2, to_char(invoice.issued_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US 0') COLLATE "C", invoice.issued_at,
       invoice.customer_id, 'invoice.issued', run.requested_by, app_user.name,
       'invoice', invoice.id, jsonb_build_object('number', invoice.number, 'amount', invoice.total, 'due_on', invoice.due_on)
  FROM invoice
  LEFT JOIN generation_run run ON run.id = invoice.run_id
  LEFT JOIN app_user ON app_user.id = run.requested_by;
