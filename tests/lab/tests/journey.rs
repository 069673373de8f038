//! A whole move with senders watching, the mistakes they must notice, policies, and a laboratory that is put away and taken out.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use common::{ask, cmdlet, effects, eventually, http, provider, put_mx, udp};
use hickory_proto::rr::RecordType;
use rollout_lab::{
    DomainKind, DomainSeed, Lab, MailRole, Options, SenderOptions, SenderProfile, Service,
    StsPolicy, Timing,
};
use serde_json::json;
use tokio::time::sleep;

fn lab(domains: Vec<DomainSeed>) -> Lab {
    let mut options = Options::with_domains(domains);
    options.timing = Timing {
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
        ..Timing::default()
    };
    Lab::start(options).unwrap()
}

fn profile(profile: SenderProfile) -> SenderOptions {
    SenderOptions {
        interval: Duration::from_millis(50),
        profile,
        vantage: None,
    }
}

#[tokio::test]
async fn a_whole_move_loses_no_mail() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com")]);
    let e = lab.endpoints().unwrap();
    let plain = lab.sender_with("contoso.com", profile(SenderProfile::Opportunistic));
    let dane = lab.sender_with("contoso.com", profile(SenderProfile::Dane));
    let client = udp(e.resolvers[0]).await;
    // Longer than any TTL here, with the second server's lag.
    let caches = Duration::from_millis(3200);
    let legacy = "contoso-com.mail.protection.outlook.com.";
    provider(
        &e,
        "PUT",
        "/zones/contoso.com.",
        Some(json!({"dnssec": true})),
    )
    .await;
    eventually("secure", async || {
        ask(&client, "contoso.com.", RecordType::MX)
            .await
            .metadata
            .authentic_data
    })
    .await;
    let (_, body) = cmdlet(&e, "Enable-DnssecForVerifiedDomain", "contoso.com").await;
    let host = body["value"][0]["DnssecMxValue"]
        .as_str()
        .unwrap()
        .to_owned();
    eventually("the new host", async || {
        ask(&client, &format!("{host}."), RecordType::A)
            .await
            .metadata
            .authentic_data
    })
    .await;
    put_mx(
        &e,
        "contoso.com",
        2,
        &[&format!("0 {legacy}"), &format!("20 {host}.")],
    )
    .await;
    sleep(caches).await;
    put_mx(
        &e,
        "contoso.com",
        2,
        &[&format!("30 {legacy}"), &format!("0 {host}.")],
    )
    .await;
    sleep(caches).await;
    put_mx(&e, "contoso.com", 2, &[&format!("0 {host}.")]).await;
    sleep(caches).await;
    cmdlet(&e, "Enable-SmtpDaneInbound", "contoso.com").await;
    eventually("a sender authenticates", async || {
        dane.report().authenticated > 0
    })
    .await;
    for sender in [plain, dane] {
        let report = sender.stop();
        assert_eq!((report.deferred, report.bounced), (0, 0), "{report:?}");
        assert_eq!(report.attempts, report.delivered);
        assert!(
            report.attempts > 50 && report.longest_gap < Duration::from_secs(1),
            "{report:?}"
        );
        assert_eq!(report.by_host.len(), 2, "{report:?}");
    }
    assert!(lab.mails().iter().any(|m| m.host == MailRole::New && m.tls));
    let done: Vec<String> = effects(&lab, Service::Exchange)
        .into_iter()
        .map(|l| l.operation)
        .collect();
    assert_eq!(
        done,
        ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"]
    );
}

#[tokio::test]
async fn senders_notice_every_mistake() {
    let lab = lab(vec![
        DomainSeed::ordinary("contoso.com").signed(),
        DomainSeed::new("adatum.com", DomainKind::Finished),
        DomainSeed::new("proseware.ch", DomainKind::Moved),
    ]);
    let e = lab.endpoints().unwrap();
    // A sender that asks TLSA of an unsigned legacy host waits for ever.
    let sloppy = lab.sender_with("contoso.com", profile(SenderProfile::Sloppy));
    eventually("sloppy defers", async || sloppy.report().deferred > 0).await;
    assert!(
        sloppy
            .report()
            .first_failure
            .unwrap()
            .reason
            .contains("TLSA")
    );
    // A new host that the tenant has not enabled refuses the domain for good.
    let host = lab
        .record_set("adatum.com", "adatum.com", "MX")
        .unwrap()
        .contents[0]
        .clone();
    let early = lab.sender_with("contoso.com", profile(SenderProfile::Opportunistic));
    put_mx(&e, "contoso.com", 2, &[&host]).await;
    eventually("early bounces", async || early.report().bounced > 0).await;
    assert!(
        early
            .report()
            .first_failure
            .is_some_and(|f| f.reason.contains("5.7.64"))
    );
    // Wrong key on one address of two: DANE goes on to the other one, an opportunistic sender sees nothing.
    let dane = lab.sender_with("adatum.com", profile(SenderProfile::Dane));
    eventually("authenticated", async || dane.report().authenticated > 2).await;
    lab.change_faults(|f| f.one_address_wrong_key = true);
    let before = dane.report().attempts;
    eventually("more attempts", async || {
        dane.report().attempts > before + 4
    })
    .await;
    assert_eq!(dane.report().deferred, 0);
    // No STARTTLS: DANE waits, others go on in plain text.
    lab.change_faults(|f| f.no_starttls = true);
    let plain = lab.sender_with("adatum.com", profile(SenderProfile::Opportunistic));
    eventually("dane defers", async || dane.report().deferred > 0).await;
    eventually("plain delivers", async || plain.report().delivered > 0).await;
    lab.change_faults(|f| *f = rollout_lab::Faults::default());
    // Bogus signatures: nobody finds the way.
    let moved = lab.sender_with("proseware.ch", profile(SenderProfile::Opportunistic));
    eventually("delivers", async || moved.report().delivered > 0).await;
    lab.change_faults(|f| {
        f.bogus_zones.insert("proseware.ch".to_owned());
    });
    eventually("defers", async || moved.report().deferred > 0).await;
    assert!(
        moved
            .report()
            .first_failure
            .unwrap()
            .reason
            .contains("Bogus")
    );
}

