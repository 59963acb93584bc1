//! Articles: asks the server whether a table can be published as wanted, enables change data capture for it, and makes it known.

use crate::publications::{AdminError, find, unexpected};
use proto::catalog::{Request, Response};
use proto::transport::{Connection, TransportError};
use proto::{Article, ArticleId, Column, TableName};
use sqlserver::catalog::Table;
use sqlserver::cdc::CaptureInstance;
use sqlserver::database::DatabaseFacts;
use sqlserver::predicate::Predicate;
use sqlserver::{Client, catalog, cdc, database, marker, predicate};

/// What our capture instances are called: this, the table's `object_id`, and its name as far as it fits.
const INSTANCE_PREFIX: &str = "repl_";
/// Longest name of a capture instance, in characters
/// (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-enable-table-transact-sql>).
const INSTANCE_LENGTH: usize = 100;
/// Capture instances that a table can have (same page).
const INSTANCES_PER_TABLE: usize = 2;

/// An article as the user wants it.
#[derive(Debug, Clone)]
pub struct ArticleRequest {
    /// Publication.
    pub publication: String,
    /// Table to publish.
    pub source: TableName,
    /// Columns to publish; all if not given.
    pub columns: Option<Vec<String>>,
    /// Row filter.
    pub filter: Option<String>,
    /// Table at the subscriber; the same name if not given.
    pub destination: Option<TableName>,
}

/// An article that was added, and what the user should know about it.
#[derive(Debug)]
pub struct Added {
    /// The article.
    pub article: Article,
    /// What was done on the way, and advice.
    pub remarks: Vec<String>,
}

/// Adds an article. Everything is asked before anything is changed; what was changed is undone if the distributor refuses.
pub async fn add(
    client: &mut Client,
    distributor: &mut Connection,
    request: ArticleRequest,
) -> Result<Added, AdminError> {
    let publication = find(distributor, &request.publication).await?;
    let facts = database::facts(client).await?;
    publication_is_of(&publication.name, &publication.database, &facts)?;
    refuse_again(distributor, &publication.name, &request.source).await?;
    let (table, columns) = check_table(client, &facts, &request).await?;

    let mut remarks = Vec::new();
    enable_database(client, &facts, &mut remarks).await?;
    let (instance, made) = capture_instance(client, &table, &mut remarks).await?;
    let mut article = Article {
        id: ArticleId(0),
        publication: publication.name,
        destination: request.destination.unwrap_or_else(|| table.name.clone()),
        source: table.name.clone(),
        columns,
        filter: request.filter,
        capture_instance: instance.name.clone(),
        start_lsn: instance.start_lsn,
    };
    match distributor.request(Request::ArticleAdd(article.clone())).await {
        Ok(Response::ArticleAdded(id)) => {
            article.id = id;
            capture_job(client, &facts, &mut remarks).await;
            Ok(Added { article, remarks })
        }
        Ok(other) => Err(unexpected(&other)),
        Err(error) => {
            // Only a refusal says for certain that the article was not added.
            if made && matches!(error, TransportError::Refused { .. }) {
                cdc::disable_table(client, &table.name, &instance.name).await?;
            }
            Err(error.into())
        }
    }
}

/// Drops an article, and its capture instance if that is ours and no other article reads it. True if it was dropped.
pub async fn drop(
    client: &mut Client,
    distributor: &mut Connection,
    publication: &str,
    source: &TableName,
) -> Result<bool, AdminError> {
    let publication = find(distributor, publication).await?;
    let facts = database::facts(client).await?;
    publication_is_of(&publication.name, &publication.database, &facts)?;
    let articles = list(distributor, Some(&publication.name)).await?;
    let article = articles.into_iter().find(|a| same(&a.source, source)).ok_or_else(|| {
        AdminError::Invalid(format!("publication {} has no article of table {source}", publication.name))
    })?;
    let request = Request::ArticleDrop { publication: publication.name, source: article.source.clone() };
    distributor.request(request).await?;
    drop_instance(client, distributor, &article).await
}

/// Drops the capture instance of an article that is gone, if it is ours and no other article reads it.
pub(crate) async fn drop_instance(
    client: &mut Client,
    distributor: &mut Connection,
    article: &Article,
) -> Result<bool, AdminError> {
    let in_use = list(distributor, None).await?.iter().any(|a| a.capture_instance == article.capture_instance);
    if in_use || !article.capture_instance.starts_with(INSTANCE_PREFIX) {
        return Ok(false);
    }
    let exists = cdc::capture_instances(client).await?.iter().any(|i| i.name == article.capture_instance);
    if exists {
        cdc::disable_table(client, &article.source, &article.capture_instance).await?;
    }
    Ok(exists)
}

