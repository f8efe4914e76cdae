//! TCP streams: their halves, the calls that do not wait, and what the system moves past the program.

use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::Ipv4Addr;

use streamgauge::{CloseReason, Verdict};
use streamgauge_tokio::Metered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::meter::{collector, ended, live, register, verdict};

/// A connection: the client's end, and the server's.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn the_session_closes_with_the_last_half() {
    let collector = collector();
    let (mut client, server) = connection().await;
    let (mut reader, mut writer) = Metered::new(server, register(&collector)).into_split();
    client.write_all(&[1; 100]).await.unwrap();
    reader.read_exact(&mut [0; 100]).await.unwrap();
    drop(reader);
    writer.write_all(&[1; 50]).await.unwrap();
    assert_eq!(live(&collector), (100, 50));
    drop(writer);
    assert_eq!(ended(&collector), (100, 50));
    client.read_exact(&mut [0; 50]).await.unwrap();
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn calls_that_do_not_wait_are_counted_as_those_that_do() {
    let collector = collector();
    let (mut client, server) = connection().await;
    let metered = Metered::new(server, register(&collector));
    assert_eq!(metered.peer_addr().unwrap(), client.local_addr().unwrap());
    metered.get_ref().writable().await.unwrap();
    assert_eq!(
        metered.try_read(&mut [0; 9]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(metered.try_write(&[0; 20]).unwrap(), 20);
    let parts = [IoSlice::new(&[1; 10]), IoSlice::new(&[2; 20])];
    assert_eq!(metered.try_write_vectored(&parts).unwrap(), 30);
    client.write_all(&[0; 12]).await.unwrap();
    let mut read = 0;
    while read < 12 {
        metered.get_ref().readable().await.unwrap();
        let (mut one, mut other) = ([0; 2], [0; 2]);
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)];
        read += metered.try_read_vectored(&mut parts).unwrap_or(0);
        read += metered.try_read(&mut [0; 1]).unwrap_or(0);
    }
    assert_eq!(live(&collector), (12, 50));
    collector.unregister("client");
    let kicked = Verdict::Closed(CloseReason::Unregistered);
    assert_eq!(verdict(metered.try_read(&mut [0; 9])), kicked);
    assert_eq!(verdict(metered.try_write(&[0; 9])), kicked);
    assert_eq!(verdict(metered.try_write_vectored(&parts)), kicked);
    assert_eq!(verdict(metered.try_read_vectored(&mut [])), kicked);
    assert_eq!(ended(&collector), (12, 50));
}

/// What a file server does: the file goes from the page cache to the socket by sendfile(2), and the program tells the meter.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_the_system_sends_is_reported() {
    use std::io::{Seek, Write};
    use std::os::fd::AsFd;

    let collector = collector();
    let (mut client, server) = connection().await;
    let metered = Metered::new(server, register(&collector));
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[5; 40_000]).unwrap();
    file.rewind().unwrap();
    let sending = async {
        let mut left = 40_000;
        while left > 0 {
            let stream = metered.get_ref();
            let send = || Ok(rustix::fs::sendfile(stream.as_fd(), file.as_fd(), None, left)?);
            let sent = stream
                .async_io(tokio::io::Interest::WRITABLE, send)
                .await
                .unwrap();
            metered.sent(sent).unwrap();
            left -= sent;
        }
    };
    let mut got = vec![0; 40_000];
    let (read, ()) = tokio::join!(client.read_exact(&mut got), sending);
    read.unwrap();
    assert_eq!(got, [5; 40_000]);
    assert_eq!(live(&collector), (0, 40_000));
}
