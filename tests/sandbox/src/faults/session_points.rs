//! The points that a session passes.

use super::{Effect, Passer, Point, pause};
use crate::engine::meta::Table;
use crate::engine::session::SqlSession;
use crate::engine::stop::{Exec, Stop};
use std::sync::Arc;

/// Errors from this severity on end the connection.
const FATAL: u8 = 20;

impl SqlSession {
    /// Whether anything can happen at a point, for loops that ask once instead of for each row.
    pub(crate) fn is_armed(&self, point: Point) -> bool {
        self.shared.server.options.faults.is_armed(point)
    }

    /// Passes a point that has nothing to do with particular tables.
    pub(crate) fn pass(&self, point: Point) -> Exec<()> {
        if self.is_armed(point) { self.meet(point, &[]) } else { Ok(()) }
    }

    /// A statement is about to touch tables.
    pub(crate) fn pass_statement(&self, reads: &[Arc<Table>], target: Option<&Arc<Table>>) -> Exec<()> {
        if !reads.is_empty() || target.is_some() {
            self.shared.count.note_tables();
        }
        if !self.is_armed(Point::Statement) {
            return Ok(());
        }
        let mut tables: Vec<&Table> = reads.iter().map(Arc::as_ref).collect();
        tables.extend(target.map(Arc::as_ref));
        if tables.is_empty() { Ok(()) } else { self.meet(Point::Statement, &tables) }
    }

    /// Rows are about to be written to a table.
    pub(crate) fn pass_write(&self, table: &Table) -> Exec<()> {
        if self.is_armed(Point::Write) { self.meet(Point::Write, &[table]) } else { Ok(()) }
    }

    fn meet(&self, point: Point, tables: &[&Table]) -> Exec<()> {
        let database = self.database().name.clone();
        let passer = Passer { session: Some(&self.shared), database: &database, tables };
        let faults = &self.shared.server.options.faults;
        match faults.pass(point, &passer) {
            None | Some(Effect::Stop(_) | Effect::Lag(_)) => Ok(()),
            Some(effect) => self.suffer(effect),
        }
    }

    fn suffer(&self, effect: Effect) -> Exec<()> {
        let line = &self.shared.line;
        let still_there = || if line.is_gone() { Err(Stop::Cancelled) } else { Ok(()) };
        match effect {
            Effect::Disconnect => {
                line.cut();
                Err(Stop::Cancelled)
            }
            Effect::Stall(id) => {
                self.shared.server.options.faults.wait_until_cleared(id, &|| line.is_gone());
                still_there()
            }
            Effect::Delay(delay) => {
                pause(delay, &|| line.is_gone());
                still_there()
            }
            Effect::Error(error) if error.severity >= FATAL => {
                line.end_with(error);
                Err(Stop::Cancelled)
            }
            Effect::Error(error) => Err(error.into()),
            Effect::Stop(_) | Effect::Lag(_) => Ok(()),
        }
    }
}
