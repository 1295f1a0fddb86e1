-- The feed of events: its canonical form, its chain, its guards. Version 1. See docs/events.md and docs/decisions/0014.

-- The canonical form of an event: what its digest is taken of. One JSON array as PostgreSQL writes jsonb, in UTF-8; `at` is
-- microseconds since 1970 in UTC, so that no setting of a session changes it. A column that comes later needs a form of its own.
CREATE FUNCTION event_canonical(told event) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT convert_to(jsonb_build_array(
        told.id, (extract(epoch FROM told.at) * 1000000)::bigint, told.actor_id, told.actor_name, told.kind,
        told.subject, told.subject_id, told.counter_id, told.data)::text, 'UTF8')
$$;

-- Each digest is that of the digest before it and its event: feed_chain(digest to start from, canonical form) OVER (ORDER BY …).
CREATE FUNCTION feed_link(before bytea, start bytea, canonical bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(coalesce(before, start) || canonical)
$$;
CREATE AGGREGATE feed_chain(bytea, bytea) (SFUNC = feed_link, STYPE = bytea);

CREATE TRIGGER feed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER feed_mark_kept BEFORE DELETE OR TRUNCATE ON feed_mark
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
