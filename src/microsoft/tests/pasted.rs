//! Pasted output of every cmdlet, in every form that a window gives, and everything that is none.

use crate::microsoft::powershell::{PasteError, PastedAnswer, command_in, connect, read_pasted};
use crate::microsoft::{Cloud, Cmdlet, DomainType, FeatureState};

const HOST: &str = "contoso-com.o-v1.mx.microsoft";

fn read(text: &str) -> Result<Vec<PastedAnswer>, PasteError> {
    read_pasted(text, "contoso.com")
}

fn one(text: &str) -> PastedAnswer {
    let mut all = read(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    assert_eq!(all.len(), 1, "{text}: {all:?}");
    all.remove(0)
}

#[test]
fn every_cloud_has_its_connection_and_every_command_its_module() {
    assert_eq!(
        connect(Cloud::Worldwide),
        "Connect-ExchangeOnline -ShowBanner:$false"
    );
    for (cloud, name) in [
        (Cloud::GccHigh, "O365USGovGCCHigh"),
        (Cloud::Dod, "O365USGovDoD"),
        (Cloud::China, "O365China"),
    ] {
        assert!(connect(cloud).ends_with(&format!("-ExchangeEnvironmentName {name}")));
    }
    for cmdlet in Cmdlet::NEEDED.into_iter().chain(Cmdlet::OPTIONAL) {
        let command = command_in(Cloud::Dod, cmdlet, "contoso.com").unwrap();
        assert!(command.module.contains("-MinimumVersion 3.2.0"));
        assert!(command.connect.contains("O365USGovDoD"));
        assert!(command.command.starts_with(cmdlet.name()) && !command.command.contains('\n'));
        assert!(!command.proof.is_empty());
        assert_eq!(
            command.paste_back.is_some(),
            cmdlet.only_reads() || cmdlet == Cmdlet::EnableDnssec
        );
    }
}

#[test]
fn the_new_host_in_every_form() {
    for text in [
        HOST.to_owned(),
        format!("DnssecMxValue : {HOST}\r\nResult        : Success\r\nErrorData     : \r\n"),
        format!("\u{1b}[32;1mDnssecMxValue : \u{1b}[0m{HOST}\n\u{1b}[32;1mResult        : \u{1b}[0mSuccess\n"),
        format!("DnssecMxValue                 Result  ErrorData\n-------------                 ------  ---------\n{HOST} Success\n"),
        format!("[{{\"DnssecMxValue\":\"{HOST}\",\"Result\":\"Success\",\"ErrorData\":null}}]"),
        format!("PS C:\\> Enable-DnssecForVerifiedDomain -DomainName 'contoso.com'\n\nDnssecMxValue : {HOST}\nResult : Success\n\nPS C:\\>"),
        format!("DnssecMxValue: {HOST}\nResult: Success"),
        // The window was narrow: a list is wrapped between words or inside them, and so is JSON.
        "DnssecMxValue : contoso-com.o-\n                v1.mx.microsoft\nResult        : Success\n".to_owned(),
        "{\"DnssecMxValue\":\"contoso-com.o-\nv1.mx.microsoft\",\"Result\":\"Suc\r\ncess\"}".to_owned(),
    ] {
        assert_eq!(one(&text).mx_host().unwrap().as_str(), HOST, "{text:?}");
    }
}

#[test]
fn accepted_domains_as_list_table_and_json() {
    let table = "DomainName              DomainType    Default SmtpDaneStatus\n\
                 ----------              ----------    ------- --------------\n\
                 contoso.onmicrosoft.com Authoritative False   Disabled\n\
                 contoso.com             InternalRelay True    Enabled\n\n";
    let list = "DomainName     : fabrikam.com\nDomainType     : Authoritative\nSmtpDaneStatus : Disabled\n\n\
                DomainName     : contoso.com\nDomainType     : InternalRelay\nSmtpDaneStatus : Enabled\n";
    let json = r#"{"DomainName":"Contoso.com","DomainType":{"value":1,"Value":"InternalRelay"},"SmtpDaneStatus":"Enabled","WhenChanged@data.type":"System.DateTime"}"#;
    for text in [table, list, json] {
        let PastedAnswer::Accepted(domain) = one(text) else {
            panic!("{text}")
        };
        assert_eq!(domain.domain, "contoso.com");
        assert_eq!(
            (domain.domain_type, domain.dane),
            (DomainType::InternalRelay, FeatureState::Enabled),
            "{text}"
        );
    }
}

#[test]
fn a_status_with_its_parts_and_one_that_lost_them() {
    let json = format!(
        r#"{{"DnssecFeatureStatus":"Enabled","ExpectedMxRecord":{{"Record":"@ 60 IN MX 10 {HOST}"}},
        "MxValidation":{{"Status":"Invalid","Errors":["EX003:Priority of MX record did not match the expected one."]}},"Errors":[],"Warnings":null}}"#
    );
    let answer = one(&json);
    assert_eq!(answer.mx_host().unwrap().as_str(), HOST);
    let PastedAnswer::Status(status) = answer else {
        panic!()
    };
    assert_eq!(status.all_messages().count(), 1);
    let list = "DnssecFeatureStatus : Disabled\nExpectedMxRecord    : \nDnsValidation       : Microsoft.Exchange.Management.ProvisioningTasks.DnsInfo\nErrors              : {}\n";
    let PastedAnswer::Status(status) = one(list) else {
        panic!()
    };
    assert!(status.feature.is_disabled());
    assert_eq!(status.lost, ["DnsValidation"]);
    assert!(status.expected_mx.is_none());
}

