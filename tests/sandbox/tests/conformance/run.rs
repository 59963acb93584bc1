//! Runs cases: sessions, batches, waiting for locks.

use crate::answer::Answer;
use crate::cases::{Case, Manner, Step, Topic};
use crate::show;
use futures::TryStreamExt;
use sandbox::client::Server;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// Longest that a batch may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(10);
/// Password of the logins that cases make.
const PASSWORD: &str = "Conformance-Case-1!";

type Tds = Client<Compat<TcpStream>>;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was answered as expected.
    Passed,
    /// The sandbox refused it, as the case says it does.
    Refused,
    /// Something else was answered.
    Failed(String),
}

/// Where cases run.
pub struct Target {
    /// The server.
    pub server: Server,
    /// It is a sandbox, which may refuse.
    pub is_sandbox: bool,
}

/// A session of a case.
enum Session {
    Idle(Box<Tds>, i64),
    Running(JoinHandle<(Box<Tds>, Answer)>, i64),
}

impl Target {
    /// Runs a topic's cases in order; `wanted` picks them by name.
    pub async fn run(
        &self,
        topic: &Topic,
        wanted: &(dyn Fn(&Case) -> bool + Sync),
    ) -> Vec<(String, usize, Outcome, Duration)> {
        let cases: Vec<&Case> = topic.cases.iter().filter(|case| wanted(case)).collect();
        if cases.is_empty() {
            return Vec::new();
        }
        let shared = match self.make_database(topic).await {
            Ok(name) => name,
            Err(why) => {
                return vec![("setup".to_owned(), 1, Outcome::Failed(why), Duration::ZERO)];
            }
        };
        let mut outcomes = Vec::new();
        for case in cases {
            let began = Instant::now();
            let outcome = if case.own_database {
                match self.make_database(topic).await {
                    Ok(own) => {
                        let outcome = self.case(case, &own).await;
                        self.drop_database(&own).await;
                        outcome
                    }
                    Err(why) => Outcome::Failed(why),
                }
            } else {
                self.case(case, &shared).await
            };
            outcomes.push((case.name.clone(), case.line, outcome, began.elapsed()));
        }
        self.drop_database(&shared).await;
        outcomes
    }

