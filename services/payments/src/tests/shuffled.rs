//! Events in any order and as often as they like, refunds, further payments and what gateways tell in
//! between, jobs run, lost and run again, gateways that refuse, are late or lose their answers: in the
//! end the books agree with the bank's, and what was captured and not given back is what the order keeps.

use contracts::orders::OrderId;
use platform::Outcome;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BUYER, Shop, back, eur};

#[derive(Debug, Clone, Copy)]
enum Step {
    Payable,
    /// One of two shipments, of 40.00 and, at last, 35.00: a unit of 25.00 is cancelled.
    CaptureDue(usize),
    /// 10.00 of what was captured are not wanted after all.
    RefundDue,
    Cancelled,
    /// By staff.
    Refund(i64),
    /// With this card, so much of the total.
    Pay(&'static str, i64),
    RunJobs,
    /// The process died right after it had claimed its jobs.
    LoseARun,
    BuyerAnswers(bool),
    /// The bank tells of the newest charge.
    Told,
    Later,
    RetryRefused,
}

const SHIPMENTS: [(i64, bool); 2] = [(4_000, false), (3_500, true)];
const REFUND_DUE: i64 = 1_000;
const TOKENS: [&str; 9] = [
    "tok_ok",
    "tok_ok",
    "tok_declined",
    "tok_action",
    "tok_late",
    "tok_capture_refused",
    "tok_void_refused",
    "tok_refund_refused",
    "tok_answer_lost",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Payable),
        4 => (0_usize..2).prop_map(Step::CaptureDue),
        1 => Just(Step::RefundDue),
        1 => Just(Step::Cancelled),
        2 => (1_i64..8_000).prop_map(Step::Refund),
        2 => (prop::sample::select(&TOKENS[..]), 1_i64..10_001).prop_map(|(token, amount)| Step::Pay(token, amount)),
        5 => Just(Step::RunJobs),
        1 => Just(Step::LoseARun),
        2 => any::<bool>().prop_map(Step::BuyerAnswers),
        1 => Just(Step::Told),
        1 => Just(Step::Later),
        1 => Just(Step::RetryRefused),
    ];
    prop::collection::vec(step, 1..24)
}

#[test]
fn the_books_agree_in_any_order() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let shop = runtime.block_on(Shop::open());
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() });
    let stories = (steps(), prop::sample::select(&TOKENS[..]), prop::option::of(1_i64..10_000));
    let told = runner.run(&stories, |(steps, token, amount)| {
        runtime.block_on(Story::begin(&shop, token, amount).tell(&steps));
        Ok(())
    });
    told.unwrap_or_else(|failure| panic!("{failure}"));
}

struct Story<'a> {
    shop: &'a Shop,
    order: OrderId,
    captures: [Uuid; 2],
    refund: Uuid,
    /// Heard too early: to be heard again.
    parked: Vec<Step>,
    is_payable: bool,
    is_cancelled: bool,
    asked: [bool; 2],
    is_refund_due: bool,
}

impl<'a> Story<'a> {
    fn begin(shop: &'a Shop, token: &str, amount: Option<i64>) -> Self {
        let order = shop.order(token);
        shop.change(order, |order| {
            order.amount = amount;
            order.lines[0].quantity = 2;
            order.lines[0].cancelled = 1;
        });
        let captures = [shop.ctx.ids.uuid(), shop.ctx.ids.uuid()];
        let refund = shop.ctx.ids.uuid();
        let (parked, asked) = (Vec::new(), [false; 2]);
        Self {
            shop,
            order,
            captures,
            refund,
            parked,
            is_payable: false,
            is_cancelled: false,
            asked,
            is_refund_due: false,
        }
    }

    async fn tell(mut self, steps: &[Step]) {
        for step in steps {
            self.take(*step).await;
            self.hear_parked().await;
            self.must_be_sound().await;
        }
        self.comes_to_rest().await;
        self.must_be_kept().await;
    }

    async fn take(&mut self, step: Step) {
        let (shop, order) = (self.shop, self.order);
        match step {
            Step::Payable => {
                self.is_payable = true;
                shop.hear_payable(order, 10_000).await;
            }
            Step::CaptureDue(which) => {
                self.asked[which] = true;
                self.parked.push(step);
            }
            Step::RefundDue => {
                self.is_refund_due = true;
                self.parked.push(step);
            }
            Step::Cancelled => {
                self.is_cancelled = true;
                shop.hear_cancelled(order).await;
            }
            Step::Refund(amount) => {
                let key = shop.ctx.ids.uuid().to_string();
                let (status, answer) = shop.refund(&key, &back(order, amount)).await;
                let is_sound = status == 201 || answer["code"] == "payments.refund_exceeds_captured";
                assert!(is_sound, "{answer:#}");
            }
            Step::Pay(token, amount) => {
                let key = shop.ctx.ids.uuid().to_string();
                let body = json!({ "order": order, "method": "card", "token": token, "amount": eur(amount) });
                shop.post("/v1/payments", &[("idempotency-key", &key), ("cart-token", BUYER)], &body).await;
            }
            Step::RunJobs => drop(shop.run_due().await),
            Step::LoseARun => shop.lose_a_run().await,
            Step::BuyerAnswers(yes) => {
                if shop.bank_path(order).await.is_some() {
                    shop.answer_at_bank(order, if yes { "authorized" } else { "declined" }).await;
                }
            }
            Step::Told => {
                let key = shop.attempt_ids(order).await.pop();
                let told = key.map(|key| crate::jobs::TestBankTells { key, event: shop.ctx.ids.uuid() });
                let told = shop.ctx.db.write(told, |tx, told| {
                    Box::pin(async move {
                        told.iter().for_each(|told| tx.start(told));
                        Ok::<_, ::store::Error>(())
                    })
                });
                told.await.expect("a job");
            }
            Step::Later => shop.advance(30),
            Step::RetryRefused => self.retry_refused().await,
        }
    }

