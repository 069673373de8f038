//! `rollout verify` as a program: exit codes, lists, wishes, JSON lines, watching.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use rollout::dane::Prober;
use rollout::surroundings::Surroundings;
use rollout::verify::{Extent, Verifier};
use rollout_lab::{DomainKind, DomainSeed, Edit, Options, RecordSet};
use serde_json::Value;

use crate::support::{Bench, quick};

/// Protected, on the way, unsigned.
fn bench() -> Bench {
    Bench::start(Options {
        timing: quick(),
        ..Options::with_domains([
            DomainSeed::new("adatum.com", DomainKind::Finished),
            DomainSeed::new("proseware.ch", DomainKind::Moved),
            DomainSeed::ordinary("contoso.com"),
        ])
    })
}

/// The command in the laboratory, by the environment.
fn rollout(bench: &Bench, args: &[&str]) -> Command {
    let endpoints = bench.lab.endpoints().unwrap();
    let folder = bench.folder.path();
    // The domain file's neighbours hold what the variables point to.
    bench.file("adatum.com", "");
    let roots: Vec<String> = endpoints
        .root_hints
        .iter()
        .map(|root| format!("{}={}", root.name, root.address))
        .collect();
    let resolvers: Vec<String> = endpoints
        .resolvers
        .iter()
        .enumerate()
        .map(|(index, address)| format!("r{index}={address}"))
        .collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollout"));
    command
        .arg("verify")
        .args(args)
        .env("ROLLOUT_DNS_ROOTS", roots.join(","))
        .env("ROLLOUT_DNS_PORT", endpoints.dns_port.to_string())
        .env("ROLLOUT_TRUST_ANCHOR", &endpoints.trust_anchor.dnskey)
        .env("ROLLOUT_RESOLVERS", resolvers.join(","))
        .env("ROLLOUT_SMTP_PORT", endpoints.smtp_port.to_string())
        .env(
            "ROLLOUT_HTTPS_ROOTS",
            format!("file:{}", folder.join("roots.pem").display()),
        )
        .env("ROLLOUT_MTA_STS_ADDRESS", endpoints.mta_sts.to_string())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    fn objects(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The last object of this type about this domain.
    fn of(&self, kind: &str, domain: &str) -> Value {
        let all = self.objects();
        let found = all
            .iter()
            .rfind(|o| o["type"] == kind && o["domain"] == domain);
        found
            .unwrap_or_else(|| panic!("no {kind} of {domain}: {self}"))
            .clone()
    }

    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit {:?}\n{}\n--- stderr\n{}",
            self.code, self.out, self.err
        )
    }
}

fn run(bench: &Bench, args: &[&str]) -> Ran {
    rollout(bench, args).output().unwrap().into()
}

