//! Readers and writers that count what passes, and the ends of their sessions.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use streamgauge::{CloseReason, Metered, SessionClosed, Verdict};

use crate::ledger_check::{Checked, bytes};

/// Takes and gives a few bytes at a time, and fails when asked to.
struct Trickle {
    most: usize,
    error: Option<ErrorKind>,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.error {
            Some(kind) => Err(kind.into()),
            None => Ok(buffer.len().min(self.most)),
        }
    }
}

impl Write for Trickle {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self.error {
            Some(kind) => Err(kind.into()),
            None => Ok(buffer.len().min(self.most)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn trickle(meter: &Checked, most: usize) -> Metered<Trickle> {
    Metered::new(Trickle { most, error: None }, meter.register("a", "", "", ""))
}

#[test]
fn what_passed_is_counted_and_not_what_was_offered() {
    let meter = Checked::new(|_| {});
    let mut metered = trickle(&meter, 7);
    assert_eq!(metered.read(&mut [0; 100]).unwrap(), 7);
    assert_eq!(metered.write(&[0; 100]).unwrap(), 7);
    assert_eq!(metered.write(&[0; 3]).unwrap(), 3);
    metered.write_all(&[0; 50]).unwrap();
    metered.read_exact(&mut [0; 20]).unwrap();
    assert_eq!(bytes(meter.refreshed().live), (27, 60));
}

#[test]
fn an_error_and_an_end_count_nothing() {
    let meter = Checked::new(|_| {});
    let mut metered = trickle(&meter, 7);
    metered.get_mut().error = Some(ErrorKind::WouldBlock);
    assert_eq!(
        metered.read(&mut [0; 9]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(metered.write(&[0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    *metered.get_mut() = Trickle { most: 0, error: None };
    assert_eq!(metered.read(&mut [0; 9]).unwrap(), 0);
    let summary = meter.refreshed();
    assert_eq!((bytes(summary.totals), summary.pending_sessions), ((0, 0), 1));
}

#[test]
fn an_end_of_stream_and_a_write_that_took_nothing_are_no_packets() {
    let meter = Checked::new(|config| config.count_packets = true);
    let mut metered = trickle(&meter, 7);
    metered.read_exact(&mut [0; 14]).unwrap();
    metered.get_mut().most = 0;
    assert_eq!(metered.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(metered.write(&[0; 9]).unwrap(), 0);
    let moved = meter.refreshed().live;
    assert_eq!((moved.total_rx_packets, moved.total_tx_packets), (2, 0));
}

#[test]
fn a_flush_goes_through() {
    let meter = Checked::new(|_| {});
    let buffered = io::BufWriter::with_capacity(64, Vec::new());
    let mut metered = Metered::new(buffered, meter.register("a", "", "", ""));
    metered.write_all(b"hello").unwrap();
    assert!(metered.get_ref().get_ref().is_empty());
    metered.flush().unwrap();
    assert_eq!(metered.get_ref().get_ref(), b"hello");
}

#[test]
fn vectored_calls_count_all_their_parts() {
    let meter = Checked::new(|_| {});
    let mut metered = Metered::new(Cursor::new(vec![0; 64]), meter.register("a", "", "", ""));
    let written = metered.write_vectored(&[IoSlice::new(&[1; 10]), IoSlice::new(&[2; 20])]);
    assert_eq!(written.unwrap(), 30);
    let (mut one, mut other) = ([0; 4], [0; 8]);
    let read = metered.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)]);
    assert_eq!(read.unwrap(), 12);
    assert_eq!(bytes(meter.refreshed().live), (12, 30));
}

#[test]
fn a_buffered_reader_counts_what_is_consumed() {
    let meter = Checked::new(|_| {});
    let lines = BufReader::new(Cursor::new(&b"one\ntwo\nthree\n"[..]));
    let mut metered = Metered::new(lines, meter.register("a", "", "", ""));
    let mut line = String::new();
    metered.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    assert_eq!(bytes(meter.refreshed().live), (4, 0));
    metered.fill_buf().unwrap();
    assert_eq!(bytes(meter.refreshed().live), (4, 0));
    io::copy(&mut metered, &mut io::sink()).unwrap();
    assert_eq!(bytes(meter.refreshed().live), (14, 0));
}

#[test]
fn the_session_closes_with_the_connection_and_not_where_it_is_taken_out() {
    let meter = Checked::new(|_| {});
    drop(trickle(&meter, 1));
    assert!(!meter.is_known_session("a"));
    trickle(&meter, 1).into_inner();
    assert!(!meter.is_known_session("a"));
    let (_io, session) = trickle(&meter, 1).into_parts();
    assert!(meter.is_known_session("a"));
    session.unregister();
}

/// What a connection ends with once its session was kicked.
fn assert_kicked<R>(result: io::Result<R>) {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let verdict = Verdict::Closed(CloseReason::Unregistered);
    assert_eq!(cause, Some(&SessionClosed(verdict)));
}

#[test]
fn a_kicked_session_moves_nothing_more() {
    let meter = Checked::new(|_| {});
    let source = BufReader::new(Cursor::new(vec![0; 100]));
    let mut reader = Metered::new(source, meter.register("r", "", "", ""));
    let mut writer = Metered::new(Vec::new(), meter.register("w", "", "", ""));
    reader.read_exact(&mut [0; 10]).unwrap();
    writer.write_all(&[0; 10]).unwrap();
    meter.unregister("r");
    meter.unregister("w");
    assert_kicked(reader.read(&mut [0; 1]));
    assert_kicked(reader.read_vectored(&mut [IoSliceMut::new(&mut [0; 1])]));
    assert_kicked(reader.fill_buf().map(<[u8]>::len));
    assert_kicked(writer.write(&[0; 1]));
    assert_kicked(writer.write_vectored(&[IoSlice::new(&[0; 1])]));
    assert_eq!(writer.get_ref().len(), 10);
    assert_eq!(bytes(meter.refreshed().history.stats), (10, 10));
}

#[test]
fn a_refused_session_passes_nothing_and_a_null_one_everything() {
    let meter = Checked::new(|_| {});
    let mut refused = Metered::new(Vec::new(), meter.register("", "", "", ""));
    assert_eq!(
        refused.write(b"x").unwrap_err().to_string(),
        "refused: the id is empty"
    );
    let null = streamgauge::Collector::null();
    let mut passed = Metered::new(Vec::new(), null.register("a", "", "", ""));
    passed.write_all(b"xyz").unwrap();
    assert_eq!(passed.into_inner(), b"xyz");
}

#[test]
fn a_copy_between_sockets_is_seen_whole() {
    // std copies between descriptors past the program where it can: not here, where it would not be counted.
    let meter = Checked::new(|_| {});
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.write_all(&[7; 10_000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut metered = Metered::new(server, meter.register("a", "", "", ""));
    let mut echoed = Vec::new();
    assert_eq!(io::copy(&mut metered, &mut echoed).unwrap(), 10_000);
    io::copy(&mut &echoed[..], &mut metered).unwrap();
    drop(metered);
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    assert_eq!(back, [7; 10_000]);
    assert_eq!(bytes(meter.refreshed().history.stats), (10_000, 10_000));
}
