//! Whether anything is lost between what was read and what is to be read.
//!
//! Three things can part the two:
//! - *Cleanup* removes changes by age. It first moves the change table's beginning and then deletes, so rows are complete if the table
//!   began at or before our position when it was asked *after* they were read.
//! - *A change table made anew*, because capture was disabled and enabled again or the table dropped and made again, has another
//!   `object_id`. As the old one never comes back, asking after reading is enough here too.
//! - *Another history*: the database was restored, or another server took its place. The transaction at our position is then
//!   not in `cdc.lsn_time_mapping`, or it ended at another time. Either of these breaks every connection, so it is enough to ask once
//!   a connection, and to let every answer about change tables come over that same connection.
//!
//! No alarm for idle tables: where a table had no changes does not matter, since the position is that of the whole log.

use super::problem::Problem;
use proto::{Article, Lsn};
use sqlserver::cdc::CaptureInstance;
use sqlserver::history::{ChangeTable, History};
use std::collections::HashMap;

/// A position with the time of the transaction there, where that is known.
pub(super) type Known = (Lsn, Option<i64>);

/// Checks all articles against the capture instances, everything up to `position` having been read.
pub(super) fn check_instances<'a>(
    articles: impl Iterator<Item = &'a Article> + Clone,
    position: Lsn,
    instances: &[CaptureInstance],
) -> Result<(), Problem> {
    let mut tables = Vec::with_capacity(instances.len());
    for instance in instances {
        tables.push(ChangeTable { object_id: instance.change_table, start_lsn: instance.start_lsn });
    }
    for article in articles.clone() {
        find(article, instances)?;
    }
    check_tables(articles, position, &tables)
}

/// Checks all articles against the change tables, everything up to `position` having been read.
pub(super) fn check_tables<'a>(
    articles: impl Iterator<Item = &'a Article>,
    position: Lsn,
    tables: &[ChangeTable],
) -> Result<(), Problem> {
    let begins: HashMap<i32, Lsn> = tables.iter().map(|table| (table.object_id, table.start_lsn)).collect();
    let mut gap: Option<(&Article, Lsn)> = None;
    let mut others = 0;
    for article in articles {
        let Some(begin) = begins.get(&article.capture.change_table) else {
            return Err(Problem::Replaced {
                table: article.source.clone(),
                capture_instance: article.capture.instance.clone(),
                position,
            });
        };
        if *begin > position.max(article.capture.start_lsn) {
            match gap {
                None => gap = Some((article, *begin)),
                Some(_) => others += 1,
            }
        }
    }
    match gap {
        None => Ok(()),
        Some((article, available)) => Err(Problem::Gap { table: article.source.clone(), others, position, available }),
    }
}

/// The capture instance of an article.
pub(super) fn find<'a>(article: &Article, instances: &'a [CaptureInstance]) -> Result<&'a CaptureInstance, Problem> {
    instances.iter().find(|i| i.name == article.capture.instance).ok_or_else(|| Problem::Gone {
        table: article.source.clone(),
        capture_instance: article.capture.instance.clone(),
    })
}

/// Checks that the log still has the history in which we came to a position. Whether it has is yet to be seen where it is not captured
/// that far; then that is watched from `now` on.
pub(super) fn check_history<'a>(
    articles: impl Iterator<Item = &'a Article>,
    (position, committed_at): Known,
    history: &History,
    now: i64,
) -> Result<Option<Behind>, Problem> {
    if !matters(articles, position) {
        return Ok(None);
    }
    match (history.committed_at, committed_at) {
        (Some(found), Some(known)) if found != known => Err(Problem::OtherHistory { position }),
        (Some(_), _) => Ok(None),
        (None, _) if history.last < Some(position) => Ok(Some(Behind { captured: history.last, since: now })),
        // Cleanup has passed it; whether anything was lost by that, the change tables tell.
        (None, _) if history.first > Some(position) => Ok(None),
        (None, _) => Err(Problem::OtherHistory { position }),
    }
}

/// Longest that capture may stand still behind a position, microseconds.
///
/// A restored database may have our transaction in its log, with capture having been behind at the time of the backup: then it comes
/// there again. One whose log ends before never does.
const CATCH_UP: i64 = 20_000_000;

/// Capture that has gone back behind what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    captured: Option<Lsn>,
    since: i64,
}

/// Watches whether capture is behind a position; a problem if it stays where it is there.
pub(super) fn watch<'a>(
    articles: impl Iterator<Item = &'a Article>,
    (position, _): Known,
    captured: Option<Lsn>,
    before: Option<Behind>,
    now: i64,
) -> Result<Option<Behind>, Problem> {
    if captured >= Some(position) || !matters(articles, position) {
        return Ok(None);
    }
    match before.filter(|before| before.captured == captured) {
        Some(before) if now - before.since >= CATCH_UP => Err(Problem::WentBack { position, captured }),
        Some(before) => Ok(Some(before)),
        None => Ok(Some(Behind { captured, since: now })),
    }
}

/// Whether anything is read that lies on from this position: nothing does if all articles began after it.
fn matters<'a>(mut articles: impl Iterator<Item = &'a Article>, position: Lsn) -> bool {
    articles.any(|article| article.capture.start_lsn <= position)
}