#[tokio::test]
async fn the_legacy_host_can_go_away_and_port_25_can_hang() {
    let lab = lab(vec![DomainSeed::ordinary("contoso.com")]);
    let sender = lab.sender_with("contoso.com", profile(SenderProfile::Opportunistic));
    eventually("delivers", async || sender.report().delivered > 0).await;
    lab.change_faults(|f| {
        f.legacy_gone.insert("contoso.com".to_owned());
    });
    eventually("fails", async || {
        sender.report().bounced + sender.report().deferred > 0
    })
    .await;
    lab.change_faults(|f| {
        f.legacy_gone.clear();
        f.port_25_hangs = true;
    });
    let failed = sender.report().deferred;
    eventually("hangs", async || sender.report().deferred > failed).await;
    assert!(sender.report().longest_gap > Duration::from_secs(1));
}

#[tokio::test]
async fn policies_are_served_under_the_right_name() {
    let lab = lab(vec![DomainSeed::new(
        "northwind.com",
        DomainKind::EnforcingMtaSts,
    )]);
    let e = lab.endpoints().unwrap();
    drop(http());
    let root = reqwest::Certificate::from_pem(e.https_roots_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([root])
        .resolve("mta-sts.northwind.com", e.mta_sts)
        .resolve("mta-sts.other.com", e.mta_sts)
        .build()
        .unwrap();
    let url = |d: &str| {
        format!(
            "https://mta-sts.{d}:{}/.well-known/mta-sts.txt",
            e.mta_sts.port()
        )
    };
    let get = async || {
        client
            .get(url("northwind.com"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let text = get().await;
    assert!(
        text.contains("mode: enforce\r\nmx: northwind-com.mail.protection.outlook.com\r\n"),
        "{text}"
    );
    assert!(
        client.get(url("other.com")).send().await.is_err(),
        "no certificate for that name"
    );
    let policy = StsPolicy {
        mode: "testing".to_owned(),
        mx: vec!["*.example".to_owned()],
        max_age: 5,
    };
    lab.set_policy("northwind.com", Some(policy));
    assert!(get().await.contains("mode: testing"));
    let resolver = udp(e.resolvers[0]).await;
    let address = ask(&resolver, "mta-sts.northwind.com.", RecordType::A).await;
    assert_eq!(
        address.answers[0].data.to_string(),
        e.mta_sts.ip().to_string()
    );
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn put_away_and_taken_out_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder(std::env::temp_dir().join(format!("rollout-lab-{}", std::process::id())));
    let first = lab(vec![DomainSeed::ordinary("contoso.com").signed()]);
    let e = first.endpoints().unwrap();
    let token = common::token(&e, "outlook.office365.com").await;
    let (_, body) = cmdlet(&e, "Enable-DnssecForVerifiedDomain", "contoso.com").await;
    let host = body["value"][0]["DnssecMxValue"]
        .as_str()
        .unwrap()
        .to_owned();
    put_mx(&e, "contoso.com", 7, &[&format!("0 {host}.")]).await;
    first.change_faults(|f| f.parents_do_not_scan = true);
    first.save(&folder.0).unwrap();
    let (log, faults) = (first.log(), first.faults());
    first.stop();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    assert_eq!(mode(&folder.0.join("laboratory.json")), 0o600);
    let again = Lab::load(&folder.0).unwrap();
    assert_eq!(again.endpoints().unwrap(), e);
    assert_eq!((again.log(), again.faults()), (log, faults));
    let resolver = udp(e.resolvers[0]).await;
    let answer = ask(&resolver, "contoso.com.", RecordType::MX).await;
    assert!(answer.metadata.authentic_data && answer.answers[0].ttl == 7);
    let parameters = json!({"DomainName": "contoso.com"});
    let (status, body) =
        common::raw_cmdlet(&e, &token, "Get-DnssecStatusForVerifiedDomain", parameters)
            .await
            .unwrap();
    assert_eq!(
        status, 200,
        "the old token still opens the restarted laboratory"
    );
    assert!(String::from_utf8(body).unwrap().contains(&host));
    let sender = again.sender_with("contoso.com", profile(SenderProfile::Dane));
    eventually("delivers", async || sender.report().delivered > 0).await;
}

#[test]
fn two_laboratories_live_side_by_side_without_a_runtime_around() {
    let (a, b) = (
        lab(vec![DomainSeed::ordinary("contoso.com")]),
        lab(vec![DomainSeed::ordinary("contoso.com")]),
    );
    let (sa, sb) = (a.sender("contoso.com"), b.sender("contoso.com"));
    let start = std::time::Instant::now();
    while sa.report().delivered == 0 || sb.report().delivered == 0 {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_ne!(
        a.endpoints().unwrap().root_hints,
        b.endpoints().unwrap().root_hints
    );
}
