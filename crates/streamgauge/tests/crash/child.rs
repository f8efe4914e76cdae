//! The process that is killed: threads that open sessions, count and close them, with a history saved as often as can be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use streamgauge::{
    Activation, Collector, CollectorConfig, Config, FileStore, HistorySnapshot, HistoryStore, Loaded,
    Registry, StoreError,
};

use crate::board::{ACKNOWLEDGED, BEGUN, Board, OFFERED, SAVES, THREADS};

/// Where the child finds its directory; not set, it is no child.
pub(crate) const DIRECTORY: &str = "STREAMGAUGE_CRASH_DIRECTORY";
pub(crate) const BOARD: &str = "STREAMGAUGE_CRASH_BOARD";
pub(crate) const SEED: &str = "STREAMGAUGE_CRASH_SEED";

/// How many sessions a thread has open at a time.
const OPEN: u64 = 200;

/// A store that writes on the board what it is given, and what is saved.
struct Noting {
    store: FileStore,
    board: Board,
}

impl HistoryStore for Noting {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        self.store.load(collector)
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let totals = snapshot.totals();
        self.board.write_stats(OFFERED, totals);
        self.store.save(collector, snapshot)?;
        self.board.write_stats(ACKNOWLEDGED, totals);
        self.board.write(SAVES, &[self.board.read(SAVES) + 1]);
        Ok(())
    }

    fn maintain(&self, collector: &str) -> Result<bool, StoreError> {
        self.store.maintain(collector)
    }
}

pub(crate) fn config() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.sample_interval = Duration::from_millis(2);
    config.window = Duration::from_millis(20);
    config.persist_interval = Duration::from_millis(2);
    config.session_timeout = Duration::MAX;
    config.activation = Activation::Explicit;
    config.max_history_keys = 3_000;
    config.max_tracked_sessions = 2_000;
    config
}

/// Counts until it is killed.
fn count(collector: &Collector, board: &Board, thread: u64, seed: u64) -> ! {
    let word = BEGUN + 2 * thread;
    let (mut begun, mut n) = ([board.read(word), board.read(word + 1)], 0_u64);
    let mut open = std::collections::VecDeque::new();
    loop {
        // Who is refused, because collections are behind, tries again.
        let id = format!("{seed} {thread} {n}");
        let peer = format!("peer {}", (n ^ seed) % 4_000);
        let session = collector.register(&id, "stream", "here", &peer);
        if !session.ingress(0).is_counted() {
            thread::yield_now();
            continue;
        }
        n += 1;
        let dice = (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let (rx, tx) = (dice % 1_000, dice % 777);
        // Before it is counted: what was begun is never less than what may have been counted.
        begun = [begun[0] + rx, begun[1] + tx];
        board.write(word, &begun);
        session.ingress(rx);
        session.egress(tx);
        if !dice.is_multiple_of(5) {
            session.activate();
        }
        open.push_back(session);
        if open.len() as u64 > OPEN {
            open.pop_front().map(|session| session.unregister());
        }
    }
}

fn run(directory: &Path, board: PathBuf, seed: u64) {
    let mut settings = Config::default();
    settings.store = Some(Arc::new(Noting {
        store: FileStore::open(directory).unwrap(),
        board: Board::open(&board),
    }));
    let registry = Registry::new(settings).unwrap();
    let collector = registry.register("hls", config()).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (collector, board) = (&collector, Board::open(&board));
            scope.spawn(move || count(collector, &board, thread, seed));
        }
    });
}

/// Not a test of its own: what `kill` starts, and kills.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let board = std::env::var_os(BOARD).unwrap();
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    run(Path::new(&directory), board.into(), seed);
}
