"""Users: the people who may sign in, as others see them and as admins manage them."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.actor import Role
from sebilling.auth import passwords, totp
from sebilling.auth import users as verbs
from sebilling.billing import idempotency, versions
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counters_of_user
from sebilling.schema.engine.declarations import Roles, input_type, link, output, payload, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import ADMIN, EVERYONE, READERS
from sebilling.schema.scopes import COLLEAGUES
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import EXPECTED_VERSION, INPUT, VERSION, Payload, expected, row
from sebilling.schema.values.scalars import Instant

_LAST_USED: Final = "SELECT max(used_at) FROM access_token JOIN sign_in ON sign_in.id = sign_in_id WHERE user_id = {t}.id"


@output("User: a person who may sign in, or the account of a script.", "app_user", scope=COLLEAGUES)
class User:
    id: strawberry.ID = read("Opaque id.", EVERYONE, sql=ids.column(Noun.USER, "{t}.id"))
    name: str = read("Full name, as printed on receipts.", EVERYONE)
    username: str | None = read("Name for signing in; never changes.", READERS)
    version: int | None = read(VERSION, READERS)
    role: Role | None = read("Role, which decides what the user may do.", READERS)
    counters: list[Counter] | None = counters_of_user(READERS)
    active: bool | None = read("Whether the user may sign in.", READERS)
    must_change_password: bool | None = read(
        "Whether the user has a one-time password, which must be changed at the next sign-in.",
        READERS,
        sql="({t}.one_time_until IS NOT NULL)",
    )
    two_step: bool | None = read("Whether two-step sign-in is on.", READERS, sql="({t}.totp_secret IS NOT NULL)")
    created_at: Instant | None = read("Time at which the user was created.", READERS)
    last_used_at: Instant | None = read(
        "Time of the user's last request, accurate to one hour; null if there was none lately.", READERS, sql=f"({_LAST_USED})"
    )


def person(description: str, roles: Roles, column: str) -> Any:
    """Declare a link to the user whose id is in this column of the row. What of them the caller may not read is withheld."""
    return link(description, roles, "app_user", f"{{n}}.id = {{t}}.{column}", follows=True)


_BY_USERNAME: Final = Order("username", "{t}.username", "text")


@query(READERS, "List all people who may sign in, by username.")
async def users(
    info: Info,
    part: Slice,
    active: Annotated[
        bool | None, strawberry.argument(description="Whether to list only users who may sign in (true) or may not (false).")
    ] = None,
    role: Annotated[Role | None, strawberry.argument(description="Role of the users to list.")] = None,
) -> Connection[User]:
    conditions: Conditions = {"NOT t.service": {}}
    if active is not None:
        conditions["t.active" if active else "NOT t.active"] = {}
    if role is not None:
        conditions["t.role = :role"] = {"role": role.value}
    return await page(info, User, part, order=_BY_USERNAME, conditions=conditions)


@payload("Result of updateUser or resetTotp.")
class UserPayload(Payload):
    user: User | None = strawberry.field(description="User after the change.")


_ONE_TIME: Final = "One-time password to hand to the user. Valid for 72 hours, and must be changed at the first sign-in."


@payload("Result of createUser.")
class CreateUserPayload(Payload):
    user: User | None = strawberry.field(description="The new user.")
    one_time_password: str | None = strawberry.field(
        description=f"{_ONE_TIME} Repeating the idempotency key shows it again for 15 minutes, while it is unused; null after that."
    )
    replayed: bool = strawberry.field(description="Whether the key had created this user before, so that nothing was changed now.")


@payload("Result of resetPassword.")
class ResetPasswordPayload(Payload):
    user: User | None = strawberry.field(description="User after the change.")
    one_time_password: str | None = strawberry.field(description=f"{_ONE_TIME} Shown only here.")


@input_type("Input of createUser.")
class CreateUserInput:
    username: str = strawberry.field(description="Unique name for signing in, which never changes: 2 to 64 letters, digits, . _ @ -.")
    name: str = strawberry.field(description="Full name, as printed on receipts.")
    role: Role = strawberry.field(description="Role, which decides what the user may do.")
    idempotency_key: str = strawberry.field(
        description="Idempotency key, 8 to 100 characters, new for each user: repeating it creates no second user."
    )
    counter_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of the counters of a clerk or collector; must be empty for other roles."
    )


@mutation(ADMIN, "Create a user with a one-time password.")
async def create_user(info: Info, input: Annotated[CreateUserInput, INPUT]) -> CreateUserPayload:
    counter_ids = ids.decode_all(input.counter_ids, Noun.COUNTER, field=("input", "counterIds")) or []
    context, username = info.context, input.username.strip().lower()
    password = passwords.repeated_password(context.parts.key, str(context.signed_in.user_id), input.idempotency_key, username)
    new_hash: str | None = await passwords.hashed(password)
    async with context.transaction() as session:
        body = [username, input.name, input.role.value, counter_ids]
        claim = await idempotency.claim(session, "createUser", input.idempotency_key, body, table="app_user")
        if claim.replayed:
            new_hash = await verbs.new_hash(session, claim.result_id)
        else:
            await verbs.create(
                session, username=username, name=input.name, role=input.role, password_hash=new_hash or "",
                counter_ids=counter_ids, one_time=True, user_id=claim.result_id,
            )  # fmt: skip
    # What is told again may have been replaced by resetPassword.
    is_valid = not claim.replayed or (new_hash is not None and await passwords.matches(password, new_hash))
    return row(user=await _shown(info, claim.result_id), one_time_password=password if is_valid else None, replayed=claim.replayed)


async def _shown(info: Info, user_id: int) -> object:
    return await one(info, User, "t.id = :id", {"id": user_id}, below=("user",))


@input_type("Changes to a user; fields that are left out keep their value.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description="Id of the user.")
    name: str | None = strawberry.field(default=None, description="Full name, as printed on receipts.")
    role: Role | None = strawberry.field(
        default=None, description="New role. Nobody can change their own role, and the last active ADMIN keeps theirs."
    )
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of all the user's counters, not only the added ones."
    )
    active: bool | None = strawberry.field(
        default=None, description="Whether the user may sign in; false signs them out everywhere at once."
    )
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=EXPECTED_VERSION)


@mutation(ADMIN, "Change a user's name, role or counters, or deactivate the user. Takes effect with the next request.")
async def update_user(info: Info, input: Annotated[UpdateUserInput, INPUT]) -> UserPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    counter_ids = ids.decode_all(input.counter_ids, Noun.COUNTER, field=("input", "counterIds"))
    async with info.context.transaction() as session:
        changes = verbs.Changes(name=input.name, role=input.role, counter_ids=counter_ids, active=input.active)
        await verbs.check_may_administer(session, user_id)  # its lock comes before the row's
        await versions.expect(session, Noun.USER, user_id, expected(input.expected_version))
        await verbs.update(session, user_id, changes)
    return row(user=await _shown(info, user_id))


@input_type("Input of resetPassword or resetTotp.")
class UserIdInput:
    id: strawberry.ID = strawberry.field(description="Id of the user.")


@mutation(ADMIN, "Give another user a one-time password and sign them out everywhere.")
async def reset_password(info: Info, input: Annotated[UserIdInput, INPUT]) -> ResetPasswordPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    password = passwords.random_password()
    hashed = await passwords.hashed(password)
    async with info.context.transaction() as session:
        await verbs.reset_password(session, user_id, password_hash=hashed)
    return row(user=await _shown(info, user_id), one_time_password=password)


@mutation(ADMIN, "Turn off two-step sign-in for another user whose authenticator and recovery codes are lost.")
async def reset_totp(info: Info, input: Annotated[UserIdInput, INPUT]) -> UserPayload:
    user_id = ids.decode(input.id, Noun.USER, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.check_may_administer(session, user_id)
        await totp.end(session, user_id, by_admin=True)
    return row(user=await _shown(info, user_id))


QUERIES: Final = [users]
MUTATIONS: Final = [create_user, update_user, reset_password, reset_totp]
