//! The parts of a subscription's articles: which rows came from a snapshot, as of which position, and how far each is.

use super::{begin, commit, one_row};
use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use proto::{ArticleId, KeyRange, Lsn, Value, codec};
use uuid::Uuid;

/// A range of an article's keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The definition that it was read with, or one that came in its place.
    pub article: ArticleId,
    /// Number within the article.
    pub number: u32,
    /// Its keys.
    pub range: KeyRange,
    /// The snapshot contains every change up to here; the stream applies to it what comes after.
    pub boundary: Lsn,
    /// The snapshot it is loaded from; `None` for rows that were there.
    pub snapshot: Option<Uuid>,
    /// How far it is.
    pub state: PartState,
}

/// How far a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// The table is there, the part's rows are not.
    Waiting,
    /// Its rows are there; the stream does not touch the article yet.
    Loaded,
    /// The stream applies its changes; what the snapshot's scripts make after the rows is not there yet.
    Streamed,
    /// Everything is there.
    Complete,
}

impl PartState {
    /// As the table holds it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Loaded => "loaded",
            Self::Streamed => "streamed",
            Self::Complete => "complete",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Loaded, Self::Streamed, Self::Complete].into_iter().find(|state| state.name() == name)
    }
}

/// The parts of a subscription, by article and number.
pub async fn parts(client: &mut Client, subscription: &str) -> Result<Vec<Part>, Error> {
    const WHAT: &str = "reading a subscription's parts";
    const SQL: &str = "SELECT article, part, boundary, lower_bound, upper_bound, snapshot_id, state \
        FROM [replication].subscription_part WHERE subscription = @P1 ORDER BY article, part";
    let mut parts = Vec::new();
    for mut row in client.query(WHAT, SQL, &[subscription.into()]).await? {
        let unfit = |client: &Client| {
            let message = format!("replication.subscription_part holds a row of {subscription} that cannot be read");
            client.error(ErrorKind::Invalid, WHAT, message)
        };
        let Some(Value::String(state)) = row.pop() else { return Err(unfit(client)) };
        let snapshot = match row.pop() {
            Some(Value::Guid(bytes)) => Some(Uuid::from_bytes(bytes)),
            _ => None,
        };
        let upper = decode_bound(row.pop()).ok_or_else(|| unfit(client))?;
        let lower = decode_bound(row.pop()).ok_or_else(|| unfit(client))?;
        let state = PartState::parse(&state).ok_or_else(|| unfit(client))?;
        let mut fields = Fields::new(row, client, WHAT);
        let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        parts.push(Part {
            article: ArticleId(number(fields.integer()?)),
            number: number(fields.integer()?),
            range: KeyRange { lower, upper },
            boundary: fields.lsn()?,
            snapshot,
            state,
        });
    }
    Ok(parts)
}

/// Writes an article's parts down, in the place of what was known of it. In one transaction.
pub async fn prepare_parts(
    client: &mut Client,
    subscription: &str,
    article: ArticleId,
    parts: &[Part],
) -> Result<(), Error> {
    begin(client).await?;
    insert_parts(client, subscription, article, parts).await?;
    commit(client).await
}

/// The same, in the transaction that is open.
pub(super) async fn insert_parts(
    client: &mut Client,
    subscription: &str,
    article: ArticleId,
    parts: &[Part],
) -> Result<(), Error> {
    const WHAT: &str = "recording the parts of an article";
    const CLEAR: &str = "DELETE FROM [replication].subscription_part WHERE subscription = @P1 AND article = @P2";
    const PART: &str = "INSERT INTO [replication].subscription_part \
        (subscription, article, part, boundary, lower_bound, upper_bound, snapshot_id, state) VALUES \
        (@P1, @P2, @P3, CAST(@P4 AS binary(10)), CAST(@P5 AS varbinary(200)), CAST(@P6 AS varbinary(200)), \
        CAST(@P7 AS uniqueidentifier), @P8)";
    let id = number(client, WHAT, article.0)?;
    client.execute(WHAT, CLEAR, &[subscription.into(), id.into()]).await?;
    for part in parts {
        let bound = |bound: &Vec<Value>| (!bound.is_empty()).then(|| codec::encode(bound)).transpose();
        let malformed = |error: codec::CodecError| client.error(ErrorKind::Invalid, WHAT, error.to_string());
        let (lower, upper) =
            (bound(&part.range.lower).map_err(malformed)?, bound(&part.range.upper).map_err(malformed)?);
        let binary = |bytes: Option<Vec<u8>>| bytes.map_or(Value::Null, Value::Bytes);
        let (lower, upper) = (binary(lower), binary(upper));
        let snapshot = part.snapshot.map_or(Value::Null, |id| Value::Guid(*id.as_bytes()));
        let n = number(client, WHAT, part.number)?;
        let parameters = [
            subscription.into(),
            id.into(),
            n.into(),
            part.boundary.into(),
            (&lower).into(),
            (&upper).into(),
            (&snapshot).into(),
            part.state.name().into(),
        ];
        client.execute(WHAT, PART, &parameters).await?;
    }
    Ok(())
}

/// Says that a part's rows are there; in the transaction that put them there.
pub async fn part_loaded(client: &mut Client, subscription: &str, article: ArticleId, part: u32) -> Result<(), Error> {
    const WHAT: &str = "recording that a part is loaded";
    const SQL: &str = "UPDATE [replication].subscription_part SET state = 'loaded' \
        WHERE subscription = @P1 AND article = @P2 AND part = @P3 AND state = 'waiting'; SELECT @@ROWCOUNT;";
    let (id, part) = (number(client, WHAT, article.0)?, number(client, WHAT, part)?);
    let rows = client.query(WHAT, SQL, &[subscription.into(), id.into(), part.into()]).await?;
    one_row(client, WHAT, subscription, &rows)
}

