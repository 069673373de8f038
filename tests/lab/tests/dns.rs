//! The signed tree, judged by hickory's validator and by the laboratory's own.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod common;

use std::time::Duration;

use common::{anchor, ask, eventually, provider, put_mx, replace, tcp, udp};
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::xfer::{DnsHandle as _, FirstAnswer as _};
use hickory_proto::dnssec::Proof;
use hickory_proto::op::{DnsRequestOptions, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use rollout_lab::{DomainKind, DomainSeed, Edit, Lab, Options, RecordSet, Timing};
use serde_json::json;

fn quick() -> Timing {
    Timing {
        record_ttl: 2,
        negative_ttl: 1,
        ds_ttl: 1,
        dnskey_ttl: 1,
        microsoft_ttl: 1,
        parent_scan: Duration::from_millis(300),
        parent_hold: Duration::from_secs(2),
        parent_batch: Duration::from_millis(200),
        cmdlet: Duration::from_millis(100),
        new_host: Duration::from_millis(100),
        tlsa: Duration::from_millis(300),
        bogus_memory: Duration::from_millis(200),
        ..Timing::default()
    }
}

fn lab(domains: Vec<DomainSeed>) -> Lab {
    let mut options = Options::with_domains(domains);
    options.timing = quick();
    Lab::start(options).unwrap()
}

/// Hickory's own verdict about the records of an answer, asked through the first resolver.
async fn proofs(lab: &Lab, name: &str, kind: RecordType) -> Vec<Proof> {
    let e = lab.endpoints().unwrap();
    let client = udp(e.resolvers[0]).await;
    let handle = DnssecDnsHandle::with_trust_anchor(client, anchor(&e));
    let query = Query::query(Name::from_ascii(name).unwrap(), kind);
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    options.edns_set_dnssec_ok = true;
    let answer = handle.lookup(query, options).first_answer().await.unwrap();
    answer
        .answers
        .iter()
        .filter(|r| r.record_type() == kind)
        .map(|r| r.proof)
        .collect()
}

fn new_host(lab: &Lab, domain: &str) -> String {
    let set = lab.record_set(domain, domain, "MX").unwrap();
    set.contents[0].split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn the_new_host_and_its_tlsa_are_secure_for_hickory() {
    let lab = lab(vec![DomainSeed::new("adatum.com", DomainKind::Finished)]);
    let host = new_host(&lab, "adatum.com");
    assert!(host.ends_with("-v1.mx.microsoft."), "{host}");
    for (name, kind, count) in [
        ("adatum.com.".to_owned(), RecordType::MX, 1),
        (host.clone(), RecordType::A, 2),
        (format!("_25._tcp.{host}"), RecordType::TLSA, 2),
    ] {
        assert_eq!(
            proofs(&lab, &name, kind).await,
            vec![Proof::Secure; count],
            "{name} {kind}"
        );
    }
}

#[tokio::test]
async fn a_zone_becomes_secure_after_signing_and_ds_by_cds() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com")]);
    let e = lab.endpoints().unwrap();
    assert_eq!(
        proofs(&lab, "contoso.com.", RecordType::MX).await,
        vec![Proof::Insecure]
    );
    let body = json!({"dnssec": true, "api_rectify": true});
    assert_eq!(
        provider(&e, "PUT", "/zones/contoso.com.", Some(body))
            .await
            .0,
        204
    );
    let client = udp(e.resolvers[0]).await;
    eventually("AD for the zone's MX", async || {
        ask(&client, "contoso.com.", RecordType::MX)
            .await
            .metadata
            .authentic_data
    })
    .await;
    assert_eq!(
        proofs(&lab, "contoso.com.", RecordType::MX).await,
        vec![Proof::Secure]
    );
}

#[tokio::test]
async fn a_downstream_validator_never_meets_an_unsigned_answer_under_a_ds() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com")]);
    let e = lab.endpoints().unwrap();
    let client = udp(e.resolvers[0]).await;
    let signed = async || {
        let answer = ask(&client, "contoso.com.", RecordType::MX).await;
        answer
            .answers
            .iter()
            .any(|r| r.record_type() == RecordType::RRSIG)
    };
    assert!(!signed().await, "the cache holds the unsigned answer");
    provider(
        &e,
        "PUT",
        "/zones/contoso.com.",
        Some(json!({"dnssec": true})),
    )
    .await;
    eventually("the DS at the parent", async || {
        let signed = signed().await;
        let ds = lab.record_set("com", "contoso.com", "DS").is_some();
        assert!(
            signed || !ds,
            "a DS before the cache had forgotten the unsigned answer"
        );
        ds
    })
    .await;
}

