//! `rollout dane match`: each outcome with its exit code, and bad input.

use std::path::PathBuf;
use std::process::Command;

use rollout_servers::certificates::Authority;

struct Case {
    folder: tempfile::TempDir,
    matching: String,
    anchor: String,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Authority::new("a test CA").issue(&["mx.example.com"]);
        std::fs::write(folder.path().join("chain.pem"), &certificate.chain_pem).unwrap();
        std::fs::write(folder.path().join("empty.pem"), "no certificate").unwrap();
        Self {
            folder,
            matching: certificate.tlsa_3_1_1,
            anchor: certificate.tlsa_2_0_1,
        }
    }

    fn run(&self, tlsa: &[&str], chain: &str, name: &str, more: &[&str]) -> (Option<i32>, String) {
        let chain: PathBuf = self.folder.path().join(chain);
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollout"));
        command
            .args(["dane", "match", "--name", name, "--chain"])
            .arg(chain);
        for record in tlsa {
            command.args(["--tlsa", record]);
        }
        let output = command.args(more).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }
}

#[test]
fn each_outcome_has_its_exit_code_and_its_reason() {
    let case = Case::new();
    let zero = format!("3 1 1 {}", "00".repeat(32));
    let pkix = format!("1 1 1 {}", "00".repeat(32));
    let table: &[(&[&str], &str, i32, &str)] = &[
        (&[&case.matching], "mx.example.com", 0, "authenticated"),
        (
            &[&zero, &case.matching],
            "mx.example.com",
            0,
            "matches at depth 0",
        ),
        // Usage 3 looks at no name, usage 2 does.
        (&[&case.matching], "other.example.com", 0, "authenticated"),
        (&[&case.anchor], "mx.example.com", 0, "matches at depth 1"),
        (&[&case.anchor], "other.example.com", 1, "mismatch"),
        (&[&zero], "mx.example.com", 1, "does not match"),
        (&[&pkix], "mx.example.com", 3, "unusable"),
        (&[], "mx.example.com", 3, "none"),
    ];
    for (tlsa, name, exit, words) in table {
        let (code, text) = case.run(tlsa, "chain.pem", name, &[]);
        assert_eq!(code, Some(*exit), "{tlsa:?} {name}: {text}");
        assert!(text.contains(words), "{tlsa:?} {name}: {text}");
    }
}

#[test]
fn the_outcome_is_a_key_of_the_json() {
    let case = Case::new();
    let (code, text) = case.run(
        &[&case.matching],
        "chain.pem",
        "mx.example.com",
        &["--json"],
    );
    assert_eq!(code, Some(0), "{text}");
    let object: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(object["outcome"], "authenticated", "{text}");
    assert_eq!(object["depth"], 0, "{text}");
}

#[test]
fn each_kind_of_record_is_judged_by_itself_and_what_would_match_is_named() {
    let case = Case::new();
    let zero = format!("3 0 1 {}", "00".repeat(32));
    let given: &[&str] = &[&case.matching, &zero];
    let (code, text) = case.run(given, "chain.pem", "mx.example.com", &[]);
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "only 3 1 1 records: deliver",
        "only 3 0 1 records: do not deliver",
        &format!("would match {} (given)", case.matching),
        &format!("would match {}", case.anchor),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (_, text) = case.run(given, "chain.pem", "mx.example.com", &["--json"]);
    let object: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(object["parameter_sets"][0]["fits"], false, "{text}");
    assert_eq!(object["parameter_sets"][1]["fits"], true, "{text}");
    assert_eq!(object["would_match"][0]["usage"], 3, "{text}");
    // A chain for another name: the anchor would not match.
    let (_, text) = case.run(given, "chain.pem", "other.example.com", &[]);
    assert!(!text.contains("would match 2"), "{text}");
}

#[test]
fn outside_its_time_a_chain_under_an_anchor_does_not_match() {
    let case = Case::new();
    let early = ["--at", "1970-01-02T00:00:00Z"];
    let (code, text) = case.run(&[&case.anchor], "chain.pem", "mx.example.com", &early);
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = case.run(&[&case.matching], "chain.pem", "mx.example.com", &early);
    assert_eq!(code, Some(0), "usage 3 looks at no date: {text}");
}

#[test]
fn bad_input_is_refused_with_2() {
    let case = Case::new();
    for (tlsa, chain, words) in [
        ("3 1 1 xyz", "chain.pem", "hexadecimal"),
        ("3 1 1 abc", "chain.pem", "hexadecimal"),
        ("3 1 1", "chain.pem", "missing"),
        ("3 1 300 ab", "chain.pem", "0 to 255"),
        ("3 1 1 ab", "empty.pem", "no certificate"),
    ] {
        let (code, text) = case.run(&[tlsa], chain, "mx.example.com", &[]);
        assert_eq!(code, Some(2), "{tlsa} {chain}: {text}");
        assert!(text.contains(words), "{tlsa} {chain}: {text}");
    }
}
