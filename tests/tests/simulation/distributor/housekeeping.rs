//! The distributor's housekeeping: what it writes down now and then, and what it drops.

use super::super::network::Network;
use super::super::source::database;
use super::Distributor;
use distributor::catalog::{Change, Entry, Loads, plan};
use distributor::core::retention::{Limits, Piece, decide};
use proto::Lsn;
use rand::rngs::StdRng;

/// How far housekeeping is.
#[derive(Debug)]
pub(super) enum Round {
    Persist,
    Look,
    Ask(Vec<Piece>),
    Decide(Vec<Piece>, Loads),
    Drop(Option<Lsn>),
    Retire,
}

impl Distributor {
    /// Writes down how the subscriptions stand.
    pub(super) fn persist(&mut self) {
        let Some(process) = &self.process else { return };
        let stored = self.disk.catalog.read(|contents| contents.subscriptions()).expect("the catalog can be read");
        let changes = stored.into_iter().filter_map(|mut entry| {
            let progress = process.subscriptions.get(&entry.subscription.name)?;
            let now = (progress.state, progress.position, progress.keep_after);
            let changed = now != (entry.state, entry.position, entry.keep_after);
            (entry.state, entry.position, entry.keep_after) = now;
            changed.then_some(Change::Put(Entry::Subscription(entry)))
        });
        self.disk.catalog.change(changes.collect()).expect("the catalog can be written");
    }

    /// A step of housekeeping: drops what nobody needs, and retires the definitions that nothing in the queue has any more.
    pub fn keep_house(&mut self, network: &mut Network, rng: &mut StdRng) {
        let kept_after = self.dropped();
        let Some(process) = &mut self.process else { return };
        let next = match std::mem::replace(&mut process.round, Round::Persist) {
            Round::Persist => {
                self.persist();
                Round::Look
            }
            Round::Look => Round::Ask(self.disk.queue.pieces()),
            Round::Ask(pieces) => {
                let loads = self.ask(|contents| plan::loads(contents, &database(), kept_after));
                Round::Decide(pieces, loads.expect("the catalog can be read"))
            }
            Round::Decide(pieces, loads) => {
                let mut needs: Vec<_> =
                    loads.subscriptions.iter().filter_map(|name| process.subscriptions.need(name)).collect();
                needs.extend(loads.needs);
                let decision = decide(&pieces, &needs, Limits { min: 0, max: i64::MAX }, 1);
                assert!(decision.expire.is_empty(), "nothing is old enough to expire anybody");
                Round::Drop(decision.drop.checked_sub(1).and_then(|last| pieces.get(last)).map(|piece| piece.last))
            }
            Round::Drop(last) => {
                if let Some(last) = last {
                    self.disk.queue.drop_up_to(last);
                }
                Round::Retire
            }
            Round::Retire => {
                self.change(network, rng, |contents| plan::retire(contents, &database(), kept_after))
                    .expect("definitions can be retired");
                Round::Persist
            }
        };
        if let Some(process) = &mut self.process {
            process.round = next;
        }
    }
}
