//! Rule 8: signing.

use std::time::Duration;

use rollout_providers::{DigestType, Instructions, Outcome, Signing};

use crate::bed::{Bed, Subject};

pub async fn rule_8_signing_is_idempotent_and_its_digest_is_derived(bed: &dyn Bed) {
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(bed).await;
    let signer = provider.signer().unwrap();
    assert_eq!(signer.status(&zone).await.unwrap(), Signing::Off);
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
    for key in &keys {
        let dnskey = key.dnskey.as_ref().unwrap();
        assert!(
            dnskey.is_entry_point() && key.ds.contains(&dnskey.ds(&zone.apex, DigestType::Sha256))
        );
    }

    if let Some(registrar) = provider.registrar() {
        let Outcome::Asked(asked) = registrar.set_delegation(&zone.apex, &keys).await.unwrap()
        else {
            panic!()
        };
        assert_eq!(asked.delegation, keys);
        let writes = counter.writes();
        registrar.set_delegation(&zone.apex, &keys).await.unwrap();
        assert_eq!(counter.writes(), writes, "announced again");
    }
    match signer.disable(&zone).await.unwrap() {
        Outcome::Done => assert_eq!(signer.status(&zone).await.unwrap(), Signing::Off),
        Outcome::Asked(_) => assert!(!provider.info().capabilities.signs),
        Outcome::Unchanged => panic!("a signed zone was left alone"),
    }
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
