//! One laboratory, one domain file on it, and the real binary.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rollout_lab::{DomainSeed, Edit, Lab, Options, RecordSet};
use serde_json::{Value, json};

use crate::support::{Bench, quick};

/// No command here may take longer.
const LONGEST: Duration = Duration::from_secs(120);

/// A laboratory with one domain of interest.
pub struct Stage {
    pub bench: Bench,
    pub domain: String,
    pub file: PathBuf,
    pub state: PathBuf,
    /// More environment for the commands.
    pub env: Vec<(String, String)>,
    /// Other laboratories that a case needs.
    pub others: Vec<Lab>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Both streams as one text on one line, so that wrapping hides no words.
    pub fn words(&self) -> String {
        let all = format!("{} {}", self.out, self.err).replace('│', " ");
        all.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "exit {:?}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.out, self.err
        )
    }
}

impl Stage {
    /// A laboratory with this domain in it.
    pub fn of(seed: DomainSeed) -> Self {
        let domain = seed.name.clone();
        let mut seeds = vec![seed];
        // Every tenant has one.
        if !domain.ends_with(".onmicrosoft.com") {
            let initial = rollout_lab::DomainKind::Initial;
            seeds.push(DomainSeed::new("contoso.onmicrosoft.com", initial));
        }
        Self::with(&domain, seeds)
    }