#[test]
fn connectors_and_several_cmdlets_at_once() {
    let text = format!(
        "PS> Get-OutboundConnector\n{}\nPS> Get-InboundConnector | fl\n\n{}\n{}",
        r#"[{"Name":"To partner","Enabled":true,"ConnectorType":"Partner","RecipientDomains":["*"],"SmartHosts":["contoso-com.mail.protection.outlook.com"],"UseMXRecord":false}]"#,
        "Name              : From office\nEnabled           : True\nSenderDomains     : {smtp:*;1, smtp:a.example;1}\nSenderIPAddresses : {192.0.2.1}\nRequireTls        : True\n\n",
        "DomainName  DomainType    SmtpDaneStatus\n----------  ----------    --------------\ncontoso.com Authoritative Disabled\n",
    );
    let all = read(&text).unwrap();
    let names: Vec<&str> = all.iter().map(|one| one.cmdlet().name()).collect();
    assert_eq!(
        names,
        [
            "Get-AcceptedDomain",
            "Get-InboundConnector",
            "Get-OutboundConnector"
        ]
    );
    let PastedAnswer::Inbound(inbound) = &all[1] else {
        panic!()
    };
    assert_eq!(inbound[0].sender_domains, ["*", "a.example"]);
    let PastedAnswer::Outbound(outbound) = &all[2] else {
        panic!()
    };
    assert_eq!(
        outbound[0].smart_hosts,
        ["contoso-com.mail.protection.outlook.com"]
    );
    let kept = serde_json::to_string(&all).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<PastedAnswer>>(&kept).unwrap(),
        all
    );
}

#[test]
fn every_bad_paste_says_what_to_do() {
    let refused = "Enable-DnssecForVerifiedDomain: Ex6F9304|Microsoft.Exchange.Configuration.Tasks.InvalidOperationException|No.";
    let big = "x".repeat((1 << 20) + 1);
    for (text, wanted) in [
        ("", "Nothing was pasted"),
        (" \r\n\u{feff}\n", "Nothing was pasted"),
        (big.as_str(), "larger than 1 MiB"),
        ("yes", "neither properties"),
        ("Success", "neither properties"),
        (
            "Name : x\nColour : red",
            "it has the properties Name, Colour",
        ),
        ("contoso-com.mail.protection.outlook.com", "the old host"),
        ("contoso-com.o-v1.mx.mic…", "cut off"),
        (
            "DnssecMxValue Result\n------------- ------\ncontoso-com.o-v1.mx.mic… Success",
            "cut off",
        ),
        (
            "Name : c\nSenderDomains : {a, b, c, d...}\n",
            "SenderDomains is cut off",
        ),
        (
            "Name : c\nSenderDomains : {a, b\n",
            "SenderDomains is cut off",
        ),
        (
            "{\"DnssecMxValue\":\"contoso-com.o-v1.mx.micro",
            "JSON is not whole",
        ),
        ("a.x.mx.microsoft b.y.mx.microsoft", "several host names"),
        (
            "DnssecMxValue : a.x.mx.microsoft\nResult : Success\n\nDnssecMxValue : b.y.mx.microsoft\nResult : Success\n",
            "several host names",
        ),
        (
            "DnssecMxValue : a.x.mx.microsoft\nResult : Failure\nErrorData : zone",
            "Result is Failure zone",
        ),
        (
            "DnssecMxValue : evil.example\nResult : Success",
            "no host name under mx.microsoft",
        ),
        (
            "DomainName : fabrikam.com\nDomainType : Authoritative\n",
            "about fabrikam.com, not about contoso.com",
        ),
        (
            "PS> Enable-DnssecForVerifiedDomain -DomainName fabrikam.com\nDnssecMxValue : a.x.mx.microsoft\n",
            "about fabrikam.com",
        ),
        (refused, "InvalidOperationException"),
        (
            "Enable-X: The term 'Enable-X' is not recognized as a name of a cmdlet.",
            "Connect-ExchangeOnline first",
        ),
        ("a_b.o-v1.mx.microsoft", "refused"),
        (
            "DomainName : contoso.com\nSmtpDaneStatus : Enabled\n\nDomainName : contoso.com\nSmtpDaneStatus : Disabled\n",
            "",
        ),
    ] {
        match read(text) {
            Err(why) => {
                let said = why.to_string();
                assert!(said.contains(wanted), "{text:?}: {said}");
                assert!(!said.chars().any(char::is_control) && said.len() < 2000);
            }
            // The first of two rows of one domain counts; which is newer nobody can know, and DNS decides anyway.
            Ok(found) => assert!(wanted.is_empty() && found.len() == 1, "{text:?}: {found:?}"),
        }
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let parts = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        " : ",
        "----",
        "\n",
        "\u{1b}[",
        "ä",
        "…",
        "DnssecMxValue",
        HOST,
        ",",
        " ",
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..(seed % 23) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(parts[(seed >> 33) as usize % parts.len()]);
        }
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        let _ = read(&text);
    }
}
