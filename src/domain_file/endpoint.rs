//! Addresses of servers and services, as written in a domain file.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The base URL of an API: `https`, or plain `http` to a loopback address, without credentials, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no endpoint. Display is a sentence, after a line break the help; the text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL at all.
    #[error("this is no URL\nwrite it in full, as in https://dns.example.com:8081")]
    NotAUrl,
    /// Another scheme than http or https.
    #[error(
        "this URL has the wrong scheme\nuse https, or http for a loopback address such as http://127.0.0.1:8081"
    )]
    Scheme,
    /// Plain HTTP to another machine.
    #[error(
        "plain http would send secrets unprotected over the network\n\
         use https; plain http is allowed only to a loopback address, as in http://127.0.0.1:8081"
    )]
    PlainHttp,
    /// `http://localhost` may lead anywhere.
    #[error(
        "plain http is allowed only to a loopback address, and localhost is a name that a resolver may answer with any address\n\
         write http://127.0.0.1 or http://[::1] with the port"
    )]
    Localhost,
    /// `https://user:password@host`.
    #[error(
        "this URL holds a user name or password\nremove them; secrets are given by reference, as env:NAME or file:PATH"
    )]
    Credentials,
    /// A query or fragment.
    #[error("this URL holds a query or fragment\nwrite the base address only")]
    Query,
}

impl Endpoint {
    /// The URL.
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// The URL as text without a final slash, to append a path to.
    pub fn base(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether it is a loopback address, so that whatever answers there is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

fn is_loopback(url: &Url) -> bool {
    // `host_str` keeps the brackets of an IPv6 address.
    url.host_str()
        .and_then(|host| {
            host.trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>()
                .ok()
        })
        .is_some_and(|address| address.is_loopback())
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EndpointError::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" if url.host_str() == Some("localhost") => return Err(EndpointError::Localhost),
            "http" => return Err(EndpointError::PlainHttp),
            _ => return Err(EndpointError::Scheme),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(EndpointError::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base())
    }
}

/// An IP address with an optional port: `192.0.2.1`, `192.0.2.1:5300`, `2001:db8::1`, `[2001:db8::1]:5300`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// The address.
    pub ip: IpAddr,
    /// The port, if written.
    pub port: Option<u16>,
}

impl ServerAddress {
    /// The socket address, `port` being used when none was written.
    pub fn or_port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(port))
    }
}

impl FromStr for ServerAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { ip, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(Self {
                ip: address.ip(),
                port: Some(address.port()),
            }),
            _ => Err(
                "this is no IP address\nwrite 192.0.2.1, 192.0.2.1:53, 2001:db8::1 or [2001:db8::1]:53; names are not looked up here",
            ),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

/// A file or folder, relative to the domain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    written: PathBuf,
    base: PathBuf,
}

impl Place {
    /// A path as it would be written in the file.
    pub fn new(written: impl Into<PathBuf>) -> Self {
        Self {
            written: written.into(),
            base: PathBuf::new(),
        }
    }

    /// The path, resolved against the folder of the domain file.
    pub fn path(&self) -> PathBuf {
        self.base.join(&self.written)
    }

    pub(super) fn anchor(&mut self, base: &Path) {
        base.clone_into(&mut self.base);
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let path = text.strip_prefix("file:").unwrap_or(text);
        if path.is_empty() || path.contains('\0') {
            return Err("a path is missing here\nwrite a path relative to this file");
        }
        Ok(Self::new(path))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.display().fmt(f)
    }
}

/// A text, or `file:PATH` of a file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOrFile {
    /// The text itself.
    Text(String),
    /// The file that holds it.
    File(Place),
}

impl TextOrFile {
    /// The text, read from the file if it is kept in one.
    ///
    /// # Errors
    /// What the system said about the file.
    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(place) => std::fs::read_to_string(place.path()),
        }
    }
}

impl FromStr for TextOrFile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("file:") {
            return text.parse().map(Self::File);
        }
        if text.trim().is_empty() {
            return Err("this is empty\nwrite the text, or file:PATH of a file that holds it");
        }
        Ok(Self::Text(text.to_owned()))
    }
}

impl fmt::Display for TextOrFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::File(place) => write!(f, "file:{place}"),
        }
    }
}

/// Written and read as text.
macro_rules! as_text {
    ($type:ty, $name:literal, $schema:tt) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

as_text!(Endpoint, "Endpoint", { "type": "string", "pattern": "^(https://|http://(127\\.|\\[::1\\]))[^\\s@?#]+$" });
as_text!(ServerAddress, "ServerAddress", { "type": "string", "pattern": "^[0-9a-fA-F:.\\[\\]]+$" });
as_text!(Place, "Path", { "type": "string", "minLength": 1 });
as_text!(TextOrFile, "TextOrFile", { "type": "string", "minLength": 1 });
