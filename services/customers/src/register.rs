//! Makes an account.

use ::store::Tx;
use contracts::MarketId;
use contracts::customers::CustomerRegistered;
use platform::{ClientAddress, Ctx};

use crate::customer::{CustomerView, RegisterCustomer};
use crate::desk::Desk;
use crate::email::Email;
use crate::throttle::Throttle;
use crate::{Error, store};

const MARKET: &str = "default";

struct Account {
    customer: CustomerView,
    password_hash: String,
    throttle: Throttle,
}

/// Makes an account, which logs nobody in. An e-mail that has one is refused openly: a shop that keeps it
/// secret sends its own customers away. How many may be asked for from one address is throttled.
///
/// Errors: [`Error::EmailTaken`], [`Error::TooManyTries`], [`Error::Busy`], problems of fields.
pub async fn register(
    ctx: &Ctx,
    desk: &Desk,
    from: ClientAddress,
    body: RegisterCustomer,
) -> Result<CustomerView, Error> {
    let email = Email::parse(&body.email)?;
    body.password.must_be_hard_to_guess("/password", email.as_str())?;
    let market = body.market.clone().map_or_else(|| MARKET.parse::<MarketId>(), Ok);
    let market = market.expect("`default` is a name");
    let locale = ctx.market(&market)?.locale.clone();

    let throttle = Throttle::register(ctx, from);
    throttle.count(ctx, desk).await?;
    let password_hash = desk.hasher.hash(body.password).await?;
    let now = ctx.clock.now();
    let customer = CustomerView {
        id: ctx.ids.next(),
        email: email.as_str().to_owned(),
        name: body.name,
        phone: body.phone,
        locale: body.locale.unwrap_or(locale),
        market,
        metadata: body.metadata,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let account = Account { customer, password_hash, throttle };
    ctx.db.write(account, |tx, account| Box::pin(insert(tx, account))).await
}

async fn insert(tx: &mut Tx, account: &Account) -> Result<CustomerView, Error> {
    let Account { customer, password_hash, throttle } = account;
    if !store::accounts::insert(tx, customer, password_hash).await? {
        return Err(Error::EmailTaken);
    }
    throttle.forgive(tx).await?;
    tx.say(&CustomerRegistered { customer: customer.id });
    Ok(customer.clone())
}
