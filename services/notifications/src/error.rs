//! What notifications refuses.

platform::errors! {
    /// No such message.
    NoMessage => NotFound "notifications.message_not_found" "there is no such message";
    /// The message is on its way already: it can be sent again when it has ended.
    MessagePending => Conflict "notifications.message_pending" "the message is being sent: it can be sent again when it was sent, skipped or has failed";
    /// No such webhook endpoint.
    NoEndpoint => NotFound "notifications.endpoint_not_found" "there is no such webhook endpoint";
    /// The endpoint was changed since it was read: read it again.
    EndpointChanged => Stale "notifications.endpoint_changed" "the endpoint was changed since you read it: read it again and send its ETag";
    /// The shop has as many endpoints as it may: delete one.
    TooManyEndpoints => Conflict "notifications.too_many_endpoints" "a shop has at most 50 webhook endpoints: delete one first";
    /// The endpoint is switched off: switch it on first.
    EndpointDisabled => Conflict "notifications.endpoint_disabled" "the endpoint is switched off: set `enabled` to true first";
    /// No such delivery, or it is older than deliveries are kept.
    NoDelivery => NotFound "notifications.delivery_not_found" "there is no such delivery; old ones are not kept";
    /// A template in the shop's own folder can't be filled in; the text names file and line.
    BadTemplate { why: String } => Conflict "notifications.bad_template" "{why}; until it is mended, mails are written with the built-in template";
}
