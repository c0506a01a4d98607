//! What buyers read of products.

use std::str::FromStr;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use contracts::MarketId;
use platform::http::{List, Page, Path, Query};
use platform::{Ctx, Problem};
use serde::de::value::{Error as Unread, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use utoipa::IntoParams;
use utoipa::openapi::schema::{ArrayBuilder, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{SeenFrom, malformed, named};
use crate::hot::Hot;
use crate::listing::{ATTRIBUTES_ASKED_MAX, Filter, Sort, Wanted};
use crate::product::{BrandView, ProductListItem, ProductView};
use crate::variant::{AMOUNT_MINOR_MAX, default_market};
use crate::{Error, browse};

pub fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list_products)).routes(routes!(show_product)).routes(routes!(list_brands))
}

/// Which products, in which order, and which part of them.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the query, which `Asked` reads: a parameter may come more than once")]
struct ProductsQuery {
    /// `default` if not said.
    market: Option<MarketId>,
    /// Slug or id; what is in a category below it counts.
    #[param(min_length = 1, max_length = 200, example = "shirts")]
    category: Option<String>,
    /// Slug or id.
    #[param(min_length = 1, max_length = 200)]
    brand: Option<String>,
    /// Minor units of the market's currency, from; of the product's cheapest variant.
    #[param(minimum = 0, maximum = 1_000_000_000_000_i64)]
    price_min: Option<i64>,
    /// Minor units of the market's currency, up to; of the product's cheapest variant.
    #[param(minimum = 0, maximum = 1_000_000_000_000_i64)]
    price_max: Option<i64>,
    /// `true`: what a variant of can be had now. `false`: the others.
    in_stock: Option<bool>,
    /// `key:value`; of a number also `key:from..to`, where one end may be left out. Several values of one key: any of
    /// them. Several keys: each of them. At most 10 in all.
    #[param(schema_with = attributes_schema)]
    attribute: Option<Vec<String>>,
    /// `newest` if not said.
    #[param(inline)]
    sort: Option<Sort>,
    /// How many items: 1 to 100, 20 if not said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next` of the page before, with the same market, filter and sort.
    cursor: Option<String>,
}

fn attributes_schema() -> RefOr<Schema> {
    let pattern = "^[^:\\x00-\\x1f\\x7f-\\x9f]{1,100}:[^\\x00-\\x1f\\x7f-\\x9f]{1,200}$";
    let one = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    ArrayBuilder::new()
        .items(one)
        .max_items(Some(ATTRIBUTES_ASKED_MAX))
        .examples([serde_json::json!(["colour:red", "weight:100..200"])])
        .into()
}

/// [`ProductsQuery`] as it came.
#[derive(Debug)]
struct Asked {
    filter: Filter,
    sort: Sort,
    page: Page,
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let (mut market, mut sort, mut page) = (None, None, Page::default());
        let (mut category, mut brand, mut in_stock) = (None, None, None);
        let (mut price_min, mut price_max, mut attributes) = (None, None, Vec::new());
        for (name, value) in pairs {
            match name.as_str() {
                "market" => once(&mut market, &name, word(&name, &value)?)?,
                "category" => once(&mut category, &name, named(&name, value)?)?,
                "brand" => once(&mut brand, &name, named(&name, value)?)?,
                "price_min" => once(&mut price_min, &name, amount(&name, &value)?)?,
                "price_max" => once(&mut price_max, &name, amount(&name, &value)?)?,
                "in_stock" => once(&mut in_stock, &name, parsed(&name, &value, "is `true` or `false`")?)?,
                "sort" => once(&mut sort, &name, word(&name, &value)?)?,
                "limit" => once(&mut page.limit, &name, parsed(&name, &value, "is a whole number")?)?,
                "cursor" => once(&mut page.cursor, &name, value)?,
                "attribute" => attributes.push(value.parse::<Wanted>().map_err(|detail| malformed(&name, detail))?),
                _ => return Err(malformed(&name, "is no parameter of this list")),
            }
        }
        if attributes.len() > ATTRIBUTES_ASKED_MAX {
            return Err(malformed("attribute", format!("comes at most {ATTRIBUTES_ASKED_MAX} times")));
        }
        let market = market.unwrap_or_else(default_market);
        let filter = Filter { market, category, brand, price_min, price_max, in_stock, attributes };
        Ok(Self { filter, sort: sort.unwrap_or_default(), page })
    }
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed(name, "comes once")),
    }
}

