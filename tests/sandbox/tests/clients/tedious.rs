//! npm's `tedious`.

use super::Protection;
use super::program::{node, run_script};

const STEPS: &[&str] = &[
    "connect",
    "wrong password",
    "create a table",
    "parameters of every type",
    "types that it only reads",
    "metadata",
    "output parameters and status",
    "stored procedure",
    "table-valued parameter",
    "several results, counts and messages",
    "errors",
    "prepared statement",
    "transactions",
    "cancel a statement that waits",
    "cancel a result half read",
    "timeout",
    "large values",
    "bulk load",
    "bulk load that breaks a constraint leaves nothing",
    "reset",
];

#[tokio::test]
async fn tedious_runs_a_session_in_the_clear() {
    run_script(node(), "tedious.js", Protection::Plain, STEPS).await;
}

#[tokio::test]
async fn tedious_runs_a_session_over_tls() {
    run_script(node(), "tedious.js", Protection::Encrypted, STEPS).await;
}

#[tokio::test]
async fn tedious_runs_a_session_over_tds_8() {
    run_script(node(), "tedious.js", Protection::Strict, STEPS).await;
}
