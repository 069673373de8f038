//! The `microsoft:` part: which tenant, how to sign in, where the APIs are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Connect, DomainName, Endpoint, Place, SignIn};

/// How the Microsoft side is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub enum Microsoft {
    /// Through Graph and the Exchange admin API.
    Api(Api),
    /// Through Microsoft's own PowerShell module, and through Graph where a sign-in for it is given.
    Pwsh(Pwsh),
    /// By a person: the exact PowerShell is printed, its effect is watched in DNS.
    Manual {
        /// The cloud whose commands and host names are expected.
        cloud: Cloud,
    },
}

/// What the API backend needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The tenant: its initial domain, as in `contoso.onmicrosoft.com`, or its id.
    pub tenant: Tenant,
    /// The national cloud.
    pub cloud: Cloud,
    /// How to sign in.
    pub sign_in: SignIn,
    /// Where the APIs are: those of the cloud, unless replaced.
    pub endpoints: Endpoints,
}

/// What the PowerShell backend needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pwsh {
    /// The tenant: its initial domain, or, where a person signs in, its id.
    pub tenant: Tenant,
    /// The national cloud.
    pub cloud: Cloud,
    /// How the module signs in.
    pub connect: Connect,
    /// The program; without it, `pwsh` from the path.
    pub program: Option<Place>,
    /// How Graph is asked beside it, if it is.
    pub graph: Option<Api>,
}

impl Microsoft {
    /// What is asked through an API: all of Microsoft's side, or Graph beside PowerShell.
    pub fn api(&self) -> Option<&Api> {
        match self {
            Self::Api(api) => Some(api),
            Self::Pwsh(pwsh) => pwsh.graph.as_ref(),
            Self::Manual { .. } => None,
        }
    }

    /// The national cloud.
    pub const fn cloud(&self) -> Cloud {
        match self {
            Self::Api(api) => api.cloud,
            Self::Pwsh(pwsh) => pwsh.cloud,
            Self::Manual { cloud } => *cloud,
        }
    }

    /// What is asked through an API, to be changed.
    pub fn api_mut(&mut self) -> Option<&mut Api> {
        match self {
            Self::Api(api) => Some(api),
            Self::Pwsh(pwsh) => pwsh.graph.as_mut(),
            Self::Manual { .. } => None,
        }
    }
}

/// The national cloud (Microsoft's name for a separate instance of its services).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Worldwide, and GCC.
    #[default]
    Worldwide,
    /// US Government GCC High.
    GccHigh,
    /// US Government DoD.
    Dod,
    /// Operated by 21Vianet in China.
    #[serde(rename = "21vianet")]
    Vianet21,
}

/// Base URLs that replace those of the cloud: a laboratory, or a cloud that is not listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// Sign-in, by default `https://login.microsoftonline.com` of the worldwide cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Endpoint>,
    /// Microsoft Graph, by default `https://graph.microsoft.com` of the worldwide cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Endpoint>,
    /// Exchange admin API, by default `https://outlook.office365.com` of the worldwide cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Endpoint>,
}

impl Cloud {
    /// The name as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worldwide => "worldwide",
            Self::GccHigh => "gcc-high",
            Self::Dod => "dod",
            Self::Vianet21 => "21vianet",
        }
    }

    /// The sign-in, Graph and Exchange hosts of the cloud (Microsoft's pages on national clouds and on the Admin API).
    pub const fn hosts(self) -> [&'static str; 3] {
        match self {
            Self::Worldwide => [
                "login.microsoftonline.com",
                "graph.microsoft.com",
                "outlook.office365.com",
            ],
            Self::GccHigh => [
                "login.microsoftonline.us",
                "graph.microsoft.us",
                "outlook.office365.us",
            ],
            Self::Dod => [
                "login.microsoftonline.us",
                "dod-graph.microsoft.us",
                "outlook-dod.office365.us",
            ],
            Self::Vianet21 => [
                "login.chinacloudapi.cn",
                "microsoftgraph.chinacloudapi.cn",
                "outlook.office365.cn",
            ],
        }
    }
}

