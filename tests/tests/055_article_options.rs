//! Article options: the subscriber's table is made with what the options ask for and is published, and what is there before is dealt
//! with as the article says.

#![allow(clippy::unwrap_used)]

use sandbox::client::Connection;
use tests::line::Line;

/// A table with everything, and what it refers to.
const TABLES: &str = "
    CREATE TABLE dbo.regions (id int NOT NULL CONSTRAINT pk_regions PRIMARY KEY, code char(2) NOT NULL CONSTRAINT uq_code UNIQUE);
    CREATE TABLE dbo.hidden (id int NOT NULL PRIMARY KEY);
    CREATE TABLE dbo.orders (
        id int IDENTITY(100, 5) NOT NULL,
        region char(2) NOT NULL CONSTRAINT fk_region REFERENCES dbo.regions (code),
        hidden int NULL CONSTRAINT fk_hidden REFERENCES dbo.hidden (id),
        name nvarchar(40) COLLATE Latin1_General_CS_AS NOT NULL,
        amount decimal(9, 2) NOT NULL CONSTRAINT df_amount DEFAULT 7.5,
        secret int NOT NULL CONSTRAINT df_secret DEFAULT 1,
        CONSTRAINT pk_orders PRIMARY KEY NONCLUSTERED (id DESC),
        CONSTRAINT uq_name UNIQUE (name),
        CONSTRAINT ck_amount CHECK (amount > 0),
        CONSTRAINT ck_small CHECK NOT FOR REPLICATION (amount < 1000),
        CONSTRAINT ck_secret CHECK (secret > 0));
    CREATE CLUSTERED INDEX ix_clustered ON dbo.orders (region, id DESC);
    CREATE INDEX ix_filtered ON dbo.orders (amount DESC) INCLUDE (name) WHERE amount > 10;
    CREATE INDEX ix_secret ON dbo.orders (secret);
    CREATE TABLE dbo.log (n int IDENTITY NOT NULL PRIMARY KEY, what varchar(20) NOT NULL, id int NULL);";

const TRIGGERS: [&str; 3] = [
    "CREATE TRIGGER dbo.tr_each ON dbo.orders AFTER INSERT, UPDATE AS
     INSERT dbo.log (what, id) SELECT 'each', id FROM inserted;",
    "CREATE TRIGGER dbo.tr_local ON dbo.orders AFTER INSERT NOT FOR REPLICATION AS
     INSERT dbo.log (what, id) SELECT 'local', id FROM inserted;",
    "CREATE TRIGGER dbo.tr_secret ON dbo.orders AFTER DELETE AS
     INSERT dbo.log (what, id) SELECT 'secret', secret FROM deleted;",
];

async fn prepared() -> Line {
    let line = Line::start().await;
    line.make_fence().await;
    line.source.run(TABLES).await;
    for trigger in TRIGGERS {
        line.source.run(trigger).await;
    }
    line.source
        .run(
            "INSERT dbo.regions VALUES (1, 'EU'), (2, 'US');
             INSERT dbo.orders (region, name) VALUES ('EU', N'a'), ('US', N'A');",
        )
        .await;
    line.publish("p", &["dbo.fence", "dbo.regions"]).await;
    line
}

async fn add(line: &Line, table: &str, more: &[&str]) {
    let arguments = [&["article", "add", "--publication", "p", "--table", table][..], more].concat();
    line.publisher_does(&arguments).await;
}

/// Takes the snapshot, whose words it gives, and starts both roles.
async fn start(line: &mut Line) -> String {
    line.start_publisher();
    let said = line.publisher_tries(&["snapshot", "--publication", "p"]).await;
    assert!(said.status.success(), "{}", said.stderr);
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;
    said.stderr
}

