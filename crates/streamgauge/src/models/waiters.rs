//! M3: those who wait for a session's close.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use loom::thread;

use super::{CloseReason, Subject, Verdict, explore, session};
use crate::collector::config::Activation;

/// Remembers that it was woken. Not loom's: it is asked once all threads have ended.
#[derive(Default)]
struct Bell(Mutex<bool>);

impl Bell {
    fn has_rung(&self) -> bool {
        *self.0.lock().unwrap()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

/// Polls a new future of the close once, and answers whether it waits, with the future.
fn wait(subject: &Subject, bell: &Arc<Bell>) -> (bool, crate::session::closed::Closed) {
    let mut closed = subject.handle().closed();
    let waker = Waker::from(Arc::clone(bell));
    let is_waiting = match Pin::new(&mut closed).poll(&mut Context::from_waker(&waker)) {
        Poll::Pending => true,
        Poll::Ready(verdict) => {
            assert_eq!(verdict, Verdict::Closed(CloseReason::Unregistered));
            false
        }
    };
    (is_waiting, closed)
}

/// M3: a task that begins to wait while the session closes finds it closed, or is woken, also where it is the first.
#[test]
fn m3_a_waiter_against_close() {
    explore(|| {
        let subject = session(Activation::Explicit, false);
        let bell = Arc::<Bell>::default();
        let waiter = {
            let (subject, bell) = (Arc::clone(&subject), Arc::clone(&bell));
            thread::spawn(move || wait(&subject, &bell))
        };
        subject.close().unwrap();
        subject.session.take_waiters().wake();
        let (is_waiting, _closed) = waiter.join().unwrap();
        assert!(!is_waiting || bell.has_rung(), "it waits for ever");
    });
}

/// M3: a task that waits no more, and one that still does, while the session closes.
#[test]
fn m3_a_waiter_that_leaves_against_close() {
    explore(|| {
        let subject = session(Activation::Explicit, false);
        let (leaves, stays) = (Arc::<Bell>::default(), Arc::<Bell>::default());
        let (is_leaving, leaving) = wait(&subject, &leaves);
        let (is_staying, _staying) = wait(&subject, &stays);
        assert!(is_leaving && is_staying);
        let leaver = thread::spawn(move || drop(leaving));
        subject.close().unwrap();
        subject.session.take_waiters().wake();
        leaver.join().unwrap();
        assert!(stays.has_rung(), "another left in its place");
    });
}
