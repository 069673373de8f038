//! What only OVHcloud does: a copy that is published, tasks that run later, two ways to sign in.

use std::{collections::BTreeMap, time::Duration};

use rollout_providers::{Change, DelegationKey, FieldValue, HandsOver, Kind, Outcome, RecordType};

use super::{CLIENT, CLIENT_SECRET, Ovh, start};
use crate::{
    bed::{APEX, Bed, Subject, mx, name, open, txt},
    cases::KEY,
    fakes::FakeBed,
    proxy::{self, OnWrite},
};

async fn bed() -> FakeBed<Ovh> {
    start().await.unwrap()
}

fn lower() -> Change {
    let before = mx(APEX, 3600, &[(0, "old.mail.example")]);
    Change::replace(before.clone(), before.with_ttl(900).unwrap()).unwrap()
}

async fn served(bed: &FakeBed<Ovh>) -> u32 {
    bed.truth(&name(APEX), RecordType::Mx).await.unwrap().ttl()
}

fn is_refresh(sent: &[u8]) -> bool {
    sent.starts_with(b"POST") && String::from_utf8_lossy(sent).contains("/refresh ")
}

/// The refresh never came; another process asks for the same change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_not_published_is_published_by_the_next_process() {
    let bed = bed().await;
    let address = proxy::start(bed.address(), is_refresh, OnWrite::Swallow).await;
    let subject = Subject::at(&bed, address, Duration::from_millis(900)).await;
    let error = subject
        .provider
        .write(&subject.zone, &lower())
        .await
        .unwrap_err();
    assert!(error.is_unknown(), "{error}");
    assert_eq!((served(&bed).await, subject.counter.writes()), (3600, 2));

    let subject = Subject::of(&bed).await;
    assert_eq!(
        subject.provider.write(&subject.zone, &lower()).await,
        Ok(Outcome::Done)
    );
    assert_eq!((served(&bed).await, subject.counter.writes()), (900, 1));
    assert_eq!(
        subject.provider.write(&subject.zone, &lower()).await,
        Ok(Outcome::Unchanged)
    );
    assert_eq!(subject.counter.writes(), 1);
}

/// The refresh failed; the same process knows what OVHcloud does not tell.
#[tokio::test]
async fn a_change_that_was_not_published_is_remembered() {
    let bed = bed().await;
    bed.with(|vendor, _| (vendor.fail_refresh, vendor.blind) = (true, true));
    let subject = Subject::of(&bed).await;
    let error = subject
        .provider
        .write(&subject.zone, &lower())
        .await
        .unwrap_err();
    assert!(
        error.is_unknown() && error.message.contains("one request was taken"),
        "{error}"
    );
    assert_eq!(served(&bed).await, 3600);
    assert_eq!(
        subject.provider.write(&subject.zone, &lower()).await,
        Ok(Outcome::Done)
    );
    assert_eq!(served(&bed).await, 900);
    assert_eq!(
        subject.provider.write(&subject.zone, &lower()).await,
        Ok(Outcome::Unchanged)
    );
    assert_eq!(
        subject.counter.writes(),
        3,
        "changed, refreshed in vain, refreshed"
    );
}

#[tokio::test]
async fn while_a_task_runs_there_is_no_second_one() {
    let bed = bed().await;
    bed.with(|vendor, _| vendor.stopped = true);
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(&bed).await;
    let registrar = provider.registrar().unwrap();
    let key =
        DelegationKey::from_dnskey(&zone.apex, format!("257 3 13 {KEY}").parse().unwrap()).unwrap();
    let keys = [key];
    assert_eq!(
        registrar.set_delegation(&zone.apex, &[], &keys).await,
        Ok(Outcome::Done)
    );
    assert_eq!(registrar.delegation(&zone.apex).await, Ok(vec![]));
    let error = registrar
        .set_delegation(&zone.apex, &[], &keys)
        .await
        .unwrap_err();
    assert!(
        error.kind == Kind::Transient && error.message.contains("under way"),
        "{error}"
    );
    assert_eq!(
        (counter.writes(), bed.with(|vendor, _| vendor.tasks.len())),
        (1, 1)
    );

    // One that failed may be run again by OVHcloud, and would put its keys in place of ours.
    bed.with(|vendor, _| vendor.tasks[0].status = "error");
    let error = registrar
        .set_delegation(&zone.apex, &[], &keys)
        .await
        .unwrap_err();
    assert!(
        error.kind == Kind::Rejected && error.message.contains("cancelled"),
        "{error}"
    );
    bed.with(|vendor, _| vendor.tasks[0].status = "cancelled");
    assert_eq!(
        registrar.set_delegation(&zone.apex, &[], &keys).await,
        Ok(Outcome::Done)
    );
    assert_eq!(
        (counter.writes(), bed.with(|vendor, _| vendor.tasks.len())),
        (2, 2)
    );
}

