//! Configurations that cannot be followed.

use std::time::Duration;

use streamgauge_webhook::{WebhookConfig, WebhookCounts, WebhookError, Webhooks};

#[test]
fn what_a_program_holds_goes_to_any_thread() {
    fn is_shared<T: Clone + Send + Sync + std::fmt::Debug + Unpin + 'static>() {}
    is_shared::<Webhooks>();
    is_shared::<WebhookConfig>();
    is_shared::<WebhookCounts>();
    fn is_sent<T: std::error::Error + Send + Sync>() {}
    is_sent::<WebhookError>();
}

fn error(change: impl FnOnce(&mut WebhookConfig)) -> String {
    let mut config = WebhookConfig::new("http://127.0.0.1:1/");
    change(&mut config);
    Webhooks::start(config).unwrap_err().to_string()
}

#[test]
fn an_address_that_cannot_be_posted_to_is_named_with_what_it_is_to_be() {
    for (url, rule) in [
        ("", "it is no address"),
        ("not an address", "it is no address"),
        ("/closed", "it is to begin with http:// or https://"),
        ("ftp://example.org/", "it is to begin with http:// or https://"),
        (
            "http://user:password@example.org/",
            "a name and a password belong to the header authorization",
        ),
        #[cfg(not(feature = "tls"))]
        (
            "https://example.org/",
            "https needs the feature `tls` of streamgauge-webhook",
        ),
    ] {
        let told = error(|config| config.url = url.to_owned());
        assert_eq!(told, format!("url {url:?} cannot be posted to: {rule}"));
    }
}

#[test]
fn headers_and_bounds_are_checked_before_anything_is_posted() {
    let header =
        |name: &str, value: &str| error(|config| config.headers = vec![(name.to_owned(), value.to_owned())]);
    assert_eq!(
        header("a b", "x"),
        "header \"a b\" cannot be sent: it is no name of a header"
    );
    assert_eq!(
        header("x", "a\nb"),
        "header \"x\" cannot be sent: its value cannot be sent"
    );
    assert_eq!(
        header("Webhook-Id", "x"),
        "header \"Webhook-Id\" cannot be sent: requests have their own"
    );
    assert_eq!(
        error(|config| config.max_queued = 0),
        "max_queued is 0: it is to be more"
    );
    assert_eq!(
        error(|config| config.max_batch = 0),
        "max_batch is 0: it is to be more"
    );
    let told = error(|config| config.request_timeout = Duration::ZERO);
    assert_eq!(told, "request_timeout is 0: it is to be more");
    let told = error(|config| config.secret = Some("short".to_owned()));
    assert_eq!(
        told,
        "the secret cannot be signed with: it is to have 16 bytes or more"
    );
}

#[test]
fn what_is_secret_is_not_shown() {
    let mut config = WebhookConfig::new("http://127.0.0.1:1/");
    config.secret = Some("0123456789abcdef".to_owned());
    config.headers = vec![("authorization".to_owned(), "Bearer hidden".to_owned())];
    let shown = format!("{config:?}");
    assert!(
        shown.contains("is_signed: true") && shown.contains("authorization"),
        "{shown}"
    );
    assert!(
        !shown.contains("0123456789abcdef") && !shown.contains("hidden"),
        "{shown}"
    );
}
