//! `sp_describe_undeclared_parameters` and `sp_describe_first_result_set`: what ODBC asks before it runs a statement.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-describe-undeclared-parameters-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-describe-first-result-set-transact-sql>.
//! Types are told where the documented rules give the type of a column; other uses of a parameter are refused.

use super::catalog::same_name;
use super::compile::compile_query;
use super::frame::Frame;
use super::meta::{Scope, Table};
use super::procedures::{Argument, text_argument};
use super::scope::StatementScope;
use super::session::SqlSession;
use super::stop::Exec;
use super::system_types::{facets, is_character, system_type_id, type_name};
use crate::error::{SqlError, SqlResult};
use crate::session::{ColumnMeta, Sink};
use crate::tds::type_info::put_type_info;
use crate::tsql::ast::{BinaryOp, Expr, Insert, InsertSource, StmtKind, Update};
use crate::tsql::{parse_batch, parse_parameters};
use crate::types::{Datum, Length, SqlType};

const NAME: SqlType = SqlType::NVarChar(Length::N(128));
const LONG_NAME: SqlType = SqlType::NVarChar(Length::N(256));
const TEXT: SqlType = SqlType::NVarChar(Length::N(4000));

/// A parameter and the type that its use asks for.
type Suggested = Vec<(String, SqlType)>;

impl SqlSession {
    /// `sp_describe_undeclared_parameters @tsql, @params`.
    pub(super) fn sp_describe_undeclared_parameters(
        &mut self,
        arguments: &[Argument],
        sink: &mut dyn Sink,
    ) -> Exec<()> {
        self.refresh_catalog()?;
        let tsql = text_argument(arguments, "@tsql", 0).unwrap_or_default();
        let declared = parse_parameters(&text_argument(arguments, "@params", 1).unwrap_or_default())?;
        let statements = parse_batch(&tsql)?;
        let [statement] = statements.as_slice() else {
            return Err(refused("several statements").into());
        };
        let frame = Frame::default();
        let scope = StatementScope { session: self, frame: &frame };
        let mut suggested = match &statement.kind {
            StmtKind::Insert(insert) => of_insert(insert, &scope)?,
            StmtKind::Update(update) => of_update(update, &scope)?,
            StmtKind::Delete(delete) if delete.from.is_empty() => match &delete.selection {
                Some(condition) => of_condition(condition, &*scope.table(&delete.target)?)?,
                None => Suggested::new(),
            },
            _ => return Err(refused("another statement than INSERT, UPDATE or DELETE").into()),
        };
        suggested.retain(|(name, _)| !declared.iter().any(|d| same_name(&d.name, name)));
        let rows = suggested.iter().enumerate().map(|(at, (name, ty))| parameter_row(at + 1, name, ty));
        send(sink, PARAMETER_COLUMNS, &rows.collect::<Vec<_>>())
    }

    /// `sp_describe_first_result_set @tsql, @params`.
    pub(super) fn sp_describe_first_result_set(&mut self, arguments: &[Argument], sink: &mut dyn Sink) -> Exec<()> {
        self.refresh_catalog()?;
        let tsql = text_argument(arguments, "@tsql", 0).unwrap_or_default();
        let declared = parse_parameters(&text_argument(arguments, "@params", 1).unwrap_or_default())?;
        let mut frame = Frame::default();
        for parameter in &declared {
            frame.declare(&parameter.name, parameter.ty, Datum::Null)?;
        }
        let statements = parse_batch(&tsql)?;
        let columns = match statements.as_slice() {
            [statement] => match &statement.kind {
                StmtKind::Select(query) => {
                    let compiled = compile_query(query, &StatementScope { session: self, frame: &frame })?;
                    if compiled.into.is_some() { Vec::new() } else { compiled.columns }
                }
                _ => return Err(refused("another statement than a query").into()),
            },
            _ => return Err(refused("several statements").into()),
        };
        let rows = columns.iter().enumerate().map(|(at, column)| result_row(at + 1, column));
        send(sink, RESULT_COLUMNS, &rows.collect::<Vec<_>>())
    }
}

fn refused(what: &str) -> SqlError {
    SqlError::unsupported(format!("describing {what}"))
}

fn of_insert(insert: &Insert, scope: &dyn Scope) -> SqlResult<Suggested> {
    let InsertSource::Values(rows) = &insert.source else { return Err(refused("an INSERT without VALUES")) };
    let table = scope.table(&insert.target)?;
    let targets: Vec<SqlType> = if insert.columns.is_empty() {
        let given = |c: &&super::meta::Column| c.identity.is_none() && c.computed.is_none();
        table.columns.iter().filter(given).map(|c| c.ty).collect()
    } else {
        insert.columns.iter().map(|name| column_type(&table, name)).collect::<SqlResult<_>>()?
    };
    let mut found = Suggested::new();
    for row in rows {
        for (value, ty) in row.iter().zip(&targets) {
            if let Some(value) = value {
                assigned(value, *ty, &mut found)?;
            }
        }
    }
    Ok(found)
}

