//! Every statement of shipping: zones with their methods, and shipments.

pub mod shipments;
pub mod zones;

use store::{Migration, ToValue, Value, migrations, params, rows};

pub const MIGRATIONS: &[Migration] = migrations!["0001_shipping" (release 1)];

fn ids<I: ToValue>(ids: &[I]) -> Value {
    rows(ids.iter().map(|id| params![id]))
}
