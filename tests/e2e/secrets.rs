//! Secrets never reach output, journal, state or saved plans (S10), not even at the loudest.

use std::process::Command;

use base64::Engine as _;
use rollout_lab::DomainSeed;

use crate::inputs::stage::{Ran, Stage};

/// Every spelling in which a secret of the laboratory could turn up.
fn spellings(stage: &Stage) -> Vec<String> {
    let e = stage.bench.lab.endpoints().unwrap();
    let basic = format!("{}:{}", e.client_id, e.client_secret);
    let mut all = Vec::new();
    for secret in [e.client_secret, e.powerdns_key, basic] {
        all.push(base64::engine::general_purpose::STANDARD_NO_PAD.encode(&secret));
        all.push(secret);
    }
    // Every access token of the laboratory begins like this.
    all.push("eyJ".to_owned());
    all
}

fn assert_none(what: &str, bytes: &[u8], secrets: &[String]) {
    for secret in secrets {
        let found = bytes
            .windows(secret.len())
            .position(|window| window == secret.as_bytes());
        if let Some(at) = found {
            let from = at.saturating_sub(200);
            let to = (at + 60).min(bytes.len());
            panic!(
                "{secret} is in {what}: {}",
                String::from_utf8_lossy(&bytes[from..to])
            );
        }
    }
}

#[test]
fn secrets_never_leave_their_files() {
    let mut stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let secrets = spellings(&stage);
    for log in ["", "trace"] {
        stage.env = vec![("RUST_LOG".to_owned(), log.to_owned())];
        walk_through(&stage, &secrets);
    }
    // Every file but the two that hold them: the journal, the state, its log, the saved plan.
    for (path, (_, bytes)) in stage.files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name != "client-secret" && name != "powerdns-key" {
            assert_none(&path.display().to_string(), &bytes, &secrets);
        }
    }
    assert!(stage.files().keys().any(|path| path.ends_with("plan.json")));
    assert!(
        stage
            .files()
            .keys()
            .any(|path| path.ends_with("rollout.db"))
    );
}

fn walk_through(stage: &Stage, secrets: &[String]) {
    for args in [
        &["plan", "{file}", "--out", "{plan}"][..],
        &["plan", "{file}", "--json"],
        &["apply", "{file}", "--yes", "--no-wait"],
        &["resume", "--no-wait"],
        &["status"],
        &["why", "{domain}"],
        &["history", "{domain}"],
        &["history", "{domain}", "--json"],
        &["approve", "{domain}", "swap"],
        &["pause", "{domain}"],
        &["abort", "{domain}"],
        &["resume", "--no-wait", "--json"],
    ] {
        let args: Vec<&str> = args.iter().copied().chain(["-vvv"]).collect();
        let ran = stage.run(&args);
        assert!(matches!(ran.code, Some(0..=4)), "{args:?}: {ran}");
        if args.contains(&"plan") {
            // Loud it was: silence would prove nothing.
            assert!(
                ran.err.contains("DEBUG") || ran.err.contains("TRACE"),
                "{ran}"
            );
        }
        check(&args, &ran, secrets);
    }
}

fn check(args: &[&str], ran: &Ran, secrets: &[String]) {
    let what = format!("{args:?}");
    assert_none(&what, ran.out.as_bytes(), secrets);
    assert_none(&what, ran.err.as_bytes(), secrets);
}

/// The same for a sign-in and a provider that say no and repeat what they were given.
#[test]
fn a_wrong_secret_is_not_shown_either() {
    let mut stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let wrong = "Zq8~wrong+secret/with=signs";
    std::fs::write(stage.at("client-secret"), wrong).unwrap();
    std::fs::write(stage.at("powerdns-key"), wrong).unwrap();
    stage.env = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let secrets = [wrong.to_owned(), "Zq8%7Ewrong%2Bsecret".to_owned()];
    for args in [
        &["plan", "{file}", "-vvv"][..],
        &["apply", "{file}", "--yes", "--no-wait", "-vvv"],
        &["plan", "{file}", "--json", "-vvv"],
    ] {
        let ran = stage.run(args);
        assert_eq!(ran.code, Some(1), "{ran}");
        check(args, &ran, &secrets);
    }
}

/// No secret in the arguments of any process: everything the tool starts is visible to every user.
#[test]
fn no_flag_takes_a_secret() {
    let help = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .args(["apply", "--help"])
        .output()
        .unwrap();
    let text = String::from_utf8(help.stdout).unwrap().to_lowercase();
    for word in ["--secret", "--password", "--token", "--api-key"] {
        assert!(!text.contains(word), "{word}");
    }
}
