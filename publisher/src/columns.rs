//! The columns of an article, chosen from its table's: those whose values are sent, and those that the subscriber computes.

use crate::error::Error;
use proto::{Column, ComputedColumn};
use sqlserver::catalog::{Computed, Table, TableColumn};

/// What of a table is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Columns that are sent.
    pub columns: Vec<Column>,
    /// Columns that the subscriber's table computes: the log does not have their values
    /// (<https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql>).
    pub computed: Vec<ComputedColumn>,
}

/// The wanted columns of a table, all of them if none are named; an error names the column that cannot be published, and why.
pub fn choose(table: &Table, wanted: &[String]) -> Result<Chosen, Error> {
    if table.columns.iter().all(|c| c.key_ordinal.is_none()) {
        return Err(Error::invalid(format!(
            "table {} has no primary key, which replication needs to find its rows; add one to publish it",
            table.name
        )));
    }
    for name in wanted {
        if table.column(name).is_none() {
            let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            return Err(Error::invalid(format!(
                "table {} has no column {name}; it has {}",
                table.name,
                columns.join(", ")
            )));
        }
    }
    let is_wanted = |column: &TableColumn| {
        wanted.is_empty() || wanted.iter().any(|name| table.column(name).is_some_and(|c| c.name == column.name))
    };
    let refused = |column: &TableColumn, why: String| {
        Error::invalid(format!(
            "column {} of {} cannot be published: {why}; leave it out with --columns",
            column.name, table.name
        ))
    };
    let mut columns = Vec::new();
    for column in &table.columns {
        if is_wanted(column) && column.computed.is_none() {
            columns.push(column.published().map_err(|why| refused(column, why))?);
        } else if column.key_ordinal.is_some() && !is_wanted(column) {
            let message =
                format!("the columns must hold the primary key of {}: {} is missing", table.name, column.name);
            return Err(Error::invalid(message));
        }
    }
    let mut computed = Vec::new();
    for column in table.columns.iter().filter(|column| is_wanted(column)) {
        if let Some(definition) = &column.computed {
            computed.push(made_there(table, column, definition, &columns).map_err(|why| refused(column, why))?);
        }
    }
    Ok(Chosen { columns, computed })
}

/// A computed column as the subscriber's table has it; an error says why it cannot have it.
fn made_there(
    table: &Table,
    column: &TableColumn,
    computed: &Computed,
    published: &[Column],
) -> Result<ComputedColumn, String> {
    if column.key_ordinal.is_some() {
        return Err("it is computed and in the primary key, and the log does not have its values".to_owned());
    }
    if computed.definition.is_empty() {
        return Err("it is computed, and the login may not see how (VIEW DEFINITION)".to_owned());
    }
    for (name, has_member) in names(&computed.definition) {
        match table.column(&name) {
            Some(used) if published.iter().any(|c| c.name == used.name) => {}
            Some(used) => return Err(format!("it is computed from {}, which is not published", used.name)),
            // The server writes functions of its own without brackets, users' with their schema.
            None if has_member => {
                return Err(format!("it is computed by a function of the schema {name}, which the subscriber lacks"));
            }
            None => {}
        }
    }
    Ok(ComputedColumn {
        name: column.name.clone(),
        definition: computed.definition.clone(),
        persisted: computed.persisted,
        nullable: column.nullable,
    })
}

