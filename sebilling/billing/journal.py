"""The journal's accounts (akun), and codes that declare the account that they are booked to.

A code stands once, in its enum, with its account and its names. Documents, reports, the API and the invariants derive from it; what the
database holds of it (`payment_method`, `deposit_account`, `line_account`) is compared with it by tests and by `sebilling check`.
"""

from enum import StrEnum
from typing import Self


class Account(StrEnum):
    """An account of the journal, with its name in reports."""

    indonesian: str

    def __new__(cls, code: str, indonesian: str) -> Self:
        """Create the account of a code."""
        account = str.__new__(cls, code)
        account._value_ = code
        account.indonesian = indonesian
        return account

    RECEIVABLE = "RECEIVABLE", "Piutang usaha"
    REVENUE = "REVENUE", "Pendapatan"
    TAX_PAYABLE = "TAX_PAYABLE", "PPN keluaran"
    CREDIT = "CREDIT", "Titipan pelanggan"
    CASH_ON_HAND = "CASH_ON_HAND", "Kas di kolektor"
    CENTRAL_CASH = "CENTRAL_CASH", "Kas pusat"
    BANK = "BANK", "Bank"
    OTHER_RECEIPTS = "OTHER_RECEIPTS", "Penerimaan lain"
    OPENING_BALANCE = "OPENING_BALANCE", "Ekuitas saldo awal"
    BAD_DEBT = "BAD_DEBT", "Kerugian piutang"
    SHORTAGE = "SHORTAGE", "Selisih kurang setoran"
    SURPLUS = "SURPLUS", "Selisih lebih setoran"


class BookedCode(StrEnum):
    """A code whose money is booked to an account. Look a code up by its name, `PaymentMethod["CASH"]`: KeyError if there is none."""

    account: Account
    indonesian: str
    """Name on receipts, invoices and in reports."""
    english: str
    """Description in the API."""

    def __new__(cls, code: str, account: Account, indonesian: str, english: str) -> Self:
        """Create the member of a code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.account, member.indonesian, member.english = account, indonesian, english
        return member