/// How far a part is; `None` where it is not known. Waits for a transaction that is about to say so.
pub async fn part_state(
    client: &mut Client,
    subscription: &str,
    article: ArticleId,
    part: u32,
) -> Result<Option<PartState>, Error> {
    const WHAT: &str = "asking how far a part is";
    const SQL: &str = "SELECT state FROM [replication].subscription_part \
        WHERE subscription = @P1 AND article = @P2 AND part = @P3";
    let (id, part) = (number(client, WHAT, article.0)?, number(client, WHAT, part)?);
    let rows = client.query(WHAT, SQL, &[subscription.into(), id.into(), part.into()]).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let state = Fields::new(row, client, WHAT).text()?;
    Ok(PartState::parse(&state))
}

/// Lets the stream go on with all parts that are loaded beside those that it applies to already. It goes on at `position`, the earliest
/// boundary of them or the subscription's position before; where that is behind what is applied, `applied`, the earlier parts contain
/// everything up to there. In one transaction.
pub async fn join(client: &mut Client, subscription: &str, position: Lsn, applied: Option<Lsn>) -> Result<(), Error> {
    const WHAT: &str = "recording that the tables are loaded";
    const CONTAINED: &str = "UPDATE [replication].subscription_part SET boundary = CAST(@P2 AS binary(10)) \
        WHERE subscription = @P1 AND state IN ('streamed', 'complete') AND boundary < CAST(@P2 AS binary(10))";
    const JOINED: &str =
        "UPDATE [replication].subscription_part SET state = 'streamed' WHERE subscription = @P1 AND state = 'loaded'";
    const SQL: &str = "UPDATE [replication].subscription_state SET state = 'synchronizing', \
        position = CAST(@P2 AS binary(10)), updated_at = SYSUTCDATETIME() WHERE subscription = @P1; SELECT @@ROWCOUNT;";
    begin(client).await?;
    if let Some(applied) = applied {
        client.execute(WHAT, CONTAINED, &[subscription.into(), applied.into()]).await?;
    }
    client.execute(WHAT, JOINED, &[subscription.into()]).await?;
    let rows = client.query(WHAT, SQL, &[subscription.into(), position.into()]).await?;
    one_row(client, WHAT, subscription, &rows)?;
    commit(client).await
}

/// Says that the position is past all boundaries and that everything the snapshots' scripts make is there. In one transaction.
pub async fn complete(client: &mut Client, subscription: &str) -> Result<(), Error> {
    const WHAT: &str = "recording the end of the initialisation";
    const PARTS: &str =
        "UPDATE [replication].subscription_part SET state = 'complete' WHERE subscription = @P1 AND state = 'streamed'";
    const SQL: &str = "UPDATE [replication].subscription_state SET state = 'active', updated_at = SYSUTCDATETIME() \
        WHERE subscription = @P1; SELECT @@ROWCOUNT;";
    // Those of articles that are being loaded meanwhile stay.
    const LOADS: &str = "DELETE FROM [replication].subscription_load WHERE subscription = @P1 AND article IN ( \
        SELECT article FROM [replication].subscription_part WHERE subscription = @P1 AND state = 'streamed')";
    begin(client).await?;
    client.execute(WHAT, LOADS, &[subscription.into()]).await?;
    client.execute(WHAT, PARTS, &[subscription.into()]).await?;
    let rows = client.query(WHAT, SQL, &[subscription.into()]).await?;
    one_row(client, WHAT, subscription, &rows)?;
    commit(client).await
}

/// Gives a new definition of an article the parts of the one whose place it takes, in the transaction that is open.
pub async fn supersede_parts(
    client: &mut Client,
    subscription: &str,
    article: ArticleId,
    superseded: ArticleId,
) -> Result<(), Error> {
    const WHAT: &str = "recording an article's new definition";
    const SQL: &str = "INSERT INTO [replication].subscription_part \
        (subscription, article, part, boundary, lower_bound, upper_bound, snapshot_id, state) \
        SELECT p.subscription, @P2, p.part, p.boundary, p.lower_bound, p.upper_bound, p.snapshot_id, p.state \
        FROM [replication].subscription_part AS p \
        WHERE p.subscription = @P1 AND p.article = @P3 AND NOT EXISTS (SELECT 1 FROM [replication].subscription_part AS n \
        WHERE n.subscription = @P1 AND n.article = @P2); \
        SELECT COUNT(*) FROM [replication].subscription_part WHERE subscription = @P1 AND article = @P2;";
    let (id, before) = (number(client, WHAT, article.0)?, number(client, WHAT, superseded.0)?);
    let rows = client.query(WHAT, SQL, &[subscription.into(), id.into(), before.into()]).await?;
    if crate::apply::count(client, WHAT, &rows)? > 0 {
        return Ok(());
    }
    let message = format!(
        "replication.subscription_part holds nothing of article {superseded} of subscription {subscription}; it was changed by \
         somebody else: drop the subscription and add it again"
    );
    Err(client.error(ErrorKind::Invalid, WHAT, message))
}

pub(super) fn number(client: &Client, what: &str, number: u32) -> Result<i32, Error> {
    i32::try_from(number)
        .map_err(|_| client.error(ErrorKind::Invalid, what, format!("the number {number} is too large")))
}

/// A bound as it is stored; `None` for what is none.
fn decode_bound(value: Option<Value>) -> Option<Vec<Value>> {
    match value {
        Some(Value::Null) => Some(Vec::new()),
        Some(Value::Bytes(bytes)) => codec::decode(&bytes).ok(),
        _ => None,
    }
}
