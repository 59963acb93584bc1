//! What is held and who waits.

use super::{Asker, Mode, NotGranted, Resource, Span, Want};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// A lock that is held.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Of what.
    pub resource: Resource,
    /// By whom.
    pub owner: i32,
    /// Mode.
    pub mode: Mode,
    /// How long.
    pub span: Span,
}

/// Somebody who waits.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Who.
    pub owner: i32,
    /// For whom, in the first place.
    pub blocker: i32,
    /// What that one keeps.
    pub resource: Resource,
    /// The mode asked for.
    pub mode: Mode,
    /// Since when.
    pub since: Instant,
}

#[derive(Debug)]
struct Held {
    owner: i32,
    mode: Mode,
    span: Span,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    asker: Asker,
    wants: Vec<Want>,
    since: Instant,
    /// Set when the wait is over; then it waits for nobody.
    outcome: Option<Result<(), NotGranted>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct State {
    held: HashMap<Resource, Vec<Held>>,
    /// Resources that an owner holds locks of, in the order taken.
    owned: HashMap<i32, Vec<Resource>>,
    /// In order of their tickets.
    waiters: Vec<Waiter>,
    next_ticket: u64,
}

impl State {
    /// Whether an owner may have all of `wants` now: nobody else holds what does not go with them, and nobody who asked before
    /// `ticket` waits for such a lock, unless that one waits, by whatever detour, for this very owner.
    pub fn is_free(&self, owner: i32, wants: &[Want], ticket: Option<u64>) -> bool {
        if wants.iter().any(|want| self.holders_against(owner, want).next().is_some()) {
            return false;
        }
        self.waiters_before(owner, wants, ticket).all(|earlier| self.waits_for(earlier.asker.owner, owner))
    }

    /// Others who hold what does not go with a lock; none if the owner needs no new one.
    fn holders_against<'a>(&'a self, owner: i32, want: &'a Want) -> impl Iterator<Item = &'a Held> {
        let held = self.held.get(&want.resource).map(Vec::as_slice).unwrap_or_default();
        held.iter().filter(move |held| held.owner != owner && !held.mode.is_compatible(want.mode))
    }

