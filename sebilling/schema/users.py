"""Who is asking: signing in and out."""

from typing import Annotated, Final

import strawberry

from sebilling.actor import Role
from sebilling.auth import sessions
from sebilling.schema import ids
from sebilling.schema.access import ANYBODY, EVERYONE, mutation, query
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.payloads import INPUT, Payload, row
from sebilling.schema.reading import Link, Node, one
from sebilling.schema.scalars import Instant


@strawberry.type(description="Someone who may sign in.")
class User:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    username: str = strawberry.field(description="To sign in with.")
    name: str = strawberry.field(description="As it stands on receipts.")
    role: Role = strawberry.field(description="What they may do.")
    counters: list[Counter] = strawberry.field(description="Where a clerk or collector works; empty for the others, who see all.")


USER: Final = Node(
    "app_user",
    {"id": ids.column("user", "{t}.id")} | {name: f"{{t}}.{name}" for name in ("username", "name", "role")},
    {"counters": Link("counter", "{n}.id IN (SELECT counter_id FROM user_counter WHERE user_id = {t}.id)", many=True, order="{n}.code")},
)


@query(EVERYONE, "Who is signed in.")
async def me(info: Info) -> User:
    return await one(info, USER, "t.id = :id", {"id": info.context.signed_in.user_id})


@strawberry.input(description="Who signs in.")
class SignInInput:
    username: str = strawberry.field(description="Upper or lower case.")
    password: str = strawberry.field(description="Never logged.")


@strawberry.type(description="What came of signIn.")
class SignInPayload(Payload):
    token: str | None = strawberry.field(description="Send it as 'Authorization: Bearer …'. It is shown this once.")
    expires_at: Instant | None = strawberry.field(description="When it ends by itself.")
    user: User | None = strawberry.field(description="Who is signed in.")


@mutation(ANYBODY, "Sign in; gives a token that signOut revokes.")
async def sign_in(info: Info, input: Annotated[SignInInput, INPUT]) -> SignInPayload:
    context = info.context
    found = await sessions.sign_in(
        context.parts.database, username=input.username, password=input.password, at=context.at,
        hours=context.parts.settings.token_hours,
    )  # fmt: skip
    context.actor = found.actor
    user = await one(info, USER, "t.id = :id", {"id": found.actor.user_id}, below=("user",))
    return row(token=found.token, expires_at=found.expires_at, user=user)


@strawberry.type(description="What came of signOut.")
class SignOutPayload(Payload):
    signed_out: bool = strawberry.field(description="The token of this request is worth nothing any more.")


@mutation(EVERYONE, "Revoke the token of this request.")
async def sign_out(info: Info) -> SignOutPayload:
    async with info.context.transaction() as session:
        return row(signed_out=await sessions.sign_out(session, info.context.token or ""))


QUERIES: Final = [me]
MUTATIONS: Final = [sign_in, sign_out]
