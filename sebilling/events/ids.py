"""Public ids in payloads, a type per noun: a payload can't hold a row's number, or an invoice's id where a customer's belongs."""

from typing import ClassVar, Final, Self, overload

from sebilling.nouns import Noun

MAX_DIGITS: Final = 18


class PublicId(str):
    """A public id, such as `cus_9`. Made by `of` alone."""

    __slots__ = ()
    prefix: ClassVar[str]

    @overload
    @classmethod
    def of(cls, number: int) -> Self: ...
    @overload
    @classmethod
    def of(cls, number: int | None) -> Self | None: ...
    @classmethod
    def of(cls, number: int | None) -> Self | None:
        """Return the id of the row with this number; None stays None."""
        return None if number is None else cls(f"{cls.prefix}{number}")

    @classmethod
    def number_of(cls, public_id: str) -> int:
        """Return the number of the row with this id. Raises ValueError for anything else."""
        number = public_id.removeprefix(cls.prefix)
        if number == public_id or not (number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS):
            raise ValueError(f"{public_id[:40]!r} is no id such as {cls.prefix}9")
        return int(number)


class ChargeId(PublicId):
    """Id of a charge."""

    prefix = f"{Noun.CHARGE.prefix}_"


class ClosingId(PublicId):
    """Id of the closing of a period. The API shows none."""

    prefix = f"{Noun.CLOSING.prefix}_"


class CounterId(PublicId):
    """Id of a counter."""

    prefix = f"{Noun.COUNTER.prefix}_"


class CustomerId(PublicId):
    """Id of a customer."""

    prefix = f"{Noun.CUSTOMER.prefix}_"


class DeviceId(PublicId):
    """Id of a device."""

    prefix = f"{Noun.DEVICE.prefix}_"


class InvoiceId(PublicId):
    """Id of an invoice."""

    prefix = f"{Noun.INVOICE.prefix}_"


class PaymentId(PublicId):
    """Id of a payment."""

    prefix = f"{Noun.PAYMENT.prefix}_"


class PeriodId(PublicId):
    """Id of a period."""

    prefix = f"{Noun.PERIOD.prefix}_"


class PlanId(PublicId):
    """Id of a plan."""

    prefix = f"{Noun.PLAN.prefix}_"


class RefundId(PublicId):
    """Id of a refund."""

    prefix = f"{Noun.REFUND.prefix}_"


class SignInId(PublicId):
    """Id of a sign-in."""

    prefix = f"{Noun.SIGN_IN.prefix}_"


class UserId(PublicId):
    """Id of a user."""

    prefix = f"{Noun.USER.prefix}_"


class WriteOffId(PublicId):
    """Id of a write-off."""

    prefix = f"{Noun.WRITE_OFF.prefix}_"
