"""What this product counts: the name of each thing in both languages, and its public ids.

A public id is the number of a row with a prefix for its kind, such as `inv_12`, so that mixed-up ids are detected. Errors, events,
GraphQL and documents show public ids; the number itself stays inside.
"""

from enum import Enum


class Noun(Enum):
    """A kind of thing: prefix of its public ids (empty if it has none), English name, Indonesian name."""

    ACCESS = ("acc", "service access", "akses layanan")
    BLACKOUT_DATE = ("bla", "blackout date", "tanggal bebas isolir")
    CHARGE = ("chg", "charge", "biaya")
    CLOSING = ("clo", "closing", "penutupan")
    COUNTER = ("cou", "counter", "loket")
    COUNTER_FIGURES = ("fig", "figures of a counter", "angka loket")
    CUSTOMER = ("cus", "customer", "pelanggan")
    DEPOSIT = ("dep", "deposit", "setoran")
    DEVICE = ("dev", "device", "perangkat")
    DISCOUNT = ("dis", "discount", "diskon")
    DRAWER = ("drw", "drawer", "laci kas")
    FORECAST = ("fct", "forecast of a block", "perkiraan isolir")
    HOLD = ("hol", "hold", "penahanan isolir")
    INVOICE = ("inv", "invoice", "tagihan")
    OPENING = ("", "opening balance or invoice", "saldo awal atau tagihan")
    PAYMENT = ("pay", "payment", "pembayaran")
    PERIOD = ("per", "period", "periode")
    PLAN = ("pla", "plan", "paket")
    POLICY = ("pol", "isolation policy", "kebijakan isolir")
    PROMISE = ("pro", "promise to pay", "janji bayar")
    PROOF = ("", "proof", "bukti setoran")
    RECAP = ("rcp", "recap", "rekap")
    RECEIPT = ("", "receipt", "kuitansi")
    REFUND = ("ref", "refund", "pengembalian")
    RUN = ("run", "generation run", "proses penerbitan tagihan")
    SERVICE_TOKEN = ("tok", "service token", "token layanan")
    SETTLEMENT = ("set", "settlement", "penyelesaian selisih")
    SETTINGS = ("", "billing settings", "pengaturan tagihan")
    SIGN_IN = ("sig", "sign-in", "sesi masuk")
    TIMELINE_ENTRY = ("tle", "timeline entry", "catatan riwayat")
    UPCOMING_BLOCK = ("upb", "upcoming block", "isolir yang akan datang")
    USER = ("usr", "user", "pengguna")
    WRITE_OFF = ("wof", "write-off", "penghapusan piutang")

    def __init__(self, prefix: str, english: str, indonesian: str) -> None:
        self.prefix = prefix
        self.english = english
        self.indonesian = indonesian

    def id(self, *numbers: int) -> str:
        """Return the public id of the row with this number, or of what several rows name together, such as `rcp_3_1`."""
        return "_".join([self.prefix, *map(str, numbers)])