/// The articles of a publication, or all.
pub async fn list(distributor: &mut Connection, publication: Option<&str>) -> Result<Vec<Article>, AdminError> {
    let request = Request::ArticleList { publication: publication.map(str::to_owned) };
    match distributor.request(request).await? {
        Response::Articles(articles) => Ok(articles),
        other => Err(unexpected(&other)),
    }
}

pub(crate) fn publication_is_of(
    publication: &str,
    database: &proto::catalog::DatabaseName,
    facts: &DatabaseFacts,
) -> Result<(), AdminError> {
    if *database == facts.name {
        return Ok(());
    }
    Err(AdminError::Invalid(format!(
        "publication {publication} is of database {database}, but the settings `server` and `database` lead to {}; set them to the \
         former",
        facts.name
    )))
}

async fn refuse_again(distributor: &mut Connection, publication: &str, source: &TableName) -> Result<(), AdminError> {
    let articles = list(distributor, Some(publication)).await?;
    if articles.iter().any(|a| same(&a.source, source)) {
        return Err(AdminError::Invalid(format!(
            "publication {publication} has an article of table {source} already; drop it first to change it"
        )));
    }
    Ok(())
}

/// The table with the columns to publish, if all that was asked for can be done.
async fn check_table(
    client: &mut Client,
    facts: &DatabaseFacts,
    request: &ArticleRequest,
) -> Result<(Table, Vec<Column>), AdminError> {
    let source = &request.source;
    let refused =
        |why: String| AdminError::Invalid(format!("table {source} in {} cannot be published: {why}", facts.name));
    let table = catalog::table(client, source).await?.ok_or_else(|| {
        refused("there is no such table, or the login may not see it; give it as schema.table".to_owned())
    })?;
    if table.columns.iter().all(|c| c.key_ordinal.is_none()) {
        return Err(refused(
            "it has no primary key, by which its rows could be found at the subscriber; add one".to_owned(),
        ));
    }
    let columns = published_columns(&table, request.columns.as_deref()).map_err(refused)?;
    if let Some(filter) = &request.filter {
        let parsed = Predicate::parse(filter).map_err(|why| refused(format!("its filter is refused: {why}")))?;
        predicate::check(client, &table, &parsed).await.map_err(|error| {
            if error.is_transient() {
                return AdminError::from(error);
            }
            refused(format!("the server does not take its filter `{filter}`: {}", error.message()))
        })?;
        if let Some(large) = columns.iter().find(|c| c.column_type.is_max()) {
            return Err(refused(format!(
                "column {} is a {}, which the log leaves out of updates that do not touch it, so a row that enters the filter would \
                 lack it; leave out either the column or the filter",
                large.name, large.column_type
            )));
        }
    }
    Ok((table, columns))
}

fn published_columns(table: &Table, wanted: Option<&[String]>) -> Result<Vec<Column>, String> {
    if let Some(wanted) = wanted {
        let missing: Vec<&str> =
            wanted.iter().map(String::as_str).filter(|name| table.column(name).is_none()).collect();
        if !missing.is_empty() {
            let has: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            return Err(format!("it has no column {}; it has {}", missing.join(", "), has.join(", ")));
        }
    }
    let is_wanted =
        |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|w| table.column(w).is_some_and(|c| c.name == name)));
    let mut columns = Vec::new();
    for column in &table.columns {
        if is_wanted(&column.name) {
            let published = column.published();
            columns.push(
                published
                    .map_err(|why| format!("column {} cannot be: {why}; leave it out with --columns", column.name))?,
            );
        } else if column.key_ordinal.is_some() {
            return Err(format!("--columns leaves out {}, which is part of the primary key; add it", column.name));
        }
    }
    Ok(columns)
}

async fn enable_database(
    client: &mut Client,
    facts: &DatabaseFacts,
    remarks: &mut Vec<String>,
) -> Result<(), AdminError> {
    if !facts.cdc_enabled {
        cdc::enable_database(client).await.map_err(|error| {
            if error.is_transient() {
                return AdminError::from(error);
            }
            AdminError::Invalid(format!(
                "{error}. Enabling change data capture needs a sysadmin (db_owner on Managed Instance): let one run EXEC \
                 sys.sp_cdc_enable_db in {}, then try again",
                facts.name
            ))
        })?;
        remarks.push(format!("change data capture is now enabled for database {}", facts.name.database));
    }
    marker::create(client).await?;
    let instances = cdc::capture_instances(client).await?;
    if !instances.iter().any(|i| i.name == marker::CAPTURE_INSTANCE) {
        cdc::enable_table(client, &marker::table_name(), marker::CAPTURE_INSTANCE).await?;
        remarks.push(format!("made table {} for snapshot boundaries", marker::table_name()));
    }
    Ok(())
}

