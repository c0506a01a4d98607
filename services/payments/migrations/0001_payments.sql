-- Payments, their attempts and operations, refunds, the ledger; and the books of the test bank.

-- What an order costs, and what of it came and went. Whoever moves its money locks this row first.
CREATE TABLE payments_account (
    order_id @id PRIMARY KEY NOT NULL,
    -- None: a tombstone. The order was cancelled before it became payable, and never will be.
    currency @text,
    total_minor @money NOT NULL CHECK (total_minor >= 0),
    order_cancelled @bool NOT NULL,
    tries @int NOT NULL CHECK (tries >= 0),
    -- What its living payments are for, together.
    pledged_minor @money NOT NULL,
    -- What the order asked to be captured and given back so far, and whether it will ask for more captures.
    capture_due_minor @money NOT NULL CHECK (capture_due_minor >= 0),
    capture_ended @bool NOT NULL,
    refund_due_minor @money NOT NULL CHECK (refund_due_minor >= 0),
    -- Sums over its payments; `refunding` is what open refunds will give back.
    captured_minor @money NOT NULL,
    refunding_minor @money NOT NULL,
    refunded_minor @money NOT NULL,
    shipping_refunded @bool NOT NULL,
    updated_at @time NOT NULL,
    CHECK (currency IS NOT NULL OR order_cancelled),
    CHECK (pledged_minor >= 0 AND pledged_minor <= total_minor),
    CHECK (refunding_minor >= 0 AND refunded_minor >= 0 AND refunding_minor + refunded_minor <= captured_minor)
)@table;

-- A part of an order's total, with its newest attempt, whose id is also the key by which the gateway knows the charge.
CREATE TABLE payments_payment (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL REFERENCES payments_account (order_id),
    number @int NOT NULL CHECK (number >= 1),
    method @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    attempt_id @id NOT NULL UNIQUE,
    attempt_number @int NOT NULL CHECK (attempt_number >= 1),
    state @text NOT NULL CHECK (state IN ('pending', 'unknown', 'action_required', 'authorized', 'declined', 'voided', 'failed')),
    -- Only until the gateway has answered.
    token @text CHECK (token IS NULL OR state IN ('pending', 'unknown')), -- PERSONAL
    gateway_ref @text,
    reason @text,
    next_action @json,
    attempted_at @time NOT NULL,
    -- Sums of the ledger, changed together with it; `…ing` is what open operations will move. Received: what staff
    -- saw coming in, where no gateway brings the money.
    authorized_minor @money NOT NULL,
    capturing_minor @money NOT NULL,
    captured_minor @money NOT NULL,
    voiding_minor @money NOT NULL,
    voided_minor @money NOT NULL,
    refunding_minor @money NOT NULL,
    refunded_minor @money NOT NULL,
    received_minor @money NOT NULL CHECK (received_minor >= 0),
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (order_id, number),
    CHECK (capturing_minor >= 0 AND captured_minor >= 0 AND voiding_minor >= 0 AND voided_minor >= 0),
    CHECK (capturing_minor + captured_minor + voiding_minor + voided_minor <= authorized_minor),
    CHECK (refunding_minor >= 0 AND refunded_minor >= 0 AND refunding_minor + refunded_minor <= captured_minor)
)@table;
CREATE INDEX payments_payment_reference ON payments_payment (gateway_ref);

-- Attempts that were followed by another one of their payment: none of them brought money that was kept.
CREATE TABLE payments_attempt (
    id @id PRIMARY KEY NOT NULL,
    payment_id @id NOT NULL REFERENCES payments_payment (id),
    number @int NOT NULL CHECK (number >= 1),
    method @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    state @text NOT NULL CHECK (state IN ('declined', 'voided', 'failed')),
    reason @text,
    attempted_at @time NOT NULL,
    UNIQUE (payment_id, number)
)@table;

-- The cause names it for us: a shipment, a refund, an order, an attempt; the key names this try of it for the gateway.
CREATE TABLE payments_operation (
    id @id PRIMARY KEY NOT NULL,
    payment_id @id NOT NULL REFERENCES payments_payment (id),
    kind @text NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    cause_kind @text NOT NULL CHECK (cause_kind IN ('capture_due', 'released', 'order_cancelled', 'came_late', 'refund')),
    cause @id NOT NULL,
    -- The way to pay of the charge, which need not be its payment's newest.
    method @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    state @text NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'withdrawn')),
    key @id NOT NULL UNIQUE,
    tries @int NOT NULL CHECK (tries >= 1),
    gateway_ref @text,
    reason @text,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (cause, cause_kind, payment_id)
)@table;
CREATE INDEX payments_operation_payment ON payments_operation (payment_id, id);

