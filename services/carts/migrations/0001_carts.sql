-- A buyer's cart. Who holds the token owns it; only the token's SHA-256 is kept.
CREATE TABLE carts_cart (
    id @id PRIMARY KEY NOT NULL,
    token_sha256 @text NOT NULL UNIQUE,
    market @text NOT NULL,
    currency @text NOT NULL,
    locale @text NOT NULL,
    email @text,
    shipping_address @json,
    shipping_method_id @id,
    metadata @json NOT NULL,
    status @text NOT NULL CHECK (status IN ('open', 'ordered')),
    order_id @id,
    version @int NOT NULL CHECK (version > 0),
    last_quote @json,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    CHECK ((status = 'ordered') = (order_id IS NOT NULL))
)@table;

CREATE TABLE carts_line (
    id @id PRIMARY KEY NOT NULL,
    cart_id @id NOT NULL REFERENCES carts_cart (id),
    variant_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity BETWEEN 1 AND 100000),
    metadata @json NOT NULL,
    added_at @time NOT NULL,
    UNIQUE (cart_id, variant_id)
)@table;

-- What carts have heard of their orders: one that `holds` its cart keeps it closed, one that `released`
-- it does so for good, also where its placing is heard of later.
CREATE TABLE carts_order (
    order_id @id PRIMARY KEY NOT NULL,
    cart_id @id NOT NULL REFERENCES carts_cart (id),
    state @text NOT NULL CHECK (state IN ('holds', 'released'))
)@table;
CREATE INDEX carts_order_cart ON carts_order (cart_id, state, order_id);
