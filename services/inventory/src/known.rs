//! Which variants there are: the catalogue says.

use std::collections::BTreeSet;

use contracts::catalog::{ResolveVariants, VariantId};
use platform::problem::FieldProblem;
use platform::{Ctx, Problem};

/// Refuses a body that names variants the catalogue doesn't have, or one twice; `pointer` is of the variant at a
/// place. At most `GetVariants::IDS_MAX`.
pub async fn must_be_known(
    ctx: &Ctx,
    variants: &[VariantId],
    pointer: impl Fn(usize) -> String,
) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    let doubled = variants.iter().enumerate().filter(|(_, variant)| !seen.insert(**variant)).map(|(place, variant)| {
        FieldProblem { pointer: pointer(place), detail: format!("names {variant} a second time: once is enough") }
    });
    let doubled: Vec<FieldProblem> = doubled.collect();
    if !doubled.is_empty() {
        return Err(Problem::fields(doubled));
    }
    let known = resolve(ctx, variants).await?;
    let unknown = variants.iter().enumerate().filter(|(_, variant)| !known.contains(variant));
    let unknown: Vec<FieldProblem> = unknown
        .map(|(place, variant)| FieldProblem {
            pointer: pointer(place),
            detail: format!("there is no variant {variant}"),
        })
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(Problem::fields(unknown)) }
}

pub async fn is_known(ctx: &Ctx, variant: VariantId) -> Result<bool, Problem> {
    Ok(!resolve(ctx, &[variant]).await?.is_empty())
}

async fn resolve(ctx: &Ctx, variants: &[VariantId]) -> Result<BTreeSet<VariantId>, Problem> {
    let call = ResolveVariants { variants: variants.to_vec(), skus: Vec::new() };
    Ok(ctx.call(call).await?.into_iter().map(|resolved| resolved.variant).collect())
}
