//! What the document says beyond single operations: links from what made a thing to what takes it
//! (OpenAPI 3.1, 4.8.20), and the limits that all lists and keys share.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr, link::LinkBuilder};

/// From each `POST /things` that answers 201 with an `id` to every operation under `/things/{thing}`.
pub(super) fn link(api: &mut OpenApi) {
    let paths: Vec<String> = api.paths.paths.keys().cloned().collect();
    let mut links = BTreeMap::new();
    for path in &paths {
        let below: Vec<(String, String)> = paths.iter().filter_map(|other| taken(path, other)).collect();
        let operations = below.iter().flat_map(|(path, parameter)| {
            let item = api.paths.paths.get(path);
            let operations = item.into_iter().flat_map(|item| operations(item).into_iter().flatten());
            operations.filter_map(move |operation| Some((operation.operation_id.clone()?, parameter.clone())))
        });
        links.insert(path.clone(), operations.collect::<Vec<_>>());
    }
    for (path, item) in &mut api.paths.paths {
        let made = item.post.as_mut().and_then(|post| post.responses.responses.get_mut("201"));
        let Some(RefOr::T(made)) = made else { continue };
        for (operation, parameter) in links.remove(path).unwrap_or_default() {
            let link = LinkBuilder::new().operation_id(&operation).parameter(parameter, "$response.body#/id").build();
            made.links.insert(operation, RefOr::T(link));
        }
    }
}

/// `/things/{thing}/…` below `/things`, and the name of its parameter. Staff reach what buyers made, too.
fn taken(path: &str, other: &str) -> Option<(String, String)> {
    let rest = other.strip_prefix(path).or_else(|| {
        let staff = other.strip_prefix("/v1/admin/")?;
        staff.strip_prefix(path.strip_prefix("/v1/")?)
    })?;
    let name = rest.strip_prefix("/{")?.split_once('}')?.0;
    Some((other.to_owned(), name.to_owned()))
}

fn operations(item: &PathItem) -> [Option<&Operation>; 5] {
    [item.get.as_ref(), item.post.as_ref(), item.put.as_ref(), item.patch.as_ref(), item.delete.as_ref()]
}

/// The shapes of parameters that mean the same everywhere.
pub(super) fn shape(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let text = || ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        let shaped = match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Header, "Idempotency-Key") => {
                text().max_length(Some(255)).pattern(Some("^[!-~]([ -~]*[!-~])?$"))
            }
            (ParameterIn::Query, "cursor") => text().max_length(Some(1_000)).pattern(Some("^[A-Za-z0-9_-]+$")),
            _ => continue,
        };
        set(parameter, shaped);
    }
}

fn set(parameter: &mut Parameter, shaped: ObjectBuilder) {
    parameter.schema = Some(shaped.build().into());
}
