//! What a `CREATE TABLE`, `DECLARE @t TABLE`, `SELECT INTO` or `ALTER TABLE ADD` asks for, checked and with every name filled in.

use super::catalog::{TableEntry, same_name};
use super::collation::{self, DEFAULT_COLLATION};
use super::meta::{Column, Scope, Table};
use super::quoting::quote;
use super::system_types::{is_character, is_wide_text};
use super::{compile, computed, default_text};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{ColumnDef, ConstraintDef, ConstraintKind, CreateIndex, Expr, TableElement, TypeIds};
use crate::types::{Length, SqlType};
use std::borrow::Cow;
use std::sync::Arc;

/// Stands for the table's name as it is written in the message of a design that does not know it.
const TABLE_PLACE: &str = "\u{1}table\u{1}";
/// The same for the name without its schema.
const NAME_PLACE: &str = "\u{1}name\u{1}";
/// Most columns of a table.
const MAX_COLUMNS: usize = 1024;
/// Most key columns of an index.
const MAX_KEY_COLUMNS: usize = 32;

/// A column with what only the catalog stores.
#[derive(Debug, Clone)]
pub struct DesignColumn {
    /// The column.
    pub column: Column,
    /// `IDENTITY … NOT FOR REPLICATION`.
    pub identity_nfr: bool,
    /// Name of the DEFAULT constraint, if given.
    pub default_name: Option<String>,
    /// `PERSISTED`.
    pub persisted: bool,
    /// The numbers of the type where they are not those of its storage.
    pub declared: Option<TypeIds>,
    /// `SPARSE`.
    pub sparse: bool,
    /// `DEFAULT … WITH VALUES`.
    pub with_values: bool,
}

/// A PRIMARY KEY or UNIQUE constraint.
#[derive(Debug, Clone)]
pub struct DesignKey {
    /// Name, if given.
    pub name: Option<String>,
    /// PRIMARY KEY.
    pub primary: bool,
    /// Clustered.
    pub clustered: bool,
    /// Column names with `DESC`.
    pub columns: Vec<(String, bool)>,
}

/// A CHECK constraint.
#[derive(Debug, Clone)]
pub struct DesignCheck {
    /// Name, if given.
    pub name: Option<String>,
    /// T-SQL text in parentheses.
    pub text: String,
    /// The condition.
    pub expr: Expr,
    /// Column it was written at.
    pub column: Option<String>,
    /// `NOT FOR REPLICATION`.
    pub nfr: bool,
}

/// A FOREIGN KEY constraint, as written.
#[derive(Debug, Clone)]
pub struct DesignForeignKey {
    /// Name, if given.
    pub name: Option<String>,
    /// The clause, a [`ConstraintKind::ForeignKey`].
    pub kind: ConstraintKind,
}

/// A DEFAULT constraint added to a column that exists.
#[derive(Debug, Clone)]
pub struct DesignDefault {
    /// Name, if given.
    pub name: Option<String>,
    /// T-SQL text in parentheses.
    pub text: String,
    /// Column.
    pub column: String,
}

/// See the module.
#[derive(Debug, Clone, std::default::Default)]
pub struct Design {
    /// Columns.
    pub columns: Vec<DesignColumn>,
    /// Keys, the primary one first if it is clustered.
    pub keys: Vec<DesignKey>,
    /// CHECK constraints.
    pub checks: Vec<DesignCheck>,
    /// FOREIGN KEY constraints.
    pub foreign_keys: Vec<DesignForeignKey>,
    /// DEFAULT constraints for existing columns.
    pub defaults: Vec<DesignDefault>,
    /// Indexes written inside the definition.
    pub indexes: Vec<CreateIndex>,
}

impl Design {
    /// Reads the elements of a definition.
    pub fn read(elements: &[TableElement]) -> SqlResult<Self> {
        let mut design = Self::default();
        for element in elements {
            match element {
                TableElement::Column(column) => design.add_column(column)?,
                TableElement::Constraint(constraint) => design.add_constraint(constraint, None),
            }
        }
        if design.columns.len() > MAX_COLUMNS {
            return Err(SqlError::new(1702, "CREATE TABLE failed because the table has more than 1024 columns."));
        }
        Ok(design)
    }