CREATE TABLE payments_refund (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL REFERENCES payments_account (order_id),
    cause @text NOT NULL CHECK (cause IN ('staff', 'lines_cancelled', 'order_cancelled')),
    amount_minor @money NOT NULL CHECK (amount_minor > 0),
    refunded_minor @money NOT NULL CHECK (refunded_minor >= 0 AND refunded_minor <= amount_minor),
    -- Operations that have no outcome yet: a refund goes back to all the charges the money came from.
    open_operations @int NOT NULL CHECK (open_operations >= 0),
    state @text NOT NULL CHECK (state IN ('waiting', 'pending', 'done', 'partial', 'failed', 'withdrawn')),
    shipping @bool NOT NULL,
    -- In the words of staff.
    reason @text,
    metadata @json NOT NULL,
    external_source @text,
    external_id @text,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (external_source, external_id),
    CHECK ((state = 'pending') = (open_operations > 0))
)@table;
CREATE INDEX payments_refund_order ON payments_refund (order_id, id);
CREATE INDEX payments_refund_waiting ON payments_refund (order_id, id) WHERE state = 'waiting';

CREATE TABLE payments_refund_line (
    refund_id @id NOT NULL REFERENCES payments_refund (id),
    line_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity >= 1),
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (refund_id, line_id)
)@table;

-- Of the `quantity` units of an order's line, the first `refunded` went back by staff, or are about to; what the last
-- `cancelled` carry went back because they were cancelled, or was not taken. No unit goes back twice.
CREATE TABLE payments_line (
    order_id @id NOT NULL REFERENCES payments_account (order_id),
    line_id @id NOT NULL,
    quantity @int NOT NULL,
    refunded @int NOT NULL CHECK (refunded BETWEEN 0 AND quantity),
    cancelled @int NOT NULL CHECK (cancelled BETWEEN 0 AND quantity),
    PRIMARY KEY (order_id, line_id)
)@table;

-- What staff saw coming in.
CREATE TABLE payments_receipt (
    id @id PRIMARY KEY NOT NULL,
    payment_id @id NOT NULL REFERENCES payments_payment (id),
    amount_minor @money NOT NULL CHECK (amount_minor > 0),
    note @text, -- PERSONAL
    created_at @time NOT NULL
)@table;
CREATE INDEX payments_receipt_payment ON payments_receipt (payment_id, id);

-- What gateways told, each once; kept for as long as they may repeat it.
CREATE TABLE payments_gateway_event (
    method @text NOT NULL,
    event_id @text NOT NULL,
    kind @text NOT NULL,
    -- The charge by our key, by the gateway's name for it, or both.
    attempt_id @id,
    gateway_ref @text,
    received_at @time NOT NULL,
    PRIMARY KEY (method, event_id),
    CHECK (attempt_id IS NOT NULL OR gateway_ref IS NOT NULL)
)@table;
CREATE INDEX payments_gateway_event_received ON payments_gateway_event (received_at);

-- Only ever added to. The source is the attempt or the operation that moved the money.
CREATE TABLE payments_ledger (
    id @id PRIMARY KEY NOT NULL,
    payment_id @id NOT NULL REFERENCES payments_payment (id),
    kind @text NOT NULL CHECK (kind IN ('authorized', 'captured', 'voided', 'refunded')),
    source @id NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    at @time NOT NULL,
    UNIQUE (kind, source)
)@table;
CREATE INDEX payments_ledger_payment ON payments_ledger (payment_id);

-- The test bank's own books: another house, which only happens to keep them here.
CREATE TABLE payments_test_charge (
    key @id PRIMARY KEY NOT NULL,
    reference @text NOT NULL UNIQUE,
    payment_id @id NOT NULL,
    method @text NOT NULL,
    currency @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor > 0),
    state @text NOT NULL CHECK (state IN ('authorized', 'declined', 'action_required', 'withdrawn')),
    reason @text,
    -- What it will do wrong once.
    fault @text CHECK (fault IN ('capture_refused', 'void_refused', 'refund_refused', 'answer_lost')),
    authorized_minor @money NOT NULL,
    captured_minor @money NOT NULL CHECK (captured_minor >= 0),
    voided_minor @money NOT NULL CHECK (voided_minor >= 0),
    refunded_minor @money NOT NULL CHECK (refunded_minor >= 0),
    created_at @time NOT NULL,
    CHECK (authorized_minor = CASE WHEN state = 'authorized' THEN amount_minor ELSE 0 END),
    CHECK (captured_minor + voided_minor <= authorized_minor),
    CHECK (refunded_minor <= captured_minor)
)@table;
CREATE INDEX payments_test_charge_payment ON payments_test_charge (payment_id);

CREATE TABLE payments_test_movement (
    key @id PRIMARY KEY NOT NULL,
    reference @text NOT NULL,
    kind @text NOT NULL,
    amount_minor @money NOT NULL,
    at @time NOT NULL
)@table;
