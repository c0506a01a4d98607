-- What lies where, who holds it, and the ledger of how it came and went.

CREATE TABLE inventory_location (
    id @id PRIMARY KEY NOT NULL,
    name @text NOT NULL UNIQUE,
    country @text CHECK (length(country) = 2),
    -- The lower one is asked first.
    priority @int NOT NULL CHECK (priority BETWEEN 0 AND 1000),
    active @bool NOT NULL,
    version @int NOT NULL CHECK (version > 0),
    created_at @time NOT NULL
)@table;

-- A variant over all its locations. Its row is locked before any of its levels changes, so that the
-- availability is computed from every level and each flip is said once.
CREATE TABLE inventory_variant (
    variant_id @id PRIMARY KEY NOT NULL,
    policy @text NOT NULL CHECK (policy IN ('deny', 'backorder', 'untracked')),
    availability @text NOT NULL CHECK (availability IN ('in', 'low', 'out')),
    version @int NOT NULL CHECK (version >= 0),
    UNIQUE (variant_id, policy)
)@table;

CREATE TABLE inventory_level (
    variant_id @id NOT NULL,
    location_id @id NOT NULL REFERENCES inventory_location (id),
    -- The variant's: the foreign key keeps it so, and the check below needs it.
    policy @text NOT NULL,
    on_hand @int NOT NULL,
    reserved @int NOT NULL CHECK (reserved >= 0),
    shortfall @int NOT NULL CHECK (shortfall >= 0),
    low_threshold @int NOT NULL CHECK (low_threshold >= 0),
    updated_at @time NOT NULL,
    PRIMARY KEY (variant_id, location_id),
    FOREIGN KEY (variant_id, policy) REFERENCES inventory_variant (variant_id, policy) ON UPDATE CASCADE,
    -- No oversell: what is promised is there, or was found missing by a count.
    CHECK (policy <> 'deny' OR reserved - shortfall <= on_hand)
)@table;
CREATE INDEX inventory_level_location ON inventory_level (location_id, variant_id);
CREATE INDEX inventory_level_low ON inventory_level (variant_id, location_id)
    WHERE policy <> 'untracked' AND on_hand - reserved <= low_threshold;

-- One row per order that inventory heard of; `cancelled` before anything was held is the tombstone.
CREATE TABLE inventory_order (
    order_id @id PRIMARY KEY NOT NULL,
    state @text NOT NULL CHECK (state IN ('reserved', 'rejected', 'cancelled'))
)@table;

-- Still held is what was neither shipped nor released.
CREATE TABLE inventory_reservation (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL REFERENCES inventory_order (order_id),
    variant_id @id NOT NULL,
    location_id @id NOT NULL,
    -- A shipment takes it; else the order's completion does.
    ships @bool NOT NULL,
    quantity @int NOT NULL CHECK (quantity > 0),
    shipped @int NOT NULL CHECK (shipped >= 0),
    released @int NOT NULL CHECK (released >= 0),
    UNIQUE (order_id, variant_id, location_id),
    CHECK (shipped + released <= quantity)
)@table;
CREATE INDEX inventory_reservation_held ON inventory_reservation (variant_id, location_id)
    WHERE shipped + released < quantity;

-- Append-only: a level is the sum of its movements.
CREATE TABLE inventory_movement (
    id @id PRIMARY KEY NOT NULL,
    variant_id @id NOT NULL,
    location_id @id NOT NULL,
    kind @text NOT NULL CHECK (kind IN
        ('received', 'adjusted', 'counted', 'reserved', 'released', 'shipped', 'transferred_out', 'transferred_in')),
    on_hand_change @int NOT NULL,
    reserved_change @int NOT NULL,
    order_id @id,
    shipment_id @id,
    stocktake_id @id,
    transfer_id @id,
    reason @text,
    note @text,
    at @time NOT NULL,
    CHECK (on_hand_change <> 0 OR reserved_change <> 0)
)@table;
CREATE INDEX inventory_movement_variant ON inventory_movement (variant_id, at, id);
CREATE INDEX inventory_movement_location ON inventory_movement (location_id, at, id);
-- A shipment moves a variant out once. Movements without a shipment are distinct here.
CREATE UNIQUE INDEX inventory_movement_order ON inventory_movement (order_id, variant_id, shipment_id);

CREATE TABLE inventory_stocktake (
    id @id PRIMARY KEY NOT NULL,
    location_id @id NOT NULL REFERENCES inventory_location (id),
    note @text,
    counted_at @time NOT NULL
)@table;

CREATE TABLE inventory_stocktake_line (
    stocktake_id @id NOT NULL REFERENCES inventory_stocktake (id),
    variant_id @id NOT NULL,
    -- What was on hand by the books.
    expected @int NOT NULL,
    counted @int NOT NULL CHECK (counted >= 0),
    shortfall @int NOT NULL CHECK (shortfall >= 0),
    PRIMARY KEY (stocktake_id, variant_id)
)@table;

CREATE TABLE inventory_transfer (
    id @id PRIMARY KEY NOT NULL,
    from_location_id @id NOT NULL REFERENCES inventory_location (id),
    to_location_id @id NOT NULL REFERENCES inventory_location (id),
    state @text NOT NULL CHECK (state IN ('created', 'shipped', 'received', 'cancelled')),
    note @text,
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    CHECK (from_location_id <> to_location_id)
)@table;
CREATE INDEX inventory_transfer_state ON inventory_transfer (state, id);

-- In transit, once shipped, is what was neither received nor lost.
CREATE TABLE inventory_transfer_line (
    transfer_id @id NOT NULL REFERENCES inventory_transfer (id),
    variant_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity > 0),
    received @int NOT NULL CHECK (received >= 0),
    lost @int NOT NULL CHECK (lost >= 0),
    PRIMARY KEY (transfer_id, variant_id),
    CHECK (received + lost <= quantity)
)@table;
