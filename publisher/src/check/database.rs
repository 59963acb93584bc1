//! The publication database and what its login may do there.

use super::Findings;
use super::surroundings::Distributor;
use crate::capture;
use crate::error::Error;
use proto::Article;
use sqlserver::permission::{self, Missing, Securable};
use sqlserver::{Client, capture_job, catalog, cdc, database, inspection};

const VERSION: &str = "version and edition";
const ISOLATION: &str = "snapshot isolation";
const CAPTURE: &str = "change data capture";
const JOB: &str = "capture job";
const THROUGHPUT: &str = "capture throughput";
const ARTICLE: &str = "published table";
const LARGE_VALUES: &str = "max text repl size";
const LOG: &str = "log reuse";
const PERMISSIONS: &str = "permissions";

/// Version, settings and change data capture; gives the articles of the database.
pub(super) async fn facts(
    client: &mut Client,
    known: Option<&Distributor>,
    findings: &mut Findings,
) -> Result<Vec<Article>, Error> {
    let product = inspection::product(client).await?;
    match product.unfit() {
        Some(why) => findings.fail(VERSION, why),
        None => findings.pass(VERSION, format!("{}, {}", product.version, product.edition)),
    }
    let facts = database::facts(client).await?;
    if facts.snapshot_isolation {
        findings.pass(ISOLATION, "allowed");
    } else {
        findings.advice(
            ISOLATION,
            format!(
                "not allowed: a snapshot locks its tables against writes until it is done. To avoid that: ALTER DATABASE {} SET \
                 ALLOW_SNAPSHOT_ISOLATION ON",
                sqlserver::quote::identifier(&facts.name.database)
            ),
        );
    }
    let articles: Vec<Article> = known.map_or_else(Vec::new, |known| {
        let here = |article: &&Article| {
            let publication = known.publications.iter().find(|p| p.name == article.publication);
            publication.is_some_and(|publication| publication.database == facts.name)
        };
        known.articles.iter().filter(here).cloned().collect()
    });
    if facts.cdc_enabled {
        findings.pass(CAPTURE, format!("enabled for {}", facts.name.database));
        job(client, findings).await?;
    } else if articles.is_empty() {
        findings.advice(
            CAPTURE,
            "not enabled yet: the first `publisher article add` enables it, which takes sysadmin; or a member runs EXEC \
             sys.sp_cdc_enable_db before",
        );
    } else {
        let count = articles.len();
        findings
            .fail(CAPTURE, format!("not enabled (any more), but {count} articles are published: drop and add them"));
    }
    tables(client, facts.cdc_enabled, &articles, findings).await?;
    Ok(articles)
}

