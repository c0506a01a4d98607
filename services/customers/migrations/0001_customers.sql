CREATE TABLE customers_staff (
    id @id PRIMARY KEY NOT NULL,
    email @text NOT NULL UNIQUE CHECK (email = lower(email)), -- PERSONAL
    role @text NOT NULL CHECK (role IN ('owner', 'merchandiser', 'fulfilment', 'auditor')),
    active @bool NOT NULL,
    created_at @time NOT NULL
)@table;

CREATE TABLE customers_api_key (
    id @id PRIMARY KEY NOT NULL,
    staff_id @id NOT NULL REFERENCES customers_staff (id),
    key_sha256 @text NOT NULL UNIQUE CHECK (length(key_sha256) = 64),
    name @text NOT NULL,
    created_at @time NOT NULL,
    revoked_at @time
)@table;
CREATE INDEX customers_api_key_staff ON customers_api_key (staff_id, id);

-- Append-only. `sequence` and `hash` come together, when the entry is sealed into the chain.
CREATE TABLE customers_audit_entry (
    id @id PRIMARY KEY NOT NULL,
    staff_id @id NOT NULL,
    key_id @id NOT NULL,
    action @text NOT NULL,
    subject @text NOT NULL,
    fields @json NOT NULL,
    request_id @id,
    at @time NOT NULL,
    sequence @int UNIQUE CHECK (sequence > 0),
    hash @text CHECK (length(hash) = 64),
    CHECK ((sequence IS NULL) = (hash IS NULL))
)@table;
CREATE INDEX customers_audit_entry_subject ON customers_audit_entry (subject, id);
CREATE INDEX customers_audit_entry_unsealed ON customers_audit_entry (id) WHERE hash IS NULL;
