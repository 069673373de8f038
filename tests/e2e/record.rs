//! `rollout microsoft record`, and answers that nobody understood in the journal.

use std::path::Path;

use rollout_lab::{DomainSeed, Faults, MicrosoftFault, MicrosoftFaultKind as Kind, Shape};
use serde_json::Value;

use crate::inputs::stage::Stage;

fn lasting(stage: &Stage, operation: &str, kind: Kind) {
    stage.bench.lab.change_faults(|faults: &mut Faults| {
        faults.microsoft.push(MicrosoftFault {
            operation: Some(operation.to_owned()),
            kind,
            times: None,
        });
    });
}

fn records(folder: &Path) -> Vec<(String, String)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_tenants_shapes_are_written_without_the_tenant() {
    let stage = Stage::of(DomainSeed::ordinary("northwind-mail.com").signed());
    lasting(&stage, "Get-IPv6StatusForAcceptedDomain", Kind::MissingRole);
    lasting(
        &stage,
        "Get-SmtpDaneInboundStatus",
        Kind::Reshaped(Shape::EnumNumber),
    );
    let out = stage.at("record");
    let out_text = out.display().to_string();
    let before = stage.bench.lab.log().len();
    let records_before = stage.records();
    let ran = stage.run(&["microsoft", "record", "{file}", "--out", &out_text, "-vvv"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.words()
            .contains("Look at each file before you share it"),
        "{ran}"
    );
    assert!(
        ran.words().contains("Get-IPv6StatusForAcceptedDomain: "),
        "{ran}"
    );
    // It only reads.
    assert_eq!(stage.effects(before), Vec::<String>::new());
    assert_eq!(stage.records(), records_before);

    let files = records(&out);
    let e = stage.bench.lab.endpoints().unwrap();
    for (name, text) in &files {
        for own in [
            "northwind",
            e.tenant_id.as_str(),
            e.client_id.as_str(),
            e.client_secret.as_str(),
            "eyJ0",
        ] {
            assert!(
                !text.to_lowercase().contains(&own.to_lowercase()),
                "{own} in {name}: {text}"
            );
        }
        let value: Value = serde_json::from_str(text).unwrap();
        assert!(
            value["status"].is_u64() && value["body"].is_object(),
            "{name}: {text}"
        );
    }
    for call in [
        "Graph-GET-domains-id-200",
        "Graph-GET-domains-id-serviceConfigurationRecords-200",
        "EXOModuleFile-200",
        "Get-AcceptedDomain-200",
        "Get-DnssecStatusForVerifiedDomain-200",
        "Get-SmtpDaneInboundStatus-200",
        "Get-InboundConnector-200",
        "Get-OutboundConnector-200",
        "Get-IPv6StatusForAcceptedDomain-403",
    ] {
        assert!(
            files.iter().any(|(name, _)| name.contains(call)),
            "{call} in {files:?}"
        );
    }
    #[cfg(unix)]
    {
        assert_eq!(mode(&out), 0o700);
        assert!(files.iter().all(|(name, _)| mode(&out.join(name)) == 0o600));
    }

    // What is there is not mixed with something else.
    let again = stage.run(&["microsoft", "record", "{file}", "--out", &out_text]);
    assert_eq!(again.code, Some(2), "{again}");
    assert!(again.words().contains("is not empty"), "{again}");
    assert_eq!(records(&out), files);
}

#[test]
fn without_a_sign_in_nothing_is_written() {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    std::fs::write(stage.at("client-secret"), "wrong-secret-wrong").unwrap();
    let out = stage.at("record");
    let ran = stage.run(&[
        "microsoft",
        "record",
        "{file}",
        "--out",
        &out.display().to_string(),
    ]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    assert!(ran.words().contains("secret"), "{ran}");
    assert!(!out.exists() || records(&out).is_empty(), "{ran}");
}

#[test]
fn an_answer_that_nobody_understood_is_in_the_journal_and_shown_only_when_asked_for() {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    lasting(
        &stage,
        "Get-DnssecStatusForVerifiedDomain",
        Kind::Reshaped(Shape::Unknown),
    );
    let ran = stage.run(&["apply", "{file}", "--yes", "--no-wait"]);
    assert!(matches!(ran.code, Some(1 | 3 | 4)), "{ran}");
    let told = stage.run(&["history", "{domain}"]);
    assert!(told.words().contains("kept as it came"), "{told}");
    assert!(!told.words().contains("answer: {"), "{told}");
    let raw = stage.run(&["history", "{domain}", "--raw"]);
    assert!(raw.words().contains("answer: {"), "{raw}");
    assert!(raw.words().contains("request-id"), "{raw}");
    let json = stage.run(&["history", "{domain}", "--json"]);
    assert_eq!(json.out.matches("\"unread\"").count(), 1, "{json}");
    let why = stage.run(&["why", "{domain}", "--json"]);
    assert!(!why.out.contains("\"body\":\"{"), "{why}");
}
