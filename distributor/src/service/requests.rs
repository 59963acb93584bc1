//! Administrative requests.

use super::connection::Client;
use super::state::now;
use super::state::{Database, State, internal, stored_progress};
use super::{logins, snapshots, status, tracers};
use crate::catalog::{Change, Contents, Entry, Key, Planned, plan};
use proto::catalog::{DatabaseName, LoginRole, Request, Response, Subscription, SyncType};
use proto::message::{Refusal, RefusalKind};
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) async fn handle(state: &Arc<State>, client: &Client, request: Request) -> Result<Response, Refusal> {
    client.require(allowed(&request))?;
    let what = described(&request);
    let response = answer(state, request).await;
    if let Some(what) = what {
        match &response {
            Ok(_) => tracing::info!(login = client.login, peer = client.peer, "{what}"),
            Err(refusal) => tracing::info!(login = client.login, peer = client.peer, %refusal, "refused: {what}"),
        }
    }
    response
}

/// Roles that may, beside admin.
fn allowed(request: &Request) -> &'static [LoginRole] {
    use LoginRole::{Monitor, Publisher, Subscriber};
    match request {
        Request::PublicationAdd(_)
        | Request::PublicationSet { .. }
        | Request::PublicationDrop { .. }
        | Request::ArticleAdd(_)
        | Request::ArticleDrop { .. }
        | Request::FilterChangeAdd(_)
        | Request::FilterChangeDrop { .. }
        | Request::FilterChangeList { .. }
        | Request::SnapshotBegin { .. }
        | Request::SnapshotRegister(_)
        | Request::SnapshotProgress(_)
        | Request::SnapshotAbandon { .. }
        | Request::SnapshotForget { .. }
        | Request::TracerPost { .. } => &[Publisher],
        Request::SubscriptionAdd(_) | Request::SubscriptionDrop { .. } => &[Subscriber],
        Request::SnapshotLatest { .. } => &[Publisher, Subscriber],
        Request::LoginAdd { .. } | Request::LoginList | Request::LoginDrop { .. } => &[],
        Request::PublicationList
        | Request::ArticleList { .. }
        | Request::SubscriptionList
        | Request::SnapshotList { .. }
        | Request::TracerHistory { .. }
        | Request::Status => &[Publisher, Subscriber, Monitor],
    }
}

/// What a request changes, for the log; nothing for a question.
fn described(request: &Request) -> Option<String> {
    Some(match request {
        Request::PublicationAdd(p) => format!("publication `{}` of {} added", p.name, p.database),
        Request::PublicationSet { name, replicate_ddl } => {
            let on = if *replicate_ddl { "replicated" } else { "not replicated" };
            format!("schema changes of publication `{name}` are {on} from now on")
        }
        Request::PublicationDrop { name } => format!("publication `{name}` dropped"),
        Request::ArticleAdd(a) => format!("article of {} added to publication `{}`", a.source, a.publication),
        Request::ArticleDrop { publication, source } => {
            format!("article of {source} dropped from publication `{publication}`")
        }
        Request::FilterChangeAdd(c) => {
            format!("change {} of the filter of {} in publication `{}` begun", c.token, c.source, c.publication)
        }
        Request::FilterChangeDrop { token } => format!("change {token} of a filter ended"),
        Request::SubscriptionAdd(s) => {
            format!("subscription `{}` of {} to publication `{}` added", s.name, s.database, s.publication)
        }
        Request::SubscriptionDrop { name } => format!("subscription `{name}` dropped"),
        Request::SnapshotBegin { publication, snapshot, .. } => {
            format!("snapshot {snapshot} of publication `{publication}` begun")
        }
        Request::SnapshotRegister(s) => format!("snapshot {} of publication `{}` registered", s.id, s.publication),
        Request::SnapshotAbandon { snapshot } => format!("snapshot {snapshot} given up"),
        Request::SnapshotForget { snapshot } => format!("snapshot {snapshot} forgotten"),
        Request::TracerPost { publication, token } => {
            format!("tracer token {token} of publication `{publication}` posted")
        }
        Request::LoginAdd { name, .. } => format!("login `{name}` added"),
        Request::LoginDrop { name } => format!("login `{name}` dropped"),
        _ => return None,
    })
}

