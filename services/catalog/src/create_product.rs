//! Makes a product with its variants and prices.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::catalog::{ProductCreated, ProductId, VariantId};
use contracts::{Id, MarketId, Money};
use platform::{Ctx, Problem, Staff};

use crate::product::NewProduct;
use crate::slug::slug;
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

fn prices(ctx: &Ctx, variant: &NewVariant) -> Result<Vec<(MarketId, Money)>, Problem> {
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
    let slug = insert(tx, id, product).await?;
    let variants: Vec<(VariantId, &NewVariant)> =
        product.variants.iter().map(|variant| (tx.ids().next(), variant)).collect();
    let inserted = store::insert_variants(tx, id, &product.options, &variants).await?;
    if let Some((_, refused)) = variants.iter().find(|(id, _)| !inserted.contains(id)) {
        return Err(taken(tx, refused).await?);
    }
    let prices = variants.iter().zip(prices);
    let prices: Vec<_> = prices
        .flat_map(|((id, _), prices)| prices.iter().map(|(market, price)| (*id, market.clone(), *price)))
        .collect();
    store::put_prices(tx, &prices).await?;
    tx.say(&ProductCreated { product: id, version: 1, status: product.status, slug });
    staff.records(tx, "catalog.create_product", id, &["title", "status", "variants"]);
    Ok(Some(id))
}

/// Returns the slug: the chosen one, or one of the title, with the end of the id where that is taken.
async fn insert(tx: &mut Tx, id: ProductId, product: &NewProduct) -> Result<String, Error> {
    let wanted = product.slug.clone().unwrap_or_else(|| slug(&product.title));
    if store::insert_product(tx, id, &wanted, product).await? {
        return Ok(wanted);
    }
    if let Some(external) = &product.external_ref
        && store::has_external_ref(tx, external).await?
    {
        return Err(Error::ExternalRefTaken { reference: format!("`{}` of `{}`", external.id, external.source) });
    }
    if product.slug.is_some() {
        return Err(Error::SlugTaken { slug: wanted });
    }
    let other = with_id(&wanted, id);
    if store::insert_product(tx, id, &other, product).await? {
        Ok(other)
    } else {
        Err(Error::SlugTaken { slug: other })
    }
}

/// A slug that nothing else has: with the last characters of the id, which are random.
pub fn with_id(slug: &str, id: ProductId) -> String {
    let id = id.to_string();
    format!("{slug}-{}", &id[id.len() - 10..])
}

/// Why a variant was not inserted.
async fn taken(tx: &mut Tx, variant: &NewVariant) -> Result<Error, Error> {
    let taken = store::skus_taken(tx, [variant.sku.as_str()]).await?;
    Ok(match &variant.external_ref {
        Some(external) if taken.is_empty() => {
            Error::ExternalRefTaken { reference: format!("`{}` of `{}`", external.id, external.source) }
        }
        _ => Error::SkuTaken { sku: variant.sku.clone() },
    })
}
