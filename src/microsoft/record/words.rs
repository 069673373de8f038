//! Words that say nothing about a tenant: enums, codes and constants of the services' own documentation. Everything that is
//! not listed here is replaced.

/// Kept as they are, compared without case.
const KNOWN: &[&str] = &[
    // States and kinds of the cmdlets (`microsoft.md` 2).
    "true",
    "false",
    "enabled",
    "disabled",
    "unknown",
    "pending",
    "none",
    "default",
    "success",
    "succeeded",
    "failed",
    "failure",
    "valid",
    "invalid",
    "available",
    "unavailable",
    "enforce",
    "testing",
    "missing",
    "notfound",
    "notset",
    "authoritative",
    "internalrelay",
    "externalrelay",
    "managed",
    "federated",
    "partner",
    "onpremises",
    "encryptiononly",
    "certificatevalidation",
    "domainvalidation",
    "opportunistic",
    "mandatory",
    "hybridwizard",
    "migrated",
    "adminui",
    "low",
    "normal",
    "high",
    "warning",
    "error",
    "information",
    "supported",
    "notsupported",
    "unsupported",
    "secure",
    "insecure",
    "bogus",
    "indeterminate",
    "reject",
    "ignore",
    "on",
    "off",
    "yes",
    "no",
    // DNS.
    "in",
    "mx",
    "txt",
    "cname",
    "srv",
    "a",
    "aaaa",
    "ns",
    "@",
    "*",
    "smtp",
    // Graph (`microsoft.md` 4).
    "email",
    "sharepoint",
    "emailinternalrelayonly",
    "officecommunicationsonline",
    "sharepointdefaultdomain",
    "fullredelegation",
    "sharepointpublic",
    "orgidauthentication",
    "yammer",
    "intune",
    "corporateidentity",
    "azure",
    // Codes and constants of errors (`microsoft.md` 3.5).
    "badrequest",
    "client",
    "context",
    "forbidden",
    "unauthorized",
    "toomanyrequests",
    "internalservererror",
    "serviceunavailable",
    "resourcenotfound",
    "request_resourcenotfound",
    "request_badrequest",
    "itemnotfound",
    "authorization_requestdenied",
    "authentication_requestfromunsupporteduserrole",
    "invalidauthenticationtoken",
    "invalid operation",
    "error executing cmdlet",
    "generalexception",
    "unknownerror",
    "insufficient_claims",
    "invalid_token",
    "invalid_client",
    "priority of mx record did not match the expected one.",
    // Parts of addresses.
    "adminapi",
    "beta",
    "v1.0",
    "v2.0",
    "invokecommand",
    "exomodulefile",
    "domains",
    "serviceconfigurationrecords",
    "$entity",
    "$metadata",
    "version",
    "$skiptoken",
    "common",
    "oauth2",
    "authorize",
    "https:",
    "http:",
    "",
    // Media types.
    "application/json",
    "text/html",
    "text/plain",
    "utf-8",
];

/// Whether a text says nothing about a tenant.
pub(super) fn is_known(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    KNOWN.contains(&text.as_str())
}

/// A cmdlet's name: a verb and a noun that PowerShell writes with capitals.
pub(super) fn is_cmdlet(text: &str) -> bool {
    const VERBS: [&str; 26] = [
        "Add",
        "Clear",
        "Complete",
        "Connect",
        "Disable",
        "Disconnect",
        "Enable",
        "Export",
        "Get",
        "Import",
        "Install",
        "Invoke",
        "Move",
        "New",
        "Redirect",
        "Remove",
        "Restore",
        "Resume",
        "Search",
        "Send",
        "Set",
        "Start",
        "Stop",
        "Suspend",
        "Test",
        "Update",
    ];
    text.split_once('-').is_some_and(|(verb, noun)| {
        VERBS.contains(&verb)
            && noun.starts_with(|c: char| c.is_ascii_uppercase())
            && noun.len() <= 80
            && noun.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// The name of a type of .NET or OData, which comes from Microsoft's own code.
pub(super) fn is_type(text: &str) -> bool {
    const ROOTS: [&str; 6] = [
        "System.",
        "Microsoft.",
        "Deserialized.",
        "Exchange.",
        "#Exchange.",
        "#Collection(",
    ];
    let text = text.trim();
    let named = ROOTS.iter().any(|root| text.starts_with(root))
        || text.trim_start_matches('#').starts_with("microsoft.graph.");
    named
        && text.len() <= 300
        && text.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || matches!(
                    c,
                    '.' | '`' | '[' | ']' | '+' | '#' | '(' | ')' | ',' | ' ' | '=' | '_'
                )
        })
}

/// A code such as `EX003` at the head of a validation message.
pub(super) fn code(text: &str) -> Option<(&str, &str)> {
    let (code, rest) = text.split_once(':')?;
    let bytes = code.trim().as_bytes();
    let is_code = bytes.len() == 5
        && matches!(bytes[0], b'E' | b'W')
        && bytes[1].is_ascii_uppercase()
        && bytes[2..].iter().all(u8::is_ascii_digit);
    is_code.then_some((&text[..code.len()], rest))
}

/// Whether a host is one of Microsoft's own front doors, whose name says nothing about a tenant.
pub(super) fn is_front_door(host: &str) -> bool {
    const HOSTS: [&str; 8] = [
        "outlook.office365.com",
        "outlook.office.com",
        "graph.microsoft.com",
        "login.microsoftonline.com",
        "login.windows.net",
        "sts.windows.net",
        "aka.ms",
        "127.0.0.1",
    ];
    HOSTS.contains(&host.to_ascii_lowercase().as_str())
}

/// A place of the services under which a tenant's or a server's own labels stand.
pub(super) fn service_suffix(host: &str) -> Option<&'static str> {
    const SUFFIXES: [&str; 8] = [
        ".mail.protection.outlook.com",
        ".mx.microsoft",
        ".prod.outlook.com",
        ".mail.onmicrosoft.com",
        ".onmicrosoft.com",
        ".outlook.com",
        ".office365.com",
        ".sharepoint.com",
    ];
    let host = host.to_ascii_lowercase();
    SUFFIXES.into_iter().find(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_what_not() {
        for text in ["Enabled", " authoritative ", "Invalid Operation", "@", "Mx"] {
            assert!(is_known(text), "{text}");
        }
        for text in ["Contoso", "secret project", "enabled for Contoso"] {
            assert!(!is_known(text), "{text}");
        }
        assert!(is_cmdlet("Get-IPv6StatusForAcceptedDomain"));
        for text in ["get-x", "Get-", "Fire-Everybody", "Get-Contoso.com"] {
            assert!(!is_cmdlet(text), "{text}");
        }
        for text in [
            "System.Collections.Generic.List`1[[System.String]]",
            "#Collection(String)",
            "#microsoft.graph.domainDnsMxRecord",
            "Microsoft.Exchange.Data.MultiValuedProperty`1[Microsoft.Exchange.Data.IPRange]",
        ] {
            assert!(is_type(text), "{text}");
        }
        assert!(!is_type("Microsoft.Exchange said: contoso@x"));
        assert_eq!(code("EX003:text"), Some(("EX003", "text")));
        assert_eq!(code("Note: text"), None);
    }
}
