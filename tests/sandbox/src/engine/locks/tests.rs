#![allow(clippy::unwrap_used)]
use super::*;

fn object(id: i32) -> Resource {
    Resource::Object(5, id)
}

fn asker(owner: i32) -> Asker {
    Asker { owner, timeout: Some(Duration::from_secs(30)), priority: 0, cost: 0 }
}

fn want(id: i32, mode: Mode) -> Want {
    Want::new(object(id), mode, Span::Transaction)
}

/// Asks on a thread of its own; the answer and what it is released with.
fn ask(locks: &Arc<LockManager>, asker: Asker, wants: Vec<Want>) -> std::thread::JoinHandle<Result<bool, NotGranted>> {
    let locks = Arc::clone(locks);
    std::thread::spawn(move || locks.acquire(&asker, &wants, &|| false))
}

/// Waits until an owner is in the queue.
fn until_waiting(locks: &LockManager, owner: i32) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !locks.waits().iter().any(|wait| wait.owner == owner) {
        assert!(Instant::now() < limit, "{owner} does not wait");
        std::thread::yield_now();
    }
}

#[test]
fn a_waiter_gets_the_lock_when_the_holder_lets_go() {
    let locks = Arc::new(LockManager::default());
    assert_eq!(locks.acquire(&asker(51), &[want(1, Mode::Exclusive)], &|| false), Ok(false));
    let waiter = ask(&locks, asker(52), vec![want(1, Mode::Shared)]);
    until_waiting(&locks, 52);
    let wait = &locks.waits()[0];
    assert_eq!((wait.owner, wait.blocker, wait.mode), (52, 51, Mode::Shared));
    locks.release(51, &[Span::Transaction]);
    assert_eq!(waiter.join().unwrap(), Ok(true));
    assert!(locks.waits().is_empty());
}

#[test]
fn waiting_ends_at_the_timeout_and_on_cancellation() {
    let locks = LockManager::default();
    locks.acquire(&asker(51), &[want(1, Mode::Exclusive)], &|| false).unwrap();
    let impatient = Asker { timeout: Some(Duration::ZERO), ..asker(52) };
    let wants = [want(1, Mode::Shared)];
    assert_eq!(locks.acquire(&impatient, &wants, &|| false), Err(NotGranted::TimedOut));
    let brief = Asker { timeout: Some(Duration::from_millis(1)), ..asker(52) };
    assert_eq!(locks.acquire(&brief, &wants, &|| false), Err(NotGranted::TimedOut));
    assert_eq!(locks.acquire(&asker(52), &wants, &|| true), Err(NotGranted::Cancelled));
    assert!(locks.waits().is_empty());
}

#[test]
fn a_request_that_waits_for_one_lock_keeps_none_of_the_others() {
    let locks = Arc::new(LockManager::default());
    locks.acquire(&asker(51), &[want(1, Mode::Shared)], &|| false).unwrap();
    let waiter = ask(&locks, asker(52), vec![want(1, Mode::Exclusive), want(2, Mode::Exclusive)]);
    until_waiting(&locks, 52);
    // It does wait behind 52 in the queue of 2, but 52 waits for it.
    assert_eq!(locks.acquire(&asker(51), &[want(2, Mode::Exclusive)], &|| false), Ok(false));
    locks.release(51, &[Span::Transaction]);
    assert_eq!(waiter.join().unwrap(), Ok(true));
}

#[test]
fn who_comes_later_does_not_overtake_a_writer_that_waits() {
    let locks = Arc::new(LockManager::default());
    locks.acquire(&asker(51), &[want(1, Mode::Shared)], &|| false).unwrap();
    let writer = ask(&locks, asker(52), vec![want(1, Mode::Exclusive)]);
    until_waiting(&locks, 52);
    let reader = ask(&locks, asker(53), vec![want(1, Mode::Shared)]);
    until_waiting(&locks, 53);
    locks.release(51, &[Span::Transaction]);
    assert_eq!(writer.join().unwrap(), Ok(true));
    assert_eq!(locks.waits()[0].blocker, 52);
    locks.release(52, &[Span::Transaction]);
    assert_eq!(reader.join().unwrap(), Ok(true));
}