fn parsed<T: FromStr>(name: &str, value: &str, detail: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| malformed(name, detail))
}

fn amount(name: &str, value: &str) -> Result<i64, Problem> {
    let detail = format!("is a whole number of minor units from 0 to {AMOUNT_MINOR_MAX}");
    let amount = parsed(name, value, &detail)?;
    if (0..=AMOUNT_MINOR_MAX).contains(&amount) { Ok(amount) } else { Err(malformed(name, detail)) }
}

/// What is read as it is in a body.
fn word<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, Problem> {
    let text: StrDeserializer<'_, Unread> = value.into_deserializer();
    T::deserialize(text).map_err(|error| malformed(name, error.to_string()))
}

/// The products that are for sale in a market.
#[utoipa::path(get, path = "/v1/products", params(ProductsQuery),
    responses((status = 200, body = List<ProductListItem>, description = "A page of the products that have a price in the market"),
        (status = 304, description = "It is as you know it")))]
async fn list_products(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    request: Request,
) -> Result<Response, Error> {
    let (mut parts, _) = request.into_parts();
    if let Some(page) = hot.place(&parts.uri).get() {
        return Ok(page.answer(&parts.headers));
    }
    let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(&mut parts, &()).await?;
    let Asked { filter, sort, page } = Asked::read(pairs)?;
    let page = browse::list_products(&ctx, hot.place(&parts.uri), &page, &filter, sort).await?;
    Ok(page.answer(&parts.headers))
}

/// A product with its variants and their prices in a market.
#[utoipa::path(get, path = "/v1/products/{product}", params(("product" = String, Path, description = "Its id or its slug"), SeenFrom),
    responses((status = 200, body = ProductView, description = "The product"), (status = 304, description = "It is as you know it")))]
async fn show_product(
    State(ctx): State<Ctx>,
    Extension(hot): Extension<Hot>,
    request: Request,
) -> Result<Response, Error> {
    let (mut parts, _) = request.into_parts();
    if let Some(page) = hot.place(&parts.uri).get() {
        return Ok(page.answer(&parts.headers));
    }
    let Path(product) = Path::<String>::from_request_parts(&mut parts, &()).await?;
    let Query(seen) = Query::<SeenFrom>::from_request_parts(&mut parts, &()).await?;
    let page = browse::show_product(&ctx, hot.place(&parts.uri), &product, seen.market).await?;
    Ok(page.answer(&parts.headers))
}

/// The brands of what is in the shop, by name.
#[utoipa::path(get, path = "/v1/brands", params(Page),
    responses((status = 200, body = List<BrandView>, description = "A page of the brands")))]
async fn list_brands(State(ctx): State<Ctx>, Query(page): Query<Page>) -> Result<Json<List<BrandView>>, Error> {
    Ok(Json(browse::list_brands(&ctx, &page, false).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Asked, Problem> {
        Asked::read(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_query_reads_as_it_is_documented() {
        let asked = read(&[
            ("market", "us"),
            ("category", "shirts"),
            ("price_min", "100"),
            ("in_stock", "true"),
            ("attribute", "colour:red"),
            ("attribute", "weight:1..2"),
            ("sort", "price_desc"),
            ("limit", "3"),
        ]);
        let asked = asked.expect("a list");
        assert_eq!((asked.filter.market.as_str(), asked.sort, asked.page.limit), ("us", Sort::PriceDesc, Some(3)));
        assert_eq!((asked.filter.price_min, asked.filter.in_stock), (Some(100), Some(true)));
        assert_eq!(asked.filter.attributes.len(), 2);
    }

    #[test]
    fn what_is_not_documented_is_refused_by_name() {
        let many: Vec<_> = (0..11).map(|_| ("attribute", "a:b")).collect();
        for (query, name) in [
            (&[("colour", "red")][..], "colour"),
            (&[("sort", "cheapest")][..], "sort"),
            (&[("sort", "title"), ("sort", "newest")][..], "sort"),
            (&[("market", "Not a market")][..], "market"),
            (&[("price_min", "-1")][..], "price_min"),
            (&[("price_max", "1.5")][..], "price_max"),
            (&[("in_stock", "yes")][..], "in_stock"),
            (&[("attribute", "colour")][..], "attribute"),
            (&[("category", "")][..], "category"),
            (&[("category", "a\0")][..], "category"),
            (&[("limit", "x")][..], "limit"),
            (&many[..], "attribute"),
        ] {
            let problem = read(query).expect_err("a refusal");
            assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (400, name), "{query:?}");
        }
    }
}
