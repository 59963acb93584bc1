//! Alias types: a name for a system type with its length and nullability.
//!
//! Columns, variables and parameters may have one; CAST and CONVERT may not, nor may columns of temporary tables, whose database is
//! another.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/create-type-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/statements/drop-type-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-types-transact-sql>.

use super::catalog::same_name;
use super::session::SqlSession;
use super::stop::Exec;
use super::system_types::{Facets, facets, from_facets, stored_type_id};
use super::table_types::{FIRST_USER_TYPE, unknown_type};
use super::type_rules::{Family, family};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ParameterDeclaration;
use crate::tsql::ast::{ColumnDef, ObjectName, TableElement, TypeIds};
use crate::types::SqlType;
use rusqlite::{Connection, params};
use std::borrow::Cow;

/// An alias type.
#[derive(Debug, Clone)]
pub struct AliasType {
    /// `user_type_id`.
    pub user_type_id: i32,
    /// `schema_id`.
    pub schema_id: i32,
    /// Name.
    pub name: String,
    /// `system_type_id`.
    pub system_type_id: u8,
    /// The type that it is another name of.
    pub ty: SqlType,
    /// Columns of the type that say nothing else can hold NULL.
    pub nullable: bool,
}

/// Reads the alias types of a database.
pub fn load(connection: &Connection) -> rusqlite::Result<Vec<AliasType>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT user_type_id, schema_id, name, type_id, max_length, precision, scale, is_nullable FROM db."$alias_types""#,
    )?;
    let rows = statement.query_map([], |r| {
        let f = Facets { type_id: r.get(3)?, max_length: r.get(4)?, precision: r.get(5)?, scale: r.get(6)? };
        Ok(AliasType {
            user_type_id: r.get(0)?,
            schema_id: r.get(1)?,
            name: r.get(2)?,
            system_type_id: f.type_id,
            ty: from_facets(f).unwrap_or(SqlType::Int),
            nullable: r.get(7)?,
        })
    })?;
    rows.collect()
}

/// Types of the system that an alias can be of: all but those that are themselves aliases, CLR types, `xml`, `json` and `rowversion`.
fn can_be_base(ty: &SqlType, declared: Option<TypeIds>) -> bool {
    !matches!(family(ty), Family::Xml | Family::Json | Family::Clr)
        && *ty != SqlType::RowVersion
        && declared.is_none_or(|ids| i32::from(ids.system_type_id) == ids.user_type_id)
}

impl SqlSession {
    pub(super) fn find_alias_type(&self, name: &ObjectName) -> Option<AliasType> {
        let catalog = self.catalog();
        if name.database.is_some() {
            return None;
        }
        let schema = catalog.schema(name.schema.as_deref().unwrap_or("dbo"))?.schema_id;
        catalog.alias_types.iter().find(|ty| ty.schema_id == schema && same_name(&ty.name, &name.name)).cloned()
    }

    /// `CREATE TYPE name FROM type [NULL | NOT NULL]`.
    pub(super) fn create_alias_type(
        &mut self,
        name: &ObjectName,
        ty: &SqlType,
        declared: Option<TypeIds>,
        nullable: bool,
    ) -> Exec<()> {
        let schema_id = self.schema_for(name)?;
        self.refuse_existing_type(name)?;
        if !can_be_base(ty, declared) {
            return Err(SqlError::unsupported("an alias of this type").into());
        }
        let f = facets(ty);
        self.connection.execute(
            r#"INSERT INTO db."$alias_types"(user_type_id, schema_id, name, type_id, max_length, precision, scale, is_nullable)
               SELECT max(?1, 1 + ifnull((SELECT max(user_type_id) FROM db."$table_types"), 0),
                          1 + ifnull((SELECT max(user_type_id) FROM db."$alias_types"), 0)), ?2, ?3, ?4, ?5, ?6, ?7, ?8"#,
            params![
                FIRST_USER_TYPE,
                schema_id,
                name.name,
                stored_type_id(ty, declared),
                f.max_length,
                f.precision,
                f.scale,
                nullable
            ],
        )?;
        self.catalog_changed()?;
        Ok(())
    }

    /// `DROP TYPE` of an alias; error 3732 while a column or parameter has it.
    pub(super) fn drop_alias_type(&mut self, found: &AliasType, written: &str) -> Exec<()> {
        let used: Option<String> = self.connection.query_row(
            r#"SELECT (SELECT o.name FROM db."$objects" o WHERE o.object_id IN
                   (SELECT object_id FROM db."$columns" WHERE user_type_id = ?1
                    UNION SELECT object_id FROM db."$parameters" WHERE user_type_id = ?1) ORDER BY o.object_id LIMIT 1)"#,
            [found.user_type_id],
            |r| r.get(0),
        )?;
        if let Some(user) = used {
            return Err(super::table_types::still_used(written, &user).into());
        }
        self.connection.execute(r#"DELETE FROM db."$alias_types" WHERE user_type_id = ?1"#, [found.user_type_id])?;
        self.catalog_changed()?;
        Ok(())
    }

    /// A column's definition with the type behind an alias, and that type's nullability where nothing else is said.
    pub(super) fn column_of_type(&self, def: &ColumnDef) -> SqlResult<ColumnDef> {
        let Some(name) = &def.named_type else { return Ok(def.clone()) };
        let found = self.find_alias_type(name).ok_or_else(|| unknown_type(name))?;
        Ok(ColumnDef {
            ty: Some(found.ty),
            declared: Some(TypeIds { system_type_id: found.system_type_id, user_type_id: found.user_type_id }),
            nullable: def.nullable.or((!found.nullable).then_some(false)),
            named_type: None,
            ..def.clone()
        })
    }

    /// The elements of a table with the types behind aliases.
    pub(super) fn elements_of_types<'a>(&self, elements: &'a [TableElement]) -> SqlResult<Cow<'a, [TableElement]>> {
        if !elements.iter().any(|e| matches!(e, TableElement::Column(c) if c.named_type.is_some())) {
            return Ok(Cow::Borrowed(elements));
        }
        let resolved = elements.iter().map(|element| match element {
            TableElement::Column(def) => self.column_of_type(def).map(TableElement::Column),
            TableElement::Constraint(_) => Ok(element.clone()),
        });
        resolved.collect::<SqlResult<Vec<_>>>().map(Cow::Owned)
    }

    /// A parameter with the type behind an alias.
    pub(super) fn parameter_of_type<'a>(&self, parameter: &'a ParameterDeclaration) -> Cow<'a, ParameterDeclaration> {
        let found = parameter.table_type.as_ref().filter(|_| !parameter.readonly).and_then(|n| self.find_alias_type(n));
        match found {
            Some(found) => Cow::Owned(ParameterDeclaration { ty: found.ty, table_type: None, ..parameter.clone() }),
            None => Cow::Borrowed(parameter),
        }
    }
}

/// Error 2715 for a temporary table's column: no alias type is in `tempdb`.
pub(super) fn refuse_in_temporary(elements: &[TableElement]) -> SqlResult<()> {
    let named = elements.iter().find_map(|element| match element {
        TableElement::Column(def) => def.named_type.as_ref(),
        TableElement::Constraint(_) => None,
    });
    named.map_or(Ok(()), |name| Err(unknown_type(name)))
}
