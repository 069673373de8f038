//! What goes over the wire, and what does not.

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::failure::COMPLAINT;
use super::*;
use crate::find;

const SECRET: &str = "synthetic-secret-4711";

async fn http(server: &MockServer, read_retries: u32) -> (Http, Counter) {
    let options = Options {
        read_retries,
        timeout: Duration::from_secs(2),
        ..Options::default()
    };
    let header = ("x-api-key", "", SECRET.to_owned().into());
    (
        Http::new(
            find("powerdns").unwrap(),
            &server.uri(),
            &[header],
            |_, _| Explained::default(),
            &options,
        )
        .unwrap(),
        options.counter,
    )
}

fn request(http: &Http, call: Call) -> Request {
    let method = if call.is_write() {
        Method::PATCH
    } else {
        Method::GET
    };
    http.request(call, "do it", method, &["zones", "a/../b c"])
        .query(&[("name", "a&b")])
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn a_read_waits_as_it_is_told_and_asks_again() {
    let server = MockServer::start().await;
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(any())
        .respond_with(throttled)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_string("7"))
        .mount(&server)
        .await;
    let (http, counter) = http(&server, 2).await;
    let begin = std::time::Instant::now();
    assert_eq!(http.json::<u8>(&request(&http, Call::Read)).await, Ok(7));
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(counter.calls()[&Call::Read], 3);
}

#[tokio::test]
async fn a_long_wait_is_the_callers() {
    let server = answering(ResponseTemplate::new(429).insert_header("retry-after", "300")).await;
    let (http, counter) = http(&server, 2).await;
    let error = http.send(&request(&http, Call::Read)).await.unwrap_err();
    assert_eq!(
        (error.kind, counter.total()),
        (Kind::Throttled(Some(Duration::from_secs(300))), 1)
    );
}

#[tokio::test]
async fn a_write_is_never_sent_again() {
    for (status, kind) in [
        (429, Kind::Throttled(Some(Duration::ZERO))),
        (500, Kind::Unknown),
        (502, Kind::Unknown),
        (503, Kind::Unknown),
        (504, Kind::Unknown),
    ] {
        let server =
            answering(ResponseTemplate::new(status).insert_header("retry-after", "0")).await;
        let (http, counter) = http(&server, 2).await;
        let error = http.send(&request(&http, Call::Write)).await.unwrap_err();
        assert_eq!((error.kind, counter.writes()), (kind, 1), "{error}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_unknown_for_a_write_only() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await;
    let (http, _) = http(&server, 0).await;
    assert_eq!(
        http.send(&request(&http, Call::WriteSigning))
            .await
            .unwrap_err()
            .kind,
        Kind::Unknown
    );
    assert_eq!(
        http.send(&request(&http, Call::ReadSigning))
            .await
            .unwrap_err()
            .kind,
        Kind::Transient
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_unknown_for_a_write_only() {
    let server = answering(ResponseTemplate::new(200).set_body_string("<html>")).await;
    let (http, _) = http(&server, 0).await;
    assert_eq!(
        http.json::<u8>(&request(&http, Call::Write))
            .await
            .unwrap_err()
            .kind,
        Kind::Unknown
    );
    assert_eq!(
        http.json::<u8>(&request(&http, Call::Read))
            .await
            .unwrap_err()
            .kind,
        Kind::Protocol
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(ResponseTemplate::new(200)).await;
    let server =
        answering(ResponseTemplate::new(307).insert_header("location", elsewhere.uri())).await;
    let (http, _) = http(&server, 0).await;
    let error = http.send(&request(&http, Call::Write)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol, "{error}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_server_echoes_shows_no_secret_and_commands_no_terminal() {
    let server = MockServer::start().await;
    let echo = ResponseTemplate::new(400)
        .insert_header("x-request-id", SECRET)
        .set_body_string(SECRET);
    Mock::given(any()).respond_with(echo).mount(&server).await;
    let options = Options {
        read_retries: 0,
        ..Options::default()
    };
    let echoing: Explain = |_, body| Explained {
        kind: None,
        code: Some(String::from_utf8_lossy(body).into()),
        message: Some(format!("\x1b[2J{}\u{202e}", String::from_utf8_lossy(body)).repeat(100)),
    };
    let http = Http::new(
        find("powerdns").unwrap(),
        &server.uri(),
        &[("x-api-key", "", SECRET.to_owned().into())],
        echoing,
        &options,
    )
    .unwrap();
    let error = http.send(&request(&http, Call::Read)).await.unwrap_err();
    let said = format!("{error} {error:?} {http:?}");
    assert!(
        !said.contains(SECRET) && !said.contains('\x1b') && error.message.chars().count() <= 501,
        "{said}"
    );
}

#[tokio::test]
async fn names_cannot_climb_out_of_their_place() {
    let server = answering(ResponseTemplate::new(200)).await;
    let (http, _) = http(&server, 0).await;
    http.send(&request(&http, Call::Read)).await.unwrap();
    let seen = &server.received_requests().await.unwrap()[0];
    assert_eq!(
        (seen.url.path(), seen.url.query()),
        ("/zones/a%2F..%2Fb%20c", Some("name=a%26b"))
    );
    assert_eq!(seen.headers["x-api-key"], SECRET);
}

#[tokio::test]
async fn an_endless_complaint_is_cut() {
    let server = answering(ResponseTemplate::new(400).set_body_bytes(vec![b'x'; 4 << 20])).await;
    let options = Options::default();
    let length: Explain = |_, body| Explained {
        message: Some(body.len().to_string()),
        ..Explained::default()
    };
    let http = Http::new(
        find("powerdns").unwrap(),
        &server.uri(),
        &[],
        length,
        &options,
    )
    .unwrap();
    let error = http.send(&request(&http, Call::Read)).await.unwrap_err();
    assert_eq!(error.message, COMPLAINT.to_string());
}