#[test]
fn two_that_convert_the_same_lock_are_a_deadlock_and_one_goes_on() {
    let locks = Arc::new(LockManager::default());
    for owner in [51, 52] {
        locks.acquire(&asker(owner), &[want(1, Mode::Shared)], &|| false).unwrap();
    }
    let first = ask(&locks, Asker { cost: 1, ..asker(51) }, vec![want(1, Mode::Exclusive)]);
    until_waiting(&locks, 51);
    let second = locks.acquire(&Asker { cost: 1, ..asker(52) }, &[want(1, Mode::Exclusive)], &|| false);
    assert_eq!(second, Err(NotGranted::Deadlock), "of equals, the one that closes the cycle");
    locks.release(52, &[Span::Transaction]);
    assert_eq!(first.join().unwrap(), Ok(true));
}

#[test]
fn the_victim_is_the_one_of_lower_priority_then_the_cheaper_one() {
    for (first, second, victim) in
        [((0, 0), (0, 9), 51), ((0, 9), (0, 0), 52), ((1, 0), (0, 9), 52), ((-1, 9), (0, 0), 51)]
    {
        let locks = Arc::new(LockManager::default());
        locks.acquire(&asker(51), &[want(1, Mode::Exclusive)], &|| false).unwrap();
        locks.acquire(&asker(52), &[want(2, Mode::Exclusive)], &|| false).unwrap();
        let one = Asker { priority: first.0, cost: first.1, ..asker(51) };
        let two = Asker { priority: second.0, cost: second.1, ..asker(52) };
        let waiting = ask(&locks, one, vec![want(2, Mode::Shared)]);
        until_waiting(&locks, 51);
        let closing = ask(&locks, two, vec![want(1, Mode::Shared)]);
        let (dead, survivor, lets_go) = if victim == 51 { (waiting, closing, 51) } else { (closing, waiting, 52) };
        assert_eq!(dead.join().unwrap(), Err(NotGranted::Deadlock));
        locks.release(lets_go, &[Span::Transaction]);
        assert_eq!(survivor.join().unwrap(), Ok(true));
    }
}

#[test]
fn a_cycle_of_three_has_one_victim() {
    let locks = Arc::new(LockManager::default());
    for owner in 1..=3 {
        locks.acquire(&asker(owner), &[want(owner, Mode::Exclusive)], &|| false).unwrap();
    }
    let one = ask(&locks, asker(1), vec![want(2, Mode::Exclusive)]);
    until_waiting(&locks, 1);
    let two = ask(&locks, asker(2), vec![want(3, Mode::Exclusive)]);
    until_waiting(&locks, 2);
    assert_eq!(locks.acquire(&asker(3), &[want(1, Mode::Exclusive)], &|| false), Err(NotGranted::Deadlock));
    locks.release(3, &[Span::Transaction]);
    assert_eq!(two.join().unwrap(), Ok(true));
    locks.release(2, &[Span::Transaction]);
    assert_eq!(one.join().unwrap(), Ok(true));
}

#[test]
fn a_lock_for_a_moment_waits_like_any_other_and_leaves_nothing() {
    let locks = Arc::new(LockManager::default());
    locks.acquire(&asker(51), &[want(1, Mode::Exclusive)], &|| false).unwrap();
    let reader = ask(&locks, asker(52), vec![Want::new(object(1), Mode::Shared, Span::Moment)]);
    until_waiting(&locks, 52);
    locks.release(51, &[Span::Transaction]);
    assert_eq!(reader.join().unwrap(), Ok(true));
    assert!(locks.grants().is_empty());
}

#[test]
fn application_locks_are_given_back_as_often_as_they_were_taken() {
    let locks = LockManager::default();
    let name = Resource::Application(5, Arc::from("a"));
    let lock = Want::new(name.clone(), Mode::Exclusive, Span::Session);
    for _ in 0..2 {
        locks.acquire(&asker(51), std::slice::from_ref(&lock), &|| false).unwrap();
    }
    for held in [true, true, false] {
        assert_eq!(!locks.is_free(52, std::slice::from_ref(&lock)), held);
        assert_eq!(locks.release_one(51, &name, Span::Session), held);
    }
}
