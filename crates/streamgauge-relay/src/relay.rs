//! The relay: its listeners, and what can be done to them while they run.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, Registry, SessionObserver};
use streamgauge_api::Feed;
use streamgauge_webhook::{WebhookCounts, Webhooks};
use tokio::net::{TcpListener, TcpSocket};

use crate::admin::{Admin, Parts};
use crate::config::{ListenerConfig, Protocol, RelayConfig};
use crate::error::{RelayError, SaveError};
use crate::gate::{Access, Gate};
use crate::lifecycle::Lifecycle;
use crate::tally::{Marks, Tally};
use crate::tcp::TcpService;
use crate::udp::{self, UdpService};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// How long what is queued for the webhook is posted at the end.
const WEBHOOK_DRAIN: Duration = Duration::from_secs(10);

/// A relay that runs: in tasks of the runtime that it was started on.
///
/// Dropping it ends every session at once. [`stop`](Self::stop) says how long they may go on, and saves.
#[derive(Debug)]
pub struct Relay {
    registry: Registry,
    config: RelayConfig,
    listeners: Vec<Listening>,
    lifecycle: Lifecycle,
    admin: Option<Admin>,
    webhooks: Option<Webhooks>,
}

/// A listener that runs. Clones are of the same.
#[derive(Clone, Debug)]
pub struct Listening {
    config: ListenerConfig,
    local_addr: SocketAddr,
    gate: Arc<Gate>,
    marks: Arc<Marks>,
}

impl Relay {
    /// Starts with a registry of its own, which keeps its histories where the config says.
    ///
    /// # Errors
    ///
    /// The directory of the histories cannot be used, a name is no collector's or there twice, the webhook cannot be
    /// followed, or an address cannot be listened at. Nothing runs then.
    pub async fn start(config: &RelayConfig) -> Result<Self, RelayError> {
        let mut registry = streamgauge::Config::default();
        registry.persist_dir.clone_from(&config.history);
        Self::start_in(config, Registry::new(registry)?).await
    }

