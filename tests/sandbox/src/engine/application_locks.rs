//! `sp_getapplock` and what belongs to it: locks of names that an application chooses, per database and principal of it.
//!
//! Source: <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/functions/applock-mode-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/functions/applock-test-transact-sql>.

use super::locks::{Asker, Mode, NotGranted, Resource, Span, Want};
use super::procedures::{Argument, integer_argument, text_argument};
use super::session::SqlSession;
use super::session_functions::text;
use super::session_state::SessionShared;
use super::stop::{Exec, Stop};
use crate::error::SqlError;
use crate::session::Sink;
use crate::types::Datum;
use std::sync::Arc;
use std::time::Duration;

/// Characters of a name that count.
const MAX_NAME: usize = 255;
/// Status for wrong arguments.
const INVALID: i32 = -999;

fn mode_of(word: &str) -> Option<Mode> {
    Some(match word.to_ascii_lowercase().as_str() {
        "shared" => Mode::Shared,
        "update" => Mode::Update,
        "exclusive" => Mode::Exclusive,
        "intentshared" => Mode::IntentShared,
        "intentexclusive" => Mode::IntentExclusive,
        _ => return None,
    })
}

fn span_of(word: &str) -> Option<Span> {
    match word.to_ascii_lowercase().as_str() {
        "session" => Some(Span::Session),
        "transaction" => Some(Span::Transaction),
        _ => None,
    }
}

/// The resource of a name. Names are compared by their bytes; principals are not.
fn resource(database: i32, principal: &str, name: &str) -> Resource {
    let name: String = name.chars().take(MAX_NAME).collect();
    Resource::Application(database, Arc::from(format!("{}:{name}", principal.to_lowercase())))
}

impl SqlSession {
    /// `sp_getapplock`: 0 granted, 1 after waiting, −1 timed out, −2 cancelled, −3 a deadlock's victim, −999 a wrong argument. A
    /// victim's transaction is not rolled back.
    pub(super) fn sp_getapplock(&mut self, arguments: &[Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let Some((resource, span)) = self.lock_of(arguments, (2, "@LockOwner"), (4, "@DbPrincipal"))? else {
            return Ok(INVALID);
        };
        let mode = text_argument(arguments, "@LockMode", 1).unwrap_or_default();
        let Some(mode) = mode_of(&mode) else { return Ok(INVALID) };
        let timeout = match integer_argument(arguments, "@LockTimeout", 3)? {
            Some(timeout) => timeout,
            None => i64::from(self.shared.state().options.lock_timeout),
        };
        let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
        let asker = Asker { timeout, ..self.asker() };
        let wants = [Want::new(resource, mode, span)];
        match self.server().locks.acquire(&asker, &wants, &|| sink.is_cancelled()) {
            Ok(waited) => Ok(i32::from(waited)),
            Err(NotGranted::TimedOut) => Ok(-1),
            Err(NotGranted::Cancelled) => Err(Stop::Cancelled),
            Err(NotGranted::Deadlock) => Ok(-3),
        }
    }

    /// `sp_releaseapplock`.
    pub(super) fn sp_releaseapplock(&mut self, arguments: &[Argument]) -> Exec<i32> {
        let Some((resource, span)) = self.lock_of(arguments, (1, "@LockOwner"), (2, "@DbPrincipal"))? else {
            return Ok(INVALID);
        };
        if self.server().locks.release_one(self.shared.id, &resource, span) {
            return Ok(0);
        }
        let principal = text_argument(arguments, "@DbPrincipal", 2).unwrap_or_else(|| "public".to_owned());
        let name = text_argument(arguments, "@Resource", 0).unwrap_or_default();
        let text = format!(
            "Cannot release the application lock (Database Principal: '{principal}', Resource: '{name}') because it is not currently \
             held."
        );
        Err(SqlError::new(1223, text).into())
    }

    /// The lock that arguments name; `None` when they are wrong.
    fn lock_of(
        &self,
        arguments: &[Argument],
        owner: (usize, &str),
        principal: (usize, &str),
    ) -> Exec<Option<(Resource, Span)>> {
        let Some(name) = text_argument(arguments, "@Resource", 0) else { return Ok(None) };
        let owner = text_argument(arguments, owner.1, owner.0).unwrap_or_else(|| "Transaction".to_owned());
        let Some(span) = span_of(&owner) else { return Ok(None) };
        let principal = text_argument(arguments, principal.1, principal.0).unwrap_or_else(|| "public".to_owned());
        if !["public", "dbo"].iter().any(|known| known.eq_ignore_ascii_case(&principal)) {
            return Err(SqlError::unsupported("application locks for principals other than public and dbo").into());
        }
        if span == Span::Transaction && self.shared.state().tran_count == 0 {
            let text = "The statement or function must be executed in the context of a user transaction.";
            return Err(SqlError::new(3918, text).into());
        }
        Ok(Some((resource(self.database().id, &principal, &name), span)))
    }
}

fn string(value: Option<&Datum>) -> Option<&str> {
    match value {
        Some(Datum::String(text)) => Some(text),
        _ => None,
    }
}

/// `APPLOCK_MODE(principal, resource, owner)`: what the session holds.
pub(super) fn applock_mode(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let argument = |at: usize| string(arguments.get(at));
    let (Some(principal), Some(name), Some(span)) = (argument(0), argument(1), argument(2).and_then(span_of)) else {
        return Datum::Null;
    };
    let database = session.state().database.id;
    let modes = session.server.locks.modes(session.id, &resource(database, principal, name), span);
    let holds = |mode| modes.contains(&mode);
    let intends = holds(Mode::IntentExclusive);
    text(match modes.as_slice() {
        [] => "NoLock",
        _ if holds(Mode::Exclusive) => "Exclusive",
        _ if holds(Mode::Update) && intends => "UpdateIntentExclusive",
        _ if holds(Mode::Update) => "Update",
        _ if holds(Mode::Shared) && intends => "SharedIntentExclusive",
        _ if holds(Mode::Shared) => "Shared",
        _ if intends => "IntentExclusive",
        _ => "IntentShared",
    })
}

/// `APPLOCK_TEST(principal, resource, mode, owner)`: whether it would be granted at once.
pub(super) fn applock_test(session: &SessionShared, arguments: &[Datum]) -> Datum {
    let argument = |at: usize| string(arguments.get(at));
    let (Some(principal), Some(name), Some(mode), Some(span)) =
        (argument(0), argument(1), argument(2).and_then(mode_of), argument(3).and_then(span_of))
    else {
        return Datum::Null;
    };
    let database = session.state().database.id;
    let want = Want::new(resource(database, principal, name), mode, span);
    Datum::SmallInt(i16::from(session.server.locks.is_free(session.id, &[want])))
}
