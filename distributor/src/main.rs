//! `distributor`: the queue's service and its administration.
#![forbid(unsafe_code)]

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: command::Arguments = cli::parse();
    cli::main(command::run(arguments))
}