/// The first parts of the names in an expression as the server writes it, where all names stand in brackets; each with whether a dot
/// follows.
fn names(definition: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    let mut characters = definition.chars().peekable();
    let mut is_member = false;
    while let Some(c) = characters.next() {
        match c {
            '\'' => while characters.next().is_some_and(|c| c != '\'') {},
            '[' => {
                let mut name = String::new();
                while let Some(c) = characters.next() {
                    if c != ']' {
                        name.push(c);
                    } else if characters.next_if_eq(&']').is_some() {
                        name.push(']');
                    } else {
                        break;
                    }
                }
                if !is_member {
                    names.push((name, characters.peek() == Some(&'.')));
                }
            }
            _ => {}
        }
        is_member = c == '.';
    }
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proto::{ColumnType, TableName};

    fn column(name: &str, column_type: Result<ColumnType, String>, key_ordinal: Option<u16>) -> TableColumn {
        TableColumn { nullable: false, key_ordinal, ..TableColumn::new(name, column_type) }
    }

    fn computed(name: &str, definition: &str) -> TableColumn {
        let computed = Some(Computed { definition: definition.to_owned(), persisted: false });
        TableColumn { computed, ..column(name, Ok(ColumnType::Int), None) }
    }

    fn table(columns: Vec<TableColumn>) -> Table {
        let name = TableName { schema: "sales".into(), table: "orders".into() };
        Table { object_id: 77, name, is_tracked_by_cdc: false, columns }
    }

    fn sample() -> Table {
        table(vec![
            column("Id", Ok(ColumnType::Int), Some(0)),
            column("name", Ok(ColumnType::NVarChar(None)), None),
            column("place", Err("dbo.Point".to_owned()), None),
            computed("sum", "([Id]+(1))"),
        ])
    }

    fn chosen(table: &Table, wanted: &[&str]) -> Result<Vec<String>, String> {
        let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
        let chosen = choose(table, &wanted).map_err(|e| e.to_string())?;
        let computed = chosen.computed.into_iter().map(|c| format!("{} AS {}", c.name, c.definition));
        Ok(chosen.columns.into_iter().map(|c| c.name).chain(computed).collect())
    }

    #[test]
    fn columns_are_taken_in_the_tables_order_and_spelling() {
        assert_eq!(chosen(&sample(), &["NAME", "id"]).unwrap(), ["Id", "name"]);
        assert_eq!(chosen(&sample(), &["sum", "id"]).unwrap(), ["Id", "sum AS ([Id]+(1))"]);
    }

    #[test]
    fn what_cannot_be_published_is_refused_by_name() {
        let refused = |wanted: &[&str]| chosen(&sample(), wanted).unwrap_err();
        assert!(refused(&[]).contains("column place of sales.orders cannot be published: its type dbo.Point"));
        assert!(refused(&["name"]).contains("Id is missing"));
        assert!(refused(&["id", "nmae"]).contains("no column nmae"));
        let mut heap = sample();
        heap.columns[0].key_ordinal = None;
        assert!(chosen(&heap, &[]).unwrap_err().contains("has no primary key"));
        let mut masked = sample();
        masked.columns[1].unfit = Some("it is masked".to_owned());
        assert!(chosen(&masked, &["id", "name"]).unwrap_err().contains("column name of sales.orders"));
    }

    #[test]
    fn a_computed_column_needs_what_it_is_computed_from() {
        let with = |definition: &str| {
            let mut table = sample();
            table.columns.remove(2);
            table.columns[2] = computed("sum", definition);
            table
        };
        let refused = |definition: &str, wanted: &[&str]| chosen(&with(definition), wanted).unwrap_err();
        assert!(refused("(len([name]))", &["id", "sum"]).contains("computed from name, which is not published"));
        assert!(chosen(&with("(len([name]))"), &[]).is_ok());
        assert!(refused("([dbo].[twice]([Id]))", &[]).contains("function of the schema dbo"));
        assert!(chosen(&with("([name].[Length]())"), &[]).is_ok(), "a method of a column");
        assert!(chosen(&with("('[dbo].[x]'+[Id])"), &[]).is_ok(), "a literal names nothing");
        assert!(chosen(&with("(CONVERT([varchar](10),[Id]))"), &[]).is_ok(), "a type is no column");
        assert!(refused("", &[]).contains("may not see how"));
        let mut keyed = with("([Id])");
        keyed.columns[2].key_ordinal = Some(1);
        assert!(chosen(&keyed, &[]).unwrap_err().contains("in the primary key"));
    }

    #[test]
    fn names_with_brackets_in_them_are_read_whole() {
        assert_eq!(
            names("([we]]ird]+[a].[b]([c]))"),
            [("we]ird".to_owned(), false), ("a".to_owned(), true), ("c".to_owned(), false)]
        );
    }
}
