//! A suite that cannot fail proves nothing: the runner must tell a wrong answer, a missing error, a lock that is not waited for and a
//! refusal that is none, before it is believed about the cases.

use crate::cases;
use crate::run::{Outcome, Target};

const CASES: &str = "\
-- Checks of the runner
--- case: passes
--- doc: none
SELECT 1, NULL, ''
=> 1|NULL|''
SELECT 1 WHERE 1 = 0; SELECT 2
=> (none)
=> ;
=> 2
RAISERROR('a b c', 16, 7)
=> error 50000 level 16 state 7: a * c

--- case: passes: a lock is waited for
--- doc: none
CREATE TABLE dbo.waited (id int); INSERT dbo.waited VALUES (1);
GO
BEGIN TRANSACTION; UPDATE dbo.waited SET id = 2;
--- session b blocks
UPDATE dbo.waited SET id = id + 10;
--- session a
COMMIT
--- session b resumes

--- case: fails: another value
--- doc: none
SELECT 1
=> 2

--- case: fails: a row too many
--- doc: none
SELECT 1 UNION ALL SELECT 2
=> 1

--- case: fails: rows that nobody expects
--- doc: none
SELECT 1

--- case: fails: no error
--- doc: none
SELECT 1
=> error 8134

--- case: fails: another error
--- doc: none
SELECT 1 / 0
=> error 208

--- case: fails: another severity
--- doc: none
SELECT 1 / 0
=> error 8134 level 11

--- case: fails: another text
--- doc: none
SELECT 1 / 0
=> error 8134: Something else

--- case: fails: an error that nobody expects
--- doc: none
SELECT 1 / 0
GO

--- case: fails: nothing to wait for
--- doc: none
--- session b blocks
SELECT 1

--- case: fails: marked as refused and answered
--- doc: none
--- refused: not really
SELECT 1
=> 1
";

/// Texts that are no case files.
const MALFORMED: [&str; 4] = [
    "-- t\nSELECT 1\n",
    "-- t\n--- session b\nSELECT 1\n",
    "-- t\n--- case: no page\nSELECT 1\n",
    "-- t\n--- case: empty\n--- doc: none\n",
];

/// Runs the checks.
///
/// # Errors
/// What the runner got wrong.
pub async fn run(target: &Target) -> Result<(), String> {
    if let Some(text) = MALFORMED.iter().find(|text| cases::parse("malformed", text).is_ok()) {
        return Err(format!("this is taken for a case file:\n{text}"));
    }
    let topic = cases::parse("selfcheck", CASES)?;
    for (name, _, outcome, _) in target.run(&topic, &|_| true).await {
        // A real server has nothing to refuse, so the mark means nothing there.
        let marked = name.ends_with("refused and answered");
        let should_fail = name.starts_with("fails") && (target.is_sandbox || !marked);
        let right = match outcome {
            Outcome::Passed => !should_fail,
            Outcome::Failed(_) => should_fail,
            Outcome::Refused => false,
        };
        if !right {
            return Err(format!("the case `{name}` came out as {outcome:?}"));
        }
    }
    Ok(())
}
