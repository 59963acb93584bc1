//! What our sessions at a subscriber say about themselves.
//!
//! SQL Server knows a replication agent by a bit that it sets when it logs in; for such a session, `NOT FOR REPLICATION` makes triggers
//! not fire, checks and foreign keys not be checked, and identity columns take values as they come
//! (<https://learn.microsoft.com/openspecs/windows_protocols/ms-tds/> section 2.2.6.4, `fUserType`). The TDS client that we use cannot
//! set it, so to the server our sessions are ordinary ones. They say who they are in their session context instead, and what the
//! snapshot scripts asks for it: triggers and checks that are `NOT FOR REPLICATION` at the publisher let our sessions pass. Foreign
//! keys cannot ask; they hold for our sessions as for others.

use crate::client::Client;
use crate::error::Error;

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
