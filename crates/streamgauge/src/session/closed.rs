//! The future that a session's close resolves.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::SessionHandle;
use crate::verdict::Verdict;

/// Resolves when a session closes, to what a count answers from then on; [`SessionHandle::closed`] makes it.
///
/// At once where the session has closed or was refused; never for the handle of a null collector. It belongs to no runtime,
/// and does not keep the session open. Once dropped it waits no more, and leaves nothing behind.
///
/// Whoever closes the session wakes the task: `unregister` before it returns, a timeout with the tick that notices it.
///
/// Cost: the first poll of a session's first allocates what it is listed in; a poll by another task than before takes a lock
/// that only those take who wait for this session, and who close it. All others: one load.
#[must_use = "it waits while it is polled alone"]
pub struct Closed {
    session: SessionHandle,
    listed: Option<Listed>,
}

/// Where this waits.
struct Listed {
    place: u64,
    waker: Waker,
}

impl Closed {
    pub(super) fn new(session: SessionHandle) -> Self {
        Self {
            session,
            listed: None,
        }
    }
}

impl Future for Closed {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        let Some(inner) = &self.session.inner else {
            return Poll::Pending;
        };
        let session = &inner.session;
        if !session.is_open() {
            return Poll::Ready(session.verdict_of_closed());
        }
        if let Some(listed) = &self.listed
            && listed.waker.will_wake(context.waker())
        {
            // The closer has yet to come to the list.
            return Poll::Pending;
        }
        if inner.roster.is_forked() {
            return Poll::Pending;
        }
        let place = self.listed.as_ref().map(|listed| listed.place);
        let waker = context.waker().clone();
        match session.await_close(place, waker.clone()) {
            Some(place) => {
                self.listed = Some(Listed { place, waker });
                Poll::Pending
            }
            None => Poll::Ready(session.verdict_of_closed()),
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let (Some(inner), Some(listed)) = (&self.session.inner, &self.listed)
            && !inner.roster.is_forked()
        {
            inner.session.await_close_no_more(listed.place);
        }
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.session).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::Wake;
    use std::time::Duration;

