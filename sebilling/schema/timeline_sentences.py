"""Sentences of a customer's timeline, in both languages, from the kind of an entry and its data."""

from collections.abc import Mapping
from typing import Any, Final

from sebilling.billing.payments import PaymentMethod
from sebilling.language import Language, Sentence
from sebilling.money import format_rupiah

_MONEY: Final = frozenset({"amount", "total", "allocated", "credit", "released", "reopened", "arrears", "price", "minimum"})
"""Keys of a payload that are rupiah."""
_SENTENCES: Final[Mapping[str, Sentence]] = {
    "customer.created": Sentence("Customer added.", "Pelanggan ditambahkan."),
    "customer.changed": Sentence("Changed: {changes}.", "Diubah: {changes}."),
    "customer.opening_recorded": Sentence(
        "Opening balance: arrears {arrears}, credit {credit}.", "Saldo awal: tunggakan {arrears}, titipan {credit}."
    ),
    "invoice.issued": Sentence(
        "Invoice {number} issued: {amount}, due on {due_on}.", "Tagihan {number} terbit: {amount}, jatuh tempo {due_on}."
    ),
    "invoice.voided": Sentence("Invoice of {total} voided: {reason}", "Tagihan {total} dibatalkan: {reason}"),
    "invoice.written_off": Sentence("Debt of {amount} written off: {reason}", "Piutang {amount} dihapus: {reason}"),
    "invoice.write_off_reversed": Sentence("Write-off of {amount} reversed: {reason}", "Penghapusan piutang {amount} dibatalkan: {reason}"),
    "invoice.late_fee_cancelled": Sentence("Late fee of {amount} cancelled.", "Denda {amount} dibatalkan."),
    "charge.created": Sentence("Charge of {amount} added: {description}", "Biaya {amount} ditambahkan: {description}"),
    "charge.cancelled": Sentence("Charge of {amount} cancelled: {reason}", "Biaya {amount} dibatalkan: {reason}"),
    "discount.created": Sentence("Discount from {from_on} added: {description}", "Diskon mulai {from_on} ditambahkan: {description}"),
    "payment.recorded": Sentence("Paid {amount} ({method}).", "Membayar {amount} ({method})."),
    "payment.reversed": Sentence("Payment of {amount} reversed: {reason}", "Pembayaran {amount} dibatalkan: {reason}"),
    "credit.applied": Sentence("Credit of {amount} settled invoices.", "Titipan {amount} dipakai untuk tagihan."),
    "credit.held": Sentence("Credit put on hold: {reason}", "Titipan ditahan: {reason}"),
    "credit.refunded": Sentence("Credit of {amount} refunded ({method}): {reason}", "Titipan {amount} dikembalikan ({method}): {reason}"),
    "credit.refund_reversed": Sentence("Refund of {amount} reversed: {reason}", "Pengembalian {amount} dibatalkan: {reason}"),
    "customer.billing_set": Sentence(
        "Billing cycle of {months} months from {effective_from}.", "Pembayaran tiap {months} bulan mulai {effective_from}."
    ),
    "customer.paused": Sentence("Paused from {from_on}{until}.", "Dijeda mulai {from_on}{until}."),
    "customer.resumed": Sentence("Billed again from {until_on}.", "Ditagih lagi mulai {until_on}."),
    "customer.end_of_service_set": Sentence("Service ends on {on}: {reason}", "Layanan berakhir {on}: {reason}"),
    "customer.end_of_service_undone": Sentence("Service does not end on {on} after all.", "Layanan tidak jadi berakhir {on}."),
    "customer.promised": Sentence("Promised to pay until {until_on}: {reason}", "Janji bayar sampai {until_on}: {reason}"),
    "isolation.policy_set": Sentence(
        "Own isolation policy: {mode}, {days} days, from {minimum}.", "Kebijakan isolir sendiri: {mode}, {days} hari, mulai {minimum}."
    ),
    "isolation.policy_forgotten": Sentence("Own isolation policy deleted.", "Kebijakan isolir sendiri dihapus."),
    "isolation.block_wanted": Sentence("To be blocked: {cause}", "Akan diisolir: {cause}"),
    "customer.blocked": Sentence("Blocked at the device.", "Terisolir di perangkat."),
    "isolation.restore_wanted": Sentence("To be restored: {cause}", "Isolir akan dibuka: {cause}"),
    "customer.restored": Sentence("Restored at the device.", "Isolir dibuka di perangkat."),
    "customer.left_blocked": Sentence(
        "Still blocked at the device: it was so before SeBilling blocked it.",
        "Masih terisolir di perangkat: sudah begitu sebelum SeBilling mengisolir.",
    ),
    "isolation.drift_found": Sentence("Found at the device: {found}, not {wanted}.", "Ditemukan di perangkat: {found}, bukan {wanted}."),
    "isolation.failed": Sentence("The device did not carry it out: {error}", "Perangkat tidak melaksanakannya: {error}"),
    "service_access.given": Sentence("Account {key} on a device assigned.", "Akun {key} di perangkat dipasang."),
    "service_access.key_changed": Sentence("Account corrected from {before} to {after}.", "Akun diperbaiki dari {before} ke {after}."),
    "service_access.retried": Sentence("Account {key} tried again.", "Akun {key} dicoba lagi."),
    "service_access.speed_given": Sentence("Account {key} got the speed of the plan.", "Akun {key} mendapat kecepatan paketnya."),
    "service_access.taken": Sentence("Account {key} on a device removed.", "Akun {key} di perangkat dilepas."),
}
_OVERDUE: Final = Sentence("{amount} overdue on {block_on}.", "{amount} menunggak pada {block_on}.")
_NOT_OVERDUE: Final = Sentence("nothing is overdue any more.", "tidak ada tunggakan lagi.")
_UNTIL: Final = Sentence(" until {until_on}", " sampai {until_on}")
_FIELDS: Final[Mapping[str, Sentence]] = {
    "code": Sentence("code", "kode"),
    "name": Sentence("name", "nama"),
    "counter_id": Sentence("counter", "loket"),
    "plan_id": Sentence("plan", "paket"),
    "installed_on": Sentence("first day of service", "tanggal pasang"),
    "phone": Sentence("phone", "telepon"),
    "address": Sentence("address", "alamat"),
    "price": Sentence("agreed price", "harga khusus"),
    "active": Sentence("active", "aktif"),
    "due_day": Sentence("due day", "tanggal jatuh tempo"),
    "pppoe_name": Sentence("PPPoE name", "nama PPPoE"),
}
_YES: Final = Sentence("yes", "ya")
_NO: Final = Sentence("no", "tidak")
_NONE: Final = Sentence("none", "tidak ada")


