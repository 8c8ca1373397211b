"""Every table of the gate's database. Instants are RFC 3339 text as `format_instant` writes it: it sorts as time.

`gate/store/migrations` makes these tables; a test holds the two together on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OPEN_STATES = ("submitted", "gathering", "decided", "acting")
"""States of an evaluation that somebody works on or should; one key has at most one of them."""

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
"""One row: the log's name, its size, its root, and the roots of its full subtrees, largest first, 32 bytes each.

Every transaction that appends updates it first: that row's lock is what puts writers in a row.
"""

ledger_leaves = Table(
    "ledger_leaves",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("evaluation", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("leaf_bytes", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    UniqueConstraint("evaluation", "event", "attempt"),
    Index(None, "event"),
    Index(None, "recorded_at"),
    Index(None, "subject"),
)
"""Append-only, which triggers enforce. Only `leaf_bytes` is the record; the other columns find it."""

ledger_private = Table(
    "ledger_private",
    metadata,
    Column("commitment", Text, primary_key=True),
    Column("leaf_index", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("value", Text, nullable=False),
    Index(None, "leaf_index"),
)
"""Personal values; the leaf holds the salted commitment alone, so that a row here may be erased."""

blobs = Table(
    "blobs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""Content by digest: evidence parts, manifests, decisions, raw policy. Never updated, which a trigger enforces."""

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("repository", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("environment_digest", Text, nullable=False),
    Column("policy_digest", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("submitted_at", Text, nullable=False),
    Column("first_seen_at", Text, nullable=False),
    Column("lease_owner", Text, nullable=False),
    Column("lease_expires_at", Text, nullable=False),
    Column("decision_digest", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("finished_at", Text, nullable=False),
    Index(None, "repository", "digest"),
    Index(None, "submitted_at"),
    Index(
        "uq_evaluations_open_key",
        "key",
        unique=True,
        sqlite_where=text("state IN ('submitted', 'gathering', 'decided', 'acting')"),
        postgresql_where=text("state IN ('submitted', 'gathering', 'decided', 'acting')"),
    ),
)
"""Runs. What is not known yet is the empty text. `requester` is canonical JSON of a Principal."""

decisions = Table(
    "decisions",
    metadata,
    Column("evaluation", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("decided_at", Text, nullable=False),
    Index(None, "digest"),
    Index(None, "subject"),
    Index(None, "repository", "decided_at"),
    Index(None, "decided_at", "digest"),
)
"""What finds a decision; the decision itself is the blob of that digest."""

exception_requests = Table(
    "exception_requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "state", "opened_at"),
    Index(None, "opened_at", "id"),
)
"""Requests as they stand. `version` counts changes; a change names the version that it was made from."""

grants = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("not_before", Text, nullable=False),
    Column("expires", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "kind", "name"),
    Index(None, "expires"),
)
"""Approvals. Never updated: extending is a new grant."""

reference_data = Table(
    "reference_data",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("published_at", Text, nullable=False),
    Column("imported_at", Text, nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Index(
        "uq_reference_data_active_kind",
        "kind",
        unique=True,
        sqlite_where=text("active = 1"),
        postgresql_where=text("active"),
    ),
)
"""Snapshots, kept by digest. At most one of a kind is active."""

reference_rows = Table(
    "reference_rows",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("snapshot", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("record", Text, nullable=False),
)
"""The rows of each snapshot by the key that finds them; a `record` is JSON text that only its kind's reader knows."""

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("evaluation", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("sent_at", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Index(None, "evaluation"),
)
"""Messages to people and what became of each. A channel is named, never addressed: addresses hold secrets."""

layer_results = Table(
    "layer_results",
    metadata,
    Column("key", Text, primary_key=True),
    Column("layer", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index(None, "stored_at", "size"),
)
"""A cache of what layers were read as; `gate.image.cache` says what a key is. Any row may go at any time."""

fix_sightings = Table(
    "fix_sightings",
    metadata,
    Column("component", Text, primary_key=True),
    Column("vulnerability", Text, primary_key=True),
    Column("first_seen_at", Text, nullable=False),
)
"""When a source first told this gate of a fix for a vulnerability of a component; triggers let nobody change it."""

submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("evaluation", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("submitted_at", Text, nullable=False),
    Index(None, "evaluation"),
)
"""Who asked for an evaluation that was under way already, and by which tag; triggers let nobody change it."""

burials = Table(
    "burials",
    metadata,
    Column("evaluation", Text, primary_key=True),
    Column("repository", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tombstone", Text, nullable=False),
    Column("buried_at", Text, nullable=False),
    Column("due_at", Text, nullable=False),
    Column("look_at", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_owner", Text, nullable=False),
    Column("lease_expires_at", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Index(None, "digest"),
    Index(None, "state", "look_at"),
    Index(
        "uq_burials_standing",
        "repository",
        "digest",
        unique=True,
        sqlite_where=text("state IN ('buried', 'deleting')"),
        postgresql_where=text("state IN ('buried', 'deleting')"),
    ),
)
"""What was discarded and is not deleted yet, by the run that discarded it; `gate.store.burials` says what a row is."""

retirements = Table(
    "retirements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("due_at", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "digest"),
    Index(None, "state", "due_at"),
)
"""What is taken out of service, an image and place a row; `version` counts changes. None is ever deleted."""

retired_tags = Table(
    "retired_tags",
    metadata,
    Column("place", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("retirement", Text, nullable=False),
)
"""Names that a retired image had, which no other image may have in that place; triggers let nobody change it."""
