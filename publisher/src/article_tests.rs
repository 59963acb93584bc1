#![allow(clippy::unwrap_used)]
use super::*;
use proto::ColumnType;

fn sample() -> Table {
    Table {
        object_id: 77,
        name: TableName { schema: "sales".into(), table: "orders".into() },
        is_tracked_by_cdc: false,
        columns: Vec::new(),
    }
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
fn a_filter_does_not_go_with_max_columns() {
    let columns = [Column::new("id", ColumnType::Int), Column::new("name", ColumnType::Xml)];
    let refused = refuse_max_columns(&sample(), &columns).unwrap_err().to_string();
    assert!(refused.contains("name xml"), "{refused}");
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
