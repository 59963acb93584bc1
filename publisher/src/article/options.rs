//! Options of an article, as users write them and as they must be
//! (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-addarticle-transact-sql>).

use super::parse_table;
use crate::error::Error;
use proto::{ArticleOptions, CallFormat, Column, ColumnType, Command, PreCreation, SchemaOptions, TableName};
use sqlserver::MAX_PARAMETERS;
use sqlserver::catalog::Table;
use sqlserver::predicate::Predicate;
use sqlserver::procedure::{Verb, default_name};

/// Longest name of an object (`sysname`).
pub(super) const MAX_NAME: usize = 128;

/// The options as they were written; what is `None` is as usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionTexts {
    /// `none`, `delete`, `drop` or `truncate`.
    pub pre_creation: Option<PreCreation>,
    /// What is made at the subscriber besides the columns.
    pub schema: Option<SchemaOptions>,
    /// How inserts are carried out, e.g. `CALL dbo.sp_x`.
    pub insert: Option<String>,
    /// How updates are.
    pub update: Option<String>,
    /// How deletes are.
    pub delete: Option<String>,
}

/// A schema option: its name and where it is kept.
type SchemaOption = (&'static str, fn(&mut SchemaOptions) -> &mut bool);

/// The schema options by name.
const SCHEMA_OPTIONS: [SchemaOption; 9] = [
    ("unique-keys", |o| &mut o.unique_keys),
    ("foreign-keys", |o| &mut o.foreign_keys),
    ("check-constraints", |o| &mut o.checks),
    ("defaults", |o| &mut o.defaults),
    ("clustered-index", |o| &mut o.clustered_index),
    ("nonclustered-indexes", |o| &mut o.nonclustered_indexes),
    ("identity", |o| &mut o.identity),
    ("user-triggers", |o| &mut o.triggers),
    ("collation", |o| &mut o.collation),
];

fn no_schema_options() -> SchemaOptions {
    let mut options = SchemaOptions::default();
    for (_, flag) in SCHEMA_OPTIONS {
        *flag(&mut options) = false;
    }
    options
}

/// Reads `--schema-options`: names separated by commas, or `default`, `all`, `none` among them; `-name` takes one away.
pub fn parse_schema_options(text: &str) -> Result<SchemaOptions, String> {
    let mut options = no_schema_options();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "none" => options = no_schema_options(),
            "all" => SCHEMA_OPTIONS.iter().for_each(|(_, flag)| *flag(&mut options) = true),
            "default" => {
                let mut usual = SchemaOptions::default();
                for (_, flag) in SCHEMA_OPTIONS {
                    *flag(&mut options) |= *flag(&mut usual);
                }
            }
            _ => {
                let (name, wanted) = word.strip_prefix('-').map_or((word, true), |name| (name, false));
                let Some((_, flag)) = SCHEMA_OPTIONS.iter().find(|(known, _)| *known == name) else {
                    let known: Vec<&str> = SCHEMA_OPTIONS.iter().map(|(name, _)| *name).collect();
                    return Err(format!(
                        "there is no schema option {name}; there are {}, all, default, none",
                        known.join(", ")
                    ));
                };
                *flag(&mut options) = wanted;
            }
        }
    }
    Ok(options)
}

/// The names of the schema options that are set.
pub fn schema_option_names(options: &SchemaOptions) -> Vec<&'static str> {
    let mut options = *options;
    SCHEMA_OPTIONS.iter().filter(|(_, flag)| *flag(&mut options)).map(|(name, _)| *name).collect()
}

/// Reads `--pre-creation-cmd`.
pub fn parse_pre_creation(text: &str) -> Result<PreCreation, String> {
    match text {
        "none" => Ok(PreCreation::None),
        "delete" => Ok(PreCreation::Delete),
        "drop" => Ok(PreCreation::Drop),
        "truncate" => Ok(PreCreation::Truncate),
        _ => Err("it is none, delete, drop or truncate".to_owned()),
    }
}

/// As `--pre-creation-cmd` takes it.
pub fn pre_creation_name(pre_creation: PreCreation) -> &'static str {
    match pre_creation {
        PreCreation::None => "none",
        PreCreation::Delete => "delete",
        PreCreation::Drop => "drop",
        PreCreation::Truncate => "truncate",
    }
}

