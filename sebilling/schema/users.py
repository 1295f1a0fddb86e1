"""Who is asking: signing in, going on, signing out."""

from typing import Annotated, Final

import strawberry

from sebilling.actor import Role
from sebilling.auth import sessions
from sebilling.auth import sign_in as entry
from sebilling.auth.sessions import Lifetimes, SignInKind
from sebilling.errors import InvalidText, Unauthenticated
from sebilling.schema.counters import Counter
from sebilling.schema.engine import cookies, ids
from sebilling.schema.engine.access import ANYBODY, EVERYONE, mutation, query
from sebilling.schema.engine.context import Context, Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Link, Node, one
from sebilling.schema.engine.scalars import Instant
from sebilling.vault import Vault


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
    code: str | None = strawberry.field(
        default=None, description="Of the authenticator app, or a recovery code, where two-step sign-in is on. None is good twice."
    )
    new_password: str | None = strawberry.field(
        default=None, description="Instead of a one-time password, as an admin's reset gives it; only with such a one."
    )
    device: str | None = strawberry.field(default=None, description="What the device is called in signIns; else its User-Agent.")
    device_token: str | None = strawberry.field(
        default=None, description="The deviceToken of an earlier sign-in here: others who guess then don't keep you out."
    )
    refreshable: bool = strawberry.field(
        default=False, description="For phones: a short token, and a refreshToken for refreshSignIn. Else one long token, for scripts."
    )
    cookie: bool = strawberry.field(
        default=False,
        description="For browsers: the token comes as a cookie instead of in the answer. Needs the header GraphQL-Require-Preflight,"
        " and so does every request that is signed in by the cookie.",
    )


@strawberry.type(description="What came of signIn.")
class SignInPayload(Payload):
    token: str | None = strawberry.field(
        description="Send it as 'Authorization: Bearer …'. It is shown this once; null with cookie: true, as no script is to read it."
    )
    expires_at: Instant | None = strawberry.field(description="When the token ends by itself.")
    refresh_token: str | None = strawberry.field(description="For refreshSignIn; null unless refreshable was asked for.")
    device_token: str | None = strawberry.field(description="To be kept, and sent with the next signIn here; null with cookie: true.")
    user: User | None = strawberry.field(description="Who is signed in.")


@mutation(ANYBODY, "Sign in; gives a token that signOut revokes.")
async def sign_in(info: Info, input: Annotated[SignInInput, INPUT]) -> SignInPayload:
    context = info.context
    kind = _kind(context, input)
    lifetimes = Lifetimes.of(context.parts.settings)
    asked = entry.Asked(
        username=input.username, password=input.password, code=input.code, new_password=input.new_password,
        device_token=input.device_token or context.origin.device_token, device=input.device or entry.called(context.origin.user_agent),
        network=context.origin.network, kind=kind,
    )  # fmt: skip
    found = await entry.sign_in(context.parts.database, vault_of(context), asked, at=context.at, lifetimes=lifetimes)
    context.actor, tokens = found.actor, found.tokens
    user = await one(info, USER, "t.id = :id", {"id": found.actor.user_id}, below=("user",))
    if kind is SignInKind.COOKIE and context.response is not None:
        seconds = int(lifetimes.cookie.total_seconds())
        cookies.keep(context.response, context.origin, token=tokens.token, device_token=found.device_token, seconds=seconds)
        return row(token=None, expires_at=tokens.expires_at, refresh_token=None, device_token=None, user=user)
    return row(
        token=tokens.token, expires_at=tokens.expires_at, refresh_token=tokens.refresh_token, device_token=found.device_token, user=user
    )


def _kind(context: Context, given: SignInInput) -> SignInKind:
    if not given.cookie:
        return SignInKind.REFRESHABLE if given.refreshable else SignInKind.TOKEN
    place, what = ("input", "cookie"), "A sign-in by cookie"
    if given.refreshable:
        raise InvalidText(field=place, what=what, why="ask for either cookie or refreshable.")
    if not context.origin.is_ours or context.response is None:  # else another site could sign a browser in as somebody else
        raise InvalidText(field=place, what=what, why=f"send the header {cookies.PREFLIGHT}, from a page of this server.")
    return SignInKind.COOKIE


@strawberry.input(description="Which sign-in goes on.")
class RefreshSignInInput:
    refresh_token: str = strawberry.field(description="The newest that was received.")


@strawberry.type(description="What came of refreshSignIn.")
class RefreshSignInPayload(Payload):
    token: str | None = strawberry.field(description="The new token.")
    expires_at: Instant | None = strawberry.field(description="When it ends.")
    refresh_token: str | None = strawberry.field(description="For the next time. Keep it before you use it.")
    user: User | None = strawberry.field(description="Who is signed in.")


@mutation(
    ANYBODY,
    "Go on with a refreshable sign-in: gives a new token and a new refreshToken. The one sent stays good until the new one is first used,"
    " so if no answer comes, send it again. One that was overtaken ends the whole sign-in: somebody has a copy of it.",
)
async def refresh_sign_in(info: Info, input: Annotated[RefreshSignInInput, INPUT]) -> RefreshSignInPayload:
    context = info.context
    database, lifetimes = context.parts.database, Lifetimes.of(context.parts.settings)
    tokens = await sessions.refresh(database, input.refresh_token, at=context.at, lifetimes=lifetimes)
    if tokens is not None:
        async with database.reading() as session:
            context.actor = await sessions.actor(session, tokens.user_id)
    if tokens is None or context.actor is None:
        raise Unauthenticated
    user = await one(info, USER, "t.id = :id", {"id": tokens.user_id}, below=("user",))
    return row(token=tokens.token, expires_at=tokens.expires_at, refresh_token=tokens.refresh_token, user=user)


@strawberry.type(description="What came of signOut.")
class SignOutPayload(Payload):
    signed_out: bool = strawberry.field(description="The sign-in of this request is worth nothing any more, its refresh tokens too.")


@mutation(EVERYONE, "End the sign-in of this request, and forget its cookie.")
async def sign_out(info: Info) -> SignOutPayload:
    context = info.context
    async with context.transaction() as session:
        signed_out = await sessions.sign_out(session, context.token or "")
    if context.response is not None:
        cookies.forget(context.response, context.origin)
    return row(signed_out=signed_out)


def vault_of(context: Context) -> Vault:
    """What opens secrets at rest."""
    if context.parts.vault is None:
        raise RuntimeError("the application has no vault")
    return context.parts.vault


QUERIES: Final = [me]
MUTATIONS: Final = [sign_in, refresh_sign_in, sign_out]