    /// Starts with this registry, which gets a collector for each listener.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_in(config: &RelayConfig, registry: Registry) -> Result<Self, RelayError> {
        let mut relay = Self {
            registry,
            config: config.clone(),
            listeners: Vec::new(),
            lifecycle: Lifecycle::default(),
            admin: None,
            webhooks: None,
        };
        let feed = Feed::default();
        // Bound first, and served once all are.
        let mut bound = Vec::new();
        for listener in &config.listeners {
            bound.push(Socket::bind(listener).map_err(|source| RelayError::Bind {
                name: listener.name.clone(),
                address: listener.listen,
                source,
            })?);
        }
        if let Some(webhook) = &config.webhook {
            relay.webhooks = Some(Webhooks::start(webhook.clone())?);
        }
        for (listener, socket) in config.listeners.iter().zip(&bound) {
            let access = Access::new(listener.rules.access.clone());
            let collector = if config.metering {
                relay.collect(config, listener, access.clone(), feed.clone())?
            } else {
                Collector::null()
            };
            let local_addr = socket.local_addr(listener)?;
            relay.listeners.push(Listening {
                gate: Arc::new(Gate::new(listener, local_addr, collector, access)),
                config: listener.clone(),
                local_addr,
                marks: Arc::default(),
            });
        }
        if let Some(admin) = &config.admin {
            let parts = Parts {
                registry: relay.registry.reader(),
                feed,
                listeners: relay.listeners.clone(),
                webhooks: relay.webhooks.clone(),
            };
            let failed = |source| RelayError::Bind {
                name: "admin".to_owned(),
                address: admin.listen,
                source,
            };
            let listener = TcpListener::bind(admin.listen).await.map_err(failed)?;
            relay.admin = Some(Admin::serve(admin, listener, parts, &relay.lifecycle).map_err(failed)?);
        }
        for (listening, socket) in relay.listeners.iter().zip(bound) {
            listening.serve(socket, &relay.lifecycle, config.metering);
        }
        Ok(relay)
    }

    fn collect(
        &self,
        config: &RelayConfig,
        listener: &ListenerConfig,
        access: Arc<Access>,
        feed: Feed,
    ) -> Result<Collector, RelayError> {
        let mut collector = CollectorConfig::default();
        collector.max_sessions = listener.rules.limits.max_sessions;
        collector.max_rx_bitrate = listener.rules.limits.max_rx_bitrate;
        collector.max_tx_bitrate = listener.rules.limits.max_tx_bitrate;
        collector.limiter = Some(access);
        let mut observers: Vec<Arc<dyn SessionObserver>> = Vec::new();
        if config.admin.is_some() {
            observers.push(Arc::new(feed));
        }
        if let Some(webhooks) = &self.webhooks {
            observers.push(Arc::new(webhooks.clone()));
        }
        if !observers.is_empty() {
            collector.observer = Some(Arc::new(observers));
        }
        collector.session_timeout = listener.session_timeout;
        collector.inactive_timeout = listener.inactive_timeout;
        collector.persist_interval = config.persist_interval;
        collector.count_packets = listener.protocol == Protocol::Udp;
        self.registry
            .register(&listener.name, collector)
            .map_err(|source| RelayError::Collector {
                name: listener.name.clone(),
                source,
            })
    }

    /// The registry, with a collector for each listener. Without metering it has none.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The listeners, as they were configured, with where they are bound.
    #[must_use]
    pub fn listeners(&self) -> &[Listening] {
        &self.listeners
    }

    /// Where the API and the metrics are served.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// What became of the sessions that were posted, where there is a webhook.
    #[must_use]
    pub fn webhook_counts(&self) -> Option<WebhookCounts> {
        self.webhooks.as_ref().map(Webhooks::counts)
    }

    /// Takes up the rules of this configuration: limits, expected bitrates and lists count for who comes from now on, and
    /// sessions of who is blocked by them are closed. What else differs from how it was started is named, and stays.
    pub fn reload(&self, config: &RelayConfig) -> Vec<String> {
        let mut fixed = Vec::new();
        let mut started = RelayConfig {
            listeners: config.listeners.clone(),
            ..self.config.clone()
        };
        if let (Some(started), Some(new)) = (&mut started.admin, &config.admin) {
            started.token.clone_from(&new.token);
        }
        if started.webhook != config.webhook {
            fixed.push("the webhook".to_owned());
            started.webhook.clone_from(&config.webhook);
        }
        if started != *config {
            fixed.push("the relay".to_owned());
        }
        if let (Some(running), Some(new)) = (&self.admin, &config.admin)
            && let Err(error) = running.set_token(new.token.as_deref())
        {
            fixed.push(format!("the token ({error})"));
        }
        for listening in &self.listeners {
            let name = &listening.config.name;
            match config.listeners.iter().find(|listener| listener.name == *name) {
                Some(listener) => {
                    listening.gate.set(&listener.rules);
                    let rules = listening.config.rules.clone();
                    if (ListenerConfig {
                        rules,
                        ..listener.clone()
                    }) != listening.config
                    {
                        fixed.push(format!("listener {name}"));
                    }
                }
                None => fixed.push(format!("listener {name}, which is gone")),
            }
        }
        let is_new = |listener: &&ListenerConfig| {
            let mut running = self.config.listeners.iter();
            running.all(|running| running.name != listener.name)
        };
        let new = config.listeners.iter().filter(is_new);
        fixed.extend(new.map(|listener| format!("listener {}, which is new", listener.name)));
        fixed
    }

    /// Takes no more clients, and waits until those who are there have left, at most so long; then ends who is left. Whether
    /// nobody was.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.lifecycle.drain(timeout).await
    }

    /// Ends every session at once, and waits until all are.
    pub async fn end(&self) {
        self.lifecycle.end().await;
    }

    /// Ends every session at once, stops the collectors and saves their histories: what could not be saved. What the webhook
    /// has queued by then is posted for 10 s at most; what is left of it is logged. Where the program holds the registry as well, sessions
    /// that closed in the last moment may come too late for that.
    pub async fn stop(self) -> Vec<SaveError> {
        self.lifecycle.end().await;
        // It waits for the disk, then for the webhook's receiver. A panic there is the collectors' own to report.
        let stopping = Stopping::of(&self);
        let webhooks = self.webhooks.clone();
        let listeners = self.listeners.clone();
        // A registry's worker calls observers after a collector has stopped, and is waited for as the last of the registry goes.
        drop(self);
        let stopped = tokio::task::spawn_blocking(move || {
            drop(stopping);
            webhooks.map(|webhooks| webhooks.stop(WEBHOOK_DRAIN))
        });
        if let Ok(Some(counts)) = stopped.await {
            log_webhook(&counts);
        }
        let unsaved = |listening: &Listening| {
            let cause = listening.collector().health().store_error?;
            Some(SaveError {
                name: listening.config.name.clone(),
                cause,
            })
        };
        listeners.iter().filter_map(unsaved).collect()
    }
}

