//! `rollout dane plan`: what a sender would do, by records from a file, with its exit codes.

use std::process::Command;

fn run(dns: &str, domain: &str, more: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dns.json");
    std::fs::write(&file, dns).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .args(["dane", "plan", "--domain", domain, "--dns"])
        .arg(&file)
        .args(more)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// Two hosts: one signed with TLSA by way of an alias, the old one unsigned, and its TLSA lookup fails.
fn records() -> String {
    serde_json::json!({
        "all_authentic": true,
        "mx": {
            "contoso.test": ["10 nick.contoso.test", "20 old.outlook.test"],
            "mute.test": ["10 mute.contoso.test"],
            "never.test": ["0 ."],
            "bogus.test": ["10 mail.contoso.test"],
        },
        "a": {
            "mail.contoso.test": ["192.0.2.1"], "old.outlook.test": ["192.0.2.2"], "mute.contoso.test": ["192.0.2.3"],
        },
        "cname": {"nick.contoso.test": "mail.contoso.test"},
        "tlsa": {"_25._tcp.mail.contoso.test": [format!("3 1 1 {}", "ab".repeat(32))]},
        "inauthentic": ["a old.outlook.test", "aaaa old.outlook.test"],
        "bogus": ["mx bogus.test"],
        "fail": ["tlsa _25._tcp.old.outlook.test", "tlsa _25._tcp.mute.contoso.test", "mx lost.test"],
    })
    .to_string()
}

#[test]
fn each_end_has_its_exit_code_and_its_reason() {
    for (domain, exit, words) in [
        ("contoso.test", 0, "must match a TLSA record"),
        ("contoso.test", 0, "alias of mail.contoso.test"),
        ("Contoso.Test.", 0, "the host's addresses are not signed"),
        ("192.0.2.9", 0, "DANE does not apply"),
        ("never.test", 1, "takes no mail"),
        ("bogus.test", 1, "mail waits"),
        ("nowhere.test", 1, "it has no address"),
        ("mute.test", 3, "could not tell"),
        ("lost.test", 3, "mail waits"),
    ] {
        let (code, text) = run(&records(), domain, &["--no-color"]);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(code, Some(exit), "{domain}: {text}");
        assert!(text.contains(words), "{domain}: {text}");
    }
    // The gravest of several domains counts.
    let (code, text) = run(&records(), "contoso.test", &["--domain", "lost.test"]);
    assert_eq!(code, Some(3), "{text}");
}

#[test]
fn programs_get_an_object_per_domain() {
    let (code, text) = run(&records(), "contoso.test", &["--json"]);
    assert_eq!(code, Some(0), "{text}");
    let object: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(object["type"], "dane-plan");
    assert_eq!(object["route"]["route"], "mx");
    assert_eq!(object["mx_secure"], true);
    let (first, second) = (&object["hosts"][0], &object["hosts"][1]);
    assert_eq!(first["base"], "mail.contoso.test");
    assert_eq!(first["action"]["demand"], "authenticate");
    assert_eq!(
        first["names"],
        serde_json::json!(["mail.contoso.test", "contoso.test"])
    );
    assert_eq!(second["tlsa"], "not-asked");
    assert_eq!(second["dane_required"], false);
}

#[test]
fn bad_input_is_refused_with_2() {
    for (dns, words) in [
        ("", "right form"),
        ("{\"mx\": {\"a.test\": [\"mail\"]}}", "preference and host"),
        ("{\"fail\": [\"mx\"]}", "names no record set"),
    ] {
        let (code, text) = run(dns, "a.test", &[]);
        assert_eq!(code, Some(2), "{dns}: {text}");
        assert!(text.contains(words), "{dns}: {text}");
    }
}
