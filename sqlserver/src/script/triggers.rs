//! Triggers of a published table, made again at the subscriber.

use super::mentions::{Word, words};
use super::{Scene, line};
use crate::design::Trigger;
use crate::quote;
use crate::session::GUARD;

/// Makes the triggers of an article's table, where they are missing; `left_out` takes those that cannot be, with the reason.
///
/// A trigger that is `NOT FOR REPLICATION` begins with [`GUARD`], since our connections are ordinary ones to the server and would
/// fire it. <https://learn.microsoft.com/sql/t-sql/statements/create-trigger-transact-sql>
pub(super) fn triggers(scene: &Scene<'_>, script: &mut String, left_out: &mut Vec<String>) {
    let destination = &scene.of.article.destination;
    if !scene.of.article.options.schema.triggers {
        return;
    }
    for trigger in &scene.of.design.triggers {
        let text = match create(scene, trigger) {
            Ok(text) => text,
            Err(why) => {
                left_out.push(format!("trigger {} of {} is left out: {why}", trigger.name, scene.of.article.source));
                continue;
            }
        };
        line(script, format_args!("{}", super::if_missing(&scene.of.article, &trigger.name)));
        let create = format!("EXEC ({})", quote::literal(&text));
        if trigger.disabled {
            let table = quote::table(destination);
            let disable = format!("ALTER TABLE {table} DISABLE TRIGGER {}", quote::identifier(&trigger.name));
            line(script, format_args!("{}", super::at_once(&create, &disable)));
        } else {
            line(script, format_args!("{create}"));
        }
        line(script, format_args!("GO"));
    }
}

/// `CREATE TRIGGER` for the destination; an error says why there can be none.
fn create(scene: &Scene<'_>, trigger: &Trigger) -> Result<String, String> {
    let text =
        trigger.definition.as_deref().ok_or("the server does not show its text, which is encrypted or not T-SQL")?;
    if text.lines().any(|line| line.trim().eq_ignore_ascii_case("GO")) {
        return Err("its text has a line GO, at which scripts are cut".to_owned());
    }
    let words = words(text);
    let header = header(&words).ok_or("its text is not a CREATE TRIGGER that this version understands")?;
    if let Some(word) = words[header.body..].iter().find(|word| scene.lacks(word)) {
        return Err(format!("it mentions {}, which is not published", word.text));
    }
    let destination = &scene.of.article.destination;
    let name = format!("{}.{}", quote::identifier(&destination.schema), quote::identifier(&trigger.name));
    let events = text[header.table_end..header.as_end].trim();
    let body = &text[header.as_end..];
    let guard = if trigger.not_for_replication { format!("\n{GUARD}") } else { String::new() };
    Ok(format!("CREATE TRIGGER {name} ON {}\n{events}{guard}{body}", quote::table(destination)))
}

/// Where the parts of a `CREATE TRIGGER` are.
struct Header {
    /// Byte behind the table's name.
    table_end: usize,
    /// Byte behind the `AS` before the body.
    as_end: usize,
    /// First word of the body.
    body: usize,
}

fn header(words: &[Word]) -> Option<Header> {
    let mut at = words.iter().position(|w| w.is("TRIGGER"))? + 1;
    let name_end = dotted_name(words, &mut at)?;
    if !words.get(at)?.is("ON") || name_end == 0 {
        return None;
    }
    at += 1;
    let table_end = dotted_name(words, &mut at)?;
    // The AS of EXECUTE AS is not the one before the body.
    let is_body = |i: usize| words[i].is("AS") && !words[i - 1].is("EXECUTE") && !words[i - 1].is("EXEC");
    let before_body = (at..words.len()).find(|i| is_body(*i))?;
    Some(Header { table_end, as_end: words[before_body].at.end, body: before_body + 1 })
}

/// Goes over a name of one or more parts; gives the byte behind it.
fn dotted_name(words: &[Word], at: &mut usize) -> Option<usize> {
    let mut end = words.get(*at)?.at.end;
    *at += 1;
    while words.get(*at).is_some_and(|w| w.after_period) {
        end = words[*at].at.end;
        *at += 1;
    }
    Some(end)
}
