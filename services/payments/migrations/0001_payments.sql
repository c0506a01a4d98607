-- Payments, their attempts and operations, the ledger; and the books of the test bank.

CREATE TABLE payments_payment (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL UNIQUE,
    -- Neither: a tombstone. The order was cancelled before it became payable, and never will be.
    method @text,
    currency @text,
    amount_minor @money NOT NULL,
    order_cancelled @bool NOT NULL,
    tries @int NOT NULL,
    -- Sums of the ledger, changed together with it; `capturing` is what open captures will take.
    authorized_minor @money NOT NULL,
    capturing_minor @money NOT NULL,
    captured_minor @money NOT NULL,
    voided_minor @money NOT NULL,
    refunded_minor @money NOT NULL,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    CHECK ((method IS NULL) = (currency IS NULL)),
    CHECK (method IS NOT NULL OR order_cancelled),
    CHECK (authorized_minor >= 0 AND authorized_minor <= amount_minor),
    CHECK (capturing_minor >= 0 AND captured_minor >= 0 AND voided_minor >= 0),
    CHECK (capturing_minor + captured_minor + voided_minor <= authorized_minor),
    CHECK (refunded_minor >= 0 AND refunded_minor <= captured_minor)
)@table;

-- The id is also the key by which the gateway knows the charge.
CREATE TABLE payments_attempt (
    id @id PRIMARY KEY NOT NULL,
    payment_id @id NOT NULL REFERENCES payments_payment (id),
    number @int NOT NULL CHECK (number >= 1),
    state @text NOT NULL CHECK (state IN ('pending', 'authorized', 'declined', 'action_required', 'unknown', 'voided', 'failed')),
    -- Personal; only until the gateway has answered.
    token @text CHECK (token IS NULL OR state IN ('pending', 'unknown')),
    gateway_ref @text,
    reason @text,
    next_action @json,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (payment_id, number)
)@table;
CREATE UNIQUE INDEX payments_attempt_living ON payments_attempt (payment_id)
    WHERE state IN ('pending', 'unknown', 'action_required', 'authorized');

-- The id is also the key by which the gateway knows the operation; the cause names it for us.
CREATE TABLE payments_operation (
    id @id PRIMARY KEY NOT NULL,
    payment_id @id NOT NULL REFERENCES payments_payment (id),
    attempt_id @id NOT NULL REFERENCES payments_attempt (id),
    kind @text NOT NULL CHECK (kind IN ('capture', 'void', 'refund')),
    cause @id NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    state @text NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
    reason @text,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (payment_id, kind, cause)
)@table;

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
    currency @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor > 0),
    state @text NOT NULL CHECK (state IN ('authorized', 'declined', 'action_required', 'withdrawn')),
    reason @text,
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
