//! Articles: `publisher article add|set|list|drop`.
//!
//! Everything about an article is asked of the server before anything is changed; what is made then (change data capture, the
//! marker table) is taken back when a later step fails, unless it was there before.

pub mod filter;
pub mod options;

use crate::columns::{self, Chosen};
use crate::core::constraints::belonging;
use crate::error::{Error, ErrorKind};
use crate::publication::{connect, find, request, unexpected};
use proto::catalog::{Publication, PublicationKind, Request, Response};
use proto::transport::ConnectOptions;
use proto::{Article, ArticleOptions, Capture, Column, Command, Lsn, PreCreation, TableName};
use sqlserver::catalog::{Table, table};
use sqlserver::cdc::{self, CaptureInstance};
use sqlserver::predicate::{self, Predicate};
use sqlserver::{Client, ServerOptions, constraint, marker, switch};

/// Longest name of a capture instance
/// (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql>).
const MAX_CAPTURE_INSTANCE: usize = 100;
/// Attempts to add an article whose table is changed meanwhile.
const ATTEMPTS: u32 = 5;
/// What the names of our capture instances begin with.
pub(crate) const PREFIX: &str = "replication_";

/// What to publish.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Publication.
    pub publication: String,
    /// Table, as `schema.table`.
    pub table: String,
    /// Columns; empty for all.
    pub columns: Vec<String>,
    /// Row filter.
    pub filter: Option<String>,
    /// Table at the subscriber; the same name if not given.
    pub destination: Option<String>,
    /// Its schema; the same if not given.
    pub destination_owner: Option<String>,
    /// How it is made there, and how changes are carried out.
    pub options: options::OptionTexts,
}

/// The article of a table in a publication.
async fn existing(
    distributor: &ConnectOptions,
    publication: &Publication,
    source: &TableName,
) -> Result<Article, Error> {
    let articles = list(distributor, Some(&publication.name)).await?;
    articles
        .into_iter()
        .find(|a| same_table(&a.source, source))
        .ok_or_else(|| Error::invalid(format!("publication {} has no article of table {source}", publication.name)))
}

