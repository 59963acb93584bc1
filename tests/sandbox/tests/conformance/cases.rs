//! Case files: what is asked, what the answer must be, and the page of the documentation that says so.
//!
//! A file holds the cases of one topic. Lines that start with `---` are directives, lines that start with `=>` the answer expected of
//! the batch above them, everything else is T-SQL:
//!
//! ```text
//! -- Title of the topic
//! --- setup                        a batch for the topic's database, before its cases
//! --- case: name                   a case starts; its sessions are connected anew
//! --- doc: https://…               the page that the answer is taken from; each case has one
//! --- refused: why                 the sandbox leaves this out: it must answer with its refusal, a real server with the answer
//! --- database: own                the case gets a database of its own, made for it and dropped after it
//! --- session b                    what follows runs in session `b` (the first one is `a`)
//! --- session b blocks             the batch that follows is left waiting for a lock: the next step starts once it does
//! --- session b starts             the batch that follows is left running, whether it waits or not
//! --- session b resumes            the answer of the batch that was left; only `=>` lines follow
//! --- session a until              the batch is repeated until it gives the answer, up to the time limit
//! --- session r login              session `r` logs in as {login}, which the case has to create
//! GO                               ends a batch that must succeed, its rows do not matter
//! => 1|abc|NULL|''                 a row: columns parted by |, '' is an empty string
//! => ;                             the next result set begins
//! => (none)                        a result set without rows
//! => error 2627 level 14: text *   the error that ends it; level, state and text may be left out, * stands for anything
//! ```
//!
//! A batch without `=>` must succeed and give no rows. `{db}` stands for the name of the case's database, `{login}` and `{password}` for
//! a login of the case's own.

use std::path::Path;

/// A file of cases.
#[derive(Debug)]
pub struct Topic {
    /// Name of the file without its ending.
    pub name: String,
    /// First line.
    pub title: String,
    /// Batches for the topic's database.
    pub setup: Vec<String>,
    /// Its cases in order.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Default)]
pub struct Case {
    /// What it shows, in words.
    pub name: String,
    /// Line of the file it starts on.
    pub line: usize,
    /// Pages of the documentation.
    pub docs: Vec<String>,
    /// Why the sandbox leaves it out.
    pub refused: Option<String>,
    /// Gets a database of its own.
    pub own_database: bool,
    /// What happens.
    pub steps: Vec<Step>,
}

/// How a step goes about its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Runs it and reads the answer.
    Run,
    /// Runs it and waits until it waits for a lock.
    Blocks,
    /// Starts it.
    Starts,
    /// Reads the answer of the batch that was started before.
    Resumes,
    /// Repeats it until the answer is right.
    Until,
}

/// A batch with what it must answer.
#[derive(Debug, Clone)]
pub struct Step {
    /// Line of the file.
    pub line: usize,
    /// Session it runs in.
    pub session: String,
    /// The session logs in as the case's own login.
    pub login: bool,
    /// How.
    pub manner: Manner,
    /// T-SQL.
    pub sql: String,
    /// What it must answer; `None` when anything but an error will do.
    pub expected: Option<Vec<String>>,
}

/// Reads every topic of a folder, in order of their names.
///
/// # Errors
/// A file that is no case file, with its line.
pub fn read_folder(folder: &Path) -> Result<Vec<Topic>, String> {
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(say)? {
        let path = entry.map_err(say)?.path();
        if path.extension().is_some_and(|e| e == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            parse(&name, &text).map_err(|error| format!("{}:{error}", path.display()))
        })
        .collect()
}

/// The step that is being read.
struct Open {
    line: usize,
    session: String,
    login: bool,
    manner: Manner,
    sql: String,
    expected: Vec<String>,
}

impl Open {
    fn at(line: usize, session: &str, manner: Manner, login: bool) -> Self {
        Self { line, session: session.to_owned(), login, manner, sql: String::new(), expected: Vec::new() }
    }

