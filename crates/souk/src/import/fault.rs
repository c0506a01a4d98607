//! What is wrong with a row; for the person who mends the file, and the program that helps them.

use std::borrow::Cow;

use catalog::ImportFault;
use inventory::CountFault;
use serde::Serialize;

/// One reason why a row, or a part of it, was left out: a line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The same for the same kind of fault, such as `bad_price`.
    pub code: &'static str,
    /// The field of the product, the count or the price that is at fault; none where it is the row as a whole.
    pub field: Option<Cow<'static, str>>,
    pub text: String,
    /// Whether the row was left out. Else it came in, without what is named here.
    pub left_out: bool,
}

impl Fault {
    /// The row as a whole.
    pub fn row(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, field: None, text: text.into(), left_out: true }
    }

    pub fn field(code: &'static str, field: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { code, field: Some(field.into()), text: text.into(), left_out: true }
    }

    /// Refuses what no database can be asked for.
    pub fn of_sku(field: &'static str, sku: &str) -> Result<(), Self> {
        if sku.contains('\0') {
            return Err(Self::field("forbidden_character", field, "sku has the character U+0000"));
        }
        Ok(())
    }
}

impl From<CountFault> for Fault {
    fn from(fault: CountFault) -> Self {
        Self::field(fault.code, fault.field, fault.text)
    }
}

impl From<ImportFault> for Fault {
    fn from(fault: ImportFault) -> Self {
        Self { left_out: fault.left_out, ..Self::field(fault.code, fault.field, fault.text) }
    }
}
