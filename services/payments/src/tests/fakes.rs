//! The services beside payments, as far as it asks them.

use super::*;

pub fn fake_orders(ctx: &Ctx, orders: FakeOrders) -> Service {
    let (of_payment, of_link, of_refund) = (Arc::clone(&orders), Arc::clone(&orders), orders);
    Service::new("orders", ctx)
        .answers::<GetPaymentInstruction, _, _>(move |_, call| {
            let found = of_payment.lock().unwrap().get(&call.order).cloned();
            async move {
                let theirs = call.buyer.is_none_or(|buyer| buyer.token_sha256() == Some(&sha256_hex(BUYER.as_bytes())));
                let FakeOrder { status, method, token, amount, .. } =
                    found.filter(|_| theirs).ok_or_else(no_such_order)?;
                let (order, total, amount) = (call.order, eur(10_000), amount.map(eur));
                let (method, number) = (method.to_owned(), "S-7K3M9Q".to_owned());
                Ok(PaymentInstruction { order, status, total, method, amount, token, number })
            }
        })
        .answers::<GetPaymentInstructionByLink, _, _>(move |_, call| {
            let found = of_link.lock().unwrap().get(&call.order).cloned();
            async move {
                let is_theirs = call.token == format!("souk_ot_{}", call.order);
                let FakeOrder { status, method, .. } = found.filter(|_| is_theirs).ok_or_else(no_such_order)?;
                let (order, total, number) = (call.order, eur(10_000), "S-7K3M9Q".to_owned());
                Ok(PaymentInstruction {
                    order,
                    status,
                    total,
                    method: method.to_owned(),
                    amount: None,
                    token: None,
                    number,
                })
            }
        })
        .answers::<GetRefundable, _, _>(move |_, call| {
            let found = of_refund.lock().unwrap().get(&call.order).cloned();
            async move {
                let FakeOrder { status, lines, shipping, .. } = found.ok_or_else(no_such_order)?;
                let line = |line: FakeLine| {
                    let FakeLine { line, quantity, cancelled, total } = line;
                    RefundableLine {
                        line,
                        variant: VariantId::from_uuid(line.uuid()),
                        quantity,
                        cancelled,
                        total: eur(total),
                    }
                };
                let lines = lines.into_iter().map(line).collect();
                let (total, shipping_total) = (eur(10_000), eur(shipping));
                Ok(Refundable { order: call.order, status, total, lines, shipping_total })
            }
        })
}

fn no_such_order() -> Problem {
    Problem::new(Kind::NotFound, "orders.not_found", "there is no such order")
}

pub fn fake_customers(ctx: &Ctx) -> Service {
    Service::new("customers", ctx).answers::<AuthenticateKey, _, _>(|ctx, _| async move {
        let permissions = vec![Permission::PaymentsRead, Permission::PaymentsWrite];
        Ok(Some(StaffPrincipal { staff: ctx.ids.next(), key: ctx.ids.next(), permissions }))
    })
}