fn of_update(update: &Update, scope: &dyn Scope) -> SqlResult<Suggested> {
    if !update.from.is_empty() {
        return Err(refused("UPDATE with FROM"));
    }
    let table = scope.table(&update.target)?;
    let mut found = Suggested::new();
    for (column, value) in &update.assignments {
        if let Some(value) = value {
            assigned(value, column_type(&table, &column.name)?, &mut found)?;
        }
    }
    if let Some(condition) = &update.selection {
        found.extend(of_condition(condition, &table)?);
    }
    Ok(found)
}

/// A parameter that is assigned to a column has the column's type.
fn assigned(value: &Expr, ty: SqlType, found: &mut Suggested) -> SqlResult<()> {
    match value {
        Expr::Variable(name) if !name.starts_with("@@") => found.push((name.clone(), ty)),
        other => no_parameter(other)?,
    }
    Ok(())
}

/// Parameters in conditions `column <operator> parameter`, joined by AND and OR.
fn of_condition(condition: &Expr, table: &Table) -> SqlResult<Suggested> {
    match condition {
        Expr::Binary { op: BinaryOp::And | BinaryOp::Or, left, right } => {
            let mut found = of_condition(left, table)?;
            found.extend(of_condition(right, table)?);
            Ok(found)
        }
        Expr::Binary { left, right, .. } => match (&**left, &**right) {
            (Expr::Column(column), Expr::Variable(name)) | (Expr::Variable(name), Expr::Column(column))
                if !name.starts_with("@@") =>
            {
                let ty = column_type(table, column.last().map_or("", String::as_str))?;
                if is_character(&ty) || matches!(ty, SqlType::Binary(_) | SqlType::VarBinary(_)) {
                    return Err(refused("a parameter that is compared with a text or binary column"));
                }
                Ok(vec![(name.clone(), ty)])
            }
            (left, right) => {
                no_parameter(left)?;
                no_parameter(right)?;
                Ok(Suggested::new())
            }
        },
        other => {
            no_parameter(other)?;
            Ok(Suggested::new())
        }
    }
}

fn no_parameter(expr: &Expr) -> SqlResult<()> {
    let opaque = |part: &Expr| {
        super::expr_walk::is_query(part) || matches!(part, Expr::Variable(name) if !name.starts_with("@@"))
    };
    if super::expr_walk::any(expr, &opaque) { Err(refused("a parameter inside an expression")) } else { Ok(()) }
}

fn column_type(table: &Table, name: &str) -> SqlResult<SqlType> {
    let column = table.columns.iter().find(|c| same_name(&c.name, name));
    column.map(|c| c.ty).ok_or_else(|| SqlError::new(207, format!("Invalid column name '{name}'.")))
}

/// A type as it is declared, such as `decimal(9,2)`.
fn declaration(ty: &SqlType) -> String {
    let name = type_name(ty);
    match ty {
        SqlType::Decimal { precision, scale } => format!("{name}({precision},{scale})"),
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => format!("{name}({n})"),
        SqlType::VarChar(Length::N(n)) | SqlType::NVarChar(Length::N(n)) | SqlType::VarBinary(Length::N(n)) => {
            format!("{name}({n})")
        }
        SqlType::VarChar(Length::Max) | SqlType::NVarChar(Length::Max) | SqlType::VarBinary(Length::Max) => {
            format!("{name}(max)")
        }
        SqlType::Time(scale) | SqlType::DateTime2(scale) | SqlType::DateTimeOffset(scale) => {
            format!("{name}({scale})")
        }
        _ => name.to_owned(),
    }
}

/// `tds_type_id` and `tds_length`: the type as a column that can be NULL has it on the wire, 65535 for the length of `(max)`.
fn on_the_wire(ty: &SqlType) -> (i32, i32) {
    const MAX: i32 = 0xFFFF;
    let mut bytes = Vec::new();
    put_type_info(&mut bytes, *ty, true);
    let length = match facets(ty).max_length {
        -1 => MAX,
        length => length.into(),
    };
    (bytes.first().copied().unwrap_or(0).into(), length)
}

/// Columns of both result sets that tell a type, in order: `system_type_id`, its name, `max_length`, `precision`, `scale`.
fn type_cells(ty: &SqlType) -> [Datum; 5] {
    let facets = facets(ty);
    [
        Datum::Int(system_type_id(ty).into()),
        Datum::String(declaration(ty)),
        Datum::SmallInt(facets.max_length),
        Datum::TinyInt(facets.precision),
        Datum::TinyInt(facets.scale),
    ]
}

const PARAMETER_COLUMNS: &[(&str, SqlType)] = &[
    ("parameter_ordinal", SqlType::Int),
    ("name", NAME),
    ("suggested_system_type_id", SqlType::Int),
    ("suggested_system_type_name", LONG_NAME),
    ("suggested_max_length", SqlType::SmallInt),
    ("suggested_precision", SqlType::TinyInt),
    ("suggested_scale", SqlType::TinyInt),
    ("suggested_user_type_id", SqlType::Int),
    ("suggested_user_type_database", NAME),
    ("suggested_user_type_schema", NAME),
    ("suggested_user_type_name", NAME),
    ("suggested_assembly_qualified_type_name", TEXT),
    ("suggested_xml_collection_id", SqlType::Int),
    ("suggested_xml_collection_database", NAME),
    ("suggested_xml_collection_schema", NAME),
    ("suggested_xml_collection_name", NAME),
    ("suggested_is_xml_document", SqlType::Bit),
    ("suggested_is_case_sensitive", SqlType::Bit),
    ("suggested_is_fixed_length_clr_type", SqlType::Bit),
    ("suggested_is_input", SqlType::Bit),
    ("suggested_is_output", SqlType::Bit),
    ("formal_parameter_name", NAME),
    ("suggested_tds_type_id", SqlType::Int),
    ("suggested_tds_length", SqlType::Int),
];