    async fn make_database(&self, topic: &Topic) -> Result<String, String> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("conformance_{}_{}", topic.name, &unique[..12]);
        let mut master = self.connect("master", None).await?;
        let created = ask(&mut master, &format!("CREATE DATABASE [{name}]")).await;
        if created.is_error() {
            return Err(format!("the database cannot be created: {}", created.lines.join(" ")));
        }
        let mut connection = self.connect(&name, None).await?;
        for sql in &topic.setup {
            let answer = ask(&mut connection, &fill(sql, &name)).await;
            if answer.is_error() {
                return Err(format!("the setup fails: {}\n{sql}", answer.lines.join(" ")));
            }
        }
        Ok(name)
    }

    async fn drop_database(&self, name: &str) {
        let Ok(mut master) = self.connect("master", None).await else { return };
        let alone = format!("ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE");
        // One that cannot be dropped stays behind on its server; that is no fault of the case.
        ask(&mut master, &alone).await;
        ask(&mut master, &format!("DROP DATABASE [{name}]")).await;
    }

    async fn case(&self, case: &Case, database: &str) -> Outcome {
        let mut sessions = HashMap::new();
        let mut refused = false;
        let mut failure = None;
        for step in &case.steps {
            match self.step(step, database, &mut sessions).await {
                Ok(answer) if self.is_sandbox && answer.is_refusal() && case.refused.is_some() => {
                    refused = true;
                    break;
                }
                Ok(answer) if answer.fits(step.expected.as_deref()) => {}
                Ok(answer) => {
                    failure = Some(report(step, &answer));
                    break;
                }
                Err(why) => {
                    failure = Some(format!("line {}: {why}", step.line));
                    break;
                }
            }
        }
        for session in sessions.into_values() {
            if let Session::Running(task, _) = session {
                task.abort();
            }
        }
        match failure {
            Some(why) => Outcome::Failed(why),
            None if refused => Outcome::Refused,
            None if case.refused.is_some() && self.is_sandbox => {
                Outcome::Failed("it is marked as refused, but the sandbox answers it as expected".to_owned())
            }
            None => Outcome::Passed,
        }
    }

    async fn step(
        &self,
        step: &Step,
        database: &str,
        sessions: &mut HashMap<String, Session>,
    ) -> Result<Answer, String> {
        let sql = fill(&step.sql, database);
        let session = match sessions.remove(&step.session) {
            Some(session) => session,
            None => {
                let mut tds = self.connect(database, step.login.then(|| login_of(database))).await?;
                let id = ask(&mut tds, "SELECT CAST(@@SPID AS bigint)").await;
                let id = id.lines.first().and_then(|id| id.parse().ok()).ok_or("the session has no number")?;
                Session::Idle(Box::new(tds), id)
            }
        };
        let nothing = Answer::default();
        match (step.manner, session) {
            (Manner::Resumes, Session::Running(task, id)) => {
                let joined = tokio::time::timeout(LIMIT, task).await.map_err(|_| "it still waits".to_owned())?;
                let (tds, answer) = joined.map_err(|e| e.to_string())?;
                sessions.insert(step.session.clone(), Session::Idle(tds, id));
                Ok(answer)
            }
            (Manner::Resumes, Session::Idle(..)) => Err("the session was not left running".to_owned()),
            (_, Session::Running(..)) => Err("the session is still running".to_owned()),
            (Manner::Run, Session::Idle(mut tds, id)) => {
                let answer = ask(&mut tds, &sql).await;
                sessions.insert(step.session.clone(), Session::Idle(tds, id));
                Ok(answer)
            }
            (Manner::Until, Session::Idle(mut tds, id)) => {
                let began = Instant::now();
                let answer = loop {
                    let answer = ask(&mut tds, &sql).await;
                    if answer.fits(step.expected.as_deref()) || began.elapsed() > LIMIT || answer.is_refusal() {
                        break answer;
                    }
                    tokio::time::sleep(PAUSE).await;
                };
                sessions.insert(step.session.clone(), Session::Idle(tds, id));
                Ok(answer)
            }
            (Manner::Starts | Manner::Blocks, Session::Idle(mut tds, id)) => {
                let task = tokio::spawn(async move {
                    let answer = ask(&mut tds, &sql).await;
                    (tds, answer)
                });
                if step.manner == Manner::Blocks
                    && let Err(why) = self.wait_until_blocked(id, &task).await
                {
                    let (_, answer) = match task.is_finished() {
                        true => task.await.map_err(|e| e.to_string())?,
                        false => return Err(why),
                    };
                    return Err(format!("{why}; it answers {:?}", answer.lines));
                }
                sessions.insert(step.session.clone(), Session::Running(task, id));
                match &step.expected {
                    Some(expected) if !expected.is_empty() => Err("a batch that is left has no answer yet".to_owned()),
                    _ => Ok(nothing),
                }
            }
        }
    }

    /// Waits until the server says that a session waits for another.
    async fn wait_until_blocked(&self, id: i64, task: &JoinHandle<(Box<Tds>, Answer)>) -> Result<(), String> {
        let mut observer = self.connect("master", None).await?;
        let question =
            format!("SELECT COUNT(*) FROM sys.dm_exec_requests WHERE session_id = {id} AND blocking_session_id <> 0");
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if task.is_finished() {
                return Err("it should wait for a lock and does not".to_owned());
            }
            let answer = ask(&mut observer, &question).await;
            match answer.lines.first().map(String::as_str) {
                Some("1") => return Ok(()),
                Some("0") => tokio::time::sleep(PAUSE).await,
                _ => return Err(format!("sys.dm_exec_requests does not tell: {:?}", answer.lines)),
            }
        }
        Err("it neither ends nor waits for a lock".to_owned())
    }

    async fn connect(&self, database: &str, login: Option<String>) -> Result<Tds, String> {
        let server = &self.server;
        let mut config = Config::new();
        config.host(&server.host);
        config.port(server.port);
        config.database(database);
        config.authentication(match &login {
            Some(login) => AuthMethod::sql_server(login, PASSWORD),
            None => AuthMethod::sql_server(&server.login, &server.password),
        });
        config.encryption(if server.encrypt { EncryptionLevel::Required } else { EncryptionLevel::Off });
        config.trust_cert();
        config.command_timeout(Some(LIMIT));
        let connecting = async {
            let stream = TcpStream::connect(config.get_addr()).await.map_err(|e| e.to_string())?;
            stream.set_nodelay(true).map_err(|e| e.to_string())?;
            let connecting = Box::pin(Client::connect(config, stream.compat_write()));
            connecting.await.map_err(|e| format!("cannot connect to {database}: {e}"))
        };
        tokio::time::timeout(LIMIT, connecting).await.map_err(|_| "no login within the limit".to_owned())?
    }
}

fn login_of(database: &str) -> String {
    format!("login_{database}")
}

fn fill(sql: &str, database: &str) -> String {
    sql.replace("{db}", database).replace("{login}", &login_of(database)).replace("{password}", PASSWORD)
}

/// Runs a batch and reads everything it answers.
async fn ask(tds: &mut Tds, sql: &str) -> Answer {
    let mut answer = Answer::default();
    let read = async {
        let mut stream = tds.simple_query(sql).await?;
        while let Some(item) = stream.try_next().await? {
            match item {
                QueryItem::Metadata(_) => answer.result_set(),
                QueryItem::Row(row) => answer.row(show::row(&row)),
            }
        }
        Ok::<(), tiberius::error::Error>(())
    };
    let read = tokio::time::timeout(LIMIT, Box::pin(read)).await;
    match read {
        Ok(Ok(())) => answer.end(),
        Ok(Err(error)) => answer.error(&error),
        Err(_) => answer.lines.push("failure: no answer within the limit".to_owned()),
    }
    answer
}

fn report(step: &Step, answer: &Answer) -> String {
    use std::fmt::Write as _;
    let mut text = format!("line {}, session {}:\n", step.line, step.session);
    for line in step.sql.lines() {
        let _ = writeln!(text, "      {line}");
    }
    match &step.expected {
        None => text.push_str("    expected success\n"),
        Some(lines) => {
            text.push_str("    expected\n");
            for line in lines {
                let _ = writeln!(text, "      => {line}");
            }
        }
    }
    text.push_str("    answered\n");
    for line in &answer.lines {
        let _ = writeln!(text, "      => {line}");
    }
    text
}
