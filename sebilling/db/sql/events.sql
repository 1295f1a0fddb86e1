-- How events are appended. See docs/events.md.

-- Append one event for each subject: the only statement that writes the event log. The arrays are parallel, as array_agg makes them
-- (NULL if there is none); in arrays, thousands of events cost as much as by a plain INSERT. Gives the number of events.
CREATE OR REPLACE FUNCTION append_events(p_at timestamptz, p_actor_id bigint, p_actor_name text, p_kind text, p_subject text,
                              p_subject_ids bigint[], p_counter_ids bigint[], p_data jsonb[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    appended bigint;
BEGIN
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    SELECT p_at, p_actor_id, p_actor_name, p_kind, p_subject, subject_id, counter_id, data
      FROM unnest(p_subject_ids, p_counter_ids, p_data) AS appended (subject_id, counter_id, data);
    GET DIAGNOSTICS appended = ROW_COUNT;
    RETURN appended;
END $$;

-- Append one event.
CREATE OR REPLACE FUNCTION append_event(p_at timestamptz, p_actor_id bigint, p_actor_name text, p_kind text, p_subject text,
                             p_subject_id bigint, p_counter_id bigint, p_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_events(p_at, p_actor_id, p_actor_name, p_kind, p_subject, ARRAY[p_subject_id], ARRAY[p_counter_id], ARRAY[p_data]);
END $$;