#[tokio::test]
async fn without_cds_nothing_happens_until_a_person_carries_the_ds() {
    let lab = lab(vec![DomainSeed::ordinary("fabrikam.ch").without_cds()]);
    let e = lab.endpoints().unwrap();
    provider(
        &e,
        "PUT",
        "/zones/fabrikam.ch.",
        Some(json!({"dnssec": true})),
    )
    .await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let client = udp(e.resolvers[1]).await;
    assert!(
        ask(&client, "fabrikam.ch.", RecordType::DS)
            .await
            .answers
            .is_empty()
    );
    lab.publish_ds("fabrikam.ch").unwrap();
    eventually("AD", async || {
        ask(&client, "fabrikam.ch.", RecordType::MX)
            .await
            .metadata
            .authentic_data
    })
    .await;
}

#[tokio::test]
async fn the_legacy_zone_is_insecure_and_does_not_know_tlsa() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com").signed()]);
    let e = lab.endpoints().unwrap();
    let legacy = "contoso-com.mail.protection.outlook.com.";
    let resolver = udp(e.resolvers[0]).await;
    let answer = ask(&resolver, legacy, RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert!(!answer.metadata.authentic_data && answer.answers.len() == 2);
    let server = lab.servers_of("mail.protection.outlook.com")[0];
    for client in [udp(server).await, tcp(server).await] {
        for kind in [
            RecordType::TLSA,
            RecordType::DS,
            RecordType::DNSKEY,
            RecordType::SVCB,
        ] {
            let answer = ask(&client, &format!("_25._tcp.{legacy}"), kind).await;
            assert_eq!(
                answer.metadata.response_code,
                ResponseCode::NotImp,
                "{kind}"
            );
            assert!(answer.edns.is_none());
        }
    }
    let through = ask(&resolver, &format!("_25._tcp.{legacy}"), RecordType::TLSA).await;
    assert_eq!(through.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn absence_is_proven_at_every_server() {
    let lab = lab(vec![DomainSeed::new("proseware.ch", DomainKind::Moved)]);
    let host = new_host(&lab, "proseware.ch");
    let partition = host.split_once('.').unwrap().1.to_owned();
    let e = lab.endpoints().unwrap();
    let owner = format!("_25._tcp.{host}");
    for server in lab.servers_of(&partition) {
        let answer = ask(&udp(server).await, &owner, RecordType::TLSA).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
        assert!(answer.metadata.authoritative);
        assert!(
            answer
                .authorities
                .iter()
                .any(|r| r.record_type() == RecordType::NSEC)
        );
    }
    for resolver in &e.resolvers {
        let client = udp(*resolver).await;
        for (name, kind, code) in [
            (owner.as_str(), RecordType::TLSA, ResponseCode::NXDomain),
            (host.as_str(), RecordType::TLSA, ResponseCode::NoError),
            ("proseware.ch.", RecordType::CAA, ResponseCode::NoError),
            (
                "nothing.here.proseware.ch.",
                RecordType::A,
                ResponseCode::NXDomain,
            ),
            (
                "smtpdane.mx.microsoft.",
                RecordType::A,
                ResponseCode::NoError,
            ),
        ] {
            let answer = ask(&client, name, kind).await;
            assert_eq!(answer.metadata.response_code, code, "{name}");
            assert!(
                answer.metadata.authentic_data,
                "{name} is not proven absent"
            );
        }
    }
}

#[tokio::test]
async fn bogus_is_servfail_unless_checking_is_disabled() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com").signed()]);
    let e = lab.endpoints().unwrap();
    lab.change_faults(|f| {
        f.bogus_zones.insert("contoso.com".to_owned());
    });
    let client = udp(e.resolvers[0]).await;
    let answer = ask(&client, "contoso.com.", RecordType::MX).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    let mut message = hickory_proto::op::Message::query();
    message.add_query(Query::query(
        Name::from_ascii("contoso.com.").unwrap(),
        RecordType::MX,
    ));
    message.metadata.checking_disabled = true;
    let request = hickory_proto::op::DnsRequest::new(message, DnsRequestOptions::default());
    let unchecked = client.send(request).first_answer().await.unwrap();
    assert_eq!(unchecked.answers.len(), 1);
    assert!(!unchecked.metadata.authentic_data);
    lab.change_faults(|f| f.bogus_zones.clear());
    eventually("right again", async || {
        ask(&client, "contoso.com.", RecordType::MX)
            .await
            .metadata
            .authentic_data
    })
    .await;
}

#[tokio::test]
async fn unsigning_under_a_ds_breaks_the_zone_and_a_wrong_ds_does_too() {
    let lab = lab(vec![
        DomainSeed::ordinary("contoso.com").signed().without_cds(),
        DomainSeed::ordinary("fabrikam.ch").signed().without_cds(),
    ]);
    let e = lab.endpoints().unwrap();
    let client = udp(e.resolvers[0]).await;
    provider(
        &e,
        "PUT",
        "/zones/contoso.com.",
        Some(json!({"dnssec": false})),
    )
    .await;
    let wrong = format!("1 13 2 {}", "ab".repeat(32));
    lab.set_ds("fabrikam.ch", &[wrong]).unwrap();
    for domain in ["contoso.com.", "fabrikam.ch."] {
        eventually("SERVFAIL", async || {
            ask(&client, domain, RecordType::MX)
                .await
                .metadata
                .response_code
                == ResponseCode::ServFail
        })
        .await;
    }
    lab.set_ds("contoso.com", &[]).unwrap();
    eventually("insecure again", async || {
        ask(&client, "contoso.com.", RecordType::MX)
            .await
            .answers
            .len()
            == 1
    })
    .await;
}

#[tokio::test]
async fn ttls_count_down_in_a_resolver_and_stay_as_stored_at_a_server() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com")]);
    let e = lab.endpoints().unwrap();
    put_mx(&e, "contoso.com", 30, &["10 mx1.filter-service.net."]).await;
    let server = udp(lab.servers_of("contoso.com")[0]).await;
    let resolver = udp(e.resolvers[2]).await;
    ask(&resolver, "contoso.com.", RecordType::A).await;
    eventually("both servers", async || {
        let second = udp(lab.servers_of("contoso.com")[1]).await;
        ask(&second, "contoso.com.", RecordType::MX).await.answers[0].ttl == 30
    })
    .await;
    assert_eq!(
        ask(&resolver, "contoso.com.", RecordType::MX).await.answers[0].ttl,
        30
    );
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(
        ask(&resolver, "contoso.com.", RecordType::MX).await.answers[0].ttl,
        28
    );
    assert_eq!(
        ask(&server, "contoso.com.", RecordType::MX).await.answers[0].ttl,
        30
    );
}

