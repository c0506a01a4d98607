-- What was sold (never changes) and what became of it (changes only by the saga).
CREATE TABLE orders_order (
    id @id PRIMARY KEY NOT NULL,
    number @text NOT NULL UNIQUE,
    cart_id @id NOT NULL,
    cart_version @int NOT NULL,
    -- Whose it is: a customer's, or a guest's who holds the token of the cart.
    customer_id @id, -- PERSONAL
    buyer_sha256 @text, -- PERSONAL
    market @text NOT NULL,
    currency @text NOT NULL,
    locale @text NOT NULL,
    email @text NOT NULL, -- PERSONAL
    -- The address as it is searched for.
    email_key @text NOT NULL, -- PERSONAL
    shipping_address @json, -- PERSONAL
    billing_address @json, -- PERSONAL
    pickup @json,
    shipping @json,
    reverse_charge @bool NOT NULL,
    payment_method @text NOT NULL,
    payment_token @text CHECK (payment_token IS NULL OR status IN ('placed', 'payable')), -- PERSONAL
    payment_minor @money CHECK (payment_minor BETWEEN 1 AND total_minor),
    amounts @json NOT NULL,
    trace @json NOT NULL,
    total_minor @money NOT NULL CHECK (total_minor >= 0),
    metadata @json NOT NULL, -- PERSONAL
    placed_at @time NOT NULL,

    status @text NOT NULL CHECK (status IN ('placed', 'payable', 'confirmed', 'completed', 'cancelled')),
    stock_hold @text NOT NULL CHECK (stock_hold IN ('pending', 'held', 'rejected', 'released')),
    holds @json CHECK (holds IS NOT NULL OR status IN ('placed', 'cancelled')),
    due_minor @money NOT NULL CHECK (due_minor BETWEEN 0 AND total_minor),
    authorized_minor @money NOT NULL CHECK (authorized_minor >= 0),
    capture_due_minor @money NOT NULL CHECK (capture_due_minor BETWEEN 0 AND total_minor),
    capture_closed @bool NOT NULL,
    refund_due_minor @money NOT NULL CHECK (refund_due_minor BETWEEN 0 AND capture_due_minor),
    captured_minor @money NOT NULL CHECK (captured_minor BETWEEN 0 AND total_minor),
    voided_minor @money NOT NULL CHECK (voided_minor >= 0),
    refunded_minor @money NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    payment_attempt_id @id,
    -- The ways to pay by which money came.
    paid_by @json NOT NULL,
    -- Until when it may be unpaid: the way to pay that the buyer goes on with says how long.
    unpaid_until @time NOT NULL,
    payment_outcome @text CHECK (payment_outcome IN ('action_required', 'declined', 'authorized')),
    -- Read off the amounts and the units in the same statement that changes them, to be searched by.
    payment_state @text NOT NULL,
    fulfilment_state @text NOT NULL,
    shipments @json NOT NULL,
    cancel_request @json,
    cancel_reason @text CHECK ((cancel_reason IS NOT NULL) = (status = 'cancelled')),
    version @int NOT NULL CHECK (version > 0),
    updated_at @time NOT NULL,
    CHECK ((customer_id IS NULL) <> (buyer_sha256 IS NULL)),
    CHECK (status <> 'completed' OR captured_minor >= due_minor)
)@table;
CREATE UNIQUE INDEX orders_order_living ON orders_order (cart_id) WHERE status <> 'cancelled';
CREATE INDEX orders_order_newest ON orders_order (placed_at, id);
CREATE INDEX orders_order_customer ON orders_order (customer_id, placed_at, id) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_order_email ON orders_order (email_key, placed_at, id);
CREATE INDEX orders_order_market ON orders_order (market, placed_at, id);
CREATE INDEX orders_order_status ON orders_order (status, placed_at, id);
CREATE INDEX orders_order_payment ON orders_order (payment_state, placed_at, id);
CREATE INDEX orders_order_fulfilment ON orders_order (fulfilment_state, placed_at, id);

CREATE TABLE orders_line (
    order_id @id NOT NULL,
    id @id NOT NULL,
    variant_id @id NOT NULL,
    product_title @text NOT NULL,
    variant_title @text,
    sku @text NOT NULL,
    -- The order's: beside the SKU, so that orders with it are found newest first.
    placed_at @time NOT NULL,
    options @json NOT NULL,
    image @text,
    quantity @int NOT NULL CHECK (quantity > 0),
    cancelled @int NOT NULL CHECK (cancelled >= 0),
    shipped @int NOT NULL CHECK (shipped >= 0),
    refunded @int NOT NULL CHECK (refunded BETWEEN 0 AND quantity),
    unit_price_minor @money NOT NULL,
    subtotal_minor @money NOT NULL,
    net_minor @money NOT NULL,
    tax_minor @money NOT NULL,
    total_minor @money NOT NULL CHECK (total_minor >= 0),
    tax_class @text NOT NULL,
    tax_rate @text NOT NULL,
    tax_name @text NOT NULL,
    weight_g @int NOT NULL,
    requires_shipping @bool NOT NULL,
    metadata @json NOT NULL, -- PERSONAL
    PRIMARY KEY (order_id, id),
    CHECK (cancelled + shipped <= quantity)
)@table;
CREATE INDEX orders_line_sku ON orders_line (sku, placed_at, order_id);

-- Append-only: an order's version is the number of its entries.
CREATE TABLE orders_history (
    order_id @id NOT NULL,
    sequence @int NOT NULL CHECK (sequence > 0),
    at @time NOT NULL,
    event @text NOT NULL,
    source @text NOT NULL,
    staff_id @id CHECK ((staff_id IS NOT NULL) = (source = 'staff')),
    status @text NOT NULL,
    detail @text, -- PERSONAL
    PRIMARY KEY (order_id, sequence)
)@table;

-- What staff write down about an order, for staff.
CREATE TABLE orders_note (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL,
    staff_id @id NOT NULL,
    text @text NOT NULL, -- PERSONAL
    written_at @time NOT NULL
)@table;
CREATE INDEX orders_note_order ON orders_note (order_id, id);

-- A link that was asked for; its token is derived, not kept.
CREATE TABLE orders_link (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL,
    expires_at @time NOT NULL
)@table;
CREATE INDEX orders_link_end ON orders_link (expires_at);

-- How often links were asked for with one number or e-mail address (HMACs of them) since a time.
CREATE TABLE orders_link_ask (
    key @text PRIMARY KEY NOT NULL, -- PERSONAL
    asks @int NOT NULL CHECK (asks > 0),
    since @time NOT NULL
)@table;
CREATE INDEX orders_link_ask_since ON orders_link_ask (since);
