"""Files as other billing systems write them, by chance that can be repeated, and the truth about them. Knows nothing of the readers."""

import random
import sqlite3
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

SECRET: Final = "rahasia-pelanggan"
"""Every password in these files."""
NAMES: Final = ("Budi", "O'Neil", 'Warung "Jaya"', "Siti; Aminah", "C:\\Toko", "Bu Déwi", "Pak (Gito), S.Pd", "Rini -- Ayu", "Doa 😀")
JANUARY_ENDS: Final = date(2026, 1, 31)


@dataclass
class Truth:
    """How a customer stands there at the end of January 2026; rupiah."""

    key: str
    plan: str
    price: int
    months: int = 1
    arrears: int = 0
    credit: int = 0
    due_on: date | None = None
    paid_until: date = JANUARY_ENDS
    """The last day that isn't ours to bill."""
    active: bool = True
    payments: int = 0
    """Of the history."""


@dataclass
class Peer:
    """A file and the truth about it."""

    customers: list[Truth] = field(default_factory=list)
    left_out: int = 0


def sql_text(text: str) -> str:
    """As mysqldump writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


# --- PHPNuxBill --------------------------------------------------------------------------------------------------------------

NUX_PLANS: Final = (
    (1, "Rumah 10M", "150000", "PPPOE", 1, "Months", "yes", 1),
    (2, "Rumah 20M", "225000.00", "PPPOE", 30, "Days", "yes", 1),
    (3, "Pasca 15M", "175000", "PPPOE", 1, "Period", "no", 1),
    (4, "Triwulan 10M", "420000", "PPPOE", 3, "Months", "yes", 3),
    (5, "Voucher 3 Jam", "2000", "Hotspot", 3, "Hrs", "yes", 0),
)
_NUX: Final = {
    "tbl_customers": ("id", "username", "password", "pppoe_username", "pppoe_password", "fullname", "address", "phonenumber", "balance",
                      "service_type", "status", "created_at"),
    "tbl_plans": ("id", "name_plan", "price", "type", "validity", "validity_unit", "prepaid"),
    "tbl_user_recharges": ("id", "customer_id", "username", "plan_id", "namebp", "recharged_on", "expiration", "time", "status", "type"),
    "tbl_customers_fields": ("id", "customer_id", "field_name", "field_value"),
    "tbl_transactions": ("id", "invoice", "username", "user_id", "plan_name", "price", "recharged_on", "method", "type"),
    "tbl_logs": ("id", "date", "type", "description"),
}  # fmt: skip
Rows = dict[str, list[tuple[object, ...]]]


def nux_rows(count: int, seed: int = 1) -> tuple[Rows, Peer]:
    """The tables of PHPNuxBill's database."""
    chance, peer = random.Random(seed), Peer()
    rows: Rows = {table: [] for table in _NUX}
    rows["tbl_plans"] = [plan[:7] for plan in NUX_PLANS]
    rows["tbl_logs"] = [(1, "2026-01-01 00:00:00", "Admin", "INSERT INTO `tbl_customers` VALUES (1,'it''s; no statement');")]
    for number in range(1, count + 1):
        plan = NUX_PLANS[number % 4]
        price = int(float(plan[2])) // plan[7]
        truth = Truth(f"plg{number:04d}", plan[1], price, plan[7])
        expires = date(2026, 2, 1) + timedelta(days=chance.randrange(0, 27))
        if plan[7] == 3:
            expires = date(2026, 2 + chance.randrange(3), 1) + timedelta(days=chance.randrange(27))
        midnight = chance.random() < 0.2
        if chance.random() < 0.1:  # gone since before January
            expires = date(2025, 12, 31) - timedelta(days=chance.randrange(1, 300))
            truth.active = False
        truth.paid_until = max(expires - timedelta(days=midnight), JANUARY_ENDS)
        if chance.random() < 0.4:
            truth.credit = chance.randrange(1, 40) * 5_000
        fields = {}
        if plan[5] == "Period":
            truth.arrears, truth.due_on = chance.randrange(10_000, 175_000), expires
            fields["Invoice"] = str(truth.arrears)
        if chance.random() < 0.1:
            truth.arrears += 60_000
            fields["Router Bill"] = "20000:3"
        paid = chance.randrange(3)
        truth.payments = paid
        banned = truth.active and chance.random() < 0.05
        truth.active = truth.active and not banned
        _nux_customer(rows, number, truth, plan, name=chance.choice(NAMES), expires=expires, midnight=midnight, banned=banned)
        rows["tbl_customers_fields"] += [(0, number, name, value) for name, value in fields.items()]
        rows["tbl_transactions"] += [
            (0, f"INV-{number}-{one}", truth.key, number, plan[1], plan[2], f"2025-12-{one + 1:02d}", "Cash - Kasir", "PPPOE")
            for one in range(paid)
        ]
        peer.customers.append(truth)
    rows["tbl_customers"].append((count + 1, "tamu", SECRET, "", "", "Tamu", "", "0", "0.00", "Hotspot", "Active", "2025-01-01 00:00:00"))
    rows["tbl_customers"].append((count + 2, "jam", SECRET, "", "", "Jam", "", "0", "0.00", "Hotspot", "Active", "2025-01-01 00:00:00"))
    rows["tbl_user_recharges"].append(
        (9999, count + 2, "jam", 5, "Voucher 3 Jam", "2026-01-01", "2026-01-01", "12:00:00", "off", "Hotspot")
    )  # fmt: skip
    peer.left_out = 2
    return rows, peer


