"""What everybody does with their own account: see and end their sign-ins, change the password, turn two-step sign-in on and off."""

import re
from typing import Annotated, Final

import strawberry

from sebilling.auth import attempts, sessions, sign_in, totp
from sebilling.auth.sessions import SignInKind
from sebilling.errors import InvalidId
from sebilling.schema.engine.access import EVERYONE, mutation, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.scalars import Instant
from sebilling.schema.enums import described
from sebilling.schema.users import vault_of

described(
    SignInKind,
    "What a sign-in is kept by.",
    TOKEN="One long token, as scripts of a person use.",  # noqa: S106 - a description
    REFRESHABLE="Short tokens and a refresh token: a phone.",
    COOKIE="A browser's cookie.",
    SERVICE="A service token, made by an admin for a script.",
)
_ID: Final = re.compile(r"sig_([1-9][0-9]{0,17})")


@strawberry.type(description="A sign-in that goes on, on one device.")
class SignIn:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    kind: SignInKind = strawberry.field(description="What it is kept by.")
    device: str = strawberry.field(description="As it was called at the sign-in, else its User-Agent.")
    address: str = strawberry.field(description="Network address that it was made from.")
    created_at: Instant = strawberry.field(description="When it was made.")
    last_used_at: Instant | None = strawberry.field(description="When it was last used, within an hour.")
    expires_at: Instant = strawberry.field(description="When it ends, unless it is refreshed before.")
    current: bool = strawberry.field(description="Whether it is that of this request.")


@query(EVERYONE, "One's own sign-ins that go on, the newest first.")
async def sign_ins(info: Info) -> list[SignIn]:
    context = info.context
    async with context.parts.database.reading() as session:
        found = await sessions.listed(session, context.signed_in.user_id or 0, at=context.at)
    return [row(**{**one, "id": f"sig_{one['id']}", "current": one["id"] == context.sign_in_id}) for one in found]


@strawberry.input(description="Which sign-in.")
class RevokeSignInInput:
    id: strawberry.ID = strawberry.field(description="Of one of your own.")


@strawberry.type(description="What came of revokeSignIn or revokeOtherSignIns.")
class RevokeSignInPayload(Payload):
    revoked: int | None = strawberry.field(description="How many have ended.")


@mutation(EVERYONE, "End one of your own sign-ins, such as that of a lost phone. Its tokens are worth nothing from now on.")
async def revoke_sign_in(info: Info, input: Annotated[RevokeSignInInput, INPUT]) -> RevokeSignInPayload:
    found = _ID.fullmatch(input.id)
    if found is None:
        raise InvalidId(field=("input", "id"), given=input.id[:40], noun="sign-in")
    async with info.context.transaction() as session:
        await sessions.revoke(session, info.context.signed_in.user_id or 0, int(found[1]))
    return row(revoked=1)


@mutation(EVERYONE, "End all your sign-ins but this one.")
async def revoke_other_sign_ins(info: Info) -> RevokeSignInPayload:
    async with info.context.transaction() as session:
        ended = await sessions.revoke_others(session, info.context.signed_in.user_id or 0, but=info.context.sign_in_id)
    return row(revoked=ended)


@strawberry.input(description="A new password.")
class ChangePasswordInput:
    old_password: str = strawberry.field(description="The one until now.")
    new_password: str = strawberry.field(description="10 to 200 characters, not the user name, none of the commonest.")


@strawberry.type(description="What came of changePassword.")
class ChangePasswordPayload(Payload):
    signed_out: int | None = strawberry.field(description="How many other sign-ins have ended by it.")


@mutation(EVERYONE, "Change your own password. Your other sign-ins end.")
async def change_password(info: Info, input: Annotated[ChangePasswordInput, INPUT]) -> ChangePasswordPayload:
    context = info.context
    ended = await sign_in.change_password(
        context.parts.database, context.signed_in, old=input.old_password, new=input.new_password, keep=context.sign_in_id, at=context.at
    )
    return row(signed_out=ended)


@strawberry.type(description="Whether two-step sign-in is on.")
class TwoStep:
    on: bool = strawberry.field(description="A code is asked for at sign-in.")
    recovery_codes: int = strawberry.field(description="How many are left.")


@query(EVERYONE, "Whether your own two-step sign-in is on.")
async def two_step(info: Info) -> TwoStep:
    async with info.context.parts.database.reading() as session:
        is_on, left = await totp.state(session, info.context.signed_in.user_id or 0)
    return row(on=is_on, recovery_codes=left)


@strawberry.input(description="Proof that it is you.")
class PasswordInput:
    password: str = strawberry.field(description="Your password.")


@strawberry.type(description="What came of startTotp.")
class StartTotpPayload(Payload):
    uri: str | None = strawberry.field(description="otpauth address with the secret: show it as a QR code. It is told this once.")


@mutation(EVERYONE, "Begin to turn two-step sign-in on. It is on after confirmTotp, not before.")
async def start_totp(info: Info, input: Annotated[PasswordInput, INPUT]) -> StartTotpPayload:
    context = info.context
    user_id = context.signed_in.user_id or 0
    await sign_in.proven(context.parts.database, user_id, input.password, at=context.at, place=("input", "password"))
    async with context.transaction() as session:
        return row(uri=await totp.start(session, vault_of(context), user_id))


@strawberry.input(description="A first code.")
class ConfirmTotpInput:
    code: str = strawberry.field(description="As the authenticator app shows it now.")


@strawberry.type(description="What came of confirmTotp.")
class ConfirmTotpPayload(Payload):
    recovery_codes: list[str] | None = strawberry.field(
        description="Each is good once instead of a code, when the authenticator is lost. They are told this once."
    )


@mutation(EVERYONE, "Turn two-step sign-in on with a first code of the authenticator app.")
async def confirm_totp(info: Info, input: Annotated[ConfirmTotpInput, INPUT]) -> ConfirmTotpPayload:
    context, user_id = info.context, info.context.signed_in.user_id or 0
    limits = attempts.limits_of_user(user_id)
    await attempts.pay(context.parts.database, limits, at=context.at, field=("input", "code"))
    async with context.transaction() as session:
        codes = await totp.confirm(session, vault_of(context), user_id, input.code)
        await attempts.give_back(session, limits)
    return row(recovery_codes=codes)


@strawberry.input(description="Proof that it is you, as at a sign-in.")
class DisableTotpInput:
    password: str = strawberry.field(description="Your password.")
    code: str = strawberry.field(description="As the authenticator app shows it now, or a recovery code. None is good twice.")


@strawberry.type(description="What came of disableTotp.")
class DisableTotpPayload(Payload):
    disabled: bool | None = strawberry.field(description="No code is asked for any more.")


@mutation(EVERYONE, "Turn two-step sign-in off, with the password and a code. Its recovery codes are worth nothing any more.")
async def disable_totp(info: Info, input: Annotated[DisableTotpInput, INPUT]) -> DisableTotpPayload:
    context = info.context
    await sign_in.disable_totp(
        context.parts.database, vault_of(context), context.signed_in, password=input.password, code=input.code, at=context.at
    )
    return row(disabled=True)


QUERIES: Final = [sign_ins, two_step]
MUTATIONS: Final = [
    revoke_sign_in, revoke_other_sign_ins, change_password, start_totp, confirm_totp, disable_totp,
]  # fmt: skip
