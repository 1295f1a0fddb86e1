"""Refusals of requests that never become an operation: an HTTP status and a sentence in the caller's language."""

from typing import Final

from cross_web import HTTPException
from starlette.exceptions import HTTPException as StarletteHTTPException

from sebilling.language import Language, Sentence


class Refusal(HTTPException):
    """The request can't be handled as it is."""

    def __init__(self, status: int, why: Sentence) -> None:
        super().__init__(status, why.english)
        self.why = why


NO_REQUEST: Final = Sentence(
    "This isn't a GraphQL request: send a JSON object with query and variables, or operations, map and files as the specification"
    " of multipart requests says.",
    "Ini bukan permintaan GraphQL: kirim objek JSON dengan query dan variables, atau operations, map, dan berkas sesuai spesifikasi"
    " permintaan multipart.",
)
INCOMPLETE: Final = Sentence("The request was incomplete: send it again.", "Permintaannya tidak lengkap: kirim lagi.")
NO_OBJECT: Final = Sentence(
    "Send a JSON object with a query, and variables that are an object.", "Kirim objek JSON dengan query, dan variables yang berupa objek."
)
ONLY_JSON: Final = Sentence("Send it as application/json.", "Kirim sebagai application/json.")
NO_NAME: Final = Sentence("operationName must be a string or null.", "operationName harus berupa teks atau null.")
ONLY_QUERIES: Final = Sentence(
    "Only queries are answered by GET: send mutations by POST.", "GET hanya untuk query: kirim mutation dengan POST."
)
NOT_ACCEPTABLE: Final = Sentence(
    "Answers are application/graphql-response+json or application/json: name one of them in Accept.",
    "Jawaban berupa application/graphql-response+json atau application/json: sebutkan salah satunya di Accept.",
)
_OTHERS: Final = {
    404: Sentence("There is nothing here: send GraphQL requests to /graphql.", "Tidak ada apa-apa di sini: kirim permintaan ke /graphql."),
    405: Sentence("GraphQL only supports GET and POST requests.", "GraphQL hanya menerima permintaan GET dan POST."),
}
"""What Strawberry and Starlette refuse, by status; every other status is a request that can't be read."""
UNSUPPORTED_OPERATION: Final = Sentence(
    "This kind of operation is not supported here, or the document has no operation of this name: check operationName.",
    "Jenis operasi ini tidak didukung di sini, atau dokumennya tidak punya operasi dengan nama itu: periksa operationName.",
)


def reason(error: HTTPException | StarletteHTTPException, language: Language) -> str:
    """Say why a request is refused. The libraries' own words are English only."""
    if isinstance(error, Refusal):
        return error.why.in_(language)
    if language == "en":
        return error.reason if isinstance(error, HTTPException) else error.detail
    return _OTHERS.get(error.status_code, NO_REQUEST).indonesian
