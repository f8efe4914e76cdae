//! A process under load is killed at any instant, again and again on one directory. What the next one finds is what was saved
//! last, or what was being saved, to the byte; never more than was begun, and never less than before.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use streamgauge::{CloseReason, FileStore, HistorySnapshot, HistoryStore, Loaded, Stats};

use crate::board::{ACKNOWLEDGED, BEGUN, Board, OFFERED, SAVES, THREADS};
use crate::child::{BOARD, DIRECTORY, SEED};

/// How often, where nothing else is asked for.
const KILLS: u64 = 20;

/// So many looks at the board at most: minutes.
const PATIENCE: u64 = 1 << 30;

fn kills() -> u64 {
    let asked = std::env::var("STREAMGAUGE_KILLS").ok();
    asked.map_or(KILLS, |kills| kills.parse().unwrap())
}

fn start(directory: &Path, board: &Path, seed: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child::child", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(BOARD, board)
        .env(SEED, seed.to_string())
        .stdout(Stdio::null());
    command.spawn().unwrap()
}

/// Waits until so many saves were acknowledged, and then for a while that nobody can foretell.
fn wait(board: &Board, child: &mut Child, saves: u64, while_: u64) {
    for look in 0.. {
        if board.read(SAVES) >= saves {
            break;
        }
        assert!(look < PATIENCE, "no save");
        if look % 1_000 == 0 {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        }
        std::thread::yield_now();
    }
    for _ in 0..while_ {
        std::hint::spin_loop();
    }
}

fn found(directory: &Path) -> (HistorySnapshot, bool) {
    let store = FileStore::open(directory).unwrap();
    match store.load("hls").unwrap() {
        Loaded::Nothing => (HistorySnapshot::default(), false),
        Loaded::History(history) => (history, false),
        Loaded::Damaged { history, set_aside } => {
            // A save that was cut off, and nothing else.
            for aside in &set_aside {
                assert!(aside.damage.lost.starts_with("the save that"), "{}", aside.damage);
                std::fs::remove_file(&aside.path).unwrap();
            }
            (history, true)
        }
    }
}

#[test]
fn p6_what_a_killed_process_had_saved_is_there_and_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let board_path = directory.path().join("board");
    let kept = directory.path().join("kept");
    let mut before = Stats::default();
    let (mut torn, mut under_way, mut lost, mut saves, mut open) = (0_u64, 0_u64, Vec::new(), 0, 0);
    for kill in 0..kills() {
        let board = Board::open(&board_path);
        let dice = RandomState::new().hash_one(kill);
        let mut child = start(&kept, &board_path, dice >> 8);
        wait(
            &board,
            &mut child,
            board.read(SAVES) + 1 + dice % 12,
            dice >> 12 & 0xf_ffff,
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let (history, is_torn) = found(&kept);
        let totals = history.totals();
        let (offered, acknowledged) = (board.read_stats(OFFERED), board.read_stats(ACKNOWLEDGED));
        assert!(
            totals == offered || totals == acknowledged,
            "kill {kill}: {totals:?}, of {offered:?} and {acknowledged:?}"
        );
        let begun = (0..THREADS as u64).map(|thread| {
            let word = BEGUN + 2 * thread;
            (board.read(word), board.read(word + 1))
        });
        let begun = begun.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert!(
            totals.total_rx_bytes <= begun.0 && totals.total_tx_bytes <= begun.1,
            "kill {kill}"
        );
        assert!(
            totals.total_sessions >= before.total_sessions
                && totals.total_rx_bytes >= before.total_rx_bytes
                && totals.total_tx_bytes >= before.total_tx_bytes,
            "kill {kill}: {totals:?} fell below {before:?}"
        );
        torn += u64::from(is_torn);
        under_way += u64::from(totals == offered && offered != acknowledged);
        lost.push(begun.0 - totals.total_rx_bytes);
        open += history.open_sessions();
        saves = board.read(SAVES);
        // What was begun and lost is begun no more, for the next bound to be as close.
        before = totals;
        board.write(BEGUN, &[totals.total_rx_bytes, totals.total_tx_bytes, 0, 0]);
        assert_few_files(&kept);
    }
    lost.sort_unstable();
    println!(
        "{} kills, {saves} saves: {torn} torn saves, {under_way} saves that were there and not acknowledged, {open} sessions \
         recovered; lost bytes median {}, most {}",
        kills(),
        lost[lost.len() / 2],
        lost[lost.len() - 1]
    );
    assert!(
        open > 0,
        "no session was open at any kill: {}",
        CloseReason::Recovered
    );
}

/// What a killed process leaves is put in order by the next.
fn assert_few_files(directory: &Path) {
    let files = std::fs::read_dir(directory).unwrap().count();
    assert!(files <= 6, "{files} files");
}
