//! Revisions, counters and range ends as SQLite values: the only conversions between the two worlds.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};

use crate::prefix;

/// A revision or counter in an `INTEGER` column, which holds up to `i64::MAX`.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) u64);

impl ToSql for Number {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        // No counter gets that far; a caller's number that does compares like one that is never reached.
        Ok(i64::try_from(self.0).unwrap_or(i64::MAX).into())
    }
}

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = i64::column_result(value)?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// The end of a prefix, for `key < ?`. A prefix without an end gets a blob, which SQLite sorts after every
/// text, so that the comparison stays one that an index answers.
pub(super) fn range_end(prefix: &str) -> Value {
    prefix::end(prefix).map_or(Value::Blob(Vec::new()), Value::Text)
}
