//! `cdc.fn_cdc_get_net_changes_…`: what became of each row, whatever happened to it in between.
//!
//! A row that was inserted and deleted is left out; deleted and inserted again it is an update; of several changes the last one
//! says what the row holds, the first one what the row was before.
//! <https://learn.microsoft.com/sql/relational-databases/system-functions/cdc-fn-cdc-get-net-changes-capture-instance-transact-sql>

use super::queries::{Function, rows};
use crate::engine::quoting::quote;
use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};

/// Registers what the query calls.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_window_function("sandbox_cdc_or", 1, flags, OrMask)
}

/// `sandbox_cdc_or(mask)`: the bits that are set in any mask.
struct OrMask;

impl Aggregate<Vec<u8>, Option<Vec<u8>>> for OrMask {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, bits: &mut Vec<u8>) -> rusqlite::Result<()> {
        let mask: Option<Vec<u8>> = context.get(0)?;
        let mask = mask.unwrap_or_default();
        if bits.len() < mask.len() {
            bits.resize(mask.len(), 0);
        }
        bits.iter_mut().zip(&mask).for_each(|(bits, mask)| *bits |= mask);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, bits: Option<Vec<u8>>) -> rusqlite::Result<Option<Vec<u8>>> {
        Ok(bits)
    }
}

impl WindowAggregate<Vec<u8>, Option<Vec<u8>>> for OrMask {
    fn value(&self, bits: Option<&mut Vec<u8>>) -> rusqlite::Result<Option<Vec<u8>>> {
        Ok(bits.map(|bits| bits.clone()))
    }

    /// Windows here are whole partitions: nothing ever leaves one.
    fn inverse(&self, _: &mut Context<'_>, _: &mut Vec<u8>) -> rusqlite::Result<()> {
        Err(rusqlite::Error::InvalidQuery)
    }
}

/// The query in place of the function, with its arguments as `{0}`, `{1}` and `{2}`.
pub fn query(function: &Function<'_>, captured: &[&str], key: &[String]) -> String {
    let key: Vec<String> = key.iter().map(|column| quote(column)).collect();
    let key = key.join(", ");
    let order = |direction: &str| {
        ["__$start_lsn", "__$command_id", "__$seqval", "__$operation"]
            .map(|column| format!("{} {direction}", quote(column)))
            .join(", ")
    };
    let captured: String = captured.iter().map(|column| format!(", {column}")).collect();
    format!(
        r#"(SELECT "__$start_lsn",
              CASE WHEN "$last" = 1 THEN 1 WHEN "$option" = 'all with merge' THEN 5 WHEN "$first" = 2 THEN 2 ELSE 4 END AS "__$operation",
              CASE WHEN "$option" = 'all with mask' AND "$first" <> 2 AND "$last" <> 1 THEN "$mask" END AS "__$update_mask"{captured}
            FROM (SELECT *, lower(trim({{2}})) AS "$option", "__$operation" AS "$last",
                    first_value("__$operation") OVER (PARTITION BY {key} ORDER BY {ascending}) AS "$first",
                    sandbox_cdc_or("__$update_mask") OVER (PARTITION BY {key}) AS "$mask",
                    row_number() OVER (PARTITION BY {key} ORDER BY {descending}) AS "$back"
                  FROM {rows})
            WHERE "$back" = 1 AND NOT ("$first" = 2 AND "$last" = 1))"#,
        ascending = order("ASC"),
        descending = order("DESC"),
        rows = rows(function),
    )
}