    /// Hears each twice; keeps what has to wait.
    async fn hear_parked(&mut self) {
        for step in std::mem::take(&mut self.parked) {
            let first = self.hear(step).await;
            let again = self.hear(step).await;
            assert_eq!(first, again);
            if first != Outcome::Done {
                self.parked.push(step);
            }
        }
    }

    async fn hear(&self, step: Step) -> Outcome {
        let (shop, order) = (self.shop, self.order);
        match step {
            Step::CaptureDue(which) => {
                let (amount, last) = SHIPMENTS[which];
                shop.hear_capture(order, self.captures[which], amount, last).await
            }
            Step::RefundDue => shop.hear_refund_due(order, self.refund, REFUND_DUE).await,
            other => panic!("{other:?} is never parked"),
        }
    }

    async fn retry_refused(&self) {
        for payment in self.shop.payments(self.order).await {
            let shown =
                self.shop.get(&format!("/v1/admin/payments/{}", payment["id"].as_str().expect("an id"))).await.1;
            for operation in shown["operations"].as_array().expect("operations") {
                if operation["state"] == "failed" && operation["kind"] != "refund" {
                    let id = operation["id"].as_str().expect("an id");
                    let path = format!("/v1/admin/payments/operations/{id}/retry");
                    let (_, answer) = self.shop.post(&path, &[("authorization", "Bearer staff")], &json!({})).await;
                    let is_sound = answer["id"].is_string() || answer["code"] == "payments.not_retryable";
                    assert!(is_sound, "{answer:#}");
                }
            }
        }
    }

    /// Whatever is under way, the order's account agrees with its payments, and nothing is over its bounds.
    async fn must_be_sound(&self) {
        let account = crate::store::account(&self.shop.ctx.db, self.order).await.expect("the books");
        let Some(account) = account else { return };
        let payments = self.shop.payments(self.order).await;
        assert_eq!((account.captured, account.refunded), (sum(&payments, "captured"), sum(&payments, "refunded")));
        assert!(account.captured <= account.total, "{account:?}");
        assert!(
            account.refunded + account.refunding <= account.captured && account.pledged <= account.total,
            "{account:?}"
        );
    }

    /// All that was said is heard, all jobs are done, and staff mend what gateways refused.
    async fn comes_to_rest(&mut self) {
        if self.is_payable {
            self.shop.hear_payable(self.order, 10_000).await;
        }
        for _ in 0..6 {
            self.shop.advance(30);
            for _ in 0..8 {
                if self.shop.run_due().await == 0 {
                    break;
                }
            }
            self.hear_parked().await;
            self.retry_refused().await;
            if self.is_cancelled {
                self.refund_by_hand().await;
            }
        }
    }

    /// What a gateway refused to give back of a cancelled order, staff give back anew.
    async fn refund_by_hand(&self) {
        let account = crate::store::account(&self.shop.ctx.db, self.order).await.expect("the books");
        let left = account.map_or(0, |account| account.refundable());
        if left > 0 {
            self.shop.refunds(self.order, left).await;
        }
    }

    async fn must_be_kept(&self) {
        let payments = self.shop.payments(self.order).await;
        if payments.is_empty() {
            return;
        }
        if payments.iter().any(|payment| payment["status"] == "action_required") {
            // It waits for its buyer: nothing of it is taken.
            assert!(!self.is_cancelled, "{payments:#?}");
            return;
        }
        let [authorized, captured, voided, refunded] = self.shop.sums(self.order).await;
        let (_, page) = self.shop.get(&format!("/v1/admin/refunds?order={}&limit=100", self.order)).await;
        let refunds = page["items"].as_array().expect("refunds");
        assert!(refunds.iter().all(|refund| refund["state"] != "pending"), "{refunds:#?}");
        assert_eq!(sum(refunds, "refunded"), refunded, "each refund of the order moved what it says");
        if self.is_cancelled {
            assert_eq!(authorized, voided + refunded, "a cancelled order keeps nothing");
            return;
        }
        if authorized < 10_000 {
            assert_eq!((captured, voided, refunded), (0, 0, 0), "not all of it was paid");
            return;
        }
        let asked = SHIPMENTS.iter().zip(self.asked).filter(|(_, asked)| *asked).map(|((amount, _), _)| amount);
        assert_eq!(captured, asked.sum::<i64>(), "all that was asked, once");
        let is_all = self.asked == [true; 2];
        assert_eq!(voided, if is_all { authorized - captured } else { 0 }, "what is not due is let go, in the end");
        let of_lines = refunds.iter().filter(|refund| refund["cause"] == "lines_cancelled").count();
        let (due, done) = (self.is_refund_due && captured > 0, of_lines == 1);
        assert!(of_lines <= 1 && (done || !due || refunded + REFUND_DUE > captured), "{refunds:#?}");
    }
}

fn sum(items: &[Value], what: &str) -> i64 {
    items.iter().map(|item| item[what]["amount"].as_i64().expect("an amount")).sum()
}
