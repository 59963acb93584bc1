//! Views that users made: their query stands where their name is read.

use super::binder::{Binder, RowOrigin, Source};
use super::modules::Module;
use super::ownership::Named;
use super::system_types::facets;
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::ObjectName;
use std::sync::Arc;

impl Binder<'_> {
    /// A user's view as a table source; `None` if the name is none.
    pub(super) fn view_source(&mut self, name: &ObjectName, alias: Option<&str>) -> SqlResult<Option<String>> {
        let Some(view) = self.scope.view(name)? else { return Ok(None) };
        let parsed = view.parsed()?;
        let Some((_, query)) = &parsed.view else { return Ok(None) };
        if self.views.contains(&view.object_id) {
            let text = format!(
                "View or function '{}' contains a self-reference. Views or functions cannot reference themselves directly or \
                 indirectly.",
                view.name
            );
            return Err(SqlError::new(4429, text));
        }
        self.named.push(Named { object: view.object_id, view: self.views.last().copied() });
        self.views.push(view.object_id);
        // A view sees nothing of the statement around it.
        let frames = std::mem::take(&mut self.frames);
        let ctes = std::mem::take(&mut self.ctes);
        let recursion = self.recursion.take();
        let changed = self.changes_through(&name.name) || alias.is_some_and(|alias| self.changes_through(alias));
        let plan = self.subquery(query);
        (self.frames, self.ctes, self.recursion) = (frames, ctes, recursion);
        self.views.pop();
        let mut plan = plan.map_err(|error| unbound(&view, error))?;
        let sqlite_alias = self.fresh_alias();
        let names: Vec<String> = view.columns.iter().map(|(name, _, _)| name.clone()).collect();
        let found = plan.outputs.iter().map(|output| facets(&output.value.ty));
        let stored = view.columns.iter().map(|(_, type_id, length)| (*type_id, *length));
        if !found.map(|f| (i32::from(f.type_id), i32::from(f.max_length))).eq(stored) {
            return Err(SqlError::unsupported(format!(
                "the view {}, whose tables changed since it was made",
                view.name
            )));
        }
        let rows = if changed { plan.expose_rows() } else { None };
        let rows = rows.map(|rows| RowOrigin {
            row_id: format!("{sqlite_alias}.{}", rows.row_id),
            view: Some(view.object_id),
            ..rows
        });
        let text = format!("({}) AS {sqlite_alias}", plan.render());
        let columns = plan.source_columns(&sqlite_alias, &names);
        let schema = alias.is_none().then(|| name.schema.clone().unwrap_or_else(|| "dbo".to_owned()));
        let exposed = alias.unwrap_or(&name.name);
        self.add_source(Source { schema, rows, ..Source::of_rows(exposed, sqlite_alias, columns) })?;
        Ok(Some(text))
    }
}

/// What is wrong inside a view is told with error 4413 after its own; the first one is what clients see.
fn unbound(view: &Arc<Module>, error: SqlError) -> SqlError {
    SqlError { procedure: view.name.clone(), ..error }
}