/// A capture instance that holds every column the table has, made if there is none; true if it was made.
async fn capture_instance(
    client: &mut Client,
    table: &Table,
    remarks: &mut Vec<String>,
) -> Result<(CaptureInstance, bool), AdminError> {
    let complete = |instance: &CaptureInstance| {
        table.columns.iter().filter(|c| !c.computed).all(|column| instance.ordinal(&column.name).is_some())
    };
    let mut instances = cdc::capture_instances(client).await?;
    instances.retain(|i| i.source_object_id == table.object_id);
    if let Some(instance) = instances.iter().find(|i| complete(i)) {
        return Ok((instance.clone(), false));
    }
    if instances.len() >= INSTANCES_PER_TABLE {
        let names: Vec<&str> = instances.iter().map(|i| i.name.as_str()).collect();
        return Err(AdminError::Invalid(format!(
            "table {} has {INSTANCES_PER_TABLE} capture instances already ({}), none of all its columns; drop one with EXEC \
             sys.sp_cdc_disable_table",
            table.name,
            names.join(", ")
        )));
    }
    let name = format!("{INSTANCE_PREFIX}{}_{}_{}", table.object_id, table.name.schema, table.name.table);
    let name: String = name.chars().take(INSTANCE_LENGTH).collect();
    cdc::enable_table(client, &table.name, &name).await?;
    remarks.push(format!("change data capture is now enabled for table {}", table.name));
    let made = cdc::capture_instances(client).await?.into_iter().find(|i| i.name == name);
    let made = made.ok_or_else(|| AdminError::Invalid(format!("capture instance {name} was made but is not there")))?;
    Ok((made, true))
}

/// Says so when nothing will ever be captured. That the login may not look is no reason to fail.
async fn capture_job(client: &mut Client, facts: &DatabaseFacts, remarks: &mut Vec<String>) {
    if let Ok(false) = cdc::has_capture_job(client).await {
        remarks.push(format!(
            "database {} has no capture job: nothing will arrive until there is one; see EXEC sys.sp_cdc_add_job @job_type = \
             N'capture', and that SQL Server Agent runs",
            facts.name.database
        ));
    }
}

fn same(a: &TableName, b: &TableName) -> bool {
    a.to_string().to_lowercase() == b.to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::published_columns;
    use proto::{ColumnType, TableName};
    use sqlserver::catalog::{Table, TableColumn};

    fn table() -> Table {
        let column = |name: &str, column_type: Result<ColumnType, String>, key_ordinal| TableColumn {
            name: name.to_owned(),
            column_type,
            nullable: key_ordinal.is_none(),
            identity: false,
            computed: false,
            collation: None,
            key_ordinal,
        };
        Table {
            object_id: 1,
            name: TableName { schema: "dbo".to_owned(), table: "t".to_owned() },
            is_tracked_by_cdc: false,
            columns: vec![
                column("Id", Ok(ColumnType::Int), Some(0)),
                column("Name", Ok(ColumnType::NVarChar(Some(10))), None),
                column("Place", Err("geography".to_owned()), None),
            ],
        }
    }

    fn published(columns: Option<&[&str]>) -> Result<Vec<String>, String> {
        let wanted: Option<Vec<String>> = columns.map(|c| c.iter().map(|c| (*c).to_owned()).collect());
        published_columns(&table(), wanted.as_deref()).map(|c| c.into_iter().map(|c| c.name).collect())
    }

    #[test]
    fn columns_are_taken_in_the_tables_order_and_spelling() {
        assert_eq!(published(Some(&["NAME", "id"])), Ok(vec!["Id".to_owned(), "Name".to_owned()]));
    }

    #[test]
    fn what_cannot_be_published_is_named() {
        for (columns, word) in [
            (None, "Place cannot be: its type geography"),
            (Some(&["Name"][..]), "leaves out Id"),
            (Some(&["Id", "Colour", "Size"][..]), "no column Colour, Size; it has Id, Name, Place"),
        ] {
            let error = published(columns).err().unwrap_or_default();
            assert!(error.contains(word), "{error}");
        }
    }
}