async fn texts(connection: &mut Connection, sql: &str) -> Vec<String> {
    let rows = connection.run(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.iter().map(|row| row.get::<&str, _>(0).unwrap().to_owned()).collect()
}

const CONSTRAINTS: &str =
    "SELECT name FROM sys.objects WHERE parent_object_id = OBJECT_ID('dbo.orders') AND type NOT IN ('D') ORDER BY name";
const INDEXES: &str =
    "SELECT name FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.orders') AND name IS NOT NULL ORDER BY name";

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_made_with_its_keys_indexes_constraints_and_triggers_as_far_as_they_are_published() {
    let mut line = prepared().await;
    let columns = ["--columns", "id,region,hidden,name,amount", "--schema-options", "all"];
    add(&line, "dbo.orders", &columns).await;
    let said = start(&mut line).await;
    for left_out in [
        "index ix_secret of dbo.orders is left out: column secret is not published",
        "check ck_secret of dbo.orders is left out: column secret is not published",
        "foreign key fk_hidden of dbo.orders is left out: table dbo.hidden is not published",
        "trigger tr_each of dbo.orders is left out: it mentions log, which is not published",
        "trigger tr_secret of dbo.orders is left out",
    ] {
        assert!(said.contains(left_out), "{left_out}:\n{said}");
    }
    let mut target = line.target.connect().await;
    assert_eq!(
        texts(&mut target, CONSTRAINTS).await,
        ["ck_amount", "ck_small", "fk_region", "pk_orders", "uq_name"],
        "what is not published is left out"
    );
    assert_eq!(texts(&mut target, INDEXES).await, ["ix_clustered", "ix_filtered", "pk_orders", "uq_name"]);
    line.assert_equal(
        "SELECT i.name, i.type_desc, i.filter_definition, c.name, ic.key_ordinal, ic.is_descending_key, ic.is_included_column
         FROM sys.indexes AS i JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
         JOIN sys.columns AS c ON c.object_id = i.object_id AND c.column_id = ic.column_id
         WHERE i.object_id = OBJECT_ID('dbo.orders') AND i.name <> 'ix_secret' ORDER BY i.name, ic.index_column_id",
    )
    .await;
    line.assert_equal(
        "SELECT name, CAST(seed_value AS int), CAST(increment_value AS int) FROM sys.identity_columns
         WHERE object_id = OBJECT_ID('dbo.orders')",
    )
    .await;
    line.assert_equal(
        "SELECT name, collation_name FROM sys.columns WHERE object_id = OBJECT_ID('dbo.orders') AND name = 'name'",
    )
    .await;
    line.assert_equal("SELECT name, definition FROM sys.default_constraints WHERE name = 'df_amount'").await;
    for (sql, number) in [
        ("INSERT dbo.orders (region, name) VALUES ('XX', N'x')", 547),
        ("INSERT dbo.orders (region, name, amount) VALUES ('EU', N'x', -1)", 547),
        ("INSERT dbo.orders (region, name, amount) VALUES ('EU', N'x', 5000)", 547),
        ("INSERT dbo.orders (region, name) VALUES ('EU', N'a')", 2627),
    ] {
        let error = target.run(sql).await.expect_err(sql).to_string();
        assert!(error.contains(&number.to_string()), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_replication_lets_replication_pass_and_nobody_else() {
    const SEEN: &str = "SELECT what FROM dbo.seen ORDER BY what";
    let line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, price int NOT NULL,
             CONSTRAINT ck_price CHECK NOT FOR REPLICATION (price < 1000))",
        )
        .await;
    for database in [&line.source, &line.target] {
        database.run("CREATE TABLE dbo.seen (what varchar(20) NOT NULL)").await;
    }
    for (name, words) in [("each", ""), ("local", "NOT FOR REPLICATION")] {
        let body = format!("EXEC ('INSERT dbo.seen VALUES (''{name}'')')");
        line.source.run(&format!("CREATE TRIGGER dbo.tr_{name} ON dbo.items AFTER INSERT {words} AS {body}")).await;
    }
    let insert_large = async |id: i32| {
        line.source.run("ALTER TABLE dbo.items NOCHECK CONSTRAINT ck_price").await;
        line.source.run(&format!("INSERT dbo.items VALUES ({id}, 5000)")).await;
        line.source.run("ALTER TABLE dbo.items CHECK CONSTRAINT ck_price").await;
    };
    insert_large(1).await;
    line.publish("p", &["dbo.fence"]).await;
    add(&line, "dbo.items", &["--schema-options", "all"]).await;
    insert_large(2).await;
    let mut line = line;
    start(&mut line).await;
    line.source.run("ALTER TABLE dbo.items NOCHECK CONSTRAINT ck_price").await;
    line.source.run("INSERT dbo.items VALUES (3, 7000)").await;
    line.drain().await;
    assert_eq!(line.assert_equal("SELECT id, price FROM dbo.items ORDER BY id").await, 3);
    // What is switched off is switched off here too, and on again.
    line.source.run("ALTER TABLE dbo.items CHECK CONSTRAINT ck_price").await;
    line.drain().await;
    tests::wait::until("the check to come back", async || {
        let checks = "SELECT COUNT(*) FROM sys.check_constraints WHERE name = 'ck_price'";
        (line.target.number(checks).await == 1).then_some(())
    })
    .await;
    let mut target = line.target.connect().await;
    assert_eq!(
        texts(&mut target, SEEN).await,
        ["each"],
        "of the row that was streamed, by the trigger that is for replication"
    );
    target.run("INSERT dbo.items VALUES (10, 1)").await.unwrap();
    assert_eq!(texts(&mut target, SEEN).await, ["each", "each", "local"]);
    let error = target.run("INSERT dbo.items VALUES (11, 5000)").await.expect_err("the check holds here").to_string();
    assert!(error.contains("ck_price"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_options_that_are_not_asked_for_are_not_made() {
    let mut line = prepared().await;
    add(&line, "dbo.orders", &["--schema-options", "none"]).await;
    start(&mut line).await;
    let mut target = line.target.connect().await;
    assert_eq!(texts(&mut target, CONSTRAINTS).await, ["pk_orders"]);
    assert_eq!(texts(&mut target, INDEXES).await, ["pk_orders"]);
    let no = "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('dbo.orders') AND (is_identity = 1 OR default_object_id <> 0
              OR collation_name = 'Latin1_General_CS_AS')";
    assert_eq!(line.target.number(no).await, 0);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM sys.triggers").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_there_is_dealt_with_by_the_pre_creation_command() {
    let mut line = Line::start().await;
    line.make_fence().await;
    for table in ["t_delete", "t_filter", "t_drop", "t_child", "t_truncate"] {
        line.source.run(&format!("CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, v int NULL)")).await;
        line.source.run(&format!("INSERT dbo.{table} VALUES (1, 10), (2, 20)")).await;
        // At the subscriber with other rows, which are in the way, and an additional column; each change of it is counted.
        line.target
            .run(&format!("CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, v int NULL, own int NULL)"))
            .await;
        line.target.run(&format!("INSERT dbo.{table} VALUES (1, 99, 1), (7, 15, 1), (8, 5, 1)")).await;
    }
    line.target
        .run("ALTER TABLE dbo.t_child ADD CONSTRAINT fk_child FOREIGN KEY (id) REFERENCES dbo.t_drop (id)")
        .await;
    line.target.run("CREATE TABLE dbo.seen (n int NOT NULL)").await;
    line.target.run("CREATE TRIGGER dbo.tr ON dbo.t_delete AFTER INSERT, DELETE AS INSERT dbo.seen VALUES (1)").await;
    line.publish("p", &["dbo.fence"]).await;
    add(&line, "dbo.t_delete", &["--pre-creation-cmd", "delete"]).await;
    add(&line, "dbo.t_filter", &["--pre-creation-cmd", "delete", "--filter", "t_filter.v >= 10"]).await;
    // The referenced table is dropped with the one that refers to it.
    add(&line, "dbo.t_drop", &["--pre-creation-cmd", "drop"]).await;
    add(&line, "dbo.t_child", &["--pre-creation-cmd", "drop"]).await;
    add(&line, "dbo.t_truncate", &["--pre-creation-cmd", "truncate"]).await;
    start(&mut line).await;
    for table in ["t_delete", "t_drop", "t_child", "t_truncate"] {
        assert_eq!(line.assert_equal(&format!("SELECT id, v FROM dbo.{table} ORDER BY id")).await, 2, "{table}");
    }
    line.assert_agrees(
        "SELECT id, v FROM dbo.t_filter WHERE v >= 10 UNION ALL SELECT 8, 5 ORDER BY id",
        "SELECT id, v FROM dbo.t_filter ORDER BY id",
    )
    .await;
    let own = "SELECT COUNT(*) FROM sys.columns WHERE name = 'own'";
    assert_eq!(line.target.number(own).await, 3, "only drop makes the table anew");
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.seen").await, 0, "loading fires no trigger");
    line.source.run("INSERT dbo.t_delete VALUES (3, 30)").await;
    line.drain().await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.seen").await, 1, "changes do");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_said_what_to_do_with_stop_the_load_and_stay() {
    let mut line = Line::start().await;
    line.source.run("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY)").await;
    line.source.run("CREATE TABLE dbo.parent (id int NOT NULL PRIMARY KEY)").await;
    line.target.run("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY); INSERT dbo.t VALUES (5)").await;
    line.publish("p", &["dbo.t"]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    let tried = line.subscriber_tries(&["run", "--once"]).await;
    assert_eq!(tried.status.code(), Some(1));
    assert!(tried.stderr.contains("table dbo.t") && tried.stderr.contains("--pre-creation-cmd"), "{}", tried.stderr);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.t").await, 1);

    // One that another table refers to cannot be dropped, and the error says which and what to do.
    line.target.run("CREATE TABLE dbo.parent (id int NOT NULL PRIMARY KEY)").await;
    line.target.run("CREATE TABLE dbo.own (id int NOT NULL PRIMARY KEY REFERENCES dbo.parent (id))").await;
    line.publisher_does(&["publication", "add", "--publication", "q"]).await;
    line.publisher_does(&[
        "article",
        "add",
        "--publication",
        "q",
        "--table",
        "dbo.parent",
        "--pre-creation-cmd",
        "drop",
    ])
    .await;
    line.publisher_does(&["snapshot", "--publication", "q"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "r", "--publication", "q"]).await;
    let tried = line.subscriber_tries(&["run", "--once", "--subscription", "r"]).await;
    assert_eq!(tried.status.code(), Some(1));
    assert!(
        tried.stderr.contains("table dbo.parent cannot be dropped")
            && tried.stderr.contains("a foreign key of another table"),
        "{}",
        tried.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_destination_and_the_options_are_shown() {
    let line = Line::start().await;
    line.source.run("CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY)").await;
    line.publisher_does(&["publication", "add", "--publication", "p"]).await;
    add(&line, "dbo.t", &["--dest-owner", "north", "--dest-table", "copy", "--pre-creation-cmd", "truncate"]).await;
    let listed = line.publisher_does(&["article", "list", "--output", "json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["destination"], "north.copy");
    assert_eq!(listed[0]["pre_creation_cmd"], "truncate");
    assert_eq!(listed[0]["ins_cmd"], "SQL");
    assert!(listed[0]["schema_options"].as_array().unwrap().contains(&"unique-keys".into()));
}

/// A subscription that was dropped left its tables with their foreign keys, and is added again: rows may refer to some that come later.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_refer_to_each_other_and_to_themselves_are_loaded_again() {
    let mut line = Line::start().await;
    line.source
        .run(
            "CREATE TABLE dbo.tree (id int NOT NULL PRIMARY KEY, parent int NULL CONSTRAINT FK_tree REFERENCES dbo.tree (id));
             CREATE TABLE dbo.first (id int NOT NULL PRIMARY KEY, other int NULL);
             CREATE TABLE dbo.second (id int NOT NULL PRIMARY KEY, other int NOT NULL CONSTRAINT FK_second REFERENCES dbo.first (id));
             ALTER TABLE dbo.first ADD CONSTRAINT FK_first FOREIGN KEY (other) REFERENCES dbo.second (id);",
        )
        .await;
    // Enough for several parts, all rows but one referring to the last.
    let rows: Vec<String> = (1..=800).map(|id| format!("({id}, {})", if id < 800 { "NULL" } else { "1" })).collect();
    line.source.run(&format!("INSERT INTO dbo.tree VALUES {}", rows.join(", "))).await;
    line.source
        .run(
            "UPDATE dbo.tree SET parent = CASE WHEN id < 800 THEN 800 END; INSERT INTO dbo.first SELECT id, NULL FROM dbo.tree;
             INSERT INTO dbo.second SELECT id, id FROM dbo.first; UPDATE dbo.first SET other = id;",
        )
        .await;
    const TABLES: [&str; 3] = ["tree", "first", "second"];
    for command in ["none", "delete", "truncate", "drop"] {
        line.publisher_does(&["publication", "add", "--publication", command]).await;
        for table in TABLES {
            let table = format!("dbo.{table}");
            let add = ["article", "add", "--publication", command, "--table", &table, "--dest-owner", command];
            line.publisher_does(&[&add[..], &["--pre-creation-cmd", command]].concat()).await;
        }
        if line.publisher.is_none() {
            line.start_publisher();
        }
        line.publisher_does(&["snapshot", "--publication", command, "--rows-per-file", "100"]).await;
        for again in [false, true] {
            if again {
                line.subscriber_does(&["subscription", "drop", "--subscription", command]).await;
            }
            if again && command == "none" {
                line.target
                    .run(
                        "UPDATE none.first SET other = NULL; DELETE FROM none.second; DELETE FROM none.first; \
                          UPDATE none.tree SET parent = NULL; DELETE FROM none.tree;",
                    )
                    .await;
            }
            line.subscriber_does(&["subscription", "add", "--subscription", command, "--publication", command]).await;
            line.subscriber_does(&["run", "--once", "--subscription", command]).await;
            for table in TABLES {
                let sql = |schema: &str| format!("SELECT * FROM [{schema}].[{table}] ORDER BY id");
                line.assert_agrees(&sql("dbo"), &sql(command)).await;
            }
            let keys = format!(
                "SELECT COUNT(*) FROM sys.foreign_keys WHERE SCHEMA_NAME(schema_id) = '{command}' AND is_disabled = 0 AND is_not_trusted = 0"
            );
            assert_eq!(line.target.number(&keys).await, 3, "{command}");
        }
    }
}