/// Checks a definition with the server, enables change data capture where it is not, and adds the article. `say` is told what is
/// changed at the server, and warnings.
pub async fn add(
    server: &ServerOptions,
    distributor: &ConnectOptions,
    definition: &Definition,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Article, Error> {
    let source = parse_table(&definition.table)?;
    options::destination(&source, definition.destination.as_deref(), definition.destination_owner.as_deref())?;
    let publication = find(distributor, &definition.publication).await?;
    let (mut client, facts) = connect(server, &publication).await?;
    let (mut table, mut article) = examine(&mut client, definition, &publication).await?;
    refuse_duplicate(distributor, &publication.name, &table.name).await?;
    if publication.kind == PublicationKind::Snapshot {
        refuse_options_of_transactions(&article.options)?;
        refuse_long_schema(&article.destination)?;
        return register(distributor, article).await;
    }

    if !facts.cdc_enabled {
        enable_database(&mut client, &facts.name.to_string()).await?;
        say(&format!("change data capture enabled for database {}", facts.name.database));
    }
    make_marker(&mut client, say).await?;
    for _ in 0..ATTEMPTS {
        let (instance, made) = capture(&mut client, &table, &article.columns, say).await?;
        let added = add_captured(&mut client, distributor, definition, &publication, &instance).await;
        if let Ok(Some(article)) = added {
            if let Ok(false) = cdc::has_capture_job(&mut client).await {
                say("warning: the database has no capture job, so no change will arrive; is SQL Server Agent running?");
            }
            return Ok(article);
        }
        if made {
            // What was made for nothing goes again; if that fails too, it does no harm.
            let _ = cdc::disable_table(&mut client, &table.name, &instance.name).await;
        }
        added?;
        (table, article) = examine(&mut client, definition, &publication).await?;
    }
    let message = format!("table {} was changed again and again while its article was added; try again", table.name);
    Err(Error::new(ErrorKind::Transient, message))
}

/// Adds the article of a table that is captured; `None` if the table was changed meanwhile so that the instance does not capture all that is
/// published.
///
/// Only once there is an instance, what is done to the table stands in the history of the log. So its definition is taken from the catalog
/// after that: the log reader follows whatever changes the table from then on.
async fn add_captured(
    client: &mut Client,
    distributor: &ConnectOptions,
    definition: &Definition,
    publication: &Publication,
    instance: &CaptureInstance,
) -> Result<Option<Article>, Error> {
    let (table, article) = examine(client, definition, publication).await?;
    let captures_all = article.columns.iter().all(|column| instance.ordinal(&column.name).is_some());
    if table.object_id != instance.source_object_id || !captures_all {
        return Ok(None);
    }
    let constraints = constraint::constraints(client).await?.remove(&table.object_id);
    let mut article = Article { capture: instance.as_capture(), ..article };
    article.constraints = belonging(&article, &constraints.map(|table| table.constraints).unwrap_or_default());
    register(distributor, article).await.map(Some)
}

/// An article as the catalog has its table at this moment, without its capture and what is known of constraints.
async fn examine(
    client: &mut Client,
    definition: &Definition,
    publication: &Publication,
) -> Result<(Table, Article), Error> {
    let source = parse_table(&definition.table)?;
    let table = table(client, &source).await?.ok_or_else(|| {
        let database = &publication.database;
        Error::invalid(format!("there is no table {source} in {database}, or the login may not see it"))
    })?;
    let Chosen { columns, computed } = columns::choose(&table, &definition.columns)?;
    let filter = definition.filter.as_deref().map(|text| parse_filter(&table, text)).transpose()?;
    if let Some(filter) = &filter {
        refuse_max_columns(&table, &columns)?;
        predicate::check(client, &table, filter).await.map_err(|error| refused_filter(&table, error))?;
    }
    let (dest_table, dest_owner) = (definition.destination.as_deref(), definition.destination_owner.as_deref());
    let destination = options::destination(&table.name, dest_table, dest_owner)?;
    let options = options::options(&definition.options, &table, &columns, filter.as_ref(), &destination)?;
    let capture = Capture { source: table.object_id, ..Capture::default() };
    let article = Article {
        destination,
        options,
        computed,
        all_columns: definition.columns.is_empty(),
        filter: filter.map(|filter| filter.text().to_owned()),
        ..Article::new(&publication.name, table.name.clone(), columns, capture)
    };
    Ok((table, article))
}

async fn register(distributor: &ConnectOptions, article: Article) -> Result<Article, Error> {
    match request(distributor, Request::ArticleAdd(Box::new(article.clone()))).await? {
        Response::ArticleAdded(id) => Ok(Article { id, ..article }),
        other => Err(unexpected(&other)),
    }
}

/// What says how transactions are applied, or what becomes of a table that stays, means nothing where a new table takes the old one's
/// place.
fn refuse_options_of_transactions(options: &ArticleOptions) -> Result<(), Error> {
    if [&options.insert, &options.update, &options.delete].into_iter().any(|command| *command != Command::Sql) {
        return Err(Error::invalid(
            "commands for inserts, updates and deletes are of transactional publications; a snapshot publication has no such changes",
        ));
    }
    if options.schema.triggers {
        return Err(Error::invalid(
            "triggers are not made where a new table takes the old one's place with each snapshot: leave user-triggers out of --schema-options \
             (all,-user-triggers)",
        ));
    }
    if matches!(options.pre_creation, PreCreation::Delete | PreCreation::Truncate) {
        return Err(Error::invalid(
            "with each snapshot of a snapshot publication a new table takes the old one's place: --pre-creation-cmd can be none, which \
             refuses a table with rows of somebody else, or drop",
        ));
    }
    Ok(())
}

/// A new table waits in a schema whose name is longer.
fn refuse_long_schema(destination: &TableName) -> Result<(), Error> {
    let waiting = switch::waiting(destination).schema.encode_utf16().count();
    if waiting <= options::MAX_NAME {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the name of schema {} is too long by {} characters for a snapshot publication, whose new tables wait in schemas of longer names; \
         name another schema with --dest-owner",
        destination.schema,
        waiting - options::MAX_NAME
    )))
}

