//! Values on their way into a statement and out of a row, the same for both databases.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Error, Result};

/// One column's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Id(Uuid),
    Bytes(Vec<u8>),
    /// JSON text; also the rows of `@rows(...)`.
    Json(String),
}

impl Value {
    /// What it is, for messages that must not say what it holds.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::Id(_) => "an id",
            Self::Bytes(_) => "bytes",
            Self::Json(_) => "a JSON document",
        }
    }
}

/// Wraps what is stored as a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// The parameters of a statement: `params![order.id, order.status, Json(&order.amounts)]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::ToValue::to_value(&$value)),*] };
}

/// The rows of `@rows($1: id @id, quantity @int)`: one parameter, however many rows. Written straight into its text:
/// an import's tables are large, and lie in memory once.
pub fn rows(rows: impl IntoIterator<Item = Vec<Value>>) -> Value {
    let mut table = vec![b'['];
    for row in rows {
        let parts = if table.len() > 1 { &b",["[..] } else { &b"["[..] };
        table.extend_from_slice(parts);
        for (place, cell) in row.into_iter().enumerate() {
            if place > 0 {
                table.push(b',');
            }
            // What no database keeps is refused with the statement, where there is an error to answer with.
            if has_nul(&cell) {
                return Value::Json("\0".to_owned());
            }
            write_cell(&mut table, cell);
        }
        table.push(b']');
    }
    table.push(b']');
    Value::Json(String::from_utf8(table).expect("JSON is written as UTF-8"))
}

fn write_cell(table: &mut Vec<u8>, cell: Value) {
    let written = match cell {
        Value::Null => serde_json::to_writer(table, &()),
        Value::Int(number) => serde_json::to_writer(table, &number),
        Value::Bool(flag) => serde_json::to_writer(table, &flag),
        Value::Text(text) | Value::Json(text) => serde_json::to_writer(table, &text),
        Value::Id(uuid) => serde_json::to_writer(table, uuid.simple().encode_lower(&mut [0; 32])),
        Value::Bytes(_) => unreachable!("rows carry no bytes: no table needs them"),
    };
    written.expect("a buffer takes any text");
}

/// PostgreSQL keeps no U+0000 in text and JSON; so SQLite is not given one either.
pub(crate) fn refuse_unstorable(statement: &'static str, params: &[Value]) -> Result<()> {
    if params.iter().any(has_nul) {
        return Err(Error::Statement {
            statement,
            reason: "a text has the character U+0000, which is not kept".to_owned(),
        });
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.contains('\0'),
        // The escape has an odd number of backslashes; an even one spells backslashes.
        Value::Json(text) => {
            let is_escape = |at: usize| text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0;
            text.contains('\0') || text.match_indices("\\u0000").any(|(at, _)| is_escape(at))
        }
        _ => false,
    }
}

pub trait ToValue {
    fn to_value(&self) -> Value;
}

pub trait FromValue: Sized {
    /// `Err` says what the value was instead.
    fn from_value(value: Value) -> Result<Self, String>;
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}
impl ToValue for i64 {
    fn to_value(&self) -> Value {
        Value::Int(*self)
    }
}
impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}
impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}
impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}
impl ToValue for Uuid {
    fn to_value(&self) -> Value {
        Value::Id(*self)
    }
}
impl ToValue for Timestamp {
    fn to_value(&self) -> Value {
        Value::Int(self.as_microsecond())
    }
}
impl<T: Serialize> ToValue for Json<T> {
    fn to_value(&self) -> Value {
        Value::Json(serde_json::to_string(&self.0).expect("our own documents have text keys and always serialize"))
    }
}
impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}
impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

/// A type that is stored as text by `Display` and read by `FromStr`, or by its serde name.
#[macro_export]
macro_rules! text_values {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::ToValue for $type {
            fn to_value(&self) -> $crate::Value { $crate::Value::Text(self.to_string()) }
        }
        impl $crate::FromValue for $type {
            fn from_value(value: $crate::Value) -> Result<Self, String> {
                let text = <String as $crate::FromValue>::from_value(value)?;
                text.parse().map_err(|error| format!("{error}"))
            }
        }
    )*};
}

/// An enum that is stored as its serde name (`#[serde(rename_all = "snake_case")]`).
#[macro_export]
macro_rules! name_values {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::ToValue for $type {
            fn to_value(&self) -> $crate::Value { $crate::name_of(self) }
        }
        impl $crate::FromValue for $type {
            fn from_value(value: $crate::Value) -> Result<Self, String> { $crate::from_name(value) }
        }
    )*};
}

#[doc(hidden)]
pub fn name_of(value: &impl Serialize) -> Value {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Value::Text(name),
        other => unreachable!("name_values! is for enums without data, not {other:?}"),
    }
}

#[doc(hidden)]
pub fn from_name<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    let name = String::from_value(value)?;
    serde_json::from_value(serde_json::Value::String(name)).map_err(|error| error.to_string())
}

