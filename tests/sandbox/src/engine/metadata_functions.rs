//! Functions about objects, columns, types and databases.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/functions/metadata-functions-transact-sql>.

use super::catalog::{Catalog, TableEntry, same_name};
use super::modules::Trigger;
use super::session_functions::{identity, text, with_identity};
use super::session_state::SessionShared;
use super::system_types::{SYSTEM_TYPES, facets};
use super::system_views;
use crate::types::{Datum, SqlType};
use std::sync::Arc;

/// `READ_COMMITTED` default schema of every user here.
const DEFAULT_SCHEMA: &str = "dbo";

pub(super) fn string(value: Option<&Datum>) -> Option<&str> {
    match value {
        Some(Datum::String(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn int(value: Option<&Datum>) -> Option<i32> {
    match value {
        Some(Datum::Int(v)) => Some(*v),
        _ => None,
    }
}

/// Splits a name written as in T-SQL, with or without brackets or quotes, into database, schema and object.
pub(super) fn split_name(written: &str) -> Option<(Option<String>, Option<String>, String)> {
    let mut parts = vec![String::new()];
    let mut chars = written.trim().chars().peekable();
    let mut quote: Option<char> = None;
    while let Some(c) = chars.next() {
        let current = parts.last_mut()?;
        match (quote, c) {
            (Some(end), c) if c == end => {
                if chars.peek() == Some(&end) {
                    chars.next();
                    current.push(end);
                } else {
                    quote = None;
                }
            }
            (Some(_), c) => current.push(c),
            (None, '[') if current.is_empty() => quote = Some(']'),
            (None, '"') if current.is_empty() => quote = Some('"'),
            (None, '.') => parts.push(String::new()),
            (None, c) => current.push(c),
        }
    }
    let name = parts.pop().filter(|n| !n.is_empty())?;
    let schema = parts.pop().filter(|s| !s.is_empty());
    let database = parts.pop().filter(|d| !d.is_empty());
    Some((database, schema, name))
}

fn catalog(session: &SessionShared) -> Arc<Catalog> {
    Arc::clone(&session.state().catalog)
}

fn table_named(session: &SessionShared, written: Option<&str>) -> Option<Arc<TableEntry>> {
    let (_, schema, name) = split_name(written?)?;
    if name.starts_with('#') {
        return session.state().temporary(&name).cloned();
    }
    catalog(session).table(schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &name).cloned()
}

fn table_by_id(session: &SessionShared, id: i32) -> Option<Arc<TableEntry>> {
    let state = session.state();
    if let Some(entry) = state.catalog.table_by_id(id) {
        return Some(Arc::clone(entry));
    }
    state.temporary.values().map(|t| &t.entry).find(|t| t.table.object_id == id).cloned()
}

pub(super) fn object_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let found = string(arguments.first()).and_then(split_name).and_then(|(database, schema, name)| {
        let kind = string(arguments.get(1)).map(str::trim);
        let is_kind = |actual: &str| kind.is_none_or(|k| k.eq_ignore_ascii_case(actual));
        let state = session.state();
        if name.starts_with('#') {
            return state.temporary(&name).filter(|_| is_kind("U")).map(|t| t.table.object_id);
        }
        if database.as_deref().is_some_and(|d| !same_name(d, &state.database.name)) {
            return None;
        }
        let schema = schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
        if let Some(object) = state.catalog.object(schema, &name) {
            return Some(object).filter(|o| is_kind(&o.kind)).map(|o| o.object_id);
        }
        system_views::object_id(schema, &name).filter(|_| is_kind("V"))
    });
    found.map_or(Datum::Null, Datum::Int)
}

pub(super) fn object_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(id) = int(arguments.first()) else { return Datum::Null };
    let state = session.state();
    if int(arguments.get(1)).is_some_and(|d| d != state.database.id) {
        return Datum::Null;
    }
    match state.catalog.object_by_id(id) {
        Some(object) => text(&object.name),
        None => system_views::name_of(id).map_or(Datum::Null, |(_, name)| text(name)),
    }
}

pub(super) fn object_schema_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(id) = int(arguments.first()) else { return Datum::Null };
    let catalog = catalog(session);
    match catalog.object_by_id(id).and_then(|o| catalog.schema_name(o.schema_id)) {
        Some(name) => text(name),
        None => system_views::name_of(id).map_or(Datum::Null, |(schema, _)| text(schema)),
    }
}

pub(super) fn object_definition(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(id) = int(arguments.first()) else { return Datum::Null };
    let catalog = catalog(session);
    let Some(object) = catalog.object_by_id(id) else { return Datum::Null };
    if let Some(module) = catalog.modules.get(&id) {
        return text(&module.definition);
    }
    let Some(table) = catalog.table_by_id(object.parent_object_id) else { return Datum::Null };
    if let Some(check) = table.checks.iter().find(|c| c.object_id == id) {
        return text(&check.definition);
    }
    let default = table.defaults.iter().find(|d| d.object_id == id).and_then(|d| table.position(d.column_id));
    default.and_then(|p| table.table.columns[p].default.as_deref()).map_or(Datum::Null, text)
}

pub(super) fn schema_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let name = match arguments.first() {
        None => DEFAULT_SCHEMA,
        Some(Datum::String(name)) => name,
        Some(_) => return Datum::Null,
    };
    catalog(session).schema(name).map_or(Datum::Null, |s| Datum::Int(s.schema_id))
}

