"""schema.sql shows the database as the migrations make it."""

import difflib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.db.engine import Database
from sebilling.db.schema_sql import describe

KEPT = (Path(__file__).parents[2] / "schema.sql").read_text(encoding="utf-8")


async def described(database: Database) -> str:
    async with database.reading() as session:
        return await describe(session)


async def test_it_is_current(database: Database) -> None:
    now = await described(database)
    version = [line for line in now.splitlines() if line.startswith("-- Printed by")]
    if version[0] not in KEPT:
        pytest.skip(f"schema.sql was printed by another major version of PostgreSQL; here: {version[0]}")
    different = "\n".join(difflib.unified_diff(KEPT.splitlines(), now.splitlines(), "schema.sql", "the migrations", lineterm="", n=1))
    assert different == "", "run `sebilling schema --sql > schema.sql`"


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("ALTER TABLE plan ADD COLUMN shade text NOT NULL DEFAULT 'grey'", "    shade text NOT NULL DEFAULT 'grey'::text,"),
        ("ALTER TABLE plan ADD CONSTRAINT plan_cheap_check CHECK (price < 5)", "    CONSTRAINT plan_cheap_check CHECK (price < 5)"),
        ("ALTER TABLE plan ADD CONSTRAINT twin FOREIGN KEY (id) REFERENCES counter(id)", "    CONSTRAINT twin FOREIGN KEY"),
        ("CREATE INDEX dear ON plan (price) WHERE price > 5", "CREATE INDEX dear ON plan USING btree (price) WHERE price > 5;"),
        ("CREATE TABLE shade (id bigint GENERATED ALWAYS AS IDENTITY)", "    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY\n"),
        ("CREATE VIEW shade AS SELECT 5 AS five", "CREATE VIEW shade AS\n SELECT 5 AS five;"),
        ("CREATE FUNCTION shade() RETURNS int LANGUAGE sql AS 'SELECT 5'", "CREATE FUNCTION shade()\n RETURNS integer\n"),
        ("CREATE DOMAIN shade AS text NOT NULL CHECK (value <> '')", "CREATE DOMAIN shade AS text NOT NULL CHECK ("),
        ("CREATE TRIGGER kept BEFORE DELETE ON plan EXECUTE FUNCTION refuse_change()", "CREATE TRIGGER kept BEFORE DELETE ON plan "),
        ("CREATE AGGREGATE shade(int) (SFUNC = int4pl, STYPE = int, INITCOND = '7')",
         "CREATE AGGREGATE shade(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '7');"),
        ("DROP INDEX payment_credit_idx", None),
        ("DROP TRIGGER payment_kept ON payment", None),
    ],
)  # fmt: skip
async def test_whatever_a_migration_changes_is_seen(database: Database, change: str, shown: str | None) -> None:
    before = await described(database)
    async with database.transaction(actor=operator("sebilling test"), at=datetime.now(UTC)) as session:
        await session.execute(text(change))
    after = await described(database)
    assert after != before
    assert shown is None or (shown in after and shown not in before)
