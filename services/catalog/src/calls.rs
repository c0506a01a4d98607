//! What catalog answers.

use contracts::catalog::{GetVariants, ResolveVariants, ResolvedVariant, VariantForSale};
use platform::{Ctx, Problem};

use crate::store::variants;

pub async fn get_variants(ctx: Ctx, call: GetVariants) -> Result<Vec<VariantForSale>, Problem> {
    at_most("/variants", call.variants.len())?;
    Ok(variants::for_sale(&ctx.db, &call).await?)
}

pub async fn resolve_variants(ctx: Ctx, call: ResolveVariants) -> Result<Vec<ResolvedVariant>, Problem> {
    at_most("/variants", call.variants.len() + call.skus.len())?;
    Ok(variants::resolve(&ctx.db, &call).await?)
}

fn at_most(pointer: &str, names: usize) -> Result<(), Problem> {
    match names {
        0..=GetVariants::IDS_MAX => Ok(()),
        _ => Err(Problem::field(pointer, format!("holds at most {} ids", GetVariants::IDS_MAX))),
    }
}
