-- Where which taxes are due. A region of '' is the whole country.
CREATE TABLE pricing_tax_zone (
    id @id PRIMARY KEY NOT NULL,
    country @text NOT NULL CHECK (length(country) = 2),
    region @text NOT NULL,
    name @text NOT NULL,
    version @int NOT NULL CHECK (version > 0),
    UNIQUE (country, region)
)@table;

-- A decimal as text, such as 0.2 for 20 %: read into a decimal, never compared in SQL. A tax class of ''
-- is every class that the zone has no other rate for.
CREATE TABLE pricing_tax_rate (
    id @id PRIMARY KEY NOT NULL,
    zone_id @id NOT NULL REFERENCES pricing_tax_zone (id) ON DELETE CASCADE,
    tax_class @text NOT NULL,
    rate @text NOT NULL,
    name @text NOT NULL,
    UNIQUE (zone_id, tax_class)
)@table;