#[tokio::test]
async fn a_cached_answer_outlives_the_change_by_exactly_its_ttl() {
    let lab = lab(vec![
        DomainSeed::ordinary("contoso.com").lagging(Duration::ZERO),
    ]);
    let e = lab.endpoints().unwrap();
    let resolver = udp(e.resolvers[0]).await;
    let host = |m: &hickory_proto::op::Message| match &m.answers[0].data {
        RData::MX(mx) => mx.exchange.to_ascii(),
        other => panic!("{other}"),
    };
    let old = host(&ask(&resolver, "contoso.com.", RecordType::MX).await);
    put_mx(&e, "contoso.com", 2, &["10 mx1.filter-service.net."]).await;
    assert_eq!(
        host(&ask(&resolver, "contoso.com.", RecordType::MX).await),
        old
    );
    let took = eventually("the new answer", async || {
        host(&ask(&resolver, "contoso.com.", RecordType::MX).await) != old
    })
    .await;
    assert!(
        took > Duration::from_millis(1500) && took < Duration::from_millis(3000),
        "{took:?}"
    );
}

#[tokio::test]
async fn the_second_server_lags_and_can_be_stuck() {
    let lab = lab(vec![
        DomainSeed::ordinary("contoso.com").lagging(Duration::from_millis(700)),
    ]);
    let e = lab.endpoints().unwrap();
    let servers = lab.servers_of("contoso.com");
    let (first, second) = (udp(servers[0]).await, udp(servers[1]).await);
    let has = async |client: &common::UdpClient, name: &str| {
        !ask(client, name, RecordType::TXT).await.answers.is_empty()
    };
    let body = replace("new.contoso.com.", "TXT", 5, &["\"here\""]);
    provider(&e, "PATCH", "/zones/contoso.com.", Some(body)).await;
    assert!(has(&first, "new.contoso.com.").await && !has(&second, "new.contoso.com.").await);
    let took = eventually("second server", async || {
        has(&second, "new.contoso.com.").await
    })
    .await;
    assert!(took > Duration::from_millis(400), "{took:?}");
    lab.change_faults(|f| {
        f.stale_zones.insert("contoso.com".to_owned());
    });
    let edit = Edit::Replace(RecordSet::new(
        "drift.contoso.com",
        "TXT",
        5,
        ["\"a person\""],
    ));
    lab.edit_zone("contoso.com", &[edit]).unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(has(&first, "drift.contoso.com.").await && !has(&second, "drift.contoso.com.").await);
    lab.change_faults(|f| f.stale_zones.clear());
    eventually("caught up", async || {
        has(&second, "drift.contoso.com.").await
    })
    .await;
}

