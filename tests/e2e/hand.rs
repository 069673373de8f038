//! A person runs the cmdlets, and gives what they printed.

use rollout_lab::{DomainSeed, RecordSet};

use crate::inputs::stage::{Ran, Stage};

fn stage() -> Stage {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let (before, rest) = text.split_once("microsoft:\n").unwrap();
    let (_, after) = rest.split_once("\ndns:").unwrap();
    let text = format!("{before}microsoft: {{ backend: manual }}\n\ndns:{after}");
    std::fs::write(&stage.file, text).unwrap();
    stage
}

fn with_answer(stage: &Stage, command: &[&str], text: &str) -> Ran {
    let path = stage.at("pasted.txt");
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    let args: Vec<&str> = command.iter().copied().chain(["--answer", &path]).collect();
    stage.run(&args)
}

const LOOK: &[&str] = &["apply", "{file}", "--yes", "--no-wait"];

#[test]
fn a_tenant_is_judged_by_what_a_person_pasted() {
    let stage = stage();
    let plan = stage.run(&["plan", "{file}"]);
    assert_eq!(plan.code, Some(0), "{plan}");
    assert!(
        plan.words().contains("rollout microsoft commands"),
        "{plan}"
    );
    let pasted = "DomainName     : contoso.com\nDomainType     : InternalRelay\nSmtpDaneStatus : Disabled\n\n\
                  {\"DnssecFeatureStatus\":\"Disabled\",\"Errors\":[\"EG001: a thing of the service\"]}\n";
    let plan = with_answer(&stage, &["plan", "{file}"], pasted);
    assert_eq!(plan.code, Some(0), "{plan}");
    for wanted in [
        "as pasted by",
        "InternalRelay",
        "EG001",
        "Get-AcceptedDomain, Get-DnssecStatusForVerifiedDomain",
    ] {
        assert!(plan.words().contains(wanted), "{wanted}: {plan}");
    }
    // Neither a plan nor a paste changes anything.
    assert_eq!(stage.effects(0), Vec::<String>::new());
    assert!(!stage.state.exists());
}

#[test]
fn pasted_output_drives_the_run_and_never_proves_what_dns_shows() {
    let stage = stage();
    let ran = stage.run(LOOK);
    assert_eq!(ran.code, Some(4), "{ran}");
    for wanted in [
        "Install-Module -Name ExchangeOnlineManagement",
        "Connect-ExchangeOnline",
        "--answer PASTED",
        "resolves with a valid DNSSEC signature",
    ] {
        assert!(ran.words().contains(wanted), "{wanted}: {ran}");
    }
    // What cannot be used is refused before anything else, and nothing is lost.
    for (text, wanted) in [
        ("", "Nothing was pasted"),
        ("DnssecMxValue : contoso-com.o-v1.mx.mic…", "cut off"),
        (
            "DnssecMxValue : a.x-v1.mx.microsoft\nResult : Failure\n",
            "Result is Failure",
        ),
        (
            "DomainName : fabrikam.com\nDomainType : Authoritative\n",
            "not about contoso.com",
        ),
    ] {
        let bad = with_answer(&stage, LOOK, text);
        assert_eq!(bad.code, Some(2), "{text:?}: {bad}");
        assert!(bad.words().contains(wanted), "{text:?}: {bad}");
    }
    let gone = stage.run(&[
        "apply",
        "{file}",
        "--yes",
        "--no-wait",
        "--answer",
        "/nowhere/x",
    ]);
    assert_eq!(gone.code, Some(1), "{gone}");

    let host = stage.enable_dnssec_by_hand();
    let told = with_answer(
        &stage,
        LOOK,
        &format!(
            "\u{feff}PS C:\\> Enable-DnssecForVerifiedDomain -DomainName 'contoso.com'\r\n\r\nDnssecMxValue : {host}\r\nResult        : Success\r\nErrorData     : \r\n"
        ),
    );
    assert_eq!(told.code, Some(4), "{told}");
    let other = with_answer(&stage, LOOK, "other.x-v1.mx.microsoft");
    assert_eq!(other.code, Some(2), "{other}");
    assert!(other.words().contains("contradicts"), "{other}");
    let journal = stage.run(&["history", "{domain}", "--json"]);
    assert!(
        journal.out.contains("\"pasted\"") && journal.out.contains(&host),
        "{journal}"
    );

    // A person claims that DANE is on: it is still asked for, because no TLSA record is there.
    let claim =
        "DomainName     : contoso.com\nDomainType     : Authoritative\nSmtpDaneStatus : Enabled\n";
    assert_eq!(with_answer(&stage, LOOK, claim).code, Some(4));
    let begun = std::time::Instant::now();
    let mut asked = false;
    loop {
        let ran = stage.run(LOOK);
        if ran.code == Some(0) {
            break;
        }
        assert_eq!(ran.code, Some(4), "{ran}");
        if !asked
            && ran
                .words()
                .contains("Enable-SmtpDaneInbound -DomainName 'contoso.com'")
        {
            asked = true;
            stage.cmdlet("Enable-SmtpDaneInbound");
        }
        assert!(begun.elapsed().as_secs() < 90, "{ran}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    assert!(asked);
    let mx = stage
        .bench
        .lab
        .record_set("contoso.com", "contoso.com", "MX");
    let mx: RecordSet = mx.unwrap();
    assert_eq!(mx.contents, [format!("0 {host}.")]);
}
