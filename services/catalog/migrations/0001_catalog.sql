-- The catalogue: brands, categories, attributes, products and their variants, what they cost, and lists of them.

CREATE TABLE catalog_brand (
    id @id PRIMARY KEY NOT NULL,
    slug @text NOT NULL UNIQUE CHECK (slug <> ''),
    name @text NOT NULL UNIQUE CHECK (name <> ''),
    name_key @text NOT NULL
)@table;
CREATE INDEX catalog_brand_by_name ON catalog_brand (name_key, id);

-- One row. Whoever changes the tree's shape takes it first, so that no two moves make a cycle together.
CREATE TABLE catalog_tree (
    id @int PRIMARY KEY NOT NULL CHECK (id = 1),
    version @int NOT NULL
)@table;

CREATE TABLE catalog_category (
    id @id PRIMARY KEY NOT NULL,
    parent_id @id REFERENCES catalog_category (id),
    slug @text NOT NULL UNIQUE CHECK (slug <> ''),
    -- The slugs from the root to it, joined by `/`.
    path @text NOT NULL UNIQUE,
    depth @int NOT NULL CHECK (depth BETWEEN 1 AND 10),
    title @text NOT NULL CHECK (title <> ''),
    description @text NOT NULL,
    position @int NOT NULL CHECK (position >= 0),
    version @int NOT NULL CHECK (version >= 1),
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    CHECK ((parent_id IS NULL) = (depth = 1)),
    CHECK (parent_id <> id)
)@table;
CREATE UNIQUE INDEX catalog_category_sibling ON catalog_category (parent_id, title) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX catalog_category_root ON catalog_category (title) WHERE parent_id IS NULL;

-- Every category with itself and everything above it.
CREATE TABLE catalog_category_ancestor (
    category_id @id NOT NULL REFERENCES catalog_category (id),
    ancestor_id @id NOT NULL REFERENCES catalog_category (id),
    PRIMARY KEY (category_id, ancestor_id)
)@table;
CREATE INDEX catalog_category_descendant ON catalog_category_ancestor (ancestor_id, category_id);

-- Names that products give values of.
CREATE TABLE catalog_attribute (
    id @id PRIMARY KEY NOT NULL,
    key @text NOT NULL UNIQUE CHECK (key <> ''),
    label @text NOT NULL CHECK (label <> ''),
    type @text NOT NULL CHECK (type IN ('text', 'number', 'boolean')),
    unit @text,
    filterable @bool NOT NULL,
    version @int NOT NULL CHECK (version >= 1),
    created_at @time NOT NULL,
    updated_at @time NOT NULL
)@table;

CREATE TABLE catalog_product (
    id @id PRIMARY KEY NOT NULL,
    slug @text NOT NULL UNIQUE CHECK (slug <> ''),
    title @text NOT NULL CHECK (title <> ''),
    -- What it is sorted by: its title without case and accents, cut.
    title_key @text NOT NULL,
    description @text NOT NULL,
    brand_id @id REFERENCES catalog_brand (id),
    status @text NOT NULL CHECK (status IN ('draft', 'active', 'archived')),
    -- Names, in the order to ask.
    options @json NOT NULL,
    attributes @json NOT NULL,
    -- [{"url", "alt"}]; the first stands for the product.
    images @json NOT NULL,
    metadata @json NOT NULL,
    external_source @text,
    external_id @text,
    -- Of what an import brought last.
    content_sha256 @text,
    version @int NOT NULL CHECK (version >= 1),
    created_at @time NOT NULL,
    updated_at @time NOT NULL,
    UNIQUE (external_source, external_id),
    CHECK ((external_source IS NULL) = (external_id IS NULL))
)@table;
CREATE INDEX catalog_product_by_status ON catalog_product (status, id);
CREATE INDEX catalog_product_by_brand ON catalog_product (brand_id, status);

CREATE TABLE catalog_product_category (
    product_id @id NOT NULL REFERENCES catalog_product (id),
    category_id @id NOT NULL REFERENCES catalog_category (id),
    -- The first is where the product is at home.
    position @int NOT NULL CHECK (position >= 0),
    PRIMARY KEY (product_id, category_id)
)@table;
CREATE INDEX catalog_product_category_by_category ON catalog_product_category (category_id, product_id);

-- The attributes of products once more, one row each, to filter by. A boolean is the text `true` or `false`.
CREATE TABLE catalog_attribute_value (
    product_id @id NOT NULL REFERENCES catalog_product (id),
    attribute_id @id NOT NULL REFERENCES catalog_attribute (id),
    text_value @text,
    -- Millionths.
    number_micros @int,
    PRIMARY KEY (product_id, attribute_id),
    CHECK ((text_value IS NULL) <> (number_micros IS NULL))
)@table;
CREATE INDEX catalog_attribute_value_text ON catalog_attribute_value (attribute_id, text_value, product_id)
    WHERE text_value IS NOT NULL;
CREATE INDEX catalog_attribute_value_number ON catalog_attribute_value (attribute_id, number_micros, product_id)
    WHERE number_micros IS NOT NULL;

CREATE TABLE catalog_variant (
    id @id PRIMARY KEY NOT NULL,
    product_id @id NOT NULL REFERENCES catalog_product (id),
    position @int NOT NULL CHECK (position >= 0),
    sku @text NOT NULL UNIQUE CHECK (sku <> ''),
    title @text,
    status @text NOT NULL CHECK (status IN ('active', 'archived')),
    -- {"Size": "M"}
    options @json NOT NULL,
    -- As of a product; a variant without its own shows the product's.
    images @json NOT NULL,
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
    UNIQUE (external_source, external_id),
    CHECK ((external_source IS NULL) = (external_id IS NULL)),
    CHECK ((length_mm IS NULL) = (width_mm IS NULL) AND (width_mm IS NULL) = (height_mm IS NULL))
)@table;
CREATE INDEX catalog_variant_of_product ON catalog_variant (product_id, position, id);

CREATE TABLE catalog_price (
    variant_id @id NOT NULL REFERENCES catalog_variant (id),
    market @text NOT NULL,
    currency @text NOT NULL,
    amount_minor @money NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (variant_id, market, currency)
)@table;

-- What lists are read from: an active product once for each market and currency that it has a price in, and there
-- once in each scope: the whole shop (the id of zeros), its brand, its categories and all above those.
-- Made again from the tables above whenever one of them changes.
CREATE TABLE catalog_listing (
    market @text NOT NULL,
    currency @text NOT NULL,
    scope_id @id NOT NULL,
    product_id @id NOT NULL REFERENCES catalog_product (id),
    title_key @text NOT NULL,
    -- Of its cheapest variant, which it is sorted by, and of its dearest.
    price_min_minor @money NOT NULL,
    price_max_minor @money NOT NULL,
    brand_id @id,
    -- The best of its variants': 0 in, 1 low, 2 out.
    availability @int NOT NULL CHECK (availability BETWEEN 0 AND 2),
    PRIMARY KEY (market, currency, scope_id, product_id)
)@table;
CREATE INDEX catalog_listing_by_price ON catalog_listing (market, currency, scope_id, price_min_minor, product_id);
CREATE INDEX catalog_listing_by_title ON catalog_listing (market, currency, scope_id, title_key, product_id);
CREATE INDEX catalog_listing_of_product ON catalog_listing (product_id);
