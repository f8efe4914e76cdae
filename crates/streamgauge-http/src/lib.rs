//! Meters HTTP with streamgauge: a tower layer that counts what a service receives and sends, for the session that a closure
//! chooses.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use streamgauge::{Collector, CollectorConfig, ManualClock};
//! use streamgauge_http::{Choice, Labels, MeterLayer, MeteredBody};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
//! let layer = MeterLayer::new(&collector, |arrival| {
//!     Choice::Exchange(Labels::new(arrival.parts.uri.path(), "edge-1", arrival.client_label()))
//! });
//! let service = layer.layer(service_fn(async |_: Request<MeteredBody<Full<Bytes>>>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! }));
//!
//! let response = service.oneshot(Request::new(Full::default())).await.unwrap();
//! assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
//! let summary = collector.refresh();
//! let stats = summary.history.references.get("/").unwrap();
//! assert_eq!(stats.total_rx_bytes, "GET / HTTP/1.1\r\n\r\n".len() as u64);
//! assert_eq!(stats.total_tx_bytes, "HTTP/1.1 200 OK\r\n\r\nhello".len() as u64);
//! # });
//! ```
//!
//! # A map of this page
//!
//! * [`MeterLayer`]: the layer, and what it does with a request; its [`MeterService`] and [`ResponseFuture`].
//! * [`Choice`]: the session of a request, from an [`Arrival`]; [`Refusal`]: what is answered otherwise.
//! * [`MeteredBody`], [`ResponseBody`]: bodies that are counted frame by frame, and fail with [`SessionClosed`].
//! * [`request_head_bytes`], [`response_head_bytes`], [`trailers_bytes`]: what heads count, for HTTP/1 and HTTP/2.
//! * [`Exchange`]: the session, from within the service; upgrades, by [`Exchange::upgraded`] and [`Upgraded`].
//! * [`TrustedProxies`]: the client behind proxies, from `X-Forwarded-For` or `Forwarded`; [`PeerAddr`].
//! * [`Overhead`], [`MeteredConnection`], [`ConnectionContext`]: connections, so that sessions and "(overhead)" add up to what
//!   was moved; [`Balance`]: what keeps them from it.
//!
//! A request's bytes are ingress, a response's egress. docs/integrations/http.md has a complete program.
//!
//! # What it does not do
//!
//! It buffers, delays and limits nothing: it counts, refuses at the start, and ends what is closed. It runs no server and
//! depends on none. It knows bytes of a body as the service has them: what lies outside of it compresses or encrypts uncounted.
//!
//! # Features
//!
//! None.

#![forbid(unsafe_code)]

mod body;
mod choice;
mod connection;
mod direction;
mod exchange;
mod head;
mod layer;
mod own_id;
mod peer_addr;
mod real_ip;
mod refusal;
mod response;
mod tap;
mod upgraded;

pub use body::{BoxError, MeteredBody, ResponseBody};
pub use choice::{Arrival, Choice, Labels};
pub use connection::overhead::{Balance, Overhead};
pub use connection::service::WithConnection;
pub use connection::{ConnectionContext, MeteredConnection};
pub use exchange::Exchange;
pub use head::{request_head_bytes, response_head_bytes, trailers_bytes};
pub use layer::{MeterLayer, MeterService};
pub use peer_addr::PeerAddr;
pub use real_ip::{ProxyError, ProxyHeader, TrustedProxies};
pub use refusal::Refusal;
pub use response::ResponseFuture;
pub use upgraded::Upgraded;

pub use streamgauge::SessionClosed;

/// The programs of docs/integrations/http.md, which run as tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/integrations/http.md")]
mod http_page {}