async fn job(client: &mut Client, findings: &mut Findings) -> Result<(), Error> {
    let jobs = match capture_job::jobs(client).await {
        Ok(jobs) => jobs,
        Err(error) if capture_job::is_denied(&error) => {
            findings.advice(JOB, "not known: to see it takes membership in db_owner");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let Some(job) = &jobs.capture else {
        findings.fail(JOB, capture::warnings(&jobs, &[]).join(" "));
        return Ok(());
    };
    match inspection::capture_job_runs(client).await? {
        Some(true) => findings.pass(JOB, format!("{} runs", job.name)),
        Some(false) => findings.fail(
            JOB,
            format!(
                "{} does not run, so no change is captured. Is SQL Server Agent running? Then: EXEC sys.sp_cdc_start_job @job_type = \
                 N'capture'; or `publisher run --drive-capture`",
                job.name
            ),
        ),
        None => findings.advice(JOB, format!("{} is defined; whether it runs, the login may not see in msdb", job.name)),
    }
    let scans = match capture_job::scan_sessions(client).await {
        Ok(scans) => scans,
        Err(error) if capture_job::is_denied(&error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let warnings = capture::warnings(&jobs, &scans);
    if warnings.is_empty() {
        findings.pass(THROUGHPUT, "not capped below 5000 transactions a second");
    }
    warnings.into_iter().for_each(|warning| findings.advice(THROUGHPUT, warning));
    Ok(())
}

/// Keys and capture instances of the published tables, and the limit for large values.
async fn tables(
    client: &mut Client,
    cdc_enabled: bool,
    articles: &[Article],
    findings: &mut Findings,
) -> Result<(), Error> {
    let instances = match cdc_enabled {
        true => match cdc::capture_instances(client).await {
            Ok(instances) => Some(instances),
            // Told with the permissions.
            Err(error) if capture_job::is_denied(&error) => None,
            Err(error) => return Err(error.into()),
        },
        false => Some(Vec::new()),
    };
    for article in articles {
        let (publication, source) = (&article.publication, &article.source);
        let Some(table) = catalog::table(client, source).await? else {
            findings.fail(
                ARTICLE,
                format!("{source} of publication {publication} does not exist, or the login may not see it"),
            );
            continue;
        };
        let captured = instances.as_ref().is_none_or(|all| all.iter().any(|i| i.name == article.capture.instance));
        if table.columns.iter().all(|column| column.key_ordinal.is_none()) {
            findings.fail(ARTICLE, format!("{source} of publication {publication} has no primary key any more"));
        } else if !captured {
            let instance = &article.capture.instance;
            findings
                .fail(ARTICLE, format!("{source}: its capture instance {instance} is gone; drop and add the article"));
        } else {
            findings.pass(ARTICLE, format!("{source} of publication {publication}: primary key, captured"));
        }
    }
    let large: Vec<String> = articles
        .iter()
        .flat_map(|a| a.columns.iter().filter(|c| c.column_type.is_max()).map(|c| format!("{}.{}", a.source, c.name)))
        .collect();
    match inspection::max_text_repl_size(client).await? {
        Some(-1) => findings.pass(LARGE_VALUES, "no limit"),
        Some(limit) if large.is_empty() => {
            findings.pass(LARGE_VALUES, format!("{limit} bytes; no published column holds large values"));
        }
        Some(limit) => findings.advice(
            LARGE_VALUES,
            format!(
                "applications get error 7139 for values longer than {limit} bytes in {}. To lift that: EXEC sp_configure 'max text \
                 repl size (B)', -1; RECONFIGURE",
                large.join(", ")
            ),
        ),
        None => findings.advice(LARGE_VALUES, "the server does not show it"),
    }
    Ok(())
}

/// Whether capture keeps up with the log.
pub(super) async fn log(client: &mut Client, findings: &mut Findings) -> Result<(), Error> {
    match inspection::log_reuse_wait(client).await?.as_str() {
        "REPLICATION" => findings.advice(
            LOG,
            "the log waits for REPLICATION: capture has not read all of it. While that lasts, the log grows; it passes when capture \
             keeps up, and stays when nothing captures",
        ),
        waits_for => findings.pass(LOG, format!("waits for {waits_for}")),
    }
    Ok(())
}

/// What the login lacks of what `run`, `snapshot` and `tracer post` take, and whether it may do the rest.
pub(super) async fn permissions(
    client: &mut Client,
    login: &str,
    articles: &[Article],
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut missing: Vec<Missing> = Vec::new();
    if !articles.is_empty() {
        let replication = || Securable::Schema("replication".to_owned());
        let mut needed = vec![
            ("SELECT", Securable::Schema("cdc".to_owned())),
            ("SELECT", replication()),
            ("INSERT", replication()),
            ("DELETE", replication()),
        ];
        // Without the second the server shows no texts of defaults, checks and triggers
        // (https://learn.microsoft.com/sql/relational-databases/security/metadata-visibility-configuration).
        for name in ["SELECT", "VIEW DEFINITION"] {
            needed.extend(articles.iter().map(|article| (name, Securable::Object(article.source.clone()))));
        }
        for (name, securable) in needed {
            let lacks = permission::check(client, name, &securable).await?;
            missing.extend(lacks.filter(|lacks| !missing.contains(lacks)));
        }
    }
    for lacks in &missing {
        let detail = format!("`run` and `snapshot` lack {}. To give it: {}", lacks.name(), lacks.grant(login));
        findings.fail(PERMISSIONS, detail);
    }
    if missing.is_empty() {
        findings.pass(PERMISSIONS, "`run`, `snapshot` and `tracer post` have what they take");
    }
    if permission::is_sysadmin(client).await? {
        findings
            .advice(PERMISSIONS, "the login is a member of sysadmin: more than anything takes but the first article");
    } else if permission::is_role_member(client, "db_owner").await? {
        findings.pass(PERMISSIONS, "`article` and `capture` have what they take: db_owner");
    } else {
        let owner = Missing::DatabaseRole("db_owner");
        findings.advice(PERMISSIONS, format!("`article` and `capture` take {}: {}", owner.name(), owner.grant(login)));
    }
    Ok(())
}
