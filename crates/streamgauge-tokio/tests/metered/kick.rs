//! A session that somebody closes ends its stream, at once.

use std::time::Duration;

use streamgauge::{CloseReason, Collector, CollectorConfig, ManualClock, Verdict};
use streamgauge_tokio::Metered;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, duplex, split};

use crate::meter::{collector, ended, register, verdict};
use crate::scripted::Scripted;

const KICKED: Verdict = Verdict::Closed(CloseReason::Unregistered);

#[tokio::test]
async fn nothing_passes_for_a_session_that_has_closed() {
    let collector = collector();
    let mut metered = Metered::new(Scripted::Moves(9), register(&collector));
    metered.write_all(&[0; 9]).await.unwrap();
    metered.read_exact(&mut [0; 9]).await.unwrap();
    collector.unregister("client");
    let mut buffer = [0; 9];
    assert_eq!(verdict(metered.read(&mut buffer).await), KICKED);
    assert_eq!(buffer, [0; 9], "bytes came through");
    assert_eq!(verdict(metered.write(&[0; 9]).await), KICKED);
    assert_eq!(verdict(metered.write_vectored(&[]).await), KICKED);
    assert_eq!(verdict(metered.received(1)), KICKED);
    assert_eq!(verdict(metered.sent(1)), KICKED);
    // To say goodbye is allowed.
    metered.flush().await.unwrap();
    metered.shutdown().await.unwrap();
    assert_eq!(ended(&collector), (9, 9));
}

#[tokio::test]
async fn a_kick_wakes_a_task_whatever_it_waits_in() {
    for wait in 0..5 {
        let collector = collector();
        let mut metered = Metered::new(BufReader::new(Scripted::Waits), register(&collector));
        let waiting = async {
            match wait {
                0 => verdict(metered.read(&mut [0; 9]).await),
                1 => verdict(metered.write(&[0; 9]).await),
                2 => verdict(metered.flush().await),
                3 => verdict(metered.shutdown().await),
                _ => verdict(metered.fill_buf().await.map(<[u8]>::len)),
            }
        };
        // Polled after the task has begun to wait.
        let kick = async { collector.unregister("client") };
        let (ended_with, was_open) = tokio::join!(biased; waiting, kick);
        assert!(was_open);
        assert_eq!(ended_with, KICKED);
    }
}

#[tokio::test]
async fn a_kick_wakes_the_tasks_of_both_halves() {
    let collector = collector();
    let (_client, inner) = duplex(1);
    let (mut reader, mut writer) = split(Metered::new(inner, register(&collector)));
    let reading = tokio::spawn(async move { verdict(reader.read_u8().await) });
    let writing = tokio::spawn(async move { verdict(writer.write_all(&[0; 100]).await) });
    tokio::task::yield_now().await;
    assert!(!reading.is_finished() && !writing.is_finished());
    collector.unregister("client");
    assert_eq!((reading.await.unwrap(), writing.await.unwrap()), (KICKED, KICKED));
    assert_eq!(ended(&collector), (0, 1));
}

#[tokio::test]
async fn a_timeout_ends_a_stream_that_waits_for_its_peer() {
    let clock = ManualClock::default();
    let mut config = CollectorConfig::default();
    config.session_timeout = Duration::from_secs(30);
    let collector = Collector::manual(config, clock.clone());
    let (mut client, inner) = duplex(64);
    let mut metered = Metered::new(inner, register(&collector));
    client.write_all(b"hello").await.unwrap();
    metered.read_exact(&mut [0; 5]).await.unwrap();
    collector.tick();
    let idle = async {
        clock.advance(Duration::from_secs(60));
        collector.tick();
    };
    let (ended_with, ()) = tokio::join!(biased; metered.read_u8(), idle);
    assert_eq!(verdict(ended_with), Verdict::Closed(CloseReason::TimedOut));
}

#[tokio::test]
async fn the_end_of_the_stream_closes_its_session_and_the_kick_after_it_finds_nobody() {
    let collector = collector();
    let metered = Metered::new(Scripted::Moves(1), register(&collector));
    assert!(collector.is_known_session("client"));
    drop(metered);
    assert!(!collector.unregister("client"));
}

#[tokio::test]
async fn a_stream_that_ends_leaves_the_successor_of_its_session_alone() {
    let collector = collector();
    let metered = Metered::new(Scripted::Moves(1), register(&collector));
    collector.unregister("client");
    let successor = register(&collector);
    drop(metered);
    assert!(successor.is_known());
}

#[tokio::test]
async fn a_stream_of_a_null_collector_passes_everything() {
    let collector = Collector::null();
    let mut metered = Metered::new(Scripted::Moves(9), register(&collector));
    metered.read_exact(&mut [0; 9]).await.unwrap();
    metered.write_all(&[0; 9]).await.unwrap();
}
