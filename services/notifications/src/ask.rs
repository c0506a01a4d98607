//! Asks what a message needs to say, of the services that know: at the moment it is sent, and kept nowhere.

use contracts::customers::{CustomerId, GetCustomerContact};
use contracts::notifications::MessageId;
use contracts::orders::{GetOrderContact, GetOrderLink, GetPaymentInstruction, OrderContact, OrderId, OrderStatus};
use contracts::payments::{GetNextAction, NextAction};
use contracts::shipping::GetShipmentContact;
use contracts::{Locale, MarketId};
use jiff::Timestamp;
use platform::config::Config;
use platform::{Ctx, Problem};

use crate::content::{Access, Content, Next, Order, Payment, Shipment, Shop, order_page};
use crate::mail;
use crate::message::{About, MessageView, PAYING_TAKES, Template};
use crate::store::messages;

const NOT_FOUND: u16 = 404;

/// What a message says, and whom it goes to.
#[derive(Debug)]
pub struct Letter {
    pub email: String,
    pub locale: Locale,
    pub content: Content,
}

#[derive(Debug)]
pub enum Asked {
    Letter(Box<Letter>),
    /// It must not be sent any more, and why.
    Skip(&'static str),
    /// Not yet.
    Wait(Timestamp),
}

/// What this message says now.
pub async fn ask(ctx: &Ctx, message: &MessageView) -> Result<Asked, Problem> {
    let asked = match message.about()? {
        About::Order(order) => about_order(ctx, message, order).await,
        About::Customer(customer) => about_customer(ctx, customer).await,
    };
    match asked {
        Err(problem) if problem.status == NOT_FOUND => Ok(Asked::Skip("what it tells of is not there any more")),
        other => other,
    }
}

async fn about_customer(ctx: &Ctx, customer: CustomerId) -> Result<Asked, Problem> {
    let contact = ctx.call(GetCustomerContact { customer }).await?;
    // Whose address that is nobody has shown yet: what somebody typed as a name is not sent there.
    let content = empty(&ctx.config)?;
    Ok(Asked::Letter(Box::new(Letter { email: contact.email, locale: contact.locale, content })))
}

async fn about_order(ctx: &Ctx, message: &MessageView, order: OrderId) -> Result<Asked, Problem> {
    let contact = ctx.call(GetOrderContact { order }).await?;
    if let Some(why) = message.template.is_overtaken(&contact) {
        return Ok(Asked::Skip(why));
    }
    let mut letter = order_letter(&ctx.config, contact)?;
    match message.template {
        Template::ShipmentDispatched => {
            let contact = ctx.call(GetShipmentContact { shipment: message.cause() }).await?;
            letter.content.shipment = Some(Shipment { contact });
        }
        Template::OrderRefunded => letter.content.refund = message.amount,
        Template::PaymentNeeded => match payment(ctx, message, order).await? {
            Ok(payment) => letter.content.payment = Some(payment),
            Err(asked) => return Ok(asked),
        },
        Template::OrderLink => {
            let Some(link) = ctx.call(GetOrderLink { link: message.cause() }).await? else {
                return Ok(Asked::Skip("the link has expired"));
            };
            let page = order_page(&ctx.config.notifications.order_page, &order.to_string(), &link.token);
            if let Some(order) = &mut letter.content.order {
                order.page = page;
            }
            letter.content.access = Some(Access { token: link.token, expires_at: link.expires_at });
        }
        Template::OrderConfirmed | Template::OrderCancelled | Template::Welcome => {}
    }
    Ok(Asked::Letter(Box::new(letter)))
}

/// What the buyer has to do for this order to be paid; `Err` where that is nothing, or not clear yet.
async fn payment(ctx: &Ctx, message: &MessageView, order: OrderId) -> Result<Result<Payment, Asked>, Problem> {
    let instruction = ctx.call(GetPaymentInstruction { order, buyer: None }).await?;
    if instruction.status != OrderStatus::Payable {
        return Ok(Err(Asked::Skip("the order does not wait for a payment any more")));
    }
    let amount = instruction.amount.unwrap_or(instruction.total);
    let next = ctx.call(GetNextAction { order }).await?;
    if !matches!(next, Some(NextAction::Transfer { .. })) {
        let patience = message.queued_at.saturating_add(PAYING_TAKES).unwrap_or(Timestamp::MAX);
        if message.sending == 1 && ctx.clock.now() < patience {
            return Ok(Err(Asked::Wait(patience)));
        }
        if message.sending == 1 && is_followed(ctx, order, message.id).await? {
            return Ok(Err(Asked::Skip("the buyer has tried again since")));
        }
    }
    Ok(Ok(Payment { next: next.map_or(Next::Again, Next::Action), amount }))
}

async fn is_followed(ctx: &Ctx, order: OrderId, message: MessageId) -> Result<bool, Problem> {
    Ok(messages::is_followed(&ctx.db, order, Template::PaymentNeeded, message).await?)
}

/// A letter about an order that says no more than that.
pub fn order_letter(config: &Config, contact: OrderContact) -> Result<Letter, Problem> {
    let token = contact.link.as_ref().map(|link| link.token.clone()).unwrap_or_default();
    let page = order_page(&config.notifications.order_page, &contact.order.to_string(), &token);
    let (email, locale, name) = (contact.email.clone(), contact.locale.clone(), contact.name.clone());
    let order = Some(Order { contact, page });
    Ok(Letter { email, locale, content: Content { name, order, ..empty(config)? } })
}

/// What every message of this shop says.
pub fn empty(config: &Config) -> Result<Content, Problem> {
    let from = mail::sender(&config.notifications.from)?;
    let shop =
        Shop { name: from.name.unwrap_or_else(|| from.email.to_string()), url: config.server.public_url.clone() };
    let (name, order, shipment, refund) = (String::new(), None, None, None);
    Ok(Content { shop, name, order, shipment, refund, payment: None, access: None })
}

/// The locale of the shop itself: its default market's.
pub fn shop_locale(config: &Config) -> Locale {
    let default = "default".parse::<MarketId>().ok().and_then(|id| config.markets.get(&id));
    let market = default.or_else(|| config.markets.values().next());
    market.map_or_else(|| crate::locale::LAST.parse().expect("`en` is a locale"), |market| market.locale.clone())
}
