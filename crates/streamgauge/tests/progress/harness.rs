//! Gives a packet thread a deadline.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use streamgauge_testkit::ParkPoint;

use crate::subject::Subject;

/// The calls of the packet thread in each way.
const CALLS: u64 = 100_000;

/// For whatever can finish at all.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What became of a packet thread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It made all its calls.
    Finished,
    /// It had not when the deadline passed.
    Stuck,
}

/// Runs the subject's packet thread against the deadline. One that is stuck is left to itself.
pub(crate) fn run_packets<S: Subject>(subject: &Arc<S>, deadline: Duration) -> Outcome {
    let (done, finished) = channel();
    let packets = Arc::clone(subject);
    let thread = thread::Builder::new()
        .spawn(move || {
            packets.run_packets(CALLS);
            done.send(()).unwrap();
        })
        .unwrap();
    match finished.recv_timeout(deadline) {
        Ok(()) => {
            thread.join().unwrap();
            Outcome::Finished
        }
        Err(RecvTimeoutError::Timeout) => Outcome::Stuck,
        // It panicked: the panic is this test's.
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("it sends before it ends"),
        },
    }
}

/// What the packet thread does while another thread stands parked at `point` in `work`. `None` where `work` ended without
/// coming to the point.
pub(crate) fn run_packets_while_parked<S: Subject>(
    subject: &Arc<S>,
    point: &ParkPoint,
    deadline: Duration,
    work: impl FnOnce(&S) + Send,
) -> Option<Outcome> {
    thread::scope(|scope| {
        scope.spawn(|| {
            let _armed = point.arm();
            work(subject);
        });
        let outcome = point.wait_until_parked().then(|| {
            let outcome = run_packets(subject, deadline);
            assert!(point.is_parked(), "parked all the while");
            outcome
        });
        point.release();
        outcome
    })
}
