//! Sequences: counters that no transaction takes back.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/create-sequence-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/functions/next-value-for-transact-sql>.

use super::binder::Binder;
use super::catalog::same_name;
use super::catalog_store::{self, NewObject};
use super::clock::now_datetime;
use super::database::Identity;
use super::ddl_table::{already_there, cannot_drop};
use super::expr_walk;
use super::meta::Scope;
use super::metadata_functions::split_name;
use super::procedures::{Argument, integer_argument, text_argument};
use super::quoting::literal;
use super::scope::{invalid_object, written};
use super::session::SqlSession;
use super::session_functions::with_identity;
use super::stop::Exec;
use super::system_types::{Facets, facets, from_facets};
use super::transaction::Writes;
use super::typed::Typed;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use crate::tsql::ast::{Expr, ObjectName};
use crate::tsql::modules::{ModuleStatement, NEXT_VALUE, SequenceOptions};
use crate::tsql::parse_expr;
use crate::types::{Datum, SqlType};
use rusqlite::params;

/// Longest decimal whose values the counters hold.
const MAX_PRECISION: u8 = 18;

/// A sequence as statements use it.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// `object_id`.
    pub object_id: i32,
    /// Name.
    pub name: String,
    /// Type of its values.
    pub ty: SqlType,
    /// Starts over at the other end.
    pub cycles: bool,
}

/// The row of a sequence in the catalog.
#[derive(Debug, Clone, Copy)]
struct Stored {
    facets: (u8, u8),
    start: i64,
    increment: i64,
    range: (i64, i64),
    cycles: bool,
    cached: bool,
    cache: Option<i64>,
    last: Option<i64>,
}

impl Stored {
    fn counter(&self) -> Identity {
        Identity {
            seed: self.start,
            increment: self.increment,
            last: self.last,
            type_name: "bigint",
            range: self.range,
            dirty: false,
        }
    }

    fn ty(&self) -> SqlType {
        let (type_id, precision) = self.facets;
        from_facets(Facets { type_id, max_length: 0, precision, scale: 0 }).unwrap_or(SqlType::BigInt)
    }
}

/// Smallest and largest value of a sequence's type; error 11702 for a type that it cannot have.
fn range_of(name: &str, ty: &SqlType) -> SqlResult<(i64, i64)> {
    Ok(match ty {
        SqlType::TinyInt => (0, i64::from(u8::MAX)),
        SqlType::SmallInt => (i64::from(i16::MIN), i64::from(i16::MAX)),
        SqlType::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        SqlType::BigInt => (i64::MIN, i64::MAX),
        SqlType::Decimal { precision, scale: 0 } if *precision <= MAX_PRECISION => {
            let limit = 10_i64.pow(u32::from(*precision)) - 1;
            (-limit, limit)
        }
        SqlType::Decimal { scale: 0, .. } => return Err(SqlError::unsupported("sequences of more than 18 digits")),
        _ => {
            let text = format!(
                "The sequence object '{name}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of \
                 0, or any user-defined data type that is based on one of the above integer data types."
            );
            return Err(SqlError::new(11702, text));
        }
    })
}

