//! What holds for a provider that only asks a person.

use std::{collections::BTreeMap, time::Duration};

use rollout_providers::{
    Change, DelegationKey, Kind, Name, Options, Outcome, Provider, RecordType, Writes, Zone, find,
};

use crate::bed::{APEX, mx, name};

async fn opened(slug: &str) -> (Box<dyn Provider>, Zone) {
    let options = Options {
        timeout: Duration::from_secs(1),
        ..Options::default()
    };
    let provider = find(slug).unwrap().open(&BTreeMap::new(), options).unwrap();
    let zone = provider.zone(&name(APEX)).await.unwrap();
    (provider, zone)
}

pub async fn it_does_nothing_and_claims_nothing(slug: &str) {
    let (provider, zone) = opened(slug).await;
    assert_eq!((zone.writes, &zone.apex), (Writes::ByHand, &name(APEX)));
    assert!(!provider.info().capabilities.reads && !provider.info().capabilities.signs);
    let read = provider
        .read(&zone, &name(APEX), RecordType::Mx)
        .await
        .unwrap_err();
    assert!(read.is_unsupported(), "{read}");
    assert_eq!(provider.largest_ttl(&zone).await, Ok(None));
    let (signer, registrar) = (provider.signer().unwrap(), provider.registrar().unwrap());
    assert!(signer.status(&zone).await.unwrap_err().is_unsupported());
    assert!(
        registrar
            .delegation(&zone.apex)
            .await
            .unwrap_err()
            .is_unsupported()
    );
    assert!(matches!(signer.enable(&zone).await, Ok(Outcome::Asked(_))));
    assert!(matches!(signer.disable(&zone).await, Ok(Outcome::Asked(_))));
}

pub async fn it_asks_for_exactly_the_change(slug: &str) {
    let (provider, zone) = opened(slug).await;
    let (old, new) = (
        mx(APEX, 3600, &[(0, "old.mail.example")]),
        mx(APEX, 300, &[(0, "new.mail.example")]),
    );
    for change in [
        Change::create(new.clone()),
        Change::replace(old.clone(), new.clone()).unwrap(),
        Change::delete(old.clone()),
    ] {
        let Ok(Outcome::Asked(asked)) = provider.write(&zone, &change).await else {
            panic!("{change:?}")
        };
        assert_eq!(asked.change.as_ref(), Some(&change));
        let text = asked.to_string();
        for line in [change.before(), change.after()]
            .into_iter()
            .flatten()
            .flat_map(|set| {
                set.to_string()
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
        {
            assert!(text.contains(&line), "{line} is missing in:\n{text}");
        }
        // As data it survives the journal.
        let json = serde_json::to_string(&asked).unwrap();
        assert_eq!(
            serde_json::from_str::<rollout_providers::Instructions>(&json).unwrap(),
            asked
        );
    }
    let nothing = Change::replace(old.clone(), old.clone()).unwrap();
    assert_eq!(
        provider.write(&zone, &nothing).await,
        Ok(Outcome::Unchanged)
    );
    let elsewhere = Change::create(mx("example.org", 300, &[(0, "new.mail.example")]));
    assert_eq!(
        provider.write(&zone, &elsewhere).await.unwrap_err().kind,
        Kind::Rejected
    );
    let zone = Zone {
        ttl: 600..=3600,
        ..zone
    };
    assert_eq!(
        provider
            .write(&zone, &Change::replace(old, new).unwrap())
            .await
            .unwrap_err()
            .kind,
        Kind::Rejected
    );
}

pub async fn it_gives_a_registrar_every_form(slug: &str) {
    let (provider, zone) = opened(slug).await;
    let registrar = provider.registrar().unwrap();
    let key = "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
    let apex: Name = "example.net".parse().unwrap();
    let keys = [DelegationKey::from_dnskey(&apex, key.parse().unwrap()).unwrap()];
    let Ok(Outcome::Asked(asked)) = registrar.set_delegation(&apex, &[], &keys).await else {
        panic!()
    };
    let text = asked.to_string();
    // The digest of RFC 6605, section 6.1.
    let digest = "B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17";
    for part in [
        &format!("55648 13 2 {digest}"),
        "Key tag: 55648",
        "Algorithm: 13",
        "Digest type: 2",
        &format!("Digest: {digest}"),
        key,
        "Flags: 257",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let Ok(Outcome::Asked(removal)) = registrar.set_delegation(&zone.apex, &[], &[]).await else {
        panic!()
    };
    assert!(
        removal.delegation.is_empty()
            && removal
                .steps
                .iter()
                .any(|step| step.contains("Remove all DS"))
    );
}
