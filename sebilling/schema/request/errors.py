"""Errors as clients see them: those of users in the payload, others at the top level; unexpected ones are masked and logged."""

import re
import secrets
from typing import Any, Final

from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from sebilling import failures
from sebilling.access_errors import Unauthenticated
from sebilling.error_codes import ErrorCode
from sebilling.errors import LimitExceeded, SebillingError, Unavailable
from sebilling.language import Language
from sebilling.logs import get_logger
from sebilling.schema import error_codes as error_codes  # noqa: PLC0414 - ErrorCode must be described before UserError takes it
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.request.document_errors import Unsupported, in_indonesian
from sebilling.schema.request.refusals import UNSUPPORTED_OPERATION
from sebilling.schema.request.roles import EVERYONE

_log = get_logger(__name__)


@output("Error that the caller can correct.")
class UserError:
    code: ErrorCode = read("Stable error code.", EVERYONE)
    message: str = read("Message for people, with the remedy, in the caller's language.", EVERYONE)
    field: list[str] = read("Path of the input field with the error; empty if there is none.", EVERYONE)


def in_payload(error: SebillingError) -> bool:
    """Whether a mutation reports the error in its payload rather than at the top level."""
    return not isinstance(error, Unauthenticated | Unavailable)


def user_error(error: SebillingError, language: Language) -> dict[str, Any]:
    """A row of the type UserError."""
    return {"code": error.code.value, "message": error.message(language), "field": [str(part) for part in error.path]}


_MASKED: Final = {
    "en": "Something went wrong on our side; nothing was changed. Tell your admin the reference {reference}.",
    "id": "Ada kesalahan di pihak kami; tidak ada yang berubah. Sampaikan nomor rujukan {reference} kepada admin.",
}


def formatted(error: GraphQLError, language: Language) -> dict[str, Any]:
    """Format a top-level error: our own with its code, that of a bad document as it is, any other masked with a reference in the log.

    Failures of ours are counted.
    """
    shown = dict(error.formatted)
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, SebillingError):
        failures.told(cause.code)
        shown["message"] = cause.message(language)
        facts = cause.facts | {"limit": cause.limit.code} if isinstance(cause, LimitExceeded) else {}
        shown["extensions"] = {"code": cause.code.value, "field": [str(part) for part in cause.path], **facts}
    elif isinstance(cause, CannotGetOperationTypeError | InvalidOperationTypeError):
        shown["message"] = UNSUPPORTED_OPERATION.in_(language)
        shown["extensions"] = {"code": ErrorCode.BAD_REQUEST.value}
    elif cause is None or isinstance(cause, GraphQLError):
        shown["message"] = _of_document(error, cause, language)
        shown["extensions"] = {"code": ErrorCode.BAD_REQUEST.value} | (error.extensions or {})
    else:
        failures.told(ErrorCode.INTERNAL)
        reference = secrets.token_hex(6)
        _log.error("unexpected_error", reference=reference, path=error.path, exc_info=cause)
        shown["message"] = _MASKED[language].format(reference=reference)
        shown["extensions"] = {"code": ErrorCode.INTERNAL.value, "reference": reference}
    return shown


def _of_document(error: GraphQLError, cause: GraphQLError | None, language: Language) -> str:
    for candidate in (error, cause):
        if language == "id" and isinstance(candidate, Unsupported):
            return candidate.why.indonesian
    message = _unquoted(error.message)
    return message if language == "en" else in_indonesian(message)


_QUOTED: Final = re.compile(r"(?:[,?] [Ff]ound:?|; got|(?P<kept>cannot represent [^:]{0,100}value|Unexpected \w{1,50}):?) .*", re.DOTALL)
_VALUE: Final = "Value '"
_NO_SUCH_VALUE: Final = "' does not exist"
_THAT_VALUE: Final = "That value does not exist"


def _unquoted(message: str) -> str:
    """Remove the client's input from a message of graphql-core: it may be a misplaced password."""
    begin, end = message.find(_VALUE), message.rfind(_NO_SUCH_VALUE)
    if begin >= 0 and begin + len(_VALUE) <= end:
        message = f"{message[:begin]}{_THAT_VALUE}{message[end + len(_NO_SUCH_VALUE) :]}"
    return _QUOTED.sub(r"\g<kept>.", message)