fn fed(bench: &Bench, args: &[&str], stdin: &[u8]) -> Ran {
    let mut child = rollout(bench, args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_exit_code_is_the_verdict() {
    let bench = bench();
    let ran = run(&bench, &["adatum.com"]).exits(0);
    assert!(ran.out.starts_with("adatum.com: safe"), "{ran}");
    assert!(ran.out.contains("authenticated"), "{ran}");

    let ran = run(&bench, &["contoso.com"]).exits(1);
    assert!(
        ran.out.contains("[dnssec.unsigned]") && ran.out.contains("mend: "),
        "{ran}"
    );
    // Its mail arrives all the same.
    run(&bench, &["--for", "delivery", "contoso.com"]).exits(0);
    // Moved, without TLSA.
    let ran = run(&bench, &["proseware.ch", "--json"]).exits(1);
    assert!(
        ran.objects().iter().any(|o| o["id"] == "tlsa.none"),
        "{ran}"
    );

    let ran = run(&bench, &["no-such-name.com"]).exits(1);
    assert!(ran.out.contains("[mx.no-such-domain]"), "{ran}");
    // By a domain file alone, without the environment.
    let file = bench.file("adatum.com", "");
    let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .args(["verify".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    Ran::from(output).exits(0);
}

#[test]
fn what_was_not_told_is_3_and_is_never_called_safe() {
    let bench = bench();
    bench
        .lab
        .change_faults(|faults| faults.port_25_hangs = true);
    let ran = run(&bench, &["adatum.com", "--json"]).exits(3);
    let verdict = ran.of("verdict", "adatum.com");
    assert_eq!(
        (&verdict["verdict"], &verdict["exit"]),
        (&"could-not-tell".into(), &3.into())
    );
    assert!(
        !verdict["headline"]
            .as_str()
            .unwrap()
            .contains("mail arrives"),
        "{verdict}"
    );
    assert!(
        ran.objects().iter().any(|o| o["id"] == "smtp.unreached"),
        "{ran}"
    );
    // Asked for the DNS alone nobody is probed, and nothing is said of the hosts.
    let ran = run(&bench, &["adatum.com", "--dns-only"]).exits(0);
    assert!(
        ran.out.contains("no host was probed") && !ran.out.contains("mail arrives"),
        "{ran}"
    );
    assert!(ran.out.contains("not-probed"), "{ran}");
    bench
        .lab
        .change_faults(|faults| faults.port_25_hangs = false);

    bench
        .lab
        .change_faults(|faults| _ = faults.resolvers_failing.insert(0));
    let ran = run(&bench, &["adatum.com", "--json"]).exits(3);
    assert!(
        ran.objects().iter().any(|o| o["id"] == "vantage.failed"),
        "{ran}"
    );
    run(&bench, &["adatum.com", "--resolvers", "none"]).exits(0);
    bench
        .lab
        .change_faults(|faults| faults.resolvers_failing.clear());

    // One where nothing listens at all.
    let dead = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = format!("dead={}", dead.local_addr().unwrap());
    let ran = run(&bench, &["adatum.com", "--resolvers", &dead]).exits(3);
    assert!(ran.out.contains("dead"), "{ran}");
}

/// The chain of each address of the domain's hosts, as `HOST=ADDRESS=FILE`; `wrong` stands for the first one.
fn captured(bench: &Bench, domain: &str, wrong: Option<&[u8]>) -> Vec<String> {
    crate::support::install_crypto();
    let loaded = crate::support::load(&bench.file(domain, ""));
    let around = Surroundings::of(&loaded.file);
    let prober = Some(Prober::new(around.smtp()));
    let verifier = Verifier::open(&around, Extent::Full, prober).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let view = runtime.block_on(verifier.look(domain));
    let mut wrong = wrong;
    let mut all = Vec::new();
    for host in &view.hosts {
        for address in &host.view.addresses {
            let path = bench.folder.path().join(format!("{}.pem", all.len()));
            let chain = address.probe.result.chain().unwrap();
            let mut pem = String::new();
            for certificate in chain {
                let der = certificate.bytes();
                let der = wrong.take().unwrap_or_else(|| der.as_ref());
                let text = base64::engine::general_purpose::STANDARD.encode(der);
                pem += &format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
            }
            std::fs::write(&path, pem).unwrap();
            let (host, address) = (&host.view.host, address.address);
            all.push(format!("{host}={address}={}", path.display()));
        }
    }
    assert!(all.len() > 1, "{all:?}");
    all
}

/// A machine without port 25: the DNS and chains captured elsewhere are judged, and no host is talked to.
#[test]
fn captured_chains_are_judged_beside_the_dns_and_nobody_is_dialled() {
    let bench = bench();
    let chains = captured(&bench, "adatum.com", None);
    // Whoever dials a mail host is heard here, whatever its address.
    let ear = std::net::TcpListener::bind("[::]:0").unwrap();
    ear.set_nonblocking(true).unwrap();
    let port = ear.local_addr().unwrap().port().to_string();
    let with = |chains: &[String]| {
        let mut args = vec!["adatum.com", "--dns-only", "--json"];
        for chain in chains {
            args.extend(["--from-chain", chain]);
        }
        let mut command = rollout(&bench, &args);
        let ran = command.env("ROLLOUT_SMTP_PORT", &port).output().unwrap();
        let ran = Ran::from(ran);
        let heard = ear.accept();
        assert!(heard.is_err(), "{heard:?} dialled: {ran}");
        ran
    };
    let outcomes = |ran: &Ran| -> Vec<String> {
        let all = ran.objects().into_iter();
        all.filter(|o| o["type"] == "address")
            .map(|o| o["outcome"].as_str().unwrap().to_owned())
            .collect()
    };
    let ran = with(&chains).exits(0);
    assert!(outcomes(&ran).iter().all(|o| o == "authenticated"), "{ran}");
    let verdict = ran.of("verdict", "adatum.com");
    let headline = verdict["headline"].as_str().unwrap();
    assert!(
        headline.contains("captured chains are right") && !headline.contains("mail arrives"),
        "{ran}"
    );

    // One chain is missing: of that address nothing is known, and that is said.
    let ran = with(&chains[1..]).exits(0);
    let said = outcomes(&ran);
    assert!(
        said.contains(&"not-probed".to_owned()) && said.contains(&"authenticated".to_owned()),
        "{ran}"
    );
    assert!(
        ran.objects().iter().any(|o| o["id"] == "smtp.not-probed"),
        "{ran}"
    );

    // One is of another server.
    let other = rcgen::generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let chains = captured(&bench, "adatum.com", Some(other.cert.der()));
    let ran = with(&chains).exits(1);
    assert!(
        ran.objects().iter().any(|o| o["id"] == "tlsa.mismatch"),
        "{ran}"
    );
    run(
        &bench,
        &["adatum.com", "--dns-only", "--from-chain", "nonsense"],
    )
    .exits(2);
}

/// Signed, and still on the old host: by the RFC nobody asks that host for TLSA, and some do.
#[test]
fn senders_that_ask_where_they_should_not_are_shown_and_not_counted() {
    let bench = Bench::start(Options {
        timing: quick(),
        ..Options::with_domains([DomainSeed::ordinary("contoso.com").signed()])
    });
    let ran = run(&bench, &["contoso.com", "--for", "delivery", "--json"]).exits(0);
    let all = ran.objects();
    let note = all.iter().find(|o| o["id"] == "sender.sloppy");
    assert_eq!(note.unwrap_or_else(|| panic!("{ran}"))["severity"], "note");
    let sender = |name: &str| all.iter().find(|o| o["profile"] == name).unwrap();
    assert_eq!(sender("rfc")["arrives"], "yes", "{ran}");
    assert_eq!(sender("sloppy")["arrives"], "could-not-tell", "{ran}");
    let verdict = ran.of("verdict", "contoso.com");
    assert_eq!(verdict["safety"], "unprotected", "{verdict}");
    assert!(
        !verdict["short_of_it"]
            .as_array()
            .unwrap()
            .contains(&"sloppy".into()),
        "{verdict}"
    );
}

#[test]
fn one_wrong_address_of_two_is_1_whatever_is_asked_for() {
    let bench = bench();
    bench
        .lab
        .change_faults(|faults| faults.one_address_wrong_key = true);
    let ran = run(&bench, &["adatum.com", "--json"]).exits(1);
    let outcomes: BTreeSet<String> = ran
        .objects()
        .iter()
        .filter(|o| o["type"] == "address")
        .map(|o| o["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        outcomes.contains("mismatch") && outcomes.contains("authenticated"),
        "{ran}"
    );
    run(&bench, &["adatum.com", "--for", "delivery"]).exits(1);
}

#[test]
fn lists_come_with_comments_marks_doubles_and_bad_lines() {
    let bench = bench();
    let list = "\u{feff}adatum.com # the good one\r\n\r\n# nothing\r\nnot a name\r\nADATUM.COM.\r\nb\u{fc}cher.ch\r\n";
    let ran = fed(&bench, &["-", "--json"], list.as_bytes()).exits(2);
    assert!(
        ran.err.contains("line 4 of standard input is left out"),
        "{ran}"
    );
    let verdicts: Vec<Value> = ran
        .objects()
        .into_iter()
        .filter(|o| o["type"] == "verdict")
        .collect();
    let named: Vec<&str> = verdicts
        .iter()
        .map(|o| o["domain"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["adatum.com", "xn--bcher-kva.ch"], "{ran}");
    let said: Vec<&str> = verdicts
        .iter()
        .map(|o| o["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["safe", "forbidden"], "{ran}");

    let path: PathBuf = bench.folder.path().join("list.txt");
    std::fs::write(&path, "adatum.com\ncontoso.com\nadatum.com\n").unwrap();
    let ran = run(&bench, &["--list", path.to_str().unwrap()]).exits(1);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("adatum.com: safe"), "{ran}");
    assert!(lines[1].starts_with("contoso.com: not safe"), "{ran}");
    assert_eq!(
        lines.last(),
        Some(&"1 safe, 0 not yet, 0 could not tell, 1 not safe"),
        "{ran}"
    );

    let ran = fed(&bench, &["-"], b"# nobody\n").exits(2);
    assert!(ran.err.contains("holds no domain"), "{ran}");
    run(&bench, &["--list", "/no/such/file"]).exits(2);
}

#[test]
fn names_that_are_no_domains_are_refused() {
    let bench = bench();
    for name in [
        "",
        "https://adatum.com/",
        "someone@adatum.com",
        "*.adatum.com",
        "192.0.2.1",
        "com",
        "a b.com",
        "a..com",
    ] {
        let ran = run(&bench, &["--", name]).exits(2);
        assert!(ran.out.is_empty(), "{name}: {ran}");
        assert!(ran.err.contains("cannot be verified"), "{name}: {ran}");
    }
    run(&bench, &[]).exits(2);
    run(&bench, &["adatum.com", "--resolvers", "nonsense"]).exits(2);
    let ran = run(&bench, &["b\u{fc}cher.ch"]).exits(1);
    assert!(ran.out.starts_with("xn--bcher-kva.ch: not safe"), "{ran}");
}

#[test]
fn json_lines_begin_with_the_schema_and_each_has_a_type() {
    let bench = bench();
    let ran = run(
        &bench,
        &["adatum.com", "contoso.com", "--json", "--explain"],
    )
    .exits(1);
    let all = ran.objects();
    assert_eq!(
        (&all[0]["schema"], &all[0]["command"]),
        (&1.into(), &"verify".into()),
        "{ran}"
    );
    for object in &all[1..] {
        assert!(object["type"].is_string(), "{object}");
        assert!(
            object["type"] == "summary" || object["domain"].is_string(),
            "{object}"
        );
    }
    let types: BTreeSet<&str> = all[1..]
        .iter()
        .map(|o| o["type"].as_str().unwrap())
        .collect();
    let wanted = [
        "address", "chain", "finding", "sender", "summary", "verdict",
    ];
    assert_eq!(types, BTreeSet::from(wanted), "{ran}");
    let summary = all.last().unwrap();
    assert_eq!(
        (&summary["safe"], &summary["forbidden"]),
        (&1.into(), &1.into())
    );
    for object in all.iter().filter(|o| o["type"] == "chain") {
        assert!(
            !object["chain"]["zones"].as_array().unwrap().is_empty(),
            "{object}"
        );
    }
}

#[test]
fn the_chain_of_trust_is_one_tree_from_the_root() {
    let bench = bench();
    let ran = run(&bench, &["adatum.com", "--explain"]).exits(0);
    let tree: Vec<&str> = ran
        .out
        .lines()
        .skip_while(|l| !l.contains(". (root)"))
        .collect();
    assert_eq!(ran.out.matches("(root)").count(), 1, "{ran}");
    assert!(tree[0].contains("secure"), "{ran}");
    assert!(tree[1].contains("trust anchor: key "), "{ran}");
    for wanted in [
        "\u{2500} com",
        "\u{2500} adatum.com",
        "MX adatum.com",
        "mx.microsoft",
        "TLSA ",
    ] {
        assert!(
            tree.iter().any(|line| line.contains(wanted)),
            "{wanted}: {ran}"
        );
    }
}

#[test]
fn who_could_start_is_told_without_credentials() {
    let bench = bench();
    let names = ["adatum.com", "contoso.com", "proseware.ch"];
    let ran = run(
        &bench,
        &[&["--for", "exchange-dane", "--json"], &names[..]].concat(),
    );
    for (domain, start) in [
        ("adatum.com", "done"),
        ("contoso.com", "ready"),
        ("proseware.ch", "underway"),
    ] {
        let object = ran.of("readiness", domain);
        assert_eq!(object["start"], start, "{object}");
        let least = object["least_seconds"].as_u64().unwrap();
        assert_eq!(least == 0, start == "done", "{object}");
    }
    let ran = ran.exits(0);
    assert!(ran.err.is_empty(), "{ran}");
    let ran = run(&bench, &[&["--for", "exchange-dane"], &names[..]].concat()).exits(0);
    assert!(ran.out.starts_with("DOMAIN"), "{ran}");
}

#[test]
fn the_rules_are_listed_and_nobody_is_asked() {
    let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .args(["verify", "--rules", "--json"])
        .env("ROLLOUT_DNS_ROOTS", "nobody=127.0.0.1")
        .output()
        .unwrap();
    let ran = Ran::from(output).exits(0);
    let rules: Vec<Value> = ran.objects().into_iter().skip(1).collect();
    assert!(rules.len() > 60, "{}", rules.len());
    for rule in rules {
        assert_eq!(rule["type"], "rule");
        for member in ["id", "severity", "concern", "source", "why", "mend"] {
            assert!(rule[member].is_string(), "{rule}");
        }
    }
}

/// Its lines as they come.
struct Watched {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watched {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for an object like this.
    fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(30);
        let mut seen = Vec::new();
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            let object: Value = serde_json::from_str(&line).unwrap();
            if wanted(&object) {
                return object;
            }
            seen.push(line);
        }
        panic!("it did not come; only {seen:#?}");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn watching_prints_what_changed_and_ends_with_the_last_rounds_exit() {
    let bench = bench();
    let args = [
        "adatum.com",
        "--watch",
        "--every",
        "1",
        "--json",
        "--resolvers",
        "none",
    ];
    let mut watched = Watched::start(rollout(&bench, &args));
    let first = watched.wait(|o| o["type"] == "verdict");
    assert_eq!(first["verdict"], "safe");
    // A person adds an MX that leads nowhere.
    let mut set: RecordSet = bench
        .lab
        .record_set("adatum.com", "adatum.com", "MX")
        .unwrap();
    let good = set.clone();
    set.contents.push("50 gone.adatum.com.".to_owned());
    bench
        .lab
        .edit_zone("adatum.com", &[Edit::Replace(set)])
        .unwrap();
    let came = watched.wait(|o| o["id"] == "mx.no-address");
    assert_eq!(came["change"], "came", "{came}");
    let verdict = watched.wait(|o| o["type"] == "verdict" && o["verdict"] == "forbidden");
    assert_eq!(verdict["exit"], 1);
    bench
        .lab
        .edit_zone("adatum.com", &[Edit::Replace(good.clone())])
        .unwrap();
    let went = watched.wait(|o| o["id"] == "mx.no-address");
    assert_eq!(went["change"], "went", "{went}");
    watched.wait(|o| o["type"] == "verdict" && o["verdict"] == "safe");
    // And again, so that the last round is a bad one.
    let mut set = good;
    set.contents.push("50 gone.adatum.com.".to_owned());
    bench
        .lab
        .edit_zone("adatum.com", &[Edit::Replace(set)])
        .unwrap();
    watched.wait(|o| o["type"] == "verdict" && o["verdict"] == "forbidden");
    let id = watched.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let status = watched.child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
}
