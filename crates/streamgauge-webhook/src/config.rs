//! What webhooks are configured with.

use std::fmt;
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Uri};

use crate::client::Client;
use crate::signature::Secret;

/// The configuration of [`Webhooks`](crate::Webhooks).
///
/// ```
/// use streamgauge_webhook::WebhookConfig;
///
/// let mut config = WebhookConfig::new("http://127.0.0.1:9000/closed");
/// config.secret = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
/// config.max_batch = 10;
/// assert_eq!(config.max_queued, 10_000);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// Where to post to: `http://…`, or `https://…` with the feature `tls`.
    pub url: String,
    /// What requests are signed with: `whsec_` and the base64 of the key, or other text, whose bytes are the key. At
    /// least 16 bytes. None: they are not signed.
    pub secret: Option<String>,
    /// Headers that requests have besides, such as `authorization`.
    pub headers: Vec<(String, String)>,
    /// How many events are queued or under way at most. Beyond it they are dropped, and counted.
    pub max_queued: usize,
    /// How many events a request has at most.
    pub max_batch: usize,
    /// How long one attempt may take, from its connection to the end of the answer.
    pub request_timeout: Duration,
    /// How long to pause after the first attempt, about. It doubles with each further one, and half of it is random.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long after its first attempt a request is sent again at the latest.
    pub deadline: Duration,
    /// The certificates, as PEM, of the authorities that the receiver's may be signed by, in place of those that browsers
    /// trust.
    #[cfg(feature = "tls")]
    pub root_certificates: Option<Vec<u8>>,
}

impl WebhookConfig {
    /// Posts to this address, unsigned: up to 10,000 events queued and 100 in a request; 10 s for an attempt, pauses of
    /// 0.5 s to 30 s, and up to 5 minutes for a request.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            secret: None,
            headers: Vec::new(),
            max_queued: 10_000,
            max_batch: 100,
            request_timeout: Duration::from_secs(10),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            deadline: Duration::from_secs(300),
            #[cfg(feature = "tls")]
            root_certificates: None,
        }
    }

    /// Whether [`Webhooks::start`](crate::Webhooks::start) would follow it: for programs that check what they were told before
    /// they start anything.
    ///
    /// # Errors
    ///
    /// As there, but for the thread.
    pub fn check(&self) -> Result<(), WebhookError> {
        self.check_bounds()?;
        Client::new(self).map(drop)
    }

    /// Where requests go.
    pub(crate) fn checked_url(&self) -> Result<Uri, WebhookError> {
        let fault = |rule| WebhookError::Url {
            url: self.url.clone(),
            rule,
        };
        let url: Uri = self.url.parse().map_err(|_| fault("it is no address"))?;
        match url.scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return Err(fault("https needs the feature `tls` of streamgauge-webhook")),
            _ => return Err(fault("it is to begin with http:// or https://")),
        }
        match url.authority() {
            Some(authority) if authority.as_str().contains('@') => {
                Err(fault("a name and a password belong to the header authorization"))
            }
            Some(authority) if !authority.host().is_empty() => Ok(url),
            _ => Err(fault("it names no host")),
        }
    }

    pub(crate) fn checked_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, WebhookError> {
        let check = |(name, value): &(String, String)| {
            let fault = |rule| WebhookError::Header {
                name: name.clone(),
                rule,
            };
            let header =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault("it is no name of a header"))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| fault("its value cannot be sent"))?;
            if OWN.contains(&header.as_str()) {
                return Err(fault("requests have their own"));
            }
            value.set_sensitive(true);
            Ok((header, value))
        };
        self.headers.iter().map(check).collect()
    }

    pub(crate) fn checked_secret(&self) -> Result<Option<Secret>, WebhookError> {
        self.secret.as_deref().map(Secret::read).transpose()
    }

    pub(crate) fn check_bounds(&self) -> Result<(), WebhookError> {
        let at_least_one = [("max_queued", self.max_queued), ("max_batch", self.max_batch)];
        for (field, number) in at_least_one {
            if number == 0 {
                return Err(WebhookError::Zero { field });
            }
        }
        if self.request_timeout.is_zero() {
            return Err(WebhookError::Zero {
                field: "request_timeout",
            });
        }
        Ok(())
    }
}

/// The headers that requests have by themselves.
const OWN: [&str; 8] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "host",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "idempotency-key",
];

impl fmt::Debug for WebhookConfig {
    /// Without the secret and the headers' values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("WebhookConfig")
            .field("url", &self.url)
            .field("is_signed", &self.secret.is_some())
            .field("headers", &names)
            .field("max_queued", &self.max_queued)
            .field("max_batch", &self.max_batch)
            .field("request_timeout", &self.request_timeout)
            .field("first_pause", &self.first_pause)
            .field("longest_pause", &self.longest_pause)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Why webhooks cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The address cannot be posted to.
    #[error("url {url:?} cannot be posted to: {rule}")]
    Url {
        /// The address as it was given.
        url: String,
        /// What it is to be.
        rule: &'static str,
    },
    /// A header cannot be sent.
    #[error("header {name:?} cannot be sent: {rule}")]
    Header {
        /// Its name as it was given.
        name: String,
        /// What it is to be.
        rule: &'static str,
    },
    /// The secret cannot be signed with.
    #[error("the secret cannot be signed with: {rule}")]
    Secret {
        /// What it is to be.
        rule: &'static str,
    },
    /// A number that is to be at least 1.
    #[error("{field} is 0: it is to be more")]
    Zero {
        /// Which.
        field: &'static str,
    },
    /// A certificate cannot be read.
    #[error(
        "root_certificates cannot be read: expected certificates as PEM, each from BEGIN to END CERTIFICATE"
    )]
    Certificates,
    /// The thread cannot be started.
    #[error("the thread that posts cannot be started: {0}")]
    Thread(#[source] std::io::Error),
}
