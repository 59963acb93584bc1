//! How fast the line is, each figure beside the physical limit measured in the same run. Run with `cargo bench -p tests`; a name after
//! `--` picks one of `queue`, `reader`, `apply`, `snapshot`, `storage`, `latency`. `-- --long` runs what takes minutes instead, `-- --long 10` a
//! tenth of it; a name before it picks `transactions` or `snapshot`.
//!
//! The servers are sandboxes on the same machine, which compete with what is measured; a limit is what a bare client of the same
//! library, or a bare file, reaches under the same conditions. The figures decide nothing; no test depends on them.

mod apply;
mod latency;
mod long;
mod queue;
mod reader;
mod report;
mod snapshot;
mod storage;
mod tpch;

use report::Report;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be had");
    let mut report = Report::default();
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut arguments = std::env::args().skip_while(|argument| argument != "--long");
    if arguments.next().is_some() {
        let fraction = arguments.next().and_then(|fraction| fraction.parse().ok()).unwrap_or(1);
        if wanted("transactions") {
            eprintln!("a large transaction, and many tiny ones …");
            runtime.block_on(Box::pin(long::measure(&mut report, fraction)));
        }
        if wanted("snapshot") {
            eprintln!("snapshot of a large database …");
            runtime.block_on(Box::pin(snapshot::measure(&mut report, 1.0 / fraction as f64, 1)));
        }
        return report.print();
    }
    if wanted("queue") {
        eprintln!("queue: append and sync …");
        queue::measure(&mut report);
    }
    if wanted("reader") {
        eprintln!("log reader: reading a backlog …");
        runtime.block_on(Box::pin(reader::measure(&mut report)));
    }
    if wanted("apply") {
        eprintln!("subscriber: applying …");
        runtime.block_on(Box::pin(apply::measure(&mut report)));
    }
    if wanted("snapshot") {
        eprintln!("snapshot: out and in …");
        runtime.block_on(Box::pin(snapshot::measure(&mut report, 0.1, 2)));
    }
    if wanted("storage") {
        eprintln!("storage: a file to each kind of working directory and back …");
        runtime.block_on(Box::pin(storage::measure(&mut report)));
    }
    if wanted("latency") {
        eprintln!("latency: commits one by one through the whole line …");
        runtime.block_on(Box::pin(latency::measure(&mut report)));
    }
    report.print();
}
