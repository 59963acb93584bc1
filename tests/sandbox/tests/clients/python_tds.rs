//! PyPI's `python-tds`, TDS in Python alone.

use super::Protection;
use super::program::{python, run_script};

const STEPS: &[&str] = &[
    "connect",
    "wrong password",
    "create a table",
    "parameters of every type",
    "text ntext image and sql variant",
    "results typed by the server",
    "procedure with output",
    "stored procedure",
    "several results and messages",
    "errors",
    "transactions",
    "cancel a result half read",
    "timeout",
    "large values",
    "bulk load",
    "bulk load that breaks a constraint leaves nothing",
    "tds 7 point 3",
];

#[tokio::test]
async fn python_tds_runs_a_session_in_the_clear() {
    run_script(python(), "pure.py", Protection::Plain, STEPS).await;
}

#[tokio::test]
async fn python_tds_runs_a_session_over_tls() {
    run_script(python(), "pure.py", Protection::Encrypted, STEPS).await;
}