    fn add_column(&mut self, def: &ColumnDef) -> SqlResult<()> {
        if self.columns.iter().any(|c| same_name(&c.column.name, &def.name)) {
            let text = format!(
                "Column names in each table must be unique. Column name '{}' in table '{TABLE_PLACE}' is specified more than once.",
                def.name
            );
            return Err(SqlError::new(2705, text).with_state(3));
        }
        let ty = def.ty.unwrap_or(SqlType::Int);
        let collation = match &def.collation {
            Some(name) => Some(collation::for_column(name, is_wide_text(&ty) || !is_character(&ty))?),
            None => is_character(&ty).then(collation::default_name),
        };
        if def.identity.is_some() {
            check_identity(def, &ty, self.columns.iter().any(|c| c.column.identity.is_some()))?;
        }
        let primary = def.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::PrimaryKey { .. }));
        self.columns.push(DesignColumn {
            column: Column {
                name: def.name.clone(),
                ty,
                nullable: def
                    .nullable
                    .unwrap_or(!primary && def.identity.is_none() && ty != SqlType::RowVersion && !is_sysname(def)),
                identity: def.identity,
                collation,
                default: def.default.as_ref().map(|(_, expr, text)| default_text::definition(expr, text)),
                computed: def.computed.as_ref().map(|(expr, text, _)| default_text::definition(expr, text)),
                sqlite_name: quote(&def.name),
            },
            identity_nfr: def.not_for_replication,
            default_name: def.default.as_ref().and_then(|(name, _, _)| name.clone()),
            persisted: def.computed.as_ref().is_some_and(|(_, _, persisted)| *persisted),
            declared: def.declared,
            sparse: def.sparse,
            with_values: def.with_values,
        });
        if def.sparse {
            self.check_sparse(def, &ty)?;
        }
        for constraint in &def.constraints {
            self.add_constraint(constraint, Some(&def.name));
        }
        Ok(())
    }

    /// Error 1731, and what else a sparse column cannot be.
    fn check_sparse(&self, def: &ColumnDef, ty: &SqlType) -> SqlResult<()> {
        if matches!(ty, SqlType::HierarchyId | SqlType::Json) {
            return Err(SqlError::unsupported("sparse columns of hierarchyid or json"));
        }
        let large = matches!(
            ty,
            SqlType::Text
                | SqlType::NText
                | SqlType::Image
                | SqlType::RowVersion
                | SqlType::Geometry
                | SqlType::Geography
        );
        let nullable = self.columns.last().is_some_and(|c| c.column.nullable);
        if large || !nullable || def.identity.is_some() {
            let text = format!(
                "Cannot create the sparse column '{}' in the table '{NAME_PLACE}' because an option or data type specified is not valid. A sparse \
                 column must be nullable and cannot have the ROWGUIDCOL, IDENTITY, or FILESTREAM properties. A sparse column cannot be of \
                 the following data types: text, ntext, image, geometry, geography, or user-defined type.",
                def.name
            );
            return Err(SqlError::new(1731, text));
        }
        if def.default.is_some() || def.computed.is_some() {
            return Err(SqlError::unsupported("a sparse column with a default or an expression"));
        }
        Ok(())
    }

    fn add_constraint(&mut self, constraint: &ConstraintDef, at: Option<&str>) {
        let name = constraint.name.clone();
        match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, clustered } => {
                let key =
                    DesignKey { name, primary: true, clustered: clustered.unwrap_or(true), columns: columns.clone() };
                self.keys.push(key);
            }
            ConstraintKind::Unique { columns, clustered } => {
                let key =
                    DesignKey { name, primary: false, clustered: clustered.unwrap_or(false), columns: columns.clone() };
                self.keys.push(key);
            }
            kind @ ConstraintKind::ForeignKey { .. } => {
                self.foreign_keys.push(DesignForeignKey { name, kind: kind.clone() });
            }
            ConstraintKind::Check { expr, text, not_for_replication } => self.checks.push(DesignCheck {
                name,
                text: default_text::parenthesised(text),
                expr: expr.clone(),
                column: at.map(str::to_owned),
                nfr: *not_for_replication,
            }),
            ConstraintKind::Index(create) => self.indexes.push(CreateIndex::clone(create)),
            ConstraintKind::Default { expr, text, column } => self.defaults.push(DesignDefault {
                name,
                text: default_text::definition(expr, text),
                column: column.clone(),
            }),
        }
    }

    /// Makes the columns of a new table's primary key NOT NULL; error 8111 when one was declared NULL.
    pub fn settle_keys(&mut self, table: &str, elements: &[TableElement]) -> SqlResult<()> {
        self.check_rowversion(table, None)?;
        if self.keys.iter().filter(|k| k.primary).count() > 1 {
            let text = format!("Cannot add multiple PRIMARY KEY constraints to table '{table}'.");
            return Err(SqlError::new(8110, text));
        }
        if self.keys.iter().filter(|k| k.clustered).count() > 1 {
            match self.keys.iter_mut().find(|k| k.primary && !k.columns.is_empty()) {
                Some(primary) if self_default_clustered(elements) => primary.clustered = false,
                _ => {
                    let text = format!("Cannot add multiple clustered indexes to table '{table}'.");
                    return Err(SqlError::new(8112, text));
                }
            }
        }
        let primary: Vec<String> =
            self.keys.iter().filter(|k| k.primary).flat_map(|k| k.columns.iter().map(|c| c.0.clone())).collect();
        for name in primary {
            let declared_null = elements.iter().any(|e| match e {
                TableElement::Column(c) => same_name(&c.name, &name) && c.nullable == Some(true),
                TableElement::Constraint(_) => false,
            });
            if declared_null {
                let text = format!("Cannot define PRIMARY KEY constraint on nullable column in table '{table}'.");
                return Err(SqlError::new(8111, text));
            }
            if let Some(column) = self.columns.iter_mut().find(|c| same_name(&c.column.name, &name)) {
                column.column.nullable = false;
            }
        }
        Ok(())
    }

    /// Error 2744 for an identity column beside the one that a table has.
    pub fn check_one_identity(&self, table: &Table) -> SqlResult<()> {
        let has_one = table.columns.iter().any(|c| c.identity.is_some());
        if has_one && self.columns.iter().any(|c| c.column.identity.is_some()) {
            return Err(of_table(second_identity(), &table.name, &table.name));
        }
        Ok(())
    }

    /// A table has one `rowversion` column at most, and it has no default: errors 2738 and 1755.
    pub fn check_rowversion(&self, table: &str, existing: Option<&Table>) -> SqlResult<()> {
        let mut one = existing.is_some_and(|table| table.columns.iter().any(|c| c.ty == SqlType::RowVersion));
        for column in self.columns.iter().map(|c| &c.column).filter(|c| c.ty == SqlType::RowVersion) {
            if one {
                let text = format!(
                    "A table can only have one timestamp column. Because table '{table}' already has one, the column '{}' cannot be added.",
                    column.name
                );
                return Err(SqlError::new(2738, text).with_state(2));
            }
            if column.default.is_some() {
                let text = format!(
                    "Defaults cannot be created on columns of data type timestamp. Table '{table}', column '{}'.",
                    column.name
                );
                return Err(SqlError::new(1755, text).with_state(0));
            }
            one = true;
        }
        Ok(())
    }

    /// Finds the type of each computed column; `table` has every column of the table already.
    pub fn type_computed(&mut self, table: &Table, scope: &dyn Scope) -> SqlResult<()> {
        for column in self.columns.iter_mut().filter(|c| c.column.computed.is_some()) {
            let Some(text) = &column.column.computed else { continue };
            let expr = crate::tsql::parse_expr(text)?;
            computed::check(&expr, table, &column.column.name, column.persisted)?;
            let declared_not_null = !column.column.nullable;
            if declared_not_null && !column.persisted {
                return Err(SqlError::new(
                    8183,
                    "Only UNIQUE or PRIMARY KEY constraints can be created on computed columns, while CHECK, FOREIGN KEY, and NOT NULL constraints require that computed columns be persisted.",
                ));
            }
            let (_, ty, nullable) = compile::computed_to_sqlite(&expr, table, scope)?;
            column.column.ty = ty;
            column.column.nullable = !declared_not_null && (nullable || computed::may_fail(&expr));
            column.column.collation = is_character(&ty).then(collation::default_name);
        }
        Ok(())
    }
}

