//! The T-SQL scripts of a snapshot: what makes an article's table at the subscriber, and what follows once its rows are there.

use crate::catalog::ForeignKey;
use crate::quote;
use proto::{Article, Column, ComputedColumn, Identity, TableName};
use std::fmt::Write as _;

/// Makes the destination's schema and table with its primary key, where they are missing. Batches are separated by `GO`.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-table-transact-sql>
pub fn create_table(article: &Article) -> String {
    let destination = &article.destination;
    let mut script = String::new();
    if !destination.schema.eq_ignore_ascii_case("dbo") {
        let create = format!("CREATE SCHEMA {}", quote::identifier(&destination.schema));
        line(
            &mut script,
            format_args!(
                "IF SCHEMA_ID({}) IS NULL EXEC ({})",
                quote::literal(&destination.schema),
                quote::literal(&create)
            ),
        );
        line(&mut script, format_args!("GO"));
    }
    let key: Vec<&str> = article.key().into_iter().map(|i| article.columns[i].name.as_str()).collect();
    line(&mut script, format_args!("IF OBJECT_ID({}) IS NULL", quote::literal(&quote::table(destination))));
    line(&mut script, format_args!("CREATE TABLE {} (", quote::table(destination)));
    for column in &article.columns {
        line(&mut script, format_args!("    {},", column_definition(column)));
    }
    for column in &article.computed {
        line(&mut script, format_args!("    {},", computed_definition(column)));
    }
    line(&mut script, format_args!("    PRIMARY KEY ({})", quote::list(key)));
    line(&mut script, format_args!(")"));
    script
}

/// A column as `CREATE TABLE` and `ALTER TABLE` take it.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-column-definition-transact-sql>
pub(crate) fn column_definition(column: &Column) -> String {
    let mut text = format!("{} {}", quote::identifier(&column.name), column.column_type);
    if let Some(collation) = &column.collation {
        // A collation's name is an identifier that must not be quoted; the catalog gives nothing but letters, digits and _.
        let name: String = collation.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        text.push_str(" COLLATE ");
        text.push_str(&name);
    }
    if column.sparse {
        text.push_str(" SPARSE");
    }
    if let Some(Identity { seed, increment }) = column.identity {
        // The rows bring their own values (IDENTITY_INSERT); the property is kept for the day the subscriber takes over.
        let _ = write!(text, " IDENTITY({seed}, {increment}) NOT FOR REPLICATION");
    }
    text.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
    text
}

/// A computed column; the definition stands in parentheses already.
/// <https://learn.microsoft.com/sql/relational-databases/tables/specify-computed-columns-in-a-table>
fn computed_definition(column: &ComputedColumn) -> String {
    let stored = match (column.persisted, column.nullable) {
        (true, false) => " PERSISTED NOT NULL",
        (true, true) => " PERSISTED",
        (false, _) => "",
    };
    format!("{} AS {}{stored}", quote::identifier(&column.name), column.definition)
}

/// Adds the foreign keys from an article to other articles of its publication, where they are missing. Left out are those that
/// the subscriber could not keep: of or to tables cut by rows, of unpublished columns, to tables not in the publication.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql>
pub fn foreign_keys(article: &Article, articles: &[Article], keys: &[ForeignKey]) -> String {
    let mut script = String::new();
    if article.filter.is_some() {
        return script;
    }
    for key in keys.iter().filter(|key| same(&key.from, &article.source)) {
        let Some(parent) = articles.iter().find(|a| same(&a.source, &key.to)) else { continue };
        let published =
            |article: &Article, column: &str| article.columns.iter().any(|c| c.name.eq_ignore_ascii_case(column));
        let whole = key.columns.iter().all(|(from, to)| published(article, from) && published(parent, to));
        // Only the key of the parent is made at the subscriber, so only references to it can be.
        let parent_key: Vec<&str> = parent.key().into_iter().map(|i| parent.columns[i].name.as_str()).collect();
        let to_key = key.columns.len() == parent_key.len()
            && key.columns.iter().all(|(_, to)| parent_key.iter().any(|k| k.eq_ignore_ascii_case(to)));
        if parent.filter.is_some() || !whole || !to_key {
            continue;
        }
        let schema = &article.destination.schema;
        let full_name = format!("{}.{}", quote::identifier(schema), quote::identifier(&key.name));
        line(&mut script, format_args!("IF OBJECT_ID({}, N'F') IS NULL", quote::literal(&full_name)));
        line(
            &mut script,
            format_args!(
                "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
                quote::table(&article.destination),
                quote::identifier(&key.name),
                quote::list(key.columns.iter().map(|(from, _)| from)),
                quote::table(&parent.destination),
                quote::list(key.columns.iter().map(|(_, to)| to)),
            ),
        );
        line(&mut script, format_args!("GO"));
    }
    script
}

