//! Which pieces of a queue can be dropped.
//!
//! A piece goes when nobody needs what is in it and it is older than the minimum retention. Past the maximum retention it goes
//! in any case, and what is not kept for those who still needed it any more: subscriptions are expired, which they say, and must be
//! initialised again; a snapshot that is being taken is given up; one that is to be loaded cannot be any more.

use proto::Lsn;
use uuid::Uuid;

/// A piece of the queue, oldest first; the newest piece is never among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// LSN of the last transaction in it.
    pub last: Lsn,
    /// When it was last written, microseconds by the caller's clock.
    pub written_at: i64,
}

/// For whom the queue is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A subscription, which goes on from its position.
    Subscription(String),
    /// A subscription, which goes on from the boundaries of snapshots with articles that it lacks.
    Load(String),
    /// A snapshot that is being taken.
    Snapshot(Uuid),
}

/// What somebody still needs: everything after this position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Who.
    pub holder: Holder,
    /// Everything after here; `None` for everything there is.
    pub after: Option<Lsn>,
}

/// How long to keep what, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Keep at least this long.
    pub min: i64,
    /// Keep for a subscription that lags no longer than this.
    pub max: i64,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// So many of the oldest pieces go.
    pub drop: usize,
    /// For these nothing is kept any more, first of all.
    pub expire: Vec<Holder>,
}

/// Decides.
pub fn decide(pieces: &[Piece], needs: &[Need], limits: Limits, now: i64) -> Decision {
    let older = |piece: &Piece, age: i64| now.saturating_sub(piece.written_at) >= age;
    let needed = |piece: &Piece, need: &Need| need.after < Some(piece.last);
    let too_old = pieces.iter().take_while(|piece| older(piece, limits.max)).count();
    let expire: Vec<Holder> = needs
        .iter()
        .filter(|need| pieces[..too_old].iter().any(|piece| needed(piece, need)))
        .map(|need| need.holder.clone())
        .collect();
    let unneeded = pieces
        .iter()
        .take_while(|piece| {
            older(piece, limits.min) && needs.iter().all(|need| expire.contains(&need.holder) || !needed(piece, need))
        })
        .count();
    Decision { drop: unneeded.max(too_old), expire }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const LIMITS: Limits = Limits { min: HOUR, max: 72 * HOUR };

    fn pieces() -> [Piece; 3] {
        [1, 2, 3].map(|n| Piece { last: Lsn::new(n, 0, 0), written_at: i64::from(n) * HOUR })
    }

    fn need(name: &str, after: u32) -> Need {
        Need { holder: Holder::Subscription(name.to_owned()), after: Some(Lsn::new(after, 0, 0)) }
    }

    #[test]
    fn a_piece_stays_until_every_subscription_has_it() {
        let needs = [need("a", 3), need("b", 1)];
        assert_eq!(decide(&pieces(), &needs, LIMITS, 10 * HOUR), Decision { drop: 1, expire: vec![] });
    }

    #[test]
    fn a_piece_that_nobody_needs_stays_for_the_minimum_retention() {
        assert_eq!(decide(&pieces(), &[], LIMITS, 3 * HOUR).drop, 2);
        assert_eq!(decide(&pieces(), &[need("a", 9)], LIMITS, 4 * HOUR).drop, 3);
    }

    #[test]
    fn past_the_maximum_the_laggard_expires_and_the_others_do_not() {
        let needs = [need("slow", 0), need("fast", 3)];
        let decision = decide(&pieces(), &needs, LIMITS, 73 * HOUR);
        assert_eq!(decision, Decision { drop: 3, expire: vec![Holder::Subscription("slow".to_owned())] });
        let unlucky = Need { holder: Holder::Snapshot(Uuid::nil()), after: None };
        assert_eq!(decide(&pieces(), &[unlucky], LIMITS, 73 * HOUR).expire, [Holder::Snapshot(Uuid::nil())]);
    }

    #[test]
    fn what_is_kept_for_a_load_expires_without_the_subscription() {
        let load = Need { holder: Holder::Load("a".to_owned()), after: Some(Lsn::new(1, 0, 0)) };
        let needs = [need("a", 3), load.clone()];
        assert_eq!(decide(&pieces(), &needs, LIMITS, 10 * HOUR), Decision { drop: 1, expire: vec![] });
        assert_eq!(decide(&pieces(), &needs, LIMITS, 74 * HOUR), Decision { drop: 3, expire: vec![load.holder] });
    }

    #[test]
    fn a_clock_that_goes_back_drops_nothing() {
        assert_eq!(decide(&pieces(), &[], LIMITS, 0), Decision::default());
    }
}
