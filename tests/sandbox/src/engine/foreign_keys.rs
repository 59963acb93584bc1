//! Which foreign key a statement broke. SQLite checks them all but does not say which one failed.

use super::catalog::{Catalog, ForeignKey, TableEntry};
use super::compiled::{Compiled, DmlKind};
use super::frame::Frame;
use super::meta::Table;
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use std::sync::Arc;

/// A foreign key that a statement can break: the child, the parent, and whether the child's side was written.
type Candidate<'a> = (&'a Arc<TableEntry>, &'a Arc<TableEntry>, &'a ForeignKey, bool);

impl SqlSession {
    /// Whether a child row has no parent.
    pub(super) fn has_orphans(&self, child: &TableEntry, parent: &TableEntry, key: &ForeignKey) -> Exec<bool> {
        self.has_orphans_among(child, parent, key, None)
    }

    /// The same among the child rows `c` that a condition joins to rows `s` of another source.
    pub(super) fn has_orphans_among(
        &self,
        child: &TableEntry,
        parent: &TableEntry,
        key: &ForeignKey,
        among: Option<(&str, &str)>,
    ) -> Exec<bool> {
        let pairs: Vec<(&str, &str)> = key
            .columns
            .iter()
            .filter_map(|(c, p)| {
                let (c, p) = (child.position(*c)?, parent.position(*p)?);
                Some((child.table.columns[c].sqlite_name.as_str(), parent.table.columns[p].sqlite_name.as_str()))
            })
            .collect();
        let mut present: Vec<String> = pairs.iter().map(|(c, _)| format!("c.{c} IS NOT NULL")).collect();
        let source = among.map_or_else(String::new, |(source, condition)| {
            present.push(condition.to_owned());
            format!("{source} AS s CROSS JOIN ")
        });
        let equal: Vec<String> = pairs.iter().map(|(c, p)| format!("p.{p} = c.{c}")).collect();
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {source}{} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}))",
            child.table.sqlite_name,
            present.join(" AND "),
            parent.table.sqlite_name,
            equal.join(" AND ")
        );
        Ok(self.connection.query_row(&sql, [], |r| r.get(0))?)
    }

    /// The error for a statement that failed because of a foreign key: runs it again with the checks put off (the caller
    /// undoes it) and looks which key is broken.
    pub(super) fn broken_foreign_key(
        &self,
        compiled: &Compiled,
        frame: &Frame,
        (kind, target): (DmlKind, &Arc<Table>),
    ) -> Exec<SqlError> {
        let catalog = self.catalog();
        let candidates = candidates(&catalog, kind, target.object_id);
        let found = match candidates.as_slice() {
            [only] => Some(*only),
            _ if compiled.sql.is_empty() => None,
            _ => {
                self.connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
                let found = self.find_broken(compiled, frame, &candidates);
                self.connection.execute_batch("PRAGMA defer_foreign_keys = OFF")?;
                found?
            }
        };
        Ok(match found {
            Some((child, parent, key, from_child)) => {
                conflict(kind.word(), &catalog.database, key, (child, parent), from_child)
            }
            None => {
                SqlError::new(547, format!("The {} statement conflicted with a FOREIGN KEY constraint.", kind.word()))
                    .with_state(0)
            }
        })
    }

    fn find_broken<'a>(
        &self,
        compiled: &Compiled,
        frame: &Frame,
        candidates: &[Candidate<'a>],
    ) -> Exec<Option<Candidate<'a>>> {
        match self.run_discarding(compiled, frame) {
            Ok(()) => {}
            Err(Stop::Cancelled) => return Err(Stop::Cancelled),
            // It failed on something else this time; the candidates cannot be told apart.
            Err(_) => return Ok(None),
        }
        for candidate in candidates {
            if self.has_orphans(candidate.0, candidate.1, candidate.2)? {
                return Ok(Some(*candidate));
            }
        }
        Ok(None)
    }
}

fn candidates(catalog: &Catalog, kind: DmlKind, target: i32) -> Vec<Candidate<'_>> {
    let mut found = Vec::new();
    let Some(written) = catalog.table_by_id(target) else { return found };
    if kind != DmlKind::Delete {
        for key in written.foreign_keys.iter().filter(|k| !k.disabled) {
            if let Some(parent) = catalog.table_by_id(key.referenced_object_id) {
                found.push((written, parent, key, true));
            }
        }
    }
    if kind != DmlKind::Insert {
        for (child, key) in catalog.references_to(target).filter(|(_, k)| !k.disabled) {
            found.push((child, written, key, false));
        }
    }
    found
}

/// Error 547 for a foreign key. From the parent's side SQL Server calls it a REFERENCE constraint and names the child.
pub(super) fn conflict(
    statement: &str,
    database: &str,
    key: &ForeignKey,
    (child, parent): (&TableEntry, &TableEntry),
    from_child: bool,
) -> SqlError {
    let same = child.table.object_id == parent.table.object_id;
    let (word, table) = match (from_child, same) {
        (true, true) => ("FOREIGN KEY SAME TABLE", parent),
        (true, false) => ("FOREIGN KEY", parent),
        (false, true) => ("SAME TABLE REFERENCE", child),
        (false, false) => ("REFERENCE", child),
    };
    let column = match key.columns.as_slice() {
        [(c, p)] => {
            let id = if from_child { *p } else { *c };
            table.position(id).map(|at| format!(", column '{}'", table.table.columns[at].name)).unwrap_or_default()
        }
        _ => String::new(),
    };
    let text = format!(
        "The {statement} statement conflicted with the {word} constraint \"{}\". The conflict occurred in database \"{database}\", table \
         \"{}\"{column}.",
        key.name,
        table.full_name()
    );
    SqlError::new(547, text).with_state(0)
}
