#![allow(clippy::unwrap_used)]
use super::*;
use sqlserver::catalog::TableColumn;

fn name(schema: &str, table: &str) -> TableName {
    TableName { schema: schema.to_owned(), table: table.to_owned() }
}

fn column(name: &str, column_type: ColumnType, key_ordinal: Option<u16>) -> Column {
    Column { nullable: key_ordinal.is_none(), key_ordinal, ..Column::new(name, column_type) }
}

fn checked(texts: &OptionTexts, columns: &[Column], filter: Option<&str>) -> Result<ArticleOptions, String> {
    let of_table = |column: &Column| TableColumn {
        nullable: column.nullable,
        key_ordinal: column.key_ordinal,
        ..TableColumn::new(&column.name, Ok(column.column_type))
    };
    let mut all: Vec<_> = columns.iter().map(of_table).collect();
    all.push(of_table(&column("secret", ColumnType::Int, None)));
    let table = Table { object_id: 1, name: name("sales", "orders"), is_tracked_by_cdc: false, columns: all };
    let filter = filter.map(|text| Predicate::parse(text).unwrap());
    options(texts, &table, columns, filter.as_ref(), &name("sales", "orders")).map_err(|e| e.to_string())
}

fn narrow() -> Vec<Column> {
    vec![column("id", ColumnType::Int, Some(0)), column("note", ColumnType::NVarChar(Some(20)), None)]
}

#[test]
fn commands_are_read_as_sp_addarticle_takes_them() {
    let read = |verb, text| parse_command(verb, text, &name("sales", "orders"));
    let call = |format, schema: &str, procedure: &str| {
        let generated = procedure.starts_with("sp_MS");
        Ok::<_, String>(Command::Call { format, procedure: name(schema, procedure), generated })
    };
    assert_eq!(read(Verb::Insert, "sql"), Ok(Command::Sql));
    assert_eq!(read(Verb::Update, " NONE "), Ok(Command::None));
    assert_eq!(read(Verb::Insert, "CALL"), call(CallFormat::Call, "sales", "sp_MSins_salesorders"));
    assert_eq!(read(Verb::Update, "scall"), call(CallFormat::Scall, "sales", "sp_MSupd_salesorders"));
    assert_eq!(read(Verb::Update, "MCALL  dbo.mine"), call(CallFormat::Mcall, "dbo", "mine"));
    assert_eq!(read(Verb::Delete, "XCALL [my own].[p q]"), call(CallFormat::Xcall, "my own", "p q"));
    for (verb, text, why) in [
        (Verb::Insert, "SCALL", "SQL, NONE or CALL"),
        (Verb::Insert, "XCALL p", "SQL, NONE or CALL"),
        (Verb::Delete, "MCALL", "SQL, NONE, CALL or XCALL"),
        (Verb::Update, "VCALL", "SCALL, MCALL or XCALL"),
        (Verb::Update, "SQL p", "SCALL"),
        (Verb::Insert, "", "SQL, NONE or CALL"),
        (Verb::Insert, "CALL p (c1, c2)", "its parameters are given by the format"),
    ] {
        let error = read(verb, text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    let long = parse_command(Verb::Insert, "CALL", &name("sales", &"x".repeat(120))).unwrap_err();
    assert!(long.contains("longer than 128"), "{long}");
}

#[test]
fn schema_options_go_by_name() {
    let names = |text: &str| schema_option_names(&parse_schema_options(text).unwrap()).join(",");
    assert_eq!(names("none"), "");
    assert_eq!(names("defaults, unique-keys"), "unique-keys,defaults");
    assert_eq!(names("all,-identity,-collation").split(',').count(), 7);
    assert_eq!(names("default"), schema_option_names(&SchemaOptions::default()).join(","));
    assert!(names("default,user-triggers").contains("user-triggers"));
    let error = parse_schema_options("keys").unwrap_err();
    assert!(error.contains("there is no schema option keys") && error.contains("unique-keys"), "{error}");
}

#[test]
fn the_destination_has_the_names_that_are_not_said_otherwise() {
    let source = name("sales", "orders");
    let to = |table, owner| destination(&source, table, owner).map_err(|e| e.to_string());
    assert_eq!(to(None, None), Ok(source.clone()));
    assert_eq!(to(Some("copy"), None), Ok(name("sales", "copy")));
    assert_eq!(to(Some("[a.b]"), Some("north")), Ok(name("north", "a.b")));
    assert_eq!(to(None, Some("north")), Ok(name("north", "orders")));
    assert_eq!(to(Some("north.copy"), Some("North")), Ok(name("north", "copy")));
    assert!(to(Some("north.copy"), Some("south")).unwrap_err().contains("the schema north"));
}

#[test]
fn formats_that_need_what_the_log_does_not_have_are_refused() {
    let update = |text: &str| OptionTexts { update: Some(text.to_owned()), ..OptionTexts::default() };
    let mut large = narrow();
    large.push(column("picture", ColumnType::VarBinary(None), None));
    for format in ["CALL", "MCALL", "XCALL p"] {
        assert!(checked(&update(format), &narrow(), None).is_ok());
        let error = checked(&update(format), &large, None).unwrap_err();
        assert!(error.contains("column picture varbinary(max)") && error.contains("--upd-cmd SCALL"), "{error}");
    }
    assert!(checked(&update("SCALL"), &large, None).is_ok());
    let delete = OptionTexts { delete: Some("XCALL".to_owned()), ..OptionTexts::default() };
    assert!(checked(&delete, &large, None).is_ok(), "a delete has all values");
    for (column_type, why) in [(ColumnType::Text, "--del-cmd CALL"), (ColumnType::Xml, "cannot be a parameter")] {
        let error = checked(&delete, &[narrow(), vec![column("odd", column_type, None)]].concat(), None).unwrap_err();
        assert!(error.contains("column odd") && error.contains(why), "{error}");
    }
}

#[test]
fn calls_have_no_more_parameters_than_a_statement_may_have() {
    let mut wide = narrow();
    wide.extend((0..1_020).map(|n| column(&format!("c{n}"), ColumnType::Int, None)));
    assert!(checked(&OptionTexts { update: Some("MCALL".to_owned()), ..OptionTexts::default() }, &wide, None).is_ok());
    wide.extend((0..50).map(|n| column(&format!("d{n}"), ColumnType::Int, None)));
    let error =
        checked(&OptionTexts { update: Some("XCALL".to_owned()), ..OptionTexts::default() }, &wide, None).unwrap_err();
    assert!(error.contains("2144 parameters"), "{error}");
}

#[test]
fn rows_are_deleted_by_filters_that_the_subscriber_can_evaluate() {
    let delete = OptionTexts { pre_creation: Some(PreCreation::Delete), ..OptionTexts::default() };
    assert!(checked(&delete, &narrow(), Some("note = N'secret'")).is_ok());
    let error = checked(&delete, &narrow(), Some("[Secret] > 1")).unwrap_err();
    assert!(error.contains("uses column secret"), "{error}");
    let truncate = OptionTexts { pre_creation: Some(PreCreation::Truncate), ..OptionTexts::default() };
    assert!(checked(&truncate, &narrow(), Some("secret > 1")).is_ok());
}
