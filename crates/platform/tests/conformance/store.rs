//! The statements of the two small services.

store::statements! {
    COUNT = "INSERT INTO listener_count (service, thing, number) VALUES ($1, $2, $3)
        ON CONFLICT (service, thing) DO UPDATE SET number = listener_count.number + excluded.number";
    NUMBER = "SELECT number FROM listener_count WHERE service = $1 AND thing = $2";
    FORGET = "DELETE FROM souk_inbox WHERE service = $1 AND subject = $2";
    UNHEARD = "SELECT COUNT(*) FROM souk_outbox AS said WHERE said.service IN ('speaker', 'listener') AND NOT EXISTS (
        SELECT 1 FROM souk_inbox AS heard WHERE heard.event_id = said.id)";
    SET = "INSERT INTO listener_count (service, thing, number) VALUES ($1, $2, $3)
        ON CONFLICT (service, thing) DO UPDATE SET number = excluded.number";
}
