//! Makes a product with its variants and prices.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::catalog::{BrandId, CategoryId, ProductCreated, ProductId, ProductStatus, VariantId};
use contracts::{Id, MarketId, Money, TaxClass};
use platform::{Ctx, Problem, Staff};

use crate::attribute::{Attributes, mistyped, type_of};
use crate::product::{NewProduct, field};
use crate::slug::{slug, with_id};
use crate::variant::NewVariant;
use crate::{Error, store};

struct Asked {
    staff: Staff<()>,
    key: Option<Key>,
    product: NewProduct,
    /// Of each variant in order, those with their market's currency.
    prices: Vec<Vec<(MarketId, Money)>>,
}

/// The product is there with all its variants and prices, or not at all. `None`: the key made one before.
///
/// Errors: `SkuTaken`, `SlugTaken`, `ExternalRefTaken`, and problems of fields.
pub async fn create_product(
    ctx: &Ctx,
    staff: Staff<()>,
    key: Option<Key>,
    product: NewProduct,
) -> Result<Option<ProductId>, Error> {
    let problems = product.check(&ctx.config);
    if !problems.is_empty() {
        return Err(Problem::fields(problems).into());
    }
    let prices = product.variants.iter().map(|variant| prices(ctx, variant)).collect::<Result<_, Problem>>()?;
    let asked = Asked { staff, key, product, prices };
    ctx.db.write(asked, |tx, asked| Box::pin(create(tx, asked))).await
}

/// A new variant's prices with their markets' currencies.
pub fn prices(ctx: &Ctx, variant: &NewVariant) -> Result<Vec<(MarketId, Money)>, Problem> {
    let price = |price: &crate::variant::NewPrice| {
        let currency = ctx.market(&price.market)?.currency;
        Ok((price.market.clone(), Money::new(price.amount, currency)))
    };
    variant.prices.iter().map(price).collect()
}

async fn create(tx: &mut Tx, asked: &Asked) -> Result<Option<ProductId>, Error> {
    let Asked { staff, key, product, prices } = asked;
    let id: ProductId = tx.ids().next();
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, id.uuid()).await?
    {
        return Ok(None);
    }
    let brand = brand(tx, product.brand.as_deref()).await?;
    let categories = categories(tx, &product.categories).await?;
    let slug = insert(tx, id, brand, product).await?;
    put_categories(tx, id, categories).await?;
    put_attributes(tx, id, &product.attributes).await?;
    let tax_class = product.tax_class.clone().unwrap_or_else(TaxClass::standard);
    let variants: Vec<(VariantId, &NewVariant)> =
        product.variants.iter().map(|variant| (tx.ids().next(), variant)).collect();
    insert_variants(tx, id, 0, &tax_class, &variants, prices).await?;
    if product.status == ProductStatus::Active {
        store::listing::fill(tx, &[id]).await?;
    }
    tx.say(&ProductCreated { product: id, version: 1, status: product.status, slug });
    staff.records(tx, "catalog.create_product", id, &["title", "status", "variants"]);
    Ok(Some(id))
}

/// The brand of a name, taken in where it is new.
pub async fn brand(tx: &mut Tx, name: Option<&str>) -> Result<Option<BrandId>, Error> {
    let Some(name) = name else { return Ok(None) };
    let brands = store::brands::ensure(tx, [name]).await?;
    Ok(brands.get(name).copied())
}

/// The categories of these slugs and ids, in this order; a field problem for each that there is none of.
pub async fn categories(tx: &mut Tx, names: &[String]) -> Result<Vec<CategoryId>, Error> {
    let known = store::categories::find(tx, names.iter().map(String::as_str)).await?;
    let (mut found, mut problems) = (Vec::with_capacity(names.len()), Vec::new());
    for (at, name) in names.iter().enumerate() {
        match known.get(name) {
            Some(id) if found.contains(id) => problems.push(field(format!("/categories/{at}"), "is named before")),
            Some(id) => found.push(*id),
            None => problems.push(field(format!("/categories/{at}"), "is no category of the shop")),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Problem::fields(problems).into()) }
}

/// A category that is deleted at this moment is refused like one that was deleted before.
pub async fn put_categories(tx: &mut Tx, product: ProductId, categories: Vec<CategoryId>) -> Result<(), Error> {
    if categories.is_empty() {
        return Ok(());
    }
    match store::put_categories(tx, &[(product, categories)]).await {
        Err(::store::Error::Constraint { .. }) => {
            Err(Problem::field("/categories", "names a category that was deleted just now").into())
        }
        other => Ok(other?),
    }
}

/// Declares what is new, refuses what is of another type, and makes the product found by the rest.
pub async fn put_attributes(tx: &mut Tx, product: ProductId, attributes: &Attributes) -> Result<(), Error> {
    let used = attributes.iter().filter_map(|(key, value)| Some((key.as_str(), type_of(value).ok()?)));
    let declared = store::attributes::declare(tx, used).await?;
    let problems = mistyped(attributes, &declared);
    if !problems.is_empty() {
        return Err(Problem::fields(problems).into());
    }
    Ok(store::attributes::put_values(tx, [(product, attributes)], &declared).await?)
}

/// Inserts variants with their prices, the first at this position, or says why one can't be.
pub async fn insert_variants(
    tx: &mut Tx,
    product: ProductId,
    position: i64,
    tax_class: &TaxClass,
    variants: &[(VariantId, &NewVariant)],
    prices: &[Vec<(MarketId, Money)>],
) -> Result<(), Error> {
    let inserted = store::variants::insert(tx, product, position, tax_class, variants).await?;
    if let Some((_, refused)) = variants.iter().find(|(id, _)| !inserted.contains(id)) {
        return Err(taken(tx, refused).await?);
    }
    let prices = variants.iter().zip(prices);
    let prices: Vec<_> = prices
        .flat_map(|((id, _), prices)| prices.iter().map(|(market, price)| (*id, market.clone(), *price)))
        .collect();
    store::variants::put_prices(tx, &prices).await?;
    Ok(())
}

/// Returns the slug: the chosen one, or one of the title, with the end of the id where that is taken.
async fn insert(tx: &mut Tx, id: ProductId, brand: Option<BrandId>, product: &NewProduct) -> Result<String, Error> {
    let wanted = product.slug.clone().unwrap_or_else(|| slug(&product.title));
    if store::insert(tx, id, &wanted, brand, product).await? {
        return Ok(wanted);
    }
    if let Some(external) = &product.external_ref
        && store::has_external_ref(tx, external).await?.is_some()
    {
        return Err(Error::ref_taken(external));
    }
    if product.slug.is_some() {
        return Err(Error::SlugTaken { slug: wanted });
    }
    let other = with_id(&wanted, id);
    if store::insert(tx, id, &other, brand, product).await? { Ok(other) } else { Err(Error::SlugTaken { slug: other }) }
}

/// Why a variant was not inserted.
async fn taken(tx: &mut Tx, variant: &NewVariant) -> Result<Error, Error> {
    let taken = store::variants::skus_taken(tx, [variant.sku.as_str()]).await?;
    Ok(match &variant.external_ref {
        Some(external) if taken.is_empty() => Error::ref_taken(external),
        _ => Error::SkuTaken { sku: variant.sku.clone() },
    })
}
