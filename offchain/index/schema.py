"""The tables of an index.

`events` has everything that was told. The other tables are what it amounts to, one row for a thing that people ask
about, so that no query reads more rows than it gives; what is summed up for an account is in an index of its own.
Positions (`at`) are those of `Event.at`; amounts are decimal text, for SQLite's integers end at nine tokens of 18
decimals; hashes are hex.
"""

VERSION = 3
"""An index of another version is made anew."""

TABLES = """
CREATE TABLE origin (                   -- one row: whose events these are
  chain_id INTEGER NOT NULL,
  proof    TEXT NOT NULL,
  events   INTEGER NOT NULL             -- how many there are: counting them takes a scan
) STRICT;

CREATE TABLE blocks (                   -- the first one, every one with an event, and the last one of every range
  number    INTEGER PRIMARY KEY,
  hash      TEXT NOT NULL,
  timestamp INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  at               INTEGER PRIMARY KEY,
  transaction_hash BLOB NOT NULL,
  contract         TEXT NOT NULL,
  name             TEXT NOT NULL,
  task_id          INTEGER,
  epoch_id         INTEGER,
  arguments        TEXT NOT NULL        -- JSON
) STRICT;
CREATE INDEX events_of_task ON events(task_id, at) WHERE task_id IS NOT NULL;
CREATE INDEX events_of_epoch ON events(epoch_id, at) WHERE epoch_id IS NOT NULL;

CREATE TABLE tasks (
  task_id          INTEGER PRIMARY KEY,
  data_root        TEXT NOT NULL,
  manifest_hash    TEXT NOT NULL,
  ledger_tip       TEXT NOT NULL,
  data_node        TEXT NOT NULL,
  scorer           TEXT NOT NULL,
  metric           INTEGER NOT NULL,
  feature_count    INTEGER NOT NULL,
  class_count      INTEGER NOT NULL,
  mapping_width    INTEGER NOT NULL,
  row_count        INTEGER NOT NULL,
  test_count       INTEGER NOT NULL,
  reward           TEXT NOT NULL,
  data_node_bond   TEXT NOT NULL,
  miner_bond       TEXT NOT NULL,
  min_score_wad    INTEGER NOT NULL,
  commit_seconds   INTEGER NOT NULL,
  disclose_seconds INTEGER NOT NULL,
  reveal_seconds   INTEGER NOT NULL,
  posted_at        INTEGER NOT NULL,
  draw_block       INTEGER NOT NULL,
  seed             TEXT,
  commit_ends_at   INTEGER NOT NULL DEFAULT 0,
  training_rows    TEXT,
  test_rows        TEXT,
  disclosed_count  INTEGER NOT NULL DEFAULT 0,
  reveal_ends_at   INTEGER NOT NULL DEFAULT 0,
  commitments      INTEGER NOT NULL DEFAULT 0,
  reveals          INTEGER NOT NULL DEFAULT 0,
  outcome          INTEGER,             -- a Phase, once the task has ended
  ended_at         INTEGER,
  winner           TEXT
) STRICT;
CREATE INDEX tasks_open ON tasks(task_id) WHERE outcome IS NULL;
CREATE INDEX tasks_of_data_node ON tasks(data_node, task_id);
CREATE INDEX tasks_open_of_data_node ON tasks(data_node, reward, data_node_bond) WHERE outcome IS NULL;

CREATE TABLE entries (                  -- a miner in a task
  task_id         INTEGER NOT NULL,
  miner           TEXT NOT NULL,
  place           INTEGER NOT NULL,     -- of its commitment, counted from 1
  state           TEXT NOT NULL,        -- an EntryState
  bond            TEXT NOT NULL,
  committed_at    INTEGER NOT NULL,
  scored_count    INTEGER NOT NULL DEFAULT 0,
  revealed_at     INTEGER,
  model_hash      TEXT,
  parameters_hash TEXT,
  score_wad       INTEGER,
  PRIMARY KEY (task_id, miner)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_by_place ON entries(task_id, place);
CREATE INDEX entries_by_score ON entries(task_id, score_wad DESC, place) WHERE score_wad IS NOT NULL;
CREATE INDEX entries_of_miner ON entries(miner, task_id);
CREATE INDEX entries_at_stake ON entries(miner, bond) WHERE state IN ('COMMITTED', 'CLAIMABLE');

CREATE TABLE learning_blocks (
  block_index     INTEGER PRIMARY KEY,
  at              INTEGER NOT NULL,
  timestamp       INTEGER NOT NULL,
  task_id         INTEGER NOT NULL,
  winner          TEXT NOT NULL,
  model_hash      TEXT NOT NULL,
  parameters_hash TEXT NOT NULL,
  score_wad       INTEGER NOT NULL,
  previous_hash   TEXT NOT NULL,
  hash            TEXT NOT NULL,
  is_valid        INTEGER NOT NULL      -- whether hash and previous hash are right
) STRICT;
CREATE INDEX learning_blocks_at ON learning_blocks(at);
CREATE INDEX learning_blocks_of_winner ON learning_blocks(winner, block_index);
CREATE INDEX learning_blocks_invalid ON learning_blocks(block_index) WHERE is_valid = 0;

CREATE TABLE epochs (
  epoch_id        INTEGER PRIMARY KEY,
  provider        TEXT NOT NULL,
  capacity        TEXT NOT NULL,
  unit_cost       TEXT NOT NULL,
  price_floor     TEXT NOT NULL,
  price_cap       TEXT NOT NULL,
  bond            TEXT NOT NULL,
  tolerance_wad   INTEGER NOT NULL,
  max_consumers   INTEGER NOT NULL,
  price_seconds   INTEGER NOT NULL,
  buy_seconds     INTEGER NOT NULL,
  leftover_seconds INTEGER NOT NULL,
  deliver_seconds INTEGER NOT NULL,
  accept_seconds  INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  declare_ends_at INTEGER NOT NULL,
  ends_at         INTEGER NOT NULL,     -- when it is over, or unpriced, as things stand
  price           TEXT NOT NULL DEFAULT '0',
  priced_at       INTEGER NOT NULL DEFAULT 0,
  walk_price      TEXT NOT NULL DEFAULT '0',
  walk_point      TEXT NOT NULL DEFAULT '0',
  demand          TEXT,                 -- of all declared consumers at the price
  consumer_count  INTEGER NOT NULL DEFAULT 0,
  sold_units      TEXT NOT NULL DEFAULT '0',
  purchase_count  INTEGER NOT NULL DEFAULT 0,
  unfinished      INTEGER NOT NULL DEFAULT 0,  -- purchases neither paid nor refunded
  revenue         TEXT NOT NULL DEFAULT '0',   -- what the purchases cost
  paid            TEXT NOT NULL DEFAULT '0',
  refunded        TEXT NOT NULL DEFAULT '0',
  free_bond       TEXT NOT NULL,
  held_bond       TEXT NOT NULL DEFAULT '0',   -- the part that stands for unfinished purchases
  stale           INTEGER NOT NULL DEFAULT 1   -- whether its declarations are to be read again
) STRICT;
CREATE INDEX epochs_by_end ON epochs(ends_at, epoch_id);
CREATE INDEX epochs_by_declaration ON epochs(declare_ends_at);
CREATE INDEX epochs_stale ON epochs(epoch_id) WHERE stale = 1;
CREATE INDEX epochs_priced ON epochs(epoch_id) WHERE priced_at > 0;
CREATE INDEX epochs_of_provider ON epochs(provider, epoch_id);
CREATE INDEX epochs_bonded ON epochs(provider, free_bond, held_bond) WHERE free_bond <> '0' OR held_bond <> '0';

CREATE TABLE declarations (             -- no event tells them: they are read when an event says that they changed
  epoch_id   INTEGER NOT NULL,
  place      INTEGER NOT NULL,          -- counted from 0
  consumer   TEXT NOT NULL,
  utility    INTEGER NOT NULL,
  value      TEXT NOT NULL,
  shape      TEXT NOT NULL,
  most_units TEXT NOT NULL,
  closed     INTEGER NOT NULL,
  locked     TEXT NOT NULL,
  PRIMARY KEY (epoch_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX declarations_locked ON declarations(consumer, locked) WHERE closed = 0;

CREATE TABLE purchases (
  epoch_id     INTEGER NOT NULL,
  purchase_id  INTEGER NOT NULL,
  consumer     TEXT NOT NULL,
  units        TEXT NOT NULL,
  cost         TEXT NOT NULL,
  bond_share   TEXT NOT NULL,
  status       INTEGER NOT NULL,        -- a PurchaseStatus
  job_hash     TEXT NOT NULL,
  result_hash  TEXT,
  bought_at    INTEGER NOT NULL,
  delivered_at INTEGER,
  ended_at     INTEGER,
  PRIMARY KEY (epoch_id, purchase_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX purchases_of_consumer ON purchases(consumer, epoch_id, purchase_id);

CREATE TABLE money (                    -- both sides of every move of the vault
  account  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  side     INTEGER NOT NULL,            -- 0 gives, 1 gets
  kind     TEXT NOT NULL,               -- a MoneyKind
  other    TEXT,                        -- who is on the other side, where the money stays in the vault
  amount   TEXT NOT NULL,
  balance  TEXT NOT NULL,               -- of the account, afterwards
  task_id  INTEGER,
  epoch_id INTEGER,
  PRIMARY KEY (account, at, side)
) STRICT, WITHOUT ROWID;
CREATE INDEX money_at ON money(at);
CREATE INDEX payouts ON money(task_id, at) WHERE side = 1 AND kind NOT IN ('ESCROW', 'BOND');
"""
