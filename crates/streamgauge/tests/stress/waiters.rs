//! Tasks that wait for a close, against the close: over the real cell that a session's list of waiters is made in.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, Verdict};
use streamgauge_testkit::rounds;

/// Remembers that it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn p2_nobody_waits_for_a_close_that_has_been() {
    rounds(|_| waiters_against_closes());
}

/// Two tasks begin to wait for each of many sessions while they close: each finds its session closed, or is woken.
fn waiters_against_closes() {
    const SESSIONS: usize = 2_000;
    const WAITERS: usize = 2;
    let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    let sessions: Vec<_> = (0..SESSIONS)
        .map(|n| collector.register(n.to_string(), "reference", "location", "peer"))
        .collect();
    let barrier = Barrier::new(WAITERS + 1);
    let waiting: Vec<_> = thread::scope(|scope| {
        let waiters: Vec<_> = (0..WAITERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut waiting = Vec::new();
                    for session in &sessions {
                        let bell = Arc::<Bell>::default();
                        let waker = Waker::from(Arc::clone(&bell));
                        let mut closed = session.closed();
                        barrier.wait();
                        match pin!(&mut closed).poll(&mut Context::from_waker(&waker)) {
                            Poll::Pending => waiting.push((bell, closed)),
                            Poll::Ready(verdict) => {
                                assert_eq!(verdict, Verdict::Closed(CloseReason::Unregistered));
                            }
                        }
                    }
                    waiting
                })
            })
            .collect();
        for session in &sessions {
            barrier.wait();
            assert!(session.unregister());
        }
        waiters
            .into_iter()
            .flat_map(|waiter| waiter.join().unwrap())
            .collect()
    });
    for (bell, _closed) in waiting {
        assert!(bell.0.load(Ordering::Acquire), "it waits for ever");
    }
}
