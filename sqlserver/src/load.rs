//! Rows of a snapshot on their way into a table.
//!
//! They are bulk-loaded straight into it ([`straight`]) where the client carries all of its types exactly
//! and nothing of the table would suffer: a bulk load does not check constraints, so that the server would trust them no longer
//! (<https://learn.microsoft.com/sql/t-sql/statements/bulk-insert-transact-sql>, `CHECK_CONSTRAINTS`). Otherwise they go through a staging
//! table ([`crate::staging`]). It fires no triggers either. The values of an identity column are kept because they are sent: the
//! server numbers rows that come without it. So does Microsoft's own client: `SqlBulkCopy` of Microsoft.Data.SqlClient
//! leaves the column out unless it is to `KeepIdentity`, and says nothing else about it.

use crate::apply::{Kind, Operation, Target, by_values};
use crate::client::{BulkColumn, Client};
use crate::decode::Fields;
use crate::error::Error;
use crate::{quote, value};
use futures::Stream;
use proto::{Article, Row};

/// How rows get into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a bulk load of the table itself.
    Straight,
    /// Through a staging table.
    Staged,
}

/// How the rows of an article get into its table.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-check-constraints-transact-sql>,
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql>
pub async fn way(client: &mut Client, article: &Article, target: &Target) -> Result<Way, Error> {
    const WHAT: &str = "asking for a table's constraints";
    const SQL: &str = "SELECT d.collation_name, CASE WHEN EXISTS (SELECT 1 FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@P1)) \
        OR EXISTS (SELECT 1 FROM sys.foreign_keys WHERE parent_object_id = OBJECT_ID(@P1)) THEN 1 ELSE 0 END \
        FROM sys.databases AS d WHERE d.name = DB_NAME()";
    let name = quote::table(target.name());
    let Some(row) = client.query(WHAT, SQL, &[(&*name).into()]).await?.into_iter().next() else {
        return Ok(Way::Staged);
    };
    let mut fields = Fields::new(row, client, WHAT);
    let (collation, is_constrained) = (fields.optional_text()?.unwrap_or_default(), fields.flag()?);
    let exact = article.columns.iter().zip(&target.columns).all(|(column, target)| {
        target.target_type == column.column_type
            && value::is_loaded_as_it_is(column, target.collation.as_deref(), &collation)
    });
    Ok(if exact && !is_constrained { Way::Straight } else { Way::Staged })
}

/// Whether a bulk load can carry a row. One that it cannot goes by [`one`].
pub fn fits(row: &Row) -> bool {
    row.iter().all(value::can_be_bulk_loaded)
}

/// Bulk-loads rows (all columns of the article) for which [`way`] is [`Way::Straight`] and returns how many the server says have arrived.
/// Without `TABLOCK`: in a table with an index it would let in one session at a time.
pub async fn straight(
    client: &mut Client,
    target: &Target,
    rows: impl Stream<Item = Row> + Send,
) -> Result<u64, Error> {
    let columns: Vec<BulkColumn> = target
        .columns
        .iter()
        .map(|column| BulkColumn {
            name: quote::identifier(&column.name),
            values: column.column_type,
            loaded_as: column.target_type,
        })
        .collect();
    let what = format!("loading {}", target.name());
    client.bulk_load_columns(&what, &quote::table(target.name()), &columns, rows).await
}

/// Inserts one row.
pub async fn one(client: &mut Client, target: &Target, row: Row) -> Result<u64, Error> {
    by_values(client, target, &Operation { kind: Kind::Insert, set: Vec::new(), rows: vec![row] }).await
}
