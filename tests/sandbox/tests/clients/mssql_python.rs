//! Microsoft's ODBC driver, by way of PyPI's `mssql-python`; its bulk copy is Microsoft's TDS library in Rust.

use super::Protection;
use super::program::{python, run_script};

const STEPS: &[&str] = &[
    "connect",
    "wrong password",
    "create a table",
    "parameters of every type",
    "values of sql variant",
    "rowversion",
    "declared parameters",
    "description",
    "many rows of parameters",
    "prepared statement",
    "several results and counts",
    "stored procedure",
    "messages",
    "errors",
    "transactions",
    "isolation level",
    "timeout",
    "large values",
    "bulk copy",
    "bulk copy that breaks a constraint leaves nothing",
    "catalog functions",
    "pool",
];

#[tokio::test]
async fn mssql_python_runs_a_session_in_the_clear() {
    run_script(python(), "odbc.py", Protection::Plain, STEPS).await;
}

#[tokio::test]
async fn mssql_python_runs_a_session_over_tls() {
    run_script(python(), "odbc.py", Protection::Encrypted, STEPS).await;
}

#[tokio::test]
async fn mssql_python_runs_a_session_over_tds_8() {
    run_script(python(), "odbc.py", Protection::Strict, STEPS).await;
}
