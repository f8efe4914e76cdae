//! Posts requests. The one file that names ureq, but for its names of headers.

use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Response, Uri, header};

use crate::batch::Batch;
use crate::clock;
use crate::config::{WebhookConfig, WebhookError};
use crate::signature::Secret;

/// What is read of an answer, so that its connection can be used again.
const MAX_ANSWER: u64 = 64 * 1024;

/// Posts requests to one address.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    url: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    secret: Option<Secret>,
}

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Delivered,
    /// It may go better later; after so long, if the receiver said so.
    Again(String, Option<Duration>),
    /// It will not.
    Refused(String),
}

impl Client {
    pub(crate) fn new(config: &WebhookConfig) -> Result<Self, WebhookError> {
        let builder = Agent::config_builder()
            .user_agent(concat!("streamgauge-webhook/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None);
        #[cfg(feature = "tls")]
        let builder = builder.tls_config(tls::config(config.root_certificates.as_deref())?);
        Ok(Self {
            agent: builder.build().into(),
            url: config.checked_url()?,
            headers: config.checked_headers()?,
            secret: config.checked_secret()?,
        })
    }

    /// Posts a request once.
    pub(crate) fn attempt(&self, batch: &Batch, timeout: Duration) -> Attempt {
        let timestamp = clock::unix_seconds();
        let mut request = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &batch.id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("idempotency-key", &batch.id);
        if let Some(secret) = &self.secret {
            let signature = secret.sign(&batch.id, timestamp, &batch.body);
            request = request.header("webhook-signature", signature);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match request.send(&batch.body[..]) {
            Ok(mut answer) => {
                let attempt = judge(&answer);
                // What it says does not matter, nor whether it ends in time: it was answered.
                let _rest = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
                attempt
            }
            Err(error) => Attempt::Again(error.to_string(), None),
        }
    }
}

fn judge<B>(answer: &Response<B>) -> Attempt {
    let status = answer.status();
    let error = || format!("the receiver answered {status}");
    match status.as_u16() {
        200..=299 => Attempt::Delivered,
        408 | 425 | 429 | 500..=599 => {
            let asked_for = answer.headers().get(header::RETRY_AFTER);
            let seconds = asked_for.and_then(|asked| asked.to_str().ok()?.trim().parse().ok());
            Attempt::Again(error(), seconds.map(Duration::from_secs))
        }
        _ => Attempt::Refused(error()),
    }
}

#[cfg(feature = "tls")]
mod tls {
    use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

    use crate::config::WebhookError;

    /// Trusts these authorities, or those that browsers do.
    pub(super) fn config(root_certificates: Option<&[u8]>) -> Result<TlsConfig, WebhookError> {
        let Some(pem) = root_certificates else {
            return Ok(TlsConfig::default());
        };
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|_| WebhookError::Certificates)? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(WebhookError::Certificates);
        }
        let roots = RootCerts::from(certificates);
        Ok(TlsConfig::builder().root_certs(roots).build())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ureq::http::Response;

    use super::{Attempt, judge};

    fn answer(status: u16, retry_after: Option<&str>) -> Attempt {
        let mut answer = Response::builder().status(status);
        if let Some(value) = retry_after {
            answer = answer.header("retry-after", value);
        }
        judge(&answer.body(()).unwrap())
    }

    #[test]
    fn an_answer_delivers_asks_again_or_refuses() {
        for status in [200, 202, 204, 299] {
            assert_eq!(answer(status, None), Attempt::Delivered);
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(
                matches!(answer(status, None), Attempt::Again(_, None)),
                "{status}"
            );
        }
        for status in [301, 302, 307, 304, 400, 401, 404, 410, 422] {
            assert!(matches!(answer(status, None), Attempt::Refused(_)), "{status}");
        }
    }

    #[test]
    fn a_receiver_says_when_to_come_back() {
        let again = |value| match answer(503, Some(value)) {
            Attempt::Again(_, asked_for) => asked_for,
            other => panic!("{other:?}"),
        };
        assert_eq!(again("7"), Some(Duration::from_secs(7)));
        assert_eq!(again(" 0 "), Some(Duration::ZERO));
        for odd in [
            "-1",
            "soon",
            "Fri, 31 Dec 2027 23:59:59 GMT",
            "99999999999999999999999",
        ] {
            assert_eq!(again(odd), None, "{odd}");
        }
    }
}
