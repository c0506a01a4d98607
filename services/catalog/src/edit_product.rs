//! Changes what a product says, or takes it out of the shop and back.

use std::collections::BTreeMap;

use ::store::Tx;
use contracts::catalog::{ProductArchived, ProductId, ProductStatus, ProductUpdated, VariantId};
use platform::problem::FieldProblem;
use platform::{Ctx, Problem, Staff};

use crate::create_product::{brand, categories, put_attributes, put_categories};
use crate::product::{ArrangedVariant, EditProduct, field};
use crate::store::Taken;
use crate::store::variants::Sibling;
use crate::variant::{VariantStatus, option_problems};
use crate::{Error, store};

/// Nobody's change is lost: the edit is made on `version` or refused.
///
/// Errors: `ProductNotFound`, `ProductChanged`, `SlugTaken`, `ExternalRefTaken`, and problems of fields.
pub async fn edit_product(
    ctx: &Ctx,
    staff: Staff<()>,
    product: ProductId,
    version: i64,
    edit: EditProduct,
) -> Result<(), Error> {
    if edit.fields().is_empty() {
        return Err(Problem::field("", "names no field to change").into());
    }
    let problems = edit.check();
    if !problems.is_empty() {
        return Err(Problem::fields(problems).into());
    }
    let input = (staff, product, version, edit);
    ctx.db
        .write(input, |tx, (staff, product, version, edit)| Box::pin(change(tx, staff, *product, *version, edit)))
        .await
}

async fn change(
    tx: &mut Tx,
    staff: &Staff<()>,
    product: ProductId,
    version: i64,
    edit: &EditProduct,
) -> Result<(), Error> {
    let taken = take(tx, product, version).await?;
    refuse_taken_names(tx, product, edit).await?;
    let brand = match &edit.brand {
        Some(name) => brand(tx, name.as_deref()).await?,
        None => None,
    };
    let (status, slug) = store::edit(tx, product, edit, brand).await.map_err(|error| lost_race(error, edit))?;
    if let Some(names) = &edit.categories {
        let categories = categories(tx, names).await?;
        store::remove_categories(tx, &[product]).await?;
        put_categories(tx, product, categories).await?;
    }
    if let Some(attributes) = &edit.attributes {
        store::attributes::remove_values(tx, &[product]).await?;
        put_attributes(tx, product, attributes).await?;
    }
    arrange(tx, product, &taken, edit).await?;
    if let Some(tax_class) = &edit.tax_class {
        store::variants::set_tax_class(tx, product, tax_class).await?;
    }
    if edit.is_listed_otherwise() {
        store::listing::refresh(tx, &[product]).await?;
    }
    if status == ProductStatus::Archived && taken.status != status {
        tx.say(&ProductArchived { product, version: taken.version });
    } else {
        tx.say(&ProductUpdated { product, version: taken.version, status, slug });
    }
    staff.records(tx, "catalog.edit_product", product, &edit.fields());
    Ok(())
}

/// Takes the product at this version for the transaction, or says why not.
pub async fn take(tx: &mut Tx, product: ProductId, version: i64) -> Result<Taken, Error> {
    match store::take(tx, product, version).await? {
        Some(taken) => Ok(taken),
        None => Err(match store::version(tx, product).await? {
            Some(version) => Error::ProductChanged { version },
            None => Error::ProductNotFound { product: product.to_string() },
        }),
    }
}

/// Names that another product has.
async fn refuse_taken_names(tx: &mut Tx, product: ProductId, edit: &EditProduct) -> Result<(), Error> {
    if let Some(slug) = &edit.slug
        && store::by_slug(tx, slug).await?.is_some_and(|owner| owner != product)
    {
        return Err(Error::SlugTaken { slug: slug.clone() });
    }
    if let Some(Some(external)) = &edit.external_ref
        && store::has_external_ref(tx, external).await?.is_some_and(|owner| owner != product)
    {
        return Err(Error::ref_taken(external));
    }
    Ok(())
}

/// Two edits at once may both find a name free; the database lets one of them have it.
fn lost_race(error: ::store::Error, edit: &EditProduct) -> Error {
    match (&error, &edit.slug, &edit.external_ref) {
        (::store::Error::Constraint { .. }, Some(slug), _) => Error::SlugTaken { slug: slug.clone() },
        (::store::Error::Constraint { .. }, None, Some(Some(external))) => Error::ref_taken(external),
        _ => error.into(),
    }
}

