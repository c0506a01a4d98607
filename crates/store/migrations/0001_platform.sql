-- The platform's tables: one each per database, `service` first.

CREATE TABLE souk_outbox (
    service @text NOT NULL,
    id @id PRIMARY KEY NOT NULL,
    type @text NOT NULL,
    subject @id NOT NULL,
    version @int,
    data @json NOT NULL,
    traceparent @text,
    said_at @time NOT NULL,
    lease_until @time NOT NULL,
    done_at @time
)@table;
CREATE INDEX souk_outbox_undone ON souk_outbox (id) WHERE done_at IS NULL;
CREATE INDEX souk_outbox_done ON souk_outbox (service, done_at) WHERE done_at IS NOT NULL;
CREATE INDEX souk_outbox_page ON souk_outbox (service, id);

CREATE TABLE souk_inbox (
    service @text NOT NULL,
    event_id @id NOT NULL,
    type @text NOT NULL,
    subject @id NOT NULL,
    version @int,
    received_at @time NOT NULL,
    applied_at @time,
    due_at @time,
    attempts @int NOT NULL,
    error @text,
    dead_at @time,
    event @json,
    PRIMARY KEY (service, event_id)
)@table;
CREATE INDEX souk_inbox_parked ON souk_inbox (service, due_at) WHERE applied_at IS NULL AND dead_at IS NULL;
CREATE INDEX souk_inbox_dead ON souk_inbox (service, dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX souk_inbox_version ON souk_inbox (service, type, subject, version) WHERE version IS NOT NULL;
CREATE INDEX souk_inbox_applied ON souk_inbox (service, applied_at) WHERE applied_at IS NOT NULL;

CREATE TABLE souk_job (
    service @text NOT NULL,
    id @id PRIMARY KEY NOT NULL,
    kind @text NOT NULL,
    key @text NOT NULL,
    payload @json NOT NULL,
    due_at @time NOT NULL,
    lease_until @time NOT NULL,
    attempts @int NOT NULL,
    traceparent @text,
    created_at @time NOT NULL,
    error @text,
    dead_at @time,
    UNIQUE (service, kind, key)
)@table;
CREATE INDEX souk_job_due ON souk_job (due_at) WHERE dead_at IS NULL;
CREATE INDEX souk_job_leased ON souk_job (lease_until) WHERE dead_at IS NULL AND lease_until > 0;
CREATE INDEX souk_job_dead ON souk_job (service, dead_at) WHERE dead_at IS NOT NULL;

CREATE TABLE souk_idempotency (
    service @text NOT NULL,
    principal @text NOT NULL,
    route @text NOT NULL,
    key @text NOT NULL,
    body_sha256 @text NOT NULL,
    status @int NOT NULL,
    resource @id NOT NULL,
    created_at @time NOT NULL,
    PRIMARY KEY (service, principal, route, key)
)@table;
CREATE INDEX souk_idempotency_resource ON souk_idempotency (service, resource);
CREATE INDEX souk_idempotency_created ON souk_idempotency (service, created_at);
