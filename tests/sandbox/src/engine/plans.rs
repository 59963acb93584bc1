//! Parsed batches and compiled statements, kept so that a batch that is sent again is neither parsed nor compiled again.

use super::catalog::fold;
use super::compiled::{Compiled, CompiledDml};
use super::meta::Table;
use super::scope::TEMPORARY_DATABASE;
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, Stmt, StmtKind};
use crate::tsql::{ParameterDeclaration, parse_batch, parse_parameters};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Batches a session keeps; when there are more, it starts over.
const MAX_BATCHES: usize = 512;
/// Longest batch text that is kept.
const MAX_TEXT: usize = 256 * 1024;
/// Bytes of text that a session keeps; when there are more, it starts over.
const MAX_KEPT: usize = 4 * 1024 * 1024;
/// Plans that a session keeps, those of modules too; when there are more, it starts over.
const MAX_PLANS: usize = 20_000;

/// A parsed batch.
#[derive(Debug)]
pub struct Batch {
    /// Unique in the process: sessions share the batches of modules.
    pub id: u64,
    /// Its text.
    pub text: String,
    /// Parameters of `sp_executesql`.
    pub parameters: Vec<ParameterDeclaration>,
    /// Its statements.
    pub statements: Vec<Stmt>,
    kept: bool,
}

/// A compiled statement or expression.
#[derive(Debug, Clone)]
pub enum Plan {
    /// A query or expression.
    Query(Arc<Compiled>),
    /// A data modification.
    Dml(Arc<CompiledDml>),
}

impl Batch {
    /// The statements of a procedure or trigger.
    pub fn of_module(text: &str, parameters: Vec<ParameterDeclaration>, statements: Vec<Stmt>) -> SqlResult<Self> {
        check_declarations(&parameters, &statements)?;
        Ok(Self { id: next_id(), text: text.to_owned(), parameters, statements, kept: true })
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Plan {
    fn uses_temporary(&self) -> bool {
        let temporary = |table: &Arc<Table>| table.database == TEMPORARY_DATABASE;
        match self {
            Plan::Query(compiled) => compiled.reads.iter().any(temporary),
            Plan::Dml(dml) => {
                temporary(&dml.target)
                    || dml.statement.reads.iter().any(temporary)
                    || dml.output_into.as_ref().is_some_and(|o| temporary(&o.target))
            }
        }
    }
}

/// What a plan depends on: the catalog and, if it uses any, the temporary tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// [`Catalog::version`](super::catalog::Catalog::version).
    pub catalog: u64,
    /// [`State::temporary_version`](super::session_state::State::temporary_version).
    pub temporary: u64,
    /// Table whose `IDENTITY_INSERT` is on.
    pub identity_insert: Option<i32>,
}

#[derive(Debug)]
struct Kept {
    basis: Basis,
    uses_temporary: bool,
    plan: Plan,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Plans {
    batches: HashMap<(String, String), Arc<Batch>>,
    plans: HashMap<(u64, usize), Kept>,
    kept_bytes: usize,
}

impl Plans {
    /// The batch of a text with the parameters it is given.
    pub fn batch(&mut self, parameters: &str, text: &str) -> SqlResult<Arc<Batch>> {
        let key = (parameters.to_owned(), text.to_owned());
        if let Some(batch) = self.batches.get(&key) {
            return Ok(Arc::clone(batch));
        }
        let kept = text.len() <= MAX_TEXT;
        let parameters = parse_parameters(parameters)?;
        let statements = parse_batch(text)?;
        check_declarations(&parameters, &statements)?;
        let batch = Arc::new(Batch { id: next_id(), text: text.to_owned(), parameters, statements, kept });
        if kept {
            if self.batches.len() >= MAX_BATCHES || self.kept_bytes + text.len() > MAX_KEPT {
                self.batches.clear();
                self.plans.clear();
                self.kept_bytes = 0;
            }
            self.kept_bytes += text.len();
            self.batches.insert(key, Arc::clone(&batch));
        }
        Ok(batch)
    }

    /// The plan of a node of a batch's tree, if it still holds.
    pub fn get(&self, batch: &Batch, node: usize, basis: Basis) -> Option<Plan> {
        let kept = self.plans.get(&(batch.id, node))?;
        let holds = kept.basis.catalog == basis.catalog
            && kept.basis.identity_insert == basis.identity_insert
            && (!kept.uses_temporary || kept.basis.temporary == basis.temporary);
        holds.then(|| kept.plan.clone())
    }

    /// Keeps a plan.
    pub fn put(&mut self, batch: &Batch, node: usize, basis: Basis, plan: &Plan) {
        if batch.kept {
            if self.plans.len() >= MAX_PLANS {
                self.plans.clear();
            }
            let kept = Kept { basis, uses_temporary: plan.uses_temporary(), plan: plan.clone() };
            self.plans.insert((batch.id, node), kept);
        }
    }
}

/// Error 134: a variable is declared once in a batch, wherever the DECLARE stands.
fn check_declarations(parameters: &[ParameterDeclaration], statements: &[Stmt]) -> SqlResult<()> {
    let mut seen: HashSet<String> = HashSet::new();
    if let Some(parameter) = parameters.iter().find(|parameter| !seen.insert(fold(&parameter.name))) {
        return Err(declared_twice(&parameter.name));
    }
    check_block(statements, &mut seen)
}

fn check_block(statements: &[Stmt], seen: &mut HashSet<String>) -> SqlResult<()> {
    for statement in statements {
        match &statement.kind {
            StmtKind::Declare(declarations) => {
                for declaration in declarations {
                    if !seen.insert(fold(&declaration.name)) {
                        return Err(declared_twice(&declaration.name).at_line(statement.line));
                    }
                }
            }
            StmtKind::Block(inner) => check_block(inner, seen)?,
            StmtKind::If { then, otherwise, .. } => {
                check_block(std::slice::from_ref(then), seen)?;
                if let Some(otherwise) = otherwise {
                    check_block(std::slice::from_ref(otherwise), seen)?;
                }
            }
            StmtKind::While { body, .. } => check_block(std::slice::from_ref(body), seen)?,
            StmtKind::TryCatch { body, handler } => {
                check_block(body, seen)?;
                check_block(handler, seen)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn declared_twice(name: &str) -> SqlError {
    let text = format!(
        "The variable name '{name}' has already been declared. Variable names must be unique within a query batch or stored procedure."
    );
    SqlError::new(134, text).severity(15).with_state(2)
}

/// The identity of a statement in its batch's tree, which does not move.
pub fn statement_node(statement: &Stmt) -> usize {
    std::ptr::from_ref(statement) as usize
}

/// The identity of an expression in its batch's tree.
pub fn expression_node(expr: &Expr) -> usize {
    std::ptr::from_ref(expr) as usize
}
