//! Every way to sign in, through the real binary: what the user sees, the exit code, and that no secret is in either.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rollout_lab::{
    DomainSeed, Federated, GITHUB_JOB, GITHUB_REQUEST_TOKEN, IDENTITY_HEADER, Service, SignInFault,
};

use crate::inputs::stage::{Ran, Stage, finish};

const PLAN: &[&str] = &["plan", "{file}"];

fn stage() -> Stage {
    Stage::of(DomainSeed::ordinary("contoso.com").signed())
}

/// Puts another `sign_in` into the domain file.
fn signs_in(stage: &Stage, lines: &[&str]) {
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let start = text.find("    method:").unwrap();
    let end = text.find("  endpoints:").unwrap();
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    std::fs::write(
        &stage.file,
        format!("{}{lines}{}", &text[..start], &text[end..]),
    )
    .unwrap();
}

fn client_id(stage: &Stage) -> String {
    format!(
        "client_id: {}",
        stage.bench.lab.endpoints().unwrap().client_id
    )
}

fn env(stage: &mut Stage, set: &[(&str, &str)]) {
    let set = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    stage.env.extend(set);
}

fn write(path: &Path, mode: u32, text: &str) {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Runs at the loudest; the exit code, the words, and nothing that must stay secret.
fn expect(stage: &Stage, args: &[&str], code: i32, words: &[&str], secrets: &[&str]) -> Ran {
    let mut args = args.to_vec();
    args.push("-vvv");
    let ran = stage.run(&args);
    assert_eq!(ran.code, Some(code), "{ran}");
    let said = ran.words();
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {ran}");
    }
    for secret in secrets.iter().chain(&["eyJ"]) {
        assert!(!said.contains(secret), "{secret} is in {ran}");
        for (path, (_, bytes)) in stage.files() {
            let own = path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.starts_with("own-") || name == "az" || name == "client-secret"
            });
            let inside = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(own || !inside, "{secret} is in {}", path.display());
        }
    }
    ran
}

fn tokens(stage: &Stage) -> usize {
    let log = stage.bench.lab.log();
    log.iter()
        .filter(|entry| entry.service == Service::Entra && entry.outcome == "200")
        .count()
}

/// A certificate for these years, registered or not, in a file of the stage; the first line of its key.
fn certificate(stage: &Stage, from: i32, until: i32, registered: bool) -> String {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "rollout e2e");
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let pem = params.self_signed(&key).unwrap().pem();
    if registered {
        stage.bench.lab.register_certificate(&pem).unwrap();
    }
    let key = key.serialize_pem();
    write(&stage.at("own-client.pem"), 0o600, &format!("{pem}{key}"));
    signs_in(
        stage,
        &[
            "method: client-certificate",
            &client_id(stage),
            "certificate: file:own-client.pem",
        ],
    );
    key.lines().nth(1).unwrap().to_owned()
}

#[test]
fn a_certificate() {
    let stage = stage();
    let secret = certificate(&stage, 2024, 2049, true);
    expect(&stage, PLAN, 0, &["contoso.com"], &[&secret]);
    let secret = certificate(&stage, 2024, 2049, false);
    expect(
        &stage,
        PLAN,
        1,
        &[
            "the certificate is not registered with the application",
            "AADSTS700027",
        ],
        &[&secret],
    );
    let from = stage.bench.lab.log().len();
    let secret = certificate(&stage, 2019, 2021, true);
    expect(
        &stage,
        PLAN,
        2,
        &[
            "CN=rollout e2e has expired",
            "2021-01-01",
            "Nothing was sent",
        ],
        &[&secret],
    );
    std::fs::write(stage.at("own-client.pem"), [0x30, 0x82, 0xff, 0xfe]).unwrap();
    expect(&stage, PLAN, 2, &["no PEM text", "openssl pkcs12 -in"], &[]);
    assert_eq!(stage.bench.lab.log().len(), from, "nothing was sent");
}