fn parameter_row(ordinal: usize, name: &str, ty: &SqlType) -> Vec<Datum> {
    let (code, length) = on_the_wire(ty);
    let mut row = vec![Datum::Int(ordinal as i32), Datum::String(name.to_owned())];
    row.extend(type_cells(ty));
    row.extend([const { Datum::Null }; 9]);
    row.extend([false, false, false, true, false].map(Datum::Bit));
    row.extend([Datum::Null, Datum::Int(code), Datum::Int(length)]);
    row
}

const RESULT_COLUMNS: &[(&str, SqlType)] = &[
    ("is_hidden", SqlType::Bit),
    ("column_ordinal", SqlType::Int),
    ("name", NAME),
    ("is_nullable", SqlType::Bit),
    ("system_type_id", SqlType::Int),
    ("system_type_name", LONG_NAME),
    ("max_length", SqlType::SmallInt),
    ("precision", SqlType::TinyInt),
    ("scale", SqlType::TinyInt),
    ("collation_name", NAME),
    ("user_type_id", SqlType::Int),
    ("user_type_database", NAME),
    ("user_type_schema", NAME),
    ("user_type_name", NAME),
    ("assembly_qualified_type_name", TEXT),
    ("xml_collection_id", SqlType::Int),
    ("xml_collection_database", NAME),
    ("xml_collection_schema", NAME),
    ("xml_collection_name", NAME),
    ("is_xml_document", SqlType::Bit),
    ("is_case_sensitive", SqlType::Bit),
    ("is_fixed_length_clr_type", SqlType::Bit),
    ("source_server", NAME),
    ("source_database", NAME),
    ("source_schema", NAME),
    ("source_table", NAME),
    ("source_column", NAME),
    ("is_identity_column", SqlType::Bit),
    ("is_part_of_unique_key", SqlType::Bit),
    ("is_updateable", SqlType::Bit),
    ("is_computed_column", SqlType::Bit),
    ("is_sparse_column_set", SqlType::Bit),
    ("ordinal_in_order_by_list", SqlType::SmallInt),
    ("order_by_is_descending", SqlType::SmallInt),
    ("order_by_list_length", SqlType::SmallInt),
    ("tds_type_id", SqlType::Int),
    ("tds_length", SqlType::Int),
    ("tds_collation_id", SqlType::Int),
    ("tds_collation_sort_id", SqlType::TinyInt),
];

/// What is not known without browsing (the source, keys, the order) is NULL, as with `@browse_information_mode = 0`.
fn result_row(ordinal: usize, column: &ColumnMeta) -> Vec<Datum> {
    // LCID and flags of the collation, and its sort order.
    let [a, b, c, d, sort_order] = super::collation::on_the_wire(&super::collation::default_name());
    let locale = i32::from_le_bytes([a, b, c, d]);
    let name = if column.name.is_empty() { Datum::Null } else { Datum::String(column.name.clone()) };
    let text = is_character(&column.ty);
    let when_text = |value: Datum| if text { value } else { Datum::Null };
    let (code, length) = on_the_wire(&column.ty);
    let mut row = vec![Datum::Bit(false), Datum::Int(ordinal as i32), name, Datum::Bit(column.nullable)];
    row.extend(type_cells(&column.ty));
    row.push(when_text(Datum::String(super::collation::default_name())));
    row.extend([const { Datum::Null }; 9]);
    row.extend([false; 3].map(Datum::Bit));
    row.extend([const { Datum::Null }; 5]);
    row.extend([Datum::Bit(column.identity), Datum::Null]);
    row.push(Datum::Bit(!column.identity && !column.computed));
    row.extend([Datum::Bit(column.computed), Datum::Bit(false)]);
    row.extend([const { Datum::Null }; 3]);
    row.extend([Datum::Int(code), Datum::Int(length)]);
    row.extend([when_text(Datum::Int(locale)), when_text(Datum::TinyInt(sort_order))]);
    row
}

fn send(sink: &mut dyn Sink, shape: &[(&str, SqlType)], rows: &[Vec<Datum>]) -> Exec<()> {
    let column = |(name, ty): &(&str, SqlType)| ColumnMeta {
        name: (*name).to_owned(),
        ty: *ty,
        nullable: true,
        identity: false,
        computed: false,
    };
    sink.columns(&shape.iter().map(column).collect::<Vec<_>>())?;
    for row in rows {
        sink.row(row)?;
    }
    sink.statement_done(Some(rows.len() as u64), true)?;
    Ok(())
}
