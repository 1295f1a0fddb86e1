"""A user's own account: list and revoke sign-ins, change the password, turn two-step sign-in on and off."""

import re
from dataclasses import asdict
from typing import Annotated, Final

import strawberry

from sebilling.auth import attempts, sessions, sign_in, tickets, totp
from sebilling.auth.sessions import SignInKind
from sebilling.errors import InvalidId
from sebilling.nouns import Noun
from sebilling.schema.caller import vault_of
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import EVERYONE
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Instant

described(
    SignInKind,
    "Kind of a sign-in, by how it is stored.",
    TOKEN="One long-lived token, for scripts that act as a user.",  # noqa: S106 - a description
    REFRESHABLE="Short-lived tokens and a refresh token, for phones.",
    COOKIE="Browser cookie.",
    SERVICE="Service token, created by an admin for a script.",
)
_ID: Final = re.compile(r"sig_([1-9][0-9]{0,17})")


@output("Active sign-in on one device.")
class SignIn:
    id: strawberry.ID = read("Opaque id.", EVERYONE)
    kind: SignInKind = read("Kind of the sign-in.", EVERYONE)
    device: str = read("Name of the device given at sign-in, else its User-Agent.", EVERYONE)
    address: str = read("Network address from which the sign-in was made.", EVERYONE)
    created_at: Instant = read("Time of the sign-in.", EVERYONE)
    last_used_at: Instant | None = read("Time at which it was last used, accurate to one hour.", EVERYONE)
    expires_at: Instant = read("Time at which it expires unless it is refreshed.", EVERYONE)
    current: bool = read("Whether it is the sign-in of this request.", EVERYONE)


@query(EVERYONE, "List your own active sign-ins, newest first.")
async def sign_ins(info: Info) -> list[SignIn]:
    context = info.context
    async with context.parts.database.reading() as session:
        summaries = await sessions.listed(session, context.signed_in.user_id or 0, at=context.at)
    return [
        row(**{**asdict(summary), "id": Noun.SIGN_IN.id(summary.id), "current": summary.id == context.sign_in_id}) for summary in summaries
    ]


@input_type("Input of revokeSignIn.")
class RevokeSignInInput:
    id: strawberry.ID = strawberry.field(description="Id of one of your own sign-ins.")


@payload("Result of revokeSignIn or revokeOtherSignIns.")
class RevokeSignInPayload(Payload):
    revoked: int | None = strawberry.field(description="Number of sign-ins that were revoked.")


@mutation(EVERYONE, "Revoke one of your own sign-ins, such as that of a lost phone. Its tokens are no longer valid.")
async def revoke_sign_in(info: Info, input: Annotated[RevokeSignInInput, INPUT]) -> RevokeSignInPayload:
    match = _ID.fullmatch(input.id)
    if match is None:
        raise InvalidId(field=("input", "id"), given=input.id[:40], noun=Noun.SIGN_IN)
    async with info.context.transaction() as session:
        await sessions.revoke(session, info.context.signed_in.user_id or 0, int(match[1]))
    return row(revoked=1)


@mutation(EVERYONE, "Revoke all your sign-ins except this one.")
async def revoke_other_sign_ins(info: Info) -> RevokeSignInPayload:
    async with info.context.transaction() as session:
        ended = await sessions.revoke_others(session, info.context.signed_in.user_id or 0, but=info.context.sign_in_id)
    return row(revoked=ended)


@input_type("Input of changePassword.")
class ChangePasswordInput:
    old_password: str = strawberry.field(description="Current password.")
    new_password: str = strawberry.field(description="New password: 10 to 200 characters, not the username, not a common password.")


@payload("Result of changePassword.")
class ChangePasswordPayload(Payload):
    signed_out: int | None = strawberry.field(description="Number of other sign-ins that were revoked.")


@mutation(EVERYONE, "Change your own password and revoke your other sign-ins.")
async def change_password(info: Info, input: Annotated[ChangePasswordInput, INPUT]) -> ChangePasswordPayload:
    context = info.context
    ended = await sign_in.change_password(
        context.parts.database, context.signed_in, old=input.old_password, new=input.new_password, keep=context.sign_in_id, at=context.at
    )
    return row(signed_out=ended)


