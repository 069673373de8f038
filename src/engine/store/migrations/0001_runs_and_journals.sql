-- Instants in columns that are compared are milliseconds since 1970; `journal.at` is the text that was hashed.
CREATE TABLE run (
    id              TEXT    PRIMARY KEY NOT NULL,
    domain          TEXT    NOT NULL,
    domain_file     TEXT    NOT NULL,
    playbook        TEXT    NOT NULL,
    playbook_digest TEXT    NOT NULL,
    playbook_text   TEXT    NOT NULL,
    settings        TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'done', 'aborted', 'blocked')),
    wake_at         INTEGER,
    why             TEXT    NOT NULL DEFAULT 'null',
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    owner           TEXT,
    lease_until     INTEGER,
    fence           INTEGER NOT NULL DEFAULT 0,
    last_seq        INTEGER NOT NULL DEFAULT 0,
    last_hash       TEXT    NOT NULL,
    CHECK ((owner IS NULL) = (lease_until IS NULL))
) STRICT;

CREATE UNIQUE INDEX run_one_unfinished ON run (domain) WHERE status NOT IN ('done', 'aborted');
CREATE INDEX run_due ON run (wake_at) WHERE status NOT IN ('done', 'aborted');

CREATE TABLE journal (
    run       TEXT    NOT NULL REFERENCES run (id),
    seq       INTEGER NOT NULL,
    fence     INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    at        TEXT    NOT NULL,
    intent    TEXT,
    body      TEXT    NOT NULL,
    prev_hash TEXT    NOT NULL,
    hash      TEXT    NOT NULL,
    PRIMARY KEY (run, seq),
    CHECK ((intent IS NOT NULL) = (kind IN ('intent', 'outcome')))
) STRICT;

-- One intent has at most one outcome; also finds the intents that have none.
CREATE UNIQUE INDEX journal_intent ON journal (run, intent, kind) WHERE intent IS NOT NULL;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE memory (
    run     TEXT    PRIMARY KEY NOT NULL REFERENCES run (id),
    version INTEGER NOT NULL,
    json    TEXT    NOT NULL
) STRICT;