impl Api {
    /// Base URL of sign-in, without a final slash.
    pub fn authority(&self) -> String {
        at(self.endpoints.authority.as_ref(), self.cloud.hosts()[0])
    }

    /// Base URL of Microsoft Graph, without a final slash.
    pub fn graph(&self) -> String {
        at(self.endpoints.graph.as_ref(), self.cloud.hosts()[1])
    }

    /// Base URL of the Exchange admin API, without a final slash.
    pub fn exchange(&self) -> String {
        at(self.endpoints.exchange.as_ref(), self.cloud.hosts()[2])
    }
}

fn at(replaced: Option<&Endpoint>, host: &str) -> String {
    replaced.map_or_else(
        || format!("https://{host}"),
        |endpoint| endpoint.base().to_owned(),
    )
}

/// A tenant: one of its domain names, or its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

impl Tenant {
    /// The domain name or the id in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tenant {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if let Ok(id) = Uuid::try_parse(&text) {
            return Ok(Self(id.to_string()));
        }
        text.parse::<DomainName>().map(|name| Self(name.as_str().to_owned())).map_err(|_| {
            "this is no tenant\nwrite a domain name of the tenant, as in contoso.onmicrosoft.com, or its id, as in 00000000-0000-0000-0000-000000000000"
        })
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Backend {
    /// Through the Microsoft APIs.
    #[default]
    Api,
    /// Through the module ExchangeOnlineManagement in PowerShell 7, which must be installed.
    Pwsh,
    /// Prints the PowerShell for a person; neither tenant nor sign_in is needed.
    Manual,
}

/// The Microsoft 365 side.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "if" = {"not": {"properties": {"backend": {"enum": ["manual", "pwsh"]}}, "required": ["backend"]}},
    "then" = {"required": ["tenant", "sign_in"]},
    "else" = {"if": {"properties": {"backend": {"const": "pwsh"}}}, "then": {"required": ["tenant", "connect"]}}
))]
struct Written {
    /// `api`; `pwsh`: runs Microsoft's own PowerShell module; or `manual`: prints the PowerShell and watches for its effect.
    #[serde(default)]
    backend: Backend,
    /// A domain name of the tenant, as in contoso.onmicrosoft.com, or its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Tenant>,
    /// The national cloud.
    #[serde(default)]
    cloud: Cloud,
    /// Names the same cloud again, to override the refusal of every cloud but worldwide. Nothing describes inbound DANE
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cloud_forced: Option<Cloud>,
    /// How to sign in; with `backend: pwsh` it is for Graph, and not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign_in: Option<SignIn>,
    /// How the module signs in, with `backend: pwsh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connect: Option<Connect>,
    /// PowerShell 7.2 or later, with `backend: pwsh`: a path, or a name on the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<Place>,
    /// Replaces the addresses of the APIs: a laboratory, or another cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoints: Option<Endpoints>,
}

impl TryFrom<Written> for Microsoft {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        refuse_cloud(written.cloud, written.cloud_forced)?;
        if written.backend == Backend::Manual {
            return Ok(Self::Manual {
                cloud: written.cloud,
            });
        }
        if written.backend == Backend::Pwsh {
            return pwsh(written).map(Self::Pwsh);
        }
        if written.connect.is_some() || written.program.is_some() {
            return Err(
                "`connect` and `program` belong to backend: pwsh\nremove them, or write backend: pwsh to run Microsoft's PowerShell module".to_owned(),
            );
        }
        let Some(tenant) = written.tenant else {
            return Err(
                "`tenant` is missing\nadd tenant: contoso.onmicrosoft.com, or write backend: manual to run the PowerShell yourself".to_owned(),
            );
        };
        let Some(sign_in) = written.sign_in else {
            return Err(
                "`sign_in` is missing\nadd sign_in: { method: client-secret, client_id: ..., secret: env:NAME }, or write backend: manual to run the PowerShell yourself".to_owned(),
            );
        };
        Ok(Self::Api(Api {
            tenant,
            cloud: written.cloud,
            sign_in,
            endpoints: written.endpoints.unwrap_or_default(),
        }))
    }
}

