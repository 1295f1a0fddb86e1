"""Faults of accounts, rights and limits, of the feed and what is told from it."""

from typing import Final

from tests.mutants.fault import Fault

SIGN_INS: Final = ("tests/auth/test_sign_ins.py",)
LOOKUP: Final = ("tests/auth/test_caller_cache.py",)
RACES: Final = ("tests/concurrency/test_accounts.py",)
TWO_STEP: Final = ("tests/auth/test_totp.py",)
GUESSING: Final = ("tests/auth/test_limits.py",)
COOKIES: Final = ("tests/auth/test_cookies.py",)
EDGE: Final = ("tests/test_headers.py",)
RIGHTS: Final = ("tests/schema/test_access.py",)
DIRECTIVES: Final = ("tests/schema/test_directives.py",)
DECLARATIONS: Final = ("tests/schema/test_declarations.py",)
SECOND_LAYER: Final = ("tests/schema/test_second_layer.py",)
PERMISSIONS: Final = ("tests/schema/test_permissions.py",)
UNREADABLE: Final = ("tests/schema/test_unreadable.py",)
FAST_PATH: Final = ("tests/schema/test_fast_path.py",)
SHAPES: Final = ("tests/fuzz/test_shapes.py",)
DIRECT: Final = ("tests/db/test_direct.py",)
LIMITS: Final = ("tests/schema/test_limits.py",)
RELAY: Final = ("tests/feed/test_relay.py",)
CHAIN: Final = ("tests/feed/test_chain.py",)
LIVE: Final = ("tests/live/test_sockets.py", "tests/live/test_rights.py")

