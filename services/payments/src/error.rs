//! What payments refuses.

platform::errors! {
    /// The order is not waiting for a payment: it is paid, cancelled, or its goods are not held yet.
    NotPayable => Conflict "payments.not_payable" "the order is not waiting for a payment: read it again to see why";
    /// The order became payable a moment ago: the same request succeeds soon.
    NotReady => Conflict "payments.not_ready" "the order's payment is being prepared: send the same request again in a moment";
    /// The order was tried as often as its way to pay allows.
    TooManyTries { tries_max: i64 } => Conflict "payments.too_many_tries" "the order was tried {tries_max} times: cancel it, and order its cart again, which is open then";
    /// Another attempt to pay this order is still going on, or has succeeded.
    InProgress => Conflict "payments.in_progress" "this order is being paid, or is paid: read it again before paying anew";
    /// The test bank has no such charge, or the shop does not use the test bank.
    ChargeNotFound => NotFound "payments.test_charge_not_found" "the test bank knows no such charge";
    /// The buyer has answered, or the shop withdrew the charge.
    ChargeEnded => Conflict "payments.test_charge_ended" "this charge no longer waits for the buyer: read the order to see how it ended";
}
