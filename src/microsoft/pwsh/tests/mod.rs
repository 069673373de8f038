//! The official module as the backend, with a strict stand-in for PowerShell.

#![cfg(unix)]

mod fake;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Connect, PwshExchange, PwshSettings};
use crate::microsoft::pwsh::PwshError;
use crate::microsoft::{
    CallCounter, Cloud, DisableDnssecByName, ExchangeApi as _, FeatureState, MicrosoftError,
    UnknownWhy,
};
use fake::Fake;

const HOST: &str = "contoso-com.o-v1.mx.microsoft";
const PASSWORD: &str = "Zq8~geheim+ß=";
const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

fn connected() -> Value {
    json!([{"answer": {
        "stage": "connected", "module": "3.9.0", "powershell": "7.5.0",
        "tenant": "aaaaaaaa-0000-4000-8000-000000000001", "organization": "contoso.onmicrosoft.com",
        "exportedCmdlets": ["Get-AcceptedDomain", "Enable-SmtpDaneInbound"],
    }}])
}

fn ran(rows: Value) -> Value {
    json!([{"answer": {"stage": "ran", "value": rows, "@adminapi.warnings": []}}])
}

fn threw(kind: &str, message: &str) -> Value {
    json!([{"answer": {"stage": "cmdlet", "id": "x", "error": {"innererror": {"internalexception": {
        "type": kind, "message": message,
    }}}}}])
}

fn domains() -> Value {
    ran(json!([
        {"DomainName": "contoso.onmicrosoft.com", "DomainType": "Authoritative", "SmtpDaneStatus": "Disabled", "InitialDomain": true},
        {"DomainName": "contoso.com", "DomainType": {"value": 0, "Value": "Authoritative"}, "SmtpDaneStatus": "Disabled", "InitialDomain": false},
    ]))
}

fn plan(more: &[(&str, Value)]) -> Value {
    let mut plan = json!({"connect": connected(), "Get-AcceptedDomain": domains()});
    for (name, steps) in more {
        plan[*name] = steps.clone();
    }
    plan
}

fn settings(fake: &Fake, connect: Connect) -> PwshSettings {
    let mut settings = PwshSettings::new("contoso.onmicrosoft.com", connect);
    settings.program = fake.program();
    settings.sign_in = Duration::from_secs(60);
    settings
}

fn exchange(fake: &Fake) -> PwshExchange {
    let identity = Connect::ManagedIdentity { client_id: None };
    PwshExchange::new(settings(fake, identity), Arc::new(CallCounter::default())).unwrap()
}

