//! Adds, changes and removes lines: one shape for the three.
//!
//! The change is made twice. First on the cart as it was read, to check it and to price what it makes;
//! then in the database, relative to what is there by then, so that of two changes at once none is lost.

use ::store::{Tx, idempotency};
use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::customers::Buyer;
use contracts::{Id, Metadata, Quantity};
use garde::Validate;
use platform::http::{Replay, replayed};
use platform::{Ctx, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cart::{Addition, Cart, Details, Limits, LineChange};
use crate::checks::price_of;
use crate::error::Error;
use crate::offer::Offer;
use crate::show_cart::{read, show_cart, view};
use crate::view::CartView;
use crate::{price, store};

/// A variant to be put into a cart.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddLine {
    #[garde(skip)]
    pub variant: VariantId,
    /// Added to what the cart holds of this variant.
    #[garde(skip)]
    pub quantity: Quantity,
    /// Replaces what the variant's line has; left out: stays.
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

/// What is different about a line; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    #[serde(default)]
    #[garde(skip)]
    pub quantity: Option<Quantity>,
    /// All of it anew.
    #[serde(default)]
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

/// What happens to the lines of a cart.
enum Edit {
    Add { addition: Addition, key: Option<idempotency::Key> },
    Change(LineId, LineChange),
    Remove(LineId),
}

/// Puts a variant into the cart and shows the cart; the flag says that the same key did so before.
/// Three statements, five with a key.
///
/// Errors: `NotFound`, `Ordered`, `TooManyLines`; field problems at `/variant` and `/quantity`.
pub async fn add_line(
    ctx: &Ctx,
    buyer: &Buyer,
    cart: CartId,
    replay: Option<Replay>,
    body: AddLine,
) -> Result<(CartView, bool), Error> {
    let key = match replay {
        Some(Replay::Made(_)) => return Ok((show_cart(ctx, buyer, cart).await?, true)),
        Some(Replay::New(key)) => Some(key),
        None => None,
    };
    let AddLine { variant, quantity, metadata } = body;
    let addition = Addition { line: ctx.ids.next(), variant, quantity, unit_price_minor: 0, metadata };
    edit(ctx, buyer, cart, Edit::Add { addition, key }).await
}

/// Errors: `NotFound`, `LineNotFound`, `Ordered`; a field problem at `/quantity`.
pub async fn change_line(
    ctx: &Ctx,
    buyer: &Buyer,
    cart: CartId,
    line: LineId,
    body: ChangeLine,
) -> Result<CartView, Error> {
    let ChangeLine { quantity, metadata } = body;
    let change = LineChange { quantity, unit_price_minor: None, metadata };
    Ok(edit(ctx, buyer, cart, Edit::Change(line, change)).await?.0)
}

/// Errors: `NotFound`, `LineNotFound`, `Ordered`.
pub async fn remove_line(ctx: &Ctx, buyer: &Buyer, cart: CartId, line: LineId) -> Result<CartView, Error> {
    Ok(edit(ctx, buyer, cart, Edit::Remove(line)).await?.0)
}

async fn edit(ctx: &Ctx, buyer: &Buyer, id: CartId, mut edit: Edit) -> Result<(CartView, bool), Error> {
    let cart = read(ctx, buyer, id).await?;
    cart.require_open()?;
    let (from_version, at, limits) = (cart.version, ctx.clock.now(), Limits::of(&ctx.config.carts));
    let cart = match &edit {
        Edit::Add { addition, .. } => cart.with(addition, limits, "", at)?,
        Edit::Change(line, change) => cart.with_line(*line, change, limits, at)?,
        Edit::Remove(line) => cart.without(*line, at)?,
    };
    let offer = price::offer(ctx, &cart).await?;
    let cart = seen(cart, &offer, &mut edit)?;
    let key = match &edit {
        Edit::Add { key, .. } => key.clone(),
        Edit::Change(..) | Edit::Remove(_) => None,
    };
    let (owner, quote) = (buyer.clone(), offer.quote.clone());
    let change = store::Change { cart: id, buyer: owner, details: Details::default(), from_version, quote, at };
    let input = (change, edit, limits);
    let version = ctx.db.write(input, |tx, (change, edit, limits)| Box::pin(apply(tx, change, edit, *limits))).await?;
    match (version, key) {
        (Some(version), _) if version == cart.version => Ok((view(ctx, buyer, cart, offer).await?, false)),
        (Some(_), _) => Ok((show_cart(ctx, buyer, id).await?, false)),
        (None, Some(key)) => {
            replayed(&ctx.db, &key).await?;
            Ok((show_cart(ctx, buyer, id).await?, true))
        }
        (None, None) => Err(Problem::internal("a change without a key lost its key").into()),
    }
}

/// The buyer is answered with prices of now, so the changed line remembers its own.
fn seen(cart: Cart, offer: &Offer, edit: &mut Edit) -> Result<Cart, Error> {
    match edit {
        Edit::Add { addition, .. } => {
            addition.unit_price_minor = price_of(&cart, offer, addition.variant, "")?;
            Ok(cart.seen_at(addition.variant, addition.unit_price_minor))
        }
        Edit::Change(id, change) => {
            let variant = cart.lines.iter().find(|line| line.id == *id).map(|line| line.variant);
            let Some(variant) = variant else { return Ok(cart) };
            // Fewer of what is not for sale any more, or while the catalogue is down: its price stays.
            change.unit_price_minor = price_of(&cart, offer, variant, "").ok();
            Ok(match change.unit_price_minor {
                Some(price) => cart.seen_at(variant, price),
                None => cart,
            })
        }
        Edit::Remove(_) => Ok(cart),
    }
}

/// The cart's version after the change; `None`: another request has the key.
async fn apply(tx: &mut Tx, change: &store::Change, edit: &Edit, limits: Limits) -> Result<Option<i64>, Error> {
    if let Edit::Add { addition, key: Some(key) } = edit
        && !idempotency::claim(tx, key, 201, addition.line.uuid()).await?
    {
        return Ok(None);
    }
    let version = change_open(tx, change).await?;
    let is_there = match edit {
        Edit::Add { addition, .. } => {
            if store::add_line(tx, change.cart, addition, limits, change.at).await?.is_none() {
                // What was read allowed it, so another change came between: asked again, the limit is named.
                return Err(Problem::unavailable("two changes of a cart together would pass a limit").into());
            }
            true
        }
        Edit::Change(line, edit) => store::change_line(tx, change.cart, *line, edit).await?,
        Edit::Remove(line) => store::remove_line(tx, change.cart, *line).await?,
    };
    if is_there { Ok(Some(version)) } else { Err(Error::LineNotFound) }
}

/// Raises the cart's version and writes its details; says why where it can't.
pub async fn change_open(tx: &mut Tx, change: &store::Change) -> Result<i64, Error> {
    if let Some(version) = store::change(tx, change).await? {
        return Ok(version);
    }
    match store::holder(tx, change.cart, &change.buyer).await? {
        Some(Some(order)) => Err(Error::Ordered { order }),
        Some(None) | None => Err(Error::NotFound),
    }
}
