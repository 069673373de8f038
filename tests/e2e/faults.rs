//! Every fault of Microsoft's services, with the real binary on the embedded laboratory: what the user sees, the exit
//! code, that nothing is sent twice, and that the run goes on when the fault is over. One table, in parts by where it hits.

mod answers;
mod case;
mod changes;
mod dane;
mod graph;
mod reads;
mod tokens;

#[test]
fn every_fault_is_explained_survived_and_nothing_is_sent_twice() {
    let mut cases = reads::cases();
    cases.extend(answers::cases());
    cases.extend(tokens::cases());
    cases.extend(graph::cases());
    cases.extend(changes::cases());
    cases.extend(dane::cases());
    case::run_all(cases);
}

/// The demo with faults ends in the same proof as the ordinary one, and tells of each fault what became of it.
#[test]
fn the_demo_with_faults_ends_in_the_same_proof() {
    let folder = tempfile::tempdir().unwrap();
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_rollout"))
        .env_clear()
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .args(["demo", "--with-faults"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ran.status.code(), Some(0), "{text}");
    let told = words
        .split_once("What went wrong, and what became of it")
        .unwrap()
        .1;
    assert_eq!(words.matches("Fault: ").count(), 7, "{text}");
    assert!(!told.contains("never struck"), "{text}");
    for wanted in [
        "Get-AcceptedDomain: 429, then 200",
        "Get-DnssecStatusForVerifiedDomain: 200 with an error, then 200",
        "GET serviceConfigurationRecords: 503, then 200",
        "Enable-DnssecForVerifiedDomain: once, took effect once",
        "Enable-SmtpDaneInbound: once, took effect once",
        "did not send it again; read the state back instead",
        "signed in anew with the claims (1 token)",
        "ns2.nameservice.net",
        "What others see now",
        "protected by DANE",
    ] {
        assert!(told.contains(wanted), "{wanted}: {text}");
    }
    let proof = text.split_once("What others see now").unwrap().1;
    assert!(!proof.contains("\n  no  "), "{text}");
}
