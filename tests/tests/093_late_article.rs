//! A table that is added to a publication in use: a snapshot of it alone brings its rows, in their place in the stream, while the other
//! tables go on.

#![allow(clippy::unwrap_used)]

use proto::ArticleId;
use std::path::PathBuf;
use tests::line::{At, Line, succeeded};
use tests::process::run;
use tests::workload::Workload;
use workdir::{Credentials, SnapshotReader};

/// A publication in use, with a table that refers to one of its tables and is not published yet.
async fn line() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.parent (id int NOT NULL PRIMARY KEY, n int NOT NULL);
             CREATE TABLE dbo.[late one] (id int NOT NULL PRIMARY KEY, n int NOT NULL, parent int NOT NULL
                 CONSTRAINT FK_late FOREIGN KEY REFERENCES dbo.parent (id));
             INSERT INTO dbo.parent VALUES (1, 0), (2, 0);
             INSERT INTO dbo.[late one] VALUES (1, 0, 1), (2, 0, 2), (3, 0, 1);",
        )
        .await;
    line.replicate(&["dbo.fence", "dbo.parent"]).await;
    line.drain().await;
    line
}

fn folders(line: &Line) -> Vec<PathBuf> {
    std::fs::read_dir(line.path("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Writers of both tables, in one transaction each.
fn writers(line: &Line) -> Workload {
    Workload::start(&line.source, 2, |task| {
        let mut n = 0;
        move || {
            n += 1;
            format!(
                "SET XACT_ABORT ON; BEGIN TRAN;
                 UPDATE dbo.parent SET n = n + 1 WHERE id = {};
                 UPDATE dbo.[late one] SET n = n + 1;
                 INSERT INTO dbo.[late one] VALUES ({}, 1, 1);
                 COMMIT;",
                task + 1,
                1_000 * (task as i64 + 1) + n
            )
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn its_snapshot_is_taken_with_it_and_of_it_alone() {
    let line = line().await;
    let before = folders(&line);
    let writers = writers(&line);
    writers.makes(20).await;
    let said = line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.[late one]"]).await;
    assert!(said.contains("article dbo.late one added to publication p"), "{said}");
    assert!(said.contains("of publication p: 1 articles, "), "{said}");
    let new: Vec<PathBuf> = folders(&line).into_iter().filter(|folder| !before.contains(folder)).collect();
    assert_eq!(new.len(), 1, "{new:?}");
    let location = format!("file://{}", new[0].display());
    let reader = SnapshotReader::open(&location, &Credentials::default()).await.unwrap();
    let articles = &reader.manifest().articles;
    assert_eq!(articles.iter().map(|a| a.article.source.table.as_str()).collect::<Vec<_>>(), ["late one"]);
    let id: ArticleId = articles[0].article.id;
    // What it refers to is published, though not in this snapshot.
    let last = reader.last_script(id).await.unwrap();
    assert!(last.contains("FK_late") && last.contains("[dbo].[parent]"), "{last}");
    writers.makes(20).await;
    writers.stop().await;
    line.drain().await;
    line.assert_equal("SELECT * FROM dbo.parent ORDER BY id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_working_directory_the_command_that_brings_it_is_told() {
    let line = line().await;
    let mut command = line.command("publisher", At::Source);
    command.env_remove("REPL_WORKING_DIRECTORY");
    command.args(["article", "add", "--publication", "p", "--table", "dbo.[late one]"]);
    let said = succeeded(run("article-add", command, line.folder()).await);
    let told = "publisher snapshot --publication p --article '[dbo].[late one]' --working-directory URL";
    assert!(said.contains("subscription s get its rows") && said.contains(told), "{said}");
    assert_eq!(folders(&line).len(), 1);
    let said = line.publisher_does(&["snapshot", "--publication", "p", "--article", "[dbo].[late one]"]).await;
    assert!(said.contains("of publication p: 1 articles, 3 rows"), "{said}");
    let unknown = line.publisher_tries(&["snapshot", "--publication", "p", "--article", "dbo.unknown"]).await;
    assert!(!unknown.status.success());
    assert!(unknown.stderr.contains("has no article of dbo.unknown"), "{}", unknown.stderr);
}
