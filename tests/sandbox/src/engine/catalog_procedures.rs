//! The catalog procedures: queries over the catalog views that ODBC and bulk-copy clients call instead of writing their own.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/catalog-stored-procedures-transact-sql>.

use super::procedures::Argument;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::session::Sink;

/// A procedure that is a batch with parameters.
struct CatalogProcedure {
    name: &'static str,
    /// Declarations of the parameters, with their defaults.
    parameters: &'static str,
    body: &'static str,
}

const PROCEDURES: &[CatalogProcedure] = &[
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

impl SqlSession {
    /// Runs a catalog procedure.
    pub(super) fn catalog_procedure(
        &mut self,
        name: &str,
        arguments: &mut [Argument],
        sink: &mut dyn Sink,
    ) -> Exec<i32> {
        let Some(procedure) = find(name) else { return Ok(0) };
        let batch = match self.inner_batch(procedure.parameters, procedure.body, sink) {
            Err(Stop::ScopeAborted(status)) => return Ok(status),
            other => other?,
        };
        self.run_with_parameters(&batch, arguments, sink)
    }
}
