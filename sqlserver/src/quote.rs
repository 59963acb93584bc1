//! Quoting: the only place where a name or text becomes part of a statement.

use proto::TableName;

/// `[name]`, with `]` doubled
/// (<https://learn.microsoft.com/sql/relational-databases/databases/database-identifiers>).
pub fn identifier(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// `[schema].[table]`.
pub fn table(name: &TableName) -> String {
    format!("{}.{}", identifier(&name.schema), identifier(&name.table))
}

/// `N'text'`, with `'` doubled
/// (<https://learn.microsoft.com/sql/t-sql/data-types/constants-transact-sql>).
pub fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// `[a], [b]`.
pub fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    names.into_iter().map(|name| identifier(name.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_or_text_gets_out_of_its_quotes() {
        assert_eq!(identifier("we]ird [name]"), "[we]]ird [name]]]");
        assert_eq!(literal("O'Neil'; DROP TABLE t--"), "N'O''Neil''; DROP TABLE t--'");
        assert_eq!(table(&TableName { schema: "a.b".into(), table: "c]".into() }), "[a.b].[c]]]");
        assert_eq!(list(["a", "b]"]), "[a], [b]]]");
    }
}
