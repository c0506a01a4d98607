//! The routes of catalog, by what they are about.

mod attributes;
mod categories;
mod products;
mod staff;
mod variants;

use axum::Extension;
use contracts::MarketId;
use platform::problem::FieldProblem;
use platform::{Ctx, Problem};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use crate::hot::Hot;

const NAME_CHARS_MAX: usize = 200;

pub fn routes(hot: Hot) -> OpenApiRouter<Ctx> {
    products::routes()
        .merge(staff::routes())
        .merge(variants::routes())
        .merge(categories::routes())
        .merge(attributes::routes())
        .layer(Extension(hot))
}

/// Which market's prices to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeenFrom {
    /// `default` if not said.
    market: Option<MarketId>,
}

/// A name in a query that a statement can be asked for.
fn named(parameter: &str, name: String) -> Result<String, Problem> {
    if (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.contains('\0') {
        return Ok(name);
    }
    Err(malformed(parameter, format!("is 1 to {NAME_CHARS_MAX} characters without U+0000")))
}

fn malformed(parameter: &str, detail: impl Into<String>) -> Problem {
    Problem::malformed(vec![FieldProblem { pointer: parameter.to_owned(), detail: detail.into() }])
}
