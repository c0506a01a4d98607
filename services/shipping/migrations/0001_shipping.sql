-- Where parcels can go and for how much, and the parcels.

CREATE TABLE shipping_zone (
    id @id PRIMARY KEY NOT NULL,
    name @text NOT NULL UNIQUE,
    archived @bool NOT NULL,
    version @int NOT NULL CHECK (version > 0),
    created_at @time NOT NULL,
    updated_at @time NOT NULL
)@table;

-- One rule of a zone: a country, a region of it, and of these the postcodes that begin with what lies
-- between two texts. '' is all.
CREATE TABLE shipping_area (
    zone_id @id NOT NULL REFERENCES shipping_zone (id),
    country @text NOT NULL CHECK (length(country) = 2),
    region @text NOT NULL,
    postcode_from @text NOT NULL,
    postcode_to @text NOT NULL CHECK (length(postcode_to) = length(postcode_from) AND postcode_to >= postcode_from),
    breadth @int NOT NULL CHECK (breadth >= 0),
    PRIMARY KEY (zone_id, country, region, postcode_from, postcode_to)
)@table;
CREATE INDEX shipping_area_country ON shipping_area (country, region);

-- A way to send goods to a zone, or a place where buyers fetch them.
CREATE TABLE shipping_method (
    id @id PRIMARY KEY NOT NULL,
    zone_id @id REFERENCES shipping_zone (id),
    pickup @json,
    name @text NOT NULL,
    tax_class @text NOT NULL,
    archived @bool NOT NULL,
    version @int NOT NULL CHECK (version > 0),
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    CHECK ((zone_id IS NULL) = (pickup IS NOT NULL))
)@table;
CREATE INDEX shipping_method_zone ON shipping_method (zone_id, id);

-- What a method costs in a market. The steps are read as one: [from, minor units] each, rising from 0.
CREATE TABLE shipping_rate (
    method_id @id NOT NULL REFERENCES shipping_method (id),
    market @text NOT NULL,
    currency @text NOT NULL,
    kind @text NOT NULL CHECK (kind IN ('flat', 'weight', 'total')),
    steps @json NOT NULL,
    free_from_minor @money CHECK (free_from_minor >= 0),
    weight_g_max @int CHECK (weight_g_max > 0),
    PRIMARY KEY (method_id, market)
)@table;

-- One row per order that shipping heard of; `cancelled` before it was confirmed is the tombstone.
-- Who changes an order's shipments locks its row first.
CREATE TABLE shipping_order (
    order_id @id PRIMARY KEY NOT NULL,
    cancelled @bool NOT NULL
)@table;

-- The method's name and place are as they were when the order was confirmed.
CREATE TABLE shipping_shipment (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL REFERENCES shipping_order (order_id),
    location_id @id NOT NULL,
    method_id @id,
    method_name @text,
    pickup @json,
    state @text NOT NULL CHECK (state IN ('pending', 'dispatched', 'delivered', 'lost', 'cancelled')),
    metadata @json NOT NULL,
    external_source @text,
    external_id @text,
    version @int NOT NULL CHECK (version > 0),
    created_at @time NOT NULL,
    dispatched_at @time,
    delivered_at @time,
    lost_at @time,
    CHECK ((dispatched_at IS NOT NULL) = (state IN ('dispatched', 'delivered', 'lost'))),
    CHECK ((delivered_at IS NOT NULL) = (state = 'delivered')),
    CHECK ((lost_at IS NOT NULL) = (state = 'lost')),
    CHECK ((external_source IS NULL) = (external_id IS NULL)),
    UNIQUE (external_source, external_id)
)@table;
CREATE INDEX shipping_shipment_order ON shipping_shipment (order_id, id);
CREATE INDEX shipping_shipment_state ON shipping_shipment (state, id);
CREATE INDEX shipping_shipment_location ON shipping_shipment (location_id, state, id);

-- What is left to send, or was sent, is `quantity` less `cancelled`.
CREATE TABLE shipping_shipment_line (
    shipment_id @id NOT NULL REFERENCES shipping_shipment (id),
    line_id @id NOT NULL,
    variant_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity > 0),
    cancelled @int NOT NULL CHECK (cancelled BETWEEN 0 AND quantity),
    PRIMARY KEY (shipment_id, line_id)
)@table;

CREATE TABLE shipping_parcel (
    id @id PRIMARY KEY NOT NULL,
    shipment_id @id NOT NULL REFERENCES shipping_shipment (id),
    carrier @text NOT NULL,
    tracking_number @text,
    weight_g @int CHECK (weight_g > 0)
)@table;
CREATE INDEX shipping_parcel_shipment ON shipping_parcel (shipment_id, id);
