//! MERGE.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/merge-transact-sql>

use super::{Parser, syntax_error};
use crate::error::SqlResult;
use crate::tsql::ast::{Cte, Merge, MergeAction, MergeClause, MergeWhen, StmtKind};

impl MergeWhen {
    /// As messages write it.
    fn text(self) -> &'static str {
        match self {
            MergeWhen::Matched => "WHEN MATCHED",
            MergeWhen::NotMatchedByTarget => "WHEN NOT MATCHED",
            MergeWhen::NotMatchedBySource => "WHEN NOT MATCHED BY SOURCE",
        }
    }
}

impl MergeAction {
    fn text(&self) -> &'static str {
        match self {
            MergeAction::Update(_) => "UPDATE",
            MergeAction::Delete => "DELETE",
            MergeAction::Insert { .. } => "INSERT",
        }
    }
}

impl Parser<'_> {
    pub(super) fn merge(&mut self, ctes: Vec<Cte>) -> SqlResult<StmtKind> {
        self.expect("MERGE")?;
        let top = self.top()?;
        self.eat("INTO");
        let target = self.target()?;
        let hints = self.table_hints()?;
        let named = self.eat("AS") || (self.is_name_at(0) && !self.is("USING"));
        let alias = if named { Some(self.name()?) } else { None };
        self.expect("USING")?;
        let source = self.table_refs_one()?;
        self.expect("ON")?;
        let on = self.expr()?;
        let mut clauses: Vec<MergeClause> = Vec::new();
        while self.is("WHEN") {
            let line = self.line();
            let clause = self.merge_clause()?;
            check_clause(&clauses, &clause, line)?;
            clauses.push(clause);
        }
        if clauses.is_empty() {
            return Err(self.syntax_error());
        }
        let output = self.output()?;
        let options = self.query_options()?;
        if !self.is(";") {
            let message = "A MERGE statement must be terminated by a semi-colon (;).";
            return Err(syntax_error(10713, message.to_owned(), self.line()));
        }
        Ok(StmtKind::Merge(Box::new(Merge { ctes, top, target, hints, alias, source, on, clauses, output, options })))
    }

    fn merge_clause(&mut self) -> SqlResult<MergeClause> {
        self.expect("WHEN")?;
        let not = self.eat("NOT");
        self.expect("MATCHED")?;
        let when = match not {
            false => MergeWhen::Matched,
            true if self.eat_words(&["BY", "SOURCE"]) => MergeWhen::NotMatchedBySource,
            true => {
                self.eat_words(&["BY", "TARGET"]);
                MergeWhen::NotMatchedByTarget
            }
        };
        let condition = if self.eat("AND") { Some(self.expr()?) } else { None };
        self.expect("THEN")?;
        let line = self.line();
        let action = self.merge_action()?;
        let inserts = matches!(action, MergeAction::Insert { .. });
        if inserts != (when == MergeWhen::NotMatchedByTarget) {
            let message = format!(
                "An action of type '{}' is not allowed in the '{}' clause of a MERGE statement.",
                action.text(),
                when.text()
            );
            return Err(syntax_error(10711, message, line));
        }
        Ok(MergeClause { when, condition, action })
    }

    fn merge_action(&mut self) -> SqlResult<MergeAction> {
        if self.eat("DELETE") {
            return Ok(MergeAction::Delete);
        }
        if self.eat("UPDATE") {
            self.expect("SET")?;
            return Ok(MergeAction::Update(self.comma_separated(Self::column_assignment)?));
        }
        self.expect("INSERT")?;
        let columns = if self.is("(") { self.insert_columns()? } else { Vec::new() };
        let values = if self.eat("DEFAULT") {
            self.expect("VALUES")?;
            None
        } else {
            self.expect("VALUES")?;
            Some(self.in_parentheses(Self::value_or_default)?)
        };
        Ok(MergeAction::Insert { columns, values })
    }
}

/// Which clauses may stand together.
fn check_clause(before: &[MergeClause], clause: &MergeClause, line: u32) -> SqlResult<()> {
    let alike = before.iter().filter(|earlier| earlier.when == clause.when);
    for earlier in alike {
        let when = clause.when.text();
        if clause.action.text() == earlier.action.text() {
            let message = format!(
                "An action of type '{when}' cannot appear more than once in a '{}' clause of a MERGE statement.",
                clause.action.text()
            );
            return Err(syntax_error(10714, message, line));
        }
        if earlier.condition.is_none() {
            let message = format!(
                "In a MERGE statement, a '{when}' clause with a search condition cannot appear after a '{when}' clause with no search condition."
            );
            return Err(syntax_error(5324, message, line));
        }
    }
    Ok(())
}
