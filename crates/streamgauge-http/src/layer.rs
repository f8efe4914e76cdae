//! The layer: who is let through, which session a request counts for, and the service that counts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, Version};
use http_body::Body;
use streamgauge::{Admission, AdmissionError, Collector, IpLimiter};
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{BoxError, MeteredBody, ResponseBody};
use crate::choice::{Arrival, Choice, Chosen, Outcome};
use crate::connection::ConnectionContext;
use crate::direction::Direction;
use crate::exchange::Exchange;
use crate::head::request_head;
use crate::peer_addr::PeerAddr;
use crate::real_ip::TrustedProxies;
use crate::refusal::Refusal;
use crate::response::{ResponseFuture, ResponseMeter};

/// A tower [`Layer`] that meters what its service receives and sends.
///
/// For each request, in this order: the client's address is found ([`trust`](Self::trust)); the limiter is asked
/// ([`limit`](Self::limit)); the closure chooses; the session is registered with
/// [`try_register`](Collector::try_register); the request's head is counted; the service is called with a metered body and an
/// [`Exchange`] in the extensions. A client whose address the collector's own limiter does not allow
/// ([`is_collectable_ip`](Collector::is_collectable_ip)) is let through unmetered, and the closure is not asked.
///
/// Cloning it copies a pointer. See the [crate](crate) for an example.
#[derive(Clone)]
pub struct MeterLayer {
    rules: Arc<Rules>,
}

type Choose = dyn Fn(&Arrival<'_>) -> Choice + Send + Sync;
type OnLimit = dyn Fn(&AdmissionError) -> Refusal + Send + Sync;
type FindPeer = dyn Fn(&Parts) -> Option<SocketAddr> + Send + Sync;
type FindConnection = dyn Fn(&Parts) -> Option<ConnectionContext> + Send + Sync;

#[derive(Clone)]
struct Rules {
    collector: Collector,
    choose: Arc<Choose>,
    admission: Admission,
    limiter: Option<Arc<dyn IpLimiter>>,
    proxies: TrustedProxies,
    on_limit: Arc<OnLimit>,
    peer: Arc<FindPeer>,
    connection: Arc<FindConnection>,
}

impl MeterLayer {
    /// A layer that registers sessions in this collector, as the closure chooses.
    pub fn new(
        collector: &Collector,
        choose: impl Fn(&Arrival<'_>) -> Choice + Send + Sync + 'static,
    ) -> Self {
        Self {
            rules: Arc::new(Rules {
                collector: collector.clone(),
                choose: Arc::new(choose),
                admission: Admission::default(),
                limiter: None,
                proxies: TrustedProxies::none(),
                on_limit: Arc::new(Refusal::of_limit),
                peer: Arc::new(|parts| parts.extensions.get().map(|PeerAddr(peer)| *peer)),
                connection: Arc::new(|parts| parts.extensions.get().cloned()),
            }),
        }
    }

    /// What each new session is expected to take. By default nothing, so `max_sessions` and bitrates that are reached by now
    /// refuse.
    #[must_use]
    pub fn admission(self, admission: Admission) -> Self {
        self.with(|rules| rules.admission = admission)
    }

    /// Answers 403 to clients that the limiter does not allow, and to those whose address is not known.
    #[must_use]
    pub fn limit(self, limiter: impl IpLimiter + 'static) -> Self {
        self.with(|rules| rules.limiter = Some(Arc::new(limiter)))
    }

    /// Takes the client's address from what these proxies write. By default no proxy is trusted, and the client is the peer.
    #[must_use]
    pub fn trust(self, proxies: TrustedProxies) -> Self {
        self.with(|rules| rules.proxies = proxies)
    }

    /// What is answered where the collector admits no session, in place of [`Refusal::of_limit`].
    #[must_use]
    pub fn on_limit(self, answer: impl Fn(&AdmissionError) -> Refusal + Send + Sync + 'static) -> Self {
        self.with(|rules| rules.on_limit = Arc::new(answer))
    }

    /// Takes the peer's address from an extension of the program's own, in place of a [`PeerAddr`].
    ///
    /// For axum: `.peer_from(|info: &ConnectInfo<SocketAddr>| info.0)`.
    #[must_use]
    pub fn peer_from<T: Send + Sync + 'static>(
        self,
        read: impl Fn(&T) -> SocketAddr + Send + Sync + 'static,
    ) -> Self {
        self.with(|rules| rules.peer = Arc::new(move |parts| parts.extensions.get().map(&read)))
    }

    /// Takes the connection's context from an extension of the program's own, in place of a [`ConnectionContext`].
    ///
    /// For one layer alone: two that find the same context both claim their bytes of it.
    #[must_use]
    pub fn connection_from<T: Send + Sync + 'static>(
        self,
        read: impl Fn(&T) -> ConnectionContext + Send + Sync + 'static,
    ) -> Self {
        self.with(|rules| rules.connection = Arc::new(move |parts| parts.extensions.get().map(&read)))
    }

    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }
}

