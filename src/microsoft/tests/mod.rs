//! Tests of the whole module: recorded shapes through the decoder, and every service played by a local server.

mod decoder;
mod exchange_reads;
mod exchange_routes;
mod exchange_writes;
mod fuzz;
mod graph;
mod laboratory;
mod manual;
mod pasted;
mod secrets;
mod shapes;
mod sign_in;
mod sign_in_machines;
mod sign_in_people;

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Cmdlet, Endpoint, Endpoints, Limits, Microsoft, MicrosoftSettings, SignInMethod};

pub(super) const SECRET: &str = "Xy8Q~very+secret&value=/1";
pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const TOKEN: &str = "eyJ0eXAiOiJKV1QifQ.eyJyb2xlcyI6W119.c2lnbmF0dXJlLXZhbHVl";

pub(super) fn method_with_secret() -> SignInMethod {
    SignInMethod::ClientSecret {
        client_id: "client-id-1".into(),
        secret: SecretString::from(SECRET),
    }
}

/// Short times, so that retries and time-outs pass at once.
pub(super) fn quick() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        read: Duration::from_secs(5),
        write: Duration::from_millis(400),
        attempts: 3,
        backoff: Duration::from_millis(2),
        longest_pause: Duration::from_millis(200),
    }
}

pub(super) fn settings(authority: &str, graph: &str, exchange: &str) -> MicrosoftSettings {
    let mut settings = MicrosoftSettings::new(TENANT, method_with_secret()).at(Endpoints {
        authority: Endpoint::new(authority).unwrap(),
        graph: Endpoint::new(graph).unwrap(),
        exchange: Endpoint::new(exchange).unwrap(),
    });
    settings.limits = quick();
    settings
}

/// A server that plays all three services; tokens are granted.
pub(super) async fn server() -> (MockServer, Microsoft) {
    let server = MockServer::start().await;
    grant(&server).await;
    let uri = server.uri();
    let microsoft = Microsoft::connect(&settings(&uri, &uri, &uri)).unwrap();
    (server, microsoft)
}

pub(super) fn token_path() -> String {
    format!("/{TENANT}/oauth2/v2.0/token")
}

pub(super) fn invoke_path() -> String {
    format!("/adminapi/beta/{TENANT}/InvokeCommand")
}

pub(super) fn token_answer() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}))
}

pub(super) async fn grant(server: &MockServer) {
    Mock::given(method("POST"))
        .and(path(token_path()))
        .respond_with(token_answer())
        .mount(server)
        .await;
}

/// How often a path was asked.
pub(super) async fn asked(server: &MockServer, wanted: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.url.path() == wanted)
        .count()
}

pub(super) fn rows(rows: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"@adminapi.warnings": [], "value": rows}))
}

pub(super) fn raw(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.as_bytes().to_vec(), "application/json")
}

pub(super) async fn answers(server: &MockServer, cmdlet: Cmdlet, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path(invoke_path()))
        .and(body_partial_json(
            json!({"CmdletInput": {"CmdletName": cmdlet.name()}}),
        ))
        .respond_with(answer)
        .mount(server)
        .await;
}

pub(super) async fn sent(server: &MockServer) -> usize {
    asked(server, &invoke_path()).await
}
