-- A buyer's cart: a guest's, who holds its token (only the token's SHA-256 is kept), or a customer's.
CREATE TABLE carts_cart (
    id @id PRIMARY KEY NOT NULL,
    token_sha256 @text UNIQUE, -- PERSONAL
    customer_id @id, -- PERSONAL
    market @text NOT NULL,
    currency @text NOT NULL,
    locale @text NOT NULL,
    email @text, -- PERSONAL
    shipping_address @json, -- PERSONAL
    billing_address @json, -- PERSONAL
    shipping_method_id @id,
    metadata @json NOT NULL, -- PERSONAL
    status @text NOT NULL CHECK (status IN ('open', 'ordered')),
    order_id @id,
    version @int NOT NULL CHECK (version > 0),
    last_quote @json,
    priced_at @time,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    CHECK ((token_sha256 IS NULL) <> (customer_id IS NULL)),
    CHECK ((status = 'ordered') = (order_id IS NOT NULL)),
    CHECK ((last_quote IS NULL) = (priced_at IS NULL))
)@table;
CREATE INDEX carts_cart_customer ON carts_cart (customer_id, status, id);
CREATE INDEX carts_cart_updated ON carts_cart (updated_at, id);

-- `unit_price_minor` is what the buyer saw when the line was put in or changed.
CREATE TABLE carts_line (
    id @id PRIMARY KEY NOT NULL,
    cart_id @id NOT NULL REFERENCES carts_cart (id),
    variant_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity BETWEEN 1 AND 100000),
    unit_price_minor @money NOT NULL CHECK (unit_price_minor >= 0),
    metadata @json NOT NULL, -- PERSONAL
    added_at @time NOT NULL,
    UNIQUE (cart_id, variant_id)
)@table;

-- How many carts guests of a network address opened in the hour since. `address` is an HMAC of it: it names nobody.
CREATE TABLE carts_opened (
    address @text PRIMARY KEY NOT NULL,
    carts @int NOT NULL CHECK (carts > 0),
    since @time NOT NULL
)@table;
CREATE INDEX carts_opened_since ON carts_opened (since);

-- Carts that went altogether into another one when that was claimed: an order of such a cart may be heard of later,
-- and takes what it bought out of the other.
CREATE TABLE carts_joined (
    cart_id @id PRIMARY KEY NOT NULL,
    into_id @id NOT NULL,
    version @int NOT NULL CHECK (version > 0), -- its last
    joined_at @time NOT NULL
)@table;
CREATE INDEX carts_joined_into ON carts_joined (into_id);
CREATE INDEX carts_joined_at ON carts_joined (joined_at);

-- What carts have heard of their orders: one that `holds` its cart keeps it closed, one that `released`
-- it does so for good, also where its placing is heard of later. One that is `done` needs its cart no
-- more; without a cart where that was heard first, or the cart is gone.
CREATE TABLE carts_order (
    order_id @id PRIMARY KEY NOT NULL,
    cart_id @id REFERENCES carts_cart (id),
    state @text NOT NULL CHECK (state IN ('holds', 'released', 'done')),
    heard_at @time NOT NULL
)@table;
CREATE INDEX carts_order_cart ON carts_order (cart_id, state, order_id);
