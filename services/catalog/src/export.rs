//! Gives the catalogue out in its own format, page by page: what the import of another shop takes in.
//!
//! Ids, versions and times stay here: a product is known by its reference or slug, a variant by its SKU. Each product
//! is whole as it was at one moment; a shop that is worked on meanwhile may give two products of two moments.

use std::collections::{BTreeMap, HashMap};

use contracts::catalog::{BrandId, CategoryId, ProductId, VariantId};
use contracts::{Currency, Id, MarketId, Money};
use platform::{Config, Ctx};
use serde::Serialize;
use uuid::Uuid;

use crate::Error;
use crate::imported::{
    ImportedAttribute, ImportedBrand, ImportedCategoryPart, ImportedPart, ImportedPrice, ImportedProduct,
};
use crate::store::export as store;
use crate::store::{attributes, brands};

/// Products of a page. Each may be large.
const PRODUCTS: i64 = 100;
/// Categories, brands, attributes, or variants in a list of prices.
const LINES: i64 = 500;

/// A line of an export.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ExportedLine {
    Part(ImportedPart),
    Product(Box<ImportedProduct>),
}

/// Where an export is; [`ProductExport::next`] gives the next page.
#[derive(Debug, Default)]
pub struct ProductExport {
    at: At,
    /// The titles from the root to each category; a shop has at most 10,000.
    titles: HashMap<CategoryId, Vec<String>>,
}

#[derive(Debug, Clone)]
enum At {
    Categories(Option<(i64, CategoryId)>),
    Brands(Option<(String, BrandId)>),
    Attributes(String),
    Products(Option<ProductId>),
    End,
}

impl Default for At {
    fn default() -> Self {
        Self::Categories(None)
    }
}

impl ProductExport {
    /// Categories, brands and attributes, then the products, the oldest first. `None` is the end; a page may be empty.
    pub async fn next(&mut self, ctx: &Ctx) -> Result<Option<Vec<ExportedLine>>, Error> {
        let (lines, at) = match std::mem::replace(&mut self.at, At::End) {
            At::Categories(after) => self.categories(ctx, after).await?,
            At::Brands(after) => brand_lines(ctx, after).await?,
            At::Attributes(after) => attribute_lines(ctx, &after).await?,
            At::Products(after) => product_lines(ctx, after).await?,
            At::End => return Ok(None),
        };
        self.at = at;
        Ok(Some(lines))
    }

    async fn categories(
        &mut self,
        ctx: &Ctx,
        after: Option<(i64, CategoryId)>,
    ) -> Result<(Vec<ExportedLine>, At), Error> {
        let page = store::categories(&ctx.db, after, LINES).await?;
        let last = page.last().map(|last| (last.depth, last.id));
        let lines = page.into_iter().map(|category| {
            let above = category.parent.and_then(|parent| self.titles.get(&parent));
            let titles: Vec<String> = above.into_iter().flatten().chain([&category.title]).cloned().collect();
            self.titles.insert(category.id, titles.clone());
            ExportedLine::Part(ImportedPart::Category(ImportedCategoryPart {
                titles,
                slug: Some(category.slug),
                description: category.description,
                position: Some(category.position),
            }))
        });
        let lines: Vec<ExportedLine> = lines.collect();
        Ok((lines, last.map_or(At::Brands(None), |last| At::Categories(Some(last)))))
    }
}

async fn brand_lines(ctx: &Ctx, after: Option<(String, BrandId)>) -> Result<(Vec<ExportedLine>, At), Error> {
    let after = after.unwrap_or_else(|| (String::new(), BrandId::from_uuid(Uuid::nil())));
    let page = brands::list(&ctx.db, after, true, LINES).await?;
    let last = page.last().map(|last| (last.name_key.clone(), last.brand.id));
    let line = |brand: brands::ListedBrand| {
        ExportedLine::Part(ImportedPart::Brand(ImportedBrand { name: brand.brand.name, slug: Some(brand.brand.slug) }))
    };
    Ok((
        page.into_iter().map(line).collect(),
        last.map_or(At::Attributes(String::new()), |last| At::Brands(Some(last))),
    ))
}

async fn attribute_lines(ctx: &Ctx, after: &str) -> Result<(Vec<ExportedLine>, At), Error> {
    let page = attributes::list(&ctx.db, after, false, true, LINES).await?;
    let next = page.last().map_or(At::Products(None), |last| At::Attributes(last.key.clone()));
    let line = |attribute: crate::attribute::AttributeView| {
        ExportedLine::Part(ImportedPart::Attribute(ImportedAttribute {
            key: attribute.key,
            label: Some(attribute.label),
            kind: attribute.kind,
            unit: attribute.unit,
            filterable: attribute.filterable,
        }))
    };
    Ok((page.into_iter().map(line).collect(), next))
}

async fn product_lines(ctx: &Ctx, after: Option<ProductId>) -> Result<(Vec<ExportedLine>, At), Error> {
    let (products, prices, last) = ctx
        .db
        .read(after, |tx, after| Box::pin(async move { Ok::<_, Error>(store::products(tx, *after, PRODUCTS).await?) }))
        .await?;
    let mut by_variant: BTreeMap<VariantId, Vec<ImportedPrice>> = BTreeMap::new();
    for (variant, price, market) in prices.into_iter().filter(|(_, price, market)| is_used(&ctx.config, market, price))
    {
        let price = ImportedPrice { market, currency: Some(price.currency), amount: Some(price.amount) };
        by_variant.entry(variant).or_default().push(price);
    }
    let lines = products.into_iter().map(|(mut product, ids)| {
        for (variant, id) in product.variants.iter_mut().zip(ids) {
            variant.prices = by_variant.remove(&id).unwrap_or_default();
        }
        ExportedLine::Product(Box::new(product))
    });
    Ok((lines.collect(), last.map_or(At::End, |last| At::Products(Some(last)))))
}

/// A price in a market, and a currency of it, that the shop has no more is nobody's price.
fn is_used(config: &Config, market: &MarketId, price: &Money) -> bool {
    config.markets.get(market).is_some_and(|market| market.currency == price.currency)
}

/// A line of a list of prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedPrice {
    pub sku: String,
    pub market: MarketId,
    pub currency: Currency,
    /// Minor units.
    pub amount: i64,
}

/// The prices of the variants after one, and the last of those; without a last one it is the end.
pub async fn export_prices(
    ctx: &Ctx,
    after: Option<VariantId>,
) -> Result<(Vec<ExportedPrice>, Option<VariantId>), Error> {
    let page = store::price_list(&ctx.db, after, LINES).await?;
    let last = page.last().map(|listed| listed.id);
    let line = |listed: store::ListedVariant| {
        let (market, price) = listed.price.filter(|(market, price)| is_used(&ctx.config, market, price))?;
        Some(ExportedPrice { sku: listed.sku, market, currency: price.currency, amount: price.amount })
    };
    Ok((page.into_iter().filter_map(line).collect(), last))
}