fn same(a: &TableName, b: &TableName) -> bool {
    a.schema.eq_ignore_ascii_case(&b.schema) && a.table.eq_ignore_ascii_case(&b.table)
}

fn line(script: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(script, "{text}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::{create_table, foreign_keys};
    use crate::catalog::ForeignKey;
    use proto::{Article, ArticleId, Capture, Column, ColumnType, ComputedColumn, Identity, TableName};

    fn name(schema: &str, table: &str) -> TableName {
        TableName { schema: schema.to_owned(), table: table.to_owned() }
    }

    fn column(name: &str, column_type: ColumnType, key_ordinal: Option<u16>) -> Column {
        let nullable = key_ordinal.is_none();
        Column {
            name: name.to_owned(),
            column_type,
            nullable,
            identity: None,
            sparse: false,
            collation: None,
            key_ordinal,
        }
    }

    fn article(table: &str, columns: Vec<Column>, filter: Option<&str>) -> Article {
        Article {
            id: ArticleId(1),
            destination: name("we]ird", table),
            filter: filter.map(str::to_owned),
            ..Article::new("p", name("dbo", table), columns, Capture::default())
        }
    }

    #[test]
    fn names_are_quoted_wherever_they_stand() {
        let mut columns =
            vec![column("a]b", ColumnType::Int, Some(0)), column("c'd", ColumnType::NVarChar(None), None)];
        columns[1].collation = Some("Latin1_General_CI_AS; DROP".to_owned());
        let script = create_table(&article("t", columns, None));
        assert_eq!(
            script,
            "IF SCHEMA_ID(N'we]ird') IS NULL EXEC (N'CREATE SCHEMA [we]]ird]')\nGO\n\
             IF OBJECT_ID(N'[we]]ird].[t]') IS NULL\nCREATE TABLE [we]]ird].[t] (\n    [a]]b] int NOT NULL,\n    \
             [c'd] nvarchar(max) COLLATE Latin1_General_CI_ASDROP NULL,\n    PRIMARY KEY ([a]]b])\n)\n"
        );
    }

    #[test]
    fn computed_sparse_and_identity_columns_are_what_they_were() {
        let mut columns =
            vec![column("id", ColumnType::Int, Some(0)), column("note", ColumnType::NVarChar(Some(9)), None)];
        columns[0].identity = Some(Identity { seed: -5, increment: 10 });
        columns[1].sparse = true;
        columns[1].collation = Some("Latin1_General_BIN2".to_owned());
        let computed = |name: &str, persisted, nullable| ComputedColumn {
            name: name.to_owned(),
            definition: "([id]+(1))".to_owned(),
            persisted,
            nullable,
        };
        let computed = vec![computed("a", false, true), computed("b", true, true), computed("c]", true, false)];
        let script = create_table(&Article { computed, ..article("t", columns, None) });
        let expected = "    [id] int IDENTITY(-5, 10) NOT FOR REPLICATION NOT NULL,\n    \
             [note] nvarchar(9) COLLATE Latin1_General_BIN2 SPARSE NULL,\n    [a] AS ([id]+(1)),\n    \
             [b] AS ([id]+(1)) PERSISTED,\n    [c]]] AS ([id]+(1)) PERSISTED NOT NULL,\n    PRIMARY KEY ([id])\n";
        assert!(script.contains(expected), "{script}");
    }

    #[test]
    fn only_foreign_keys_that_the_subscriber_can_keep_are_made() {
        let orders = article("orders", vec![column("id", ColumnType::Int, Some(0))], None);
        let columns = || vec![column("line", ColumnType::Int, Some(0)), column("order_id", ColumnType::Int, None)];
        let key = ForeignKey {
            name: "fk".to_owned(),
            from: name("dbo", "lines"),
            to: name("dbo", "orders"),
            columns: vec![("order_id".to_owned(), "id".to_owned())],
        };
        let lines = article("lines", columns(), None);
        let made = |lines: &Article, orders: &Article| {
            foreign_keys(lines, &[lines.clone(), orders.clone()], std::slice::from_ref(&key))
        };
        assert!(
            made(&lines, &orders)
                .contains("ADD CONSTRAINT [fk] FOREIGN KEY ([order_id]) REFERENCES [we]]ird].[orders] ([id])")
        );
        let filtered = Article { filter: Some("id > 1".to_owned()), ..orders.clone() };
        assert_eq!(made(&lines, &filtered), "", "the parent's rows may be missing");
        let narrow = article("lines", columns()[..1].to_vec(), None);
        assert_eq!(made(&narrow, &orders), "", "the column is not published");
        assert_eq!(
            foreign_keys(&lines, std::slice::from_ref(&lines), std::slice::from_ref(&key)),
            "",
            "the parent is not published"
        );
    }
}
