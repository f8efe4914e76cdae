//! Threads that live across measurements, so that no figure contains their start.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Calls one worker makes: it is given a number of iterations and does them.
pub type Work = Box<dyn FnMut(u64) + Send>;

/// A fixed number of threads, each with its own work.
#[derive(Debug)]
pub struct Crew {
    orders: Vec<Sender<u64>>,
    results: Receiver<Duration>,
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
            .map(|mut work| {
                let (order, receive) = channel::<u64>();
                let (done, ready) = (done.clone(), Arc::clone(&ready));
                let thread = std::thread::spawn(move || {
                    for iterations in receive {
                        start_together(&ready, size);
                        let start = Instant::now();
                        work(iterations);
                        if done.send(start.elapsed()).is_err() {
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
        for order in &self.orders {
            // A worker that is gone has panicked; its message is on stderr, and its total will be missing.
            let _ = order.send(iterations);
        }
        self.iterations += iterations * self.orders.len() as u64;
        self.orders
            .iter()
            .filter_map(|_| self.results.recv().ok())
            .max()
            .unwrap_or_default()
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

/// Returns on all `size` threads within a few cycles of each other. `ready` counts arrivals of all rounds.
fn start_together(ready: &AtomicUsize, size: usize) {
    // Relaxed: the channel has ordered everything; only the number matters here.
    let round = ready.fetch_add(1, Ordering::Relaxed) / size;
    // Relaxed: as above.
    while ready.load(Ordering::Relaxed) < (round + 1) * size {
        hint::spin_loop();
    }
}
