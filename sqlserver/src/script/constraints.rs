//! Keys, indexes, checks, defaults and foreign keys of a published table, made again at the subscriber once its rows are there.

use super::{Published, Scene, line, same};
use crate::design::{Index, Purpose};
use crate::quote;
use crate::session::NOT_FOR_REPLICATION;
use proto::Article;

/// What becomes of an index or key at the subscriber.
enum Fate {
    Made,
    /// The article's schema options do not ask for it.
    NotWanted,
    LeftOut(String),
}

/// Makes unique keys and indexes, where they are missing, the clustered one first.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-index-transact-sql>
pub(super) fn indexes(scene: &Scene<'_>, script: &mut String, left_out: &mut Vec<String>) {
    let article = &scene.of.article;
    // The primary key is made with its table.
    for index in scene.of.design.indexes.iter().filter(|index| index.purpose != Purpose::PrimaryKey) {
        match fate(scene, scene.of, index) {
            Fate::NotWanted => continue,
            Fate::LeftOut(why) => {
                left_out.push(format!("index {} of {} is left out: {why}", index.name, article.source));
                continue;
            }
            Fate::Made => {}
        }
        let table = quote::table(&article.destination);
        line(
            script,
            format_args!(
                "IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID({}) AND name = {})",
                quote::literal(&table),
                quote::literal(&index.name)
            ),
        );
        let name = quote::identifier(&index.name);
        let options = if index.ignores_duplicates { " WITH (IGNORE_DUP_KEY = ON)" } else { "" };
        if index.purpose == Purpose::UniqueKey {
            line(
                script,
                format_args!(
                    "ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE {} ({}){options}",
                    index.kind,
                    key_columns(index)
                ),
            );
        } else {
            let unique = if index.unique { "UNIQUE " } else { "" };
            let mut text = format!("CREATE {unique}{} INDEX {name} ON {table} ({})", index.kind, key_columns(index));
            if !index.included.is_empty() {
                text.push_str(&format!(" INCLUDE ({})", quote::list(&index.included)));
            }
            if let Some(filter) = &index.filter {
                text.push_str(&format!(" WHERE {filter}"));
            }
            line(script, format_args!("{text}{options}"));
        }
        line(script, format_args!("GO"));
    }
}

