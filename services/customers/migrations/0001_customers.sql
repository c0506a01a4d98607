CREATE TABLE customers_customer (
    id @id PRIMARY KEY NOT NULL,
    email @text NOT NULL UNIQUE CHECK (email = lower(email)), -- PERSONAL
    password_hash @text NOT NULL,
    name @text, -- PERSONAL
    phone @text, -- PERSONAL
    locale @text NOT NULL,
    market @text NOT NULL,
    metadata @json NOT NULL, -- PERSONAL
    version @int NOT NULL CHECK (version > 0),
    created_at @time NOT NULL,
    updated_at @time NOT NULL
)@table;

CREATE TABLE customers_address (
    id @id PRIMARY KEY NOT NULL,
    customer_id @id NOT NULL REFERENCES customers_customer (id),
    address @json NOT NULL, -- PERSONAL
    default_shipping @bool NOT NULL,
    default_billing @bool NOT NULL,
    created_at @time NOT NULL,
    updated_at @time NOT NULL
)@table;
CREATE INDEX customers_address_customer ON customers_address (customer_id, id);
CREATE UNIQUE INDEX customers_address_default_shipping ON customers_address (customer_id) WHERE default_shipping;
CREATE UNIQUE INDEX customers_address_default_billing ON customers_address (customer_id) WHERE default_billing;

-- A log in. Its refresh tokens are derived of the shop's secret, `seed` and `generation`; none is kept.
CREATE TABLE customers_session (
    id @id PRIMARY KEY NOT NULL,
    customer_id @id NOT NULL REFERENCES customers_customer (id),
    seed @text NOT NULL CHECK (length(seed) >= 43),
    -- Of the one refresh token that works.
    generation @int NOT NULL CHECK (generation > 0),
    created_at @time NOT NULL,
    refreshed_at @time NOT NULL,
    expires_at @time NOT NULL CHECK (expires_at > created_at),
    ended_at @time,
    ended_because @text CHECK (ended_because IN ('logged_out', 'logged_out_everywhere', 'password_changed', 'token_reused', 'too_many')),
    CHECK ((ended_at IS NULL) = (ended_because IS NULL))
)@table;
CREATE INDEX customers_session_living ON customers_session (customer_id, refreshed_at) WHERE ended_at IS NULL;
CREATE INDEX customers_session_customer ON customers_session (customer_id, id);
CREATE INDEX customers_session_expires ON customers_session (expires_at);

-- Tries to log in or to register. `subject` is an HMAC of an e-mail or a network address: it names nobody.
CREATE TABLE customers_throttle (
    subject @text PRIMARY KEY NOT NULL,
    tries @int NOT NULL CHECK (tries >= 0),
    tries_free @int NOT NULL CHECK (tries_free >= 0),
    -- The next try is let in so many microseconds after the last.
    delay @int NOT NULL CHECK (delay >= 0),
    tried_at @time NOT NULL
)@table;
CREATE INDEX customers_throttle_tried ON customers_throttle (tried_at);

CREATE TABLE customers_staff (
    id @id PRIMARY KEY NOT NULL,
    email @text NOT NULL UNIQUE CHECK (email = lower(email)), -- PERSONAL
    role @text NOT NULL CHECK (role IN ('owner', 'merchandiser', 'fulfilment', 'support', 'auditor')),
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
