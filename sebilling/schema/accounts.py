"""Accounts as managed by admins: users who may sign in, and service tokens for scripts."""

from typing import Annotated, Final

import strawberry

from sebilling.actor import Role
from sebilling.auth import passwords, totp
from sebilling.auth import users as verbs
from sebilling.auth.sessions import Lifetimes
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counters_of_user
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.engine.pages import Conditions, Order
from sebilling.schema.engine.reading import every, one, page
from sebilling.schema.engine.scopes import CENTRAL
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import ADMIN, READERS
from sebilling.schema.values import ids
from sebilling.schema.values.connections import After, Connection, First
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Instant


@output("User account, as shown to admins and auditors.", "account", scope=CENTRAL)
class Account:
    id: strawberry.ID = read("Opaque id, the same as the id of the User.", READERS, sql=ids.column(Noun.USER, "{t}.id"))
    username: str = read("Name for signing in; never changes.", READERS)
    name: str = read("Full name, as printed on receipts.", READERS)
    role: Role = read("Role, which decides what the user may do.", READERS)
    counters: list[Counter] = counters_of_user(READERS)
    active: bool = read("Whether the user may sign in.", READERS)
    must_change_password: bool = read("Whether the user has a one-time password, which must be changed at the next sign-in.", READERS)
    two_step: bool = read("Whether two-step sign-in is on.", READERS)
    created_at: Instant = read("Time at which the account was created.", READERS)
    last_used_at: Instant | None = read("Time of the user's last request, accurate to one hour; null if there was none lately.", READERS)


_BY_USERNAME: Final = Order("username", "{t}.username", "text")


@query(READERS, "List all user accounts, by username.")
async def users(
    info: Info,
    first: First = 50,
    after: After = None,
    active: Annotated[
        bool | None, strawberry.argument(description="Whether to list only users who may sign in (true) or may not (false).")
    ] = None,
    role: Annotated[Role | None, strawberry.argument(description="Role of the users to list.")] = None,
) -> Connection[Account]:
    conditions: Conditions = {}
    if active is not None:
        conditions["t.active" if active else "NOT t.active"] = {}
    if role is not None:
        conditions["t.role = :role"] = {"role": role.value}
    return await page(info, Account, first=first, after=after, order=_BY_USERNAME, conditions=conditions)


@payload("Result of a mutation of an account.")
class AccountPayload(Payload):
    user: Account | None = strawberry.field(description="Account after the change.")


@payload("Result of createUser or resetPassword.")
class OneTimePasswordPayload(Payload):
    user: Account | None = strawberry.field(description="Account after the change.")
    one_time_password: str | None = strawberry.field(
        description="One-time password to hand to the user. Shown only once, valid for 72 hours, and must be changed at the first sign-in."
    )


@input_type("Input of createUser.")
class CreateUserInput:
    username: str = strawberry.field(description="Unique name for signing in, which never changes: 2 to 64 letters, digits, . _ @ -.")
    name: str = strawberry.field(description="Full name, as printed on receipts.")
    role: Role = strawberry.field(description="Role, which decides what the user may do.")
    counters: list[str] = strawberry.field(
        default_factory=list, description="Codes of the counters of a clerk or collector; must be empty for other roles."
    )


@mutation(ADMIN, "Create a user with a one-time password.")
async def create_user(info: Info, input: Annotated[CreateUserInput, INPUT]) -> OneTimePasswordPayload:
    password = passwords.random_password()
    hashed = await passwords.hashed(password)
    async with info.context.transaction() as session:
        user_id = await verbs.create(
            session, username=input.username, name=input.name, role=input.role, password_hash=hashed, counters=input.counters, one_time=True
        )
    return row(user=await _shown(info, user_id), one_time_password=password)


async def _shown(info: Info, user_id: int) -> object:
    return await one(info, Account, "t.id = :id", {"id": user_id}, below=("user",))


