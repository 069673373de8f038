//! Rule 8: signing.

use std::time::Duration;

use rollout_providers::{
    DelegationKey, DigestType, Instructions, Kind, Outcome, SignedBy, Signing, Zone,
};

use crate::bed::{Bed, Subject, name};

pub async fn rule_8_signing_is_idempotent_and_its_digest_is_derived(bed: &dyn Bed) {
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(bed).await;
    let capabilities = &provider.info().capabilities;
    let Some(signer) = provider.signer() else {
        assert!(!capabilities.signs && !capabilities.keys);
        assert_eq!(provider.info().signed_by(), SignedBy::Nobody);
        return;
    };
    assert_ne!(provider.info().signed_by(), SignedBy::Nobody);
    let begin = signer.status(&zone).await.unwrap();
    if let Signing::On(keys) = begin {
        // It signs every zone, always.
        assert_eq!(signer.enable(&zone).await, Ok(Outcome::Unchanged));
        assert_eq!(
            signer.disable(&zone).await.unwrap_err().kind,
            Kind::Unsupported
        );
        assert_eq!(counter.writes(), 0);
        return compare(&keys, bed, &zone).await;
    }
    assert_eq!(begin, Signing::Off);
    assert_eq!(signer.disable(&zone).await.unwrap(), Outcome::Unchanged);
    assert_eq!(counter.writes(), 0);

    match signer.enable(&zone).await.unwrap() {
        Outcome::Done => assert!(provider.info().capabilities.signs),
        Outcome::Asked(Instructions { steps, .. }) => {
            assert!(!provider.info().capabilities.signs && !steps.is_empty());
            assert!(bed.sign_by_hand().await);
        }
        Outcome::Unchanged => panic!("an unsigned zone was left alone"),
    }
    let keys = settled(signer, &zone).await;
    let writes = counter.writes();
    assert_eq!(signer.enable(&zone).await.unwrap(), Outcome::Unchanged);
    assert_eq!(counter.writes(), writes, "signed again");

    assert_eq!(keys.is_empty(), !capabilities.keys);
    if capabilities.keys {
        compare(&keys, bed, &zone).await;
    }
    if capabilities.registrar.is_none()
        && let Some(announcer) = provider.registrar()
    {
        let Outcome::Asked(asked) = announcer
            .set_delegation(&zone.apex, &[], &keys)
            .await
            .unwrap()
        else {
            panic!()
        };
        assert_eq!(asked.delegation, keys);
        let writes = counter.writes();
        announcer
            .set_delegation(&zone.apex, &[], &keys)
            .await
            .unwrap();
        assert_eq!(counter.writes(), writes, "announced again");
    }
    match signer.disable(&zone).await.unwrap() {
        Outcome::Done => ended(signer, &zone).await,
        Outcome::Asked(_) => assert!(!provider.info().capabilities.signs),
        Outcome::Unchanged => panic!("a signed zone was left alone"),
    }
}

async fn compare(keys: &[DelegationKey], bed: &dyn Bed, zone: &Zone) {
    // What we would hand to the registrar is what others compute from what is served.
    let mut theirs: Vec<String> = bed
        .independent_ds()
        .await
        .iter()
        .map(|ds| ds.to_uppercase())
        .collect();
    theirs.sort();
    let mut ours: Vec<String> = keys
        .iter()
        .map(|key| key.preferred_ds().unwrap().to_string())
        .collect();
    ours.sort();
    assert_eq!(ours, theirs);
    for key in keys {
        let dnskey = key.dnskey.as_ref().unwrap();
        assert!(
            dnskey.is_entry_point() && key.ds.contains(&dnskey.ds(&zone.apex, DigestType::Sha256))
        );
    }
}

