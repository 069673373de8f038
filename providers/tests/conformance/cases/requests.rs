//! How many requests a rollout takes of a provider, against the least that any program could make with it.

use std::{fs, path::Path};

use rollout_providers::{Change, Outcome, RecordType};

use crate::{
    bed::{APEX, Bed, Subject, mx, name},
    cases::KEY,
};

/// What an engine asks and does in one rollout: it looks at the zone once, changes the MX set five times, has the zone signed
/// and the DS published. What caches and name servers hold it asks DNS, which is not counted here.
pub async fn the_requests_of_a_rollout_are_as_documented(bed: &dyn Bed) {
    let Subject {
        provider,
        zone,
        counter,
    } = Subject::of(bed).await;
    let capabilities = &provider.info().capabilities;
    let found = provider
        .read(&zone, &name(APEX), RecordType::Mx)
        .await
        .unwrap()
        .unwrap();
    provider.largest_ttl(&zone).await.unwrap();
    let mut least = 3;
    if let Some(signer) = provider.signer() {
        signer.status(&zone).await.unwrap();
        least += 1;
    }
    let (legacy, new) = ("old.mail.example", "new.mail.example");
    let stages = [
        mx(APEX, 900, &[(0, legacy)]),
        mx(APEX, 900, &[(0, legacy), (10, new)]),
        mx(APEX, 900, &[(0, new), (10, legacy)]),
        mx(APEX, 900, &[(0, new)]),
        mx(APEX, 3600, &[(0, new)]),
    ];
    let mut before = found;
    for after in stages {
        let change = Change::replace(before, after.clone()).unwrap();
        assert_eq!(provider.write(&zone, &change).await, Ok(Outcome::Done));
        before = after;
        // One look at what is live, one write.
        least += 2;
    }
    if let Some(signer) = provider.signer().filter(|_| capabilities.signs) {
        signer.enable(&zone).await.unwrap();
        least += 2;
    }
    if let Some(registrar) = provider
        .registrar()
        .filter(|_| capabilities.registrar.is_some())
    {
        let key = format!("257 3 13 {KEY}").parse().unwrap();
        let key = rollout_providers::DelegationKey::from_dnskey(&zone.apex, key).unwrap();
        registrar
            .set_delegation(&zone.apex, &[], &[key])
            .await
            .unwrap();
        least += 2;
    }
    let (total, writes) = (counter.total(), counter.writes());
    let ratio = total as f64 / f64::from(least);
    let row = format!(
        "| `{}` | {total} | {writes} | {least} | {ratio:.2} |",
        bed.slug()
    );
    if bed.documents() {
        document(bed.slug(), &row);
    }
}

/// Holds the row against the page; with `ROLLOUT_WRITE_TABLES=1` writes it there.
fn document(slug: &str, row: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/requests.md");
    static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = WRITING.lock();
    let text = fs::read_to_string(&page).unwrap();
    let of = |line: &&str| line.starts_with(&format!("| `{slug}` |"));
    let told = text.lines().find(of);
    if std::env::var_os("ROLLOUT_WRITE_TABLES").is_none() {
        assert_eq!(
            told,
            Some(row),
            "docs/requests.md is not right; ROLLOUT_WRITE_TABLES=1 writes it"
        );
        return;
    }
    let (mut rows, other): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.starts_with("| `"));
    rows.retain(|line| !of(line));
    rows.push(row);
    rows.sort_unstable();
    let head = other
        .iter()
        .position(|line| line.starts_with("|---"))
        .unwrap()
        + 1;
    let lines = [&other[..head], &rows, &other[head..]].concat();
    fs::write(&page, lines.join("\n") + "\n").unwrap();
}