@input_type("Changes to a user; fields that are left out keep their value.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description="Id of the user.")
    name: str | None = strawberry.field(default=None, description="Full name, as printed on receipts.")
    role: Role | None = strawberry.field(
        default=None, description="New role. Nobody can change their own role, and the last active ADMIN keeps theirs."
    )
    counters: list[str] | None = strawberry.field(default=None, description="Codes of all the user's counters, not only the added ones.")
    active: bool | None = strawberry.field(
        default=None, description="Whether the user may sign in; false signs them out everywhere at once."
    )


@mutation(ADMIN, "Change a user's name, role or counters, or deactivate the user. Takes effect with the next request.")
async def update_user(info: Info, input: Annotated[UpdateUserInput, INPUT]) -> AccountPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    changes = verbs.Changes(name=input.name, role=input.role, counters=input.counters, active=input.active)
    async with info.context.transaction() as session:
        await verbs.update(session, user_id, changes)
    return row(user=await _shown(info, user_id))


@input_type("Id of a user or service account.")
class UserIdInput:
    id: strawberry.ID = strawberry.field(description="Id of the user or service account.")


@mutation(ADMIN, "Give another user a one-time password and sign them out everywhere.")
async def reset_password(info: Info, input: Annotated[UserIdInput, INPUT]) -> OneTimePasswordPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    password = passwords.random_password()
    hashed = await passwords.hashed(password)
    async with info.context.transaction() as session:
        await verbs.reset_password(session, user_id, password_hash=hashed)
    return row(user=await _shown(info, user_id), one_time_password=password)


@mutation(ADMIN, "Turn off two-step sign-in for another user whose authenticator and recovery codes are lost.")
async def reset_totp(info: Info, input: Annotated[UserIdInput, INPUT]) -> AccountPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.check_may_administer(session, user_id)
        await totp.end(session, user_id, by_admin=True)
    return row(user=await _shown(info, user_id))


@output("Token of a script: a service account without a password.", "service_account", scope=CENTRAL)
class ServiceToken:
    id: strawberry.ID = read("Opaque id.", READERS, sql=ids.column(Noun.USER, "{t}.id"))
    name: str = read("Name of the script, as shown in the event log.", READERS)
    role: Role = read("Role, which decides what the script may do; never ADMIN.", READERS)
    counters: list[Counter] = counters_of_user(READERS)
    active: bool = read("Whether the token is still valid; false once it is revoked.", READERS)
    created_at: Instant = read("Time at which the token was created.", READERS)
    expires_at: Instant = read("Time at which the token expires.", READERS)
    last_used_at: Instant | None = read("Time at which the token was last used, accurate to one hour.", READERS)


@query(READERS, "List all service tokens, by name, including revoked ones. The secret tokens themselves are never shown again.")
async def service_tokens(info: Info) -> list[ServiceToken]:
    tokens: list[ServiceToken] = await every(info, ServiceToken, order="t.name")
    return tokens


@input_type("Input of createServiceToken.")
class CreateServiceTokenInput:
    name: str = strawberry.field(description="Name of the script: 2 to 64 letters, digits, . _ -; only one active token per name.")
    role: Role = strawberry.field(description="Role of the script; choose the least privileged one that works. ADMIN is refused.")
    counters: list[str] = strawberry.field(default_factory=list, description="Codes of counters, only for the roles CLERK and COLLECTOR.")
    days: int = strawberry.field(default=365, description="Validity in days, 1 to 3650.")


@payload("Result of createServiceToken.")
class CreateServiceTokenPayload(Payload):
    service_token: ServiceToken | None = strawberry.field(description="Service account of the token.")
    token: str | None = strawberry.field(description="Secret to send as 'Authorization: Bearer …'. Shown only once.")


@mutation(ADMIN, "Create a token for a script, with its own role. It cannot sign in by password.")
async def create_service_token(info: Info, input: Annotated[CreateServiceTokenInput, INPUT]) -> CreateServiceTokenPayload:
    lifetimes = Lifetimes.of(info.context.parts.settings)
    async with info.context.transaction() as session:
        user_id, tokens = await verbs.create_service(
            session, name=input.name, role=input.role, counters=input.counters, days=input.days, lifetimes=lifetimes
        )
    shown = await one(info, ServiceToken, "t.id = :id", {"id": user_id}, below=("service_token",))
    return row(service_token=shown, token=tokens.token)


@payload("Result of revokeServiceToken.")
class RevokeServiceTokenPayload(Payload):
    service_token: ServiceToken | None = strawberry.field(description="Service account of the token after the change.")


@mutation(ADMIN, "Revoke a service token immediately.")
async def revoke_service_token(info: Info, input: Annotated[UserIdInput, INPUT]) -> RevokeServiceTokenPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.revoke_service(session, user_id)
    return row(service_token=await one(info, ServiceToken, "t.id = :id", {"id": user_id}, below=("service_token",)))


QUERIES: Final = [users, service_tokens]
MUTATIONS: Final = [create_user, update_user, reset_password, reset_totp, create_service_token, revoke_service_token]
