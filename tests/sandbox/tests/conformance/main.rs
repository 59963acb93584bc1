//! The conformance suite: cases with their expected answer and its page of the documentation, run against the sandbox, or unchanged
//! against the server named in `TEST_SQLSERVER_URL`.
//!
//! The cases lie in `tests/sandbox/conformance`, a file a topic; `cases.rs` says how they are written. Arguments pick topics and
//! cases: `cargo test -p sandbox --test conformance -- merge` runs those whose topic or name contains `merge`.
#![forbid(unsafe_code)]

mod answer;
mod cases;
mod run;
mod selfcheck;
mod show;

use cases::{Case, Topic};
use run::{Outcome, Target};
use sandbox::client::Server;
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::server::{InProcess, ServerOptions, start_in_process};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Password of `sa` at the sandbox.
const PASSWORD: &str = "Conformance-1!";
/// Topics that run at the same time.
const AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        println!("conformance: test");
        return ExitCode::SUCCESS;
    }
    let verbose = arguments.iter().any(|a| a == "--nocapture");
    let words: Vec<String> = arguments.into_iter().filter(|a| !a.starts_with('-')).map(|a| a.to_lowercase()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let topics = match cases::read_folder(&folder) {
        Ok(topics) => topics,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be had");
    if runtime.block_on(Box::pin(run_all(topics, words, verbose))) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a topic came to.
struct Done {
    topic: Arc<Topic>,
    outcomes: Vec<(String, usize, Outcome, Duration)>,
}

async fn run_all(topics: Vec<Topic>, words: Vec<String>, verbose: bool) -> bool {
    let (target, _running) = target();
    println!("conformance of {}", target.server.name);
    if let Err(why) = selfcheck::run(&target).await {
        println!("FAILED: the runner cannot be trusted: {why}");
        return false;
    }
    let target = Arc::new(target);
    let words = Arc::new(words);
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for topic in topics {
        let (target, words, places) = (Arc::clone(&target), Arc::clone(&words), Arc::clone(&places));
        let topic = Arc::new(topic);
        let work = {
            let topic = Arc::clone(&topic);
            async move {
                let _place = places.acquire().await;
                target.run(&topic, &|case| wanted(&topic, case, &words)).await
            }
        };
        running.push((topic, tokio::spawn(work)));
    }
    let mut done = Vec::new();
    for (topic, task) in running {
        let outcomes = match task.await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![("topic".to_owned(), 1, Outcome::Failed(error.to_string()), Duration::ZERO)],
        };
        done.push(Done { topic, outcomes });
    }
    print(&done, verbose)
}

fn wanted(topic: &Topic, case: &Case, words: &[String]) -> bool {
    words.is_empty()
        || words.iter().any(|word| topic.name.contains(word.as_str()) || case.name.to_lowercase().contains(word))
}

/// Prints the table; true if nothing failed.
fn print(done: &[Done], verbose: bool) -> bool {
    let count = |outcomes: &[(String, usize, Outcome, Duration)], which: fn(&Outcome) -> bool| {
        outcomes.iter().filter(|(_, _, outcome, _)| which(outcome)).count()
    };
    let is_failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
    for Done { topic, outcomes } in done {
        for (name, line, outcome, took) in outcomes {
            match outcome {
                Outcome::Failed(why) => println!("FAILED {}.sql:{line} {name}\n    {why}", topic.name),
                Outcome::Refused if verbose => println!("refused {}.sql:{line} {name}", topic.name),
                Outcome::Passed if verbose => println!("passed {}.sql:{line} {name} ({took:.1?})", topic.name),
                _ => {}
            }
        }
    }
    let mut sums = [0; 3];
    println!("{:<26} {:>7} {:>7} {:>8}  what it is about", "topic", "passed", "failed", "refused");
    for Done { topic, outcomes } in done.iter().filter(|done| !done.outcomes.is_empty()) {
        let counts = [
            count(outcomes, |o| *o == Outcome::Passed),
            count(outcomes, is_failed),
            count(outcomes, |o| *o == Outcome::Refused),
        ];
        println!("{:<26} {:>7} {:>7} {:>8}  {}", topic.name, counts[0], counts[1], counts[2], topic.title);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    println!("{:<26} {:>7} {:>7} {:>8}", "all", sums[0], sums[1], sums[2]);
    println!("conformance: {} passed, {} failed", sums[0], sums[1]);
    sums[1] == 0
}

/// The server of `TEST_SQLSERVER_URL`, or a sandbox in this process.
fn target() -> (Target, Option<(InProcess, tempfile::TempDir)>) {
    if let Some(server) = Server::from_environment() {
        return (Target { server, is_sandbox: false }, None);
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let engine = SqliteEngine::open(folder.path(), EngineOptions::new(PASSWORD)).expect("a sandbox can be opened");
    let running = start_in_process(engine, ServerOptions::default()).expect("a sandbox can listen");
    let server = Server::sandbox("the sandbox", running.local_addr().port(), PASSWORD);
    (Target { server, is_sandbox: true }, Some((running, folder)))
}
