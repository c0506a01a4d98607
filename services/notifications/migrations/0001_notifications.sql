-- Whom a message went to is not kept: the address is asked for when it is sent.
CREATE TABLE notifications_message (
    id @id PRIMARY KEY NOT NULL,
    order_id @id NOT NULL,
    template @text NOT NULL CHECK (template IN ('order_confirmed', 'order_cancelled', 'shipment_dispatched')),
    cause @id NOT NULL, -- what the message tells of: the order, or one shipment of it
    state @text NOT NULL CHECK (state IN ('pending', 'sent', 'skipped', 'failed')),
    reason @text,
    created_at @time NOT NULL,
    sent_at @time,
    UNIQUE (order_id, template, cause),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((state IN ('skipped', 'failed')) = (reason IS NOT NULL))
)@table;
CREATE INDEX notifications_message_order ON notifications_message (order_id, id);