/// What the clauses make of a sequence, new (`before` is none) or altered.
fn settle(name: &str, options: &SequenceOptions, before: Option<Stored>) -> SqlResult<Stored> {
    let ty = match before {
        Some(before) => before.ty(),
        None => options.ty.unwrap_or(SqlType::BigInt),
    };
    let (least, most) = range_of(name, &ty)?;
    let increment = options.increment.or(before.map(|b| b.increment)).unwrap_or(1);
    if increment == 0 {
        return Err(SqlError::new(11700, format!("The increment for sequence object '{name}' cannot be zero.")));
    }
    let bound = |given: Option<Option<i64>>, old: Option<i64>, limit: i64, word: &str| match given {
        Some(Some(value)) if value < least || value > most => {
            let text = format!("An invalid value was specified for argument '{word}' for the given data type.");
            Err(SqlError::new(11708, text))
        }
        Some(Some(value)) => Ok(value),
        Some(None) => Ok(limit),
        None => Ok(old.unwrap_or(limit)),
    };
    let min = bound(options.min, before.map(|b| b.range.0), least, "MINVALUE")?;
    let max = bound(options.max, before.map(|b| b.range.1), most, "MAXVALUE")?;
    if min >= max {
        let text = format!("The minimum value for sequence object '{name}' must be less than its maximum value.");
        return Err(SqlError::new(11705, text));
    }
    if i128::from(increment).abs() > i128::from(max) - i128::from(min) {
        let text = format!(
            "The absolute value of the increment for sequence object '{name}' must be less than or equal to the difference between the \
             minimum and maximum value of the sequence object."
        );
        return Err(SqlError::new(11701, text));
    }
    let first = if increment > 0 { min } else { max };
    let start = options.start.or(before.map(|b| b.start)).unwrap_or(first);
    if start < min || start > max {
        let text = format!(
            "The start value for sequence object '{name}' must be between the minimum and maximum value of the sequence object."
        );
        return Err(SqlError::new(11703, text));
    }
    let last = if options.restart { None } else { before.and_then(|b| b.last) };
    if let Some(last) = last.filter(|last| *last < min || *last > max) {
        let text = format!(
            "The current value '{last}' for sequence object '{name}' must be between the minimum and maximum value of the sequence object."
        );
        return Err(SqlError::new(11704, text));
    }
    if options.cache.flatten().is_some_and(|size| size < 0) {
        let text = format!("The cache size for sequence object '{name}' must be greater than 0.");
        return Err(SqlError::new(11706, text));
    }
    let f = facets(&ty);
    Ok(Stored {
        facets: (f.type_id, f.precision),
        start,
        increment,
        range: (min, max),
        cycles: options.cycle.or(before.map(|b| b.cycles)).unwrap_or(false),
        cached: options.cache.map(|cache| cache.is_some()).or(before.map(|b| b.cached)).unwrap_or(true),
        cache: options.cache.flatten().filter(|size| *size > 0).or(before.and_then(|b| b.cache)),
        last,
    })
}