#[tokio::test]
async fn a_hosted_domains_keys_are_ovhclouds_to_give() {
    let bed = bed().await;
    bed.with(|vendor, _| vendor.hosted = true);
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(&bed).await;
    assert_eq!(zone.hands_over, HandsOver::Always);
    let registrar = provider.registrar().unwrap();
    let key =
        DelegationKey::from_dnskey(&zone.apex, format!("257 3 13 {KEY}").parse().unwrap()).unwrap();
    let (ds, keys) = (key.ds.clone(), [key]);
    let error = registrar
        .set_delegation(&zone.apex, &[], &keys)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Transient, "{error}");
    bed.foreign_on_file(&keys).await;
    assert_eq!(
        registrar.set_delegation(&zone.apex, &[], &keys).await,
        Ok(Outcome::Unchanged)
    );
    let error = registrar
        .set_delegation(&zone.apex, &ds, &[])
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported, "{error}");
    assert_eq!(counter.writes(), 0);
}

#[tokio::test]
async fn a_service_account_is_enough() {
    let bed = bed().await;
    let fields = |secret: &str| {
        BTreeMap::from([
            (
                "url".to_owned(),
                FieldValue::Plain(format!("http://{}/1.0", bed.address())),
            ),
            ("client-id".to_owned(), CLIENT.into()),
            (
                "client-secret".to_owned(),
                FieldValue::Secret(secret.to_owned().into()),
            ),
        ])
    };
    let (provider, counter) = open(&bed, fields(CLIENT_SECRET), Duration::from_secs(5));
    let zone = provider.zone(&name(APEX)).await.unwrap();
    assert_eq!(provider.write(&zone, &lower()).await, Ok(Outcome::Done));
    assert_eq!(provider.standing().await, Ok(None));
    assert_eq!(
        counter.calls()[&rollout_providers::Call::SignIn],
        1,
        "one token for all"
    );
    let (provider, _) = open(&bed, fields("another"), Duration::from_secs(5));
    let error = provider.zone(&name(APEX)).await.unwrap_err();
    assert!(
        error.kind == Kind::Auth && !error.to_string().contains("another"),
        "{error}"
    );
}

#[tokio::test]
async fn half_of_two_proofs_is_none() {
    let bed = bed().await;
    let info = rollout_providers::find("ovh").unwrap();
    let open = |leave: &[&str], with: &[(&str, FieldValue)]| {
        let mut fields = bed.fields(bed.address());
        fields.retain(|key, _| !leave.contains(&key.as_str()));
        fields.extend(
            with.iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        info.open(&fields, rollout_providers::Options::default())
            .map(drop)
            .map_err(|error| error.message)
    };
    assert_eq!(open(&[], &[]), Ok(()));
    for (leave, with) in [
        (vec!["consumer-key"], vec![]),
        (
            vec!["application-key", "application-secret", "consumer-key"],
            vec![],
        ),
        (vec![], vec![("client-id", FieldValue::from("x"))]),
    ] {
        let message = open(&leave, &with).unwrap_err();
        assert!(message.contains("client-id and client-secret"), "{message}");
    }
}

/// A record of OVHcloud's own type stays of that type, without quotes.
#[tokio::test]
async fn a_record_of_the_control_panel_keeps_its_type() {
    let bed = bed().await;
    let subject = Subject::of(&bed).await;
    let before = subject.read(APEX, RecordType::Txt).await.unwrap();
    let after = txt(APEX, 900, &[b"v=spf1 -all", b"MS=ms12345678"]);
    let change = Change::replace(before, after.clone()).unwrap();
    assert_eq!(
        subject.provider.write(&subject.zone, &change).await,
        Ok(Outcome::Done)
    );
    assert_eq!(bed.truth(&name(APEX), RecordType::Txt).await, Some(after));
    let native = bed.with(|_, shelf| {
        shelf
            .zone(APEX)
            .unwrap()
            .records
            .iter()
            .filter(|record| record.extra == "SPF")
            .count()
    });
    assert_eq!(native, 1);
    let dkim = "sel._domainkey.example.test";
    assert_eq!(
        subject.read(dkim, RecordType::Txt).await,
        Some(txt(dkim, 300, &[b"v=DKIM1;k=rsa;p=c3ludGhldGlj;"]))
    );
}

/// The vendor's filter takes `_` for any character.
#[tokio::test]
async fn a_look_alike_of_a_service_name_is_left_alone() {
    let bed = bed().await;
    let alike = txt("xsmtp.xtls.example.test", 900, &[b"another"]);
    bed.foreign(APEX, alike.name(), RecordType::Txt, Some(alike.clone()))
        .await;
    let subject = Subject::of(&bed).await;
    assert_eq!(
        subject
            .read("_smtp._tls.example.test", RecordType::Txt)
            .await,
        None
    );
    let report = txt("_smtp._tls.example.test", 900, &[b"v=TLSRPTv1"]);
    assert_eq!(
        subject
            .provider
            .write(&subject.zone, &Change::create(report))
            .await,
        Ok(Outcome::Done)
    );
    assert_eq!(bed.truth(alike.name(), RecordType::Txt).await, Some(alike));
}
