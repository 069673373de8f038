//! `backend: pwsh`: a whole rollout through PowerShell, with a strict stand-in that runs the cmdlets in the laboratory.

#![cfg(unix)]

use std::io::{BufRead as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rollout_lab::DomainSeed;
use serde_json::{Value, json};

use crate::inputs::stage::{Ran, Stage};

const WALK: &[&str] = &["apply", "{file}", "--yes", "--wait"];

/// The laboratory, with a `pwsh` and a domain file that uses it.
fn stage(sign_in: bool) -> Stage {
    let stage = Stage::of(DomainSeed::ordinary("contoso.com").signed());
    let folder = stage.bench.folder.path().to_owned();
    let endpoints = stage.bench.lab.endpoints().unwrap();
    let lab = json!({
        "authority": endpoints.authority, "exchange": endpoints.exchange, "tenant": endpoints.tenant_id,
        "client": endpoints.client_id, "secret": endpoints.client_secret,
    });
    let own = std::env::current_exe().unwrap();
    let place = folder.join("pwsh-place");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("lab.json"), lab.to_string()).unwrap();
    std::fs::write(
        place.join("body.sh"),
        format!(
            "printf '%s\\n' \"$*\" >> '{0}/args'\nFAKE_PWSH='{0}' exec '{1}' --exact pwsh::program --ignored --nocapture\n",
            place.display(),
            own.display()
        ),
    )
    .unwrap();
    let program = place.join("pwsh");
    std::fs::write(
        &program,
        format!("#!/bin/sh\n. '{}/body.sh'\n", place.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let (before, rest) = text.split_once("  sign_in:\n").unwrap();
    let (api, after) = rest.split_once("\ndns:").unwrap();
    let api = if sign_in {
        format!("  sign_in:\n{api}")
    } else {
        String::new()
    };
    let text = format!(
        "{before}  backend: pwsh\n  connect: {{ method: device }}\n  program: ./pwsh-place/pwsh\n{api}\ndns:{after}"
    );
    std::fs::write(&stage.file, text).unwrap();
    stage
}

fn times(stage: &Stage, operation: &str) -> usize {
    let log = stage.bench.lab.log();
    let effects = log
        .iter()
        .filter(|entry| entry.effect && entry.operation == operation);
    effects.count()
}

fn assert_moved(stage: &Stage, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran}");
    let mx = stage.mx();
    assert_eq!(mx.len(), 1, "{mx:?}");
    assert!(
        mx[0].starts_with("0 ") && mx[0].ends_with(".mx.microsoft."),
        "{mx:?}"
    );
    for cmdlet in ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"] {
        assert_eq!(times(stage, cmdlet), 1, "{cmdlet}\n{ran}");
    }
}

#[test]
fn a_whole_rollout_through_powershell() {
    let stage = stage(false);
    let plan = stage.run(&["plan", "{file}"]);
    assert_eq!(plan.code, Some(0), "{plan}");
    assert!(
        plan.words().contains("Microsoft Graph is not asked"),
        "{plan}"
    );
    let ran = stage.run(WALK);
    assert_moved(&stage, &ran);
    // One process for each command: signing in is slow.
    let starts = std::fs::read_to_string(stage.at("pwsh-place/args")).unwrap();
    assert_eq!(starts.lines().count(), 2, "{starts}");
    assert!(!starts.contains("contoso"), "{starts}");
}

#[test]
fn with_a_sign_in_graph_cross_checks_the_domain() {
    let stage = stage(true);
    let plan = stage.run(&["plan", "{file}"]);
    assert_eq!(plan.code, Some(0), "{plan}");
    assert!(
        !plan.words().contains("Microsoft Graph is not asked"),
        "{plan}"
    );
    let log = stage.bench.lab.log();
    assert!(
        log.iter()
            .any(|entry| entry.service == rollout_lab::Service::Graph)
    );
}

#[test]
fn killed_after_the_effect_it_is_read_back_and_never_sent_twice() {
    let stage = stage(false);
    std::fs::write(
        stage.at("pwsh-place/die-after"),
        "Enable-DnssecForVerifiedDomain Enable-SmtpDaneInbound",
    )
    .unwrap();
    let ran = stage.run(WALK);
    assert_moved(&stage, &ran);
    assert!(ran.words().contains("PowerShell ended"), "{ran}");
}

