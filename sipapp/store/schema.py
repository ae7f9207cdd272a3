"""The tables of the SQLite file, as the list of steps that make them.

``PRAGMA user_version`` of a file is the number of steps it has behind it. A step that was released
is never edited: a change is a new step at the end of the list.
"""

from __future__ import annotations

__all__ = ["MIGRATIONS"]

# Bindings of one AOR are always written together and in order, hence the key; without a rowid
# the whole AOR lies on one page. Only `expires` needs care: see `sqlite.py`.
_BINDINGS = """
CREATE TABLE binding (
    aor        TEXT    NOT NULL,
    position   INTEGER NOT NULL,  -- 0 is the one that lookup names first
    contact    TEXT    NOT NULL,  -- URI without angle brackets
    params     TEXT    NOT NULL,  -- other Contact parameters, each with its leading semicolon
    q          INTEGER,           -- thousandths
    expires    REAL    NOT NULL,  -- seconds since 1970, UTC
    lifetime   REAL    NOT NULL,  -- seconds that were left when the row was written
    call_id    TEXT    NOT NULL,
    cseq       INTEGER NOT NULL,
    path       TEXT    NOT NULL,  -- JSON list of Path values
    instance   TEXT    NOT NULL,
    reg_id     INTEGER NOT NULL,
    user_agent TEXT    NOT NULL,
    received   TEXT    NOT NULL,  -- "UDP our-listener its-source", or empty
    PRIMARY KEY (aor, position)
) WITHOUT ROWID
"""

# What may be looked up is read into memory as a whole; the revision tells other processes when to
# read it again. Triggers count, so that a change by hand is seen as well.
_ACCOUNTS = (
    """
CREATE TABLE account (
    username   TEXT    NOT NULL,  -- compared by case
    domain     TEXT    NOT NULL,  -- lower case; the digest realm
    ha1_md5    TEXT    NOT NULL,  -- lower-case hexadecimal of the hash of username:domain:password
    ha1_sha256 TEXT    NOT NULL,
    enabled    INTEGER NOT NULL,  -- 0 or 1
    PRIMARY KEY (domain, username)
) WITHOUT ROWID
""",
    "CREATE TABLE account_revision (number INTEGER NOT NULL)",
    "INSERT INTO account_revision VALUES (0)",
    """
CREATE TRIGGER account_inserted AFTER INSERT ON account
BEGIN UPDATE account_revision SET number = number + 1; END
""",
    """
CREATE TRIGGER account_updated AFTER UPDATE ON account
BEGIN UPDATE account_revision SET number = number + 1; END
""",
    """
CREATE TRIGGER account_deleted AFTER DELETE ON account
BEGIN UPDATE account_revision SET number = number + 1; END
""",
)

# PRAGMA takes no bound parameter, so each step says itself which number it brings the file to.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_BINDINGS, "PRAGMA user_version = 1"),
    (*_ACCOUNTS, "PRAGMA user_version = 2"),
)