def _nux_customer(
    rows: Rows, number: int, truth: Truth, plan: tuple[object, ...], *, name: str, expires: date, midnight: bool, banned: bool
) -> None:
    status = "Banned" if banned else "Active"
    rows["tbl_customers"].append(
        (number, truth.key, SECRET, f"ppp-{number}" if number % 2 else "", SECRET, f"{name} {number}", "Jl. Mawar\nRT 1",
         f"0812{number:08d}" if number % 3 else "0", f"{truth.credit}.00", "PPPoE", status, "2024-03-01 08:00:00")
    )  # fmt: skip
    time = "00:00:00" if midnight else "10:30:00"
    # An older recharge on the hotspot is no longer what counts.
    rows["tbl_user_recharges"].append(
        (number * 2 - 1, number, truth.key, 5, "Voucher 3 Jam", "2024-03-01", "2024-03-01", time, "off", "Hotspot")
    )
    rows["tbl_user_recharges"].append(
        (number * 2, number, truth.key, plan[0], plan[1], "2026-01-02", expires.isoformat(), time, "on", "PPPOE")
    )


def nux_sql(rows: Rows) -> bytes:
    """As mysqldump writes it, several rows to an INSERT."""
    lines = [
        "-- MySQL dump 10.13  Distrib 8.0; it's of `nuxbill`",
        "/*!40101 SET NAMES utf8mb4 */;",
        "DROP TABLE IF EXISTS `tbl_customers`;",
    ]
    for table, columns in _NUX.items():
        defined = ",\n  ".join(f"`{column}` varchar(99) NOT NULL DEFAULT '0,(' COMMENT 'a; b'" for column in columns)
        lines.append(f"CREATE TABLE `{table}` (\n  {defined},\n  PRIMARY KEY (`id`),\n  KEY `x` (`id`)\n) ENGINE=InnoDB;")
        lines.append(f"LOCK TABLES `{table}` WRITE;")
        found = rows[table]
        for begin in range(0, len(found), 7):
            values = ",".join(
                "(" + ",".join(str(cell) if isinstance(cell, int) else sql_text(str(cell)) for cell in row) + ")"
                for row in found[begin : begin + 7]
            )
            lines.append(f"INSERT INTO `{table}` VALUES {values};")
    return "\n".join([*lines, "UNLOCK TABLES;", "-- Dump completed"]).encode()


def nux_backup(rows: Rows) -> dict[str, list[dict[str, object]]]:
    """As its own backup has it."""
    return {table: [dict(zip(_NUX[table], row, strict=True)) for row in found] for table, found in rows.items() if table != "tbl_logs"}


