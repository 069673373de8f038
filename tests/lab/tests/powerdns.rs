//! The DNS provider's API: reading, strict writing, signing, faults.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod common;

use std::time::Duration;

use common::{ask, effects, eventually, http, provider, put_mx, replace, udp};
use hickory_proto::rr::RecordType;
use rollout_lab::{DomainSeed, Endpoints, Lab, Options, ProviderFaultKind, Service};
use serde_json::{Value, json};

const ZONE: &str = "/zones/contoso.com.";

fn lab() -> (Lab, Endpoints) {
    let mut options = Options::with_domains([
        DomainSeed::ordinary("contoso.com").without_cds(),
        DomainSeed::gallery().swap_remove(4),
    ]);
    options.timing.parent_hold = Duration::from_secs(1);
    let lab = Lab::start(options).unwrap();
    let endpoints = lab.endpoints().unwrap();
    (lab, endpoints)
}

async fn mx(e: &Endpoints) -> Value {
    let path = format!("{ZONE}?rrset_name=contoso.com.&rrset_type=MX");
    provider(e, "GET", &path, None).await.1["rrsets"].clone()
}

#[tokio::test]
async fn a_round_trip_changes_what_is_served() {
    let (lab, e) = lab();
    let (_, zones) = provider(&e, "GET", "/zones", None).await;
    assert_eq!(
        zones.as_array().unwrap().len(),
        1,
        "Microsoft's own zones are not at the provider"
    );
    let before = mx(&e).await;
    assert_eq!(
        before[0]["records"][0]["content"],
        "0 contoso-com.mail.protection.outlook.com."
    );
    let serial = provider(&e, "GET", ZONE, None).await.1["serial"]
        .as_u64()
        .unwrap();
    put_mx(
        &e,
        "contoso.com",
        5,
        &[
            "0 contoso-com.mail.protection.outlook.com.",
            "20 mx1.filter-service.net.",
        ],
    )
    .await;
    let after = mx(&e).await;
    assert_eq!(
        (
            after[0]["ttl"].as_u64(),
            after[0]["records"].as_array().unwrap().len()
        ),
        (Some(5), 2)
    );
    assert!(
        provider(&e, "GET", ZONE, None).await.1["serial"]
            .as_u64()
            .unwrap()
            > serial
    );
    let client = udp(lab.servers_of("contoso.com")[0]).await;
    assert_eq!(
        ask(&client, "contoso.com.", RecordType::MX)
            .await
            .answers
            .len(),
        2
    );
    let delete =
        json!({"rrsets": [{"name": "www.contoso.com.", "type": "A", "changetype": "DELETE"}]});
    assert_eq!(provider(&e, "PATCH", ZONE, Some(delete)).await.0, 204);
    assert_eq!(effects(&lab, Service::PowerDns).len(), 2);
}

