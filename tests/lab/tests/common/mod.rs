//! What the tests share: asking DNS, calling APIs, waiting for something to come true.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_net::client::Client;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tcp::TcpClientStream;
use hickory_net::udp::UdpClientStream;
use hickory_net::xfer::DnsHandle as _;
use hickory_proto::dnssec::{Algorithm, PublicKeyBuf, TrustAnchors};
use hickory_proto::op::{DnsRequestOptions, Edns, Message, Query};
use hickory_proto::rr::{Name, RecordType};
use rollout_lab::{Endpoints, Lab, LogEntry, Service};
use serde_json::{Value, json};

pub type UdpClient = Client<TokioRuntimeProvider>;

pub async fn udp(server: SocketAddr) -> UdpClient {
    let stream = UdpClientStream::builder(server, TokioRuntimeProvider::new()).build();
    let (client, background) = Client::from_sender(stream);
    tokio::spawn(background);
    client
}

pub async fn tcp(server: SocketAddr) -> UdpClient {
    let (stream, sender) = TcpClientStream::new(server, None, None, TokioRuntimeProvider::new());
    let (client, background) = Client::<TokioRuntimeProvider>::new(stream.await.unwrap(), sender);
    tokio::spawn(background);
    client
}

/// One question with DO, as a stub or to an authoritative server; the whole message.
pub async fn ask(client: &UdpClient, name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = true;
    let mut edns = Edns::new();
    edns.set_dnssec_ok(true)
        .set_max_payload(1232)
        .set_version(0);
    message.set_edns(edns);
    let request = hickory_proto::op::DnsRequest::new(message, DnsRequestOptions::default());
    use futures::StreamExt as _;
    client
        .send(request)
        .next()
        .await
        .unwrap()
        .unwrap()
        .into_message()
}

/// The root key as hickory wants it.
pub fn anchor(endpoints: &Endpoints) -> Arc<TrustAnchors> {
    use base64::Engine as _;
    let key = endpoints.trust_anchor.dnskey.rsplit(' ').next().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(key)
        .unwrap();
    let mut anchors = TrustAnchors::empty();
    anchors.insert(&PublicKeyBuf::new(bytes, Algorithm::ECDSAP256SHA256));
    Arc::new(anchors)
}

/// Waits until `is_true` holds; how long that took.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut is_true: F) -> Duration {
    let start = Instant::now();
    while !is_true().await {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "never came true: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    start.elapsed()
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A token for `https://<resource>/.default`.
pub async fn token(endpoints: &Endpoints, resource: &str) -> String {
    let (_, body) = sign_in(
        endpoints,
        &endpoints.tenant_id,
        &endpoints.client_secret,
        resource,
    )
    .await;
    body["access_token"].as_str().unwrap().to_owned()
}

pub async fn sign_in(e: &Endpoints, tenant: &str, secret: &str, resource: &str) -> (u16, Value) {
    let scope = format!("https://{resource}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", e.client_id.as_str()),
        ("client_secret", secret),
        ("scope", scope.as_str()),
    ];
    let url = format!("{}/{tenant}/oauth2/v2.0/token", e.authority);
    let reply = http().post(url).form(&form).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

/// Runs a cmdlet: status and body bytes, or the transport's error.
pub async fn raw_cmdlet(
    e: &Endpoints,
    token: &str,
    name: &str,
    parameters: Value,
) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let url = format!("{}/adminapi/beta/{}/InvokeCommand", e.exchange, e.tenant_id);
    let body = json!({"CmdletInput": {"CmdletName": name, "Parameters": parameters}});
    let reply = http()
        .post(url)
        .bearer_auth(token)
        .json(&body)
        .send()
        .await?;
    let status = reply.status().as_u16();
    Ok((status, reply.bytes().await?.to_vec()))
}

/// A cmdlet about one domain: status and JSON.
pub async fn cmdlet(e: &Endpoints, name: &str, domain: &str) -> (u16, Value) {
    let token = token(e, "outlook.office365.com").await;
    let parameters = if name == "Get-AcceptedDomain" {
        json!({"Identity": domain})
    } else {
        json!({"DomainName": domain})
    };
    let (status, body) = raw_cmdlet(e, &token, name, parameters).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// A call to the DNS provider: status and JSON (null if empty).
pub async fn provider(
    e: &Endpoints,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let url = format!("{}/api/v1/servers/localhost{path}", e.powerdns);
    let mut request = http()
        .request(method.parse().unwrap(), url)
        .header("X-API-Key", &e.powerdns_key);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    let bytes = reply.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// The body of a PATCH that replaces one set.
pub fn replace(name: &str, rtype: &str, ttl: u32, contents: &[&str]) -> Value {
    let records: Vec<Value> = contents
        .iter()
        .map(|content| json!({"content": content, "disabled": false}))
        .collect();
    json!({"rrsets": [{"name": name, "type": rtype, "ttl": ttl, "changetype": "REPLACE", "records": records}]})
}

pub async fn put_mx(e: &Endpoints, domain: &str, ttl: u32, contents: &[&str]) {
    let body = replace(&format!("{domain}."), "MX", ttl, contents);
    let (status, body) = provider(e, "PATCH", &format!("/zones/{domain}."), Some(body)).await;
    assert_eq!(status, 204, "{body}");
}

/// Effects at one service.
pub fn effects(lab: &Lab, service: Service) -> Vec<LogEntry> {
    lab.log()
        .into_iter()
        .filter(|l| l.service == service && l.effect)
        .collect()
}
