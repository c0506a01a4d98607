//! Changes what a variant says, takes it out of its product, or brings it back.

use ::store::Tx;
use contracts::catalog::{ProductId, ProductUpdated, VariantId};
use platform::{Ctx, Problem, Staff};

use crate::edit_product::take;
use crate::product::{VARIANTS_MAX, field};
use crate::store::variants::{self, Sibling};
use crate::variant::{EditVariant, VariantStatus, option_problems};
use crate::{Error, store};

/// Nobody's change is lost: the edit is made on the product's `version` or refused.
///
/// Errors: `ProductNotFound`, `VariantNotFound`, `ProductChanged`, `SkuTaken`, `ExternalRefTaken`, `LastVariant`,
/// `TooManyVariants`, and problems of fields.
pub async fn edit_variant(
    ctx: &Ctx,
    staff: Staff<()>,
    product: ProductId,
    variant: VariantId,
    version: i64,
    edit: EditVariant,
) -> Result<(), Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let input = (staff, product, variant, version, edit);
    ctx.db
        .write(input, |tx, (staff, product, variant, version, edit)| {
            Box::pin(change(tx, staff, (*product, *variant), *version, edit))
        })
        .await
}

/// Takes a variant out of its product: buyers don't see it any more, old orders still name it. Its SKU stays its own.
///
/// Errors: `ProductNotFound`, `VariantNotFound`, `ProductChanged`, `LastVariant`.
pub async fn remove_variant(
    ctx: &Ctx,
    staff: Staff<()>,
    product: ProductId,
    variant: VariantId,
    version: i64,
) -> Result<(), Error> {
    let edit = EditVariant { status: Some(VariantStatus::Archived), ..EditVariant::default() };
    edit_variant(ctx, staff, product, variant, version, edit).await
}

async fn change(
    tx: &mut Tx,
    staff: &Staff<()>,
    (product, variant): (ProductId, VariantId),
    version: i64,
    edit: &EditVariant,
) -> Result<(), Error> {
    let taken = take(tx, product, version).await?;
    let siblings = variants::of_product(tx, product).await?;
    fits(&siblings, &taken.options, variant, edit)?;
    refuse_taken_names(tx, variant, edit).await?;
    match variants::edit(tx, product, variant, edit).await {
        Ok(true) => {}
        Ok(false) => return Err(Error::VariantNotFound { variant }),
        Err(error) => return Err(lost_race(error, edit)),
    }
    if edit.status.is_some() {
        store::listing::refresh(tx, &[product]).await?;
    }
    tx.say(&ProductUpdated { product, version: taken.version, status: taken.status, slug: taken.slug });
    staff.records(tx, "catalog.edit_variant", variant, &edit.fields());
    Ok(())
}

/// The product keeps a variant, no more than it may have, and no two that are the same.
fn fits(siblings: &[Sibling], options: &[String], variant: VariantId, edit: &EditVariant) -> Result<(), Error> {
    let own = siblings.iter().find(|sibling| sibling.id == variant).ok_or(Error::VariantNotFound { variant })?;
    let others = || siblings.iter().filter(|other| other.id != variant && other.status == VariantStatus::Active);
    let is_active = edit.status.unwrap_or(own.status) == VariantStatus::Active;
    if !is_active {
        return if others().next().is_none() && own.status == VariantStatus::Active {
            Err(Error::LastVariant)
        } else {
            Ok(())
        };
    }
    if own.status == VariantStatus::Archived && others().count() >= VARIANTS_MAX {
        return Err(Error::TooManyVariants { most: VARIANTS_MAX as i64 });
    }
    if edit.options.is_none() && own.status == VariantStatus::Active {
        return Ok(());
    }
    let values = edit.options.as_ref().unwrap_or(&own.options);
    let mut problems = option_problems(options, std::iter::once(values), |_| "/options".to_owned());
    if problems.is_empty() && others().any(|other| &other.options == values) {
        problems.push(field("/options", "are those of another variant"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Problem::fields(problems).into()) }
}

/// Names that another variant has.
async fn refuse_taken_names(tx: &mut Tx, variant: VariantId, edit: &EditVariant) -> Result<(), Error> {
    if let Some(sku) = &edit.sku
        && variants::skus_taken(tx, [sku.as_str()]).await?.get(sku).is_some_and(|(owner, _)| *owner != variant)
    {
        return Err(Error::SkuTaken { sku: sku.clone() });
    }
    if let Some(Some(external)) = &edit.external_ref
        && variants::by_external_ref(tx, &external.source, &external.id).await?.is_some_and(|owner| owner != variant)
    {
        return Err(Error::ref_taken(external));
    }
    Ok(())
}

/// Two edits at once may both find a name free; the database lets one of them have it.
fn lost_race(error: ::store::Error, edit: &EditVariant) -> Error {
    match (&error, &edit.sku, &edit.external_ref) {
        (::store::Error::Constraint { .. }, Some(sku), _) => Error::SkuTaken { sku: sku.clone() },
        (::store::Error::Constraint { .. }, None, Some(Some(external))) => Error::ref_taken(external),
        _ => error.into(),
    }
}