FAULTS: Final = (
    # --- sign-ins ----------------------------------------------------------------------------------------------------------
    Fault(
        "a-revoked-sign-in-lives", "auth/sessions.py",
        "ON sign_in.id = sign_in_id AND revoked_at IS NULL\n      JOIN", "ON sign_in.id = sign_in_id\n      JOIN", SIGN_INS,
    ),
    Fault(
        "a-user-who-is-shut-out-stays-in", "auth/sessions.py",
        "JOIN app_user ON app_user.id = user_id AND active\n     WHERE token_hash",
        "JOIN app_user ON app_user.id = user_id\n     WHERE token_hash", LOOKUP,
    ),
    Fault(
        "an-old-token-is-good-for-ever", "auth/sessions.py",
        "if digest in by_digest and by_digest[digest][0] > at", "if digest in by_digest", SIGN_INS,
    ),
    Fault("everybody-is-who-came-first", "auth/caller_cache.py", "sign_ins.get(request)", "sign_ins.get(batch[0][0])", LOOKUP),
    Fault(
        "judged-by-the-time-of-who-came-first", "auth/sessions.py",
        "by_digest[digest][0] > at", "by_digest[digest][0] > min(moment for _, moment in asked)", LOOKUP,
    ),
    Fault(
        "who-goes-away-takes-the-others-along", "auth/caller_cache.py",
        "return await answer", "return await self._task or answer.result()", LOOKUP,
    ),
    Fault(
        "an-overtaken-refresh-is-good", "auth/sessions.py",
        "if locked.refresh_hash not in {presented, known.parent_hash}:", 'if locked.refresh_hash == b"":', SIGN_INS,
    ),
    Fault(
        "a-lost-answer-signs-out", "auth/sessions.py",
        "not in {presented, known.parent_hash}:", "not in {known.parent_hash}:", SIGN_INS,
    ),
    Fault("two-refreshes-dont-wait", "auth/sessions.py", "FOR NO KEY UPDATE OF sign_in", "", RACES),
    Fault(
        "a-changed-password-ends-nothing", "auth/sign_in.py",
        "ended = await sessions.revoke_all(session, user.id, but=keep)", "ended = 0", SIGN_INS,
    ),
    # --- two-step, guessing ------------------------------------------------------------------------------------------------
    Fault("a-code-is-good-twice", "auth/totp.py", "if step > after and", "if", TWO_STEP),
    Fault(
        "a-recovery-code-is-good-twice", "auth/totp.py",
        "AND code_hash = :hash AND used_at IS NULL", "AND code_hash = :hash", TWO_STEP,
    ),
    Fault("a-clock-may-be-minutes-off", "auth/totp.py", "_DRIFT: Final = 1", "_DRIFT: Final = 4", TWO_STEP),
    Fault(
        "two-confirmations-dont-wait", "auth/totp.py",
        'FROM app_user WHERE id = :user FOR NO KEY UPDATE"', 'FROM app_user WHERE id = :user"', RACES,
    ),
    Fault(
        "guesses-are-free", "auth/attempts.py",
        "if len(await session.values(_PAY, bound, kind=bytes)) < len(wanted):",
        "if len(await session.values(_PAY, bound, kind=bytes)) < 0:", GUESSING,
    ),
    Fault(
        "strangers-lock-the-owner-out", "auth/attempts.py",
        'if device is not None:\n        return (_limit(MAX_FAILURES, WITHIN, "device"',
        'if device == "":\n        return (_limit(MAX_FAILURES, WITHIN, "device"', GUESSING,
    ),
    Fault(
        "a-client-says-where-it-comes-from", "auth/addresses.py",
        "if address is None or not _within(address, trusted):", "if address is None:", GUESSING,
    ),
    Fault(
        "a-password-alone-ends-two-step", "auth/totp.py",
        "    await use(session, vault, user_id, code)\n    await end(session, user_id)", "    await end(session, user_id)", TWO_STEP,
    ),
    # --- browsers, the edge ------------------------------------------------------------------------------------------------
    Fault(
        "any-site-may-use-the-cookie", "schema/request/cookies.py",
        "return bool(request.headers.get(PREFLIGHT)) and (origin is None or is_same)", "return True", COOKIES,
    ),
    Fault("a-socket-of-any-site-is-ours", "schema/request/cookies.py", "        return is_same\n", "        return True\n", COOKIES),
    Fault(
        "an-unencrypted-page-is-ours", "schema/request/cookies.py",
        'if is_secure and origin_of_page.scheme != "https":', 'if is_secure and origin_of_page.scheme == "":', COOKIES,
    ),
    Fault(
        "rows-of-all-in-everybodys-page", "schema/request/endpoint.py", "caller is not None and caller.actor.role in READERS", "True",
        ("tests/schema/test_examples.py::test_only_who_may_read_all_rows_is_shown_any",),
    ),
    Fault(
        "strangers-read-the-schema", "schema/request/document_cache.py",
        "if entry.introspects and not self._sees_schema:", 'if entry.introspects and self.introspection == "nobody":',
        ("tests/test_app.py::test_the_schema_is_for_who_is_signed_in",),
    ),
    Fault(
        "a-nul-goes-through", "schema/request/characters.py",
        'check_text(value, field=path)', 'check_text(value[:1], field=path)', ("tests/schema/test_texts.py",),
    ),
    Fault(
        "a-ticket-is-valid-twice", "auth/tickets.py",
        '"DELETE FROM subscription_ticket WHERE ticket_hash = :ticket RETURNING access_token_hash, expires_at"',
        '"SELECT access_token_hash, expires_at FROM subscription_ticket WHERE ticket_hash = :ticket"',
        ("tests/live/test_tickets.py::test_a_ticket_is_valid_once_wherever_it_is_shown",),
    ),
    Fault(
        "the-first-of-several-operations-is-executed", "schema/request/document_cache.py",
        "if operation is None and context._provided_operation_name is None:",
        "if operation is None and not context:",
        ("tests/schema/test_over_http.py::test_of_several_operations_none_is_chosen_for_the_client",),
    ),
    Fault(
        "a-hash-names-another-text", "schema/request/persisted_queries.py",
        "if hashlib.sha256(query.encode()).hexdigest() != digest:", "if not digest:",
        ("tests/schema/test_over_http.py::test_a_hash_must_be_that_of_the_text_and_well_formed",),
    ),
    Fault(
        "scripts-read-the-cookie", "schema/request/cookies.py",
        'max_age=age, path="/", secure=origin.is_secure, httponly=True',
        'max_age=age, path="/", secure=origin.is_secure, httponly=False', COOKIES,
    ),
    Fault(
        "any-name-is-ours", "edge.py",
        "len(hosts) == 1 and self._names.include(hosts[0])", "len(hosts) != 1 or self._names.include(hosts[0])", EDGE,
    ),
    Fault(
        "unexpected-errors-are-told", "schema/request/errors.py",
        'shown["message"] = _MASKED[language].format(reference=reference)', "pass", ("tests/schema/test_bad_input.py",),
    ),
    Fault("requests-are-logged-with-secrets", "logs.py", "return _known_without_secrets(value) if", "return value if", EDGE),
    Fault("tokens-stand-in-the-log", "logs.py", 'r"|\\bsb[a-z]_[\\w-]{8,}"', 'r"|\\bsbx_[\\w-]{8,}"', EDGE),
    # --- rights ------------------------------------------------------------------------------------------------------------
    Fault(
        "every-role-may-ask", "schema/request/access.py",
        "if roles is not ANYBODY and not caller_roles <= roles:", "if roles is not ANYBODY and not caller_roles:", RIGHTS,
    ),
    Fault(
        "every-role-reads-every-field", "schema/request/access.py",
        "if not caller_roles <= readers:", "if not caller_roles:", ("tests/schema/test_matrix.py",),
    ),
    Fault(
        "one-field-for-all-opens-the-others", "schema/request/access.py",
        "                readers &= _readers(type_name, field)\n", "                readers |= _readers(type_name, field)\n", DIRECTIVES,
    ),
    Fault(
        "rights-and-plans-by-the-first-field", "schema/engine/selections.py",
        "return roots[raw.path.key]", "return roots[raw.path.key][:1]", DIRECTIVES,
    ),
    Fault(
        "rights-of-what-came-first", "schema/engine/selections.py",
        "node.selection_set, everyone) for node in nodes(info)", "node.selection_set, everyone) for node in raw.field_nodes", DIRECTIVES,
    ),
    Fault(
        "plans-of-what-came-first", "schema/engine/objects.py",
        "for node in selections.nodes(info):", "for node in selections.raw_of(info).field_nodes:", DIRECTIVES,
    ),
    Fault(
        "operations-share-rights-and-plans", "schema/engine/selections.py",
        "return id(raw.operation), raw.path.key", "return 0, raw.path.key", DIRECTIVES,
    ),
    Fault("a-page-of-every-counter", "schema/engine/pages.py", "'t.counter_id = seen.id', *resume", "*resume", SECOND_LAYER),
    Fault(
        "fast-path-without-counting", "schema/request/endpoint.py",
        "with self._turn(context):\n            if request.query", "if True:\n            if request.query", FAST_PATH,
    ),
    Fault(
        "fast-path-without-limits", "schema/request/fast_path.py",
        "check_request(query.kept, own_name.value if own_name is not None else None, values_sent)", "pass", FAST_PATH
    ),
    Fault(
        "a-mutation-is-done-again-to-tell", "schema/request/fast_path.py",
        "return await self._told(request, context, _raising(error))", "return None", FAST_PATH,
    ),
    Fault("early-for-any-host", "early_answers.py", "self._hosts.include(headers.get(b\"host\", b\"\"))", "True", FAST_PATH),
    Fault(
        "early-whatever-the-headers", "early_answers.py",
        "elif name not in _READ_NOWHERE:\n                return None", "elif name not in _READ_NOWHERE:\n                pass", FAST_PATH,
    ),
    Fault("what-is-withheld-is-read", "schema/engine/bounds.py", "None if self.role in readers else readers", "None", PERMISSIONS),
    Fault(
        "a-mutation-is-done-and-refused", "schema/request/access.py",
        "_allow(info, function.__name__, whole=True)  # what", "_allow(info, function.__name__)  # what", ("tests/schema/test_matrix.py",),
    ),
    Fault("every-role-may-all", "schema/permissions.py", "if role in RULES[permission.value]", "if RULES[permission.value]", PERMISSIONS),
    Fault("one-bad-time-fails-the-batch", "schema/payments.py", 'apart=("input", "payments"),', "", UNREADABLE),
    Fault("a-far-time-is-internal", "schema/values/scalars.py", "except (OverflowError, TypeError", "except (TypeError", UNREADABLE),
    Fault("fast-path-with-directives", "schema/engine/shapes.py", "        if node.directives:\n            raise NotPlain\n", "", SHAPES),
    Fault(
        "a-mark-is-passed-through", "schema/engine/reading.py",
        "if MARK not in answer:\n            return Shaped(answer)\n    key",
        "if answer:\n            return Shaped(answer)\n    key", SHAPES,
    ),
    Fault(
        "codes-without-a-member-are-the-first", "schema/engine/shapes.py",
        "[array_position(ARRAY[{codes}], {sql}::text)]", "[coalesce(array_position(ARRAY[{codes}], {sql}::text), 1)]", SHAPES,
    ),
    Fault("integers-of-any-size", "schema/engine/shapes.py", "BETWEEN {_SMALLEST_INT} AND", "BETWEEN {_SMALLEST_INT} AND 9 *", SHAPES),
    Fault("a-lost-server-is-asked-again", "db/direct.py", "        self._free.clear()\n", "", DIRECT),
    Fault(
        "a-link-into-every-counter", "schema/engine/bounds.py",
        "if self.bounded and condition and not link.follows else", "if self.bounded and condition and link.follows else", SECOND_LAYER,
    ),
    Fault(
        "tables-without-a-scope-are-everybodys", "schema/engine/declarations.py",
        "if bool(tables) != (scope is not None):", "if scope is not None and not tables:", DECLARATIONS,
    ),
    Fault("fields-of-no-role-are-passed", "schema/engine/declarations.py", "if _RULE not in declared.metadata:", "if False:", DECLARATIONS),
    Fault(
        "inherited-fields-are-everybodys", "schema/engine/declarations.py", "= rule.roles & own", "= rule.roles",
        (*DECLARATIONS, "tests/schema/test_matrix.py"),
    ),
    Fault(
        "central-rows-are-everybodys", "schema/scopes.py",
        'CENTRAL: Final = RowScope("false")', 'CENTRAL: Final = RowScope("")', SECOND_LAYER,
    ),
    # --- limits ------------------------------------------------------------------------------------------------------------
    Fault("no-document-costs-too-much", "schema/request/limits.py", "if self.worst > MAX_COST:", "if self.worst < 0:", LIMITS),
    Fault(
        "no-document-is-too-deep", "schema/request/limits.py",
        "levels + (root.selection_set is not None), most)", "levels * 0, most)", LIMITS,
    ),
    Fault("a-fragment-hides-its-fields", "schema/request/limits.py", "fields + 1 + below.fields", "fields + 1", LIMITS),
    Fault(
        "a-batch-is-taken", "schema/request/endpoint.py",
        'raise LimitExceeded(limit=Limit.BATCH, given=len(request_data), most=1)', "return", LIMITS,
    ),
    # --- the feed ----------------------------------------------------------------------------------------------------------
    Fault("who-commits-late-is-lost", "jobs/relay.py", "if self._mark.writers:", "if not self._mark:", RELAY),
    Fault(
        "half-a-turn-is-lost", "jobs/relay.py",
        "min(settled, added.last_id) if added.events >= self.most and added.last_id is not None else settled", "settled", RELAY,
    ),
    Fault(
        "a-plan-of-an-empty-feed", "jobs/relay.py",
        "(SELECT count(*) FROM event WHERE id > low) > (SELECT count(*) FROM feed WHERE event_id > low) AS is_new,",
        "EXISTS (SELECT FROM event WHERE id > low AND NOT EXISTS (SELECT FROM feed WHERE event_id = event.id AND event_id > low))"
        " AS is_new,",
        ("tests/feed/test_relay.py::test_a_hundred_thousand_that_wait_are_numbered",),
    ),
    Fault("nobody-is-told", "jobs/relay.py", "if self._last > self._told and", "if self._last < self._told and", RELAY),
    Fault("a-digest-of-its-event-alone", "db/sql/feed.sql", "sha256(coalesce(before, start) || canonical)", "sha256(canonical)", CHAIN),
    Fault("a-digest-without-the-data", "db/sql/feed.sql", "told.counter_id, told.data)::text", "told.counter_id)::text", CHAIN),
    Fault("a-reader-gets-the-last-one-twice", "feed.py", "FROM feed WHERE number > :number", "FROM feed WHERE number >= :number", RELAY),
    # --- what is told live -------------------------------------------------------------------------------------------------
    Fault(
        "who-resumes-misses-one", "live/groups.py",
        "position.number = await self._catch_up(group, follower, position.user, position.number)",
        "position.number = await self._catch_up(group, follower, position.user, position.number + 1)", LIVE,
    ),
    Fault(
        "who-joins-late-is-told-twice", "live/groups.py",
        "if number > position.number and", "if", ("tests/live/test_groups.py",),
    ),
    Fault(
        "who-joins-during-a-turn-misses-it", "live/groups.py", "group.number = turned.look.number",
        'asyncio.get_running_loop().call_later(0.1, setattr, group, "number", turned.look.number)', ("tests/live/test_groups.py",),
    ),
    Fault(
        "counters-do-not-part-groups", "live/groups.py", "who = (actor.role, actor.scope.counters,", "who = (actor.role, None,",
        ("tests/live/test_groups.py",),
    ),
    Fault("rights-are-never-looked-up-again", "live/hub.py", "event.subject_id in self._watchers:", "event.subject_id in ():", LIVE),
    Fault(
        "what-waits-for-a-client-has-no-bound", "live/connection.py",
        "if len(self._waiting) >= MAX_WAITING or self._characters > MAX_WAITING_CHARACTERS:",
        "if self._characters < 0:", ("tests/live/test_slow.py",),
    ),
)  # fmt: skip