/// Articles at the distributor, of one publication or all.
pub async fn list(distributor: &ConnectOptions, publication: Option<&str>) -> Result<Vec<Article>, Error> {
    let publication = publication.map(str::to_owned);
    match request(distributor, Request::ArticleList { publication }).await? {
        Response::Articles(articles) => Ok(articles),
        other => Err(unexpected(&other)),
    }
}

/// Drops an article, and its capture instance when that is ours and no other article needs it.
pub async fn drop(
    server: &ServerOptions,
    distributor: &ConnectOptions,
    publication: &str,
    source: &TableName,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Error> {
    let publication = find(distributor, publication).await?;
    let articles = list(distributor, None).await?;
    let article = existing(distributor, &publication, source).await?;
    let (mut client, facts) = connect(server, &publication).await?;
    let dropping = Request::ArticleDrop { publication: publication.name.clone(), source: article.source.clone() };
    request(distributor, dropping).await?;
    let databases = crate::publication::list(distributor).await?;
    let here = |a: &&Article| databases.iter().any(|p| same(&p.name, &a.publication) && p.database == facts.name);
    let others = articles.iter().filter(|a| a.id != article.id).filter(here);
    let needed = others.filter(|a| a.capture.instance == article.capture.instance).count() > 0;
    if article.capture.instance.starts_with(PREFIX) && !needed && facts.cdc_enabled {
        let instances = cdc::capture_instances(&mut client).await?;
        if instances.iter().any(|i| i.name == article.capture.instance) {
            cdc::disable_table(&mut client, &article.source, &article.capture.instance).await?;
            say(&format!("change data capture disabled for {}", article.source));
        }
    }
    Ok(())
}

/// `schema.table`, each part perhaps in brackets; without a schema it is `dbo`.
pub fn parse_table(text: &str) -> Result<TableName, Error> {
    let invalid = || Error::invalid(format!("`{text}` is not a table's name such as sales.orders or [my schema].[t]"));
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = match rest.strip_prefix('[') {
            Some(quoted) => bracketed(quoted).ok_or_else(invalid)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        let fits = !part.is_empty() && part.encode_utf16().count() <= 128 && !part.contains('\0');
        parts.push(fits.then_some(part).ok_or_else(invalid)?);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => break,
            None => return Err(invalid()),
        }
    }
    match <[String; 2]>::try_from(parts) {
        Ok([schema, table]) => Ok(TableName { schema, table }),
        Err(mut parts) if parts.len() == 1 => Ok(TableName { schema: "dbo".to_owned(), table: parts.remove(0) }),
        Err(_) => Err(invalid()),
    }
}

