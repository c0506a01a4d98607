//! What payments refuses.

use contracts::Money;

platform::errors! {
    /// There is no such payment.
    PaymentNotFound => NotFound "payments.not_found" "there is no such payment";
    /// There is no such refund.
    RefundNotFound => NotFound "payments.refund_not_found" "there is no such refund";
    /// There is no such capture, void or refund.
    OperationNotFound => NotFound "payments.operation_not_found" "there is no such operation: the payment lists its own";
    /// The order is not waiting for a payment: it is paid, cancelled, or its goods are not held yet.
    NotPayable => Conflict "payments.not_payable" "the order is not waiting for a payment: read it again to see why";
    /// The order became payable a moment ago: the same request succeeds soon.
    NotReady => Conflict "payments.not_ready" "the order's payment is being prepared: send the same request again in a moment";
    /// The order was tried as often as its way to pay allows.
    TooManyTries { tries_max: i64 } => Conflict "payments.too_many_tries" "the order was tried {tries_max} times: cancel it, and order its cart again, which is open then";
    /// The payments of this order that go on, or have succeeded, are for all of its total.
    InProgress => Conflict "payments.in_progress" "this order is being paid, or is paid: read it again before paying anew";
    /// The amount is more than what no other payment of the order is for; `context` has what is left.
    MoreThanDue { due: Money } => Conflict "payments.more_than_due" "no payment is for {due} of this order yet: pay at most that";
    /// The amount is more than was captured and has not gone back yet; `context` has what is left.
    RefundExceedsCaptured { left: Money } => Conflict "payments.refund_exceeds_captured" "{left} of this order can still be refunded";
    /// So many units of the line, or the shipping charge, went back before.
    AlreadyRefunded { what: String } => Conflict "payments.already_refunded" "{what}: read the order's refunds";
    /// What is asked back costs nothing.
    NothingToRefund => Conflict "payments.nothing_to_refund" "what is asked back costs nothing";
    /// Another refund has this external reference.
    ExternalRefTaken => Conflict "payments.external_ref_taken" "another refund has this external reference: read it by the order's refunds";
    /// A gateway brings the money of this payment, or none can come: it takes no receipt.
    NothingAwaited => Conflict "payments.nothing_awaited" "no money is awaited for this payment by hand: read it to see why";
    /// The amount is more than what is awaited; `context` has that.
    MoreThanAwaited { awaited: Money } => Conflict "payments.more_than_awaited" "{awaited} is awaited for this payment: note at most that";
    /// Only a capture or void that its gateway refused is retried, while its amount is still there.
    NotRetryable => Conflict "payments.not_retryable" "only a refused capture or void whose amount is still authorised can be retried: read the payment; for a refused refund make a new one";
    /// The way to pay has no gateway that tells events.
    NoEvents => NotFound "payments.no_events" "no gateway tells events for this way to pay";
    /// The signature is missing, wrong, or older than five minutes.
    BadSignature => Unauthenticated "payments.bad_signature" "sign time and body as `Gateway-Signature: t=<seconds>,v1=<HMAC-SHA256 in hex>` with the secret of this way to pay, and send it within five minutes";
    /// The test bank has no such charge, or the shop does not use the test bank.
    ChargeNotFound => NotFound "payments.test_charge_not_found" "the test bank knows no such charge";
    /// The buyer has answered, or the shop withdrew the charge.
    ChargeEnded => Conflict "payments.test_charge_ended" "this charge no longer waits for the buyer: read the order to see how it ended";
}

impl Error {
    /// As a problem whose `context` has the amount that would have been right.
    pub fn with_amount(self, name: &str, amount: Money) -> Self {
        let context = serde_json::json!({ name: amount });
        Self::Problem(platform::Problem::from(self).with_context(context))
    }
}
