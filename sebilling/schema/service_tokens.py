"""Service tokens: scripts sign in with them, each with an account and a role of its own."""

from typing import Annotated, Final

import strawberry

from sebilling.actor import Role
from sebilling.auth import users as verbs
from sebilling.auth.sessions import Lifetimes
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counters_of_user
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.reading import every, one
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import ADMIN, READERS
from sebilling.schema.scopes import CENTRAL
from sebilling.schema.users import User
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Instant


@output("Token of a script, which has an account of its own without a password.", "service_account", scope=CENTRAL)
class ServiceToken:
    id: strawberry.ID = read("Opaque id.", READERS, sql=ids.column(Noun.SERVICE_TOKEN, "{t}.id"))
    user: User = link("The script as a user, as it appears beside what it did.", READERS, "app_user", "{n}.id = {t}.id")
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
    counter_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of counters, only for the roles CLERK and COLLECTOR."
    )
    days: int = strawberry.field(default=365, description="Validity in days, 1 to 3650.")


@payload("Result of createServiceToken.")
class CreateServiceTokenPayload(Payload):
    service_token: ServiceToken | None = strawberry.field(description="Service account of the token.")
    token: str | None = strawberry.field(description="Secret to send as 'Authorization: Bearer …'. Shown only once.")


@mutation(ADMIN, "Create a token for a script, with its own role. It cannot sign in by password.")
async def create_service_token(info: Info, input: Annotated[CreateServiceTokenInput, INPUT]) -> CreateServiceTokenPayload:
    lifetimes = Lifetimes.of(info.context.parts.settings)
    counter_ids = ids.decode_all(input.counter_ids, Noun.COUNTER, field=("input", "counterIds")) or []
    async with info.context.transaction() as session:
        user_id, tokens = await verbs.create_service(
            session, name=input.name, role=input.role, counter_ids=counter_ids, days=input.days, lifetimes=lifetimes
        )
    shown = await one(info, ServiceToken, "t.id = :id", {"id": user_id}, below=("service_token",))
    return row(service_token=shown, token=tokens.token)


@payload("Result of revokeServiceToken.")
class RevokeServiceTokenPayload(Payload):
    service_token: ServiceToken | None = strawberry.field(description="Service account of the token after the change.")


@input_type("Input of revokeServiceToken.")
class RevokeServiceTokenInput:
    id: strawberry.ID = strawberry.field(description="Id of the service token.")


@mutation(ADMIN, "Revoke a service token immediately.")
async def revoke_service_token(info: Info, input: Annotated[RevokeServiceTokenInput, INPUT]) -> RevokeServiceTokenPayload:
    user_id = ids.decode(input.id, Noun.SERVICE_TOKEN, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.revoke_service(session, user_id)
    return row(service_token=await one(info, ServiceToken, "t.id = :id", {"id": user_id}, below=("service_token",)))


QUERIES: Final = [service_tokens]
MUTATIONS: Final = [create_service_token, revoke_service_token]