/// Outside worldwide nothing is known of inbound DANE: refused, unless a person overrides it by the cloud's name (S11).
fn refuse_cloud(cloud: Cloud, forced: Option<Cloud>) -> Result<(), String> {
    let name = cloud.name();
    match forced {
        None if cloud == Cloud::Worldwide => Ok(()),
        None => Err(format!(
            "the cloud {name} is refused: no Microsoft source describes mx.microsoft or inbound DANE there\n\
             leave the MX of this domain as it is; GCC belongs to worldwide; to override this refusal, and nothing else, \
             add cloud_forced: {name}"
        )),
        Some(forced) if forced == cloud && cloud != Cloud::Worldwide => Ok(()),
        Some(forced) => Err(format!(
            "cloud_forced names {}, but cloud is {name}\n\
             it overrides the refusal of the one cloud that both name; remove it for worldwide, which is not refused",
            forced.name()
        )),
    }
}

fn pwsh(written: Written) -> Result<Pwsh, String> {
    let Some(tenant) = written.tenant else {
        return Err("`tenant` is missing\nadd tenant: contoso.onmicrosoft.com".to_owned());
    };
    let Some(connect) = written.connect else {
        return Err(
            "`connect` is missing\nadd connect: { method: certificate-file, client_id: ..., file: app.pfx }, or connect: { method: device }".to_owned());
    };
    if connect != Connect::Device && !tenant.as_str().contains('.') {
        return Err(
            "backend: pwsh needs the tenant's initial domain, as in contoso.onmicrosoft.com, not its id\nConnect-ExchangeOnline takes -Organization as a domain".to_owned());
    }
    let cloud = written.cloud;
    let endpoints = written.endpoints.unwrap_or_default();
    Ok(Pwsh {
        graph: written.sign_in.map(|sign_in| Api {
            tenant: tenant.clone(),
            cloud,
            sign_in,
            endpoints,
        }),
        tenant,
        cloud,
        connect,
        program: written.program,
    })
}

impl From<Microsoft> for Written {
    fn from(microsoft: Microsoft) -> Self {
        // What was read had to be forced, so it has to be written.
        let forced = |cloud| Some(cloud).filter(|cloud| *cloud != Cloud::Worldwide);
        match microsoft {
            Microsoft::Api(api) => Self {
                backend: Backend::Api,
                tenant: Some(api.tenant),
                cloud: api.cloud,
                cloud_forced: forced(api.cloud),
                sign_in: Some(api.sign_in),
                connect: None,
                program: None,
                endpoints: Some(api.endpoints)
                    .filter(|endpoints| *endpoints != Endpoints::default()),
            },
            Microsoft::Manual { cloud } => Self {
                backend: Backend::Manual,
                tenant: None,
                cloud,
                cloud_forced: forced(cloud),
                sign_in: None,
                connect: None,
                program: None,
                endpoints: None,
            },
            Microsoft::Pwsh(pwsh) => {
                let (sign_in, endpoints) = match pwsh.graph {
                    Some(api) => (Some(api.sign_in), Some(api.endpoints)),
                    None => (None, None),
                };
                Self {
                    backend: Backend::Pwsh,
                    tenant: Some(pwsh.tenant),
                    cloud: pwsh.cloud,
                    cloud_forced: forced(pwsh.cloud),
                    sign_in,
                    connect: Some(pwsh.connect),
                    program: pwsh.program,
                    endpoints: endpoints.filter(|endpoints| *endpoints != Endpoints::default()),
                }
            }
        }
    }
}
