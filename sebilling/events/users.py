"""Events of users and service tokens."""

from collections.abc import Sequence
from datetime import datetime

from sebilling.actor import Role
from sebilling.events.catalogue import UNSET, Payload, Subject, Unset, event, values
from sebilling.events.ids import SignInId


@values
class UserValues:
    """Fields of a user."""

    name: str | Unset = UNSET
    role: Role | Unset = UNSET
    active: bool | Unset = UNSET
    counter_codes: Sequence[str] | Unset = UNSET


@event("user.created", Subject.APP_USER)
class UserCreated(Payload):
    """A user was created."""

    username: str
    role: Role
    counter_codes: Sequence[str]


@event("user.changed", Subject.APP_USER)
class UserChanged(Payload):
    """A user was changed."""

    username: str
    before: UserValues
    after: UserValues


@event("user.signed_in", Subject.APP_USER)
class UserSignedIn(Payload):
    """A user signed in."""

    sign_in_kind: str
    device: str
    network: str


@event("user.signed_out", Subject.APP_USER)
class UserSignedOut(Payload):
    """A user signed out."""

    sign_in_id: SignInId


@event("user.sign_in_failed", Subject.APP_USER)
class UserSignInFailed(Payload):
    """A sign-in failed, or a signed-in user gave a wrong password or code."""

    network: str
    reason: str


@event("user.limits_cleared", Subject.APP_USER)
class UserLimitsCleared(Payload):
    """Limits on sign-in attempts were cleared, of one user or of all."""

    limits: int


@event("user.password_changed", Subject.APP_USER)
class UserPasswordChanged(Payload):
    """A user changed their password, and was signed out elsewhere."""

    signed_out: int


@event("user.password_reset", Subject.APP_USER)
class UserPasswordReset(Payload):
    """An admin reset a user's password."""

    username: str


@event("user.token_revoked", Subject.APP_USER)
class UserTokenRevoked(Payload):
    """A user ended one of their sign-ins, or all except one."""

    sign_in_id: SignInId | None = None
    kept_sign_in_id: SignInId | None = None
    signed_out: int


@event("user.refresh_reused", Subject.APP_USER)
class UserRefreshReused(Payload):
    """A refresh token was used twice, so its sign-in was ended: it may have been stolen."""

    sign_in_id: SignInId


@event("user.totp_enabled", Subject.APP_USER)
class UserTotpEnabled(Payload):
    """A user turned two-step sign-in on."""


@event("user.totp_disabled", Subject.APP_USER)
class UserTotpDisabled(Payload):
    """A user turned two-step sign-in off."""


@event("user.totp_reset", Subject.APP_USER)
class UserTotpReset(Payload):
    """An admin turned a user's two-step sign-in off."""


@event("user.recovery_code_used", Subject.APP_USER)
class UserRecoveryCodeUsed(Payload):
    """A user signed in with a recovery code, which is void now."""


@event("user.secrets_rotated", Subject.APP_USER)
class UserSecretsRotated(Payload):
    """Users' two-step secrets were encrypted with a new key."""

    users: int


@event("service_token.created", Subject.APP_USER)
class ServiceTokenCreated(Payload):
    """A service token was created."""

    name: str
    role: Role
    counter_codes: Sequence[str]
    until: datetime


@event("service_token.revoked", Subject.APP_USER)
class ServiceTokenRevoked(Payload):
    """A service token was revoked."""

    name: str
