#![allow(clippy::unwrap_used)]
use super::*;
use proto::ColumnType;
use sqlserver::catalog::TableColumn;

fn sample() -> Table {
    let column = |name: &str, column_type: Result<ColumnType, String>, key_ordinal| TableColumn {
        name: name.to_owned(),
        column_type,
        nullable: false,
        identity: None,
        computed: name == "sum",
        collation: None,
        key_ordinal,
    };
    Table {
        object_id: 77,
        name: TableName { schema: "sales".into(), table: "orders".into() },
        is_tracked_by_cdc: false,
        columns: vec![
            column("Id", Ok(ColumnType::Int), Some(0)),
            column("name", Ok(ColumnType::NVarChar(None)), None),
            column("place", Err("geography".to_owned()), None),
            column("sum", Ok(ColumnType::Int), None),
        ],
    }
}

fn chosen(wanted: &[&str]) -> Result<Vec<String>, String> {
    let wanted: Vec<String> = wanted.iter().map(|w| (*w).to_owned()).collect();
    let columns = choose_columns(&sample(), &wanted).map_err(|e| e.to_string())?;
    Ok(columns.into_iter().map(|c| c.name).collect())
}

#[test]
fn tables_are_named_as_in_tsql() {
    let name = |schema: &str, table: &str| TableName { schema: schema.into(), table: table.into() };
    for (text, expected) in [
        ("sales.orders", name("sales", "orders")),
        ("orders", name("dbo", "orders")),
        ("[my schema].[we]]ird.name]", name("my schema", "we]ird.name")),
        (" dbo.[t] ", name("dbo", "t")),
    ] {
        assert_eq!(parse_table(text).unwrap(), expected, "{text}");
    }
    for text in ["", ".", "a.", "a.b.c", "[a", "[a]b", "[].t"] {
        assert!(parse_table(text).is_err(), "{text}");
    }
}

#[test]
fn columns_are_taken_in_the_tables_order_and_spelling() {
    assert_eq!(chosen(&["NAME", "id"]).unwrap(), ["Id", "name"]);
}

#[test]
fn what_cannot_be_published_is_refused_by_name() {
    assert!(chosen(&[]).unwrap_err().contains("column place of sales.orders cannot be published: its type geography"));
    assert!(chosen(&["id", "sum"]).unwrap_err().contains("it is computed"));
    assert!(chosen(&["name"]).unwrap_err().contains("Id is missing"));
    assert!(chosen(&["id", "nmae"]).unwrap_err().contains("no column nmae"));
    let mut heap = sample();
    heap.columns[0].key_ordinal = None;
    assert!(choose_columns(&heap, &[]).unwrap_err().to_string().contains("has no primary key"));
}

#[test]
fn a_filter_does_not_go_with_max_columns() {
    let columns = choose_columns(&sample(), &["id".into(), "name".into()]).unwrap();
    let refused = refuse_max_columns(&sample(), &columns).unwrap_err().to_string();
    assert!(refused.contains("name nvarchar(max)"), "{refused}");
    assert!(refuse_max_columns(&sample(), &columns[..1]).is_ok());
}

#[test]
fn capture_instances_have_names_of_their_own() {
    let mut table = sample();
    assert_eq!(instance_name(&table, &[]), "replication_sales_orders");
    let other = CaptureInstance {
        name: "REPLICATION_sales_orders".into(),
        change_table: 2,
        source_object_id: 1,
        start_lsn: Lsn::ZERO,
        columns: Vec::new(),
    };
    assert_eq!(instance_name(&table, &[other]), "replication_77");
    table.name.table = "t".repeat(120);
    assert_eq!(instance_name(&table, &[]), "replication_77");
}