/// `[a], [b] DESC`.
pub(super) fn key_columns(index: &Index) -> String {
    let column = |(name, descending): &(String, bool)| {
        format!("{}{}", quote::identifier(name), if *descending { " DESC" } else { "" })
    };
    index.columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

fn fate(scene: &Scene<'_>, of: &Published, index: &Index) -> Fate {
    let options = &of.article.options.schema;
    let wanted = match index.purpose {
        Purpose::PrimaryKey => true,
        Purpose::UniqueKey => options.unique_keys,
        Purpose::Index if index.clustered => options.clustered_index,
        Purpose::Index => options.nonclustered_indexes,
    };
    if !wanted {
        return Fate::NotWanted;
    }
    if !matches!(index.kind.as_str(), "CLUSTERED" | "NONCLUSTERED") {
        return Fate::LeftOut(format!("indexes of kind {} are not scripted", index.kind));
    }
    if index.disabled {
        return Fate::LeftOut("it is disabled".to_owned());
    }
    let columns = index.columns.iter().map(|(name, _)| name).chain(&index.included);
    if let Some(column) = columns.into_iter().find(|name| !of.has_column(name)) {
        return Fate::LeftOut(format!("column {column} is not published"));
    }
    match index.filter.as_deref().and_then(|filter| scene.unfit(of, filter)) {
        Some(why) => Fate::LeftOut(why),
        None => Fate::Made,
    }
}

/// Adds the checks, where they are missing. One that is `NOT FOR REPLICATION` lets everything pass that our own connections write: to
/// the server they are ordinary ones, for which those words mean nothing.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-table-constraint-transact-sql>
pub(super) fn checks(scene: &Scene<'_>, script: &mut String, left_out: &mut Vec<String>) {
    let article = &scene.of.article;
    if !article.options.schema.checks {
        return;
    }
    for check in &scene.of.design.checks {
        if let Some(why) = scene.unfit(scene.of, &check.definition) {
            left_out.push(format!("check {} of {} is left out: {why}", check.name, article.source));
            continue;
        }
        let (words, definition) = if check.not_for_replication {
            ("NOT FOR REPLICATION ", format!("({NOT_FOR_REPLICATION} OR {})", check.definition))
        } else {
            ("", check.definition.clone())
        };
        add_constraint(
            article,
            script,
            &check.name,
            check.untrusted,
            check.disabled,
            &format!("CHECK {words}{definition}"),
        );
    }
}

/// Adds the defaults to columns that have none.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-column-constraint-transact-sql>
pub(super) fn defaults(scene: &Scene<'_>, script: &mut String, left_out: &mut Vec<String>) {
    let article = &scene.of.article;
    if !article.options.schema.defaults {
        return;
    }
    for default in scene.of.design.defaults.iter().filter(|default| scene.of.has_column(&default.column)) {
        if let Some(why) = scene.unfit(scene.of, &default.definition) {
            left_out.push(format!("default {} of {} is left out: {why}", default.name, article.source));
            continue;
        }
        let table = quote::table(&article.destination);
        line(
            script,
            format_args!(
                "IF NOT EXISTS (SELECT 1 FROM sys.columns WHERE object_id = OBJECT_ID({}) AND name = {} AND default_object_id <> 0)",
                quote::literal(&table),
                quote::literal(&default.column)
            ),
        );
        line(
            script,
            format_args!(
                "ALTER TABLE {table} ADD CONSTRAINT {} DEFAULT {} FOR {}",
                quote::identifier(&default.name),
                default.definition,
                quote::identifier(&default.column)
            ),
        );
        line(script, format_args!("GO"));
    }
}

/// Adds the foreign keys from an article to other articles of its publication, where they are missing. Left out are those that
/// the subscriber could not keep: of unpublished columns, to tables not in the publication or cut by rows, to keys that are not made
/// there. What a key does besides refusing (`ON DELETE CASCADE` …) is left out: the changes that it makes at the publisher arrive by
/// themselves.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-table-transact-sql>
pub(super) fn foreign_keys(scene: &Scene<'_>, script: &mut String, left_out: &mut Vec<String>) {
    let article = &scene.of.article;
    if !article.options.schema.foreign_keys {
        return;
    }
    for reference in &scene.of.design.foreign_keys {
        let key = &reference.key;
        let mut leave_out = |why: String| {
            left_out.push(format!("foreign key {} of {} is left out: {why}", key.name, article.source));
        };
        let Some(parent) = scene.all.iter().find(|p| same(&p.article.source, &key.to)) else {
            leave_out(format!("table {} is not published", key.to));
            continue;
        };
        if parent.article.filter.is_some() {
            leave_out(format!("of table {} only some rows are published", key.to));
            continue;
        }
        if let Some((from, _)) = key.columns.iter().find(|(from, _)| !scene.of.has_column(from)) {
            leave_out(format!("column {from} is not published"));
            continue;
        }
        let refers = |index: &&Index| {
            index.unique
                && index.columns.len() == key.columns.len()
                && index.columns.iter().all(|(name, _)| key.columns.iter().any(|(_, to)| to == name))
        };
        let made = |index: &Index| matches!(fate(scene, parent, index), Fate::Made);
        if !parent.design.indexes.iter().filter(refers).any(made) {
            leave_out(format!("the key of {} that it refers to is not made at the subscriber", key.to));
            continue;
        }
        if reference.cascades {
            left_out.push(format!(
                "foreign key {} of {} refuses at the subscriber instead of cascading: the publisher's cascaded changes arrive by themselves",
                key.name, article.source
            ));
        }
        let words = if reference.not_for_replication { " NOT FOR REPLICATION" } else { "" };
        let definition = format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}){words}",
            quote::list(key.columns.iter().map(|(from, _)| from)),
            quote::table(&parent.article.destination),
            quote::list(key.columns.iter().map(|(_, to)| to)),
        );
        add_constraint(article, script, &key.name, reference.untrusted, reference.disabled, &definition);
    }
}

/// Adds a constraint where it is missing; existing rows are not held against one that was not trusted at the publisher.
fn add_constraint(
    article: &Article,
    script: &mut String,
    name: &str,
    untrusted: bool,
    disabled: bool,
    definition: &str,
) {
    let table = quote::table(&article.destination);
    let check = if untrusted || disabled { "WITH NOCHECK " } else { "" };
    line(script, format_args!("{}", super::if_missing(article, name)));
    let name = quote::identifier(name);
    let add = format!("ALTER TABLE {table} {check}ADD CONSTRAINT {name} {definition}");
    if disabled {
        let switch = format!("ALTER TABLE {table} NOCHECK CONSTRAINT {name}");
        line(script, format_args!("{}", super::at_once(&add, &switch)));
    } else {
        line(script, format_args!("{add}"));
    }
    line(script, format_args!("GO"));
}
