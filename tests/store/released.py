"""Stores as earlier versions of Surefoot left them, written in SQL, with one study in each."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.answers import small_answer

TABLES = """
CREATE TABLE surefoot_schema (version {serial} NOT NULL, PRIMARY KEY (version));
CREATE TABLE surefoot_studies (
    id {serial} NOT NULL, name TEXT NOT NULL, task TEXT NOT NULL, created TEXT NOT NULL,
    settings TEXT NOT NULL, look TEXT NOT NULL, environment TEXT NOT NULL, answer TEXT,
    PRIMARY KEY (id), UNIQUE (name)
);
CREATE TABLE surefoot_runs (
    id {serial} NOT NULL, study INTEGER NOT NULL, optimizer TEXT NOT NULL, hyperparameters TEXT NOT NULL,
    schedule TEXT NOT NULL, seed BIGINT NOT NULL, phase TEXT NOT NULL, status TEXT NOT NULL,
    message TEXT NOT NULL, seconds_per_step {double}, state_bytes BIGINT NOT NULL, PRIMARY KEY (id),
    UNIQUE (study, phase, seed, optimizer, hyperparameters, schedule),
    FOREIGN KEY(study) REFERENCES surefoot_studies (id)
);
CREATE TABLE surefoot_points (
    run INTEGER NOT NULL, progress {double} NOT NULL, seconds {double}, value {double},
    PRIMARY KEY (run, progress), FOREIGN KEY(run) REFERENCES surefoot_runs (id)
);
CREATE TABLE surefoot_decisions (
    study INTEGER NOT NULL, number INTEGER NOT NULL, seconds {double}, kind TEXT NOT NULL, text TEXT NOT NULL,
    details TEXT NOT NULL, PRIMARY KEY (study, number), FOREIGN KEY(study) REFERENCES surefoot_studies (id)
);
"""

CONTENT = """
INSERT INTO surefoot_schema VALUES (1);
INSERT INTO surefoot_studies VALUES (1, 'digits', 'digits', '2026-11-01T12:00:00+00:00',
    '{"margin":{"$float":"nan"},"seed":0}', '{"steps":200}', '{"cpus":2}', 'ANSWER');
INSERT INTO surefoot_runs VALUES (1, 1, 'Adam', '{"betas":[0.9,0.999],"lr":0.001}', '{"kind":"trunk"}', 0,
    'screen', 'completed', '', 0.001, 4096);
INSERT INTO surefoot_runs VALUES (2, 1, 'SGD', '{"lr":0.1}', '{"kind":"trunk"}', 0, 'screen', 'failed',
    'the café is closed', NULL, 0);
INSERT INTO surefoot_points VALUES (1, 0.1, 1.5, 0.25);
INSERT INTO surefoot_points VALUES (1, 1.0, 15.0, NULL);
INSERT INTO surefoot_decisions VALUES (1, 0, 2.5, 'promoted', 'Adam goes on.', '{"rung":0.1}');
"""


CONTENT = CONTENT.replace("ANSWER", json.dumps(small_answer().to_document()))

VERSION_2 = """
ALTER TABLE surefoot_runs ADD COLUMN cause TEXT DEFAULT '' NOT NULL;
UPDATE surefoot_runs SET cause = 'memory' WHERE status = 'failed';
UPDATE surefoot_schema SET version = 2;
"""


def connect(url: str) -> Any:
    """A connection to PostgreSQL, whose driver the quick lane does without."""
    import psycopg

    return psycopg.connect(url)


def write_version_2(url: str) -> None:
    """Make the tables as version 2 had them, and fill them."""
    write_version_1(url)
    if url.startswith("sqlite:///"):
        with sqlite3.connect(Path(url.removeprefix("sqlite:///"))) as db:
            db.executescript(VERSION_2)
        db.close()
        return
    with connect(url) as db:
        db.execute(VERSION_2)


def write_version_1(url: str) -> None:
    """Make the tables as the first release did, and fill them."""
    if url.startswith("sqlite:///"):
        with sqlite3.connect(Path(url.removeprefix("sqlite:///"))) as db:
            db.executescript(TABLES.format(serial="INTEGER", double="DOUBLE") + CONTENT)
        db.close()
        return
    with connect(url) as db:
        db.execute(TABLES.format(serial="SERIAL", double="DOUBLE PRECISION"))
        db.execute(CONTENT)
        for table in ("studies", "runs"):  # as inserting by the serial would have
            db.execute(f"SELECT setval('surefoot_{table}_id_seq', (SELECT max(id) FROM surefoot_{table}))")
