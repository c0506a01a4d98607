//! Adds, changes and removes lines: one shape for the three.
//!
//! The change is made twice. First on the cart as it was read, to check it and to price what it makes;
//! then in the database, relative to what is there by then, so that of two changes at once none is lost.

use ::store::{Tx, idempotency};
use contracts::carts::{CartId, LineId};
use contracts::catalog::VariantId;
use contracts::{Id, Metadata, Quantity};
use garde::Validate;
use platform::auth::Buyer;
use platform::http::{Replay, replayed};
use platform::{Ctx, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cart::{Addition, Cart, Details, LINES_MAX};
use crate::error::Error;
use crate::offer::{Offer, is_for_sale};
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
    #[garde(skip)]
    pub metadata: Option<Metadata>,
}

/// Another quantity of a line.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    #[garde(skip)]
    pub quantity: Quantity,
}

/// What happens to the lines of a cart.
enum Edit {
    Add { addition: Addition, lines_max: i64, key: Option<idempotency::Key> },
    SetQuantity(LineId, Quantity),
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
    let addition = Addition { line: ctx.ids.next(), variant, quantity, metadata };
    let lines_max = ctx.config.carts.lines_max.min(LINES_MAX);
    edit(ctx, buyer, cart, Edit::Add { addition, lines_max, key }).await
}

/// Errors: `NotFound`, `LineNotFound`, `Ordered`.
pub async fn change_line(
    ctx: &Ctx,
    buyer: &Buyer,
    cart: CartId,
    line: LineId,
    body: ChangeLine,
) -> Result<CartView, Error> {
    Ok(edit(ctx, buyer, cart, Edit::SetQuantity(line, body.quantity)).await?.0)
}

/// Errors: `NotFound`, `LineNotFound`, `Ordered`.
pub async fn remove_line(ctx: &Ctx, buyer: &Buyer, cart: CartId, line: LineId) -> Result<CartView, Error> {
    Ok(edit(ctx, buyer, cart, Edit::Remove(line)).await?.0)
}

async fn edit(ctx: &Ctx, buyer: &Buyer, id: CartId, edit: Edit) -> Result<(CartView, bool), Error> {
    let cart = read(ctx, buyer, id).await?;
    cart.require_open()?;
    let (from_version, at) = (cart.version, ctx.clock.now());
    let cart = match &edit {
        Edit::Add { addition, lines_max, .. } => cart.with(addition, *lines_max, at)?,
        Edit::SetQuantity(line, quantity) => cart.with_quantity(*line, *quantity, at)?,
        Edit::Remove(line) => cart.without(*line, at)?,
    };
    let offer = price::offer(ctx, &cart).await?;
    if let Edit::Add { addition, .. } = &edit {
        require_for_sale(&cart, &offer, addition.variant)?;
    }
    let key = match &edit {
        Edit::Add { key, .. } => key.clone(),
        Edit::SetQuantity(..) | Edit::Remove(_) => None,
    };
    let (token_sha256, quote) = (buyer.token_sha256.clone(), offer.quote.clone());
    let change = store::Change { cart: id, token_sha256, details: Details::default(), from_version, quote, at };
    let version = ctx.db.write((change, edit), |tx, (change, edit)| Box::pin(apply(tx, change, edit))).await?;
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

/// Nothing is put into a cart unseen: where the catalogue does not answer, that is said.
fn require_for_sale(cart: &Cart, offer: &Offer, variant: VariantId) -> Result<(), Error> {
    let Some(variants) = &offer.variants else {
        return Err(offer
            .unavailable
            .clone()
            .unwrap_or_else(|| Problem::unavailable("the catalogue does not answer"))
            .into());
    };
    if variants.get(&variant).is_some_and(is_for_sale) {
        return Ok(());
    }
    let detail =
        format!("is not for sale in market `{}`: it is not known, not active, or has no price there", cart.market);
    Err(Problem::field("/variant", detail).into())
}

/// The cart's version after the change; `None`: another request has the key.
async fn apply(tx: &mut Tx, change: &store::Change, edit: &Edit) -> Result<Option<i64>, Error> {
    if let Edit::Add { addition, key: Some(key), .. } = edit
        && !idempotency::claim(tx, key, 201, addition.line.uuid()).await?
    {
        return Ok(None);
    }
    let version = change_open(tx, change).await?;
    match edit {
        Edit::Add { addition, lines_max, .. } => {
            if store::add_line(tx, change.cart, addition, *lines_max, change.at).await?.is_none() {
                // What was read allowed it, so another change came between: asked again, the limit is named.
                return Err(Problem::unavailable("two changes of a cart together would pass a limit").into());
            }
        }
        Edit::SetQuantity(line, quantity) => {
            if !store::set_quantity(tx, change.cart, *line, *quantity).await? {
                return Err(Error::LineNotFound);
            }
        }
        Edit::Remove(line) => {
            if !store::remove_line(tx, change.cart, *line).await? {
                return Err(Error::LineNotFound);
            }
        }
    }
    Ok(Some(version))
}

/// Raises the cart's version and writes its details; says why where it can't.
pub async fn change_open(tx: &mut Tx, change: &store::Change) -> Result<i64, Error> {
    if let Some(version) = store::change(tx, change).await? {
        return Ok(version);
    }
    match store::holder(tx, change.cart, &change.token_sha256).await? {
        Some(Some(order)) => Err(Error::Ordered { order }),
        Some(None) | None => Err(Error::NotFound),
    }
}
