//! Secrets never reach output, journal, state or saved plans (S10), not even at the loudest.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Known secrets of every sort.
const TSIG: &str = "c2VjcmV0LXRzaWcta2V5LW9mLXRoaXMtdGVzdC0zMg==";
const PROXY: &str = "pr0xy~pass+word/of=this*test";

/// A secret in every form in which it could turn up: as it is, percent-encoded, in Base64 with either alphabet.
fn forms(secret: &str) -> Vec<String> {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let percent: String = secret
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut all = vec![
        secret.to_owned(),
        percent.to_lowercase(),
        percent,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    all.sort();
    all.dedup();
    all
}

/// A domain file beside the laboratory's, with something in it replaced.
fn variant(stage: &Stage, name: &str, change: impl Fn(&str) -> String) {
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let new = change(&text);
    assert_ne!(new, text, "{name}");
    std::fs::write(stage.at(name), new).unwrap();
}

/// What each command is run with, by its name. A command that has none fails the test.
fn commands() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for (command, arguments) in [
        ("plan", "{file} --out {plan}"),
        ("plan", "{folder}/tsig.yml"),
        ("plan", "{folder}/certificate.yml"),
        ("plan", "{folder}/password.yml"),
        ("doctor", "{file}"),
        ("doctor", "{folder}/certificate.yml"),
        ("apply", "{file} --yes --no-wait"),
        ("apply", "{folder}/tsig.yml --yes --no-wait"),
        ("rollback", "{file} --yes --no-wait"),
        ("rollback", "{file} --dnssec --dry-run"),
        ("resume", "--no-wait"),
        ("status", ""),
        ("why", "{domain}"),
        ("history", "{domain}"),
        ("history", "{domain} --verify"),
        ("approve", "{domain} swap"),
        ("pause", "{domain}"),
        ("abort", "{domain}"),
        ("verify", "{file}"),
        ("verify", "{domain} --dns-only"),
        ("init", "{domain}"),
        ("demo", "--dir {folder}/taken"),
        ("microsoft record", "{file} --out {folder}/record"),
        ("microsoft sign-out", "{file}"),
        ("microsoft commands", "{file}"),
        ("dane match", "--chain {folder}/key.pem --name {domain}"),
        ("dane plan", "--dns {folder}/key.pem --domain {domain}"),
        ("tlsrpt", "{folder}/key.pem"),
        ("playbook list", ""),
        ("playbook show", "exchange-dane"),
        ("playbook check", "{file}"),
        ("providers", ""),
        ("dns get", "{domain} @ MX --file {file} --servers"),
        ("dns get", "{domain} @ MX --file {folder}/tsig.yml"),
        ("dns diff", "{domain} @ MX --file {file} --none"),
        (
            "dns set",
            "{domain} x TXT --file {file} --ttl 60 \"x\" --yes",
        ),
        (
            "dns set",
            "{domain} x TXT --provider powerdns --field api_key=file:{folder}/powerdns-key --field url=http://127.0.0.1:1 \
             --ttl 60 \"x\" --yes",
        ),
        ("schema", "domain"),
        ("completions", "bash"),
        ("man", ""),
    ] {
        all.push((command, arguments.split_whitespace().collect()));
    }
    all
}

/// The whole command tree, as clap tells it in the manual pages.
fn tree(stage: &Stage) -> Vec<String> {
    let folder = stage.at("man");
    let ran = stage.run(&["man", &folder.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|page| page.unwrap().file_name().to_string_lossy().into_owned())
        .map(|page| page.trim_end_matches(".1").to_owned())
        .collect();
    std::fs::remove_dir_all(folder).unwrap();
    let is_leaf = |page: &String| !pages.iter().any(|p| p.starts_with(&format!("{page}-")));
    let names = pages.iter().filter(|page| is_leaf(page));
    names
        .filter_map(|page| page.strip_prefix("rollout-").map(str::to_owned))
        .filter(|name| name != "help" && !name.contains("-help"))
        .collect()
}

/// Every command, at its loudest, in both forms of output, with every sort of secret within reach.
#[test]
fn no_command_tells_a_secret() {
    let mut stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let e = stage.bench.lab.endpoints().unwrap();
    let pair = rcgen::generate_simple_self_signed(vec!["contoso.com".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    std::fs::write(stage.at("certificate.pem"), certificate).unwrap();
    std::fs::write(stage.at("key.pem"), &key).unwrap();
    std::fs::write(stage.at("tsig-key"), TSIG).unwrap();
    std::fs::create_dir(stage.at("taken")).unwrap();
    std::fs::write(stage.at("taken/secret"), TSIG).unwrap();
    variant(&stage, "certificate.yml", |text| {
        text.replace("method: client-secret", "method: client-certificate")
            .replace(
                "secret: file:client-secret",
                "certificate: file:certificate.pem\n    key: file:key.pem",
            )
    });
    variant(&stage, "password.yml", |text| {
        let with = format!("http://user:{}@", PROXY.replace('/', "%2F"));
        text.replace("graph: http://", &format!("graph: {with}"))
    });
    variant(&stage, "tsig.yml", |text| {
        let lines = text.lines().map(|line| match line.trim_start() {
            "provider: powerdns" => "  provider: rfc2136".to_owned(),
            l if l.starts_with("url:") => "  server: 127.0.0.1\n  key_name: rollout.".to_owned(),
            l if l.starts_with("api_key:") => "  key_secret: file:tsig-key".to_owned(),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    });
    let proxy = format!("http://user:{PROXY}@127.0.0.1:1");
    stage.env = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
        .map(|name| (name.to_owned(), proxy.clone()))
        .to_vec();
    // The middle of the key: its lines are long enough to be nobody else's.
    let middle = key.lines().nth(1).unwrap();
    let mut secrets: Vec<String> = [&*e.client_secret, &*e.powerdns_key, TSIG, PROXY, middle]
        .into_iter()
        .flat_map(forms)
        .collect();
    secrets.push(PROXY.replace('/', "%2F"));
    // Every access token of the laboratory begins like this.
    secrets.push("eyJ".to_owned());

    let commands = commands();
    let tree = tree(&stage);
    for command in &tree {
        let has_case = commands
            .iter()
            .any(|(c, _)| c.replace(' ', "-") == *command);
        assert!(has_case, "rollout {command} has no case here");
    }
    let folder = stage.at("").display().to_string();
    let folder = folder.trim_end_matches('/');
    let runs: Vec<Vec<String>> = commands
        .iter()
        .filter(|(command, _)| tree.contains(&command.replace(' ', "-")))
        .flat_map(|(command, arguments)| {
            [&[][..], &["--json"]].map(|json| {
                command
                    .split(' ')
                    .chain(arguments.iter().copied())
                    .chain(["-vvv"])
                    .chain(json.iter().copied())
                    .map(|arg| arg.replace("{folder}", folder))
                    .collect()
            })
        })
        .collect();
    // Most of them spend their time waiting for something that does not answer.
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(args) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let args: Vec<&str> = args.iter().map(String::as_str).collect();
                    let ran = stage.run(&args);
                    assert!(matches!(ran.code, Some(0..=5)), "{args:?}: {ran}");
                    check(&args, &ran, &secrets);
                }
            });
        }
    });
    let kept = [
        "client-secret",
        "powerdns-key",
        "key.pem",
        "tsig-key",
        "secret",
        "password.yml",
    ];
    for (path, (_, bytes)) in stage.files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !kept.contains(&name.as_str()) {
            assert_none(&path.display().to_string(), &bytes, &secrets);
        }
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
