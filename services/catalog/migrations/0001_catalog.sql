-- Products, their variants, and what those cost in a market.

CREATE TABLE catalog_product (
    id @id PRIMARY KEY NOT NULL,
    slug @text NOT NULL UNIQUE CHECK (slug <> ''),
    title @text NOT NULL CHECK (title <> ''),
    description @text NOT NULL,
    brand @text,
    status @text NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
    options @json NOT NULL,
    attributes @json NOT NULL,
    images @json NOT NULL,
    metadata @json NOT NULL,
    external_source @text,
    external_id @text,
    content_sha256 @text,
    version @int NOT NULL CHECK (version >= 1),
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (external_source, external_id),
    CHECK ((external_source IS NULL) = (external_id IS NULL))
)@table;
CREATE INDEX catalog_product_active ON catalog_product (id) WHERE status = 'active';

CREATE TABLE catalog_variant (
    id @id PRIMARY KEY NOT NULL,
    product_id @id NOT NULL REFERENCES catalog_product (id),
    position @int NOT NULL CHECK (position >= 0),
    sku @text NOT NULL UNIQUE CHECK (sku <> ''),
    title @text,
    option_values @json NOT NULL,
    tax_class @text NOT NULL,
    weight_g @int NOT NULL CHECK (weight_g >= 0),
    length_mm @int CHECK (length_mm > 0),
    width_mm @int CHECK (width_mm > 0),
    height_mm @int CHECK (height_mm > 0),
    hs_code @text,
    origin @text,
    requires_shipping @bool NOT NULL,
    metadata @json NOT NULL,
    external_source @text,
    external_id @text,
    availability @text NOT NULL CHECK (availability IN ('in', 'low', 'out')),
    availability_version @int NOT NULL CHECK (availability_version >= 0),
    UNIQUE (product_id, position),
    UNIQUE (external_source, external_id),
    CHECK ((external_source IS NULL) = (external_id IS NULL)),
    CHECK ((length_mm IS NULL) = (width_mm IS NULL) AND (width_mm IS NULL) = (height_mm IS NULL))
)@table;

CREATE TABLE catalog_price (
    variant_id @id NOT NULL REFERENCES catalog_variant (id),
    market @text NOT NULL,
    currency @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (variant_id, market, currency)
)@table;
