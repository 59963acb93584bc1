//! What our sessions at a subscriber say about themselves.
//!
//! SQL Server knows a replication agent by a bit that it sets when it logs in; for such a session, `NOT FOR REPLICATION` makes triggers
//! not fire, checks and foreign keys not be checked, and identity columns take values as they come
//! (<https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/> section 2.2.6.4, `fUserType`). The TDS client that we use cannot
//! set it, so to the server our sessions are ordinary ones. They say who they are in their session context instead, and what the
//! snapshot scripts asks for it: triggers and checks that are `NOT FOR REPLICATION` at the publisher let our sessions pass. Foreign
//! keys cannot ask; they hold for our sessions as for others.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use std::time::Duration;

/// True in a session of a subscriber's.
pub(crate) const NOT_FOR_REPLICATION: &str = "SESSION_CONTEXT(N'replication') IS NOT NULL";

/// First statement of a trigger that is not for replication.
pub(crate) const GUARD: &str = "IF SESSION_CONTEXT(N'replication') IS NOT NULL RETURN;";

/// Says in the session context that what this session writes was replicated. It cannot be unsaid.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-set-session-context-transact-sql>
pub async fn for_replication(client: &mut Client, subscription: &str) -> Result<(), Error> {
    const SQL: &str = "EXEC sys.sp_set_session_context @key = N'replication', @value = @P1, @read_only = 1";
    client.execute("naming the session", SQL, &[subscription.into()]).await.map(|_| ())
}

/// How long the lock of a process that has just died may outlive it: until the server has noticed, and has rolled back what it did.
const LOCK_OUTLIVES: Duration = Duration::from_secs(5);

/// Takes a lock that is known by a name alone and held until the connection ends, waiting no longer than [`LOCK_OUTLIVES`] for whoever holds
/// it. False if somebody does still.
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql>
pub(crate) async fn lock(client: &mut Client, what: &str, resource: &str) -> Result<bool, Error> {
    const SQL: &str = "DECLARE @result int; EXEC @result = sp_getapplock @Resource = @P1, @LockMode = 'Exclusive', \
        @LockOwner = 'Session', @LockTimeout = @P2; SELECT @result;";
    let patience = i32::try_from(LOCK_OUTLIVES.as_millis()).unwrap_or(i32::MAX);
    let rows = client.query(what, SQL, &[resource.into(), patience.into()]).await?;
    let row = rows.into_iter().next_back().unwrap_or_default();
    match Fields::new(row, client, what).integer()? {
        0 | 1 => Ok(true),
        -1 => Ok(false),
        code => Err(client.error(ErrorKind::Invalid, what, format!("sp_getapplock gave {code}"))),
    }
}