#[test]
fn a_managed_identity() {
    let mut stage = stage();
    signs_in(&stage, &["method: managed-identity"]);
    let endpoint = format!(
        "{}/msi/token",
        stage.bench.lab.endpoints().unwrap().authority
    );
    env(
        &mut stage,
        &[
            ("IDENTITY_ENDPOINT", &endpoint),
            ("IDENTITY_HEADER", IDENTITY_HEADER),
        ],
    );
    expect(&stage, PLAN, 0, &["contoso.com"], &[IDENTITY_HEADER]);
    let id = "11111111-2222-4333-8444-555555555555";
    signs_in(
        &stage,
        &["method: managed-identity", &format!("client_id: {id}")],
    );
    expect(
        &stage,
        PLAN,
        1,
        &[
            &format!("the identity {id} is not assigned to this machine"),
            "Identity page",
        ],
        &[IDENTITY_HEADER],
    );
    stage.bench.lab.change_directory(|d| {
        d.identities.insert(id.to_owned());
    });
    expect(&stage, PLAN, 0, &["contoso.com"], &[]);
    // Nobody listens at the endpoint: this is no machine of Azure's.
    env(
        &mut stage,
        &[("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token")],
    );
    expect(&stage, PLAN, 1, &["no metadata service of Azure"], &[]);
}

#[test]
fn a_job_of_github() {
    let mut stage = stage();
    signs_in(&stage, &["method: workload-identity", &client_id(&stage)]);
    expect(
        &stage,
        PLAN,
        2,
        &[
            "there is no federated token",
            "AZURE_FEDERATED_TOKEN_FILE",
            "id-token: write",
        ],
        &[],
    );
    env(&mut stage, &[("GITHUB_ACTIONS", "true")]);
    expect(
        &stage,
        PLAN,
        2,
        &["the job may not ask for one", "id-token: write"],
        &[],
    );
    let address = format!(
        "{}/github/token?api-version=2.0",
        stage.bench.lab.endpoints().unwrap().authority
    );
    env(
        &mut stage,
        &[
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &address),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", GITHUB_REQUEST_TOKEN),
        ],
    );
    let secrets = &[GITHUB_REQUEST_TOKEN];
    expect(
        &stage,
        PLAN,
        1,
        &[
            "trusts no such federated token",
            GITHUB_JOB.0,
            "AADSTS700211",
        ],
        secrets,
    );
    stage.bench.lab.change_directory(|d| {
        d.federated.push(Federated {
            issuer: GITHUB_JOB.0.to_owned(),
            subject: GITHUB_JOB.1.to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
        });
    });
    expect(&stage, PLAN, 0, &["contoso.com"], secrets);
    env(
        &mut stage,
        &[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "stale-request-token-0815")],
    );
    expect(
        &stage,
        PLAN,
        1,
        &["GitHub Actions issued no token", "HTTP 401"],
        &["stale-request-token-0815"],
    );
}

