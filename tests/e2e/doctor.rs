//! `rollout doctor` as a program: what is missing is said with who has to grant what, and nothing is changed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rollout_lab::{DomainKind, DomainSeed, MicrosoftFaultKind, Options, TokenFaults};
use serde_json::Value;

use crate::support::{Bench, quick};

const DOMAIN: &str = "adatum.com";

fn bench() -> Bench {
    Bench::start(Options {
        timing: quick(),
        ..Options::with_domains([
            DomainSeed::new(DOMAIN, DomainKind::Finished),
            DomainSeed::ordinary("contoso.com"),
        ])
    })
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
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

impl Ran {
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    fn objects(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The check of this id; the first that did not pass, if there are several.
    fn check(&self, id: &str) -> Value {
        let all = self.objects();
        let mut of = all.iter().filter(|o| o["type"] == "check" && o["id"] == id);
        let first = of.clone().next();
        of.find(|o| o["state"] != "passed")
            .or(first)
            .unwrap_or_else(|| panic!("no {id}: {self}"))
            .clone()
    }

    /// The ids of the checks in this state, each once.
    fn ids(&self, state: &str) -> Vec<String> {
        let mut ids: Vec<String> = self
            .objects()
            .iter()
            .filter(|o| o["type"] == "check" && o["state"] == state)
            .map(|o| o["id"].as_str().unwrap().to_owned())
            .collect();
        ids.dedup();
        ids
    }
}

/// Runs the program, and makes sure that it changed nothing anywhere.
fn doctor(bench: &Bench, file: &Path, args: &[&str]) -> Ran {
    let before = bench.lab.log().len();
    let state = bench.folder.path().join("state");
    let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .arg("doctor")
        .arg(file)
        .args(args)
        .env("ROLLOUT_STATE", &state)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!state.exists(), "the state was made");
    let effects: Vec<_> = bench.lab.log()[before..]
        .iter()
        .filter(|entry| entry.effect)
        .cloned()
        .collect();
    assert!(effects.is_empty(), "{effects:?}");
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn file(bench: &Bench) -> PathBuf {
    bench.file(DOMAIN, "")
}

#[test]
fn a_healthy_domain_passes() {
    let bench = bench();
    let file = file(&bench);
    let ran = doctor(&bench, &file, &[]).exits(0);
    assert!(
        ran.out
            .starts_with("adatum.com: everything needed is there, 26 passed"),
        "{ran}"
    );
    for line in [
        "  passed          The token holds Exchange.ManageAsApp.  [exchange.permission]",
        "  passed          The token names the role Exchange Administrator.  [exchange.role]",
        "  passed          All 6 needed cmdlets may be run.  [exchange.cmdlets]",
        "  passed          The tenant has adatum.com, verified.  [graph.domain]",
        "  passed          All 2 addresses of the zone's servers answer on port 53 over TCP.  [reach.dns-tcp]",
        "  not needed      The domain has no MTA-STS record.  [reach.mta-sts]",
    ] {
        assert!(ran.out.contains(line), "{line}\n{ran}");
    }
    assert!(ran.err.is_empty(), "{ran}");

    let ran = doctor(&bench, &file, &["--json"]).exits(0);
    let all = ran.objects();
    assert_eq!(
        (&all[0]["schema"], &all[0]["command"]),
        (&1.into(), &"doctor".into())
    );
    let last = all.last().unwrap();
    assert_eq!(
        (&last["type"], &last["exit"], &last["failed"]),
        (&"summary".into(), &0.into(), &0.into())
    );
    // Whoever can only look at DNS is asked nothing of Microsoft.
    let ran = doctor(&bench, &bench.file("contoso.com", ""), &["--json"]).exits(0);
    assert_eq!(ran.check("graph.domain")["domain"], "contoso.com");
}

#[test]
fn a_wrong_secret_is_named_and_hides_nothing_else() {
    let bench = bench();
    let file = file(&bench);
    std::fs::write(bench.folder.path().join("client-secret"), "not-the-secret").unwrap();
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(
        ran.ids("failed"),
        ["sign-in.graph", "sign-in.exchange"],
        "{ran}"
    );
    let check = ran.check("sign-in.exchange");
    let what = check["what"].as_str().unwrap();
    assert!(
        what.contains("the client secret is wrong") && what.contains("AADSTS7000215"),
        "{what}"
    );
    let client = bench.lab.endpoints().unwrap().client_id;
    assert!(
        check["mend"]["snippets"][0]["text"]
            .as_str()
            .unwrap()
            .contains(&format!("az ad app credential reset --id {client} ")),
        "{check}"
    );
    let after = ran.check("exchange.cmdlets");
    assert_eq!(after["because"], "sign-in.exchange", "{after}");
    assert_eq!(ran.check("provider.access")["state"], "passed");
    assert_eq!(ran.check("reach.port-25")["state"], "passed");
    assert!(!ran.out.contains("not-the-secret"), "{ran}");

    // Nothing to read is another matter, and the provider is asked all the same.
    std::fs::remove_file(bench.folder.path().join("client-secret")).unwrap();
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(ran.ids("failed"), ["secret.readable"], "{ran}");
    assert_eq!(
        ran.check("secret.readable")["about"],
        "microsoft.sign_in.secret"
    );
    assert_eq!(ran.check("sign-in.graph")["because"], "secret.readable");
    assert_eq!(ran.check("provider.access")["state"], "passed");
}

#[test]
fn a_missing_permission_is_told_apart_from_its_look_alikes() {
    let bench = bench();
    let file = file(&bench);
    bench.lab.change_faults(|faults| {
        faults.token.exchange_roles = Some(vec!["Exchange.ManageAsAppV2".to_owned()]);
    });
    let ran = doctor(&bench, &file, &[]).exits(1);
    let client = bench.lab.endpoints().unwrap().client_id;
    for line in [
        "  failed          The token holds Exchange.ManageAsAppV2, which looks alike and does not serve: Exchange.ManageAsApp itself is missing.  [exchange.permission]".to_owned(),
        format!("    az ad app permission add --id {client} --api 00000002-0000-0ff1-ce00-000000000000 --api-permissions dc50a0fb-09a3-484d-be87-e023b12c6440=Role"),
        "  not checked     because exchange.permission did not pass  [exchange.cmdlets]".to_owned(),
        "  passed          The token names the role Exchange Administrator.  [exchange.role]".to_owned(),
    ] {
        assert!(ran.out.contains(&line), "{line}\n{ran}");
    }
    bench.lab.change_faults(|faults| {
        faults.token = TokenFaults {
            graph_roles: Some(vec!["User.Read.All".to_owned()]),
            exchange_roles: Some(Vec::new()),
            ..TokenFaults::default()
        };
    });
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(
        ran.ids("failed"),
        ["graph.permission", "exchange.permission"],
        "{ran}"
    );
    let what = |id: &str| ran.check(id)["what"].as_str().unwrap().to_owned();
    assert_eq!(
        what("graph.permission"),
        "The token holds User.Read.All, not Domain.Read.All."
    );
    assert_eq!(
        what("exchange.permission"),
        "The token holds no permission at all: Exchange.ManageAsApp is missing."
    );
    assert_eq!(ran.check("graph.domain")["because"], "graph.permission");
    assert_eq!(
        ran.check("exchange.domain")["because"],
        "exchange.permission"
    );
    // The service principal's own id, out of the token.
    let graph = &ran.check("graph.permission")["mend"]["snippets"][2]["text"];
    let graph = graph.as_str().unwrap();
    assert!(
        graph.contains("\nid=") && !graph.contains(&format!("id={client}")),
        "{graph}"
    );

    // More than needed is a remark.
    bench.lab.change_faults(|faults| {
        faults.token = TokenFaults {
            graph_roles: Some(vec!["Directory.Read.All".to_owned()]),
            ..TokenFaults::default()
        };
    });
    let ran = doctor(&bench, &file, &["--json"]).exits(0);
    assert_eq!(
        ran.check("graph.permission")["remarks"][0],
        "More than needed: Directory.Read.All. Domain.Read.All is enough for a rollout."
    );
}

#[test]
fn a_missing_directory_role_is_named_whether_the_token_tells_or_not() {
    let bench = bench();
    let file = file(&bench);
    bench
        .lab
        .change_faults(|faults| faults.token.directory_roles = Some(Vec::new()));
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(ran.ids("failed"), ["exchange.role"], "{ran}");
    let check = ran.check("exchange.role");
    assert_eq!(
        check["what"],
        "The token names no role that Exchange Online knows, and Exchange Online refuses every cmdlet (HTTP 403)."
    );
    assert!(
        check["mend"]["what"]
            .as_str()
            .unwrap()
            .starts_with("assigns the Microsoft Entra role Exchange Administrator (29232cdf-9323-42fd-ade2-1d097af3e4de) to the service principal of the application "),
        "{check}"
    );
    assert_eq!(ran.check("exchange.cmdlets")["because"], "exchange.role");
    assert_eq!(ran.check("exchange.domain")["because"], "exchange.role");
    // A body of NUL bytes is no parser's business.
    assert!(!ran.out.contains("expected value"), "{ran}");

    bench
        .lab
        .change_faults(|faults| faults.token.without_wids = true);
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert!(
        ran.check("exchange.role")["what"]
            .as_str()
            .unwrap()
            .starts_with("The token does not tell roles, and Exchange Online refuses"),
        "{ran}"
    );

    // A role that only reads.
    bench.lab.change_faults(|faults| {
        faults.token = TokenFaults {
            directory_roles: Some(vec!["f2ef992c-3afb-46b9-b7cf-a126ee74c451".to_owned()]),
            ..TokenFaults::default()
        };
        for cmdlet in [
            "Enable-DnssecForVerifiedDomain",
            "Enable-SmtpDaneInbound",
            "Disable-SmtpDaneInbound",
        ] {
            faults.microsoft(cmdlet, MicrosoftFaultKind::MissingRole, 9);
        }
    });
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(
        ran.ids("failed"),
        ["exchange.role", "exchange.cmdlets"],
        "{ran}"
    );
    assert_eq!(
        ran.check("exchange.cmdlets")["what"],
        "3 of 6 needed cmdlets may not be run: Enable-DnssecForVerifiedDomain, Enable-SmtpDaneInbound and Disable-SmtpDaneInbound. \
         This identity may look, but not change."
    );
    assert_eq!(ran.check("exchange.domain")["state"], "passed");
}

#[test]
fn a_token_of_another_tenant_is_seen() {
    let bench = bench();
    let file = file(&bench);
    let other = "99999999-0000-4000-8000-000000000009";
    bench
        .lab
        .change_faults(|faults| faults.token.tenant = Some(other.to_owned()));
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(ran.ids("failed"), ["token.tenant"], "{ran}");
    assert!(
        ran.check("token.tenant")["what"]
            .as_str()
            .unwrap()
            .contains(other),
        "{ran}"
    );
}

#[test]
fn a_wrong_provider_key_fails_alone() {
    let bench = bench();
    let file = file(&bench);
    std::fs::write(bench.folder.path().join("powerdns-key"), "not-the-key").unwrap();
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(ran.ids("failed"), ["provider.access"], "{ran}");
    let check = ran.check("provider.access");
    assert_eq!(check["about"], "powerdns");
    assert!(
        check["mend"]["what"]
            .as_str()
            .unwrap()
            .contains("the server's api-key"),
        "{check}"
    );
    assert_eq!(ran.check("provider.rights")["because"], "provider.access");
    assert!(!ran.out.contains("not-the-key"), "{ran}");
}

#[test]
fn a_silent_port_25_could_not_tell() {
    let bench = bench();
    let path = file(&bench);
    bench
        .lab
        .change_faults(|faults| faults.port_25_hangs = true);
    let ran = doctor(&bench, &path, &["--json"]).exits(3);
    assert_eq!(ran.ids("could-not-tell"), ["reach.port-25"], "{ran}");
    let mend = ran.check("reach.port-25")["mend"]["what"].to_string();
    assert!(
        mend.contains("--from-chain") && mend.contains("smtp.probe: advisory"),
        "{mend}"
    );
    // Who does not insist is told and goes on.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("smtp: { port:", "smtp: { probe: advisory, port:"),
    )
    .unwrap();
    let ran = doctor(&bench, &path, &["--json"]).exits(0);
    assert_eq!(ran.check("reach.port-25")["state"], "not-needed", "{ran}");
}

#[test]
fn a_failing_resolver_is_named() {
    let bench = bench();
    let file = file(&bench);
    bench
        .lab
        .change_faults(|faults| _ = faults.resolvers_failing.insert(1));
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(ran.ids("failed"), ["reach.resolver"], "{ran}");
    let check = ran.check("reach.resolver");
    assert!(
        check["about"].as_str().unwrap().starts_with("resolver-2 ("),
        "{check}"
    );
    assert!(
        check["what"].as_str().unwrap().contains("SERVFAIL"),
        "{check}"
    );
}

#[test]
fn services_that_are_not_there_are_told_one_by_one() {
    let bench = bench();
    let file = file(&bench);
    let text = std::fs::read_to_string(&file).unwrap();
    let graph = bench.lab.endpoints().unwrap().graph;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    std::fs::write(&file, text.replace(&graph, &nobody)).unwrap();
    let ran = doctor(&bench, &file, &["--json"]).exits(1);
    assert_eq!(ran.ids("failed"), ["reach.https"], "{ran}");
    assert_eq!(ran.check("reach.https")["about"], nobody);
    // The call itself could not tell: nobody said no.
    assert_eq!(
        ran.check("graph.domain")["state"],
        "could-not-tell",
        "{ran}"
    );
    assert_eq!(ran.check("exchange.domain")["state"], "passed");
}

#[test]
fn a_person_in_place_of_an_application_is_told_what_is_needed() {
    let bench = bench();
    let file = file(&bench);
    let text = std::fs::read_to_string(&file).unwrap();
    let (start, end) = (text.find("microsoft:").unwrap(), text.find("dns:").unwrap());
    let manual = format!(
        "{}microsoft:\n  backend: manual\n{}",
        &text[..start],
        &text[end..]
    );
    std::fs::write(&file, manual).unwrap();
    let ran = doctor(&bench, &file, &["--json"]).exits(0);
    let check = ran.check("person.rights");
    assert_eq!(check["state"], "not-needed");
    let mend = check["mend"].to_string();
    assert!(
        mend.contains("ExchangeOnlineManagement") && mend.contains("Exchange Administrator"),
        "{mend}"
    );
    assert!(ran.ids("failed").is_empty(), "{ran}");
}

#[test]
fn a_file_with_mistakes_is_2_and_others_are_looked_at() {
    let bench = bench();
    let good = file(&bench);
    let bad = bench.folder.path().join("bad.yml");
    std::fs::write(&bad, "domain: contoso.com\nmicrosft: {}\n").unwrap();
    let ran = doctor(&bench, &bad, &[good.to_str().unwrap(), "--json"]).exits(2);
    assert_eq!(ran.ids("failed"), ["file.loads"], "{ran}");
    assert_eq!(ran.check("exchange.domain")["state"], "passed");
    let ran = doctor(&bench, &bad, &[]).exits(2);
    assert!(
        ran.err.contains("microsft") && ran.out.contains("[file.loads]"),
        "{ran}"
    );
    let none = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .arg("doctor")
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn the_folder_of_the_state_is_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench();
    let file = file(&bench);
    let open = bench.folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ran = doctor(
        &bench,
        &file,
        &["--json", "--state", open.to_str().unwrap()],
    )
    .exits(1);
    assert_eq!(ran.ids("failed"), ["state.folder"], "{ran}");
    assert!(std::fs::read_dir(&open).unwrap().next().is_none());
}

#[test]
fn the_rules_need_nobody() {
    let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .args(["doctor", "--rules"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("exchange.role")
    );
}