/// The elements of a temporary table: its columns have the collation of `tempdb`, which is the server's, unless another is named.
///
/// # Errors
/// Refused for columns that are not Unicode where that is another code page than the current database's.
pub fn in_tempdb(elements: &[TableElement]) -> SqlResult<Cow<'_, [TableElement]>> {
    if collation::default_name() == DEFAULT_COLLATION {
        return Ok(Cow::Borrowed(elements));
    }
    let resolved = elements.iter().map(|element| match element {
        TableElement::Column(def) if def.collation.is_none() && def.ty.is_some_and(|ty| is_character(&ty)) => {
            collation::for_column(DEFAULT_COLLATION, def.ty.is_some_and(|ty| is_wide_text(&ty)))?;
            Ok(TableElement::Column(ColumnDef { collation: Some(DEFAULT_COLLATION.to_owned()), ..def.clone() }))
        }
        _ => Ok(element.clone()),
    });
    resolved.collect::<SqlResult<Vec<_>>>().map(Cow::Owned)
}

/// `user_type_id` of `sysname`.
const SYSNAME: i32 = 256;

/// `sysname` columns are NOT NULL unless they are said to be otherwise.
fn is_sysname(def: &ColumnDef) -> bool {
    def.declared.is_some_and(|ids| ids.user_type_id == SYSNAME)
}