pub(super) fn schema_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => text(DEFAULT_SCHEMA),
        Some(Datum::Int(id)) => catalog(session).schema_name(*id).map_or(Datum::Null, text),
        Some(_) => Datum::Null,
    }
}

pub(super) fn db_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let id = match arguments.first() {
        None => Some(session.state().database.id),
        Some(Datum::String(name)) => session.server.database(name).map(|d| d.id),
        Some(_) => None,
    };
    id.map_or(Datum::Null, |id| Datum::SmallInt(id as i16))
}

pub(super) fn db_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    match arguments.first() {
        None => text(&session.state().database.name),
        Some(Datum::Int(id)) => session.server.database_by_id(*id).map_or(Datum::Null, |d| text(&d.name)),
        Some(_) => Datum::Null,
    }
}

pub(super) fn type_id(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some((_, schema, name)) = string(arguments.first()).and_then(split_name) else { return Datum::Null };
    let system = SYSTEM_TYPES.iter().find(|t| t.0.eq_ignore_ascii_case(&name)).map(|t| t.2);
    if let Some(id) = system.filter(|_| schema.as_deref().is_none_or(|schema| same_name(schema, "sys"))) {
        return Datum::Int(id);
    }
    let catalog = catalog(session);
    let schema = catalog.schema(schema.as_deref().unwrap_or(DEFAULT_SCHEMA)).map(|s| s.schema_id);
    user_types(&catalog).find(|t| Some(t.0) == schema && same_name(t.1, &name)).map_or(Datum::Null, |t| Datum::Int(t.2))
}

pub(super) fn type_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(id) = int(arguments.first()) else { return Datum::Null };
    match SYSTEM_TYPES.iter().find(|t| t.2 == id) {
        Some(system) => text(system.0),
        None => user_types(&catalog(session)).find(|t| t.2 == id).map_or(Datum::Null, |t| text(t.1)),
    }
}

/// Schema, name and `user_type_id` of the types that users made.
fn user_types(catalog: &Catalog) -> impl Iterator<Item = (i32, &str, i32)> {
    let aliases = catalog.alias_types.iter().map(|t| (t.schema_id, t.name.as_str(), t.user_type_id));
    aliases.chain(catalog.table_types.iter().map(|t| (t.schema_id, t.name.as_str(), t.user_type_id)))
}

pub(super) fn col_name(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let (Some(table), Some(column)) = (int(arguments.first()), int(arguments.get(1))) else { return Datum::Null };
    let found = table_by_id(session, table).and_then(|t| t.position(column).map(|p| t.table.columns[p].name.clone()));
    found.map_or(Datum::Null, Datum::String)
}

pub(super) fn col_length(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some(table) = table_named(session, string(arguments.first())) else { return Datum::Null };
    let Some(position) = string(arguments.get(1)).and_then(|c| table.find(c)) else { return Datum::Null };
    Datum::SmallInt(facets(&table.table.columns[position].ty).max_length)
}

