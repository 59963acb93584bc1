//! The catalog procedures: queries over the catalog views that ODBC and bulk-copy clients call instead of writing their own.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/catalog-stored-procedures-transact-sql>.

use super::catalog::same_name;
use super::procedures::{Argument, text_argument};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;

/// A procedure that is a batch with parameters.
struct CatalogProcedure {
    name: &'static str,
    /// Declarations of the parameters, with their defaults.
    parameters: &'static str,
    body: &'static str,
}

const PROCEDURES: &[CatalogProcedure] = &[
    // https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-tables-transact-sql
    CatalogProcedure {
        name: "sp_tables",
        parameters: "@table_name nvarchar(384) = NULL, @table_owner nvarchar(384) = NULL, @table_qualifier nvarchar(128) = NULL, \
                     @table_type varchar(100) = NULL, @fUsePattern bit = 1",
        body: include_str!("catalog_procedures/sp_tables.sql"),
    },
    // https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-pkeys-transact-sql
    CatalogProcedure {
        name: "sp_pkeys",
        parameters: "@table_name nvarchar(128), @table_owner nvarchar(128) = NULL, @table_qualifier nvarchar(128) = NULL",
        body: include_str!("catalog_procedures/sp_pkeys.sql"),
    },
    // https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-fkeys-transact-sql
    CatalogProcedure {
        name: "sp_fkeys",
        parameters: "@pktable_name nvarchar(128) = NULL, @pktable_owner nvarchar(128) = NULL, @pktable_qualifier nvarchar(128) = NULL, \
                     @fktable_name nvarchar(128) = NULL, @fktable_owner nvarchar(128) = NULL, @fktable_qualifier nvarchar(128) = NULL",
        body: include_str!("catalog_procedures/sp_fkeys.sql"),
    },
    // Not documented; what Microsoft's bulk-copy clients ask about the columns of their target.
    CatalogProcedure {
        name: "sp_tablecollations_100",
        parameters: "@object nvarchar(4000)",
        body: include_str!("catalog_procedures/sp_tablecollations_100.sql"),
    },
];

fn find(name: &str) -> Option<&'static CatalogProcedure> {
    PROCEDURES.iter().find(|procedure| procedure.name == name)
}

/// Whether a name, in lower case, is that of a catalog procedure.
pub(super) fn knows(name: &str) -> bool {
    find(name).is_some()
}

/// What the procedures say of names that they cannot use, before they look for anything.
fn check_names(procedure: &str, arguments: &[Argument], database: &str) -> SqlResult<()> {
    let text = |name: &str, position: usize| text_argument(arguments, name, position).filter(|text| !text.is_empty());
    let qualifiers = match procedure {
        // `%` lists the databases.
        "sp_tables" => [text("@table_qualifier", 2).filter(|name| name != "%"), None],
        "sp_pkeys" => [text("@table_qualifier", 2), None],
        "sp_fkeys" => [text("@pktable_qualifier", 2), text("@fktable_qualifier", 5)],
        _ => [None, None],
    };
    if qualifiers.into_iter().flatten().any(|name| !same_name(&name, database)) {
        let text = "The database name component of the object qualifier must be the name of the current database.";
        return Err(SqlError::new(15250, text));
    }
    if procedure == "sp_fkeys" && text("@pktable_name", 0).is_none() && text("@fktable_name", 3).is_none() {
        return Err(SqlError::new(15252, "The primary or foreign key table name must be given."));
    }
    Ok(())
}

impl SqlSession {
    /// Runs a catalog procedure.
    pub(super) fn catalog_procedure(
        &mut self,
        name: &str,
        arguments: &mut [Argument],
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        let Some(procedure) = find(name) else { return Ok(0) };
        check_names(name, arguments, &self.database().name)?;
        let batch = match self.inner_batch(procedure.parameters, procedure.body, sink) {
            Err(Stop::ScopeAborted(status)) => return Ok(status),
            other => other?,
        };
        self.run_with_parameters(&batch, arguments, sink)
    }
}
