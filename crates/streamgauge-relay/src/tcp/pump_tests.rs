//! Tests of the pump, on streams in memory.

use std::future::poll_fn;

use streamgauge::{Collector, CollectorConfig, ManualClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

fn session() -> (Collector, SessionHandle) {
    let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
    let session = collector.register("client", "reference", "location", "peer");
    (collector, session)
}

#[tokio::test]
async fn an_idle_pump_holds_no_memory() {
    let (_collector, session) = session();
    let (mut source, mut reader) = duplex(1 << 20);
    let (mut writer, mut sink) = duplex(10);
    let mut pump = Pump::new(Counts::Reads, 1000);
    source.write_all(&[7; 500]).await.unwrap();

    let mut step = async |reader: &mut _, writer: &mut _| {
        poll_fn(|context| {
            let polled = pump.poll(context, Pin::new(reader), Pin::new(writer), &session);
            assert!(polled.is_pending());
            Poll::Ready((pump.left.len() - pump.written, pump.left.capacity()))
        })
        .await
    };
    // The writer takes ten bytes; the rest is the pump's to hold.
    let (left, capacity) = step(&mut reader, &mut writer).await;
    assert_eq!(left, 490);
    assert!(capacity <= 1000);
    let mut received = vec![0; 500];
    let mut at = 0;
    while at < 500 {
        at += sink.read(&mut received[at..]).await.unwrap();
        let _ = step(&mut reader, &mut writer).await;
    }
    assert_eq!(step(&mut reader, &mut writer).await, (0, 0));
    assert_eq!(received, [7; 500]);
}

#[tokio::test]
async fn a_slow_receiver_holds_one_read_at_most() {
    let (_collector, session) = session();
    let (mut source, mut reader) = duplex(1 << 20);
    let (mut writer, _sink) = duplex(10);
    source.write_all(&[7; 100_000]).await.unwrap();
    let mut pump = Pump::new(Counts::Reads, 1000);
    let read = poll_fn(|context| {
        for _ in 0..5 {
            let polled = pump.poll(context, Pin::new(&mut reader), Pin::new(&mut writer), &session);
            assert!(polled.is_pending());
        }
        Poll::Ready(pump.left.len())
    })
    .await;
    assert_eq!(read, 990);
}

#[tokio::test]
async fn a_pump_yields_after_sixteen_reads() {
    let (collector, session) = session();
    let (mut source, mut reader) = duplex(1 << 20);
    let (mut writer, _sink) = duplex(1 << 20);
    source.write_all(&[7; 100_000]).await.unwrap();
    let mut pump = Pump::new(Counts::Reads, 1000);
    poll_fn(|context| {
        let polled = pump.poll(context, Pin::new(&mut reader), Pin::new(&mut writer), &session);
        assert!(polled.is_pending());
        Poll::Ready(())
    })
    .await;
    assert_eq!(collector.refresh().totals.total_rx_bytes, 16_000);
}

#[tokio::test]
async fn a_closed_session_stops_the_pump() {
    let (collector, session) = session();
    let (mut source, mut reader) = duplex(100);
    let (mut writer, _sink) = duplex(100);
    source.write_all(b"late").await.unwrap();
    session.unregister();
    let mut pump = Pump::new(Counts::Reads, 1000);
    let ended =
        poll_fn(|context| pump.poll(context, Pin::new(&mut reader), Pin::new(&mut writer), &session)).await;
    assert!(matches!(ended, Err(Broken::Session(Verdict::Closed(_)))));
    assert_eq!(collector.refresh().totals.total_rx_bytes, 0);
}