/// An id declared by `contracts::ids!`, stored as 16 bytes.
#[macro_export]
macro_rules! id_values {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::ToValue for $type {
            fn to_value(&self) -> $crate::Value { $crate::Value::Id(contracts::Id::uuid(*self)) }
        }
        impl $crate::FromValue for $type {
            fn from_value(value: $crate::Value) -> Result<Self, String> {
                $crate::from_id(value).map(<Self as contracts::Id>::from_uuid)
            }
        }
    )*};
}

#[doc(hidden)]
pub fn from_id(value: Value) -> Result<Uuid, String> {
    Uuid::from_value(value)
}

id_values!(
    contracts::customers::CustomerId,
    contracts::customers::SessionId,
    contracts::customers::CustomerAddressId,
    contracts::customers::StaffId,
    contracts::customers::ApiKeyId,
    contracts::customers::AuditEntryId,
    contracts::catalog::ProductId,
    contracts::catalog::VariantId,
    contracts::catalog::CategoryId,
    contracts::catalog::AttributeId,
    contracts::catalog::BrandId,
    contracts::inventory::LocationId,
    contracts::inventory::ReservationId,
    contracts::inventory::MovementId,
    contracts::inventory::StocktakeId,
    contracts::inventory::TransferId,
    contracts::pricing::TaxZoneId,
    contracts::pricing::TaxRateId,
    contracts::carts::CartId,
    contracts::carts::LineId,
    contracts::orders::OrderId,
    contracts::orders::CancelRequestId,
    contracts::orders::OrderLinkId,
    contracts::orders::OrderNoteId,
    contracts::payments::PaymentId,
    contracts::payments::AttemptId,
    contracts::payments::OperationId,
    contracts::payments::RefundId,
    contracts::payments::ReceiptId,
    contracts::payments::LedgerEntryId,
    contracts::shipping::ShippingZoneId,
    contracts::shipping::ShippingMethodId,
    contracts::shipping::ShipmentId,
    contracts::shipping::ParcelId,
    contracts::notifications::MessageId,
    contracts::notifications::WebhookEndpointId,
    contracts::notifications::WebhookDeliveryId,
    contracts::notifications::WebhookEventId,
);
text_values!(contracts::MarketId, contracts::TaxClass, contracts::Locale);
name_values!(
    contracts::catalog::ProductStatus,
    contracts::customers::Role,
    contracts::inventory::Availability,
    contracts::inventory::StockPolicy,
    contracts::orders::OrderStatus,
    contracts::orders::CancelReason,
    contracts::notifications::WebhookDisabledReason,
    contracts::payments::PaymentOperation,
    contracts::Currency,
);

impl ToValue for contracts::Quantity {
    fn to_value(&self) -> Value {
        Value::Int(self.get())
    }
}
impl FromValue for contracts::Quantity {
    fn from_value(value: Value) -> Result<Self, String> {
        i64::from_value(value)?.try_into()
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(value)
    }
}
impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Int(number) => Ok(number),
            other => Err(format!("{} is no integer", other.kind())),
        }
    }
}
impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Bool(flag) => Ok(flag),
            Value::Int(number @ 0..=1) => Ok(number == 1),
            other => Err(format!("{} is no boolean", other.kind())),
        }
    }
}
impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) | Value::Json(text) => Ok(text),
            other => Err(format!("{} is no text", other.kind())),
        }
    }
}
impl FromValue for Uuid {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Id(uuid) => Ok(uuid),
            Value::Bytes(bytes) => Self::from_slice(&bytes).map_err(|error| error.to_string()),
            other => Err(format!("{} is no id", other.kind())),
        }
    }
}
impl FromValue for Timestamp {
    fn from_value(value: Value) -> Result<Self, String> {
        Self::from_microsecond(i64::from_value(value)?).map_err(|error| error.to_string())
    }
}
impl<T: DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        serde_json::from_str(&String::from_value(value)?).map(Json).map_err(|error| error.to_string())
    }
}
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

/// A row, read from left to right.
#[derive(Debug)]
pub struct Row {
    statement: &'static str,
    column: usize,
    values: std::vec::IntoIter<Value>,
}

impl Row {
    pub(crate) fn new(statement: &'static str, values: Vec<Value>) -> Self {
        Self { statement, column: 0, values: values.into_iter() }
    }

    /// The next column, in the order the statement names them.
    pub fn take<T: FromValue>(&mut self) -> Result<T> {
        self.column += 1;
        let (statement, column) = (self.statement, self.column);
        let value =
            self.values.next().ok_or_else(|| Error::Decode { statement, column, reason: "there is none".into() })?;
        T::from_value(value).map_err(|reason| Error::Decode { statement, column, reason })
    }
}

/// What a row is read into: a tuple (of one for one value), or a struct that takes its columns in order.
pub trait FromRow: Sized {
    fn from_row(row: &mut Row) -> Result<Self>;
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: &mut Row) -> Result<Self> { Ok(($(row.take::<$name>()?,)+)) }
        }
    )+};
}
tuples! { (A) (A B) (A B C) (A B C D) (A B C D F) (A B C D F G) (A B C D F G H) (A B C D F G H I) }
