"""Accounts, as admins keep them: people who may sign in, and tokens of scripts."""

from typing import Annotated, Final

import strawberry

from sebilling.actor import Role
from sebilling.auth import passwords, totp
from sebilling.auth import users as verbs
from sebilling.auth.sessions import Lifetimes
from sebilling.schema.counters import Counter
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import ADMIN, READERS, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Conditions, Link, Node, Order, every, one, page
from sebilling.schema.engine.scalars import Instant

_COUNTERS: Final = Link("counter", "{n}.id IN (SELECT counter_id FROM user_counter WHERE user_id = {t}.id)", many=True, order="{n}.code")


@strawberry.type(description="Someone who may sign in, as admins and auditors see them.")
class Account:
    id: strawberry.ID = strawberry.field(description="Opaque id, the same as that of the User.")
    username: str = strawberry.field(description="To sign in with; never changes.")
    name: str = strawberry.field(description="As it stands on receipts.")
    role: Role = strawberry.field(description="What they may do.")
    counters: list[Counter] = strawberry.field(description="Where a clerk or collector works; empty for the others, who see all.")
    active: bool = strawberry.field(description="Whether they may sign in.")
    must_change_password: bool = strawberry.field(description="They have a one-time password, to be changed at their next sign-in.")
    two_step: bool = strawberry.field(description="Whether a code is asked for at their sign-in.")
    created_at: Instant = strawberry.field(description="Since when they are here.")
    last_used_at: Instant | None = strawberry.field(description="When they last asked for anything, within an hour; null: not lately.")


ACCOUNT: Final = Node(
    "account",
    {"id": ids.column("user", "{t}.id")}
    | {
        name: f"{{t}}.{name}"
        for name in ("username", "name", "role", "active", "must_change_password", "two_step", "created_at", "last_used_at")
    },
    {"counters": _COUNTERS},
)
_BY_USERNAME: Final = Order("username", "{t}.username", "text")


@query(READERS, "All accounts of people, by user name.")
async def users(
    info: Info,
    first: First = 50,
    after: After = None,
    active: Annotated[bool | None, strawberry.argument(description="Only those who may sign in, or may not.")] = None,
    role: Annotated[Role | None, strawberry.argument(description="Only these.")] = None,
) -> Connection[Account]:
    conditions: Conditions = {}
    if active is not None:
        conditions["t.active" if active else "NOT t.active"] = {}
    if role is not None:
        conditions["t.role = :role"] = {"role": role.value}
    return await page(info, ACCOUNT, first=first, after=after, order=_BY_USERNAME, conditions=conditions)


@strawberry.type(description="What came of a mutation of an account.")
class AccountPayload(Payload):
    user: Account | None = strawberry.field(description="The account as it is now.")


@strawberry.type(description="What came of createUser or resetPassword.")
class OneTimePasswordPayload(Payload):
    user: Account | None = strawberry.field(description="The account as it is now.")
    one_time_password: str | None = strawberry.field(
        description="To be handed to them. It is shown this once, good for 72 hours, and must be changed at the first sign-in."
    )


@strawberry.input(description="A new user.")
class CreateUserInput:
    username: str = strawberry.field(description="2 to 64 letters, digits, . _ @ -; unique, and never changes.")
    name: str = strawberry.field(description="As it stands on receipts.")
    role: Role = strawberry.field(description="What they may do.")
    counters: list[str] = strawberry.field(default_factory=list, description="Codes of a clerk's or collector's counters; none for others.")


@mutation(ADMIN, "Add a user, with a one-time password.")
async def create_user(info: Info, input: Annotated[CreateUserInput, INPUT]) -> OneTimePasswordPayload:
    password = passwords.random_password()
    hashed = await passwords.hashed(password)
    async with info.context.transaction() as session:
        user_id = await verbs.create(
            session, username=input.username, name=input.name, role=input.role, password_hash=hashed, counters=input.counters, one_time=True
        )
    return row(user=await _shown(info, user_id), one_time_password=password)


async def _shown(info: Info, user_id: int) -> object:
    return await one(info, ACCOUNT, "t.id = :id", {"id": user_id}, below=("user",))