    use super::{Context, Future, Poll, SessionHandle, Verdict, Waker};
    use crate::sync::lock;
    use crate::{CloseReason, Collector, CollectorConfig, ManualClock};

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Bell(Mutex<u64>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            *lock(&self.0) += 1;
        }
    }

    impl Bell {
        fn rang(&self) -> u64 {
            *lock(&self.0)
        }
    }

    fn bell() -> (Arc<Bell>, Waker) {
        let bell = Arc::<Bell>::default();
        (Arc::clone(&bell), Waker::from(bell))
    }

    fn poll(closed: &mut (impl Future<Output = Verdict> + Unpin), waker: &Waker) -> Poll<Verdict> {
        pin!(closed).poll(&mut Context::from_waker(waker))
    }

    fn collector(clock: &ManualClock) -> Collector {
        Collector::manual(CollectorConfig::default(), clock.clone())
    }

    fn waiting(session: &SessionHandle) -> usize {
        session.inner.as_ref().map_or(0, |inner| inner.session.waiting())
    }

    #[test]
    fn a_close_wakes_each_task_that_waits_once() {
        let clock = ManualClock::default();
        let collector = collector(&clock);
        let session = collector.register("a", "", "", "");
        let ((first, first_waker), (second, second_waker)) = (bell(), bell());
        let (mut one, mut other) = (session.closed(), session.closed());
        for _ in 0..3 {
            assert_eq!(poll(&mut one, &first_waker), Poll::Pending);
        }
        assert_eq!(poll(&mut other, &second_waker), Poll::Pending);
        assert_eq!((first.rang(), second.rang()), (0, 0));
        session.unregister();
        assert_eq!((first.rang(), second.rang()), (1, 1));
        let closed = Poll::Ready(Verdict::Closed(CloseReason::Unregistered));
        assert_eq!(poll(&mut one, &first_waker), closed);
        assert_eq!(poll(&mut other, &second_waker), closed);
        assert_eq!(poll(&mut session.closed(), &first_waker), closed);
        assert_eq!((first.rang(), second.rang()), (1, 1));
    }

    #[test]
    fn a_timeout_and_a_stop_wake_too_and_say_why() {
        let clock = ManualClock::default();
        let collector = collector(&clock);
        let (bell, waker) = bell();
        let mut silent = collector.register("silent", "", "", "").closed();
        assert_eq!(poll(&mut silent, &waker), Poll::Pending);
        clock.advance(Duration::from_secs(5));
        collector.tick();
        assert_eq!(bell.rang(), 1);
        assert_eq!(
            poll(&mut silent, &waker),
            Poll::Ready(Verdict::Closed(CloseReason::Inactive))
        );
        let mut stopped = collector.register("stopped", "", "", "").closed();
        assert_eq!(poll(&mut stopped, &waker), Poll::Pending);
        collector.stop();
        assert_eq!(bell.rang(), 2);
        assert_eq!(
            poll(&mut stopped, &waker),
            Poll::Ready(Verdict::Closed(CloseReason::Stopped))
        );
    }

    #[test]
    fn a_future_that_moves_to_another_task_wakes_that_one_alone() {
        let collector = collector(&ManualClock::default());
        let session = collector.register("a", "", "", "");
        let ((before, waker_before), (after, waker_after)) = (bell(), bell());
        let (other, waker_of_other) = bell();
        let mut waits = session.closed();
        assert_eq!(poll(&mut waits, &waker_of_other), Poll::Pending);
        let mut closed = session.closed();
        assert_eq!(poll(&mut closed, &waker_before), Poll::Pending);
        assert_eq!(poll(&mut closed, &waker_after), Poll::Pending);
        assert_eq!(waiting(&session), 2);
        session.unregister();
        assert_eq!((before.rang(), after.rang(), other.rang()), (0, 1, 1));
    }

    #[test]
    fn a_dropped_future_leaves_nothing_behind() {
        let collector = collector(&ManualClock::default());
        let session = collector.register("a", "", "", "");
        let ((kept, waker_of_kept), (dropped, waker_of_dropped)) = (bell(), bell());
        let mut waits = session.closed();
        assert_eq!(poll(&mut waits, &waker_of_kept), Poll::Pending);
        for _ in 0..100 {
            let mut leaves = session.closed();
            assert_eq!(poll(&mut leaves, &waker_of_dropped), Poll::Pending);
        }
        assert_eq!(waiting(&session), 1);
        session.unregister();
        assert_eq!((kept.rang(), dropped.rang()), (1, 0));
    }

    #[test]
    fn a_task_may_use_the_collector_while_it_is_woken() {
        /// Does what an executor does that runs the task where it is woken.
        struct Inline(Collector);

        impl Wake for Inline {
            fn wake(self: Arc<Self>) {
                self.0.register("next", "", "", "");
                self.0.unregister("next");
                self.0.refresh();
            }
        }

        let clock = ManualClock::default();
        let collector = collector(&clock);
        let waker = Waker::from(Arc::new(Inline(collector.clone())));
        let mut closed = collector.register("a", "", "", "").closed();
        assert_eq!(poll(&mut closed, &waker), Poll::Pending);
        collector.unregister("a");
        let mut silent = collector.register("b", "", "", "").closed();
        assert_eq!(poll(&mut silent, &waker), Poll::Pending);
        clock.advance(Duration::from_secs(5));
        collector.tick();
        assert!(poll(&mut silent, &waker).is_ready());
    }

    #[test]
    fn a_waker_that_panics_keeps_no_other_from_being_woken() {
        struct Broken;

        impl Wake for Broken {
            fn wake(self: Arc<Self>) {
                panic!("woken");
            }
        }

        let collector = collector(&ManualClock::default());
        let session = collector.register("a", "", "", "");
        let (bell, waker) = bell();
        let (mut broken, mut whole) = (session.closed(), session.closed());
        assert_eq!(poll(&mut broken, &Waker::from(Arc::new(Broken))), Poll::Pending);
        assert_eq!(poll(&mut whole, &waker), Poll::Pending);
        assert!(session.unregister());
        assert_eq!(bell.rang(), 1);
    }

    #[test]
    fn a_refused_session_has_closed_and_a_null_one_never_does() {
        let collector = collector(&ManualClock::default());
        let (_, waker) = bell();
        assert!(matches!(
            poll(&mut collector.register("", "", "", "").closed(), &waker),
            Poll::Ready(Verdict::Refused(_))
        ));
        let null = Collector::null().register("a", "", "", "");
        assert_eq!(poll(&mut null.closed(), &waker), Poll::Pending);
    }
}
