//! Calling the procedures that propagate changes.

use crate::client::{Client, Parameter};
use crate::error::Error;
use crate::quote;
use proto::{ColumnType, TableName, Value};

/// An argument of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument<'a> {
    /// A column's value.
    Value(&'a Value, ColumnType),
    /// Which columns changed.
    Bitmask(Value),
    /// Nothing: the procedure's own default.
    Default,
}

/// Calls a procedure with its arguments in order; what it returns is of no interest, as long as it is no error.
/// <https://learn.microsoft.com/sql/t-sql/language-elements/execute-transact-sql>
pub async fn call(client: &mut Client, procedure: &TableName, arguments: &[Argument<'_>]) -> Result<(), Error> {
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(arguments.len());
    let mut texts = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument {
            Argument::Value(value, column_type) => parameters.push(Parameter::typed(value, *column_type)),
            Argument::Bitmask(mask) => parameters.push(mask.into()),
            Argument::Default => {
                texts.push("DEFAULT".to_owned());
                continue;
            }
        }
        texts.push(format!("@P{}", parameters.len()));
    }
    let sql = format!("EXEC {} {}", quote::table(procedure), texts.join(", "));
    client.execute(&format!("calling {procedure}"), &sql, &parameters).await.map(|_| ())
}
