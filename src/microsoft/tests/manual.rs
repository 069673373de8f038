//! Manual mode: what is printed, and reading what is pasted.

use crate::microsoft::powershell::{PasteError, command, disable_dnssec, quote, read_pasted_host};
use crate::microsoft::{Cloud, Cmdlet, DisableDnssecByName};

const HOST: &str = "contoso-com.o-v1.mx.microsoft";

#[test]
fn commands_are_exact() {
    let line = |cmdlet| command(cmdlet, "Contoso.com").unwrap().command;
    assert_eq!(
        line(Cmdlet::EnableDnssec),
        "Enable-DnssecForVerifiedDomain -DomainName 'contoso.com' | Format-List DnssecMxValue, Result, ErrorData"
    );
    assert_eq!(
        line(Cmdlet::EnableDane),
        "Enable-SmtpDaneInbound -DomainName 'contoso.com'"
    );
    assert_eq!(
        line(Cmdlet::DisableDane),
        "Disable-SmtpDaneInbound -DomainName 'contoso.com'"
    );
    assert!(
        line(Cmdlet::GetAcceptedDomain).starts_with("Get-AcceptedDomain -Identity 'contoso.com' |")
    );
    for cmdlet in Cmdlet::NEEDED {
        let manual = command(cmdlet, "contoso.com").unwrap();
        assert!(!manual.command.contains('\n') && !manual.proof.is_empty());
        assert!(manual.connect.starts_with("Connect-ExchangeOnline"));
    }
}

#[test]
fn the_destructive_command_needs_a_persons_words() {
    let shown = command(Cmdlet::DisableDnssec, "contoso.com")
        .unwrap()
        .command;
    assert!(shown.starts_with('#'), "{shown}");
    let words =
        DisableDnssecByName::typed_by_a_person("Disable-DnssecForVerifiedDomain contoso.com")
            .unwrap();
    assert_eq!(
        disable_dnssec(Cloud::Worldwide, "contoso.com", &words)
            .unwrap()
            .command,
        "Disable-DnssecForVerifiedDomain -DomainName 'contoso.com'"
    );
    assert!(disable_dnssec(Cloud::Worldwide, "fabrikam.com", &words).is_err());
}

#[test]
fn quoting_leaves_no_way_out() {
    assert_eq!(quote("a'b"), "'a''b'");
    assert_eq!(
        quote("a\u{2019}; calc \u{2018}"),
        "'a\u{2019}\u{2019}; calc \u{2018}\u{2018}'"
    );
    assert_eq!(quote("$(x) `n \"y\"\r\n;z"), "'$(x) `n \"y\";z'");
    for bad in ["x'; Remove-Mailbox y", "a\nb.com", "$(a).com"] {
        assert!(command(Cmdlet::EnableDane, bad).is_err(), "{bad:?}");
    }
}

#[test]
fn every_way_to_paste_the_host() {
    let long = "a-very-long-domain-name-that-wraps-com.o-v1.mx.microsoft";
    for (text, expected) in [
        (HOST.to_owned(), HOST),
        (format!("  {HOST}.\r\n"), HOST),
        (format!("0 {HOST}."), HOST),
        (format!("@ 60 IN MX 10 {HOST}"), HOST),
        (format!("contoso.com. 3600 IN MX 20 {}.", HOST.to_uppercase()), HOST),
        (format!("\nDnssecMxValue : {HOST}\nResult        : Success\nErrorData     : \n\n"), HOST),
        (format!("\u{1b}[32;1mDnssecMxValue : \u{1b}[0m{HOST}\n\u{1b}[32;1mResult        : \u{1b}[0mSuccess\n"), HOST),
        (format!("DnssecMxValue                 Result  ErrorData\n-------------                 ------  ---------\n{HOST} Success\n"), HOST),
        (format!("{{\"DnssecMxValue\":\"{HOST}\",\"Result\":\"Success\",\"ErrorData\":null}}"), HOST),
        (format!("{{\n  \"DnssecMxValue\": \"{HOST}\",\n  \"Result\": \"Success\"\n}}"), HOST),
        ("DnssecMxValue : a-very-long-domain-name-that-\n                wraps-com.o-v1.mx.microsoft\nResult        : Success\n".to_owned(), long),
        (format!("{HOST}\n{HOST}."), HOST),
        (format!("\u{feff}{HOST}\u{200b}"), HOST),
        (format!("PS C:\\> Enable-DnssecForVerifiedDomain -DomainName 'contoso.com'\nDnssecMxValue : {HOST}"), HOST),
    ] {
        assert_eq!(read_pasted_host(&text).unwrap().as_str(), expected, "{text:?}");
    }
}

#[test]
fn what_cannot_be_the_host_is_refused_with_a_reason() {
    let read = |text: &str| read_pasted_host(text).unwrap_err();
    for text in [
        "",
        "\n",
        "Success",
        "contoso.com",
        "mx.microsoft",
        "DnssecMxValue :",
    ] {
        assert_eq!(read(text), PasteError::NoHost, "{text:?}");
    }
    assert!(matches!(
        read("contoso-com.mail.protection.outlook.com."),
        PasteError::LegacyHost { .. }
    ));
    assert!(matches!(
        read("DnssecMxValue Result\n------------- ------\ncontoso-com.o-v1.mx.mic… Success"),
        PasteError::CutOff { .. }
    ));
    assert!(matches!(
        read("contoso-com.o-v1.mx.mic..."),
        PasteError::CutOff { .. }
    ));
    assert!(matches!(
        read("a.x.mx.microsoft b.y.mx.microsoft"),
        PasteError::Several { .. }
    ));
    let failed = format!("DnssecMxValue : {HOST}\nResult : Failure\nErrorData : zone");
    assert!(matches!(read(&failed), PasteError::Failed { .. }));
    assert!(matches!(
        read("{\"DnssecMxValue\":\"a.b.mx.microsoft\",\"Result\":\"Failure\"}"),
        PasteError::Failed { .. }
    ));
    assert!(matches!(read("a_b.o-v1.mx.microsoft"), PasteError::Bad(_)));
    assert!(matches!(
        read("a\u{7}b.o-v1.mx.microsoft"),
        PasteError::Bad(_)
    ));
    for text in ["a\u{1b}]0;x\u{7}.o-v1.mx.microsoft", "x\u{0}.mx.microsoft"] {
        let shown = read(text).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}
