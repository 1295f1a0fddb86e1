"""Messages of graphql-core in Indonesian, by kind of rule: what is wrong with a document or its variables, and the remedy.

graphql-core has English texts only, and no codes: each is recognized by its words. Names in it are kept, values never are.
"""

import re
from typing import Final

from graphql import GraphQLError

from sebilling.language import Sentence


class Unsupported(GraphQLError):
    """What a document may not ask for here."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why.english)
        self.why = why


UNKNOWN: Final = "Permintaan GraphQL ini tidak sah: periksa dokumen dan variabelnya terhadap skema."
_NAME: Final = r"'([^']{1,200})'"
_RULES: Final = (
    (
        re.compile(r"Syntax Error"),
        "Dokumen GraphQL ini salah tulis: periksa kurung, tanda kutip, dan namanya di posisi yang disebut locations.",
    ),
    (re.compile(rf"Cannot query field {_NAME} on type {_NAME}"), "Tipe '{1}' tidak punya field '{0}': periksa namanya di skema."),
    (
        re.compile(rf"Unknown argument {_NAME} on (?:field|directive) {_NAME}"),
        "'{1}' tidak punya argumen '{0}': hapus, atau periksa namanya di skema.",
    ),
    (re.compile(rf"Unknown directive {_NAME}"), "Direktif '{0}' tidak ada: hapus, atau periksa namanya."),
    (re.compile(rf"Directive {_NAME} may not be used on"), "Direktif '{0}' tidak boleh dipakai di tempat ini: pindahkan atau hapus."),
    (re.compile(rf"Unknown fragment {_NAME}"), "Fragmen '{0}' tidak ada di dokumen: tambahkan, atau periksa namanya."),
    (re.compile(rf"Unknown type {_NAME}"), "Tipe '{0}' tidak ada: periksa namanya di skema."),
    (
        re.compile(r"This anonymous operation must be the only"),
        "Operasi tanpa nama harus satu-satunya di dokumen: beri nama semua operasi.",
    ),
    (re.compile(rf"Cannot spread fragment {_NAME} within itself"), "Fragmen '{0}' memuat dirinya sendiri: putuskan lingkarannya."),
    (re.compile(rf"Variable {_NAME} is not defined"), "Variabel '{0}' tidak dideklarasikan operasinya: tambahkan ke deklarasi operasi."),
    (re.compile(rf"Variable {_NAME} is never used"), "Variabel '{0}' tidak pernah dipakai: hapus, atau pakai."),
    (re.compile(rf"Fragment {_NAME} is never used"), "Fragmen '{0}' tidak pernah dipakai: hapus, atau pakai."),
    (re.compile(rf"Fields {_NAME} conflict"), "Field '{0}' diminta dua kali dengan isi berbeda: beri alias yang berbeda."),
    (
        re.compile(r"Fragment(?: '[^']{1,200}')? cannot condition on"),
        "Fragmen hanya boleh untuk tipe objek, interface, atau union: periksa tipenya.",
    ),
    (re.compile(r"Fragment.{0,210}cannot be spread here"), "Fragmen ini tidak berlaku untuk tipe di tempat itu: periksa tipenya."),
    (
        re.compile(rf"(?:Field|Directive) {_NAME} argument {_NAME} of type {_NAME} is required"),
        "'{0}' memerlukan argumen '{1}' bertipe '{2}': isi dulu.",
    ),
    (re.compile(rf"Argument {_NAME} of (?:required|non-null) type {_NAME}"), "Argumen '{0}' bertipe '{1}' wajib diisi: isi dulu."),
    (re.compile(rf"Field {_NAME} must not have a selection"), "Field '{0}' tidak punya subfield: hapus pilihan di bawahnya."),
    (
        re.compile(rf"Field {_NAME} of type {_NAME} must have a selection"),
        "Field '{0}' bertipe '{1}' memerlukan pilihan subfield: tambahkan kurung kurawal.",
    ),
    (re.compile(r".{0,210}must select only one top level field"), "Langganan hanya boleh memilih satu field teratas: hapus yang lain."),
    (re.compile(rf"There can be only one .{{1,40}} named {_NAME}"), "Nama '{0}' dipakai lebih dari sekali: sisakan satu."),
    (re.compile(rf"The directive {_NAME} can only be used once"), "Direktif '{0}' hanya boleh sekali di tempat ini: hapus yang lain."),
    (re.compile(rf".{{0,300}}?Field {_NAME} of required type {_NAME} was not provided"), "Isian '{0}' bertipe '{1}' wajib ada: isi dulu."),
    (
        re.compile(rf".{{0,300}}?Field {_NAME} is not defined by type {_NAME}"),
        "Tipe '{1}' tidak punya isian '{0}': hapus, atau periksa namanya di skema.",
    ),
    (re.compile(rf"Variable {_NAME} cannot be non-input type"), "Variabel '{0}' memakai tipe yang bukan tipe masukan: periksa tipenya."),
    (
        re.compile(rf"Variable {_NAME} of type {_NAME} used in position expecting type {_NAME}"),
        "Variabel '{0}' bertipe '{1}', padahal di situ perlu '{2}'.",
    ),
    (re.compile(rf"Variable {_NAME} of (?:required|non-null) type {_NAME}"), "Variabel '{0}' bertipe '{1}' wajib diisi: kirim nilainya."),
    (re.compile(rf"Variable {_NAME} got invalid value"), "Nilai variabel '{0}' tidak sah: periksa terhadap tipenya di skema."),
    (re.compile(rf".{{0,300}}?does not exist in {_NAME} enum"), "Nilai itu tidak ada di enum '{0}': periksa daftarnya di skema."),
    (re.compile(rf"(?:Enum {_NAME}|(\w{{1,100}})) cannot represent"), "Nilai itu bukan '{0}{1}' yang sah: periksa tipenya di skema."),
    (re.compile(rf"Expected value of type {_NAME}"), "Nilai di situ harus bertipe '{0}': perbaiki nilainya."),
    (re.compile(rf"Unknown operation named {_NAME}"), "Dokumennya tidak punya operasi '{0}': periksa operationName."),
    (re.compile(r"Must provide operation name"), "Dokumen ini berisi beberapa operasi: sebutkan satu dengan operationName."),
    (re.compile(r"Must provide an operation"), "Dokumen ini tidak berisi operasi: tambahkan query, mutation, atau subscription."),
    (re.compile(rf"The {_NAME} definition is not executable"), "Dokumen hanya boleh berisi operasi dan fragmen: hapus '{0}'."),
    (re.compile(r"Too many (?:validation|errors)"), "Terlalu banyak kesalahan: perbaiki yang disebut di sini dulu."),
)


def in_indonesian(message: str) -> str:
    """Translate a message of graphql-core, after the client's input was removed from it."""
    for pattern, text in _RULES:
        if (match := pattern.match(message)) is not None:
            return text.format(*(name or "" for name in match.groups()))
    return UNKNOWN