/// As `--ins-cmd` and its like take it.
pub fn command_text(command: &Command) -> String {
    match command {
        Command::Sql => "SQL".to_owned(),
        Command::None => "NONE".to_owned(),
        Command::Call { format, procedure, .. } => format!("{} {procedure}", format_name(*format)),
    }
}

fn format_name(format: CallFormat) -> &'static str {
    match format {
        CallFormat::Call => "CALL",
        CallFormat::Scall => "SCALL",
        CallFormat::Mcall => "MCALL",
        CallFormat::Xcall => "XCALL",
    }
}

/// The destination: `--dest-table` with or without a schema, `--dest-owner`, the source's names where neither says otherwise.
pub(super) fn destination(source: &TableName, table: Option<&str>, owner: Option<&str>) -> Result<TableName, Error> {
    let named = table.map(parse_table).transpose()?;
    // Without a schema, parse_table gives dbo; here the owner is then that of the source, as Microsoft has it.
    let schema = named.as_ref().filter(|_| table.is_some_and(has_schema)).map(|name| name.schema.clone());
    if let (Some(schema), Some(owner)) = (&schema, owner)
        && !super::same(schema, owner)
    {
        return Err(Error::invalid(format!("--dest-table names the schema {schema}, --dest-owner {owner}")));
    }
    let schema = schema.or_else(|| owner.map(str::to_owned)).unwrap_or_else(|| source.schema.clone());
    Ok(TableName { schema, table: named.map_or_else(|| source.table.clone(), |name| name.table) })
}

fn has_schema(text: &str) -> bool {
    let mut quoted = false;
    text.chars().any(|c| {
        quoted = match c {
            '[' => true,
            ']' => false,
            _ => quoted,
        };
        c == '.' && !quoted
    })
}

/// Puts the options of an article together and checks that they can be carried out.
pub(super) fn options(
    texts: &OptionTexts,
    table: &Table,
    columns: &[Column],
    filter: Option<&Predicate>,
    destination: &TableName,
) -> Result<ArticleOptions, Error> {
    let command = |verb, text: &Option<String>| match text {
        Some(text) => parse_command(verb, text, destination).map_err(Error::invalid),
        None => Ok(Command::Sql),
    };
    let options = ArticleOptions {
        pre_creation: texts.pre_creation.unwrap_or_default(),
        schema: texts.schema.unwrap_or_default(),
        insert: command(Verb::Insert, &texts.insert)?,
        update: command(Verb::Update, &texts.update)?,
        delete: command(Verb::Delete, &texts.delete)?,
    };
    let refused = |why: String| Error::invalid(format!("{} cannot be published with these options: {why}", table.name));
    check_filter(&options, table, columns, filter).map_err(refused)?;
    check_commands(&options, columns).map_err(refused)?;
    Ok(options)
}

/// `SQL`, `NONE`, or a call format with a procedure; without one it is the procedure that replication makes.
fn parse_command(verb: Verb, text: &str, destination: &TableName) -> Result<Command, String> {
    let (flag, formats) = match verb {
        Verb::Insert => ("--ins-cmd", "SQL, NONE or CALL"),
        Verb::Update => ("--upd-cmd", "SQL, NONE, CALL, SCALL, MCALL or XCALL"),
        Verb::Delete => ("--del-cmd", "SQL, NONE, CALL or XCALL"),
    };
    let (word, procedure) = match text.trim().split_once(char::is_whitespace) {
        Some((word, procedure)) => (word, procedure.trim()),
        None => (text.trim(), ""),
    };
    let format = match word.to_uppercase().as_str() {
        "SQL" if procedure.is_empty() => return Ok(Command::Sql),
        "NONE" if procedure.is_empty() => return Ok(Command::None),
        "CALL" => CallFormat::Call,
        "SCALL" if verb == Verb::Update => CallFormat::Scall,
        "MCALL" if verb == Verb::Update => CallFormat::Mcall,
        "XCALL" if verb != Verb::Insert => CallFormat::Xcall,
        _ => {
            return Err(format!(
                "{flag} cannot be `{text}`; it is {formats}, the latter with the name of a procedure or without one, for that which \
                 replication makes"
            ));
        }
    };
    if procedure.contains('(') {
        return Err(format!(
            "{flag} names a procedure only; its parameters are given by the format: `{word} dbo.procedure`"
        ));
    }
    let generated = procedure.is_empty();
    let procedure =
        if generated { default_name(verb, destination) } else { parse_table(procedure).map_err(|e| e.to_string())? };
    if procedure.table.encode_utf16().count() > MAX_NAME {
        return Err(format!(
            "the name {procedure} is longer than {MAX_NAME} characters; make a procedure and name it in {flag}"
        ));
    }
    Ok(Command::Call { format, procedure, generated })
}

