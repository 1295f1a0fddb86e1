"""The caller: who they are and what they may do; sign in, refresh a sign-in, sign out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from sebilling.access_errors import Unauthenticated
from sebilling.actor import Role
from sebilling.auth import sessions
from sebilling.auth import sign_in as entry
from sebilling.auth.sessions import Lifetimes, SignInKind
from sebilling.errors import InvalidText
from sebilling.language import Sentence
from sebilling.schema.context import Context, Info
from sebilling.schema.counters import Counter, counters_of_user
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.reading import one
from sebilling.schema.request import cookies
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import ANYBODY, EVERYONE
from sebilling.schema.scopes import CALLER
from sebilling.schema.users import User
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Instant, Rupiah
from sebilling.vault import Vault

if TYPE_CHECKING:
    from sebilling.schema.permissions import Permission


def _permissions(root: strawberry.Parent[Mapping[str, str]]) -> list["Permission"]:
    from sebilling.schema import permissions  # noqa: PLC0415 - it reads the rules of all root fields, this module's too

    return permissions.of_role(Role(root["permissions"]))


@output("The caller, with what they may know of themselves.", "account", scope=CALLER)
class Me:
    user: User = link("The caller as others see them: id and name.", EVERYONE, "app_user", "{n}.id = {t}.id", follows=True)
    username: str = read("Name for signing in.", EVERYONE)
    role: Role = read("Role, which decides what the caller may do.", EVERYONE)
    counters: list[Counter] = counters_of_user(EVERYONE)
    permissions: list[Annotated["Permission", strawberry.lazy("sebilling.schema.permissions")]] = read(
        "Permissions of the role, each for the counters of the caller.", EVERYONE, sql="{t}.role", resolver=_permissions
    )
    cash_limit: Rupiah = read(
        "Most cash that the caller may hold, over all their drawers; 0 for no limit.",
        EVERYONE,
        sql="(SELECT cash_limit FROM billing_settings)",
    )


@query(EVERYONE, "Get the caller.")
async def me(info: Info) -> Me:
    return await one(info, Me, "t.id = :id", {"id": info.context.signed_in.user_id})


@input_type("Input of signIn.")
class SignInInput:
    username: str = strawberry.field(description="Username, in upper or lower case.")
    password: str = strawberry.field(description="Password; never logged.")
    code: str | None = strawberry.field(
        default=None,
        description="Code of the authenticator app, or a recovery code; required if two-step sign-in is on. Each code is valid once.",
    )
    new_password: str | None = strawberry.field(
        default=None, description="New password that replaces a one-time password; allowed only when signing in with a one-time password."
    )
    device: str | None = strawberry.field(default=None, description="Name of the device as shown in signIns; its User-Agent if left out.")
    device_token: str | None = strawberry.field(
        default=None, description="The deviceToken of an earlier sign-in on this device: failed attempts of others then don't lock you out."
    )
    refreshable: bool = strawberry.field(
        default=False,
        description="Whether to issue a short-lived token with a refreshToken, for phones; else one long-lived token, for scripts.",
    )
    cookie: bool = strawberry.field(
        default=False,
        description="Whether to set the token as a cookie, for browsers, instead of returning it. Needs the header"
        " GraphQL-Require-Preflight, and so does every request that is signed in by the cookie.",
    )


@payload("Result of signIn.")
class SignInPayload(Payload):
    token: str | None = strawberry.field(
        description="Token to send as 'Authorization: Bearer …'. Shown only once; null with cookie: true, as no script may read it."
    )
    expires_at: Instant | None = strawberry.field(description="Time at which the token expires.")
    refresh_token: str | None = strawberry.field(description="Token for refreshSignIn; null unless refreshable was requested.")
    device_token: str | None = strawberry.field(
        description="Token to keep and to send with the next signIn on this device; null with cookie: true."
    )
    me: Me | None = strawberry.field(description="The caller from now on.")


@mutation(ANYBODY, "Sign in and get a token; signOut revokes it.")
async def sign_in(info: Info, input: Annotated[SignInInput, INPUT]) -> SignInPayload:
    context = info.context
    kind = _kind(context, input)
    lifetimes = Lifetimes.of(context.parts.settings)
    asked = entry.Asked(
        username=input.username, password=input.password, code=input.code, new_password=input.new_password,
        device_token=input.device_token or context.origin.device_token, device=input.device or entry.called(context.origin.user_agent),
        network=context.origin.network, kind=kind,
    )  # fmt: skip
    signed_in = await entry.sign_in(context.parts.database, vault_of(context), asked, at=context.at, lifetimes=lifetimes)
    context.actor, tokens = signed_in.actor, signed_in.tokens
    caller = await one(info, Me, "t.id = :id", {"id": signed_in.actor.user_id}, below=("me",))
    if kind is SignInKind.COOKIE and context.response is not None:
        seconds = int(lifetimes.cookie.total_seconds())
        cookies.keep(context.response, context.origin, token=tokens.token, device_token=signed_in.device_token, seconds=seconds)
        return row(token=None, expires_at=tokens.expires_at, refresh_token=None, device_token=None, me=caller)
    return row(
        token=tokens.token, expires_at=tokens.expires_at, refresh_token=tokens.refresh_token, device_token=signed_in.device_token, me=caller
    )


def _kind(context: Context, input: SignInInput) -> SignInKind:
    if not input.cookie:
        return SignInKind.REFRESHABLE if input.refreshable else SignInKind.TOKEN
    field, what = ("input", "cookie"), "A sign-in by cookie"
    if input.refreshable:
        raise InvalidText(
            field=field, what=what, why=Sentence("choose either cookie or refreshable.", "pilih salah satu: cookie atau refreshable.")
        )
    if not context.origin.is_ours or context.response is None:  # otherwise another site could sign a browser in as another user
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                f"send the header {cookies.PREFLIGHT}, from a page of this server.",
                f"kirim header {cookies.PREFLIGHT}, dari halaman server ini.",
            ),
        )
    return SignInKind.COOKIE


@input_type("Input of refreshSignIn.")
class RefreshSignInInput:
    refresh_token: str = strawberry.field(description="Most recently received refreshToken.")


@payload("Result of refreshSignIn.")
class RefreshSignInPayload(Payload):
    token: str | None = strawberry.field(description="New token.")
    expires_at: Instant | None = strawberry.field(description="Time at which the new token expires.")
    refresh_token: str | None = strawberry.field(description="Token for the next refreshSignIn. Store it before using it.")
    me: Me | None = strawberry.field(description="The caller from now on.")


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
    caller = await one(info, Me, "t.id = :id", {"id": tokens.user_id}, below=("me",))
    return row(token=tokens.token, expires_at=tokens.expires_at, refresh_token=tokens.refresh_token, me=caller)


@payload("Result of signOut.")
class SignOutPayload(Payload):
    signed_out: bool = strawberry.field(description="Whether the sign-in of this request was revoked, together with its refresh tokens.")


@mutation(EVERYONE, "Revoke the sign-in of this request and delete its cookie.")
async def sign_out(info: Info) -> SignOutPayload:
    context = info.context
    async with context.transaction() as session:
        signed_out = await sessions.sign_out(session, context.token or "")
    if context.response is not None:
        cookies.forget(context.response, context.origin)
    return row(signed_out=signed_out)


def vault_of(context: Context) -> Vault:
    """The vault that decrypts secrets at rest. Raises RuntimeError if the application has none."""
    if context.parts.vault is None:
        raise RuntimeError("the application has no vault")
    return context.parts.vault


QUERIES: Final = [me]
MUTATIONS: Final = [sign_in, refresh_sign_in, sign_out]
