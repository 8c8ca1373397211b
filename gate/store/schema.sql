-- Made by `make docs` from the migrations: what they leave in a new SQLite database.
CREATE TABLE gate_schema (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT gate_schema_pkc PRIMARY KEY (version_num)
);
CREATE TABLE ledger_head (
	id INTEGER NOT NULL,
	origin TEXT NOT NULL,
	size BIGINT NOT NULL,
	root BLOB NOT NULL,
	frontier BLOB NOT NULL,
	CONSTRAINT pk_ledger_head PRIMARY KEY (id),
	CONSTRAINT ck_ledger_head_ck_ledger_head_single CHECK (id = 1)
);
CREATE TABLE ledger_leaves (
	leaf_index BIGINT NOT NULL,
	evaluation TEXT NOT NULL,
	event TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	recorded_at TEXT NOT NULL,
	subject TEXT NOT NULL,
	leaf_bytes BLOB NOT NULL,
	leaf_hash BLOB NOT NULL,
	CONSTRAINT pk_ledger_leaves PRIMARY KEY (leaf_index),
	CONSTRAINT uq_ledger_leaves_evaluation_event_attempt UNIQUE (evaluation, event, attempt)
);
CREATE INDEX ix_ledger_leaves_event ON ledger_leaves (event);
CREATE INDEX ix_ledger_leaves_recorded_at ON ledger_leaves (recorded_at);
CREATE INDEX ix_ledger_leaves_subject ON ledger_leaves (subject);
CREATE TABLE ledger_private (
	commitment TEXT NOT NULL,
	leaf_index BIGINT NOT NULL,
	field TEXT NOT NULL,
	salt BLOB NOT NULL,
	value TEXT NOT NULL,
	CONSTRAINT pk_ledger_private PRIMARY KEY (commitment)
);
CREATE INDEX ix_ledger_private_leaf_index ON ledger_private (leaf_index);
CREATE TABLE blobs (
	digest TEXT NOT NULL,
	size BIGINT NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_blobs PRIMARY KEY (digest)
);
CREATE TABLE evaluations (
	id TEXT NOT NULL,
	"key" TEXT NOT NULL,
	state TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	repository TEXT NOT NULL,
	tag TEXT NOT NULL,
	digest TEXT NOT NULL,
	environment_digest TEXT NOT NULL,
	policy_digest TEXT NOT NULL,
	requester TEXT NOT NULL,
	submitted_at TEXT NOT NULL,
	first_seen_at TEXT NOT NULL,
	lease_owner TEXT NOT NULL,
	lease_expires_at TEXT NOT NULL,
	decision_digest TEXT NOT NULL,
	outcome TEXT NOT NULL,
	error_code TEXT NOT NULL,
	finished_at TEXT NOT NULL,
	CONSTRAINT pk_evaluations PRIMARY KEY (id)
);
CREATE INDEX ix_evaluations_repository_digest ON evaluations (repository, digest);
CREATE INDEX ix_evaluations_submitted_at ON evaluations (submitted_at);
CREATE UNIQUE INDEX uq_evaluations_open_key ON evaluations ("key") WHERE state IN ('submitted', 'gathering', 'decided', 'acting');
CREATE TABLE decisions (
	evaluation TEXT NOT NULL,
	digest TEXT NOT NULL,
	subject TEXT NOT NULL,
	repository TEXT NOT NULL,
	outcome TEXT NOT NULL,
	policy TEXT NOT NULL,
	decided_at TEXT NOT NULL,
	CONSTRAINT pk_decisions PRIMARY KEY (evaluation, digest)
);
CREATE INDEX ix_decisions_decided_at_digest ON decisions (decided_at, digest);
CREATE INDEX ix_decisions_digest ON decisions (digest);
CREATE INDEX ix_decisions_repository_decided_at ON decisions (repository, decided_at);
CREATE INDEX ix_decisions_subject ON decisions (subject);
CREATE TABLE exception_requests (
	id TEXT NOT NULL,
	state TEXT NOT NULL,
	repository TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	opened_at TEXT NOT NULL,
	version INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_exception_requests PRIMARY KEY (id)
);
CREATE INDEX ix_exception_requests_opened_at_id ON exception_requests (opened_at, id);
CREATE INDEX ix_exception_requests_state_opened_at ON exception_requests (state, opened_at);
CREATE TABLE grants (
	id TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	not_before TEXT NOT NULL,
	expires TEXT NOT NULL,
	request TEXT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_grants PRIMARY KEY (id)
);
CREATE INDEX ix_grants_expires ON grants (expires);
CREATE INDEX ix_grants_kind_name ON grants (kind, name);
CREATE TABLE reference_data (
	kind TEXT NOT NULL,
	digest TEXT NOT NULL,
	source TEXT NOT NULL,
	published_at TEXT NOT NULL,
	imported_at TEXT NOT NULL,
	active BOOLEAN NOT NULL,
	row_count BIGINT NOT NULL,
	CONSTRAINT pk_reference_data PRIMARY KEY (kind, digest)
);
CREATE UNIQUE INDEX uq_reference_data_active_kind ON reference_data (kind) WHERE active = 1;
CREATE TABLE reference_rows (
	kind TEXT NOT NULL,
	snapshot TEXT NOT NULL,
	"key" TEXT NOT NULL,
	id TEXT NOT NULL,
	record TEXT NOT NULL,
	CONSTRAINT pk_reference_rows PRIMARY KEY (kind, snapshot, "key", id)
);
CREATE TABLE messages (
	id TEXT NOT NULL,
	evaluation TEXT NOT NULL,
	channel TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	sent_at TEXT NOT NULL,
	error_code TEXT NOT NULL,
	CONSTRAINT pk_messages PRIMARY KEY (id)
);
CREATE INDEX ix_messages_evaluation ON messages (evaluation);
CREATE TRIGGER ledger_leaves_no_update BEFORE UPDATE ON ledger_leaves BEGIN SELECT RAISE(ABORT, 'append-only: ledger_leaves'); END;
CREATE TRIGGER blobs_no_update BEFORE UPDATE ON blobs BEGIN SELECT RAISE(ABORT, 'append-only: blobs'); END;
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'append-only: decisions'); END;
CREATE TRIGGER grants_no_update BEFORE UPDATE ON grants BEGIN SELECT RAISE(ABORT, 'append-only: grants'); END;
CREATE TRIGGER ledger_leaves_no_delete BEFORE DELETE ON ledger_leaves BEGIN SELECT RAISE(ABORT, 'append-only: ledger_leaves'); END;
CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head BEGIN SELECT RAISE(ABORT, 'append-only: ledger_head'); END;
CREATE TABLE layer_results (
	"key" TEXT NOT NULL,
	layer TEXT NOT NULL,
	size BIGINT NOT NULL,
	stored_at TEXT NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_layer_results PRIMARY KEY ("key")
);
CREATE INDEX ix_layer_results_stored_at_size ON layer_results (stored_at, size);
CREATE TABLE fix_sightings (
	component TEXT NOT NULL,
	vulnerability TEXT NOT NULL,
	first_seen_at TEXT NOT NULL,
	CONSTRAINT pk_fix_sightings PRIMARY KEY (component, vulnerability)
);
CREATE TRIGGER fix_sightings_no_update BEFORE UPDATE ON fix_sightings BEGIN SELECT RAISE(ABORT, 'append-only: fix_sightings'); END;
CREATE TRIGGER fix_sightings_no_delete BEFORE DELETE ON fix_sightings BEGIN SELECT RAISE(ABORT, 'append-only: fix_sightings'); END;
CREATE TABLE submissions (
	id TEXT NOT NULL,
	evaluation TEXT NOT NULL,
	tag TEXT NOT NULL,
	requester TEXT NOT NULL,
	submitted_at TEXT NOT NULL,
	CONSTRAINT pk_submissions PRIMARY KEY (id)
);
CREATE INDEX ix_submissions_evaluation ON submissions (evaluation);
CREATE TRIGGER submissions_no_update BEFORE UPDATE ON submissions BEGIN SELECT RAISE(ABORT, 'append-only: submissions'); END;
CREATE TRIGGER submissions_no_delete BEFORE DELETE ON submissions BEGIN SELECT RAISE(ABORT, 'append-only: submissions'); END;
CREATE TABLE burials (
	evaluation TEXT NOT NULL,
	repository TEXT NOT NULL,
	digest TEXT NOT NULL,
	state TEXT NOT NULL,
	tombstone TEXT NOT NULL,
	buried_at TEXT NOT NULL,
	due_at TEXT NOT NULL,
	look_at TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	lease_owner TEXT NOT NULL,
	lease_expires_at TEXT NOT NULL,
	receipt TEXT NOT NULL,
	ended_at TEXT NOT NULL,
	error_code TEXT NOT NULL,
	CONSTRAINT pk_burials PRIMARY KEY (evaluation)
);
CREATE INDEX ix_burials_digest ON burials (digest);
CREATE INDEX ix_burials_state_look_at ON burials (state, look_at);
CREATE UNIQUE INDEX uq_burials_standing ON burials (repository, digest) WHERE state IN ('buried', 'deleting');
CREATE TRIGGER burials_no_delete BEFORE DELETE ON burials BEGIN SELECT RAISE(ABORT, 'append-only: burials'); END;
CREATE TABLE retirements (
	id TEXT NOT NULL,
	action TEXT NOT NULL,
	state TEXT NOT NULL,
	place TEXT NOT NULL,
	digest TEXT NOT NULL,
	due_at TEXT NOT NULL,
	version INTEGER NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_retirements PRIMARY KEY (id)
);
CREATE INDEX ix_retirements_digest ON retirements (digest);
CREATE INDEX ix_retirements_state_due_at ON retirements (state, due_at);
CREATE TABLE retired_tags (
	place TEXT NOT NULL,
	tag TEXT NOT NULL,
	digest TEXT NOT NULL,
	retirement TEXT NOT NULL,
	CONSTRAINT pk_retired_tags PRIMARY KEY (place, tag)
);
CREATE TRIGGER retirements_no_delete BEFORE DELETE ON retirements BEGIN SELECT RAISE(ABORT, 'append-only: retirements'); END;
CREATE TRIGGER retired_tags_no_update BEFORE UPDATE ON retired_tags BEGIN SELECT RAISE(ABORT, 'append-only: retired_tags'); END;
CREATE TRIGGER retired_tags_no_delete BEFORE DELETE ON retired_tags BEGIN SELECT RAISE(ABORT, 'append-only: retired_tags'); END;
INSERT INTO gate_schema (version_num) VALUES ('0006');