fn self_default_clustered(elements: &[TableElement]) -> bool {
    let written = |kind: &ConstraintKind| matches!(kind, ConstraintKind::PrimaryKey { clustered: Some(true), .. });
    !elements.iter().any(|e| match e {
        TableElement::Column(c) => c.constraints.iter().any(|k| written(&k.kind)),
        TableElement::Constraint(k) => written(&k.kind),
    })
}

fn second_identity() -> SqlError {
    let text = format!(
        "Multiple identity columns specified for table '{NAME_PLACE}'. Only one identity column per table is allowed."
    );
    SqlError::new(2744, text)
}

/// The types of identity columns: whole numbers of up to 18 digits.
pub(super) fn can_be_identity(ty: &SqlType) -> bool {
    matches!(
        ty,
        SqlType::TinyInt
            | SqlType::SmallInt
            | SqlType::Int
            | SqlType::BigInt
            | SqlType::Decimal { scale: 0, precision: ..=18 }
    )
}

fn check_identity(def: &ColumnDef, ty: &SqlType, second: bool) -> SqlResult<()> {
    if second {
        return Err(second_identity());
    }
    let whole = can_be_identity(ty);
    if matches!(ty, SqlType::Decimal { scale: 0, precision: 19.. }) {
        return Err(SqlError::unsupported("an identity column of more than 18 digits"));
    }
    if !whole || def.nullable == Some(true) {
        let text = format!(
            "Identity column '{}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, \
             unencrypted, and constrained to be nonnullable.",
            def.name
        );
        return Err(SqlError::new(2749, text));
    }
    if def.default.is_some() {
        let text = format!(
            "Defaults cannot be created on columns with an IDENTITY attribute. Table '{NAME_PLACE}', column '{}'.",
            def.name
        );
        return Err(SqlError::new(1754, text));
    }
    Ok(())
}

/// An error of [`Design::read`] with the name of the table that is made.
pub fn of_table(error: SqlError, written: &str, name: &str) -> SqlError {
    SqlError { message: error.message.replace(TABLE_PLACE, written).replace(NAME_PLACE, name), ..error }
}

/// Positions of key columns in a table; errors 1911 and 1919.
pub fn key_positions(table: &Table, columns: &[(String, bool)], index: &str) -> SqlResult<Vec<(usize, bool)>> {
    if columns.len() > MAX_KEY_COLUMNS {
        let text = format!(
            "The index '{index}' on table '{}' has {} columns in the key list. The maximum limit for index key column \
                            list is 32.",
            table.name,
            columns.len()
        );
        return Err(SqlError::new(1904, text));
    }
    let mut key: Vec<(usize, bool)> = Vec::new();
    for (name, descending) in columns {
        let Some(position) = table.columns.iter().position(|c| same_name(&c.name, name)) else {
            let text = format!("Column name '{name}' does not exist in the target table or view.");
            return Err(SqlError::new(1911, text));
        };
        if key.iter().any(|k| k.0 == position) {
            let text =
                format!("Cannot use duplicate column names in index. Column name '{name}' listed more than once.");
            return Err(SqlError::new(1909, text));
        }
        computed::check_key(table, &table.columns[position])?;
        let large = matches!(
            table.columns[position].ty,
            SqlType::VarChar(Length::Max)
                | SqlType::NVarChar(Length::Max)
                | SqlType::VarBinary(Length::Max)
                | SqlType::Text
                | SqlType::NText
                | SqlType::Image
                | SqlType::Xml
                | SqlType::Json
                | SqlType::Geometry
                | SqlType::Geography
        );
        if large {
            let text = format!(
                "Column '{name}' in table '{}.{}' is of a type that is invalid for use as a key column in an index.",
                table.schema, table.name
            );
            return Err(SqlError::new(1919, text));
        }
        key.push((position, *descending));
    }
    Ok(key)
}

/// The table that an entry would be with these columns.
pub fn with_columns(entry: &TableEntry, columns: Vec<Column>) -> Arc<Table> {
    Arc::new(Table { columns, ..Table::clone(&entry.table) })
}

/// A constraint's name, made up like SQL Server's when it was not given: prefix, shortened names, the object's id.
pub fn constraint_name(given: Option<&str>, prefix: &str, table: &str, column: Option<&str>, id: i32) -> String {
    let short = |name: &str, n: usize| name.chars().take(n).collect::<String>();
    match (given, column) {
        (Some(name), _) => name.to_owned(),
        (None, Some(column)) => format!("{prefix}__{}__{}__{id:08X}", short(table, 9), short(column, 5)),
        (None, None) => format!("{prefix}__{}__{:016X}", short(table, 8), i64::from(id) * 0x9E37),
    }
}