/// The DS at the registrar: compared and set as a record set is.
pub async fn rule_8_the_delegation_is_compared_and_set(bed: &dyn Bed) {
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(bed).await;
    if provider.info().capabilities.registrar.is_none() {
        assert_eq!(
            bed.on_file().await,
            None,
            "a registrar that is not declared"
        );
        return;
    }
    let registrar = provider.registrar().unwrap();
    let [first, second] = [KEY, OTHER_KEY].map(|key| key_of(key, &zone));
    let text = |keys: &[&DelegationKey]| {
        let mut ds: Vec<_> = keys
            .iter()
            .map(|key| key.preferred_ds().unwrap().to_string())
            .collect();
        ds.sort();
        ds
    };
    let on_file = async || {
        let mut ds: Vec<_> = bed
            .on_file()
            .await
            .unwrap()
            .iter()
            .map(|ds| ds.to_uppercase())
            .collect();
        ds.sort();
        ds
    };
    assert_eq!(registrar.delegation(&zone.apex).await, Ok(vec![]));
    assert_eq!(counter.writes(), 0);
    let set = async |before: &[&DelegationKey], keys: &[&DelegationKey]| {
        let before: Vec<_> = before
            .iter()
            .map(|key| key.preferred_ds().unwrap().clone())
            .collect();
        let keys: Vec<_> = keys.iter().copied().cloned().collect();
        registrar.set_delegation(&zone.apex, &before, &keys).await
    };
    assert_eq!(set(&[], &[&first]).await, Ok(Outcome::Done));
    settles(&on_file, &text(&[&first])).await;
    assert_eq!(
        registrar.delegation(&zone.apex).await.unwrap(),
        vec![first.preferred_ds().unwrap().clone()]
    );
    let writes = counter.writes();
    assert_eq!(set(&[], &[&first]).await, Ok(Outcome::Unchanged));
    assert_eq!(counter.writes(), writes, "handed over again");

    // Somebody else put another key on file: not ours to replace.
    bed.foreign_on_file(std::slice::from_ref(&second)).await;
    for (before, keys) in [
        (vec![], vec![&first]),
        (vec![&first], vec![]),
        (vec![&first], vec![&first]),
    ] {
        let error = set(&before, &keys).await.unwrap_err();
        assert!(error.is_conflict(), "{error}");
        assert_eq!(
            (counter.writes(), on_file().await),
            (writes, text(&[&second]))
        );
    }
    // Whoever has seen it may go on: to both, to one, to none.
    for (before, keys) in [
        (vec![&second], vec![&first, &second]),
        (vec![&second, &first], vec![&first]),
        (vec![&first], vec![]),
    ] {
        assert_eq!(set(&before, &keys).await, Ok(Outcome::Done), "{keys:?}");
        settles(&on_file, &text(&keys)).await;
    }
    assert_eq!(set(&[&first], &[]).await, Ok(Outcome::Unchanged));
    let error = registrar
        .delegation(&name("nothing.test"))
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind, Kind::NotFound | Kind::Forbidden),
        "{error}"
    );
}

/// RFC 6605, section 6.1.
pub const KEY: &str =
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
/// Made up: any 64 octets look like a key.
const OTHER_KEY: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

fn key_of(key: &str, zone: &Zone) -> DelegationKey {
    DelegationKey::from_dnskey(&zone.apex, format!("257 3 13 {key}").parse().unwrap()).unwrap()
}

/// A registry may take its time.
async fn settles(on_file: &impl AsyncFn() -> Vec<String>, wanted: &[String]) {
    for _ in 0..50 {
        if on_file().await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(on_file().await, wanted);
}

async fn ended(signer: &dyn rollout_providers::Signer, zone: &Zone) {
    for _ in 0..50 {
        if signer.status(zone).await.unwrap() == Signing::Off {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never unsigned")
}

async fn settled(
    signer: &dyn rollout_providers::Signer,
    zone: &rollout_providers::Zone,
) -> Vec<rollout_providers::DelegationKey> {
    for _ in 0..100 {
        if let Signing::On(keys) = signer.status(zone).await.unwrap() {
            return keys;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never signed")
}
