"""The ledger's tables: only ever appended to, which the database itself enforces; in SQLite or PostgreSQL."""

TABLES = ("transfers", "entries", "lots", "lot_lines")

SCHEMA = """
CREATE TABLE IF NOT EXISTS transfers (
  transfer_id INTEGER PRIMARY KEY,  -- the number of its entry in the chain, too
  reference TEXT NOT NULL UNIQUE,   -- 'booking:<id>', 'redeem:<key>', 'expire:<lot>': each happens once
  kind TEXT NOT NULL CHECK (kind IN ('earn', 'clawback', 'redeem', 'expire')),
  at_us INTEGER NOT NULL,           -- microseconds UTC
  body TEXT NOT NULL,               -- digest of the request, to tell a repetition from a conflict
  salt BLOB NOT NULL                -- of the digest that the chain covers
);
CREATE TABLE IF NOT EXISTS entries (  -- the points of one transfer add up to zero
  transfer_id INTEGER NOT NULL REFERENCES transfers,
  account TEXT NOT NULL,            -- 'customer:<id>', 'owed:<id>', 'issued', 'redeemed', 'expired'
  points INTEGER NOT NULL CHECK (points <> 0),
  PRIMARY KEY (transfer_id, account)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_by_account ON entries (account, points);
CREATE TABLE IF NOT EXISTS lots (
  lot_id INTEGER PRIMARY KEY,       -- the number of the transfer that awarded it
  customer_id TEXT NOT NULL,
  earned_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS lots_by_customer ON lots (customer_id, expires_us);
CREATE INDEX IF NOT EXISTS lots_by_expiry ON lots (expires_us);
CREATE TABLE IF NOT EXISTS lot_lines (  -- an award is positive, what draws on it negative
  lot_id INTEGER NOT NULL REFERENCES lots,
  transfer_id INTEGER NOT NULL REFERENCES transfers,
  points INTEGER NOT NULL CHECK (points <> 0),
  PRIMARY KEY (lot_id, transfer_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lot_lines_by_transfer ON lot_lines (transfer_id);
"""
NEEDED = {"transfers": "transfer_id, reference, kind, at_us, body, salt"}
PLACE = "bank_ledger"  # the schema in PostgreSQL
CHAIN = "ledger"

# Each query finds what breaks the sentence that names it.
INVARIANTS = {
    "the entries of transfer {} do not add up to zero": (
        "SELECT transfer_id FROM entries GROUP BY transfer_id HAVING SUM(points) <> 0"
    ),
    "lot {} was drawn below zero": "SELECT lot_id FROM lot_lines GROUP BY lot_id HAVING SUM(points) < 0",
    "the lots of customer {} differ from the account": (
        "SELECT customer_id FROM ("
        " SELECT l.customer_id, m.points FROM lots l JOIN lot_lines m USING (lot_id)"
        " UNION ALL SELECT SUBSTR(account, 10), -points FROM entries"
        " WHERE account >= 'customer:' AND account < 'customer;') AS both_sides"
        " GROUP BY customer_id HAVING SUM(points) <> 0"
    ),
    "{} has paid back more than was owed": (
        "SELECT account FROM entries WHERE account >= 'owed:' AND account < 'owed;'"
        " GROUP BY account HAVING SUM(points) > 0"
    ),
    "the numbers of transfers have gaps before {}": (
        "SELECT MAX(transfer_id) FROM transfers HAVING MAX(transfer_id) <> COUNT(*)"
    ),
}
