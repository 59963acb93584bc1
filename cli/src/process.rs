//! The end of the process: exit codes and signals.

use std::error::Error;
use std::process::ExitCode;

/// Runs a program: 0 when it went well; otherwise prints `error: …` with the causes to stderr and gives 1.
/// (Wrong usage ends with 2, in [`crate::parse`].)
pub fn main<E: Into<Box<dyn Error + Send + Sync>>>(program: impl Future<Output = Result<(), E>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let ended = runtime.block_on(program);
    // A blocking read of stdin or a disk that hangs must not hold the process back.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error.into()),
    }
}

fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    eprintln!("error: {}", describe(error));
    ExitCode::FAILURE
}

/// An error and its causes, each on its own line, without those that the line above says already.
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !last.contains(&message) {
            text.push_str("\n  caused by: ");
            text.push_str(&message);
            last = message;
        }
        cause = error.source();
    }
    text
}

/// Completes when the process is asked to end: ctrl-c or SIGTERM.
pub async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            tracing::warn!("signals cannot be listened to; the process can only be killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::CliError;

    #[test]
    fn causes_are_told_once() {
        let inner = CliError::new("no such file");
        let middle = CliError::because("cannot read x: no such file", inner);
        let outer = CliError::because("cannot start", middle);
        assert_eq!(describe(&outer), "cannot start\n  caused by: cannot read x: no such file");
    }
}
