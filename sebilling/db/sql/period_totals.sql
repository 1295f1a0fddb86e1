-- The invoices of each period and counter in sums, without reading all invoices: what was issued is what the tasks of its runs record, and
-- the few that are void, written off, still owed, or of no run are read by indexes of their own. What is left was paid.
CREATE OR REPLACE VIEW period_billed AS
SELECT period_id, counter_id, sum(moved.invoices)::bigint AS invoices, sum(moved.billed)::bigint AS billed
  FROM (SELECT run.period_id, task.counter_id, sum(task.issued) AS invoices, sum(task.total_amount) AS billed
          FROM generation_task task JOIN generation_run run ON run.id = task.run_id GROUP BY 1, 2
        UNION ALL
        SELECT period_id, counter_id, count(*), sum(total) FROM invoice WHERE run_id IS NULL GROUP BY 1, 2
        UNION ALL
        SELECT period_id, counter_id, 0, -sum(total) FROM invoice WHERE voided_at IS NOT NULL GROUP BY 1, 2) moved
 GROUP BY period_id, counter_id;

CREATE OR REPLACE VIEW period_total AS
SELECT period_id, counter_id, sum(moved.invoices)::bigint AS invoices, sum(moved.billed)::bigint AS billed,
       (sum(moved.billed) - sum(moved.written_off) - sum(moved.outstanding))::bigint AS allocated,
       sum(moved.written_off)::bigint AS written_off, sum(moved.outstanding)::bigint AS outstanding
  FROM (SELECT period_id, counter_id, invoices, billed, 0 AS written_off, 0 AS outstanding FROM period_billed
        UNION ALL
        SELECT period_id, counter_id, 0, 0, sum(written_off), 0 FROM invoice WHERE written_off > 0 GROUP BY 1, 2
        UNION ALL
        SELECT period_id, counter_id, 0, 0, 0, sum(outstanding) FROM invoice WHERE outstanding > 0 GROUP BY 1, 2) moved
 GROUP BY period_id, counter_id;

-- The same of all periods, for a reader of these counters (NULL: all). Read once for a list of periods, and joined to it.
CREATE OR REPLACE FUNCTION period_sums(p_scope bigint[]) RETURNS TABLE (
    period_id bigint, invoices bigint, billed bigint, allocated bigint, written_off bigint, outstanding bigint
) LANGUAGE sql STABLE AS $$
SELECT period.id, coalesce(sum(kept.invoices), 0)::bigint, coalesce(sum(kept.billed), 0)::bigint, coalesce(sum(kept.allocated), 0)::bigint,
       coalesce(sum(kept.written_off), 0)::bigint, coalesce(sum(kept.outstanding), 0)::bigint
  FROM period LEFT JOIN period_total kept ON kept.period_id = period.id AND (p_scope IS NULL OR kept.counter_id = ANY (p_scope))
 GROUP BY period.id
$$;