async fn answer(state: &Arc<State>, request: Request) -> Result<Response, Refusal> {
    match request {
        Request::PublicationAdd(publication) => {
            change(state, move |contents| plan::publication_add(contents, publication.clone())).await
        }
        Request::PublicationSet { name, replicate_ddl } => {
            change(state, move |contents| plan::publication_set(contents, &name, replicate_ddl)).await
        }
        Request::PublicationList => Ok(Response::Publications(state.read(|contents| contents.publications()).await?)),
        Request::PublicationDrop { name } => {
            change(state, move |contents| plan::publication_drop(contents, &name)).await
        }
        Request::ArticleAdd(article) => {
            change(state, move |contents| plan::article_add(contents, (*article).clone())).await
        }
        Request::ArticleList { publication: None } => {
            Ok(Response::Articles(state.read(|contents| contents.articles()).await?))
        }
        Request::ArticleList { publication: Some(name) } => {
            let found = state
                .read(move |contents| match contents.publication(&name)? {
                    Some(publication) => Ok(Ok(contents.articles_of(&publication.name)?)),
                    None => Ok(Err(name.clone())),
                })
                .await?;
            found.map(Response::Articles).map_err(|name| no_publication(&name))
        }
        Request::ArticleDrop { publication, source } => {
            change(state, move |contents| plan::article_drop(contents, &publication, &source)).await
        }
        Request::FilterChangeAdd(filter_change) => {
            change(state, move |contents| plan::filter_change_add(contents, filter_change.clone())).await
        }
        Request::FilterChangeDrop { token } => {
            change(state, move |contents| plan::filter_change_drop(contents, token)).await
        }
        Request::FilterChangeList { database } => {
            let changes = state
                .read(move |contents| {
                    let publications = contents.publications_of(&database)?;
                    let changes = publications.iter().map(|p| contents.filter_changes_of(&p.name));
                    changes.collect::<Result<Vec<_>, _>>()
                })
                .await?;
            Ok(Response::FilterChanges(changes.into_iter().flatten().collect()))
        }
        Request::SubscriptionAdd(subscription) => subscription_add(state, subscription).await,
        Request::SubscriptionList => {
            let entries = state.read(|contents| contents.subscriptions()).await?;
            Ok(Response::Subscriptions(entries.into_iter().map(|entry| entry.subscription).collect()))
        }
        Request::SubscriptionDrop { name } => {
            change(state, move |contents| plan::subscription_drop(contents, &name)).await
        }
        Request::SnapshotBegin { publication, snapshot, articles } => {
            snapshots::begin(state, publication, snapshot, articles).await
        }
        Request::SnapshotProgress(progress) => snapshots::progress(state, progress),
        Request::SnapshotRegister(snapshot) => snapshots::register(state, snapshot).await,
        Request::SnapshotAbandon { snapshot } => snapshots::abandon(state, snapshot).await,
        Request::SnapshotList { publication } => snapshots::list(state, publication).await,
        Request::SnapshotForget { snapshot } => snapshots::forget(state, snapshot).await,
        Request::SnapshotLatest { publication, has } => snapshots::latest(state, publication, has).await,
        Request::TracerPost { publication, token } => {
            let now = now();
            change(state, move |contents| plan::tracer_post(contents, &publication, token, now)).await
        }
        Request::TracerHistory { publication } => tracers::history(state, publication).await,
        Request::LoginAdd { name, password, role } => login_add(state, name, Zeroizing::new(password), role).await,
        Request::LoginList => {
            let entries = state.read(|contents| contents.logins()).await?;
            Ok(Response::Logins(entries.into_iter().map(|entry| (entry.name, entry.role)).collect()))
        }
        Request::LoginDrop { name } => change(state, move |contents| plan::login_drop(contents, &name)).await,
        Request::Status => status::collect(state).await.map(|status| Response::Status(Box::new(status))),
    }
}

/// Makes a planned change, and what follows from it for the running service.
pub(super) async fn change(
    state: &Arc<State>,
    plan: impl Fn(Contents<'_>) -> Result<Planned, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let and_then = |state: &State, changes: &[Change]| {
        for change in changes {
            match change {
                Change::Put(Entry::Database(entry)) => {
                    state.open_database(entry)?;
                    if let Some(database) = state.database(&entry.database) {
                        database.articles_version.send_replace(entry.articles_version);
                    }
                }
                Change::Put(Entry::Subscription(entry)) => state.with_subscriptions(|subscriptions| {
                    // What is known of one that is there already is newer here.
                    if subscriptions.get(&entry.subscription.name).is_none() {
                        subscriptions.add(&entry.subscription.name, stored_progress(entry));
                    }
                }),
                Change::Delete(Key::Subscription(name)) => {
                    if let Some(stream) = state.with_subscriptions(|subscriptions| subscriptions.remove(name)) {
                        let message = format!("subscription `{name}` was dropped");
                        state.end_stream(stream, Refusal::new(RefusalKind::NotFound, message));
                    }
                }
                Change::Put(Entry::Snapshot(_)) => state.snapshots.one_registered(),
                Change::Put(Entry::PendingSnapshot(pending)) => state.snapshots.one_begun(pending, now()),
                Change::Delete(Key::PendingSnapshot(snapshot)) => state.snapshots.ended(*snapshot),
                _ => {}
            }
        }
        Ok(())
    };
    state.change(plan, and_then).await
}

async fn subscription_add(state: &Arc<State>, subscription: Subscription) -> Result<Response, Refusal> {
    let database = database_of(state, &subscription.publication).await?;
    if subscription.sync != SyncType::Automatic {
        let name = database.name.clone();
        let (version, _) = state.read(move |contents| contents.database_articles(&name)).await?;
        snapshots::articles_in_use(&database, version).await?;
    }
    let plan = move |contents: Contents<'_>| {
        let (kept_after, end) = (database.kept_after(), database.queue.committed().borrow().lsn);
        plan::subscription_add(contents, subscription.clone(), kept_after, end)
    };
    change(state, plan).await
}

async fn login_add(
    state: &Arc<State>,
    name: String,
    password: Zeroizing<String>,
    role: LoginRole,
) -> Result<Response, Refusal> {
    let hash = logins::hashed(password).await?;
    change(state, move |contents| plan::login_add(contents, &name, hash.clone(), role)).await
}

pub(super) async fn database_of(state: &Arc<State>, publication: &str) -> Result<Arc<Database>, Refusal> {
    let name = publication.to_owned();
    let found = state.read(move |contents| contents.publication(&name)).await?;
    open_database(state, &found.ok_or_else(|| no_publication(publication))?.database)
}

pub(super) fn open_database(state: &State, name: &DatabaseName) -> Result<Arc<Database>, Refusal> {
    state.database(name).ok_or_else(|| {
        let message = format!("the queue of {name} is not open; start the distributor again and look at its log");
        internal(crate::error::DistributorError::new(crate::error::ErrorKind::Storage, message))
    })
}

pub(super) fn no_publication(name: &str) -> Refusal {
    let message = format!("there is no publication `{name}`; `publisher publication list` shows which there are");
    Refusal::new(RefusalKind::NotFound, message)
}