# --- Gembok ------------------------------------------------------------------------------------------------------------------

_GEMBOK: Final = """
CREATE TABLE packages (id INTEGER PRIMARY KEY, name TEXT NOT NULL, speed TEXT, price DECIMAL(10,2) NOT NULL,
    tax_rate DECIMAL(5,2) DEFAULT 11.00);
CREATE TABLE customers (id INTEGER PRIMARY KEY, username TEXT UNIQUE NOT NULL, name TEXT NOT NULL, phone TEXT, password TEXT,
    pppoe_username TEXT, address TEXT, package_id INTEGER, status TEXT DEFAULT 'active', billing_day INTEGER DEFAULT 15,
    join_date DATETIME DEFAULT CURRENT_TIMESTAMP, -- kolom baru
    FOREIGN KEY (package_id) REFERENCES packages (id));
CREATE TABLE invoices (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, package_id INTEGER, invoice_number TEXT,
    amount DECIMAL(10,2) NOT NULL, due_date DATE NOT NULL, status TEXT DEFAULT 'unpaid', invoice_type TEXT DEFAULT 'monthly',
    created_at DATETIME);
CREATE TABLE payments (id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL, amount DECIMAL(10,2), payment_date DATETIME,
    payment_method TEXT);
CREATE TABLE app_settings (id INTEGER PRIMARY KEY, value TEXT);
CREATE TRIGGER log_customer AFTER INSERT ON customers BEGIN INSERT INTO app_settings (value) VALUES ('baru; ' || NEW.name); END;
"""
_GEMBOK_PRICES: Final = {
    1: ("Hemat 10M", 135_135, None, 150_000), 2: ("Cepat 20M", 200_000, 0, 200_000), 3: ("Kilat 50M", 300_000.0, 11, 333_000),
}  # fmt: skip
"""Name, price without tax, tax in per cent, and what customers pay."""
_PAST_MONTHS: Final = (date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1))


def gembok(path: Path, count: int, seed: int = 2) -> Peer:
    """Its SQLite database, at `path`."""
    chance, peer = random.Random(seed), Peer()
    database = sqlite3.connect(path)
    database.executescript(_GEMBOK)
    database.executemany(
        "INSERT INTO packages (id, name, price, tax_rate) VALUES (?, ?, ?, ?)",
        [(number, name, price, tax) for number, (name, price, tax, _) in _GEMBOK_PRICES.items()],
    )
    invoice = 0
    for number in range(1, count + 1):
        package = number % 3 + 1
        name, _, _, price = _GEMBOK_PRICES[package]
        status = chance.choices(("active", "suspended", "inactive"), (8, 2, 1))[0]
        truth = Truth(f"cust_{number}", name, price, active=status != "inactive")
        day = chance.choice((5, 10, 10, 10, 28))
        database.execute(
            "INSERT INTO customers"
            " (id, username, name, phone, password, pppoe_username, address, package_id, status, billing_day, join_date)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, truth.key, f"{chance.choice(NAMES)} {number}", f"62813{number:07d}", SECRET, f"g{number}@isp", "Jl. Melati", package,
             status, day, "2025-06-30 18:30:00"),
        )  # fmt: skip
        months = [*_PAST_MONTHS, date(2026, 2, 1)] if chance.random() < 0.1 else list(_PAST_MONTHS)  # February's is there already
        if len(months) > 3:
            truth.paid_until = date(2026, 2, 28)
        for month in months:
            invoice += 1
            unpaid = chance.random() < 0.35
            amount = price + chance.randrange(3) * 1_000
            database.execute(
                "INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (invoice, number, package, f"INV-{invoice}", amount, month.replace(day=day).isoformat(), "unpaid" if unpaid else "paid",
                 "monthly", f"{month - timedelta(days=1)} 18:00:00"),  # 1 o'clock on the first in Jakarta
            )  # fmt: skip
            if unpaid:
                truth.arrears += amount
                truth.due_on = truth.due_on or month.replace(day=day)
            else:
                database.execute("INSERT INTO payments VALUES (NULL, ?, ?, ?, 'cash')", (invoice, amount, f"{month} 03:00:00"))
                truth.payments += 1
        peer.customers.append(truth)
    database.execute("INSERT INTO customers (id, username, name, phone, package_id) VALUES (99021, 'voucher_public', 'Voucher', '0', 1)")
    database.execute(
        "INSERT INTO invoices VALUES (99999, 99021, 1, 'INV-VCR-1', 3000, '2026-01-05', 'unpaid', 'voucher', '2026-01-05 00:00:00')"
    )
    peer.left_out = 1
    database.commit()
    database.close()
    return peer


