//! A known secret and a known token must not be found in anything that is printed or logged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{SECRET, TOKEN, grant, invoke_path, settings, token_path};
use crate::microsoft::{Microsoft, redact};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_that_is_printed_or_logged_holds_a_secret() {
    // With a single subscriber, a callsite first reached on another test's thread would be switched off for all; a
    // second one keeps the question open.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let log = Log::default();
    let writer = log.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let server = MockServer::start().await;
    grant(&server).await;
    // A service that echoes everything it was sent, in an error.
    let echo = |request: &Request| {
        let sent = format!(
            "{:?} {}",
            request.headers,
            String::from_utf8_lossy(&request.body)
        );
        ResponseTemplate::new(400).set_body_json(json!({"error": {"code": "B", "message": sent}}))
    };
    Mock::given(path(invoke_path()))
        .respond_with(echo)
        .mount(&server)
        .await;
    let uri = server.uri();
    let settings = settings(&uri, &uri, &uri);
    let microsoft = Microsoft::connect(&settings).unwrap();
    let mut printed = format!("{settings:?} {microsoft:?}");
    for result in [
        microsoft
            .exchange
            .enable_dane("contoso.com")
            .await
            .map(|_| ()),
        microsoft.exchange.accepted_domains().await.map(|_| ()),
        microsoft.graph.domain("contoso.com").await.map(|_| ()),
    ] {
        let error = result.unwrap_err();
        printed.push_str(&format!("{error} {error:?} {error:#?}"));
        printed.push_str(&serde_json::to_string(&error.call()).unwrap());
    }
    // An authority that echoes the form.
    server.reset().await;
    Mock::given(path(token_path()))
        .respond_with(|request: &Request| {
            ResponseTemplate::new(400).set_body_json(json!({
                "error": "invalid_request",
                "error_description": format!("AADSTS900144: {}", String::from_utf8_lossy(&request.body)),
            }))
        })
        .mount(&server)
        .await;
    let microsoft = Microsoft::connect(&settings).unwrap();
    let error = microsoft.sign_in().await.unwrap_err();
    printed.push_str(&format!("{error} {error:?} {microsoft:?}"));
    // One that echoes it outside JSON.
    server.reset().await;
    Mock::given(path(token_path()))
        .respond_with(|request: &Request| {
            ResponseTemplate::new(500).set_body_bytes(request.body.clone())
        })
        .mount(&server)
        .await;
    let error = Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap_err();
    printed.push_str(&format!("{error} {error:?}"));

    printed.push_str(&String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert!(printed.contains("signed in"), "the log was captured");
    for (name, secret) in [
        ("secret", SECRET),
        ("encoded secret", "Xy8Q%7Every%2Bsecret"),
        ("token", TOKEN),
    ] {
        if let Some(at) = printed.find(secret) {
            let near: String = printed[..at]
                .chars()
                .rev()
                .take(120)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            panic!("the {name} was printed after: {near}");
        }
    }
    assert!(!redact::scrub(&printed, SECRET).contains(SECRET));
}
