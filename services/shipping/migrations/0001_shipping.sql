-- Where parcels can go and for how much, and the parcels.

CREATE TABLE shipping_zone (
    id @id PRIMARY KEY NOT NULL,
    name @text NOT NULL UNIQUE
)@table;

CREATE TABLE shipping_zone_country (
    country @text NOT NULL CHECK (length(country) = 2),
    zone_id @id NOT NULL REFERENCES shipping_zone (id),
    PRIMARY KEY (country, zone_id)
)@table;
CREATE INDEX shipping_zone_country_zone ON shipping_zone_country (zone_id, country);

CREATE TABLE shipping_method (
    id @id PRIMARY KEY NOT NULL,
    zone_id @id NOT NULL REFERENCES shipping_zone (id),
    name @text NOT NULL,
    market @text NOT NULL,
    currency @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    tax_class @text NOT NULL,
    position @int NOT NULL,
    UNIQUE (zone_id, position)
)@table;

-- One row per order that shipping heard of; `cancelled` before it was confirmed is the tombstone.
CREATE TABLE shipping_order (
    order_id @id PRIMARY KEY NOT NULL,
    cancelled @bool NOT NULL
)@table;

CREATE TABLE shipping_shipment (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL REFERENCES shipping_order (order_id),
    location_id @id NOT NULL,
    state @text NOT NULL CHECK (state IN ('pending', 'dispatched', 'delivered', 'cancelled')),
    carrier @text,
    tracking_number @text,
    version @int NOT NULL CHECK (version > 0),
    created_at @time NOT NULL,
    dispatched_at @time,
    delivered_at @time,
    CHECK ((dispatched_at IS NOT NULL) = (state IN ('dispatched', 'delivered'))),
    CHECK ((delivered_at IS NOT NULL) = (state = 'delivered'))
)@table;
CREATE INDEX shipping_shipment_order ON shipping_shipment (order_id, id);
CREATE INDEX shipping_shipment_state ON shipping_shipment (state, id);

CREATE TABLE shipping_shipment_line (
    shipment_id @id NOT NULL REFERENCES shipping_shipment (id),
    line_id @id NOT NULL,
    variant_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (shipment_id, line_id)
)@table;