def gembok_sql(path: Path) -> bytes:
    """As `.dump` writes it."""
    database = sqlite3.connect(path)
    found = "\n".join(database.iterdump())
    database.close()
    return found.encode()


# --- Mikhmon -----------------------------------------------------------------------------------------------------------------

_PROFILES: Final = (
    ("Member 10M", 120_000, 150_000, 1, "30d"),
    ("Member 20M", 200_000, 0, 1, "4w2d"),
    ("Paket 3 Bulan", 0, 400_002, 3, "90d"),
)


def mikhmon(count: int, seed: int = 3) -> tuple[bytes, bytes, Peer]:
    """A router's export, a file of balances in CSV, and the truth."""
    chance, peer = random.Random(seed), Peer()
    lines = ["# jan/31/2026 23:00:00 by RouterOS 6.49.10", "/ip hotspot user profile"]
    for name, price, selling, _, validity in (*_PROFILES, ("Jam-an", 1_000, 2_000, 0, "3h")):
        script = f':put (\\",rem,{price},{validity},{selling},,Enable,\\"); {{:local date [ /system clock get date ]}}'
        lines.append(f'add name="{name}" on-login="{script}" rate-limit=\\\n    10M/10M')
    lines += ["/ip hotspot user", "add name=admin password=x profile=Jam-an comment=up-admin"]
    scripts, balances = ["/system script"], ["Kode;Nama;Tunggakan;Titipan;Jatuh Tempo"]
    for number in range(1, count + 1):
        name, price, selling, months, _ = _PROFILES[number % 3]
        truth = Truth(f"wifi{number}", name, (selling or price) // months, months)
        expires = date(2026, 2, 1) + timedelta(days=chance.randrange(0, 100 if months == 3 else 27))
        if chance.random() < 0.1:
            expires, truth.active = date(2025, 10, 1) + timedelta(days=chance.randrange(80)), False
        truth.paid_until = max(expires, JANUARY_ENDS)
        comment = f"{expires:%b/%d/%Y} 10:30:00".lower() if number % 2 else f"{expires} 10:30:00"
        if truth.active and chance.random() < 0.05:
            truth.active = False
            disabled = " disabled=yes"
        else:
            disabled = ""
        lines.append(f'add comment="{comment}" name={truth.key} password={SECRET} profile="{name}"{disabled}')
        for sold in range(chance.randrange(3)):
            sale = f"jan/{sold + 1:02d}/2026-|-10:00:00-|-{truth.key}-|-{price + 1}-|-10.5.0.2-|-AA:BB-|-30d-|-{name}-|-"
            scripts.append(f'add comment=mikhmon name="{sale}" owner=jan2026 source=jan/01/2026')
            truth.payments += 1
        owing = chance.random()
        if owing < 0.4:
            truth.arrears, truth.due_on = chance.randrange(1, 300) * 1_000, date(2026, 1, chance.randrange(1, 28))
            balances.append(f"{truth.key};Budi;Rp {truth.arrears:,};;{truth.due_on:%d/%m/%Y}".replace(",", "."))
        elif owing < 0.6:
            truth.credit = chance.randrange(1, 300) * 500
            balances.append(f"{truth.key};Budi;;{truth.credit};")
        peer.customers.append(truth)
    lines.append("add comment=vc-123-01.31.26-pagi name=VC99 password=VC99 profile=Jam-an")
    peer.left_out = 2
    return "\n".join([*lines, *scripts, ""]).encode(), "\n".join(balances).encode(), peer