    /// A laboratory with these domains; `domain` is the one whose file is written.
    pub fn with(domain: &str, seeds: Vec<DomainSeed>) -> Self {
        let bench = Bench::start(Options {
            timing: quick(),
            ..Options::with_domains(seeds)
        });
        let file = bench.file(domain, "");
        let state = bench.folder.path().join("state");
        Self {
            bench,
            domain: domain.to_owned(),
            file,
            state,
            env: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Changes the text of the domain file; every change must hit something.
    pub fn rewrite(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.file).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        std::fs::write(&self.file, text.replace(from, to)).unwrap();
    }

    /// Puts another value behind a key, wherever the key stands.
    pub fn set(&self, key: &str, value: &str) {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let mut hits = 0;
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let indent = line.len() - line.trim_start().len();
                if line.trim_start().starts_with(&format!("{key}:")) {
                    hits += 1;
                    format!("{}{key}: {value}", &line[..indent])
                } else {
                    line.to_owned()
                }
            })
            .collect();
        assert_eq!(hits, 1, "{key} in {text}");
        std::fs::write(&self.file, lines.join("\n") + "\n").unwrap();
    }

    pub fn append(&self, more: &str) {
        let text = std::fs::read_to_string(&self.file).unwrap();
        std::fs::write(&self.file, text + more).unwrap();
    }

    /// A path in the case's folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.bench.folder.path().join(name)
    }

    /// Runs the binary: `{file}`, `{plan}` and `{domain}` are filled in.
    pub fn run(&self, args: &[&str]) -> Ran {
        finish(self.start(args))
    }

    /// Starts the binary without waiting for it.
    pub fn start(&self, args: &[&str]) -> Child {
        let plan = self.at("plan.json");
        let args = args.iter().map(|arg| {
            arg.replace("{file}", &self.file.display().to_string())
                .replace("{plan}", &plan.display().to_string())
                .replace("{domain}", &self.domain)
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollout"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.bench.folder.path())
            .env("ROLLOUT_STATE", &self.state)
            .envs(self.env.iter().cloned())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// A person's edit of one record set of the domain's zone.
    pub fn edit(&self, rtype: &str, ttl: u32, contents: &[&str]) {
        self.edit_at(&self.domain, &self.domain, rtype, ttl, contents);
    }

    pub fn edit_at(&self, zone: &str, name: &str, rtype: &str, ttl: u32, contents: &[&str]) {
        let set = RecordSet::new(name, rtype, ttl, contents.iter().copied());
        self.bench
            .lab
            .edit_zone(zone, &[Edit::Replace(set)])
            .unwrap();
    }

    /// The MX contents now, as their administrators see them.
    pub fn mx(&self) -> Vec<String> {
        self.bench
            .lab
            .record_set(&self.domain, &self.domain, "MX")
            .map(|set| set.contents)
            .unwrap_or_default()
    }

    /// The legacy host with a final dot.
    pub fn legacy(&self) -> String {
        format!(
            "{}.mail.protection.outlook.com.",
            self.domain.replace('.', "-")
        )
    }

    /// Every record set that the tool could ever touch.
    pub fn records(&self) -> Vec<Option<RecordSet>> {
        let (lab, domain) = (&self.bench.lab, self.domain.as_str());
        let parent = domain.split_once('.').map_or(".", |(_, above)| above);
        let own = ["MX", "NS", "TXT", "A", "DNSKEY", "CDS", "CDNSKEY"]
            .map(|rtype| lab.record_set(domain, domain, rtype));
        let mut all = own.to_vec();
        all.push(lab.record_set(parent, domain, "DS"));
        all.push(lab.record_set(domain, &format!("_mta-sts.{domain}"), "TXT"));
        all
    }

    /// Every file below the case's folder, with its mode and content.
    pub fn files(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        collect(self.bench.folder.path(), &mut found);
        found
    }

    /// Changes that reached an API since `from` entries.
    pub fn effects(&self, from: usize) -> Vec<String> {
        let log = self.bench.lab.log();
        log[from..]
            .iter()
            .filter(|entry| entry.effect)
            .map(|entry| format!("{:?} {} {}", entry.service, entry.operation, entry.outcome))
            .collect()
    }

    /// A person runs a cmdlet in PowerShell.
    pub fn cmdlet(&self, name: &str) -> Value {
        let e = self.bench.lab.endpoints().unwrap();
        let domain = self.domain.clone();
        let name = name.to_owned();
        block(async move {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", e.client_id.as_str()),
                ("client_secret", e.client_secret.as_str()),
                ("scope", "https://outlook.office365.com/.default"),
            ];
            let url = format!("{}/{}/oauth2/v2.0/token", e.authority, e.tenant_id);
            let token: Value = http()
                .post(url)
                .form(&form)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let url = format!("{}/adminapi/beta/{}/InvokeCommand", e.exchange, e.tenant_id);
            let body =
                json!({"CmdletInput": {"CmdletName": name, "Parameters": {"DomainName": domain}}});
            let reply = http()
                .post(url)
                .bearer_auth(token["access_token"].as_str().unwrap())
                .json(&body)
                .send()
                .await
                .unwrap();
            assert!(reply.status().is_success(), "{:?}", reply.status());
            reply.json().await.unwrap()
        })
    }

    /// A person enables DNSSEC at Exchange Online; the new host.
    pub fn enable_dnssec_by_hand(&self) -> String {
        let answer = self.cmdlet("Enable-DnssecForVerifiedDomain");
        answer["value"][0]["DnssecMxValue"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    /// A person signs the zone at its server.
    pub fn sign_by_hand(&self) {
        let e = self.bench.lab.endpoints().unwrap();
        let url = format!(
            "{}/api/v1/servers/localhost/zones/{}.",
            e.powerdns, self.domain
        );
        block(async move {
            let reply = http()
                .put(url)
                .header("X-API-Key", &e.powerdns_key)
                .json(&json!({"dnssec": true, "api_rectify": true}))
                .send()
                .await
                .unwrap();
            assert!(reply.status().is_success(), "{:?}", reply.status());
        });
    }
}

/// Waits for a command, but not for ever.
pub fn finish(mut child: Child) -> Ran {
    fn reader(
        stream: Option<impl std::io::Read + Send + 'static>,
    ) -> std::thread::JoinHandle<String> {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ran {
        code: status,
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn block<T: Send>(work: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = std::fs::symlink_metadata(&path)
            .unwrap()
            .permissions()
            .mode();
        if path.is_dir() {
            found.insert(path.clone(), (mode, Vec::new()));
            collect(&path, found);
        } else {
            found.insert(path.clone(), (mode, std::fs::read(&path).unwrap()));
        }
    }
}