    /// Others who asked earlier for what does not go with these locks.
    fn waiters_before<'a>(
        &'a self,
        owner: i32,
        wants: &'a [Want],
        ticket: Option<u64>,
    ) -> impl Iterator<Item = &'a Waiter> {
        let against = move |earlier: &Want| {
            wants.iter().any(|want| want.resource == earlier.resource && !want.mode.is_compatible(earlier.mode))
        };
        self.waiters
            .iter()
            .take_while(move |waiter| ticket.is_none_or(|ticket| waiter.ticket < ticket))
            .filter(move |waiter| waiter.outcome.is_none() && waiter.asker.owner != owner)
            .filter(move |waiter| waiter.wants.iter().any(against))
    }

    fn waiter(&self, owner: i32) -> Option<&Waiter> {
        self.waiters.iter().find(|waiter| waiter.asker.owner == owner && waiter.outcome.is_none())
    }

    /// Whether an owner waits for another: for a lock it holds, for its place in the queue, or for somebody who does.
    fn waits_for(&self, from: i32, to: i32) -> bool {
        let mut seen = HashSet::from([from]);
        let mut next = vec![from];
        while let Some(owner) = next.pop() {
            let Some(waiter) = self.waiter(owner) else { continue };
            let holders = waiter.wants.iter().flat_map(|want| self.holders_against(owner, want)).map(|held| held.owner);
            let earlier =
                self.waiters_before(owner, &waiter.wants, Some(waiter.ticket)).map(|earlier| earlier.asker.owner);
            for blocker in holders.chain(earlier) {
                if blocker == to {
                    return true;
                }
                if seen.insert(blocker) {
                    next.push(blocker);
                }
            }
        }
        false
    }

    /// Takes locks that are free.
    pub fn take(&mut self, owner: i32, wants: &[Want]) {
        for want in wants.iter().filter(|want| want.span != Span::Moment) {
            let held = match self.held.get_mut(&want.resource) {
                Some(held) => held,
                None => self.held.entry(want.resource.clone()).or_default(),
            };
            // Locks for an application are counted; of others one that is strong enough and kept long enough will do.
            let counted = matches!(want.resource, Resource::Application(..));
            let enough = held.iter().any(|h| h.owner == owner && h.span >= want.span && h.mode.covers(want.mode));
            if counted || !enough {
                held.push(Held { owner, mode: want.mode, span: want.span });
                self.owned.entry(owner).or_default().push(want.resource.clone());
            }
        }
    }

    /// Puts a request into the queue.
    pub fn wait(&mut self, asker: &Asker, wants: &[Want]) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let (asker, wants) = (*asker, wants.to_vec());
        self.waiters.push(Waiter { ticket, asker, wants, since: Instant::now(), outcome: None });
        ticket
    }

    /// Whether one of the locks is not free and must not be waited for.
    pub fn must_not_wait(&self, owner: i32, wants: &[Want]) -> bool {
        wants.iter().any(|want| want.no_wait && !self.is_free(owner, std::slice::from_ref(want), None))
    }

    /// Grants what can be granted, in order.
    pub fn settle(&mut self) {
        let mut granted = true;
        while granted {
            granted = false;
            for at in 0..self.waiters.len() {
                let waiter = &self.waiters[at];
                let free =
                    waiter.outcome.is_none() && self.is_free(waiter.asker.owner, &waiter.wants, Some(waiter.ticket));
                if free {
                    let wants = std::mem::take(&mut self.waiters[at].wants);
                    self.waiters[at].outcome = Some(Ok(()));
                    self.take(self.waiters[at].asker.owner, &wants);
                    granted = true;
                }
            }
        }
    }

    /// Ends the wait of one session of each cycle that an owner is part of.
    ///
    /// Only locks that are held count: a place in the queue is given up to who would otherwise wait for itself.
    pub fn break_deadlocks(&mut self, owner: i32) {
        while let Some(cycle) = self.cycle(owner) {
            // The one that closed the cycle comes first, and min_by_key keeps the first of equals.
            let victim = cycle
                .into_iter()
                .filter_map(|member| self.waiters.iter().position(|w| w.asker.owner == member && w.outcome.is_none()))
                .min_by_key(|&at| (self.waiters[at].asker.priority, self.waiters[at].asker.cost));
            let Some(victim) = victim else { return };
            self.waiters[victim].outcome = Some(Err(NotGranted::Deadlock));
            self.settle();
        }
    }

    /// A cycle of holders through an owner, beginning with it.
    fn cycle(&self, owner: i32) -> Option<Vec<i32>> {
        let mut seen = HashSet::new();
        let mut path = vec![owner];
        self.walk(owner, &mut path, &mut seen).then_some(path)
    }

    /// Extends a path until it is back at its start.
    fn walk(&self, start: i32, path: &mut Vec<i32>, seen: &mut HashSet<i32>) -> bool {
        let Some(waiter) = path.last().and_then(|&last| self.waiter(last)) else { return false };
        let owner = waiter.asker.owner;
        let blockers: Vec<i32> =
            waiter.wants.iter().flat_map(|want| self.holders_against(owner, want)).map(|held| held.owner).collect();
        for blocker in blockers {
            if blocker == start {
                return true;
            }
            if seen.insert(blocker) {
                path.push(blocker);
                if self.walk(start, path, seen) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }

    /// How a wait ended; it is forgotten then.
    pub fn outcome(&mut self, ticket: u64) -> Option<Result<(), NotGranted>> {
        let at = self.waiters.iter().position(|waiter| waiter.ticket == ticket)?;
        let outcome = self.waiters[at].outcome?;
        self.waiters.remove(at);
        Some(outcome)
    }

    /// Leaves the queue.
    pub fn give_up(&mut self, ticket: u64) {
        self.waiters.retain(|waiter| waiter.ticket != ticket);
    }

    /// Whether a release can matter to anybody.
    pub fn anybody_waits(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Gives back the locks of an owner that `which` picks; false if there were none.
    pub fn release(&mut self, owner: i32, which: impl Fn(&Resource, Span) -> bool) -> bool {
        let Some(owned) = self.owned.get_mut(&owner) else { return false };
        let held = &mut self.held;
        let mut released = false;
        owned.retain(|resource| {
            let Some(holders) = held.get_mut(resource) else { return false };
            let before = holders.len();
            holders.retain(|held| held.owner != owner || !which(resource, held.span));
            released |= holders.len() < before;
            let keeps = holders.iter().any(|held| held.owner == owner);
            if holders.is_empty() {
                held.remove(resource);
            }
            keeps
        });
        if owned.is_empty() {
            self.owned.remove(&owner);
        }
        released
    }

    /// Gives back the lock of a resource that an owner took last for a span.
    pub fn release_one(&mut self, owner: i32, resource: &Resource, span: Span) -> bool {
        let Some(holders) = self.held.get_mut(resource) else { return false };
        let Some(at) = holders.iter().rposition(|held| held.owner == owner && held.span == span) else { return false };
        holders.remove(at);
        if holders.is_empty() {
            self.held.remove(resource);
        }
        if let Some(owned) = self.owned.get_mut(&owner) {
            if let Some(at) = owned.iter().rposition(|owned| owned == resource) {
                owned.remove(at);
            }
            if owned.is_empty() {
                self.owned.remove(&owner);
            }
        }
        true
    }

    /// Modes that an owner holds on a resource for a span.
    pub fn modes(&self, owner: i32, resource: &Resource, span: Span) -> Vec<Mode> {
        let held = self.held.get(resource).map(Vec::as_slice).unwrap_or_default();
        held.iter().filter(|held| held.owner == owner && held.span == span).map(|held| held.mode).collect()
    }

    /// Every lock that is held.
    pub fn grants(&self) -> Vec<Grant> {
        let of = |(resource, held): (&Resource, &Vec<Held>)| -> Vec<Grant> {
            held.iter()
                .map(|h| Grant { resource: resource.clone(), owner: h.owner, mode: h.mode, span: h.span })
                .collect()
        };
        self.held.iter().flat_map(of).collect()
    }

    /// Everybody who waits, with whom they wait for first.
    pub fn waits(&self) -> Vec<Wait> {
        let wait = |waiter: &Waiter| {
            let owner = waiter.asker.owner;
            let held = waiter
                .wants
                .iter()
                .find_map(|want| self.holders_against(owner, want).next().map(|held| (held.owner, want.clone())));
            let (blocker, want) = held.or_else(|| {
                let earlier = self.waiters_before(owner, &waiter.wants, Some(waiter.ticket)).next()?;
                Some((earlier.asker.owner, waiter.wants.first()?.clone()))
            })?;
            Some(Wait { owner, blocker, resource: want.resource, mode: want.mode, since: waiter.since })
        };
        self.waiters.iter().filter(|waiter| waiter.outcome.is_none()).filter_map(wait).collect()
    }
}