#[tokio::test]
async fn a_failing_resolver_a_slow_world_and_aliases_out_of_the_zone() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com").signed()]);
    let e = lab.endpoints().unwrap();
    lab.change_faults(|f| {
        f.resolvers_failing.insert(0);
        f.dns_delay = Duration::from_millis(150);
    });
    let failing = ask(&udp(e.resolvers[0]).await, "contoso.com.", RecordType::A).await;
    assert_eq!(failing.metadata.response_code, ResponseCode::ServFail);
    let start = std::time::Instant::now();
    let alias = ask(
        &udp(e.resolvers[1]).await,
        "autodiscover.contoso.com.",
        RecordType::A,
    )
    .await;
    assert!(start.elapsed() > Duration::from_millis(300));
    let addresses = alias
        .answers
        .iter()
        .filter(|r| r.record_type() == RecordType::A);
    assert_eq!(addresses.count(), 1);
    assert!(
        !alias.metadata.authentic_data,
        "the alias leads into an unsigned zone"
    );
}

#[tokio::test]
async fn answers_from_a_wildcard_are_proven() {
    let lab = lab(vec![
        DomainSeed::ordinary("contoso.com")
            .signed()
            .lagging(Duration::ZERO),
    ]);
    let e = lab.endpoints().unwrap();
    let edit = Edit::Replace(RecordSet::new("*.wild.contoso.com", "A", 2, ["192.0.2.7"]));
    lab.edit_zone("contoso.com", &[edit]).unwrap();
    let client = udp(e.resolvers[0]).await;
    let expanded = ask(&client, "any.wild.contoso.com.", RecordType::A).await;
    assert!(expanded.metadata.authentic_data);
    assert!(
        expanded
            .authorities
            .iter()
            .any(|r| r.record_type() == RecordType::NSEC)
    );
    let lacking = ask(&client, "any.wild.contoso.com.", RecordType::TLSA).await;
    assert_eq!(lacking.metadata.response_code, ResponseCode::NoError);
    assert!(lacking.metadata.authentic_data && lacking.answers.is_empty());
}
