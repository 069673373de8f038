//! Addresses of services: https to anywhere, plain http only to loopback.

use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::cloud::Cloud;
use super::settings::SettingsError;

/// The base address of a service: https to anywhere, or plain http to a loopback address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(Url);

impl Endpoint {
    /// Checks and takes a base address.
    ///
    /// # Errors
    /// [`SettingsError::Endpoint`] when it is no URL, uses another scheme than http or https, uses http to anything but
    /// a loopback address (`127.0.0.0/8` or `[::1]`; a name such as `localhost` can point anywhere), or carries a user,
    /// a query or a fragment.
    pub fn new(address: &str) -> Result<Self, SettingsError> {
        let refuse = |why: &str| {
            Err(SettingsError::Endpoint {
                // The address may hold a password; only the part without it is shown.
                address: address
                    .rsplit('@')
                    .next()
                    .unwrap_or_default()
                    .escape_default()
                    .to_string(),
                why: why.to_owned(),
            })
        };
        let Ok(url) = Url::parse(address) else {
            return refuse("it is not a URL");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it holds a user name or a password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("it holds a query or a fragment");
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => refuse(
                "plain HTTP is allowed only to a loopback address such as 127.0.0.1, because the call carries a token",
            ),
            _ => refuse("its scheme is neither https nor http"),
        }
    }

    /// The address as a URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the host is a loopback address: then a laboratory answers.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The address with path segments appended; each segment is percent-encoded.
    #[must_use]
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // An http or https URL always has path segments, so the branch is always taken.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl TryFrom<String> for Endpoint {
    type Error = SettingsError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::new(&value)
    }
}

impl From<Endpoint> for String {
    fn from(value: Endpoint) -> Self {
        value.0.into()
    }
}

/// Whether a URL's host is an IP literal of the loopback range.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str()
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        .and_then(|host| host.parse::<IpAddr>().ok())
        .is_some_and(|address| address.is_loopback())
}

/// The three base addresses. Each can be replaced, so that a laboratory answers instead of Microsoft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Where tokens come from (`https://login.microsoftonline.com`).
    pub authority: Endpoint,
    /// Microsoft Graph without the version (`https://graph.microsoft.com`).
    pub graph: Endpoint,
    /// Exchange Online (`https://outlook.office365.com`).
    pub exchange: Endpoint,
}

impl Endpoints {
    /// The endpoints of a cloud.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the addresses are the constants above; a test builds every one"
    )]
    pub fn of(cloud: Cloud) -> Self {
        let [authority, graph, exchange] = cloud
            .hosts()
            .map(|host| Endpoint::new(host).expect("a constant https address"));
        Self {
            authority,
            graph,
            exchange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_only_to_loopback_addresses() {
        for good in [
            "http://127.0.0.1:8080",
            "http://127.8.9.1/x",
            "http://[::1]:1/",
            "https://example.com",
        ] {
            assert!(Endpoint::new(good).is_ok(), "{good}");
        }
        for bad in [
            "http://localhost:1",
            "http://127.0.0.1.example.com",
            "http://example.com",
            "http://[::ffff:10.0.0.1]/",
            "http://0.0.0.0/",
            "ftp://127.0.0.1",
            "https://user:pw@example.com",
            "https://example.com/?a=b",
            "nonsense",
        ] {
            assert!(Endpoint::new(bad).is_err(), "{bad}");
        }
        let text = Endpoint::new("https://user:hunter2@example.com")
            .unwrap_err()
            .to_string();
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_serialized_endpoint_is_checked_again() {
        assert!(serde_json::from_str::<Endpoint>("\"http://example.com\"").is_err());
        let endpoint = Endpoint::new("http://127.0.0.1:5").unwrap();
        let text = serde_json::to_string(&endpoint).unwrap();
        assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), endpoint);
    }

    #[test]
    fn joining_encodes_segments() {
        let endpoint = Endpoint::new("http://127.0.0.1:9/base").unwrap();
        assert_eq!(
            endpoint.join(&["adminapi", "a b/c"]).as_str(),
            "http://127.0.0.1:9/base/adminapi/a%20b%2Fc"
        );
    }
}
