//! Command formats: changes reach procedures with the parameters that Microsoft documents
//! (<https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated>),
//! one by one, in the publisher's order and in its transactions.

#![allow(clippy::unwrap_used)]

use tests::line::Line;
use tests::process::Outcome;
use tests::wait;

/// Calls that user's procedures saw, in their order.
const CALLS: &str = "CREATE TABLE dbo.calls (n int IDENTITY NOT NULL PRIMARY KEY, what nvarchar(400) NOT NULL)";

async fn add(line: &Line, table: &str, more: &[&str]) {
    let arguments = [&["article", "add", "--publication", "p", "--table", table][..], more].concat();
    line.publisher_does(&arguments).await;
}

async fn start(line: &mut Line) {
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;
}

async fn calls(line: &Line) -> Vec<String> {
    let mut target = line.target.connect().await;
    let rows = target.run("SELECT what FROM dbo.calls ORDER BY n").await.unwrap();
    rows.iter().map(|row| row.get::<&str, _>(0).unwrap().to_owned()).collect()
}

/// A procedure that writes its parameters down.
async fn recorder(line: &Line, name: &str, parameters: &[&str]) {
    let declared: Vec<String> = parameters.iter().map(|p| format!("@{p} = NULL")).collect();
    let shown = |p: &&str| {
        let (name, ty) = p.split_once(' ').unwrap();
        let text = if ty.starts_with("binary") {
            format!("CONVERT(nvarchar(20), @{name}, 1)")
        } else {
            format!("CAST(@{name} AS nvarchar(40))")
        };
        format!("ISNULL({text}, N'-')")
    };
    let shown: Vec<String> = parameters.iter().map(shown).collect();
    line.target
        .run(&format!(
            "CREATE PROCEDURE dbo.{name} {} AS INSERT dbo.calls (what) VALUES (N'{name} ' + {})",
            declared.join(", "),
            shown.join(" + N',' + ")
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_procedures_get_the_parameters_of_each_format() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.target.run(CALLS).await;
    line.publish("p", &["dbo.fence"]).await;
    let row = ["c1 int", "c2 nvarchar(10)", "c3 money"];
    let key = ["pkc1 int"];
    let mask = ["bitmap binary(1)"];
    let old = ["o1 int", "o2 nvarchar(10)", "o3 money"];
    for (format, update, delete, delete_format) in [
        ("CALL", [&row[..], &key[..]].concat(), &key[..], "CALL"),
        ("SCALL", [&row[..], &key[..], &mask[..]].concat(), &key[..], "CALL"),
        ("MCALL", [&row[..], &key[..], &mask[..]].concat(), &key[..], "CALL"),
        ("XCALL", [&old[..], &row[..]].concat(), &old[..], "XCALL"),
    ] {
        let name = format.to_lowercase();
        line.source
            .run(&format!(
                "CREATE TABLE dbo.{name} (id int NOT NULL PRIMARY KEY, name nvarchar(10) NULL, price money NULL, hidden int NULL)"
            ))
            .await;
        recorder(&line, &format!("{name}_ins"), &row).await;
        recorder(&line, &format!("{name}_upd"), &update).await;
        recorder(&line, &format!("{name}_del"), delete).await;
        let (ins, upd) = (format!("CALL {name}_ins"), format!("{format} dbo.{name}_upd"));
        let del = format!("{delete_format} [{name}_del]");
        let table = format!("dbo.{name}");
        let columns = ["--columns", "id,name,price", "--ins-cmd", &ins, "--upd-cmd", &upd, "--del-cmd", &del];
        add(&line, &table, &columns).await;
    }
    start(&mut line).await;
    for name in ["call", "scall", "mcall", "xcall"] {
        line.source
            .run(&format!(
                "INSERT dbo.{name} VALUES (1, N'a', 2.5, 1);
                 UPDATE dbo.{name} SET name = NULL WHERE id = 1;
                 UPDATE dbo.{name} SET hidden = 2, name = name WHERE id = 1;
                 UPDATE dbo.{name} SET price = 3, name = N'ß' WHERE id = 1;
                 DELETE dbo.{name} WHERE id = 1;"
            ))
            .await;
    }
    line.drain().await;
    assert_eq!(
        calls(&line).await,
        [
            "call_ins 1,a,2.50",
            "call_upd 1,-,2.50,1",
            "call_upd 1,ß,3.00,1",
            "call_del 1",
            "scall_ins 1,a,2.50",
            "scall_upd -,-,-,1,0x02",
            "scall_upd -,ß,3.00,1,0x06",
            "scall_del 1",
            "mcall_ins 1,a,2.50",
            "mcall_upd 1,-,2.50,1,0x02",
            "mcall_upd 1,ß,3.00,1,0x06",
            "mcall_del 1",
            "xcall_ins 1,a,2.50",
            "xcall_upd 1,a,2.50,1,-,2.50",
            "xcall_upd 1,-,2.50,1,ß,3.00",
            "xcall_del 1,ß,3.00",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_procedures_that_replication_makes_keep_the_tables_equal_in_every_format() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.publish("p", &["dbo.fence"]).await;
    let formats = ["CALL", "SCALL", "MCALL", "XCALL"];
    for format in formats {
        let name = format.to_lowercase();
        line.source
            .run(&format!(
                "CREATE TABLE dbo.{name} (n int IDENTITY(10, 10) NOT NULL, code varchar(10) COLLATE Latin1_General_CS_AS NOT NULL,
                     region int NOT NULL, name nvarchar(40) NULL, price decimal(9, 2) NULL, at datetime2(3) NULL, data varbinary(20) NULL,
                     a int NULL, b int NULL, c int NULL, CONSTRAINT pk_{name} PRIMARY KEY (code, region));
                 INSERT dbo.{name} (code, region, name) VALUES ('x', 1, N'there'), ('X', 1, N'there too');"
            ))
            .await;
        let del = if format == "XCALL" { "XCALL" } else { "CALL" };
        let commands = ["--ins-cmd", "CALL", "--upd-cmd", format, "--del-cmd", del];
        add(&line, &format!("dbo.{name}"), &commands).await;
    }
    start(&mut line).await;
    for format in formats {
        let name = format.to_lowercase();
        line.source
            .run(&format!(
                "INSERT dbo.{name} (code, region, name, price, at, data) VALUES
                     ('é', 1, N'größe', -1.25, '2024-02-29T23:59:59.999', 0x00FF), ('b', 2, NULL, NULL, NULL, NULL);
                 UPDATE dbo.{name} SET c = 7, name = NULL, data = NULL WHERE code = 'é';
                 UPDATE dbo.{name} SET a = 1, b = 2 WHERE region = 1;
                 UPDATE dbo.{name} SET code = 'moved', price = 9 WHERE code = 'b';
                 UPDATE dbo.{name} SET region = region + 10;
                 DELETE dbo.{name} WHERE code = 'X';"
            ))
            .await;
    }
    line.drain().await;
    for format in formats {
        let rows =
            line.assert_equal(&format!("SELECT * FROM dbo.{} ORDER BY code, region", format.to_lowercase())).await;
        assert_eq!(rows, 3);
    }
    assert_eq!(
        line.target.number("SELECT COUNT(*) FROM sys.procedures WHERE name LIKE 'sp_MS%dboxcall'").await,
        3,
        "made by the snapshot's script"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_for_procedures_and_for_sets_keep_their_order_within_a_transaction() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.stock (id int NOT NULL PRIMARY KEY, amount int NOT NULL);
             CREATE TABLE dbo.sales (id int NOT NULL PRIMARY KEY, amount int NOT NULL);
             INSERT dbo.stock VALUES (1, 100);",
        )
        .await;
    line.target.run(CALLS).await;
    // What the procedure sees of the other table is what the publisher had at that point of its transaction.
    line.target
        .run(
            "CREATE PROCEDURE dbo.sold @id int, @amount int AS
             INSERT dbo.calls (what) SELECT N'sale ' + CAST(@id AS nvarchar(9)) + N' at stock ' + CAST(amount AS nvarchar(9))
             FROM dbo.stock WHERE id = 1",
        )
        .await;
    line.publish("p", &["dbo.fence", "dbo.stock"]).await;
    add(&line, "dbo.sales", &["--ins-cmd", "CALL dbo.sold"]).await;
    start(&mut line).await;
    line.source
        .run(
            "BEGIN TRANSACTION;
             INSERT dbo.sales VALUES (1, 10); UPDATE dbo.stock SET amount = 90 WHERE id = 1;
             INSERT dbo.sales VALUES (2, 30); INSERT dbo.sales VALUES (3, 1); UPDATE dbo.stock SET amount = 60 WHERE id = 1;
             INSERT dbo.sales VALUES (4, 5); COMMIT;
             UPDATE dbo.stock SET amount = 0 WHERE id = 1; INSERT dbo.sales VALUES (5, 1);",
        )
        .await;
    line.drain().await;
    assert_eq!(
        calls(&line).await,
        ["sale 1 at stock 100", "sale 2 at stock 90", "sale 3 at stock 90", "sale 4 at stock 60", "sale 5 at stock 0"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_are_for_replication_see_each_change() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, price int NOT NULL)").await;
    line.target.run(CALLS).await;
    line.target.run("CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, price int NOT NULL)").await;
    line.target
        .run(
            "CREATE TRIGGER dbo.tr ON dbo.items AFTER INSERT, UPDATE AS
             INSERT dbo.calls (what) SELECT CAST(id AS nvarchar(9)) + N' ' + CAST(price AS nvarchar(9)) FROM inserted",
        )
        .await;
    line.publish("p", &["dbo.fence", "dbo.items"]).await;
    start(&mut line).await;
    line.source
        .run(
            "BEGIN TRANSACTION; INSERT dbo.items VALUES (1, 10); UPDATE dbo.items SET price = 11; UPDATE dbo.items SET price = 12;
             DELETE dbo.items; INSERT dbo.items VALUES (2, 20); COMMIT;",
        )
        .await;
    line.drain().await;
    assert_eq!(calls(&line).await, ["1 10", "1 11", "1 12", "2 20"]);
    line.assert_equal("SELECT * FROM dbo.items").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn none_sends_nothing_of_its_kind() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.archive (id int NOT NULL PRIMARY KEY, v int NOT NULL)").await;
    line.publish("p", &["dbo.fence"]).await;
    add(&line, "dbo.archive", &["--del-cmd", "NONE"]).await;
    start(&mut line).await;
    let changes = async || line.status().await["databases"][0]["changes"].as_u64().unwrap();
    let before = changes().await;
    line.source
        .run("INSERT dbo.archive VALUES (1, 1), (2, 2); UPDATE dbo.archive SET v = 3; DELETE dbo.archive;")
        .await;
    line.drain().await;
    assert_eq!(line.target.number("SELECT SUM(v) FROM dbo.archive").await, 6, "what was deleted stays");
    assert_eq!(changes().await - before, 5, "two inserts, two updates, and the fence's row");
}

/// Runs statements that make so many changes and waits until the distributor has these.
async fn queued(line: &Line, sql: &str, made: u64) {
    let changes = async || line.status().await["databases"][0]["changes"].as_u64().unwrap();
    let before = changes().await;
    line.source.run(sql).await;
    wait::until("the changes to reach the queue", async || (changes().await >= before + made).then_some(())).await;
}

fn refused(outcome: &Outcome, parts: &[&str]) {
    assert_eq!(outcome.status.code(), Some(1), "{}{}", outcome.stdout, outcome.stderr);
    for part in parts {
        assert!(outcome.stderr.contains(part), "`{part}` is not in: {}", outcome.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_procedure_that_fails_stops_the_subscription_and_is_named_with_row_and_position() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, v int NULL)").await;
    line.publish("p", &["dbo.fence"]).await;
    add(&line, "dbo.orders", &["--ins-cmd", "CALL dbo.picky", "--upd-cmd", "SCALL"]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    let missing = line.subscriber_tries(&["run", "--once"]).await;
    refused(&missing, &["procedure dbo.picky", "does not exist"]);
    line.target
        .run(
            "CREATE PROCEDURE dbo.picky @c1 int, @c2 int AS
             BEGIN
                 INSERT dbo.orders VALUES (@c1, @c2);
                 IF @c2 = 13 THROW 51000, N'no such luck', 1;
             END",
        )
        .await;
    line.subscriber_does(&["run", "--once"]).await;
    let both = "BEGIN TRANSACTION; INSERT dbo.orders VALUES (1, 1); INSERT dbo.orders VALUES (7, 13); COMMIT;";
    queued(&line, both, 2).await;
    let failed = line.subscriber_tries(&["run", "--once"]).await;
    refused(&failed, &["table dbo.orders", "procedure dbo.picky", "no such luck", "id = 7", "position 0"]);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.orders").await, 0, "nothing of the transaction stays");

    // The procedure that replication makes misses a row: as bad as one that fails.
    line.target.run("ALTER PROCEDURE dbo.picky @c1 int, @c2 int AS INSERT dbo.orders VALUES (@c1, @c2)").await;
    line.subscriber_does(&["run", "--once"]).await;
    line.target.run("DELETE dbo.orders WHERE id = 1").await;
    queued(&line, "UPDATE dbo.orders SET v = 2 WHERE id = 1", 1).await;
    let failed = line.subscriber_tries(&["run", "--once"]).await;
    refused(&failed, &["procedure dbo.sp_MSupd_dboorders", "is not there", "id = 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_that_the_log_cannot_serve_are_refused_with_the_column_and_what_to_use() {
    let line = Line::start().await;
    line.source.run("CREATE TABLE dbo.docs (id int NOT NULL PRIMARY KEY, body nvarchar(max) NULL)").await;
    line.publisher_does(&["publication", "add", "--publication", "p"]).await;
    let arguments = ["article", "add", "--publication", "p", "--table", "dbo.docs", "--upd-cmd"];
    for format in ["CALL", "MCALL", "XCALL"] {
        let tried = line.publisher_tries(&[&arguments[..], &[format]].concat()).await;
        refused(&tried, &["column body nvarchar(max)", "--upd-cmd SCALL"]);
    }
    line.publisher_does(&[&arguments[..], &["SCALL"]].concat()).await;
    let listed = line.publisher_does(&["article", "list"]).await;
    assert!(listed.contains("SCALL dbo.sp_MSupd_dbodocs"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn procedures_follow_the_columns_of_their_table() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run(&format!("ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION ON", line.source.name)).await;
    line.publish("p", &["dbo.fence"]).await;
    let formats = ["CALL", "SCALL", "MCALL", "XCALL"];
    for format in formats {
        let name = format.to_lowercase();
        line.source
            .run(&format!(
                "CREATE TABLE dbo.{name} (id int NOT NULL PRIMARY KEY, gone int NULL, amount int NULL, note nvarchar(20) NULL);
                 INSERT dbo.{name} VALUES (1, 1, 1, N'one'), (2, 2, 2, N'two'), (3, 3, 3, N'three');"
            ))
            .await;
        let del = if format == "XCALL" { "XCALL" } else { "CALL" };
        let commands = ["--ins-cmd", "CALL", "--upd-cmd", format, "--del-cmd", del];
        add(&line, &format!("dbo.{name}"), &commands).await;
    }
    start(&mut line).await;
    for format in formats {
        let name = format.to_lowercase();
        line.source.run(&format!("ALTER TABLE dbo.{name} DROP COLUMN gone")).await;
        line.source.run(&format!("ALTER TABLE dbo.{name} ALTER COLUMN amount bigint NULL")).await;
        line.source
            .run(&format!("ALTER TABLE dbo.{name} ADD extra datetime2(0) NULL, flag int NOT NULL DEFAULT 7"))
            .await;
        // Values that the new columns have before any capture instance holds them, and others afterwards.
        line.source
            .run(&format!(
                "UPDATE dbo.{name} SET extra = '2026-01-02T03:04:05', flag = id WHERE id < 3;
                 INSERT dbo.{name} (id, amount, note, flag) VALUES (4, 40000000000, N'four', 4);"
            ))
            .await;
    }
    line.drain().await;
    for format in formats {
        let name = format.to_lowercase();
        wait::until("the new columns to arrive", async || {
            let count = format!("SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.{name}')");
            (line.target.number(&count).await == 5).then_some(())
        })
        .await;
        line.source
            .run(&format!(
                "UPDATE dbo.{name} SET amount = -amount, extra = '2026-12-31' WHERE id > 1;
                 UPDATE dbo.{name} SET id = 30 WHERE id = 3;
                 INSERT dbo.{name} (id, amount) VALUES (5, 5);
                 DELETE dbo.{name} WHERE id = 1;"
            ))
            .await;
    }
    line.drain().await;
    for format in formats {
        let columns = "SELECT id, amount, note, extra, flag FROM";
        assert_eq!(line.assert_equal(&format!("{columns} dbo.{} ORDER BY id", format.to_lowercase())).await, 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_that_a_procedure_cannot_get_stops_the_log_reader_with_what_to_do() {
    let mut line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.docs (id int NOT NULL PRIMARY KEY, title nvarchar(20) NULL)").await;
    line.publish("p", &["dbo.fence"]).await;
    add(&line, "dbo.docs", &["--upd-cmd", "MCALL"]).await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.source.run("ALTER TABLE dbo.docs ADD body nvarchar(max) NULL; INSERT dbo.docs (id) VALUES (1)").await;
    let ended = line.publisher.take().unwrap().ended().await;
    refused(&ended, &["new columns of dbo.docs", "column body nvarchar(max)", "SCALL"]);
}
