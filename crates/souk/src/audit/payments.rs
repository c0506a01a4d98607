//! I3 at most one charge per intent, I4 money adds up: our ledger beside the gateway's own word. I13 nothing that
//! a gateway refused waits for a person.

use contracts::payments::{PaymentFact, PaymentFacts};
use platform::Problem;

use super::{Audit, PAGE, owners};

pub(super) async fn check(audit: &mut Audit<'_>) -> Result<(), Problem> {
    let mut after = None;
    loop {
        let payments = audit.ctx.call(PaymentFacts { after, limit: PAGE }).await?;
        let Some(last) = payments.last() else { return Ok(()) };
        after = Some(last.payment);
        owners::check_payers(audit, &payments).await?;
        for payment in &payments {
            if audit.is_settled(payment.updated_at) {
                check_payment(audit, payment);
            }
        }
    }
}

fn check_payment(audit: &mut Audit<'_>, payment: &PaymentFact) {
    audit.payments += 1;
    let PaymentFact { authorized, captured, voided, refunded, .. } = *payment;
    let bounded =
        captured + voided <= authorized && refunded <= captured && authorized - voided <= payment.amount.amount;
    audit.must(bounded, "I4", payment.payment, || {
        format!(
            "authorised {authorized}, captured {captured}, voided {voided}, refunded {refunded} of {}",
            payment.amount.amount
        )
    });
    audit.must(payment.failed == 0, "I13", payment.payment, || {
        format!("the gateway refused {} captures, voids or refunds: retry them", payment.failed)
    });
    let Some(gateway) = &payment.gateway else { return };
    let once = gateway.charges_kept <= 1;
    audit.must(once, "I3", payment.payment, || {
        format!("the gateway keeps {} charges for one payment", gateway.charges_kept)
    });
    if payment.open == 0 {
        let ours = (authorized, captured, voided, refunded);
        let theirs = (gateway.authorized, gateway.captured, gateway.voided, gateway.refunded);
        audit.must(ours == theirs, "I4", payment.payment, || {
            format!("authorised, captured, voided, refunded are {ours:?} here and {theirs:?} at the gateway")
        });
    }
}
