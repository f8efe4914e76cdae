//! What of a stream is counted.

use std::io::{Cursor, ErrorKind, IoSlice};

use streamgauge::{Collector, CollectorConfig, ManualClock};
use streamgauge_tokio::Metered;
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy, copy_bidirectional, copy_buf,
    duplex, sink, split,
};

use crate::meter::{collector, ended, live, register};
use crate::scripted::Scripted;

#[tokio::test]
async fn what_passed_is_counted_and_not_what_was_offered() {
    let collector = collector();
    let mut metered = Metered::new(Scripted::Moves(7), register(&collector));
    assert_eq!(metered.read(&mut [0; 100]).await.unwrap(), 7);
    assert_eq!(metered.read(&mut [0; 3]).await.unwrap(), 3);
    assert_eq!(metered.write(&[0; 100]).await.unwrap(), 7);
    metered.write_all(&[0; 50]).await.unwrap();
    metered.read_exact(&mut [0; 20]).await.unwrap();
    assert_eq!(live(&collector), (30, 57));
}

#[tokio::test]
async fn a_buffer_that_holds_bytes_already_counts_what_is_added() {
    let collector = collector();
    let mut metered = Metered::new(Scripted::Moves(7), register(&collector));
    let mut buffer = Vec::with_capacity(64);
    buffer.extend_from_slice(b"before");
    metered.read_buf(&mut buffer).await.unwrap();
    assert_eq!((buffer.len(), live(&collector)), (13, (7, 0)));
}

#[tokio::test]
async fn vectored_writes_count_all_their_parts_and_stay_vectored() {
    let collector = collector();
    let mut metered = Metered::new(Scripted::Moves(25), register(&collector));
    assert!(metered.is_write_vectored());
    let parts = [IoSlice::new(&[1; 10]), IoSlice::new(&[2; 20])];
    assert_eq!(metered.write_vectored(&parts).await.unwrap(), 25);
    assert_eq!(metered.write_vectored(&parts[..1]).await.unwrap(), 10);
    assert_eq!(live(&collector), (0, 35));
    assert!(!Metered::new(Scripted::Waits, register(&collector)).is_write_vectored());
}

#[tokio::test]
async fn errors_ends_and_flushes_count_nothing() {
    let mut config = CollectorConfig::default();
    config.count_packets = true;
    let collector = Collector::manual(config, ManualClock::default());
    let mut metered = Metered::new(Scripted::Fails(ErrorKind::BrokenPipe), register(&collector));
    assert_eq!(
        metered.read(&mut [0; 9]).await.unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    assert_eq!(
        metered.write(&[0; 9]).await.unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    *metered.get_mut() = Scripted::Moves(0);
    assert_eq!(metered.read(&mut [0; 9]).await.unwrap(), 0);
    assert_eq!(metered.write(&[0; 9]).await.unwrap(), 0);
    metered.flush().await.unwrap();
    metered.shutdown().await.unwrap();
    let summary = collector.refresh();
    assert_eq!(
        (summary.totals.total_rx_packets, summary.totals.total_tx_packets),
        (0, 0)
    );
    assert_eq!(summary.pending_sessions, 1);
}

#[tokio::test]
async fn a_buffered_reader_counts_what_is_consumed() {
    let collector = collector();
    let lines = BufReader::new(Cursor::new(&b"one\ntwo\nthree\n"[..]));
    let mut metered = Metered::new(lines, register(&collector));
    let mut line = String::new();
    metered.read_line(&mut line).await.unwrap();
    assert_eq!((line.as_str(), live(&collector)), ("one\n", (4, 0)));
    metered.fill_buf().await.unwrap();
    assert_eq!(live(&collector), (4, 0));
    copy_buf(&mut metered, &mut sink()).await.unwrap();
    assert_eq!(live(&collector), (14, 0));
}

#[tokio::test]
async fn a_stream_may_be_split_copied_and_relayed() {
    let collector = collector();
    let (mut client, inner) = duplex(16);
    let (mut backend, mut upstream) = duplex(16);
    let relayed = async {
        let mut front = Metered::new(inner, register(&collector));
        copy_bidirectional(&mut front, &mut upstream).await
    };
    let asks = async {
        client.write_all(&[1; 1_000]).await?;
        client.shutdown().await?;
        copy(&mut client, &mut sink()).await
    };
    let answers = async {
        let asked = copy(&mut backend, &mut sink()).await?;
        backend.write_all(&[2; 3_000]).await?;
        backend.shutdown().await?;
        std::io::Result::Ok(asked)
    };
    let (relayed, got, asked) = tokio::join!(relayed, asks, answers);
    assert_eq!(relayed.unwrap(), (1_000, 3_000));
    assert_eq!((asked.unwrap(), got.unwrap()), (1_000, 3_000));
    assert_eq!(ended(&collector), (1_000, 3_000));
}

#[tokio::test]
async fn the_halves_of_a_split_stream_count_for_one_session() {
    let collector = collector();
    let (mut client, inner) = duplex(64);
    let (mut reader, mut writer) = split(Metered::new(inner, register(&collector)));
    client.write_all(b"hello").await.unwrap();
    reader.read_exact(&mut [0; 5]).await.unwrap();
    drop(reader);
    writer.write_all(b"hi").await.unwrap();
    assert_eq!(live(&collector), (5, 2));
    drop(writer);
    assert_eq!(ended(&collector), (5, 2));
}

#[tokio::test]
async fn what_goes_past_is_counted_where_it_is_reported() {
    let collector = collector();
    let metered = Metered::new(sink(), register(&collector));
    metered.received(11).unwrap();
    metered.sent(22).unwrap();
    metered.into_inner();
    assert_eq!(ended(&collector), (11, 22));
}
