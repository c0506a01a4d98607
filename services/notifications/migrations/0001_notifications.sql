-- Whom a message went to is not kept: the address is asked for when it is sent.
CREATE TABLE notifications_message (
    id @id PRIMARY KEY NOT NULL,
    template @text NOT NULL CHECK (template IN
        ('order_confirmed', 'order_cancelled', 'shipment_dispatched', 'order_refunded', 'payment_needed', 'order_link', 'welcome')),
    cause @id NOT NULL, -- what the message tells of: the order, or one shipment, refund, attempt, link of it; the customer
    order_id @id,
    customer_id @id,
    amount_minor @money, -- what went back
    currency @text,
    state @text NOT NULL CHECK (state IN ('pending', 'sent', 'skipped', 'failed')),
    reason @text,
    sending @int NOT NULL CHECK (sending >= 1), -- one more each time that staff have it sent again
    created_at @time NOT NULL,
    queued_at @time NOT NULL, -- when this sending was asked for
    sent_at @time,
    UNIQUE (template, cause),
    CHECK ((order_id IS NULL) <> (customer_id IS NULL)),
    CHECK ((template = 'welcome') = (customer_id IS NOT NULL)),
    CHECK ((amount_minor IS NULL) = (currency IS NULL)),
    CHECK ((template = 'order_refunded') = (amount_minor IS NOT NULL)),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((state IN ('skipped', 'failed')) = (reason IS NOT NULL))
)@table;
CREATE INDEX notifications_message_order ON notifications_message (order_id, id);
CREATE INDEX notifications_message_state ON notifications_message (state, id);

CREATE TABLE notifications_endpoint (
    id @id PRIMARY KEY NOT NULL,
    place @int NOT NULL UNIQUE CHECK (place BETWEEN 1 AND 50), -- so that there are never more
    url @text NOT NULL,
    description @text,
    events @json NOT NULL,
    disabled_reason @text CHECK (disabled_reason IN ('staff', 'gone', 'failing')), -- NULL: it is switched on
    secret_version @int NOT NULL CHECK (secret_version >= 1), -- the secret itself is derived
    secret_rotated_at @time,
    failing_since @time,
    version @int NOT NULL CHECK (version >= 1),
    created_at @time NOT NULL,
    CHECK ((secret_version = 1) = (secret_rotated_at IS NULL))
)@table;

CREATE TABLE notifications_delivery (
    id @id PRIMARY KEY NOT NULL,
    endpoint_id @id NOT NULL,
    event_id @id NOT NULL,
    event @text NOT NULL,
    body @text NOT NULL, -- as it is sent, each time
    state @text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    round @int NOT NULL CHECK (round >= 1), -- one more each time that it is replayed
    attempts @int NOT NULL CHECK (attempts >= 0), -- of this round
    due_at @time NOT NULL, -- the next attempt; when it ended
    attempted_at @time,
    response_status @int,
    response_body @text,
    error @text,
    duration_ms @int,
    created_at @time NOT NULL,
    UNIQUE (endpoint_id, event_id),
    CHECK ((attempted_at IS NULL) = (duration_ms IS NULL)),
    CHECK (state <> 'delivered' OR response_status BETWEEN 200 AND 299)
)@table;
CREATE INDEX notifications_delivery_due ON notifications_delivery (endpoint_id, due_at) WHERE state = 'pending';
CREATE INDEX notifications_delivery_failed ON notifications_delivery (endpoint_id, created_at) WHERE state = 'failed';
CREATE INDEX notifications_delivery_endpoint ON notifications_delivery (endpoint_id, id);
CREATE INDEX notifications_delivery_created ON notifications_delivery (created_at);