#[tokio::test]
async fn strict_as_the_real_one() {
    let (lab, e) = lab();
    let set = |name: &str, rtype: &str, content: &str| replace(name, rtype, 5, &[content]);
    let mut with_ttl = json!({"rrsets": [{"name": "www.contoso.com.", "type": "A", "ttl": 5, "changetype": "DELETE"}]});
    let bad = [
        set("contoso.com", "MX", "0 a.example."),
        set("contoso.com.", "MX", "0 a.example"),
        set("contoso.com.", "MX", "a.example."),
        set("www.fabrikam.ch.", "A", "192.0.2.1"),
        set("notcontoso.com.", "A", "192.0.2.1"),
        set("www.contoso.com.", "A", "192.0.2.999"),
        set("www.contoso.com.", "CNAME", "a.example."),
        set("txt.contoso.com.", "TXT", "not quoted"),
        set("a b.contoso.com.", "A", "192.0.2.1"),
        set("www.contoso.com.", "NOTATYPE", "x"),
        json!({"rrsets": [{"name": "www.contoso.com.", "type": "A", "changetype": "UPSERT"}]}),
        json!({"rrsets": [{"name": "www.contoso.com.", "type": "A", "changetype": "REPLACE",
            "records": [{"content": "192.0.2.1", "disabled": false}]}]}),
        with_ttl.take(),
    ];
    for body in bad {
        let (status, reply) = provider(&e, "PATCH", ZONE, Some(body.clone())).await;
        assert_eq!(status, 422, "{body}");
        assert!(reply["error"].is_string(), "{reply}");
    }
    // One bad set spoils the whole request.
    let mut body = replace("good.contoso.com.", "A", 5, &["192.0.2.1"]);
    let more = replace("www.elsewhere.net.", "A", 5, &["192.0.2.1"]);
    body["rrsets"]
        .as_array_mut()
        .unwrap()
        .push(more["rrsets"][0].clone());
    assert_eq!(provider(&e, "PATCH", ZONE, Some(body)).await.0, 422);
    let (_, found) = provider(
        &e,
        "GET",
        &format!("{ZONE}?rrset_name=good.contoso.com."),
        None,
    )
    .await;
    assert_eq!(found["rrsets"], json!([]));
    assert_eq!(provider(&e, "GET", "/zones/contoso.com", None).await.0, 404);
    assert_eq!(
        provider(&e, "GET", "/zones/contoso.onmicrosoft.com.", None)
            .await
            .0,
        404
    );
    let url = format!("{}/api/v1/servers/localhost/zones", e.powerdns);
    let reply = http()
        .get(url)
        .header("X-API-Key", "wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(reply.status().as_u16(), 401);
    assert!(effects(&lab, Service::PowerDns).is_empty());
}

#[tokio::test]
async fn keys_and_cds() {
    let (lab, e) = lab();
    let (_, none) = provider(&e, "GET", &format!("{ZONE}/cryptokeys"), None).await;
    assert_eq!(none, json!([]));
    let body = json!({"keytype": "csk", "active": true, "published": true});
    let (status, made) = provider(&e, "POST", &format!("{ZONE}/cryptokeys"), Some(body)).await;
    assert_eq!((status, made["id"].as_u64()), (201, Some(1)));
    let (_, keys) = provider(&e, "GET", &format!("{ZONE}/cryptokeys"), None).await;
    let key = &keys[0];
    assert!(
        key.get("privatekey").is_none() && key.get("cds").is_none(),
        "{key}"
    );
    assert!(key["dnskey"].as_str().unwrap().starts_with("257 3 13 "));
    let body = json!({"kind": "PUBLISH-CDS", "metadata": ["2"]});
    assert_eq!(
        provider(&e, "POST", &format!("{ZONE}/metadata"), Some(body))
            .await
            .0,
        201
    );
    let (_, keys) = provider(&e, "GET", &format!("{ZONE}/cryptokeys"), None).await;
    assert_eq!(keys[0]["cds"][0], keys[0]["ds"][0]);
    let client = udp(e.resolvers[0]).await;
    eventually("DS at the parent by CDS", async || {
        let answer = ask(&client, "contoso.com.", RecordType::DS).await;
        answer
            .answers
            .iter()
            .any(|r| r.record_type() == RecordType::DS)
    })
    .await;
    assert_eq!(effects(&lab, Service::Parent).len(), 1);
    let (_, zone) = provider(&e, "GET", ZONE, None).await;
    assert_eq!(zone["dnssec"], true);
    let withdraw = json!({"metadata": ["0"]});
    let path = format!("{ZONE}/metadata/PUBLISH-CDS");
    assert_eq!(provider(&e, "PUT", &path, Some(withdraw)).await.0, 200);
    eventually("no DS after the wish to withdraw it", async || {
        let answer = ask(&client, "contoso.com.", RecordType::DS).await;
        answer.answers.is_empty() && answer.metadata.authentic_data
    })
    .await;
    let bad = json!({"published": true});
    assert_eq!(
        provider(&e, "PUT", &format!("{ZONE}/cryptokeys/1"), Some(bad))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn faults_of_the_provider() {
    let (lab, e) = lab();
    let url = format!("{}/api/v1/servers/localhost{ZONE}", e.powerdns);
    let write = async |name: &str| {
        http()
            .patch(&url)
            .header("X-API-Key", &e.powerdns_key)
            .json(&replace(name, "A", 5, &["192.0.2.1"]))
            .send()
            .await
    };
    let set = |kind| lab.change_faults(|f| f.provider("PATCH zone", kind, 1));
    set(ProviderFaultKind::ServerError);
    assert_eq!(
        write("a.contoso.com.").await.unwrap().status().as_u16(),
        500
    );
    set(ProviderFaultKind::Throttled {
        retry_after: "1".to_owned(),
    });
    assert_eq!(
        write("a.contoso.com.").await.unwrap().status().as_u16(),
        429
    );
    assert!(effects(&lab, Service::PowerDns).is_empty());
    set(ProviderFaultKind::ReplyLost);
    assert!(write("a.contoso.com.").await.is_err());
    assert_eq!(effects(&lab, Service::PowerDns).len(), 1);
    set(ProviderFaultKind::AppliesLate(Duration::from_millis(600)));
    assert_eq!(
        write("b.contoso.com.").await.unwrap().status().as_u16(),
        204
    );
    let client = udp(lab.servers_of("contoso.com")[0]).await;
    assert_eq!(
        ask(&client, "a.contoso.com.", RecordType::A)
            .await
            .answers
            .len(),
        1
    );
    assert!(
        ask(&client, "b.contoso.com.", RecordType::A)
            .await
            .answers
            .is_empty()
    );
    eventually("served late", async || {
        ask(&client, "b.contoso.com.", RecordType::A)
            .await
            .answers
            .len()
            == 1
    })
    .await;
}
