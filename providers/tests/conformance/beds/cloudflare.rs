//! The stand-in for Cloudflare, and what only Cloudflare does.

mod fake;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hickory_proto::{
    dnssec::{Algorithm, DigestType, PublicKeyBuf, rdata::DNSKEY},
    rr::Name as WireName,
};
use rollout_providers::{
    Change, FieldValue, Kind, Name, Outcome, RecordData, RecordType, Rrset, Signing,
};
use serde_json::json;
use wiremock::MockServer;

use self::fake::{Fake, State, Zone};
use crate::bed::{APEX, Bed, IDN, Subject, mx, name, open};

const TOKEN: &str = "kM3-synthetic-token-Zq8";
/// RFC 6605, section 6.1.
const KEY: &str =
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";

pub struct CloudflareBed {
    server: MockServer,
    fake: Fake,
}

pub async fn start() -> Option<CloudflareBed> {
    let zone = |id: u32, zone: &str| Zone {
        id: format!("{id:032x}"),
        name: zone.to_owned(),
        kind: "full",
        plan: "free",
        records: Vec::new(),
        dnssec: "disabled",
        ds: (KEY.to_owned(), ds(zone)),
    };
    // The interface finds names by their letters: look-alikes must not be taken.
    let zones = vec![zone(0xbad, "badexample.test"), zone(1, APEX), zone(2, IDN)];
    let mut state = State {
        token: TOKEN.to_owned(),
        zones,
        throttle: 0,
        stores_ttl: None,
        emptied: Default::default(),
        next_id: 0x1000,
    };
    for apex in [APEX, IDN] {
        let under = |label: &str| format!("{label}.{apex}");
        state.add(apex, json!({ "type": "A", "name": under("www"), "content": "192.0.2.1", "ttl": 1, "proxied": true }));
        // Types that the program does not know must not disturb it.
        state.add(apex, json!({ "type": "CAA", "name": apex, "data": { "flags": 0, "tag": "issue", "value": "ca.example" }, "ttl": 300 }));
        state.add(
            apex,
            json!({ "type": "HTTPS", "name": apex, "content": "1 . alpn=\"h3\"", "ttl": 300 }),
        );
        // One quoted, one as it was typed in long ago.
        state.add(apex, json!({ "type": "TXT", "name": apex, "content": "\"v=spf1 include:spf.example -all\"", "ttl": 3600 }));
        state.add(
            apex,
            json!({ "type": "TXT", "name": apex, "content": "MS=ms12345678", "ttl": 3600 }),
        );
        state.add(apex, json!({ "type": "MX", "name": apex, "content": "old.mail.example", "priority": 0, "ttl": 3600 }));
        state.add(apex, json!({ "type": "MX", "name": under("other"), "content": "other.mail.example", "priority": 5, "ttl": 900 }));
    }
    let (server, fake) = Fake::start(state).await;
    Some(CloudflareBed { server, fake })
}

/// The digest by hickory's code, not ours.
fn ds(zone: &str) -> String {
    let key = DNSKEY::with_flags(
        257,
        PublicKeyBuf::new(STANDARD.decode(KEY).unwrap(), Algorithm::ECDSAP256SHA256),
    );
    let digest = key
        .to_digest(
            &WireName::from_ascii(format!("{zone}.")).unwrap(),
            DigestType::SHA256,
        )
        .unwrap();
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    format!("{} 13 2 {hex}", key.calculate_key_tag().unwrap())
}