pub(super) fn column_property(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let (Some(id), Some(column), Some(property)) =
        (int(arguments.first()), string(arguments.get(1)), string(arguments.get(2)))
    else {
        return Datum::Null;
    };
    let Some(table) = table_by_id(session, id) else { return Datum::Null };
    let Some(position) = table.find(column) else { return Datum::Null };
    let column = &table.table.columns[position];
    let f = facets(&column.ty);
    let flag = |on: bool| Datum::Int(i32::from(on));
    match property.to_ascii_lowercase().as_str() {
        "allowsnull" => flag(column.nullable),
        "columnid" => Datum::Int(table.column_ids[position]),
        "isidentity" => flag(column.identity.is_some()),
        "iscomputed" => flag(column.computed.is_some()),
        "precision" => Datum::Int(match f.precision {
            0 if super::type_rules::is_unicode(&column.ty) && f.max_length > 0 => i32::from(f.max_length / 2),
            0 => i32::from(f.max_length),
            p => i32::from(p),
        }),
        "scale" if f.precision > 0 => Datum::Int(i32::from(f.scale)),
        "charmaxlen" => match column.ty {
            SqlType::NChar(_) | SqlType::NVarChar(_) if f.max_length > 0 => Datum::Int(i32::from(f.max_length / 2)),
            SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NVarChar(_) => Datum::Int(i32::from(f.max_length)),
            _ => Datum::Null,
        },
        "issparse" => flag(table.sparse.contains(&table.column_ids[position])),
        "isrowguidcol" | "iscolumnset" | "ishidden" | "isfulltextindexed" | "isxmlindexable" => flag(false),
        "usesansitrim" => flag(true),
        _ => Datum::Null,
    }
}

pub(super) fn object_property(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let (Some(id), Some(property)) = (int(arguments.first()), string(arguments.get(1))) else { return Datum::Null };
    let catalog = catalog(session);
    let Some(object) = catalog.object_by_id(id) else { return Datum::Null };
    let table = catalog.table_by_id(id);
    let has = |f: &dyn Fn(&TableEntry) -> bool| table.map_or(Datum::Null, |t| Datum::Int(i32::from(f(t))));
    let is = |kind: &str| Datum::Int(i32::from(object.kind == kind));
    let trigger = |f: &dyn Fn(&Trigger) -> bool| {
        let facts = catalog.modules.get(&id).and_then(|module| module.trigger.as_ref());
        facts.map_or(Datum::Null, |facts| Datum::Int(i32::from(f(facts))))
    };
    match property.to_ascii_lowercase().as_str() {
        "istable" | "isusertable" => is("U"),
        "isview" => is("V"),
        "isprocedure" => is("P"),
        "istrigger" => is("TR"),
        "isprimarykey" => is("PK"),
        "isuniquecnst" => is("UQ"),
        "isforeignkey" => is("F"),
        "ischeckcnst" => is("C"),
        "isdefaultcnst" => is("D"),
        "isconstraint" => Datum::Int(i32::from(matches!(object.kind.as_str(), "PK" | "UQ" | "F" | "C" | "D"))),
        "ismsshipped" => Datum::Int(i32::from(catalog.schema_name(object.schema_id) == Some("cdc"))),
        "ownerid" => Datum::Int(1),
        "schemaid" => Datum::Int(object.schema_id),
        "tablehasprimarykey" => has(&|t| t.indexes.iter().any(|i| i.primary_key)),
        "tablehasidentity" => has(&|t| t.table.columns.iter().any(|c| c.identity.is_some())),
        "tablehasforeignkey" => has(&|t| !t.foreign_keys.is_empty()),
        "tablehasforeignref" => has(&|t| catalog.references_to(t.table.object_id).next().is_some()),
        "tablehasuniquecnst" => has(&|t| t.indexes.iter().any(|i| i.constraint_id.is_some() && !i.primary_key)),
        "tablehascheckcnst" => has(&|t| !t.checks.is_empty()),
        "tablehasdefaultcnst" => has(&|t| !t.defaults.is_empty()),
        "tablehasclustindex" => has(&|t| t.indexes.iter().any(|i| i.index_id == 1)),
        "tablehasindex" => has(&|t| !t.indexes.is_empty()),
        "tablehasinserttrigger" => has(&|t| has_trigger(&catalog, t, 1)),
        "tablehasupdatetrigger" => has(&|t| has_trigger(&catalog, t, 2)),
        "tablehasdeletetrigger" => has(&|t| has_trigger(&catalog, t, 3)),
        "execistriggerdisabled" => trigger(&|t| t.disabled),
        "execisaftertrigger" => trigger(&|_| true),
        "execisinsteadoftrigger" => trigger(&|_| false),
        "execisinserttrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 1)),
        "execisupdatetrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 2)),
        "execisdeletetrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 3)),
        "execisfirstinserttrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 1 && e.1)),
        "execisfirstupdatetrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 2 && e.1)),
        "execisfirstdeletetrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 3 && e.1)),
        "execislastinserttrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 1 && e.2)),
        "execislastupdatetrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 2 && e.2)),
        "execislastdeletetrigger" => trigger(&|t| t.events.iter().any(|e| e.0 == 3 && e.2)),
        "isexecuted" => Datum::Int(i32::from(matches!(object.kind.as_str(), "P" | "TR" | "V"))),
        "isschemabound" => Datum::Int(i32::from(catalog.modules.get(&id).is_some_and(|m| !m.bound_to.is_empty()))),
        "tabletemporaltype" => has(&|_| false),
        _ => Datum::Null,
    }
}