@strawberry.input(description="Changes of a user; what is left out stays.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description="Who.")
    name: str | None = strawberry.field(default=None, description="As it stands on receipts.")
    role: Role | None = strawberry.field(default=None, description="Nobody changes their own; the last active ADMIN stays one.")
    counters: list[str] | None = strawberry.field(default=None, description="Codes; all of them, not only the new ones.")
    active: bool | None = strawberry.field(default=None, description="false: they are signed out everywhere at once, and can't sign in.")


@mutation(ADMIN, "Change a user's name, role or counters, or shut them out. It counts from the next request on.")
async def update_user(info: Info, input: Annotated[UpdateUserInput, INPUT]) -> AccountPayload:
    user_id = ids.decode(input.id, "user", field=("input", "id"))
    changes = verbs.Changes(name=input.name, role=input.role, counters=input.counters, active=input.active)
    async with info.context.transaction() as session:
        await verbs.update(session, user_id, changes)
    return row(user=await _shown(info, user_id))


@strawberry.input(description="Which user.")
class UserIdInput:
    id: strawberry.ID = strawberry.field(description="Their id.")


@mutation(ADMIN, "Give somebody else a one-time password. They are signed out everywhere.")
async def reset_password(info: Info, input: Annotated[UserIdInput, INPUT]) -> OneTimePasswordPayload:
    user_id = ids.decode(input.id, "user", field=("input", "id"))
    password = passwords.random_password()
    hashed = await passwords.hashed(password)
    async with info.context.transaction() as session:
        await verbs.reset_password(session, user_id, password_hash=hashed)
    return row(user=await _shown(info, user_id), one_time_password=password)


@mutation(ADMIN, "Turn somebody else's two-step sign-in off, when their authenticator and recovery codes are lost.")
async def reset_totp(info: Info, input: Annotated[UserIdInput, INPUT]) -> AccountPayload:
    user_id = ids.decode(input.id, "user", field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.check_may_administer(session, user_id)
        await totp.end(session, user_id, by_admin=True)
    return row(user=await _shown(info, user_id))


@strawberry.type(description="A token of a script: an account of its own, without a password.")
class ServiceToken:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="What the script is called; as it stands in the event log.")
    role: Role = strawberry.field(description="What it may do; never ADMIN.")
    counters: list[Counter] = strawberry.field(description="Where it may do so, as a clerk or collector; empty for other roles.")
    active: bool = strawberry.field(description="false: it was revoked.")
    created_at: Instant = strawberry.field(description="When the token was made.")
    expires_at: Instant = strawberry.field(description="When it ends by itself.")
    last_used_at: Instant | None = strawberry.field(description="When it was last used, within an hour.")


SERVICE_TOKEN: Final = Node(
    "service_account",
    {"id": ids.column("user", "{t}.id")}
    | {name: f"{{t}}.{name}" for name in ("name", "role", "active", "created_at", "expires_at", "last_used_at")},
    {"counters": _COUNTERS},
)


@query(READERS, "All service tokens, by name, the revoked ones too. The tokens themselves are never shown again.")
async def service_tokens(info: Info) -> list[ServiceToken]:
    found: list[ServiceToken] = await every(info, SERVICE_TOKEN, order="t.name")
    return found


@strawberry.input(description="A token for a script.")
class CreateServiceTokenInput:
    name: str = strawberry.field(description="2 to 64 letters, digits, . _ -; one living token per name.")
    role: Role = strawberry.field(description="The narrowest that does; ADMIN is refused.")
    counters: list[str] = strawberry.field(default_factory=list, description="Codes, for the roles CLERK and COLLECTOR alone.")
    days: int = strawberry.field(default=365, description="How long it is good, 1 to 3650.")


@strawberry.type(description="What came of createServiceToken.")
class CreateServiceTokenPayload(Payload):
    service_token: ServiceToken | None = strawberry.field(description="The token's account.")
    token: str | None = strawberry.field(description="To be sent as 'Authorization: Bearer …'. It is shown this once.")


@mutation(ADMIN, "Make a token for a script, with a role of its own. It can't sign in by password.")
async def create_service_token(info: Info, input: Annotated[CreateServiceTokenInput, INPUT]) -> CreateServiceTokenPayload:
    lifetimes = Lifetimes.of(info.context.parts.settings)
    async with info.context.transaction() as session:
        user_id, tokens = await verbs.create_service(
            session, name=input.name, role=input.role, counters=input.counters, days=input.days, lifetimes=lifetimes
        )
    shown = await one(info, SERVICE_TOKEN, "t.id = :id", {"id": user_id}, below=("service_token",))
    return row(service_token=shown, token=tokens.token)


@strawberry.type(description="What came of revokeServiceToken.")
class RevokeServiceTokenPayload(Payload):
    service_token: ServiceToken | None = strawberry.field(description="The token's account, as it is now.")


@mutation(ADMIN, "End a service token at once.")
async def revoke_service_token(info: Info, input: Annotated[UserIdInput, INPUT]) -> RevokeServiceTokenPayload:
    user_id = ids.decode(input.id, "user", field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.revoke_service(session, user_id)
    return row(service_token=await one(info, SERVICE_TOKEN, "t.id = :id", {"id": user_id}, below=("service_token",)))


QUERIES: Final = [users, service_tokens]
MUTATIONS: Final = [create_user, update_user, reset_password, reset_totp, create_service_token, revoke_service_token]