def kinds() -> frozenset[str]:
    """The kinds that have a sentence."""
    return frozenset(_SENTENCES)


def sentence(kind: str, data: Mapping[str, Any], *, names: Mapping[str, str], language: Language) -> str:
    """Say what an entry is about. `names`: those of the plans and counters in `data`, by public id. Raises KeyError for other kinds."""
    values = {**data, **data.get("after", {})} if kind != "customer.changed" else {}
    values = {key: _told(key, value, language) for key, value in values.items()}
    if kind == "customer.changed":
        values["changes"] = _changes(data, names, language)
    elif kind == "customer.paused":
        values["until"] = _UNTIL.in_(language).format_map(values) if data["until_on"] is not None else ""
    elif kind in {"isolation.block_wanted", "isolation.restore_wanted"}:
        cause = _NOT_OVERDUE if kind == "isolation.restore_wanted" else _OVERDUE
        values["cause"] = data.get("note") or cause.in_(language).format_map(values)
    return _SENTENCES[kind].in_(language).format_map(values)


def _told(key: str, value: Any, language: Language) -> str:
    if value is None or isinstance(value, bool):
        return (_NONE if value is None else _YES if value else _NO).in_(language)
    if key in _MONEY:
        return format_rupiah(value)
    if key == "method":
        method = PaymentMethod[value]
        return method.indonesian if language == "id" else method.english.rstrip(".")
    return str(value[language]) if isinstance(value, Mapping) and value.keys() == {"en", "id"} else str(value)


def _changes(data: Mapping[str, Any], names: Mapping[str, str], language: Language) -> str:
    """Each changed field with its values before and after."""
    changes = []
    for key, label in _FIELDS.items():
        if key in data["after"]:
            values = (data["before"].get(key), data["after"][key])
            before, after = (names.get(str(value)) or _told(key, value, language) for value in values)
            changes.append(f"{label.in_(language)} {before} → {after}")
    return "; ".join(changes)
