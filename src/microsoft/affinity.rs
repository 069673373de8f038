//! Staying with one back end: the host a session was moved to, and the cookies of each host.

use reqwest::Url;
use reqwest::header::HeaderMap;

/// More than a front end ever sets.
const MOST_COOKIES: usize = 60;
const LONGEST_COOKIE: usize = 4096;

/// What keeps a session at one back end. In memory only.
#[derive(Default)]
pub(crate) struct Affinity {
    /// The host to which the front end moved this session.
    pinned: Option<Url>,
    /// Cookies by origin, name and value.
    cookies: Vec<(String, String, String)>,
}

// A cookie can be as good as a password, so only its number is shown.
impl std::fmt::Debug for Affinity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Affinity")
            .field(
                "pinned",
                &self
                    .pinned
                    .as_ref()
                    .map(|url| url.origin().ascii_serialization()),
            )
            .field("cookies", &self.cookies.len())
            .finish()
    }
}

impl Affinity {
    /// Stays with the host of this address.
    pub(crate) fn pin(&mut self, url: Url) {
        self.pinned = Some(url);
    }

    /// Goes back to the front end: the pinned host does not answer well.
    pub(crate) fn unpin(&mut self) {
        self.pinned = None;
    }

    /// The same path and query at the pinned host, if there is one.
    pub(crate) fn apply(&self, url: Url) -> Url {
        let Some(pinned) = &self.pinned else {
            return url;
        };
        let mut moved = pinned.clone();
        moved.set_path(url.path());
        moved.set_query(url.query());
        moved
    }

    /// Keeps the cookies that an origin sets, for that origin alone.
    pub(crate) fn keep(&mut self, origin: &str, headers: &HeaderMap) {
        for value in headers.get_all("set-cookie").iter().take(MOST_COOKIES) {
            let pair = value.to_str().ok().and_then(|text| text.split(';').next());
            let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            self.cookies
                .retain(|(of, known, _)| of != origin || known != name);
            if !value.is_empty()
                && value.len() <= LONGEST_COOKIE
                && self.cookies.len() < MOST_COOKIES
            {
                self.cookies
                    .push((origin.to_owned(), name.to_owned(), value.to_owned()));
            }
        }
    }

    /// The `Cookie` header for an origin.
    pub(crate) fn header(&self, origin: &str) -> Option<String> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .filter(|(of, _, _)| of == origin)
            .map(|(_, name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}