#[async_trait]
impl Bed for CloudflareBed {
    fn slug(&self) -> &'static str {
        "cloudflare"
    }

    fn address(&self) -> SocketAddr {
        *self.server.address()
    }

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{address}/client/v4")),
            ),
            (
                "token".to_owned(),
                FieldValue::Secret(TOKEN.to_owned().into()),
            ),
        ])
    }

    fn is_write(&self) -> fn(&[u8]) -> bool {
        crate::proxy::http_write
    }

    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>) {
        let mut state = self.fake.0.lock().unwrap();
        let values: Vec<RecordData> = set.iter().flat_map(|set| set.values().to_vec()).collect();
        let old = std::mem::take(&mut state.zone(zone).records);
        let (mut kept, mut same) = (Vec::new(), Vec::new());
        for mut record in old {
            if record["name"] != name.as_str() || record["type"] != rtype.as_str() {
                kept.push(record);
            } else if let Some(found) = values.iter().find(|value| shown(&record, value)) {
                // Whoever adds one value leaves the records of the others alone.
                record["ttl"] = set.as_ref().unwrap().ttl().into();
                same.push(found.clone());
                kept.push(record);
            }
        }
        state.zone(zone).records = kept;
        for value in values.iter().filter(|value| !same.contains(value)) {
            let mut record = json!({ "type": rtype.as_str(), "name": name.as_str(), "ttl": set.as_ref().unwrap().ttl() });
            match value {
                RecordData::Mx {
                    preference,
                    exchange,
                } => {
                    record["priority"] = (*preference).into();
                    record["content"] = exchange.to_string().into();
                }
                RecordData::Cname(target) => record["content"] = target.to_string().into(),
                RecordData::Txt(_) => record["content"] = value.to_string().into(),
            }
            state.add(zone, record);
        }
    }

    async fn truth(&self, name: &Name, rtype: RecordType) -> Option<Rrset> {
        let mut state = self.fake.0.lock().unwrap();
        let zone = if name.is_within(&IDN.parse().unwrap()) {
            IDN
        } else {
            APEX
        };
        let records: Vec<_> = (state.zone(zone).records.iter())
            .filter(|record| record["name"] == name.as_str() && record["type"] == rtype.as_str())
            .cloned()
            .collect();
        let ttl = records
            .iter()
            .map(|record| record["ttl"].as_u64().unwrap() as u32)
            .max()?;
        let values = records.iter().map(|record| {
            let content = record["content"].as_str().unwrap();
            match rtype {
                RecordType::Mx => RecordData::mx(
                    record["priority"].as_u64().unwrap() as u16,
                    content.parse().unwrap(),
                ),
                RecordType::Cname => RecordData::Cname(content.parse().unwrap()),
                RecordType::Txt => {
                    RecordData::parse(rtype, content).unwrap_or_else(|_| RecordData::txt(content))
                }
            }
        });
        Some(
            Rrset::new(
                name.clone(),
                rtype,
                if ttl == 1 { 300 } else { ttl },
                values,
            )
            .unwrap(),
        )
    }

    fn was_ever_empty(&self, name: &Name, rtype: RecordType) -> Option<bool> {
        let mut state = self.fake.0.lock().unwrap();
        Some(state.emptied.remove(&(name.to_string(), rtype.to_string())))
    }

    /// Comment and tags of the set's records, put there at the first call.
    async fn vendor_fields(&self, name: &Name, rtype: RecordType) -> Option<String> {
        let mut state = self.fake.0.lock().unwrap();
        let mut all = Vec::new();
        for record in &mut state.zone(APEX).records {
            if record["name"] == name.as_str() && record["type"] == rtype.as_str() {
                if record["comment"].is_null() {
                    record["comment"] = "kept by hand".into();
                    record["tags"] = json!(["owner:mail"]);
                }
                all.push(format!("{} {}", record["comment"], record["tags"]));
            }
        }
        Some(all.join("; "))
    }

    async fn independent_ds(&self) -> Vec<String> {
        vec![ds(APEX)]
    }
}

fn shown(record: &serde_json::Value, value: &RecordData) -> bool {
    match value {
        RecordData::Mx {
            preference,
            exchange,
        } => record["priority"] == *preference && record["content"] == exchange.to_string(),
        RecordData::Cname(target) => record["content"] == target.to_string(),
        RecordData::Txt(_) => record["content"] == value.to_string(),
    }
}

impl CloudflareBed {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.fake.0.lock().unwrap()
    }
}

#[tokio::test]
async fn two_zones_of_one_name_are_refused() {
    let bed = start().await.unwrap();
    let twin = Zone {
        id: "f".repeat(32),
        name: APEX.to_owned(),
        kind: "full",
        plan: "free",
        records: vec![],
        dnssec: "disabled",
        ds: Default::default(),
    };
    bed.state().zones.push(twin);
    let (provider, _) = open(&bed, bed.fields(bed.address()), Duration::from_secs(5));
    let error = provider.zone(&name(APEX)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Rejected, "{error}");
}

