//! What catalog answers.

use contracts::catalog::{GetVariants, VariantForSale};
use platform::{Ctx, Problem};

use crate::store;

pub async fn get_variants(ctx: Ctx, call: GetVariants) -> Result<Vec<VariantForSale>, Problem> {
    if call.variants.len() > GetVariants::IDS_MAX {
        return Err(Problem::field("/variants", format!("holds at most {} ids", GetVariants::IDS_MAX)));
    }
    Ok(store::for_sale(&ctx.db, &call).await?)
}
