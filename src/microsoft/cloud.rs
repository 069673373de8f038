//! Microsoft's clouds and where their services are.

use serde::{Deserialize, Serialize};

/// A Microsoft 365 cloud.
///
/// Host names: Exchange Online Admin API page for the Exchange hosts, Graph "national cloud deployments" page for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cloud {
    /// Worldwide, and GCC (which shares its endpoints). The only one in which `mx.microsoft` is known to exist.
    #[default]
    Worldwide,
    /// GCC High.
    GccHigh,
    /// The US Department of Defense.
    Dod,
    /// Microsoft 365 operated by 21Vianet.
    #[serde(rename = "21vianet")]
    China,
}

impl Cloud {
    /// The name used in a domain file and after a force flag.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Worldwide => "worldwide",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::China => "21vianet",
        }
    }

    /// The cloud with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Worldwide, Self::GccHigh, Self::Dod, Self::China]
            .into_iter()
            .find(|cloud| cloud.name().eq_ignore_ascii_case(name))
    }

    /// Sign-in, Graph and Exchange.
    pub(crate) fn hosts(self) -> [&'static str; 3] {
        match self {
            Self::Worldwide => [
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com",
                "https://outlook.office365.com",
            ],
            Self::GccHigh => [
                "https://login.microsoftonline.us",
                "https://graph.microsoft.us",
                "https://outlook.office365.us",
            ],
            Self::Dod => [
                "https://login.microsoftonline.us",
                "https://dod-graph.microsoft.us",
                "https://outlook-dod.office365.us",
            ],
            Self::China => [
                "https://login.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
                "https://outlook.office365.cn",
            ],
        }
    }

    /// The scope of a Graph token. It names the service, not the endpoint, so a laboratory sees the real one.
    #[must_use]
    pub fn graph_scope(self) -> String {
        format!("{}/.default", self.hosts()[1])
    }

    /// The scope of an Exchange token. A Graph token is refused by Exchange.
    #[must_use]
    pub fn exchange_scope(self) -> String {
        format!("{}/.default", self.hosts()[2])
    }
}

impl std::fmt::Display for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoints;
    use super::*;

    #[test]
    fn every_cloud_has_valid_endpoints_and_scopes() {
        for cloud in [Cloud::Worldwide, Cloud::GccHigh, Cloud::Dod, Cloud::China] {
            let endpoints = Endpoints::of(cloud);
            assert_eq!(endpoints.exchange.url().scheme(), "https");
            assert!(cloud.graph_scope().ends_with("/.default"));
            assert!(cloud.exchange_scope().ends_with("/.default"));
            assert_eq!(Cloud::from_name(cloud.name()), Some(cloud));
        }
        assert_eq!(
            Cloud::Worldwide.exchange_scope(),
            "https://outlook.office365.com/.default"
        );
    }
}
