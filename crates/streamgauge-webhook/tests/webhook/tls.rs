//! Receivers behind TLS, with a certificate of an authority of the test's own.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use streamgauge_webhook::{WebhookConfig, Webhooks};

use crate::receiver::{LONG, Receiver, Reply, close, metered};

/// A receiver that is who it says it is, its address, and its certificate as PEM.
fn receiver(name: &str) -> (Receiver, String, Vec<u8>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let receiver = Receiver::with(move |stream| {
        StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
    });
    let url = format!("https://localhost:{}/closed", receiver.address.port());
    (receiver, url, cert.pem().into_bytes())
}

#[test]
fn a_receiver_of_an_authority_that_is_named_gets_its_events() {
    let (receiver, url, authority) = receiver("localhost");
    let (collector, webhooks) = metered(&url, |config| config.root_certificates = Some(authority));
    close(&collector, "a", 1);
    assert_eq!(receiver.answer(Reply::Status(200)).ids(), ["a"]);
    assert_eq!(webhooks.stop(LONG).delivered, 1);
}

#[test]
fn a_receiver_that_nobody_vouches_for_or_that_is_another_gets_nothing() {
    let (_receiver, url, _) = receiver("localhost");
    let (_other, other_url, other_authority) = receiver("other.example.org");
    for (url, authority) in [(url, None), (other_url, Some(other_authority))] {
        let (collector, webhooks) = metered(&url, |config| {
            config.root_certificates = authority;
            config.deadline = Duration::from_millis(20);
        });
        close(&collector, "a", 1);
        let counts = webhooks.stop(LONG);
        assert_eq!((counts.delivered, counts.failed), (0, 1));
        let error = counts.last_error.unwrap();
        assert!(error.contains("certificate"), "{error}");
    }
}

#[test]
fn what_is_no_certificate_is_refused_at_the_start() {
    for pem in [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----",
    ] {
        let mut config = WebhookConfig::new("https://localhost/");
        config.root_certificates = Some(pem.as_bytes().to_vec());
        let error = Webhooks::start(config).unwrap_err().to_string();
        assert!(error.starts_with("root_certificates cannot be read"), "{error}");
    }
}