/// Rows are deleted at the subscriber by a filter over the columns that are there.
fn check_filter(
    options: &ArticleOptions,
    table: &Table,
    columns: &[Column],
    filter: Option<&Predicate>,
) -> Result<(), String> {
    let (PreCreation::Delete, Some(filter)) = (options.pre_creation, filter) else { return Ok(()) };
    let missing = |name: &&str| filter.mentions(name) && !columns.iter().any(|column| column.name == **name);
    match table.columns.iter().map(|column| column.name.as_str()).find(|name| missing(name)) {
        Some(column) => Err(format!(
            "the pre-creation command delete deletes by the filter, which uses column {column}, and that is not published: publish it, \
             or use another pre-creation command"
        )),
        None => Ok(()),
    }
}

/// What a call needs must be in the log, and must fit a call.
pub(crate) fn check_commands(options: &ArticleOptions, columns: &[Column]) -> Result<(), String> {
    let key = columns.iter().filter(|column| column.key_ordinal.is_some()).count();
    let commands = [("--ins-cmd", &options.insert), ("--upd-cmd", &options.update), ("--del-cmd", &options.delete)];
    for (flag, command) in commands {
        let Command::Call { format, .. } = command else { continue };
        let is_update = flag == "--upd-cmd";
        if let Some(column) = columns.iter().find(|column| !can_be_passed(column.column_type)) {
            return Err(format!(
                "column {} {} cannot be a parameter of a procedure; use {flag} SQL, or leave the column out with --columns",
                column.name, column.column_type
            ));
        }
        let whole_images = is_update && *format != CallFormat::Scall;
        if let Some(column) = columns.iter().find(|column| whole_images && column.column_type.is_max()) {
            return Err(format!(
                "{flag} {} passes all columns, and the log does not have column {} {} when an update of others leaves it as it is; use \
                 {flag} SCALL, which passes changed columns only, or leave the column out with --columns",
                format_name(*format),
                column.name,
                column.column_type
            ));
        }
        // https://learn.microsoft.com/sql/relational-databases/system-tables/cdc-capture-instance-ct-transact-sql
        let missing = |column: &&Column| {
            flag == "--del-cmd"
                && *format == CallFormat::Xcall
                && matches!(column.column_type, ColumnType::Text | ColumnType::NText | ColumnType::Image)
        };
        if let Some(column) = columns.iter().find(missing) {
            return Err(format!(
                "{flag} XCALL passes all columns, and the log does not have column {} {} of a row that is deleted; use {flag} CALL, which \
                 passes the key, or leave the column out with --columns",
                column.name, column.column_type
            ));
        }
        let parameters = match (is_update, format) {
            (true, CallFormat::Xcall) => 2 * columns.len(),
            (true, _) => columns.len() + key + 1,
            _ => columns.len(),
        };
        if parameters > MAX_PARAMETERS {
            return Err(format!(
                "{flag} {} takes {parameters} parameters, and a statement has {MAX_PARAMETERS} at most; use {flag} SQL",
                format_name(*format)
            ));
        }
    }
    Ok(())
}

/// Whether values of a type can be passed to a procedure as they are.
fn can_be_passed(column_type: ColumnType) -> bool {
    use ColumnType as T;
    match column_type {
        T::Bit | T::TinyInt | T::SmallInt | T::Int | T::BigInt | T::Decimal { .. } | T::Money | T::SmallMoney => true,
        T::Real | T::Float | T::UniqueIdentifier => true,
        T::Char(_) | T::VarChar(_) | T::NChar(_) | T::NVarChar(_) | T::Binary(_) | T::VarBinary(_) => true,
        T::Text | T::NText | T::Image => true,
        // Their values are converted by expressions, which a call does not take.
        T::Xml | T::SqlVariant | T::HierarchyId | T::Geometry | T::Geography | T::Json => false,
        T::Date | T::Time(_) | T::SmallDateTime | T::DateTime | T::DateTime2(_) | T::DateTimeOffset(_) => true,
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