/// Gives the options and variants their new order and values.
async fn arrange(tx: &mut Tx, product: ProductId, taken: &Taken, edit: &EditProduct) -> Result<(), Error> {
    if edit.options.is_none() && edit.variants.is_none() {
        return Ok(());
    }
    let active: Vec<Sibling> = store::variants::of_product(tx, product)
        .await?
        .into_iter()
        .filter(|variant| variant.status == VariantStatus::Active)
        .collect();
    let options = edit.options.as_ref().unwrap_or(&taken.options);
    let problems = misarranged(&active, options, edit.variants.as_deref());
    if !problems.is_empty() {
        return Err(Problem::fields(problems).into());
    }
    if let Some(arranged) = &edit.variants {
        store::variants::arrange(tx, arranged).await?;
    }
    Ok(())
}

/// Why these options and variants can't be: a variant that is missing or not the product's, an option without a value,
/// two variants that are the same.
fn misarranged(active: &[Sibling], options: &[String], arranged: Option<&[ArrangedVariant]>) -> Vec<FieldProblem> {
    let Some(arranged) = arranged else {
        let same = option_problems(options, active.iter().map(|variant| &variant.options), |_| "/options".to_owned());
        return same
            .into_iter()
            .take(1)
            .map(|_| field("/options", "is more than another order: say the values of each variant in `variants`"))
            .collect();
    };
    let known: BTreeMap<VariantId, &Sibling> = active.iter().map(|variant| (variant.id, variant)).collect();
    let mut problems: Vec<FieldProblem> = arranged
        .iter()
        .enumerate()
        .filter(|(_, variant)| !known.contains_key(&variant.id))
        .map(|(at, _)| field(format!("/variants/{at}/id"), "is no variant of this product, or was taken out"))
        .collect();
    if problems.is_empty() && arranged.len() < active.len() {
        problems
            .push(field("/variants", format!("names {} of the product's {} variants", arranged.len(), active.len())));
    }
    if problems.is_empty() {
        let values = arranged.iter().map(|variant| variant.options.as_ref().unwrap_or(&known[&variant.id].options));
        problems = option_problems(options, values, |at| format!("/variants/{at}/options"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;
    use uuid::Uuid;

    fn variant(number: u128) -> VariantId {
        VariantId::from_uuid(Uuid::from_u128(number))
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    type Values<'a> = Option<&'a [(&'a str, &'a str)]>;

    fn pointers(options: &[&str], arranged: Option<&[(u128, Values<'_>)]>) -> Vec<String> {
        let sibling = |number, size| Sibling {
            id: variant(number),
            position: 0,
            status: VariantStatus::Active,
            options: values(&[("Size", size)]),
        };
        let options: Vec<String> = options.iter().map(|name| (*name).to_owned()).collect();
        let arranged: Option<Vec<ArrangedVariant>> = arranged.map(|arranged| {
            let arranged = arranged.iter();
            arranged.map(|(id, options)| ArrangedVariant { id: variant(*id), options: options.map(values) }).collect()
        });
        let problems = misarranged(&[sibling(1, "S"), sibling(2, "M")], &options, arranged.as_deref());
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn options_and_variants_are_arranged_as_a_whole() {
        assert!(pointers(&["Size"], None).is_empty());
        assert_eq!(pointers(&["Size", "Colour"], None), ["/options"]);
        assert_eq!(pointers(&[], None), ["/options"]);
        assert!(pointers(&["Size"], Some(&[(2, None), (1, None)])).is_empty());
        assert_eq!(pointers(&["Size"], Some(&[(2, None)])), ["/variants"]);
        assert_eq!(pointers(&["Size"], Some(&[(2, None), (3, None)])), ["/variants/1/id"]);
        let swapped = [(1, Some(&[("Size", "M")][..])), (2, Some(&[("Size", "S")][..]))];
        assert!(pointers(&["Size"], Some(&swapped)).is_empty());
        let same = [(1, Some(&[("Size", "M")][..])), (2, None)];
        assert_eq!(pointers(&["Size"], Some(&same)), ["/variants/1/options"]);
        let renamed = [(1, Some(&[("Fit", "S")][..])), (2, Some(&[("Fit", "M")][..]))];
        assert!(pointers(&["Fit"], Some(&renamed)).is_empty());
    }
}