@output("State of two-step sign-in.")
class TwoStep:
    on: bool = read("Whether a code is required at sign-in.", EVERYONE)
    recovery_codes: int = read("Number of unused recovery codes.", EVERYONE)


@query(EVERYONE, "Get the state of your own two-step sign-in.")
async def two_step(info: Info) -> TwoStep:
    async with info.context.parts.database.reading() as session:
        is_on, left = await totp.state(session, info.context.signed_in.user_id or 0)
    return row(on=is_on, recovery_codes=left)


@input_type("Input of startTotp.")
class PasswordInput:
    password: str = strawberry.field(description="Your password, as proof of identity.")


@payload("Result of startTotp.")
class StartTotpPayload(Payload):
    uri: str | None = strawberry.field(description="otpauth URI with the secret, to show as a QR code. Shown only once.")


@mutation(EVERYONE, "Start the setup of two-step sign-in. It is on only after confirmTotp.")
async def start_totp(info: Info, input: Annotated[PasswordInput, INPUT]) -> StartTotpPayload:
    context = info.context
    user_id = context.signed_in.user_id or 0
    await sign_in.proven(context.parts.database, user_id, input.password, at=context.at, field="password")
    async with context.transaction() as session:
        return row(uri=await totp.start(session, vault_of(context), user_id))


@input_type("Input of confirmTotp.")
class ConfirmTotpInput:
    code: str = strawberry.field(description="Current code of the authenticator app.")


@payload("Result of confirmTotp.")
class ConfirmTotpPayload(Payload):
    recovery_codes: list[str] | None = strawberry.field(
        description="Recovery codes, each valid once in place of a code if the authenticator is lost. Shown only once."
    )


@mutation(EVERYONE, "Turn on two-step sign-in with a first code of the authenticator app.")
async def confirm_totp(info: Info, input: Annotated[ConfirmTotpInput, INPUT]) -> ConfirmTotpPayload:
    context, user_id = info.context, info.context.signed_in.user_id or 0
    limits = attempts.limits_of_user(user_id)
    await attempts.pay(context.parts.database, limits, at=context.at, field=("input", "code"))
    async with context.transaction() as session:
        codes = await totp.confirm(session, vault_of(context), user_id, input.code)
        await attempts.release(session, limits)
    return row(recovery_codes=codes)


@input_type("Input of disableTotp.")
class DisableTotpInput:
    password: str = strawberry.field(description="Your password.")
    code: str = strawberry.field(description="Current code of the authenticator app, or a recovery code. Each code is valid once.")


@payload("Result of disableTotp.")
class DisableTotpPayload(Payload):
    disabled: bool | None = strawberry.field(description="Whether two-step sign-in was turned off.")


@mutation(EVERYONE, "Turn off two-step sign-in with the password and a code. Its recovery codes are no longer valid.")
async def disable_totp(info: Info, input: Annotated[DisableTotpInput, INPUT]) -> DisableTotpPayload:
    context = info.context
    await sign_in.disable_totp(
        context.parts.database, vault_of(context), context.signed_in, password=input.password, code=input.code, at=context.at
    )
    return row(disabled=True)


@payload("Result of createSubscriptionTicket.")
class CreateSubscriptionTicketPayload(Payload):
    ticket: str | None = strawberry.field(description="Ticket, valid once. Shown only here.")
    expires_at: Instant | None = strawberry.field(description="Time until which a connection must be opened with it.")


@mutation(
    EVERYONE,
    "Create a ticket for a client of subscriptions that can't send a header, such as a browser's EventSource: /graphql?ticket=…,"
    " valid once for one minute. The connection has the rights of this sign-in, and ends with it.",
)
async def create_subscription_ticket(info: Info) -> CreateSubscriptionTicketPayload:
    context = info.context
    async with context.transaction() as session:
        created = await tickets.create(session, context.token or "")
    return row(ticket=created.ticket, expires_at=created.expires_at)


QUERIES: Final = [sign_ins, two_step]
MUTATIONS: Final = [
    create_subscription_ticket, revoke_sign_in, revoke_other_sign_ins, change_password, start_totp, confirm_totp, disable_totp,
]  # fmt: skip
