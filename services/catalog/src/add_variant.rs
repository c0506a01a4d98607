//! Gives a product another variant.

use ::store::Tx;
use ::store::idempotency::{self, Key};
use contracts::catalog::{ProductId, ProductUpdated, VariantId};
use contracts::{Id, MarketId, Money, TaxClass};
use platform::{Ctx, Problem, Staff};

use crate::create_product::{insert_variants, prices};
use crate::product::{VARIANTS_MAX, field};
use crate::store::variants::Sibling;
use crate::variant::{NewVariant, VARIANTS_EVER_MAX, VariantStatus, option_problems};
use crate::{Error, store};

struct Asked {
    staff: Staff<()>,
    key: Option<Key>,
    product: ProductId,
    variant: NewVariant,
    prices: Vec<(MarketId, Money)>,
}

/// The variant comes after the product's others. `None`: the key made one before.
///
/// Errors: `ProductNotFound`, `SkuTaken`, `ExternalRefTaken`, `TooManyVariants`, and problems of fields.
pub async fn add_variant(
    ctx: &Ctx,
    staff: Staff<()>,
    key: Option<Key>,
    product: ProductId,
    variant: NewVariant,
) -> Result<Option<VariantId>, Error> {
    let problems = variant.check_prices(&ctx.config, "");
    if !problems.is_empty() {
        return Err(Problem::fields(problems).into());
    }
    let prices = prices(ctx, &variant)?;
    let asked = Asked { staff, key, product, variant, prices };
    ctx.db.write(asked, |tx, asked| Box::pin(add(tx, asked))).await
}

async fn add(tx: &mut Tx, asked: &Asked) -> Result<Option<VariantId>, Error> {
    let Asked { staff, key, product, variant, prices } = asked;
    let id: VariantId = tx.ids().next();
    if let Some(key) = key
        && !idempotency::claim(tx, key, 201, id.uuid()).await?
    {
        return Ok(None);
    }
    let taken = store::touch(tx, *product).await?;
    let taken = taken.ok_or_else(|| Error::ProductNotFound { product: product.to_string() })?;
    let siblings = store::variants::of_product(tx, *product).await?;
    fits(&siblings, &taken.options, variant)?;
    let position = siblings.iter().map(|sibling| sibling.position + 1).max().unwrap_or(0);
    let tax_class = TaxClass::standard();
    insert_variants(tx, *product, position, &tax_class, &[(id, variant)], std::slice::from_ref(prices)).await?;
    store::listing::refresh(tx, &[*product]).await?;
    let (version, status, slug) = (taken.version, taken.status, taken.slug);
    tx.say(&ProductUpdated { product: *product, version, status, slug });
    staff.records(tx, "catalog.add_variant", id, &["sku", "options", "prices"]);
    Ok(Some(id))
}

fn fits(siblings: &[Sibling], options: &[String], variant: &NewVariant) -> Result<(), Error> {
    let active = || siblings.iter().filter(|sibling| sibling.status == VariantStatus::Active);
    let ever = i64::try_from(siblings.len()).unwrap_or(i64::MAX);
    if active().count() >= VARIANTS_MAX || ever >= VARIANTS_EVER_MAX {
        let most = if ever >= VARIANTS_EVER_MAX { VARIANTS_EVER_MAX } else { VARIANTS_MAX as i64 };
        return Err(Error::TooManyVariants { most });
    }
    match active().any(|sibling| sibling.options == variant.options) {
        true => Err(Problem::fields(vec![field("/options", "are those of another variant")]).into()),
        false => match option_problems(options, std::iter::once(&variant.options), |_| "/options".to_owned()) {
            problems if problems.is_empty() => Ok(()),
            problems => Err(Problem::fields(problems).into()),
        },
    }
}