#[test]
fn what_is_missing_is_said_before_anything_is_changed() {
    for (file, content, wanted) in [
        (
            "module",
            "null",
            "Install-Module -Name ExchangeOnlineManagement",
        ),
        ("module", "\"2.0.5\"", "2.0.5 is too old"),
        (
            "refuse",
            "AADSTS50076: use multi-factor authentication",
            "AADSTS50076",
        ),
        (
            "missing-role",
            "Get-AcceptedDomain",
            "Exchange Administrator",
        ),
    ] {
        let stage = stage(false);
        std::fs::write(stage.at(&format!("pwsh-place/{file}")), content).unwrap();
        for args in [&["plan", "{file}"][..], WALK] {
            let ran = stage.run(args);
            assert_eq!(ran.code, Some(1), "{ran}");
            assert!(ran.words().contains(wanted), "{wanted}: {ran}");
        }
        assert_eq!(stage.effects(0), Vec::<String>::new());
    }
    let stage = stage(false);
    stage.rewrite("./pwsh-place/pwsh", "/nowhere/pwsh");
    let ran = stage.run(&["plan", "{file}"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.words().contains("Install PowerShell 7.2"), "{ran}");
}

/// Not a test: the stand-in itself.
#[test]
#[ignore = "it is the program that the other tests start"]
fn program() {
    let Some(place) = std::env::var_os("FAKE_PWSH").map(PathBuf::from) else {
        return;
    };
    let lab: Value =
        serde_json::from_str(&std::fs::read_to_string(place.join("lab.json")).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut token = String::new();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = if request["do"] == "connect" {
            token = runtime.block_on(sign_in(&lab));
            connect(&place)
        } else {
            runtime.block_on(run(&place, &lab, &token, &request))
        };
        let deadly = std::fs::read_to_string(place.join("die-after")).unwrap_or_default();
        if let Some(cmdlet) = request["cmdlet"].as_str()
            && deadly.contains(cmdlet)
        {
            std::process::exit(137);
        }
        let (mark, id) = (
            request["mark"].as_str().unwrap(),
            request["id"].as_str().unwrap(),
        );
        let mut out = std::io::stdout();
        write!(out, "{mark} begin {id}\n{answer}\n{mark} end {id}\n").unwrap();
        out.flush().unwrap();
    }
    std::process::exit(0);
}

fn thrown(stage: &str, kind: &str, message: &str) -> Value {
    json!({"stage": stage, "id": "x", "error": {"innererror": {"internalexception": {"type": kind, "message": message}}}})
}

fn connect(place: &Path) -> Value {
    if let Ok(found) = std::fs::read_to_string(place.join("module")) {
        let found: Value = serde_json::from_str(&found).unwrap();
        return json!({"stage": "module", "found": found});
    }
    if let Ok(said) = std::fs::read_to_string(place.join("refuse")) {
        return thrown(
            "connect",
            "Microsoft.Identity.Client.MsalUiRequiredException",
            &said,
        );
    }
    json!({"stage": "connected", "module": "3.9.0", "powershell": "7.5.0", "tenant": "", "organization": "", "exportedCmdlets": []})
}

async fn sign_in(lab: &Value) -> String {
    let word = |name: &str| lab[name].as_str().unwrap().to_owned();
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", word("client")),
        ("client_secret", word("secret")),
        ("scope", "https://outlook.office365.com/.default".to_owned()),
    ];
    let url = format!("{}/{}/oauth2/v2.0/token", word("authority"), word("tenant"));
    let reply = http().post(url).form(&form).send().await.unwrap();
    let token: Value = reply.json().await.unwrap();
    token["access_token"].as_str().unwrap().to_owned()
}

async fn run(place: &Path, lab: &Value, token: &str, request: &Value) -> Value {
    let cmdlet = request["cmdlet"].as_str().unwrap();
    let forbidden = std::fs::read_to_string(place.join("missing-role")).unwrap_or_default();
    if forbidden.contains(cmdlet) {
        return thrown(
            "cmdlet",
            "System.Management.Automation.CommandNotFoundException",
            "not recognized",
        );
    }
    let url = format!(
        "{}/adminapi/beta/{}/InvokeCommand",
        lab["exchange"].as_str().unwrap(),
        lab["tenant"].as_str().unwrap()
    );
    let body = json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": request["parameters"]}});
    let reply = http()
        .post(url)
        .bearer_auth(token)
        .json(&body)
        .send()
        .await
        .unwrap();
    let good = reply.status().is_success();
    let text = reply.text().await.unwrap();
    let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
    if good {
        answer["stage"] = json!("ran");
        return answer;
    }
    thrown(
        "cmdlet",
        "Microsoft.Exchange.Management.RestApiClient.RestClientException",
        &format!("Ex1|Lab.Exception|{text}"),
    )
}

fn http() -> reqwest::Client {
    crate::support::install_crypto();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
