-- What lies where, who holds it, and the ledger of how it came and went.

CREATE TABLE inventory_location (
    id @id PRIMARY KEY NOT NULL,
    name @text NOT NULL UNIQUE,
    created_at @time NOT NULL
)@table;

-- A variant over all its locations. Its row is locked before any of its levels changes, so that the
-- availability is computed from every level and each flip is said once.
CREATE TABLE inventory_variant (
    variant_id @id PRIMARY KEY NOT NULL,
    availability @text NOT NULL CHECK (availability IN ('in', 'low', 'out')),
    version @int NOT NULL CHECK (version >= 0)
)@table;

CREATE TABLE inventory_level (
    variant_id @id NOT NULL REFERENCES inventory_variant (variant_id),
    location_id @id NOT NULL REFERENCES inventory_location (id),
    policy @text NOT NULL CHECK (policy IN ('deny', 'backorder', 'untracked')),
    on_hand @int NOT NULL,
    reserved @int NOT NULL CHECK (reserved >= 0),
    shortfall @int NOT NULL CHECK (shortfall >= 0),
    low_threshold @int NOT NULL CHECK (low_threshold >= 0),
    updated_at @time NOT NULL,
    PRIMARY KEY (variant_id, location_id),
    -- No oversell: what is promised is there, or was found missing by a count.
    CHECK (policy <> 'deny' OR reserved - shortfall <= on_hand)
)@table;

-- One row per order that inventory heard of; `cancelled` before anything was held is the tombstone.
CREATE TABLE inventory_order (
    order_id @id PRIMARY KEY NOT NULL,
    state @text NOT NULL CHECK (state IN ('reserved', 'rejected', 'cancelled'))
)@table;

CREATE TABLE inventory_reservation (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL REFERENCES inventory_order (order_id),
    variant_id @id NOT NULL,
    location_id @id NOT NULL,
    quantity @int NOT NULL CHECK (quantity > 0),
    shipped @int NOT NULL CHECK (shipped >= 0 AND shipped <= quantity),
    state @text NOT NULL CHECK (state IN ('held', 'released', 'shipped')),
    UNIQUE (order_id, variant_id, location_id),
    CHECK ((state = 'shipped') = (shipped = quantity))
)@table;
CREATE INDEX inventory_reservation_held ON inventory_reservation (variant_id, location_id) WHERE state = 'held';

-- Append-only: a level is the sum of its movements.
CREATE TABLE inventory_movement (
    id @id PRIMARY KEY NOT NULL,
    variant_id @id NOT NULL,
    location_id @id NOT NULL,
    kind @text NOT NULL CHECK (kind IN ('received', 'adjusted', 'reserved', 'released', 'shipped')),
    on_hand_change @int NOT NULL,
    reserved_change @int NOT NULL,
    order_id @id,
    shipment_id @id,
    reason @text,
    at @time NOT NULL,
    CHECK (on_hand_change <> 0 OR reserved_change <> 0)
)@table;
CREATE INDEX inventory_movement_variant ON inventory_movement (variant_id, id);
-- A shipment moves a variant out once. Movements without a shipment are distinct here.
CREATE UNIQUE INDEX inventory_movement_order ON inventory_movement (order_id, variant_id, shipment_id);
