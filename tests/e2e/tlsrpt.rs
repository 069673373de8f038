//! `rollout tlsrpt`: files, folders and standard input, and the exit codes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn report(id: &str, policy: &str, failed: u64) -> String {
    let details = if failed == 0 {
        serde_json::json!([])
    } else {
        serde_json::json!([{"result-type": "tlsa-invalid", "sending-mta-ip": "198.51.100.1", "receiving-mx-hostname": "mx1.contoso.com", "failed-session-count": failed}])
    };
    serde_json::json!({
        "organization-name": "Fabrikam", "report-id": id, "contact-info": "tls@fabrikam.com",
        "date-range": {"start-datetime": "2026-11-01T00:00:00Z", "end-datetime": "2026-11-01T23:59:59Z"},
        "policies": [{
            "policy": {"policy-type": policy, "policy-domain": "contoso.com"},
            "summary": {"total-successful-session-count": 90, "total-failure-session-count": failed},
            "failure-details": details,
        }],
    })
    .to_string()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().stdout
}

fn run(folder: &Path, args: &[&str], input: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .arg("tlsrpt")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where nothing is read from it, it may be closed already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn files_folders_and_standard_input_have_their_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("all")).unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::write(at("good.json"), report("1", "tlsa", 0)).unwrap();
    std::fs::write(at("bad.json.gz"), gzip(&report("2", "tlsa", 7))).unwrap();
    std::fs::write(at("broken.json"), "{\"report-id\": \"\u{1b}[2J").unwrap();
    std::fs::write(at("all/a.json"), report("3", "tlsa", 0)).unwrap();
    std::fs::write(at("all/b.gz"), gzip(&report("4", "tlsa", 5))).unwrap();
    std::fs::write(at("all/notes.txt"), "not a report").unwrap();
    let rows: [(&[&str], &str, i32, &[&str]); 9] = [
        (
            &["good.json"],
            "",
            0,
            &[
                "contoso.com: 90 sessions",
                "none failed",
                "1 report counted",
            ],
        ),
        (
            &["bad.json.gz"],
            "",
            1,
            &[
                "tlsrpt.tlsa-invalid",
                "7 sessions failed",
                "mx1.contoso.com",
                "198.51.100.1",
            ],
        ),
        (
            &["good.json", "good.json"],
            "",
            0,
            &["1 report counted; 1 report came more than once"],
        ),
        (&["all"], "", 1, &["2 reports counted", "5 sessions failed"]),
        (
            &["good.json", "all", "bad.json.gz"],
            "",
            1,
            &["4 reports counted", "12 sessions failed"],
        ),
        (
            &["broken.json", "good.json"],
            "",
            3,
            &[
                "tlsrpt.unreadable",
                "broken.json was not counted",
                "1 report counted",
            ],
        ),
        (&["-"], &report("5", "tlsa", 3), 1, &["3 sessions failed"]),
        (
            &["nowhere.json"],
            "",
            2,
            &["cannot read the report nowhere.json"],
        ),
        (&["empty"], "", 2, &["holds no report"]),
    ];
    for (args, input, exit, wanted) in rows {
        let (code, text) = run(folder.path(), args, input);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(code, Some(exit), "{args:?}: {text}");
        for wanted in wanted {
            assert!(words.contains(wanted), "{args:?}: {wanted}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{args:?}: {text:?}");
    }
    assert_eq!(run(folder.path(), &[], "").0, Some(2));
    assert_eq!(run(folder.path(), &["--rules"], "").0, Some(0));
}

#[test]
fn programs_get_every_count_and_a_finding_a_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.json"), report("2", "tlsa", 7)).unwrap();
    let (code, text) = run(folder.path(), &["bad.json", "--json"], "");
    assert_eq!(code, Some(1));
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["command"], "tlsrpt");
    assert_eq!(lines[1]["type"], "tls-reports");
    assert_eq!(lines[1]["domain"], "contoso.com");
    assert_eq!(
        (&lines[1]["successful"], &lines[1]["failed"]),
        (&90.into(), &7.into())
    );
    assert_eq!(lines[1]["failures"][0]["result"], "tlsa-invalid");
    assert_eq!(lines[1]["failures"][0]["sending_mta"], "198.51.100.1");
    assert_eq!(lines[1]["failures"][0]["receiving_mx"], "mx1.contoso.com");
    assert_eq!(lines[1]["failures"][0]["sessions"], 7);
    assert_eq!(
        (&lines[2]["type"], &lines[2]["id"]),
        (&"finding".into(), &"tlsrpt.tlsa-invalid".into())
    );
    assert_eq!(lines[2]["about"], "contoso.com");
    assert_eq!(
        (&lines[3]["type"], &lines[3]["exit"]),
        (&"end".into(), &1.into())
    );
}

/// Where the domain file says where reports go, the run asks senders for them before the move; a record that is there stays.
#[test]
fn the_record_is_added_before_the_move_and_only_where_there_is_none() {
    use rollout_lab::{DomainKind, DomainSeed};
    let asks = |seed: DomainSeed| {
        let stage = crate::inputs::stage::Stage::of(seed);
        stage.append("reports: { tlsrpt: \"mailto:tls@contoso.com\" }\n");
        let ran = stage.run(&["apply", "{file}", "--yes", "--wait", "--until", "tls-rpt"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let lab = &stage.bench.lab;
        let set = lab.record_set("contoso.com", "_smtp._tls.contoso.com", "TXT");
        (set.unwrap().contents, ran.words())
    };
    let (added, said) = asks(DomainSeed::ordinary("contoso.com").signed());
    assert_eq!(added, ["\"v=TLSRPTv1; rua=mailto:tls@contoso.com\""]);
    assert!(
        said.contains("+ _smtp._tls.contoso.com. 3600 IN TXT"),
        "{said}"
    );
    let enforcing = DomainSeed::new("contoso.com", DomainKind::EnforcingMtaSts).signed();
    let (kept, said) = asks(enforcing);
    assert_eq!(kept, ["\"v=TLSRPTv1; rua=mailto:tls-reports@contoso.com\""]);
    assert!(!said.contains("+ _smtp._tls.contoso.com"), "{said}");
}
