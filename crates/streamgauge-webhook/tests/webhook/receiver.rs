//! A server that hands each request to the test, and answers as the test tells it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Incoming, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use streamgauge::{Collector, CollectorConfig, ManualClock};
use streamgauge_webhook::{WebhookConfig, Webhooks};

/// A hang guard: no test waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A request.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The ids of the sessions that it tells of.
    pub(crate) fn ids(&self) -> Vec<String> {
        let body = self.json();
        let events = body["events"].as_array().unwrap();
        events
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// What a server does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    /// Ends the connection.
    Hangup,
    /// Says nothing until the other end gives up.
    Silence,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    posts: Incoming<Post>,
    replies: Sender<Reply>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self::with(|stream| stream)
    }

    /// One whose connections are made something else of, such as TLS.
    pub(crate) fn with<S: Read + Write>(wrap: impl Fn(TcpStream) -> S + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (post, posts) = channel();
        let (replies, reply) = channel();
        let serve = move || {
            for stream in listener.incoming() {
                if converse(wrap(stream.unwrap()), &post, &reply).is_none() {
                    return;
                }
            }
        };
        thread::Builder::new().spawn(serve).unwrap();
        Self {
            address,
            posts,
            replies,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/closed?by=test", self.address)
    }

    /// The next request, unanswered.
    pub(crate) fn next(&self) -> Post {
        self.posts.recv_timeout(LONG).expect("no request")
    }

    /// The next request, if one comes in time.
    pub(crate) fn next_if_any(&self, time: Duration) -> Option<Post> {
        self.posts.recv_timeout(time).ok()
    }

    pub(crate) fn reply(&self, reply: Reply) {
        self.replies.send(reply).unwrap();
    }

    /// The next request, answered.
    pub(crate) fn answer(&self, reply: Reply) -> Post {
        let post = self.next();
        self.reply(reply);
        post
    }
}

/// Serves one connection; none when the test is over.
fn converse<S: Read + Write>(stream: S, posts: &Sender<Post>, replies: &Incoming<Reply>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    while let Some(post) = read(&mut reader) {
        posts.send(post).ok()?;
        match replies.recv().ok()? {
            Reply::Status(status) => {
                let text = format!("HTTP/1.1 {status} Told\r\ncontent-length: 2\r\n\r\nok");
                // The other end may have given up.
                let _sent = reader.get_mut().write_all(text.as_bytes());
            }
            Reply::Hangup => return Some(()),
            Reply::Silence => {
                let _until_it_ends = reader.read(&mut [0]);
                return Some(());
            }
        }
    }
    Some(())
}

fn read(reader: &mut impl BufRead) -> Option<Post> {
    let mut lines = reader.lines();
    let line = lines.next()?.ok()?;
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Post { line, headers, body })
}

/// A collector that is told of by webhooks to `url`.
pub(crate) fn metered(url: &str, change: impl FnOnce(&mut WebhookConfig)) -> (Collector, Webhooks) {
    let mut config = WebhookConfig::new(url);
    config.first_pause = Duration::from_millis(1);
    config.longest_pause = Duration::from_millis(4);
    config.request_timeout = LONG;
    change(&mut config);
    let webhooks = Webhooks::start(config).unwrap();
    let mut config = CollectorConfig::default();
    config.observer = Some(Arc::new(webhooks.clone()));
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1_700_000_000));
    (Collector::manual(config, clock), webhooks)
}

/// Opens a session, closes it, and has it told.
pub(crate) fn close(collector: &Collector, id: &str, bytes: u64) {
    collector.register(id, "stream", "here", "there").egress(bytes);
    collector.unregister(id);
    collector.refresh();
}