#[test]
fn the_azure_cli() {
    let mut stage = stage();
    signs_in(&stage, &["method: azure-cli"]);
    let bin = stage.at("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    env(&mut stage, &[("PATH", &path)]);
    if !Path::new("/usr/bin/az").exists() {
        expect(
            &stage,
            PLAN,
            1,
            &["`az` is not found on PATH", "az login"],
            &[],
        );
    }
    let says = |script: &str| write(&bin.join("az"), 0o700, &format!("#!/bin/sh\n{script}\n"));
    let lab = &stage.bench.lab;
    let graph = lab.access_token("https://graph.microsoft.com").unwrap();
    let exchange = lab.access_token("https://outlook.office365.com").unwrap();
    says(&format!(
        "case \"$*\" in *outlook.office365.com*) t={exchange};; *) t={graph};; esac\n\
         printf '{{\"accessToken\":\"%s\",\"expires_on\":%s,\"tokenType\":\"Bearer\"}}' \"$t\" $(($(date +%s)+3600))"
    ));
    expect(&stage, PLAN, 0, &["contoso.com"], &[]);
    says("echo 'ERROR: Please run '\"'az login'\"' to setup account.' >&2; exit 1");
    expect(
        &stage,
        PLAN,
        1,
        &["nobody is signed in to it", "az login --tenant"],
        &[],
    );
    says(
        "echo 'ERROR: AADSTS65002: Consent between first party application and first party resource must be configured via preauthorization.' >&2; exit 1",
    );
    expect(
        &stage,
        PLAN,
        1,
        &[
            "does not let this client of its own",
            "az login --service-principal",
            "AADSTS65002",
        ],
        &[],
    );
    says("echo not json");
    let ran = stage.run(PLAN);
    assert!(
        ran.words().contains("Sign-in with the Azure CLI failed"),
        "{ran}"
    );
}

#[test]
fn what_entra_refuses() {
    let stage = stage();
    let secret = stage.bench.lab.endpoints().unwrap().client_secret;
    for (fault, code, words) in [
        (
            SignInFault::ConsentMissing,
            1,
            &["Grant admin consent", "AADSTS65001"][..],
        ),
        (
            SignInFault::Blocked,
            1,
            &["Conditional Access does not allow it", "AADSTS53003"],
        ),
        (
            SignInFault::SecretExpired,
            1,
            &["the client secret has expired", "AADSTS7000222"],
        ),
        (SignInFault::Down, 3, &["Entra ID is busy", "try again"]),
        (
            SignInFault::ProxyPage,
            1,
            &["did not answer like Entra ID", "Web proxy sign-in"],
        ),
    ] {
        stage.bench.lab.change_directory(|d| d.fault = Some(fault));
        expect(&stage, PLAN, code, words, &[&secret]);
    }
}

#[test]
fn without_a_terminal_a_person_is_not_asked() {
    let stage = stage();
    for method in ["device-code", "browser"] {
        signs_in(&stage, &[&format!("method: {method}")]);
        expect(
            &stage,
            PLAN,
            2,
            &[
                "needs a person at a terminal",
                "client-certificate",
                "cache: file",
            ],
            &[],
        );
    }
    assert_eq!(tokens(&stage), 0);
    signs_in(&stage, &["method: device-code"]);
    let ran = stage.run(&["microsoft", "sign-out", "{file}"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.words().contains("No sign-in was kept"), "{ran}");
}

/// Runs the binary at a terminal of its own.
fn at_terminal(stage: &Stage, args: &[&str]) -> Ran {
    let line = std::iter::once(env!("CARGO_BIN_EXE_rollout"))
        .chain(args.iter().copied())
        .map(|arg| {
            format!(
                "'{}'",
                arg.replace("{file}", &stage.file.display().to_string())
            )
        })
        .collect::<Vec<_>>()
        .join(" ");
    let child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", stage.bench.folder.path())
        .env("TERM", "dumb")
        .env("ROLLOUT_STATE", &stage.state)
        .envs(stage.env.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script of util-linux");
    finish(child)
}

#[test]
fn a_person_at_a_terminal_is_shown_a_code_and_stays_signed_in() {
    let stage = stage();
    signs_in(&stage, &["method: device-code", "cache: file"]);
    let ran = at_terminal(&stage, PLAN);
    assert_eq!(ran.code, Some(0), "{ran}");
    let said = ran.words();
    for word in [
        "https://login.microsoft.com/device",
        "enter the code",
        "15 minutes",
        "Signed in as admin@contoso.com",
    ] {
        assert!(said.contains(word), "{word}: {ran}");
    }
    for secret in ["1.AX", "DAQ", "eyJ"] {
        assert!(!said.contains(secret), "{secret}: {ran}");
    }
    // From now on nobody is needed.
    let ran = stage.run(PLAN);
    assert_eq!(ran.code, Some(0), "{ran}");
    let kept: Vec<_> = stage
        .files()
        .into_iter()
        .filter(|(path, _)| {
            path.ends_with("tokens") || path.parent().is_some_and(|p| p.ends_with("tokens"))
        })
        .map(|(path, (mode, _))| (path.is_dir(), mode & 0o777))
        .collect();
    assert_eq!(kept, [(true, 0o700), (false, 0o600)]);
    let ran = stage.run(&["microsoft", "sign-out", "{file}"]);
    assert!(
        ran.words().contains("Forgotten") && ran.words().contains("Revoke sessions"),
        "{ran}"
    );
    let ran = stage.run(PLAN);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.words().contains("needs a person"), "{ran}");
}

#[test]
fn a_person_at_a_terminal_with_a_browser() {
    let mut stage = stage();
    signs_in(&stage, &["method: browser"]);
    let (browser, address) = (stage.at("own-browser"), stage.at("own-address"));
    let script = format!(
        "#!/bin/sh\nprintf '%s' \"$1\" > '{0}.new' && mv '{0}.new' '{0}'\n",
        address.display()
    );
    write(&browser, 0o700, &script);
    env(&mut stage, &[("BROWSER", &browser.display().to_string())]);
    // The person's browser: waits for the address, goes there, and follows the way back.
    let person = std::thread::spawn(move || {
        let begun = std::time::Instant::now();
        while !address.exists() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "no browser was opened"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let address = std::fs::read_to_string(&address).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let http = reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap();
            let sent = http.get(address).send().await.unwrap();
            let back = sent.headers()["location"].to_str().unwrap().to_owned();
            let back = back.replace("http://localhost:", "http://127.0.0.1:");
            let page = http.get(back).send().await.unwrap().text().await.unwrap();
            assert!(page.contains("You have signed in"), "{page}");
        });
    });
    let ran = at_terminal(&stage, PLAN);
    person.join().unwrap();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.words().contains("Signed in as admin@contoso.com"),
        "{ran}"
    );
}