    /// The step, unless nothing was written for it.
    fn close(self, go: bool) -> Option<Step> {
        let sql = self.sql.trim_end().to_owned();
        if sql.trim().is_empty() && self.manner != Manner::Resumes {
            return None;
        }
        let expected = if go && self.expected.is_empty() { None } else { Some(self.expected) };
        let (line, session, login, manner) = (self.line, self.session, self.login, self.manner);
        Some(Step { line, session, login, manner, sql, expected })
    }
}

/// Reads a case file.
///
/// # Errors
/// `line: what is wrong`.
pub fn parse(name: &str, text: &str) -> Result<Topic, String> {
    let title = text.lines().next().unwrap_or_default().trim_start_matches("--").trim().to_owned();
    let mut topic = Topic { name: name.to_owned(), title, setup: Vec::new(), cases: Vec::new() };
    let mut open: Option<Open> = None;
    let mut in_setup = false;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    for (number, line) in lines {
        let fail = |what: &str| Err(format!("{number}: {what}"));
        if let Some(directive) = line.strip_prefix("---").map(str::trim) {
            close(&mut topic, &mut open, in_setup, false);
            if directive == "setup" {
                in_setup = true;
                open = Some(Open::at(number, "a", Manner::Run, false));
                continue;
            }
            if let Some(name) = directive.strip_prefix("case:") {
                in_setup = false;
                topic.cases.push(Case { name: name.trim().to_owned(), line: number, ..Case::default() });
                open = Some(Open::at(number, "a", Manner::Run, false));
                continue;
            }
            let Some(case) = topic.cases.last_mut() else { return fail("a directive before the first case") };
            match directive.split_once(':').map(|(word, rest)| (word, rest.trim())) {
                Some(("doc", page)) => case.docs.push(page.to_owned()),
                Some(("refused", why)) => case.refused = Some(why.to_owned()),
                Some(("database", "own")) => case.own_database = true,
                _ => {
                    let words: Vec<&str> = directive.split_whitespace().collect();
                    let (session, manner, login) = match words[..] {
                        ["session", session] => (session, Manner::Run, false),
                        ["session", session, "blocks"] => (session, Manner::Blocks, false),
                        ["session", session, "starts"] => (session, Manner::Starts, false),
                        ["session", session, "resumes"] => (session, Manner::Resumes, false),
                        ["session", session, "until"] => (session, Manner::Until, false),
                        ["session", session, "login"] => (session, Manner::Run, true),
                        _ => return fail("no directive that is known"),
                    };
                    open = Some(Open::at(number, session, manner, login));
                    continue;
                }
            }
            open = Some(Open::at(number, "a", Manner::Run, false));
            continue;
        }
        let Some(step) = &mut open else {
            if line.trim().is_empty() || line.starts_with("--") {
                continue;
            }
            return fail("T-SQL before the first directive");
        };
        if let Some(answer) = line.strip_prefix("=>") {
            step.expected.push(answer.trim().to_owned());
        } else if line.trim().eq_ignore_ascii_case("GO") {
            let next = Open::at(number + 1, &step.session, Manner::Run, step.login);
            close(&mut topic, &mut open, in_setup, true);
            open = Some(next);
        } else {
            if !step.expected.is_empty() && !line.trim().is_empty() {
                let next = Open::at(number, &step.session, Manner::Run, step.login);
                close(&mut topic, &mut open, in_setup, false);
                open = Some(next);
            }
            let Some(step) = &mut open else { continue };
            if step.sql.is_empty() && line.trim().is_empty() {
                continue;
            }
            if step.sql.is_empty() {
                step.line = number;
            }
            step.sql.push_str(line);
            step.sql.push('\n');
        }
    }
    close(&mut topic, &mut open, in_setup, false);
    for case in &topic.cases {
        if case.docs.is_empty() {
            return Err(format!("{}: the case names no page of the documentation", case.line));
        }
        if case.steps.is_empty() {
            return Err(format!("{}: the case does nothing", case.line));
        }
    }
    Ok(topic)
}

fn close(topic: &mut Topic, open: &mut Option<Open>, in_setup: bool, go: bool) {
    let Some(step) = open.take().and_then(|step| step.close(go)) else { return };
    if in_setup {
        topic.setup.push(step.sql);
    } else if let Some(case) = topic.cases.last_mut() {
        case.steps.push(step);
    }
}
