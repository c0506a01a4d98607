//! The noun *transfer*: goods that go from one location to another, and what of them has arrived.

use std::collections::BTreeMap;

use contracts::Quantity;
use contracts::catalog::VariantId;
use contracts::inventory::{LocationId, TransferId};
use jiff::Timestamp;
use platform::Problem;
use platform::problem::FieldProblem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Of one transfer.
pub const LINES_MAX: usize = 500;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// A plan: nothing has moved, and nothing is held for it.
    Created,
    /// Gone from the one location; in transit as far as it has not arrived.
    Shipped,
    /// All of it arrived or was lost.
    Received,
    Cancelled,
}

impl TransferState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Shipped => "shipped",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {
    #[garde(skip)]
    pub from: LocationId,
    /// Another location, and an active one.
    #[garde(skip)]
    pub to: LocationId,
    /// Each variant once.
    #[garde(length(min = 1, max = LINES_MAX), dive)]
    #[schema(min_items = 1, max_items = 500)]
    pub lines: Vec<NewTransferLine>,
    /// About the goods, not about people.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "for the weekend", min_length = 1, max_length = 200)]
    pub note: Option<String>,
    /// Both locations are under one roof: it is gone here and arrived there in one step.
    #[serde(default)]
    #[garde(skip)]
    pub at_once: bool,
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransferLine {
    #[garde(skip)]
    pub variant: VariantId,
    #[garde(skip)]
    pub quantity: Quantity,
}

/// What arrived.
#[derive(Debug, Clone, Default, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferReceipt {
    /// Each variant once, the others are still on their way; left out: everything that is on its way.
    #[serde(default)]
    #[garde(length(min = 1, max = LINES_MAX), dive)]
    #[schema(min_items = 1, max_items = 500)]
    pub lines: Option<Vec<ReceiptLine>>,
}

#[derive(Debug, Clone, Deserialize, garde::Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptLine {
    #[garde(skip)]
    pub variant: VariantId,
    #[serde(default)]
    #[garde(range(min = 0, max = Quantity::MAX))]
    #[schema(minimum = 0, maximum = 100_000, default = 0)]
    pub received: i64,
    /// Will not arrive any more.
    #[serde(default)]
    #[garde(range(min = 0, max = Quantity::MAX))]
    #[schema(minimum = 0, maximum = 100_000, default = 0)]
    pub lost: i64,
}

/// A transfer, as staff see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransferView {
    pub id: TransferId,
    pub from: LocationId,
    pub to: LocationId,
    pub state: TransferState,
    pub note: Option<String>,
    pub lines: Vec<TransferLineView>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A transfer in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransferListItem {
    pub id: TransferId,
    pub from: LocationId,
    pub to: LocationId,
    pub state: TransferState,
    pub note: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferLineView {
    pub variant: VariantId,
    pub quantity: i64,
    pub received: i64,
    pub lost: i64,
}

impl TransferLineView {
    /// Neither received nor lost.
    pub fn outstanding(&self) -> i64 {
        self.quantity - self.received - self.lost
    }
}

/// What of a variant arrived, and what never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    pub variant: VariantId,
    pub received: i64,
    pub lost: i64,
}

/// What a receipt says of a shipped transfer's lines, and whether nothing is on its way then.
///
/// Errors: field problems where a line is not in the transfer, comes twice, says nothing, or says more than is on
/// its way.
pub fn arrived(lines: &[TransferLineView], receipt: &TransferReceipt) -> Result<(Vec<Arrived>, bool), Problem> {
    let mut on_the_way: BTreeMap<VariantId, i64> =
        lines.iter().map(|line| (line.variant, line.outstanding())).filter(|(_, quantity)| *quantity > 0).collect();
    let Some(said) = &receipt.lines else {
        let all = on_the_way.into_iter();
        return Ok((all.map(|(variant, received)| Arrived { variant, received, lost: 0 }).collect(), true));
    };
    let mut problems = Vec::new();
    let mut arrived: Vec<Arrived> = Vec::with_capacity(said.len());
    for (place, ReceiptLine { variant, received, lost }) in said.iter().enumerate() {
        let mut refuse = |field: &str, detail: String| {
            problems.push(FieldProblem { pointer: format!("/lines/{place}{field}"), detail });
        };
        let ended = received + lost;
        match on_the_way.get_mut(variant) {
            _ if arrived.iter().any(|line| line.variant == *variant) => {
                refuse("/variant", format!("names {variant} a second time: once is enough"));
            }
            None => refuse("/variant", format!("nothing of {variant} is on its way")),
            Some(_) if ended == 0 => refuse("", "says that nothing arrived or was lost".to_owned()),
            Some(left) if ended > *left => refuse("", format!("{ended} are more than the {left} on their way")),
            Some(left) => *left -= ended,
        }
        arrived.push(Arrived { variant: *variant, received: *received, lost: *lost });
    }
    if !problems.is_empty() {
        return Err(Problem::fields(problems));
    }
    Ok((arrived, on_the_way.values().all(|left| *left == 0)))
}

#[cfg(test)]
mod tests {
    use contracts::Id;
    use uuid::Uuid;

    use super::*;

    fn variant(number: u128) -> VariantId {
        VariantId::from_uuid(Uuid::from_u128(number))
    }

    fn on_the_way() -> Vec<TransferLineView> {
        vec![
            TransferLineView { variant: variant(1), quantity: 5, received: 1, lost: 1 },
            TransferLineView { variant: variant(2), quantity: 2, received: 2, lost: 0 },
            TransferLineView { variant: variant(3), quantity: 1, received: 0, lost: 0 },
        ]
    }

    fn receipt(lines: &[(u128, i64, i64)]) -> TransferReceipt {
        let line = |(of, received, lost): &(u128, i64, i64)| ReceiptLine {
            variant: variant(*of),
            received: *received,
            lost: *lost,
        };
        TransferReceipt { lines: Some(lines.iter().map(line).collect()) }
    }

    #[test]
    fn without_lines_all_that_is_on_its_way_has_arrived() {
        let (lines, is_all) = arrived(&on_the_way(), &TransferReceipt::default()).expect("arrived");
        let lines: Vec<_> = lines.iter().map(|line| (line.variant, line.received, line.lost)).collect();
        assert_eq!((lines, is_all), (vec![(variant(1), 3, 0), (variant(3), 1, 0)], true));
    }

    #[test]
    fn a_part_leaves_the_rest_on_its_way() {
        assert!(!arrived(&on_the_way(), &receipt(&[(1, 2, 1)])).expect("arrived").1);
        assert!(arrived(&on_the_way(), &receipt(&[(1, 2, 1), (3, 0, 1)])).expect("arrived").1);
    }

    #[test]
    fn a_receipt_says_no_more_than_is_on_its_way() {
        for (lines, pointer) in [
            (&[(1, 3, 1)][..], "/lines/0"),
            (&[(1, 1, 0), (2, 1, 0)], "/lines/1/variant"),
            (&[(1, 1, 0), (1, 1, 0)], "/lines/1/variant"),
            (&[(3, 0, 0)], "/lines/0"),
            (&[(9, 1, 0)], "/lines/0/variant"),
        ] {
            let problem = arrived(&on_the_way(), &receipt(lines)).expect_err("a refusal");
            assert_eq!(problem.errors[0].pointer, pointer, "{problem}");
        }
    }
}