fn has_trigger(catalog: &Catalog, table: &TableEntry, event: u8) -> bool {
    catalog.modules.values().any(|module| {
        let fires = |trigger: &Trigger| trigger.events.iter().any(|(number, _, _)| *number == event);
        module.parent == table.table.object_id && module.trigger.as_ref().is_some_and(fires)
    })
}

/// The innermost trigger's column mask.
pub(super) fn columns_updated(session: &SessionShared, _: &[Datum]) -> Datum {
    let state = session.state();
    let fired = state.modules.last().and_then(|module| module.fired.as_ref());
    fired.map_or(Datum::Null, |fired| Datum::Binary(fired.mask()))
}

/// Whether the innermost trigger's statement wrote a column.
pub(super) fn updated(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let state = session.state();
    let fired = state.modules.last().and_then(|module| module.fired.as_ref());
    let wrote = fired.zip(string(arguments.first())).is_some_and(|(fired, column)| fired.writes(column));
    Datum::Int(i32::from(wrote))
}

/// How many triggers are running: all, or those of an id.
pub(super) fn trigger_nest_level(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let id = int(arguments.first()).filter(|id| *id != 0);
    let state = session.state();
    let triggers = state.modules.iter().filter(|module| module.fired.is_some());
    let count = triggers.filter(|module| id.is_none_or(|id| id == module.object_id)).count();
    Datum::Int(count as i32)
}

pub(super) fn index_property(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let (Some(id), Some(name), Some(property)) =
        (int(arguments.first()), string(arguments.get(1)), string(arguments.get(2)))
    else {
        return Datum::Null;
    };
    let Some(table) = table_by_id(session, id) else { return Datum::Null };
    let Some(index) = table.indexes.iter().find(|i| same_name(&i.name, name)) else { return Datum::Null };
    match property.to_ascii_lowercase().as_str() {
        "isunique" => Datum::Int(i32::from(index.unique)),
        "isclustered" => Datum::Int(i32::from(index.index_id == 1)),
        "indexid" => Datum::Int(index.index_id),
        "isdisabled" | "ishypothetical" | "isfulltextkey" | "isstatistics" => Datum::Int(0),
        _ => Datum::Null,
    }
}

fn identity_of(session: &SessionShared, arguments: &[Datum]) -> Option<(Arc<TableEntry>, (i64, i64))> {
    let table = table_named(session, string(arguments.first()))?;
    let identity = table.table.columns.iter().find_map(|c| c.identity)?;
    Some((table, identity))
}

/// The last value, or the seed before the first.
pub(super) fn ident_current(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let Some((table, (seed, _))) = identity_of(session, arguments) else { return Datum::Null };
    let id = table.table.object_id;
    let last = with_identity(session, id, |i| i.last).flatten().or_else(|| {
        let database = Arc::clone(&session.state().database);
        database.stored_identity(id)
    });
    identity(Some(last.unwrap_or(seed)))
}

pub(super) fn ident_seed(session: &SessionShared, arguments: &[Datum]) -> Datum {
    identity(identity_of(session, arguments).map(|(_, (seed, _))| seed))
}

pub(super) fn ident_incr(session: &SessionShared, arguments: &[Datum]) -> Datum {
    identity(identity_of(session, arguments).map(|(_, (_, increment))| increment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_names_split_into_their_parts() {
        assert_eq!(split_name("dbo.t"), Some((None, Some("dbo".into()), "t".into())));
        assert_eq!(split_name("[a.b].[c]]d]"), Some((None, Some("a.b".into()), "c]d".into())));
        assert_eq!(split_name("tempdb..#t"), Some((Some("tempdb".into()), None, "#t".into())));
        assert_eq!(split_name(""), None);
    }
}