fn pwsh_error(error: MicrosoftError) -> PwshError {
    match error {
        MicrosoftError::Pwsh(error) => *error,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_answers_every_cmdlet() {
    let status = json!([{
        "DnssecFeatureStatus": {"Value": "Enabled"},
        "ExpectedMxRecord": {"Record": format!("@ 60 IN MX 10 {HOST}")},
        "DnsValidation": "Microsoft.Exchange.Management.ProvisioningTasks.DnsValidationInfo",
        "Errors": [], "Warnings": [],
    }]);
    let fake = Fake::new(&plan(&[
        ("Get-DnssecStatusForVerifiedDomain", ran(status)),
        (
            "Enable-DnssecForVerifiedDomain",
            ran(json!([{"DnssecMxValue": HOST, "Result": "Success", "ErrorData": null}])),
        ),
        ("Disable-DnssecForVerifiedDomain", ran(json!([]))),
        ("Enable-SmtpDaneInbound", ran(json!([]))),
        ("Disable-SmtpDaneInbound", ran(json!([]))),
        (
            "Get-IPv6StatusForAcceptedDomain",
            ran(json!([{"IPv6Status": "Enabled"}])),
        ),
        ("Get-InboundConnector", ran(json!([]))),
        (
            "Get-OutboundConnector",
            threw(
                "System.Management.Automation.CommandNotFoundException",
                "no such cmdlet",
            ),
        ),
    ]));
    let exchange = exchange(&fake);
    assert_eq!(exchange.accepted_domains().await.unwrap().len(), 2);
    let one = exchange
        .accepted_domain("Contoso.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (one.domain.as_str(), one.dane),
        ("contoso.com", FeatureState::Disabled)
    );
    assert!(
        exchange
            .accepted_domain("fabrikam.com")
            .await
            .unwrap()
            .is_none()
    );
    let status = exchange.dnssec_status("contoso.com").await.unwrap();
    assert!(status.feature.is_enabled());
    assert_eq!(status.expected_mx.unwrap().host, HOST);
    assert_eq!(status.lost, ["DnsValidation"], "what is cut is not nothing");
    let enabled = exchange.enable_dnssec("contoso.com").await.unwrap();
    assert_eq!(enabled.mx_host.as_str(), HOST);
    exchange.enable_dane("contoso.com").await.unwrap();
    exchange.disable_dane("contoso.com").await.unwrap();
    let words =
        DisableDnssecByName::typed_by_a_person("Disable-DnssecForVerifiedDomain contoso.com");
    exchange
        .disable_dnssec("contoso.com", words.unwrap())
        .await
        .unwrap();
    assert!(
        exchange
            .ipv6_status("contoso.com")
            .await
            .unwrap()
            .state
            .is_enabled()
    );
    let connectors = exchange.connectors().await.unwrap();
    assert_eq!(connectors.inbound.known(), Some(&[][..]));
    assert!(
        connectors
            .outbound
            .why()
            .unwrap()
            .contains("Exchange Administrator")
    );
    let allowed = exchange.allowed_cmdlets().await.unwrap();
    assert!(!allowed.missing().is_empty());
    assert_eq!(fake.count("connect"), 1);
    // A domain reaches PowerShell as data only.
    assert!(!fake.read("args").contains("contoso") && !super::DRIVER.contains("contoso"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_sign_in_is_the_modules_own() {
    for (connect, expected, password) in [
        (
            Connect::Thumbprint {
                client_id: CLIENT.into(),
                thumbprint: "AB".repeat(20),
            },
            json!({"AppId": CLIENT, "CertificateThumbprint": "AB".repeat(20), "Organization": "contoso.onmicrosoft.com"}),
            false,
        ),
        (
            Connect::CertificateFile {
                client_id: CLIENT.into(),
                file: PathBuf::from("/tmp/schlüssel.pfx"),
                password: Some(SecretString::from(PASSWORD)),
            },
            json!({"AppId": CLIENT, "CertificateFilePath": "/tmp/schlüssel.pfx", "Organization": "contoso.onmicrosoft.com"}),
            true,
        ),
        (
            Connect::ManagedIdentity {
                client_id: Some(CLIENT.into()),
            },
            json!({"ManagedIdentity": true, "ManagedIdentityAccountId": CLIENT, "Organization": "contoso.onmicrosoft.com"}),
            false,
        ),
        (Connect::Device, json!({"Device": true}), false),
    ] {
        let fake = Fake::new(&plan(&[]));
        let name = connect.name();
        let settings = settings(&fake, connect);
        assert!(!format!("{settings:?}").contains(PASSWORD));
        let exchange = PwshExchange::new(settings, Arc::default()).unwrap();
        assert_eq!(exchange.connect().await.unwrap().module, "3.9.0");
        let request = &fake.requests()[0];
        assert_eq!(request["parameters"], expected, "{name}");
        assert_eq!(request.get("password").is_some(), password, "{name}");
        for file in ["args", "env", "requests"] {
            assert!(!fake.read(file).contains("geheim"), "{name}: {file}");
        }
    }
    let mut gcc = PwshSettings::new("contoso.onmicrosoft.us", Connect::Device);
    gcc.cloud = Cloud::GccHigh;
    assert_eq!(
        gcc.parameters()["ExchangeEnvironmentName"],
        "O365USGovGCCHigh"
    );
    let id = "aaaaaaaa-0000-4000-8000-000000000001";
    let by_id = PwshSettings::new(id, Connect::ManagedIdentity { client_id: None });
    assert!(
        by_id
            .check()
            .unwrap_err()
            .to_string()
            .contains("-Organization")
    );
    assert!(PwshSettings::new(id, Connect::Device).check().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_a_sign_in_is_told_apart() {
    let refused = json!([{"answer": {"stage": "connect", "id": "x", "error": {"innererror": {"internalexception": {
        "type": "Microsoft.Identity.Client.MsalServiceException",
        "message": format!("AADSTS700027: the certificate is not known, with {PASSWORD} in it"),
    }}}}}]);
    let cases = [
        (
            json!([{"answer": {"stage": "module", "found": null}}]),
            "Install-Module -Name ExchangeOnlineManagement",
        ),
        (
            json!([{"answer": {"stage": "module", "found": "2.0.5"}}]),
            "2.0.5 is too old",
        ),
        (refused, "AADSTS700027"),
        (
            json!([{"die": "script requires PowerShell 7.2"}]),
            "script requires PowerShell 7.2",
        ),
        (json!([{"raw": "not json"}]), "not understood"),
    ];
    for (steps, wanted) in cases {
        let fake = Fake::new(&json!({"connect": steps}));
        let connect = Connect::CertificateFile {
            client_id: CLIENT.into(),
            file: PathBuf::from("/tmp/app.pfx"),
            password: Some(SecretString::from(PASSWORD)),
        };
        let exchange = PwshExchange::new(settings(&fake, connect), Arc::default()).unwrap();
        // A write that could not even be connected for was not sent.
        let error = exchange.enable_dane("contoso.com").await.unwrap_err();
        assert!(!error.is_unknown(), "{error}");
        let said = error.to_string();
        assert!(said.contains(wanted) && !said.contains("geheim"), "{said}");
        assert_eq!(fake.count("connect"), 1);
        pwsh_error(error);
    }
    let fake = Fake::new(&plan(&[]));
    let mut nowhere = settings(&fake, Connect::Device);
    nowhere.program = PathBuf::from("/nowhere/pwsh");
    let exchange = PwshExchange::new(nowhere, Arc::default()).unwrap();
    let error = pwsh_error(exchange.accepted_domains().await.unwrap_err());
    assert!(matches!(error, PwshError::NoProgram { .. }), "{error}");
    let mut other = settings(&fake, Connect::Device);
    other.tenant = "bbbbbbbb-0000-4000-8000-000000000002".into();
    let exchange = PwshExchange::new(other, Arc::default()).unwrap();
    let error = pwsh_error(exchange.accepted_domains().await.unwrap_err());
    assert!(matches!(error, PwshError::OtherTenant { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_device_code_reaches_the_person_and_is_waited_for() {
    let code = "To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code ABCD1234.";
    let mut first = connected()[0].clone();
    first["talk"] = json!([code, "rollout-0000 begin 1", "{\"stage\":\"connected\"}"]);
    let fake = Fake::new(&plan(&[("connect", json!([first]))]));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut with_person = settings(&fake, Connect::Device);
    let ear = Arc::clone(&heard);
    with_person.tell = Arc::new(move |line| ear.lock().unwrap().push(line.to_owned()));
    let exchange = PwshExchange::new(with_person, Arc::default()).unwrap();
    assert_eq!(exchange.connect().await.unwrap().powershell, "7.5.0");
    assert!(
        heard
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains("ABCD1234"))
    );

    let fake = Fake::new(&json!({"connect": [{"sleep": 20_000, "answer": {}}]}));
    let mut nobody = settings(&fake, Connect::Device);
    nobody.sign_in = Duration::from_millis(500);
    let exchange = PwshExchange::new(nobody, Arc::default()).unwrap();
    let error = exchange.accepted_domains().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().contains("was not finished"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_process_is_started_again_for_reads_only() {
    let die = json!({"die": "Segmentation fault"});
    let fake = Fake::new(&plan(&[
        ("Get-AcceptedDomain", json!([die, domains()[0], die])),
        ("Enable-SmtpDaneInbound", json!([die])),
    ]));
    let exchange = exchange(&fake);
    assert_eq!(
        exchange.accepted_domains().await.unwrap().len(),
        2,
        "asked again"
    );
    assert_eq!(
        (fake.count("connect"), fake.count("Get-AcceptedDomain")),
        (2, 2)
    );
    // The effect may have happened before the process was lost: once, and unknown.
    let error = exchange.enable_dane("contoso.com").await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
    assert!(error.to_string().contains("Segmentation fault"), "{error}");
    assert_eq!(fake.count("Enable-SmtpDaneInbound"), 1);
    // A third and fourth time it dies again: no answer, which is no "no".
    let error = exchange.accepted_domains().await.unwrap_err();
    assert!(error.is_could_not_tell() && !error.is_unknown(), "{error}");
    assert_eq!(fake.count("Get-AcceptedDomain"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cmdlet_that_does_not_come_back_is_unknown_or_unanswered() {
    let late = json!([{"sleep": 30_000, "answer": {}}]);
    let fake = Fake::new(&plan(&[
        ("Get-AcceptedDomain", late.clone()),
        (
            "Get-DnssecStatusForVerifiedDomain",
            ran(json!([{"DnssecFeatureStatus": "Disabled"}])),
        ),
    ]));
    let mut quick = settings(&fake, Connect::Device);
    quick.limits.read = Duration::from_millis(400);
    let exchange = PwshExchange::new(quick, Arc::default()).unwrap();
    let error = exchange.accepted_domains().await.unwrap_err();
    assert!(
        matches!(
            &error,
            MicrosoftError::NoAnswer {
                why: UnknownWhy::TimedOut { .. },
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fake.count("Get-AcceptedDomain"), 1);
    assert!(
        exchange
            .dnssec_status("contoso.com")
            .await
            .unwrap()
            .feature
            .is_disabled()
    );
    assert_eq!(fake.count("connect"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_cmdlets_are_told_apart() {
    let inner = |kind: &str, text: &str| {
        threw(
            "Microsoft.Exchange.Management.RestApiClient.RestClientException",
            &format!("Ex6F9304|{kind}|{text}"),
        )
    };
    let invalid = "Microsoft.Exchange.Configuration.Tasks.InvalidOperationException";
    type Check = fn(&MicrosoftError) -> bool;
    let cases: [(Value, Check, &str); 9] = [
        (
            inner(invalid, "Enable DNSSEC first."),
            |e| matches!(e, MicrosoftError::Failed { .. }),
            "Enable DNSSEC first",
        ),
        (
            inner(invalid, "It is already on."),
            MicrosoftError::says_already,
            "already",
        ),
        (
            inner(
                "Microsoft.Exchange.Data.Directory.ADTransientException",
                "busy",
            ),
            MicrosoftError::is_unknown,
            "ADTransientException",
        ),
        (
            threw("System.Net.Http.HttpRequestException", "connection reset"),
            MicrosoftError::is_unknown,
            "connection reset",
        ),
        (
            threw(
                "System.Management.Automation.CommandNotFoundException",
                "x is not recognized",
            ),
            MicrosoftError::is_permission,
            "Exchange Administrator",
        ),
        (
            json!([{"raw": ""}]),
            MicrosoftError::is_unknown,
            "neither success nor failure",
        ),
        (
            json!([{"raw": "{\"stage\":\"ran\",\"value\":[{\"Result\""}]),
            MicrosoftError::is_unknown,
            "neither success nor failure",
        ),
        (
            json!([{"answer": {"stage": "somewhere"}}]),
            MicrosoftError::is_unknown,
            "neither success nor failure",
        ),
        (
            ran(json!([{"Result": "Failure", "ErrorData": "zone"}])),
            |e| matches!(e, MicrosoftError::Failed { .. }),
            "its Result is Failure",
        ),
    ];
    for (steps, check, wanted) in cases {
        let fake = Fake::new(&plan(&[("Enable-SmtpDaneInbound", steps.clone())]));
        let error = exchange(&fake)
            .enable_dane("contoso.com")
            .await
            .unwrap_err();
        assert!(
            check(&error) && error.to_string().contains(wanted),
            "{steps}: {error}"
        );
        assert_eq!(fake.count("Enable-SmtpDaneInbound"), 1, "{steps}");
    }
}
