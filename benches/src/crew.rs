//! Threads that live across measurements, so that no figure contains their start.
//!
//! Each thread of a crew of several has a core of its own, as far as there are cores: two threads that the system runs one
//! after the other on the same core do not meet, and would show no contention. On a busy machine that can happen all the
//! same; a turn in which the threads did not run together is done again.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Calls one worker makes: it is given a number of iterations and does them.
pub type Work = Box<dyn FnMut(u64) + Send>;

/// How often a turn is done at most until the threads run together.
const TRIES: u32 = 5;

/// A fixed number of threads, each with its own work.
#[derive(Debug)]
pub struct Crew {
    orders: Vec<Sender<u64>>,
    results: Receiver<(Instant, Instant)>,
    threads: Vec<JoinHandle<()>>,
    iterations: u64,
}

impl Crew {
    /// Starts one thread for each piece of work.
    #[must_use]
    pub fn new(work: Vec<Work>) -> Self {
        let (done, results) = channel();
        let ready = Arc::new(AtomicUsize::new(0));
        let size = work.len();
        let (orders, threads) = work
            .into_iter()
            .enumerate()
            .map(|(place, mut work)| {
                let (order, receive) = channel::<u64>();
                let (done, ready) = (done.clone(), Arc::clone(&ready));
                let thread = std::thread::spawn(move || {
                    if size > 1 {
                        pin(place);
                    }
                    for iterations in receive {
                        start_together(&ready, size);
                        let start = Instant::now();
                        work(iterations);
                        if done.send((start, Instant::now())).is_err() {
                            break;
                        }
                    }
                });
                (order, thread)
            })
            .unzip();
        Self {
            orders,
            results,
            threads,
            iterations: 0,
        }
    }

    /// Lets every thread do `iterations` at the same time; the time of the slowest.
    pub fn run(&mut self, iterations: u64) -> Duration {
        let mut tries = 0;
        loop {
            let (longest, together) = self.run_once(iterations);
            tries += 1;
            if tries == TRIES || together * 10 >= longest * 8 {
                return longest;
            }
        }
    }

    /// The time of the slowest, and how long all of them ran at once.
    fn run_once(&mut self, iterations: u64) -> (Duration, Duration) {
        for order in &self.orders {
            // A worker that is gone has panicked; its message is on stderr, and its total will be missing.
            let _ = order.send(iterations);
        }
        self.iterations += iterations * self.orders.len() as u64;
        let times: Vec<_> = self
            .orders
            .iter()
            .filter_map(|_| self.results.recv().ok())
            .collect();
        let longest = times.iter().map(|(start, end)| *end - *start).max();
        let last_start = times.iter().map(|(start, _)| *start).max();
        let first_end = times.iter().map(|(_, end)| *end).min();
        let together = first_end
            .zip(last_start)
            .map(|(end, start)| end.saturating_duration_since(start));
        (longest.unwrap_or_default(), together.unwrap_or_default())
    }

    /// Ends the threads; the iterations that they did in all.
    pub fn finish(self) -> u64 {
        drop(self.orders);
        for thread in self.threads {
            let _ = thread.join();
        }
        self.iterations
    }
}

/// Gives the calling thread a core for itself, as far as there are cores; threads that it starts begin on the same one.
///
/// Where the system refuses, the thread runs where it may.
pub fn pin(place: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(&core) = cores.get(place) {
        core_affinity::set_for_current(core);
    }
}

/// Returns on all `size` threads within a few cycles of each other. `ready` counts arrivals of all rounds.
fn start_together(ready: &AtomicUsize, size: usize) {
    // Relaxed: the channel has ordered everything; only the number matters here.
    let round = ready.fetch_add(1, Ordering::Relaxed) / size;
    // Relaxed: as above.
    while ready.load(Ordering::Relaxed) < (round + 1) * size {
        hint::spin_loop();
    }
}
