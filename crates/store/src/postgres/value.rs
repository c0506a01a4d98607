//! Values in PostgreSQL's binary format.

use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::Value;

/// The byte before a JSONB document.
const JSONB_VERSION: u8 = 1;

enum Kind {
    Int8,
    Int4,
    Bool,
    Text,
    Jsonb,
    Uuid,
    Bytes,
    Other,
}

fn kind(ty: &Type) -> Kind {
    match *ty {
        Type::INT8 => Kind::Int8,
        Type::INT4 => Kind::Int4,
        Type::BOOL => Kind::Bool,
        Type::TEXT | Type::VARCHAR | Type::JSON => Kind::Text,
        Type::JSONB => Kind::Jsonb,
        Type::UUID => Kind::Uuid,
        Type::BYTEA => Kind::Bytes,
        _ => Kind::Other,
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, kind(ty)) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(number), Kind::Int8) => return number.to_sql(ty, out),
            (Self::Int(number), Kind::Int4) => return i32::try_from(*number)?.to_sql(ty, out),
            (Self::Bool(flag), Kind::Bool) => return flag.to_sql(ty, out),
            (Self::Text(text) | Self::Json(text), Kind::Text) => out.extend_from_slice(text.as_bytes()),
            (Self::Text(text) | Self::Json(text), Kind::Jsonb) => {
                out.extend_from_slice(&[JSONB_VERSION]);
                out.extend_from_slice(text.as_bytes());
            }
            (Self::Id(uuid), Kind::Uuid) => out.extend_from_slice(uuid.as_bytes()),
            (Self::Bytes(bytes), Kind::Bytes) => out.extend_from_slice(bytes),
            // Not guessed: eight letters would pass for a number. The value itself stays out of logs.
            (value, _) => return Err(format!("{} where {ty} is wanted", value.kind()).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::BOOL => Self::Bool(bool::from_sql(ty, raw)?),
            Type::UUID => Self::Id(uuid::Uuid::from_slice(raw)?),
            Type::TEXT | Type::VARCHAR | Type::NAME => Self::Text(std::str::from_utf8(raw)?.to_owned()),
            Type::JSON => Self::Json(std::str::from_utf8(raw)?.to_owned()),
            Type::JSONB => Self::Json(std::str::from_utf8(raw.get(1..).unwrap_or_default())?.to_owned()),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            ref other => return Err(format!("a column of type {other}: cast it, sums to BIGINT").into()),
        })
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
