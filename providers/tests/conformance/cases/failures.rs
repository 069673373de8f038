//! Rules 6 and 7: what is said when it does not work, and what is never said.

use std::time::Duration;

use rollout_providers::{Change, FieldValue, Kind, Outcome, RecordType, Rrset, find};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::{
    bed::{APEX, Bed, ENTRA_TOKEN, Subject, is_between, mx, name, open, open_as, turned},
    log, proxy,
    proxy::OnWrite,
};

/// A port that nobody listens on.
async fn closed() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

pub async fn rule_6_a_refused_connection_changed_nothing(bed: &dyn Bed) {
    let subject = Subject::of(bed).await;
    let before = subject.read(APEX, RecordType::Mx).await.unwrap();
    let (provider, _) = open(bed, bed.fields(closed().await), Duration::from_secs(5));
    let error = provider
        .read(&subject.zone, &name(APEX), RecordType::Mx)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Transient, "{error}");
    let change = Change::replace(before, mx(APEX, 900, &[(0, "new.example")])).unwrap();
    let error = provider.write(&subject.zone, &change).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transient, "{error}");
    if let Some(signer) = provider.signer() {
        let error = signer.status(&subject.zone).await.unwrap_err();
        assert_eq!(error.kind, Kind::Transient, "{error}");
        // Who signs every zone, always, need not ask.
        assert!(!matches!(
            signer.enable(&subject.zone).await,
            Ok(Outcome::Done)
        ));
    }
}

pub async fn rule_6_no_answer_to_a_write_is_unknown(bed: &dyn Bed) {
    let judge = Subject::of(bed).await;
    for (on_write, made) in [(OnWrite::Swallow, false), (OnWrite::LoseAnswer, true)] {
        let before = judge.read(APEX, RecordType::Mx).await.unwrap();
        let after = mx(APEX, 900, &[(0, "new.example")]);
        let address = proxy::start(bed.address(), bed.is_write(), on_write).await;
        let subject = Subject::at(bed, address, Duration::from_millis(900)).await;
        let change = Change::replace(before.clone(), after.clone()).unwrap();
        let error = subject
            .provider
            .write(&subject.zone, &change)
            .await
            .unwrap_err();
        assert!(error.is_unknown(), "{error}");
        assert_eq!(
            subject.counter.writes(),
            1,
            "an unknown write was sent again"
        );
        // Reading settles it, once the server had its time.
        let settled = |live: &Rrset| match made {
            false => *live == before,
            true if bed.in_parts() => *live != before && is_between(live, &before, &after),
            true => *live == after,
        };
        let begin = std::time::Instant::now();
        while !judge
            .read(APEX, RecordType::Mx)
            .await
            .is_some_and(|live| settled(&live))
        {
            assert!(begin.elapsed() < Duration::from_secs(10), "made: {made}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub async fn rule_7_secrets_are_nowhere(bed: &dyn Bed) {
    let log = log::everything();
    let fields = bed.fields(bed.address());
    let of_fields = fields.values().filter_map(|value| match value {
        FieldValue::Secret(secret) => Some(secret.expose_secret().to_owned()),
        FieldValue::Plain(_) => None,
    });
    let secrets: Vec<String> = of_fields.chain(bed.secrets()).collect();
    assert!(!secrets.is_empty());
    let subject = Subject::of(bed).await;
    let mut said = vec![format!(
        "{fields:?} {:?} {:#?}",
        subject.provider, subject.zone
    )];
    // Every way to fail, and one to succeed.
    let (closed, _) = open(bed, bed.fields(closed().await), Duration::from_secs(5));
    let errors = [
        closed.zone(&name(APEX)).await.unwrap_err(),
        subject
            .provider
            .zone(&name("nothing.test"))
            .await
            .unwrap_err(),
        subject
            .provider
            .write(
                &subject.zone,
                &Change::create(mx(APEX, 900, &[(0, "a.example")])),
            )
            .await
            .unwrap_err(),
    ];
    said.extend(errors.iter().flat_map(|error| {
        [
            error.to_string(),
            format!("{error:?}"),
            serde_json::to_string(error).unwrap(),
        ]
    }));
    subject.put(&mx(APEX, 900, &[(0, "new.example")])).await;
    // A secret as plain text is refused without being repeated.
    let plain = fields.iter().map(|(key, value)| match value {
        FieldValue::Secret(secret) => (
            key.clone(),
            FieldValue::Plain(secret.expose_secret().to_owned()),
        ),
        FieldValue::Plain(_) => (key.clone(), value.clone()),
    });
    let refused = find(bed.slug())
        .unwrap()
        .open(&plain.collect(), rollout_providers::Options::default())
        .unwrap_err();
    assert_eq!(refused.kind, Kind::Rejected);
    said.push(refused.to_string());
    said.push(log.text());
    for secret in secrets {
        for text in &said {
            assert!(
                !text.contains(&secret),
                "a secret in: {}",
                &text[..text.len().min(2000)]
            );
        }
    }
}

pub async fn rule_7_wrong_credentials_are_told_as_such(bed: &dyn Bed) {
    // Whoever takes tokens of the program's own sign-in is given a wrong one, too.
    let (provider, counter) = open_as(
        bed,
        bed.wrong_fields(),
        Duration::from_secs(5),
        turned(ENTRA_TOKEN),
    );
    let error = provider.zone(&name(APEX)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Auth, "{error}");
    assert_eq!(counter.writes(), 0);
}
