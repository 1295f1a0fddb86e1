"""Names of the limits on requests: a stable code each, and its name in both languages."""

from enum import Enum


class Limit(Enum):
    """A limit: code, English name, Indonesian name."""

    ALIASES = ("aliases", "number of aliases", "jumlah alias")
    BATCH = ("batch", "number of requests in a batch", "jumlah permintaan dalam satu kiriman")
    CHARACTERS = ("characters", "number of characters", "jumlah karakter")
    COST = ("cost", "cost", "biaya")
    DEPTH = ("depth", "depth", "kedalaman")
    DIGITS = ("digits", "number of digits", "jumlah digit bilangan")
    DIRECTIVES = ("directives", "number of directives", "jumlah direktif")
    ENTRIES = ("entries", "number of entries", "jumlah entri")
    FIELDS = ("fields", "number of fields", "jumlah field")
    FRAGMENTS = ("fragments", "number of fragments", "jumlah fragmen")
    MUTATIONS = ("mutations", "number of mutations", "jumlah mutasi")
    NESTING = ("nesting", "nesting of lists and objects", "kedalaman daftar dan objek")
    OPERATIONS = ("operations", "number of operations", "jumlah operasi")
    REPEATS = ("repeats", "number of repeats of a field", "jumlah pengulangan satu field")
    ROOT_FIELDS = ("rootFields", "number of root fields", "jumlah field akar")
    TOKENS = ("tokens", "number of tokens", "jumlah token")
    VALUES = ("values", "number of values", "jumlah nilai")
    SUBSCRIPTIONS_OF_A_CONNECTION = ("subscriptions of a connection", "subscriptions of a connection", "langganan dalam satu sambungan")
    SUBSCRIPTIONS_OF_A_USER = ("subscriptions of a user", "subscriptions of a user", "langganan seorang pengguna")
    DIFFERENT_OF_A_USER = (
        "different subscriptions of a user", "different subscriptions of a user", "langganan berbeda seorang pengguna",
    )  # fmt: skip
    DIFFERENT_OF_ALL = (
        "different subscriptions of all users", "different subscriptions of all users", "langganan berbeda semua pengguna",
    )  # fmt: skip

    def __init__(self, code: str, english: str, indonesian: str) -> None:
        self.code = code
        self.english = english
        self.indonesian = indonesian
