//! Changes what a method costs and is called, and whether it is offered.

use ::store::Tx;
use contracts::shipping::ShippingMethodId;
use platform::{Ctx, Problem, Staff, can};

use crate::error::Error;
use crate::method::{EditShippingMethod, ShippingMethodView, check_rates};
use crate::rate::Rate;
use crate::show_zones::view_method;
use crate::store::zones as store;

struct Editing {
    staff: Staff<()>,
    method: ShippingMethodId,
    version: i64,
    edit: EditShippingMethod,
    rates: Option<Vec<Rate>>,
}

/// Nobody's change is lost: the edit is made on `version` or refused. What was sold keeps what it cost.
///
/// Errors: `MethodNotFound`, `Changed`; field problems for rates that fit no market, and for a place of a
/// method that sends.
pub async fn edit_method(
    ctx: &Ctx,
    staff: Staff<can::ShippingWrite>,
    method: ShippingMethodId,
    version: i64,
    edit: EditShippingMethod,
) -> Result<ShippingMethodView, Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let rates = edit.rates.as_deref().map(|rates| check_rates(rates, &ctx.config, "")).transpose();
    let rates = rates.map_err(Problem::fields)?;
    let editing = Editing { staff: staff.actor(), method, version, edit, rates };
    ctx.db.write(editing, |tx, editing| Box::pin(change(tx, editing))).await?;
    view_method(ctx, method).await
}

async fn change(tx: &mut Tx, editing: &Editing) -> Result<(), Error> {
    let Editing { staff, method, version, edit, rates } = editing;
    // What a method is never changes, so this stays true.
    let known = store::method_in(tx, *method).await?.ok_or(Error::MethodNotFound { method: *method })?;
    if edit.pickup.is_some() && known.zone.is_some() {
        return Err(Problem::field("/pickup", "this method sends to a zone: make another one for a place").into());
    }
    if store::edit_method(tx, *method, *version, edit).await?.is_none() {
        let now = store::method_in(tx, *method).await?.ok_or(Error::MethodNotFound { method: *method })?;
        return Err(Error::Changed { version: now.version });
    }
    if let Some(rates) = rates {
        store::replace_rates(tx, *method, rates).await?;
    }
    staff.records(tx, "shipping.edit_method", method, &edit.fields());
    Ok(())
}
