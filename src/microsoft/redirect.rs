//! Where a redirect may lead: the bearer token goes to Exchange's own hosts and nowhere else.

use reqwest::Url;

use super::endpoint::{Endpoint, is_loopback};
use super::redact;

/// The domains of Exchange Online's front ends, in all clouds (`microsoft.md` 3.2 and 3.9).
const EXCHANGE_DOMAINS: [&str; 7] = [
    "office365.com",
    "outlook.com",
    "office.com",
    "office365.us",
    "office365.cn",
    "outlook.cn",
    "apps.mil",
];

/// A redirect that is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Where to, fit to be shown.
    pub to: String,
    /// Why not.
    pub why: String,
}

/// The address to go to, with port 446 made 443 as Microsoft's own module does.
pub(crate) fn target(
    endpoint: &Endpoint,
    from: &Url,
    location: Option<&str>,
) -> Result<Url, Refused> {
    let refuse = |to: &str, why: &str| {
        Err(Refused {
            to: redact::excerpt(to.as_bytes()),
            why: why.to_owned(),
        })
    };
    let Some(location) = location else {
        return refuse("nowhere", "the answer has no usable Location header");
    };
    let Ok(mut url) = from.join(location) else {
        return refuse(location, "that is no address");
    };
    // Only the origin is shown: a query may carry a code or a token.
    let shown = url.origin().ascii_serialization();
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(&shown, "the address holds a user name or a password");
    }
    url.set_fragment(None);
    if url.scheme() == "https" && url.port() == Some(446) {
        // Cannot fail: an https URL has a host.
        let _ = url.set_port(None);
    }
    if url.origin() == endpoint.url().origin() {
        return Ok(url);
    }
    if is_loopback(&url) {
        return if endpoint.is_loopback() && matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            refuse(
                &shown,
                "a loopback address is only followed from a loopback endpoint",
            )
        };
    }
    if url.scheme() != "https" {
        return refuse(&shown, "that is not HTTPS");
    }
    if url.port_or_known_default() != Some(443) {
        return refuse(&shown, "that is not port 443");
    }
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let is_microsoft = EXCHANGE_DOMAINS.iter().any(|domain| {
        host == *domain
            || host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    });
    // From a laboratory no token may wander to the real service.
    if is_microsoft && !endpoint.is_loopback() {
        return Ok(url);
    }
    refuse(&shown, "that host is not one of Exchange Online's")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(endpoint: &str, location: &str) -> Result<String, Refused> {
        let endpoint = Endpoint::new(endpoint).unwrap();
        let from = endpoint.join(&["adminapi", "beta", "t", "InvokeCommand"]);
        target(&endpoint, &from, Some(location)).map(Into::into)
    }

    const REAL: &str = "https://outlook.office365.com";
    const LAB: &str = "http://127.0.0.1:4000";

    #[test]
    fn exchange_hosts_are_followed() {
        for (location, expected) in [
            (
                "https://am0pr01.outlook.office365.com/adminapi/x",
                "https://am0pr01.outlook.office365.com/adminapi/x",
            ),
            (
                "https://namprd01.prod.outlook.com:446/a?b=c#d",
                "https://namprd01.prod.outlook.com/a?b=c",
            ),
            ("/elsewhere", "https://outlook.office365.com/elsewhere"),
            (
                "https://Outlook.Office365.com:443/y",
                "https://outlook.office365.com/y",
            ),
        ] {
            assert_eq!(go(REAL, location).unwrap(), expected);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for location in [
            "https://evil.example.com/",
            "https://outlook.office365.com.evil.example/",
            "https://eviloutlook.com/",
            "http://outlook.office365.com/",
            "https://outlook.office365.com:8443/",
            "https://user@outlook.office365.com/",
            "https://outlook.office365.com@evil.example/",
            "https://login.microsoftonline.com/common/oauth2",
            "http://127.0.0.1:4000/",
            "https://127.0.0.1/",
            "//evil.example/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://[::1]/",
        ] {
            assert!(go(REAL, location).is_err(), "{location}");
        }
    }

    #[test]
    fn loopback_stays_on_loopback() {
        assert_eq!(
            go(LAB, "http://127.0.0.1:5000/x").unwrap(),
            "http://127.0.0.1:5000/x"
        );
        assert_eq!(go(LAB, "/x").unwrap(), "http://127.0.0.1:4000/x");
        assert!(go(LAB, "https://outlook.office365.com/").is_err());
        assert!(go(LAB, "http://10.0.0.1/").is_err());
        assert!(go(LAB, "http://localhost:5000/").is_err());
    }

    #[test]
    fn a_refusal_shows_only_the_origin() {
        let refused = go(REAL, "https://evil.example/cb?code=s3cret#token").unwrap_err();
        assert_eq!(refused.to, "https://evil.example");
        let endpoint = Endpoint::new(REAL).unwrap();
        assert!(target(&endpoint, endpoint.url(), None).is_err());
    }
}
