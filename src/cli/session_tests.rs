use std::fs;

use super::*;
use crate::cli::Exit;

const FILE: &str = "\
domain: contoso.com
microsoft:
  tenant: contoso.onmicrosoft.com
  sign_in:
    method: client-secret
    client_id: 11111111-2222-3333-4444-555555555555
    secret: file:secret
dns:
  provider: powerdns
  url: https://ns1.contoso.com:8443
  api_key: file:key
";

fn folder(extra: &str, secret: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), secret).unwrap();
    fs::write(folder.path().join("key"), "a-long-enough-key").unwrap();
    let file = folder.path().join("domain.yml");
    fs::write(&file, format!("{FILE}{extra}")).unwrap();
    (folder, file)
}

#[test]
fn a_session_knows_its_steps_and_every_secret() {
    let (_folder, file) = folder("timing: {anycast_margin: 10s}\n", "hunter2hunter2\n");
    let redactor = Redactor::new();
    let session = Session::load(&file, &redactor).unwrap();
    assert_eq!(session.domain(), "contoso.com");
    assert_eq!(session.steps[0].goal, playbook::Goal::PREFLIGHT);
    assert!(session.path.is_absolute());
    assert_eq!(session.setup.settle, Duration::from_secs(30));
    assert_eq!(session.setup.timing.margin, Duration::from_secs(15));
    assert_eq!(
        redactor.redact("x hunter2hunter2 a-long-enough-key"),
        "x [secret] [secret]"
    );
    let debug = format!("{session:?}");
    assert!(!debug.contains("hunter2"), "{debug}");
}

#[test]
fn secrets_that_are_missing_or_too_short_are_configuration_errors() {
    let (folder, file) = folder("", "abc");
    let short = Session::load(&file, &Redactor::new()).unwrap_err();
    assert_eq!(short.exit(), Exit::Usage);
    assert!(!short.to_string().contains("abc"), "{short}");
    fs::remove_file(folder.path().join("secret")).unwrap();
    let missing = Session::load(&file, &Redactor::new()).unwrap_err();
    assert_eq!(missing.exit(), Exit::Usage);
}

#[test]
fn mistakes_in_the_file_are_reports() {
    let (_folder, file) = folder("aprove: all\n", "hunter2hunter2");
    let error = Session::load(&file, &Redactor::new()).unwrap_err();
    assert!(matches!(error, CliError::Rejected(_)), "{error:?}");
    assert_eq!(error.exit(), Exit::Usage);
}

#[test]
fn a_run_goes_on_with_the_playbook_it_began_with() {
    let (_folder, file) = folder("", "hunter2hunter2");
    let redactor = Redactor::new();
    let began = Inputs {
        playbook_text: "name: short\ntitle: Looks only\nsteps:\n  - step: preflight\n".to_owned(),
        settings: serde_json::Value::Null,
    };
    let session = Session::load(&file, &redactor).unwrap();
    let (session, changed) = session.of_run(&began).unwrap();
    assert!(changed);
    assert_eq!(session.steps.len(), 1);
    let (session, changed) = session.of_run(&began).unwrap();
    assert!(!changed);
    assert!(session.check_step("preflight").is_ok());
    assert_eq!(
        session.check_step("prefligt").unwrap_err().exit(),
        Exit::Usage
    );
}

#[test]
fn settings_that_do_not_fit_the_playbook_of_the_run_are_said() {
    let (_folder, file) = folder("settings: {ttl: 60}\n", "hunter2hunter2");
    let began = Inputs {
        playbook_text: "name: short\ntitle: Looks only\nsteps:\n  - step: preflight\n".to_owned(),
        settings: serde_json::Value::Null,
    };
    let session = Session::load(&file, &Redactor::new()).unwrap();
    let error = session.of_run(&began).unwrap_err();
    assert!(error.to_string().contains("the run began with"), "{error}");
}
