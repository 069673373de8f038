//! Everything that was gathered for one domain file: plain data, judged elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::snippet::Identity;
use crate::dane::{MtaStsView, ProbeResult, Route};
use crate::dns::{Failure, Name, VantageAnswer};
use crate::microsoft::{
    AcceptedDomain, AllowedCmdlets, Claims, GraphDomain, MicrosoftError, SignInError,
};
use rollout_providers::{Info, Standing};

/// One look at everything that a domain file needs.
#[derive(Debug, Clone)]
pub struct View {
    /// The domain.
    pub domain: String,
    /// Each secret that the file refers to.
    pub secrets: Vec<SecretView>,
    /// The folder of the state.
    pub state: StateView,
    /// Microsoft's side.
    pub microsoft: MicrosoftView,
    /// The DNS provider.
    pub provider: ProviderView,
    /// The registrar, where the file names one.
    pub registrar: Option<RegistrarView>,
    /// HTTPS to each service.
    pub https: Vec<HttpsView>,
    /// Each resolver of the file.
    pub resolvers: Vec<ResolverView>,
    /// Each address of the zone's authoritative servers.
    pub servers: Result<Vec<ServerView>, Failure>,
    /// The hosts that the domain's MX names.
    pub mail: MailView,
    /// MTA-STS; `None` when no answer came in time.
    pub mta_sts: Option<MtaStsView>,
    /// Whether this machine has a route to IPv6 at all.
    pub ipv6_route: bool,
}

/// One secret. What it says is never here.
#[derive(Debug, Clone)]
pub struct SecretView {
    /// Its key in the domain file.
    pub key: String,
    /// Where it is kept: `env:NAME` or `file:PATH`.
    pub place: String,
    /// The path of its file, if it is one that everybody can read.
    pub open_file: Option<PathBuf>,
    /// Why it cannot be used.
    pub trouble: Option<String>,
}

/// The folder in which the state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateView {
    /// No place for it is known.
    NoPlace {
        /// Why, as a sentence.
        why: String,
    },
    /// The folder, or, where it is not there yet, the nearest folder above it that is.
    Folder {
        /// The folder of the state.
        folder: PathBuf,
        /// The folder that was looked at.
        seen: PathBuf,
        /// Its mode bits; `None` where the system has none.
        mode: Option<u32>,
        /// Whether it belongs to the user who runs this; `None` where that cannot be told.
        ours: Option<bool>,
        /// Whether it can be written, or what the system says.
        writable: Result<(), String>,
        /// The mode bits of the state file, and whether it can be written; `None` when there is none yet.
        file: Option<(Option<u32>, Result<(), String>)>,
    },
}

/// What came of a question.
#[derive(Debug, Clone)]
pub enum Asked<T, E> {
    /// An answer, or why there is none.
    Said(Result<T, E>),
    /// It was not asked, because this check had to pass first.
    Not(&'static str),
    /// No answer in this time.
    Late(Duration),
}

impl<T, E> Asked<T, E> {
    /// The answer, if there is a good one.
    pub const fn good(&self) -> Option<&T> {
        match self {
            Self::Said(Ok(value)) => Some(value),
            _ => None,
        }
    }
}

/// A token for one service: what it says of itself; `None` when it cannot be read.
pub type TokenView = Asked<Option<Claims>, SignInError>;

/// Microsoft's side.
#[derive(Debug, Clone)]
pub enum MicrosoftView {
    /// A person runs the cmdlets.
    ByHand,
    /// Microsoft's own PowerShell module runs them, and signs in by itself.
    ByModule,
    /// The settings cannot be used: why, as a sentence.
    Unusable(String),
    /// Through the APIs.
    Api(Box<ApiView>),
}

/// What Microsoft's services said.
#[derive(Debug, Clone)]
pub struct ApiView {
    /// Who signs in.
    pub identity: Identity,
    /// The token for Graph.
    pub graph_token: TokenView,
    /// The token for Exchange Online.
    pub exchange_token: TokenView,
    /// The domain, by Graph.
    pub graph_domain: Asked<Option<GraphDomain>, MicrosoftError>,
    /// The cmdlets that the identity may run.
    pub cmdlets: Asked<AllowedCmdlets, MicrosoftError>,
    /// The domain, by Exchange Online.
    pub accepted: Asked<Option<AcceptedDomain>, MicrosoftError>,
}

/// The DNS provider.
#[derive(Debug, Clone)]
pub struct ProviderView {
    /// What it declares; `None` when there is no such provider.
    pub info: Option<&'static Info>,
    /// The zone that was asked for.
    pub apex: String,
    /// The zone and the MX set in it, read with the credentials.
    pub read: Asked<(), rollout_providers::Error>,
    /// What it says of the credentials.
    pub standing: Asked<Option<Standing>, rollout_providers::Error>,
    /// Whether it says how the zone is signed.
    pub signing: Asked<(), rollout_providers::Error>,
    /// Whether the zone can be listed.
    pub listing: Asked<bool, rollout_providers::Error>,
}

/// What the registrar's credentials let one see.
#[derive(Debug, Clone)]
pub struct RegistrarView {
    /// What it declares; `None` when there is no such provider.
    pub info: Option<&'static Info>,
    /// The domain that was asked for.
    pub apex: String,
    /// Whether it says which DS records it has on file.
    pub on_file: Asked<(), rollout_providers::Error>,
}

/// HTTPS to one service, and its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpsView {
    /// What it is: `sign-in`, `Microsoft Graph`.
    pub service: String,
    /// Its origin, as in `https://graph.microsoft.com`.
    pub origin: String,
    /// How far its clock is ahead of this machine's, if it told; or why it did not answer.
    pub answer: Result<Option<SignedDuration>, String>,
}

/// One resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolverView {
    /// Its name in the domain file.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
    /// What it says of the root's SOA: signed, and always there.
    pub root: VantageAnswer,
}

/// One address of one authoritative server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerView {
    /// The server's name.
    pub server: Name,
    /// The address.
    pub address: SocketAddr,
    /// Why it gave no answer over UDP.
    pub udp: Option<Failure>,
    /// Why it gave no answer over TCP.
    pub tcp: Option<Failure>,
}

/// The hosts that take the domain's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    /// Which way mail goes.
    pub route: Route,
    /// Whether the domain file wants hosts to be proven (`smtp.probe: required`).
    pub required: bool,
    /// The port: 25, except in a laboratory.
    pub port: u16,
    /// Each address, and how a conversation there went.
    pub hosts: Vec<(Name, SocketAddr, ProbeResult)>,
    /// Hosts whose addresses could not be looked up, and why.
    pub unknown: Vec<(Name, String)>,
}
