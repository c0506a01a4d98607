-- What was sold (never changes) and what became of it (changes only by the saga).
CREATE TABLE orders_order (
    id @id PRIMARY KEY NOT NULL,
    number @text NOT NULL UNIQUE,
    cart_id @id NOT NULL,
    cart_version @int NOT NULL,
    buyer_sha256 @text NOT NULL,
    market @text NOT NULL,
    currency @text NOT NULL,
    locale @text NOT NULL,
    email @text NOT NULL,
    shipping_address @json,
    shipping @json,
    payment_method @text NOT NULL,
    payment_token @text CHECK (payment_token IS NULL OR status IN ('placed', 'payable')),
    amounts @json NOT NULL,
    trace @json NOT NULL,
    total_minor @money NOT NULL CHECK (total_minor >= 0),
    metadata @json NOT NULL,
    placed_at @time NOT NULL,

    status @text NOT NULL CHECK (status IN ('placed', 'payable', 'confirmed', 'completed', 'cancelled')),
    stock_hold @text NOT NULL CHECK (stock_hold IN ('pending', 'held', 'rejected', 'released')),
    location_id @id CHECK (location_id IS NOT NULL OR status IN ('placed', 'cancelled')),
    authorized_minor @money NOT NULL CHECK (authorized_minor >= 0),
    capture_due_minor @money NOT NULL CHECK (capture_due_minor BETWEEN 0 AND total_minor),
    captured_minor @money NOT NULL CHECK (captured_minor BETWEEN 0 AND total_minor),
    voided_minor @money NOT NULL CHECK (voided_minor >= 0),
    refunded_minor @money NOT NULL CHECK (refunded_minor >= 0),
    payment_attempt_id @id,
    payment_outcome @text CHECK (payment_outcome IN ('action_required', 'declined', 'authorized')),
    shipments @json NOT NULL,
    cancel_reason @text CHECK ((cancel_reason IS NOT NULL) = (status = 'cancelled')),
    version @int NOT NULL CHECK (version > 0),
    updated_at @time NOT NULL,
    CHECK (status <> 'completed' OR captured_minor = total_minor)
)@table;
CREATE UNIQUE INDEX orders_order_living ON orders_order (cart_id) WHERE status <> 'cancelled';
CREATE INDEX orders_order_newest ON orders_order (placed_at, id);
CREATE INDEX orders_order_status ON orders_order (status, placed_at, id);

CREATE TABLE orders_line (
    order_id @id NOT NULL,
    id @id NOT NULL,
    variant_id @id NOT NULL,
    product_title @text NOT NULL,
    variant_title @text,
    sku @text NOT NULL,
    options @json NOT NULL,
    image @text,
    quantity @int NOT NULL CHECK (quantity > 0),
    cancelled @int NOT NULL CHECK (cancelled >= 0),
    shipped @int NOT NULL CHECK (shipped >= 0),
    unit_price_minor @money NOT NULL,
    subtotal_minor @money NOT NULL,
    tax_minor @money NOT NULL,
    total_minor @money NOT NULL CHECK (total_minor >= 0),
    tax_class @text NOT NULL,
    tax_rate @text NOT NULL,
    tax_name @text NOT NULL,
    weight_g @int NOT NULL,
    requires_shipping @bool NOT NULL,
    metadata @json NOT NULL,
    PRIMARY KEY (order_id, id),
    CHECK (cancelled + shipped <= quantity)
)@table;

-- Append-only: an order's version is the number of its entries.
CREATE TABLE orders_history (
    order_id @id NOT NULL,
    sequence @int NOT NULL CHECK (sequence > 0),
    at @time NOT NULL,
    event @text NOT NULL,
    source @text NOT NULL,
    status @text NOT NULL,
    note @text,
    PRIMARY KEY (order_id, sequence)
)@table;