impl SqlSession {
    /// CREATE, ALTER and DROP SEQUENCE.
    pub(super) fn sequence_statement(&mut self, statement: &ModuleStatement, sink: &mut dyn Sink) -> Exec<()> {
        match statement {
            ModuleStatement::CreateSequence { name, options } => {
                self.write(Writes::Database, sink, |s, _| s.create_sequence(name, options))
            }
            ModuleStatement::AlterSequence { name, options } => {
                // Its counter is not part of the transaction, its definition would be.
                if self.shared.state().tran_count > 0 {
                    return Err(SqlError::unsupported("ALTER SEQUENCE in a transaction").into());
                }
                let changed = self.write(Writes::Database, sink, |s, _| s.alter_sequence(name, options))?;
                let database = self.database();
                database.forget_identity(changed.0);
                database.start_identity(changed.0, changed.1);
                Ok(())
            }
            ModuleStatement::DropSequences { names, if_exists } => {
                for name in names {
                    self.write(Writes::Database, sink, |s, _| s.drop_sequence(name, *if_exists))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn create_sequence(&mut self, name: &ObjectName, options: &SequenceOptions) -> Exec<()> {
        let schema_id = self.schema_for(name)?;
        let catalog = self.catalog();
        if catalog.object(catalog.schema_name(schema_id).unwrap_or_default(), &name.name).is_some() {
            return Err(already_there(&name.name).into());
        }
        let stored = settle(&written(name), options, None)?;
        let now = now_datetime();
        let object = NewObject { name: &name.name, schema_id, parent: 0, kind: "SO", now };
        let id = catalog_store::insert_object(&self.connection, &object)?;
        self.database().forget_identity(id);
        self.store_sequence(id, &stored)?;
        self.table_changed(id)?;
        Ok(())
    }

    fn store_sequence(&self, id: i32, stored: &Stored) -> Exec<()> {
        self.connection.execute(
            r#"INSERT OR REPLACE INTO db."$sequences" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"#,
            params![
                id,
                stored.facets.0,
                stored.facets.1,
                stored.start,
                stored.increment,
                stored.range.0,
                stored.range.1,
                stored.cycles,
                stored.cache,
                stored.cached,
                stored.last
            ],
        )?;
        Ok(())
    }

    /// Changes the definition; the counter that it then has.
    fn alter_sequence(&mut self, name: &ObjectName, options: &SequenceOptions) -> Exec<(i32, Identity)> {
        let missing = || {
            let text = format!(
                "Cannot alter the sequence object '{}', because it does not exist or you do not have permission.",
                written(name)
            );
            SqlError::new(15151, text)
        };
        let sequence = self.find_sequence(name).map_err(|_| missing())?;
        let id = sequence.object_id;
        let last = with_identity(&self.shared, id, |counter| counter.last).flatten();
        let before = Stored { last, ..self.stored_sequence(id)? };
        let stored = settle(&written(name), options, Some(before))?;
        self.store_sequence(id, &stored)?;
        self.touch(id)?;
        self.table_changed(id)?;
        Ok((id, stored.counter()))
    }

    fn drop_sequence(&mut self, name: &ObjectName, if_exists: bool) -> Exec<()> {
        let catalog = self.catalog();
        let shown = written(name);
        let schema = name.schema.as_deref().unwrap_or("dbo");
        let Some(object) = catalog.object(schema, &name.name).cloned() else {
            return if if_exists { Ok(()) } else { Err(cannot_drop("sequence object", &shown).into()) };
        };
        if object.kind != "SO" {
            return Err(super::module_statements::wrong_drop("SEQUENCE", &shown, &object.kind).into());
        }
        for table in catalog.tables() {
            for default in &table.defaults {
                let definition =
                    table.position(default.column_id).and_then(|p| table.table.columns[p].default.as_deref());
                let uses = |expr: &Expr| {
                    sequence_name(expr).is_some_and(|used| {
                        same_name(&used.name, &name.name) && same_name(used.schema.as_deref().unwrap_or("dbo"), schema)
                    })
                };
                if definition.and_then(|text| parse_expr(text).ok()).is_some_and(|expr| expr_walk::any(&expr, &uses)) {
                    let text = format!(
                        "Cannot DROP SEQUENCE '{shown}' because it is being referenced by object '{}'.",
                        default.name
                    );
                    return Err(SqlError::new(3729, text).into());
                }
            }
        }
        catalog_store::delete_object(&self.connection, object.object_id)?;
        self.table_changed(object.object_id)?;
        Ok(())
    }

    /// A sequence by name, its counter made ready: errors 208 and 11726.
    pub(super) fn find_sequence(&self, name: &ObjectName) -> SqlResult<Sequence> {
        let catalog = self.catalog();
        if name.database.as_deref().is_some_and(|database| !same_name(database, &catalog.database)) {
            return Err(SqlError::unsupported("sequences of another database"));
        }
        let object =
            catalog.object(name.schema.as_deref().unwrap_or("dbo"), &name.name).ok_or_else(|| invalid_object(name))?;
        if object.kind != "SO" {
            return Err(SqlError::new(11726, format!("Object '{}' is not a sequence object.", written(name))));
        }
        let stored = self.stored_sequence(object.object_id).map_err(|_| invalid_object(name))?;
        self.database().start_identity(object.object_id, stored.counter());
        let (object_id, name) = (object.object_id, object.name.clone());
        Ok(Sequence { object_id, name, ty: stored.ty(), cycles: stored.cycles })
    }

    fn stored_sequence(&self, id: i32) -> rusqlite::Result<Stored> {
        self.connection.query_row(
            r#"SELECT type_id, precision, start_value, increment, min, max, is_cycling, is_cached, cache_size, last
               FROM db."$sequences" WHERE object_id = ?1"#,
            [id],
            |r| {
                Ok(Stored {
                    facets: (r.get(0)?, r.get(1)?),
                    start: r.get(2)?,
                    increment: r.get(3)?,
                    range: (r.get(4)?, r.get(5)?),
                    cycles: r.get(6)?,
                    cached: r.get(7)?,
                    cache: r.get(8)?,
                    last: r.get(9)?,
                })
            },
        )
    }

    /// `sp_sequence_get_range`: takes several values at once.
    pub(super) fn sp_sequence_get_range(&mut self, arguments: &mut [Argument]) -> Exec<i32> {
        let shown = text_argument(arguments, "@sequence_name", 0).unwrap_or_default();
        let size = integer_argument(arguments, "@range_size", 1)?.unwrap_or(0);
        self.refresh_catalog()?;
        let (database, schema, name) = split_name(&shown).unwrap_or_default();
        let sequence = self.find_sequence(&ObjectName { database, schema, name })?;
        if size < 1 {
            let text = "An invalid value was specified for argument '@range_size' for the given data type.";
            return Err(SqlError::new(11708, text).into());
        }
        let taken = with_identity(&self.shared, sequence.object_id, |counter| {
            let first = match counter.last {
                Some(last) => last.checked_add(counter.increment)?,
                None => counter.seed,
            };
            let last = counter.increment.checked_mul(size - 1)?.checked_add(first)?;
            let fits = |value: i64| (counter.range.0..=counter.range.1).contains(&value);
            if !fits(first) || !fits(last) {
                return None;
            }
            counter.last = Some(last);
            counter.dirty = true;
            Some((first, last, *counter))
        })
        .flatten();
        let Some((first, last, counter)) = taken else {
            if sequence.cycles {
                return Err(SqlError::unsupported("sp_sequence_get_range over the end of a cycling sequence").into());
            }
            let text = format!(
                "The requested range for sequence object '{shown}' exceeds the maximum or minimum limit. Retry with a smaller range."
            );
            return Err(SqlError::new(11732, text).into());
        };
        let outputs = [
            ("@range_first_value", 2, first),
            ("@range_last_value", 3, last),
            ("@range_cycle_count", 4, 0),
            ("@sequence_increment", 5, counter.increment),
            ("@sequence_min_value", 6, counter.range.0),
            ("@sequence_max_value", 7, counter.range.1),
        ];
        for (name, position, value) in outputs {
            let found = arguments
                .iter()
                .position(|argument| argument.name.eq_ignore_ascii_case(name))
                .or_else(|| (arguments.get(position)?.name.is_empty()).then_some(position));
            if let Some(found) = found {
                arguments[found].ty = SqlType::BigInt;
                arguments[found].value = Datum::BigInt(value);
            }
        }
        Ok(0)
    }
}

/// The sequence that an expression takes a value of, if it is that.
fn sequence_name(expr: &Expr) -> Option<ObjectName> {
    let Expr::Call { name, arguments, .. } = expr else { return None };
    (name.name == NEXT_VALUE).then(|| named_sequence(arguments)).flatten()
}

fn named_sequence(arguments: &[Expr]) -> Option<ObjectName> {
    let [Expr::Column(parts)] = arguments else { return None };
    let mut parts = parts.clone();
    let some = |part: String| Some(part).filter(|part| !part.is_empty());
    let name = parts.pop()?;
    let schema = parts.pop().and_then(some);
    Some(ObjectName { database: parts.pop().and_then(some), schema, name })
}

/// Whether an expression takes a value of a sequence.
pub(super) fn takes_value(expr: &Expr) -> bool {
    expr_walk::any(expr, &|part| sequence_name(part).is_some())
}

/// The same of a DEFAULT's text.
pub(super) fn takes_value_in(text: &str) -> bool {
    text.to_ascii_uppercase().contains("NEXT") && parse_expr(text).is_ok_and(|expr| takes_value(&expr))
}

/// The sequences that a DEFAULT's text takes a value of.
fn sequences_in(text: &str, scope: &dyn Scope) -> SqlResult<Vec<i32>> {
    if !takes_value_in(text) {
        return Ok(Vec::new());
    }
    let (expr, names) = (parse_expr(text)?, std::cell::RefCell::new(Vec::new()));
    // Nothing is looked for: every part is seen.
    expr_walk::any(&expr, &|part| {
        names.borrow_mut().extend(sequence_name(part));
        false
    });
    names.into_inner().iter().map(|name| Ok(scope.sequence(name)?.object_id)).collect()
}

/// A row takes a value of the sequences in `taken`, and of those of the DEFAULTs that it uses. Each reference to one sequence has the
/// same value within a row, which is left out.
pub(super) fn refuse_second_value<'t>(
    taken: &[i32],
    defaults: impl IntoIterator<Item = &'t str>,
    scope: &dyn Scope,
) -> SqlResult<()> {
    let mut taken = taken.to_vec();
    for text in defaults {
        for sequence in sequences_in(text, scope)? {
            if taken.contains(&sequence) {
                return Err(SqlError::unsupported("NEXT VALUE FOR of one sequence several times in a row"));
            }
            taken.push(sequence);
        }
    }
    Ok(())
}

impl Binder<'_> {
    /// `NEXT VALUE FOR`.
    pub(super) fn next_value(&mut self, arguments: &[Expr]) -> SqlResult<Typed> {
        let Some(name) = named_sequence(arguments) else { return Err(SqlError::unsupported("NEXT VALUE FOR here")) };
        if self.nested > 0 {
            let text = "NEXT VALUE FOR function is not allowed in check constraints, default objects, computed columns, views, \
                        user-defined functions, user-defined aggregates, user-defined table types, sub-queries, common table \
                        expressions, derived tables or return statements.";
            return Err(SqlError::new(11719, text).severity(15));
        }
        let allowed = self.frames.is_empty()
            || self.assigning
            || self.frames.last().is_some_and(|frame| frame.windows_allowed && frame.grouping.is_none());
        if !allowed {
            let text = "NEXT VALUE FOR function is not allowed in the TOP, OVER, OUTPUT, ON, WHERE, GROUP BY, HAVING, or ORDER BY clauses.";
            return Err(SqlError::new(11720, text).severity(15));
        }
        let sequence = self.scope.sequence(&name)?;
        if self.sequences.contains(&sequence.object_id) {
            return Err(SqlError::unsupported("NEXT VALUE FOR of one sequence several times in a statement"));
        }
        self.sequences.push(sequence.object_id);
        let sql = format!(
            "sandbox_next_value({}, {}, {})",
            sequence.object_id,
            i32::from(sequence.cycles),
            literal(&sequence.name)
        );
        Ok(Typed::new(sql, sequence.ty, false))
    }

    /// Error 11741.
    pub(super) fn refuse_conditional_values<'e>(&self, parts: impl IntoIterator<Item = &'e Expr>) -> SqlResult<()> {
        if parts.into_iter().any(takes_value) {
            let text = "NEXT VALUE FOR function cannot be used within CASE, CHOOSE, COALESCE, IIF, ISNULL and NULLIF.";
            return Err(SqlError::new(11741, text).severity(15));
        }
        Ok(())
    }

    /// Clauses of a query that a value of a sequence in its select list does not go with.
    pub(super) fn check_sequence_query(&self, query: &crate::tsql::ast::Query) -> SqlResult<()> {
        use crate::tsql::ast::SetExpr;
        if self.sequences.is_empty() || self.nested > 0 {
            return Ok(());
        }
        let (distinct, top) = match &query.body {
            SetExpr::Select(select) => (select.distinct, select.top.is_some()),
            SetExpr::SetOp { .. } => (true, false),
            _ => (false, false),
        };
        let (number, text) = match () {
            () if distinct => (
                11721,
                "NEXT VALUE FOR function cannot be used directly in a statement that uses a DISTINCT, UNION, UNION ALL, EXCEPT or \
                 INTERSECT operator.",
            ),
            () if top || query.offset.is_some() => (
                11739,
                "NEXT VALUE FOR function cannot be used if ROWCOUNT option has been set, or the query contains TOP or OFFSET.",
            ),
            () if !query.order_by.is_empty() => (
                11723,
                "NEXT VALUE FOR function cannot be used directly in a statement that contains an ORDER BY clause unless the OVER clause \
                 is specified.",
            ),
            () => return Ok(()),
        };
        Err(SqlError::new(number, text).severity(15))
    }
}

/// Registers what takes the next value of a sequence.
pub fn register(
    connection: &rusqlite::Connection,
    session: &std::sync::Arc<super::session_state::SessionShared>,
) -> rusqlite::Result<()> {
    use rusqlite::functions::FunctionFlags;
    let owner = std::sync::Arc::clone(session);
    connection.create_scalar_function("sandbox_next_value", 3, FunctionFlags::SQLITE_UTF8, move |context| {
        let (id, cycles): (i32, bool) = (context.get(0)?, context.get(1)?);
        let value = with_identity(&owner, id, |counter| {
            let next = counter.take_next();
            if next.is_none() && cycles {
                let over = if counter.increment > 0 { counter.range.0 } else { counter.range.1 };
                counter.last = Some(over);
                counter.dirty = true;
                return Some(over);
            }
            next
        });
        value.flatten().ok_or_else(|| {
            let name: String = context.get(2).unwrap_or_default();
            let text = format!(
                "The sequence object '{name}' has reached its minimum or maximum value. Restart the sequence object to allow new values \
                 to be generated."
            );
            let error = super::constraint_errors::encode_error(&SqlError::new(11728, text));
            rusqlite::Error::UserFunctionError(error.into())
        })
    })
}