#[tokio::test]
async fn zones_hosted_elsewhere_are_refused() {
    let bed = start().await.unwrap();
    for kind in ["partial", "secondary"] {
        bed.state().zone(APEX).kind = kind;
        let (provider, _) = open(&bed, bed.fields(bed.address()), Duration::from_secs(5));
        assert_eq!(
            provider.zone(&name(APEX)).await.unwrap_err().kind,
            Kind::Rejected,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_smallest_ttl_is_the_plans() {
    let bed = start().await.unwrap();
    assert_eq!(Subject::of(&bed).await.zone.ttl, 60..=86_400);
    bed.state().zone(APEX).plan = "enterprise";
    assert_eq!(Subject::of(&bed).await.zone.ttl, 30..=86_400);
}

#[tokio::test]
async fn automatic_is_read_as_what_is_served() {
    let bed = start().await.unwrap();
    let subject = Subject::of(&bed).await;
    bed.state().add(APEX, json!({ "type": "MX", "name": "auto.example.test", "content": "a.example", "priority": 1, "ttl": 1 }));
    assert_eq!(
        subject
            .read("auto.example.test", RecordType::Mx)
            .await
            .unwrap()
            .ttl(),
        300
    );
}

#[tokio::test]
async fn a_ttl_that_is_stored_otherwise_is_found_out() {
    let bed = start().await.unwrap();
    let subject = Subject::of(&bed).await;
    bed.state().stores_ttl = Some(120);
    let change = Change::replace(
        subject.read(APEX, RecordType::Mx).await.unwrap(),
        mx(APEX, 60, &[(0, "new.example")]),
    )
    .unwrap();
    let error = subject
        .provider
        .write(&subject.zone, &change)
        .await
        .unwrap_err();
    assert!(
        error.kind == Kind::Rejected && error.message.contains("120 s instead of 60 s"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refusal_keeps_its_codes_and_words() {
    let bed = start().await.unwrap();
    let mut subject = Subject::of(&bed).await;
    // As if the zone had been an Enterprise zone until a moment ago.
    subject.zone.ttl = 30..=86_400;
    let change = Change::replace(
        subject.read(APEX, RecordType::Mx).await.unwrap(),
        mx(APEX, 30, &[(0, "new.example")]),
    )
    .unwrap();
    let error = subject
        .provider
        .write(&subject.zone, &change)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.status, error.code.as_deref()),
        (Kind::Rejected, Some(400), Some("1004/9021"))
    );
    assert_eq!(error.request_id.as_deref(), Some("8f00ba11-FRA"));
    assert!(
        error.message.contains("Must be between 60 and 86400"),
        "{error}"
    );
    // A code beyond 16 bits: a name that is taken by an alias.
    bed.state().add(APEX, json!({ "type": "CNAME", "name": "alias.example.test", "content": "x.example", "ttl": 300 }));
    let change = Change::create(mx("alias.example.test", 300, &[(0, "new.example")]));
    let error = subject
        .provider
        .write(&subject.zone, &change)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (Kind::Rejected, Some("81053")),
        "{error}"
    );
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let bed = start().await.unwrap();
    let subject = Subject::of(&bed).await;
    bed.state().throttle = 1;
    let error = subject
        .provider
        .read(&subject.zone, &name(APEX), RecordType::Mx)
        .await
        .unwrap_err();
    assert_eq!(
        error.kind,
        Kind::Throttled(Some(Duration::from_secs(240))),
        "{error}"
    );
}

#[tokio::test]
async fn proxied_and_foreign_owned_records_are_not_touched() {
    let bed = start().await.unwrap();
    let subject = Subject::of(&bed).await;
    bed.state().add(APEX, json!({ "type": "CNAME", "name": "mta-sts.example.test", "content": "x.example", "ttl": 1, "proxied": true }));
    let error = subject
        .provider
        .read(
            &subject.zone,
            &name("mta-sts.example.test"),
            RecordType::Cname,
        )
        .await
        .unwrap_err();
    assert!(error.message.contains("proxied"), "{error}");
    bed.state().add(APEX, json!({
        "type": "MX", "name": "routed.example.test", "content": "route1.mx.cloudflare.net", "priority": 1, "ttl": 300,
        "meta": { "email_routing": true, "read_only": true },
    }));
    let before = subject
        .read("routed.example.test", RecordType::Mx)
        .await
        .unwrap();
    let writes = subject.counter.writes();
    let error = subject
        .provider
        .write(&subject.zone, &Change::delete(before))
        .await
        .unwrap_err();
    assert!(
        error.kind == Kind::Rejected && error.message.contains("Email Routing"),
        "{error}"
    );
    assert_eq!(subject.counter.writes(), writes);
}

#[tokio::test]
async fn pending_is_signed_and_a_wrong_digest_is_an_error() {
    let bed = start().await.unwrap();
    let subject = Subject::of(&bed).await;
    let signer = subject.provider.signer().unwrap();
    assert_eq!(signer.enable(&subject.zone).await.unwrap(), Outcome::Done);
    assert_eq!(bed.state().zone(APEX).dnssec, "pending");
    assert!(matches!(
        signer.status(&subject.zone).await.unwrap(),
        Signing::On(_)
    ));
    bed.state().zone(APEX).ds.1 = ds("other.test");
    let error = signer.status(&subject.zone).await.unwrap_err();
    assert!(
        error.kind == Kind::Protocol && error.message.contains("does not belong"),
        "{error}"
    );
    bed.state().zone(APEX).dnssec = "pending-disabled";
    assert_eq!(
        signer.status(&subject.zone).await.unwrap(),
        Signing::Pending
    );
    assert_eq!(
        signer.disable(&subject.zone).await.unwrap(),
        Outcome::Unchanged
    );
    assert_eq!(signer.enable(&subject.zone).await.unwrap(), Outcome::Done);
}