impl fmt::Debug for MeterLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterLayer")
            .field("collector", &self.rules.collector)
            .field("proxies", &self.rules.proxies)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for MeterLayer {
    type Service = MeterService<S>;

    fn layer(&self, service: S) -> Self::Service {
        MeterService {
            service,
            rules: Arc::clone(&self.rules),
        }
    }
}

/// A service that is metered: made by [`MeterLayer`].
#[derive(Clone)]
pub struct MeterService<S> {
    service: S,
    rules: Arc<Rules>,
}

impl<S: fmt::Debug> fmt::Debug for MeterService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterService")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for MeterService<S>
where
    S: Service<Request<MeteredBody<ReqBody>>, Response = Response<ResBody>>,
    ResBody: Body,
    ResBody::Data: From<Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let exchange = match self.rules.admit(&mut parts) {
            Ok(Some(exchange)) => exchange,
            Ok(None) => {
                let request = Request::from_parts(parts, MeteredBody::unmetered(body));
                return ResponseFuture::serving(self.service.call(request), None);
            }
            Err(refusal) => return ResponseFuture::refused(refusal),
        };
        let meter = ResponseMeter::new(&parts, exchange.clone());
        parts.extensions.insert(exchange.clone());
        let body = MeteredBody::new(body, Direction::Ingress, parts.version, exchange);
        let request = Request::from_parts(parts, body);
        ResponseFuture::serving(self.service.call(request), Some(meter))
    }
}

impl Rules {
    /// The exchange that a request is metered as; none if it is not.
    fn admit(&self, parts: &mut Parts) -> Result<Option<Exchange>, Refusal> {
        let connection = (self.connection)(parts);
        if let Some(connection) = &connection {
            connection.begin_request(parts.version);
        }
        let peer = (self.peer)(parts);
        let client = peer.map(|peer| self.proxies.client(peer.ip(), &parts.headers));
        self.check_address(client)?;
        let is_collectable =
            client.is_none_or(|client| self.collector.is_collectable_ip(&client.to_string()));
        if !is_collectable {
            return Ok(None);
        }
        let choice = (self.choose)(&Arrival { parts, peer, client });
        // Claimed once: a layer further in finds no connection, and counts in its collector alone.
        let ledger = connection.map(ConnectionContext::into_ledger);
        let head_bytes = request_head(parts.version, &parts.method, &parts.uri, &parts.headers);

        let mut has_tried = false;
        loop {
            let Chosen { session, closes } = match choice.register(&self.collector, self.admission) {
                Outcome::Metered(chosen) => chosen,
                Outcome::Unmetered => return Ok(None),
                Outcome::Refused(refusal) => return Err(refusal),
                Outcome::Limited(error) => return Err((self.on_limit)(&error)),
            };
            let exchange = Exchange::new(session, closes, ledger.clone());
            match exchange.count(Direction::Ingress, head_bytes) {
                Ok(()) => {
                    parts.extensions.remove::<ConnectionContext>();
                    if parts.version < Version::HTTP_2 {
                        exchange.occupy_connection();
                    }
                    return Ok(Some(exchange));
                }
                // It closed between the two calls, as a shared one may: the next registration is a new session.
                Err(_) if !has_tried => has_tried = true,
                Err(closed) => return Err(Refusal::of_closed(closed)),
            }
        }
    }

    fn check_address(&self, client: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let is_allowed = client.is_some_and(|client| limiter.is_allowed(&client.to_string()));
        if is_allowed {
            Ok(())
        } else {
            Err(Refusal::of_address())
        }
    }
}