fn bracketed(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find(']')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(']') {
            Some(after) => {
                name.push(']');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

fn parse_filter(table: &Table, text: &str) -> Result<Predicate, Error> {
    Predicate::parse(text).map_err(|why| Error::invalid(format!("the filter of {} cannot be used: {why}", table.name)))
}

/// A row that comes into a filter by an update arrives as an insert, and the log lacks the `(max)` values that the update did not
/// touch.
fn refuse_max_columns(table: &Table, columns: &[Column]) -> Result<(), Error> {
    match columns.iter().find(|c| c.column_type.is_max()) {
        Some(column) => Err(Error::invalid(format!(
            "{} cannot be published with a row filter and its column {} {}: the log does not have that column's value when an \
             update of others brings a row into the filter. Leave one of the two out",
            table.name, column.name, column.column_type
        ))),
        None => Ok(()),
    }
}

fn refused_filter(table: &Table, error: sqlserver::Error) -> Error {
    if error.is_transient() {
        return error.into();
    }
    let said = error.message().to_owned();
    let hint = match error.number() {
        // Invalid column name, or a multi-part one that could not be bound.
        Some(207 | 4104) => "; it may use the table's own columns, except computed and (max) ones",
        _ => "",
    };
    Error::because(
        ErrorKind::Invalid,
        format!("the server does not accept the filter of {}: {said}{hint}", table.name),
        error,
    )
}

async fn refuse_duplicate(distributor: &ConnectOptions, publication: &str, table: &TableName) -> Result<(), Error> {
    let articles = list(distributor, Some(publication)).await?;
    if articles.iter().any(|a| same_table(&a.source, table)) {
        return Err(Error::invalid(format!("publication {publication} has an article of table {table} already")));
    }
    Ok(())
}

async fn enable_database(client: &mut Client, name: &str) -> Result<(), Error> {
    cdc::enable_database(client).await.map_err(|error| {
        if error.is_transient() {
            return error.into();
        }
        let message = format!(
            "change data capture cannot be enabled for {name}: {}. It takes a login with the sysadmin role (db_owner on Azure \
             SQL): have one run EXEC sys.sp_cdc_enable_db there once",
            error.message()
        );
        Error::because(ErrorKind::Refused, message, error)
    })
}

async fn make_marker(client: &mut Client, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), Error> {
    let instances = cdc::capture_instances(client).await?;
    if instances.iter().any(|i| i.name == marker::CAPTURE_INSTANCE) {
        return Ok(());
    }
    marker::create(client).await?;
    cdc::enable_table(client, &marker::table_name(), marker::CAPTURE_INSTANCE).await?;
    say(&format!("table {} made and captured", marker::table_name()));
    Ok(())
}

/// Our capture instance of a table, made if there is none; says whether it was.
async fn capture(
    client: &mut Client,
    table: &Table,
    columns: &[Column],
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(CaptureInstance, bool), Error> {
    let instances = cdc::capture_instances(client).await?;
    let ours = |i: &&CaptureInstance| i.source_object_id == table.object_id && i.name.starts_with(PREFIX);
    // After a schema change there may be two for a moment: the later one has all columns.
    let has_all = |i: &&CaptureInstance| columns.iter().all(|c| i.ordinal(&c.name).is_some());
    if let Some(instance) = instances.iter().filter(ours).find(has_all).or_else(|| instances.iter().find(ours)) {
        if let Some(column) = columns.iter().find(|c| instance.ordinal(&c.name).is_none()) {
            return Err(Error::invalid(format!(
                "column {} of {} was added after change data capture of the table began; drop the table's articles first, then add \
                 them again",
                column.name, table.name
            )));
        }
        return Ok((instance.clone(), false));
    }
    let name = instance_name(table, &instances);
    cdc::enable_table(client, &table.name, &name).await?;
    say(&format!("change data capture enabled for {}", table.name));
    let made = cdc::capture_instances(client).await?.into_iter().find(|i| i.name == name && i.start_lsn > Lsn::ZERO);
    let made = made.ok_or_else(|| {
        Error::new(
            ErrorKind::Transient,
            format!("the capture instance {name} of {} is not there yet; try again", table.name),
        )
    })?;
    Ok((made, true))
}

/// `replication_<schema>_<table>`, or with the table's id where that is taken or too long.
fn instance_name(table: &Table, instances: &[CaptureInstance]) -> String {
    let name = format!("{PREFIX}{}_{}", table.name.schema, table.name.table);
    let taken = instances.iter().any(|i| same(&i.name, &name)) || same(&name, marker::CAPTURE_INSTANCE);
    if taken || name.encode_utf16().count() > MAX_CAPTURE_INSTANCE {
        return format!("{PREFIX}{}", table.object_id);
    }
    name
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn same_table(a: &TableName, b: &TableName) -> bool {
    same(&a.schema, &b.schema) && same(&a.table, &b.table)
}

#[cfg(test)]
#[path = "article_tests.rs"]
mod tests;
