//! What the sandbox leaves out it says: each statement of a corpus of valid T-SQL is refused, changes nothing, and the session goes on.
#![allow(clippy::unwrap_used)]

mod server;

use server::{exec, start, text, try_exec};

const CORPUS: &str = include_str!("outside/statements.sql");
/// Fewest statements that make a corpus.
const FEWEST: usize = 200;

/// An area's page of the documentation with its statements.
fn corpus() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut areas = Vec::new();
    let mut rest = CORPUS.split("\n--- ");
    let _introduction = rest.next();
    for area in rest {
        let (heading, statements) = area.split_once('\n').unwrap();
        assert!(heading.contains("https://"), "an area without its documentation: {heading}");
        areas.push((heading, statements.split("\n\n").map(str::trim).filter(|s| !s.is_empty()).collect()));
    }
    areas
}

#[tokio::test]
async fn what_is_outside_the_subset_is_refused_and_changes_nothing() {
    let server = start().await;
    let mut db = server.shop().await;
    exec(&mut db, "CREATE TABLE dbo.t (id int NOT NULL CONSTRAINT i PRIMARY KEY, v varchar(100) NULL)").await;
    exec(&mut db, "CREATE TABLE dbo.u (id int NULL, v varchar(100) NULL)").await;
    exec(&mut db, "INSERT dbo.t VALUES (1, 'a')").await;
    let state = "SELECT COUNT(*), MAX(object_id) FROM sys.objects; SELECT COUNT(*) FROM sys.types; SELECT id, v FROM dbo.t; \
                 SELECT COUNT(*) FROM sys.database_principals; SELECT COUNT(*) FROM sys.databases; SELECT COUNT(*) FROM sys.indexes";
    let before = text(&mut db, state).await;
    let (mut refused, mut answered) = (0, Vec::new());
    for (area, statements) in corpus() {
        for statement in statements {
            match try_exec(&mut db, statement).await {
                Err(tiberius::error::Error::Server(e))
                    if e.code() == 50_000 && e.message().starts_with("sandbox: not supported: ") =>
                {
                    refused += 1;
                }
                Err(error) => answered.push(format!("{area}\n  {statement}\n  {error}")),
                Ok(rows) => answered.push(format!("{area}\n  {statement}\n  {rows:?}")),
            }
            // The session is as it was: no transaction left, nothing made, its options untouched.
            let after = text(&mut db, "SELECT @@TRANCOUNT, 1").await;
            assert_eq!(after, "0|1", "after: {statement}");
        }
    }
    assert!(answered.is_empty(), "{} not refused:\n{}", answered.len(), answered.join("\n"));
    assert_eq!(text(&mut db, state).await, before);
    assert!(refused >= FEWEST, "only {refused} statements");
}