fn log_webhook(counts: &WebhookCounts) {
    let WebhookCounts {
        delivered,
        failed,
        dropped,
        pending,
        ..
    } = *counts;
    if failed + dropped + pending == 0 {
        tracing::info!(delivered, "the webhook has everything");
    } else {
        let error = counts.last_error.as_deref().unwrap_or("none");
        tracing::warn!(
            delivered,
            failed,
            dropped,
            pending,
            error,
            "the webhook does not have everything"
        );
    }
}

/// Stops the collectors of a relay's listeners, and no others of the registry.
struct Stopping {
    registry: Registry,
    names: Vec<String>,
}

impl Stopping {
    fn of(relay: &Relay) -> Self {
        let names = relay
            .listeners
            .iter()
            .map(|listening| listening.config.name.clone());
        Self {
            registry: relay.registry.clone(),
            names: names.collect(),
        }
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        for name in &self.names {
            // Without metering there is none, and somebody else may have been before.
            let _ = self.registry.unregister(name);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.lifecycle.cancel();
    }
}

impl Listening {
    /// As it was configured.
    #[must_use]
    pub fn config(&self) -> &ListenerConfig {
        &self.config
    }

    /// Where it is bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What meters its clients. Without metering, a null collector.
    #[must_use]
    pub fn collector(&self) -> &Collector {
        self.gate.collector()
    }

    /// What it took, refused and lost so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.marks.tally()
    }

    fn serve(&self, socket: Socket, lifecycle: &Lifecycle, is_metering: bool) {
        let (gate, marks) = (self.gate.clone(), self.marks.clone());
        match socket {
            Socket::Tcp(listener) => {
                let service = TcpService::new(self.config.clone(), gate, marks, lifecycle.clone());
                lifecycle.spawn(Arc::new(service).accept(listener));
            }
            Socket::Udp(socket) => {
                let lifecycle = lifecycle.clone();
                let service = UdpService::new(
                    self.config.clone(),
                    *socket,
                    gate,
                    marks,
                    lifecycle.clone(),
                    is_metering,
                );
                lifecycle.spawn(Arc::new(service).relay());
            }
        }
    }
}

/// What a listener is bound to.
#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(Box<udp::Socket>),
}

impl Socket {
    fn bind(listener: &ListenerConfig) -> io::Result<Self> {
        if listener.protocol == Protocol::Udp {
            let socket = udp::Socket::bind(listener.listen, listener.udp_batching)?;
            return Ok(Self::Udp(Box::new(socket)));
        }
        let socket = if listener.listen.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A relay that starts anew is not kept out by connections of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(listener.listen)?;
        Ok(Self::Tcp(socket.listen(BACKLOG)?))
    }

    fn local_addr(&self, listener: &ListenerConfig) -> Result<SocketAddr, RelayError> {
        let address = match self {
            Self::Tcp(listener) => listener.local_addr(),
            Self::Udp(socket) => socket.local_addr(),
        };
        address.map_err(|source| RelayError::Bind {
            name: listener.name.clone(),
            address: listener.listen,
            source,
        })
    }
}
