//! How fast the sandbox is, beside bare SQLite doing the same in the same run. `cargo bench -p sandbox [-- --quick] [-- PART…]`,
//! parts: `bulk`, `scan`, `point`, `bank`.
//!
//! What each line measures stands beside it; the three ways to measure the sandbox are:
//!
//! * *engine*: a session in this process, whose rows go nowhere: T-SQL, encoding and SQLite.
//! * *TDS*: over a loopback connection, with a client that sends bytes made beforehand and reads bytes without looking into them.
//! * *tiberius*: the same with the client library that the product uses; its encoding and decoding are part of the time.
//!
//! Rounds of what is compared take turns, and the fastest of each counts, so that what else the machine does falls on both.

mod bank;
mod bulk;
mod orders;
mod point;
mod report;
mod scan;
mod servers;
mod wire;

use report::Report;

/// How much to do.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Rows of a bulk load.
    load: usize,
    /// Rows of the scan.
    scan: usize,
    /// Rows of the largest table for point updates.
    point: usize,
    /// Transfers of each writer.
    transfers: usize,
    /// Rounds of which the fastest counts.
    rounds: usize,
}

/// Measures a part.
type Measure = fn(Size, &mut Report);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let size = if quick {
        Size { load: 50_000, scan: 100_000, point: 100_000, transfers: 100, rounds: 2 }
    } else {
        Size { load: 300_000, scan: 1_000_000, point: 1_000_000, transfers: 500, rounds: 5 }
    };
    let parts: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| *wanted == part);
    let mut report = Report::default();
    let measures: [(&str, Measure); 4] =
        [("bulk", bulk::measure), ("scan", scan::measure), ("point", point::measure), ("bank", bank::measure)];
    for (part, measure) in measures {
        if wanted(part) {
            eprintln!("{part} …");
            measure(size, &mut report);
        }
    }
    report.print();
}
