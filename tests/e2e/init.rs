//! `rollout init`: from a name to a domain file that plans.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rollout_lab::{DomainKind, DomainSeed};

use crate::inputs::stage::{Ran, Stage};

/// A laboratory that is reached by the environment alone.
fn stage(seeds: Vec<DomainSeed>) -> Stage {
    let mut stage = Stage::with("contoso.com", seeds);
    let e = stage.bench.lab.endpoints().unwrap();
    let folder = stage.bench.folder.path().to_owned();
    let join = |parts: Vec<String>| parts.join(",");
    let roots = e
        .root_hints
        .iter()
        .map(|root| format!("{}={}", root.name, root.address));
    let resolvers = e
        .resolvers
        .iter()
        .enumerate()
        .map(|(i, at)| format!("r{i}={at}"));
    stage.env = [
        ("ROLLOUT_DNS_ROOTS", join(roots.collect())),
        ("ROLLOUT_DNS_PORT", e.dns_port.to_string()),
        ("ROLLOUT_TRUST_ANCHOR", e.trust_anchor.dnskey.clone()),
        ("ROLLOUT_RESOLVERS", join(resolvers.collect())),
        ("ROLLOUT_SMTP_PORT", e.smtp_port.to_string()),
        (
            "ROLLOUT_HTTPS_ROOTS",
            format!("file:{}", folder.join("roots.pem").display()),
        ),
        ("ROLLOUT_MTA_STS_ADDRESS", e.mta_sts.to_string()),
        ("ROLLOUT_AUTHORITY", e.authority.to_string()),
        ("ROLLOUT_GRAPH", e.graph.to_string()),
        ("ROLLOUT_EXCHANGE", e.exchange.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    stage
}

fn ordinary() -> Stage {
    stage(vec![
        DomainSeed::ordinary("contoso.com").signed(),
        DomainSeed::new("contoso.onmicrosoft.com", DomainKind::Initial),
    ])
}

/// Everything that would be asked, as flags.
fn flags(stage: &Stage) -> Vec<String> {
    let e = stage.bench.lab.endpoints().unwrap();
    let at = |name: &str| format!("file:{}", stage.at(name).display());
    [
        "--with".to_owned(),
        format!("client_id={}", e.client_id),
        "--with".to_owned(),
        format!("secret={}", at("client-secret")),
        "--provider".to_owned(),
        "powerdns".to_owned(),
        "--field".to_owned(),
        format!("url={}", e.powerdns),
        "--field".to_owned(),
        format!("api_key={}", at("powerdns-key")),
        "--dir".to_owned(),
        stage.at("made").display().to_string(),
    ]
    .to_vec()
}

fn init(stage: &Stage, args: &[&str]) -> Ran {
    let flags = flags(stage);
    let all: Vec<&str> = ["init"]
        .into_iter()
        .chain(args.iter().copied())
        .chain(flags.iter().map(String::as_str))
        .collect();
    stage.run(&all)
}

#[test]
fn by_flags_a_file_that_plans() {
    let stage = ordinary();
    let e = stage.bench.lab.endpoints().unwrap();
    let path = stage.at("made/contoso.com.yml");
    let printed = init(&stage, &["Contoso.com", "--print"]);
    assert_eq!(printed.code, Some(0), "{printed}");
    assert!(!path.exists());

    let ran = init(&stage, &["Contoso.com"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    for wanted in ["contoso.com", "ready", "rollout doctor", "rollout plan"] {
        assert!(
            ran.words().to_lowercase().contains(wanted),
            "{wanted}: {ran}"
        );
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, printed.out, "what is printed is what is written");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for wanted in [
        e.tenant_id.as_str(),
        "provider: powerdns",
        "The parent delegates to ",
        "domain: contoso.com",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains(&e.client_secret) && !text.contains(&e.powerdns_key));
    let path = path.display().to_string();
    let plan = stage.run(&["plan", &path]);
    assert_ne!(plan.code, Some(2), "{plan}");
    assert!(
        plan.words().contains("Enable-DnssecForVerifiedDomain"),
        "{plan}"
    );

    std::fs::write(&path, "mine").unwrap();
    let again = init(&stage, &["contoso.com"]);
    assert_eq!(again.code, Some(2), "{again}");
    assert!(
        again.words().contains("is there already") && again.words().contains("--force"),
        "{again}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(init(&stage, &["contoso.com", "--force"]).code, Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(stage.effects(0), Vec::<String>::new());
}

#[test]
fn a_tenants_domains_are_listed_and_the_eligible_ones_get_files() {
    let stage = stage(vec![
        DomainSeed::ordinary("contoso.com").signed(),
        DomainSeed::ordinary("fabrikam.com"),
        DomainSeed::new("proseware.com", DomainKind::Moved),
        DomainSeed::new("adatum.com", DomainKind::Finished),
        DomainSeed::new("treyresearch.com", DomainKind::Gateway),
        DomainSeed::new("tailspin.com", DomainKind::Unverified),
        DomainSeed::new("contoso.onmicrosoft.com", DomainKind::Initial),
    ]);
    let tenant = stage.bench.lab.endpoints().unwrap().tenant_id;
    let listed = init(&stage, &["--tenant", &tenant]);
    assert_eq!(listed.code, Some(0), "{listed}");
    for wanted in [
        "contoso.com verified, Email, DANE off, MX at the legacy host: could be moved",
        "proseware.com verified, Email, DANE off, MX at mx.microsoft: could be moved",
        "DANE on, MX at mx.microsoft: it is there already",
        "gateway",
        "tailspin.com not verified",
        "the initial domain cannot be moved",
        "Nothing was written",
    ] {
        assert!(listed.words().contains(wanted), "{wanted}: {listed}");
    }
    assert!(!stage.at("made").exists());
    let all = init(&stage, &["--tenant", &tenant, "--all"]);
    assert_eq!(all.code, Some(0), "{all}");
    let mut names: Vec<String> = std::fs::read_dir(stage.at("made"))
        .unwrap()
        .map(|one| one.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["contoso.com.yml", "fabrikam.com.yml", "proseware.com.yml"]
    );
    // They share the tenant's settings.
    let part = |name: &str| {
        let text = std::fs::read_to_string(stage.at("made").join(name)).unwrap();
        let from = text.find("microsoft:").unwrap();
        text[from..text.find("\ndns:").unwrap()].replace(
            "  # Found by the domain, in its public OpenID configuration.\n",
            "",
        )
    };
    assert_eq!(part("contoso.com.yml"), part("fabrikam.com.yml"));
    let json = init(&stage, &["--tenant", &tenant, "--json"]);
    assert!(json.out.contains("\"tenant-domain\""), "{json}");
}

#[test]
fn bad_inputs_are_refused_before_anything_is_written() {
    let stage = ordinary();
    let secret = "hunter2-is-no-reference";
    let leak = format!("secret={secret}");
    let leak_field = format!("api_key={secret}");
    let id = "client_id=11111111-2222-3333-4444-555555555555";
    let dir = stage.at("made").display().to_string();
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["not a name"], 2, "is no domain"),
        (vec!["contoso.com"], 2, "--with client_id="),
        (vec!["contoso.com", "--with", id], 2, "--provider"),
        (
            vec!["contoso.com", "--with", id, "--with", &leak],
            2,
            "a secret must not be written into this file",
        ),
        (
            vec!["contoso.com", "--with", id, "--provider", "powerdns"],
            2,
            "--field url=",
        ),
        (
            vec![
                "contoso.com",
                "--with",
                id,
                "--provider",
                "powerdns",
                "--field",
                &leak_field,
            ],
            2,
            "a secret must not be written",
        ),
        (
            vec!["contoso.com", "--with", id, "--provider", "nobody"],
            2,
            "there is no DNS provider",
        ),
        (
            vec![
                "contoso.com",
                "--with",
                id,
                "--provider",
                "manual",
                "--field",
                "nonsense=1",
            ],
            2,
            "has no such key",
        ),
        (
            vec![
                "contoso.com",
                "--with",
                "client_id=1",
                "--provider",
                "manual",
            ],
            2,
            "application id",
        ),
        (
            vec!["contoso.com", "--sign-in", "magic", "--provider", "manual"],
            2,
            "magic",
        ),
        (vec!["contoso.com", "--with", "nothing"], 2, "KEY=VALUE"),
        (
            vec!["nowhere.example", "--with", id],
            2,
            "Entra has no tenant",
        ),
        (
            vec![
                "contoso.com",
                "--backend",
                "pwsh",
                "--sign-in",
                "managed-identity",
                "--provider",
                "manual",
            ],
            2,
            "--tenant",
        ),
        (
            vec!["contoso.com", "fabrikam.com", "--out", "x.yml"],
            2,
            "--out is for one domain",
        ),
        (
            vec!["contoso.com", "--cloud", "moon", "--with", id],
            2,
            "moon",
        ),
        (vec![], 2, "tenant"),
    ];
    for (args, code, wanted) in cases {
        let all: Vec<&str> = ["init"]
            .into_iter()
            .chain(args.iter().copied())
            .chain(["--dir", &dir])
            .collect();
        let all: Vec<&str> = if args.contains(&"--out") {
            all[..all.len() - 2].to_vec()
        } else {
            all
        };
        let ran = stage.run(&all);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran}");
        assert!(ran.words().contains(wanted), "{args:?} {wanted}: {ran}");
        assert!(
            !format!("{}{}", ran.out, ran.err).contains(secret),
            "{args:?}: {ran}"
        );
        assert!(!stage.at("made").exists(), "{args:?}");
    }
}

#[test]
fn other_backends_and_an_authority_that_is_down() {
    let mut stage = ordinary();
    let dir = stage.at("made").display().to_string();
    let hand = stage.run(&[
        "init",
        "contoso.com",
        "--backend",
        "manual",
        "--provider",
        "manual",
        "--dir",
        &dir,
    ]);
    assert_eq!(hand.code, Some(0), "{hand}");
    let text = std::fs::read_to_string(stage.at("made/contoso.com.yml")).unwrap();
    assert!(
        text.contains("backend: manual") && !text.contains("tenant:"),
        "{text}"
    );
    let pwsh = stage.run(&[
        "init",
        "contoso.com",
        "--backend",
        "pwsh",
        "--provider",
        "manual",
        "--dir",
        &dir,
        "--force",
    ]);
    assert_eq!(pwsh.code, Some(0), "{pwsh}");
    let text = std::fs::read_to_string(stage.at("made/contoso.com.yml")).unwrap();
    assert!(
        text.contains("method: device") && text.contains("connect:"),
        "{text}"
    );
    for (name, value) in &mut stage.env {
        if name == "ROLLOUT_AUTHORITY" {
            *value = "http://127.0.0.1:1".to_owned();
        }
    }
    let down = stage.run(&[
        "init",
        "contoso.com",
        "--provider",
        "manual",
        "--dir",
        &dir,
        "--force",
    ]);
    assert_eq!(down.code, Some(2), "{down}");
    assert!(
        down.words().contains("could not be found") && down.words().contains("--tenant"),
        "{down}"
    );
}

/// At a terminal it asks only for what is missing, and asks again after a bad answer.
#[test]
fn at_a_terminal_it_asks() {
    let stage = ordinary();
    let e = stage.bench.lab.endpoints().unwrap();
    let secret = format!("file:{}", stage.at("client-secret").display());
    let key = format!("file:{}", stage.at("powerdns-key").display());
    let dir = stage.at("made").display().to_string();
    let url = e.powerdns.to_string();
    let said = dialogue(
        &stage,
        &["init", "contoso.com", "--dir", &dir],
        &[
            ("Microsoft side", "apy"),
            ("Microsoft side", ""),
            ("How to sign in", ""),
            ("Application (client) id", &e.client_id),
            ("client secret is kept", "hunter2"),
            ("client secret is kept", &secret),
            ("DNS provider of contoso.com", "powerdns"),
            ("", &url),
            ("env:NAME or file:PATH", &key),
        ],
    );
    let text = std::fs::read_to_string(stage.at("made/contoso.com.yml"))
        .unwrap_or_else(|_| panic!("{said}"));
    assert!(
        text.contains(&secret) && text.contains(&url) && text.contains("provider: powerdns"),
        "{text}"
    );
}

/// The domain and Microsoft's side by flags, so that only the provider is asked about.
fn only_the_provider(stage: &Stage) -> Vec<String> {
    let e = stage.bench.lab.endpoints().unwrap();
    let secret = format!("secret=file:{}", stage.at("client-secret").display());
    let dir = stage.at("made").display().to_string();
    let id = format!("client_id={}", e.client_id);
    [
        "init",
        "contoso.com",
        "--backend",
        "api",
        "--sign-in",
        "client-secret",
        "--force",
    ]
    .into_iter()
    .chain(["--with", &id, "--with", &secret, "--dir", &dir])
    .map(str::to_owned)
    .collect()
}

/// Whatever the provider: only what it must be told is asked for, after where that is made and what it must be allowed.
#[test]
fn each_provider_is_asked_for_its_own_credentials_alone() {
    let stage = ordinary();
    let args = only_the_provider(&stage);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let which = "DNS provider of contoso.com";
    let cloudflare: &[(&str, &str)] = &[(which, "cloudflare"), ("an API token", "env:OUR_TOKEN")];
    let desec: &[(&str, &str)] = &[(which, "desec"), ("an API token", "")];
    let rfc2136: &[(&str, &str)] = &[
        (which, "rfc2136"),
        ("primary server", "192.0.2.53"),
        ("key", "rollout."),
        ("env:NAME or file:PATH", "file:tsig-key"),
    ];
    for (slug, turns, fields) in [
        ("cloudflare", cloudflare, &["token: env:OUR_TOKEN"][..]),
        ("desec", desec, &["token: env:DESEC_TOKEN"]),
        (
            "rfc2136",
            rfc2136,
            &[
                "server: 192.0.2.53",
                "key_name: rollout.",
                "key_secret: file:tsig-key",
            ],
        ),
    ] {
        let said = dialogue(&stage, &args, turns);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let info = rollout_providers::find(slug).unwrap();
        let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
        let question = place(
            info.fields
                .iter()
                .find(|field| field.required())
                .unwrap()
                .meaning,
        );
        assert!(place(info.access.made_at) < question, "{said}");
        assert!(place(info.rights) < question, "{said}");
        let text = std::fs::read_to_string(stage.at("made/contoso.com.yml")).unwrap();
        let dns = &text[text.find("\ndns:").unwrap()..];
        let keys: Vec<&str> = dns
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter(|line| !line.starts_with('#') && !line.starts_with("provider:"))
            .collect();
        assert_eq!(keys, fields, "{text}");
    }
}

/// What is optional is taken from flags alone, and nothing is told about credentials that are there already.
#[test]
fn optional_fields_come_from_flags_and_what_is_given_is_not_asked_for() {
    let stage = ordinary();
    let args = only_the_provider(&stage);
    let fields = [
        "server=192.0.2.53",
        "key-name=rollout.",
        "key-secret=file:tsig-key",
    ];
    let with = |more: &[&str]| {
        let mut all: Vec<String> = args.clone();
        all.extend(["--provider".to_owned(), "rfc2136".to_owned()]);
        for field in fields.iter().chain(more) {
            all.extend(["--field".to_owned(), (*field).to_owned()]);
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let said = dialogue(&stage, &all, &[]);
        let text = std::fs::read_to_string(stage.at("made/contoso.com.yml")).unwrap();
        (said, text)
    };
    let (said, text) = with(&[]);
    assert!(
        !said.contains("Credentials for") && !text.contains("algorithm"),
        "{said}{text}"
    );
    let (_, text) = with(&["algorithm=hmac-sha512"]);
    assert!(text.contains("algorithm: hmac-sha512"), "{text}");
    // Nobody there: secrets are looked for where the provider's registry entry says.
    let all: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .chain(["--provider", "cloudflare"])
        .collect();
    let ran = stage.run(&all);
    assert_eq!(ran.code, Some(0), "{ran}");
    let text = std::fs::read_to_string(stage.at("made/contoso.com.yml")).unwrap();
    assert!(text.contains("token: env:CLOUDFLARE_API_TOKEN"), "{text}");
}

/// Runs the command at a pseudo-terminal of `script` (util-linux) and answers each question when it comes.
pub fn dialogue(stage: &Stage, args: &[&str], turns: &[(&str, &str)]) -> String {
    let quoted: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
    let command = format!("'{}' {}", env!("CARGO_BIN_EXE_rollout"), quoted.join(" "));
    let mut child = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", stage.bench.folder.path())
        .env("ROLLOUT_STATE", &stage.state)
        .env("NO_COLOR", "1")
        .env("TERM", "dumb")
        .envs(stage.env.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if sender
                .send(String::from_utf8_lossy(&buffer[..count]).into_owned())
                .is_err()
            {
                return;
            }
        }
    });
    let mut input = child.stdin.take().unwrap();
    let (mut said, mut new) = (String::new(), String::new());
    let begun = Instant::now();
    for (wanted, answer) in turns {
        // A question ends like this, and nothing comes after it.
        loop {
            if let Ok(more) = heard.recv_timeout(Duration::from_millis(400)) {
                new.push_str(&more);
                said.push_str(&more);
            } else if [": ", "[y/N] "].iter().any(|end| new.ends_with(end))
                && new
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .contains(wanted)
            {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(100),
                "waiting for {wanted:?}:\n{said}"
            );
        }
        new.clear();
        writeln!(input, "{answer}").unwrap();
    }
    while let Ok(more) = heard.recv_timeout(Duration::from_secs(20)) {
        said.push_str(&more);
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{said}");
    said
}
