//! Looks a domain's MTA-STS up: the TXT record, then the policy over HTTPS, as a sender would (RFC 8461, 3.3).

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect;

use super::mta_sts::{MtaStsView, StsRecord, read_policy, read_record};
use super::webpki::WebRoots;
use crate::dns::text::safe;
use crate::dns::{Data, Dns, Kind, normal};

/// Largest policy that is read (RFC 8461, 3.3).
const LARGEST: usize = 64 * 1024;

const HTTPS: u16 = 443;

/// How policies are fetched.
#[derive(Debug, Clone)]
pub struct HttpsSettings {
    /// Where policy hosts are instead of port 443 where the DNS says; for a laboratory.
    pub address: Option<SocketAddr>,
    /// Whom to trust.
    pub roots: WebRoots,
    /// For the whole fetch.
    pub timeout: Duration,
}

impl Default for HttpsSettings {
    fn default() -> Self {
        Self {
            address: None,
            roots: WebRoots::default(),
            timeout: Duration::from_secs(60),
        }
    }
}

/// Looks the record up and fetches nothing: a policy that should be there is [`MtaStsView::Unknown`], with its record.
pub async fn look_up_record(dns: &Dns, domain: &str) -> MtaStsView {
    let at = Timestamp::now();
    match find_record(dns, &normal(domain), at).await {
        Ok((record, _)) => MtaStsView::Unknown {
            record: Some(record),
            why: "the policy was not fetched".into(),
            at,
        },
        Err(view) => view,
    }
}

/// The record at `_mta-sts` with its TTL, or what is known without one.
async fn find_record(
    dns: &Dns,
    domain: &str,
    at: Timestamp,
) -> Result<(StsRecord, u32), MtaStsView> {
    let lookup = dns.validate(&format!("_mta-sts.{domain}"), Kind::Txt).await;
    if let Some(why) = lookup.status.why() {
        return Err(MtaStsView::Unknown {
            record: None,
            why: why.to_owned(),
            at,
        });
    }
    let texts: Vec<&str> = lookup
        .records()
        .iter()
        .filter_map(|r| match &r.data {
            Data::Txt(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let ttl = lookup.ttl.unwrap_or_default();
    match read_record(&texts) {
        Ok(Some(record)) => Ok((record, ttl)),
        Ok(None) => Err(MtaStsView::None {
            lookup: Box::new(lookup),
        }),
        Err(error) => Err(MtaStsView::Invalid {
            record: None,
            why: error.to_string(),
            ttl,
            at,
        }),
    }
}

/// Why there is no policy.
enum NoPolicy {
    /// The server's doing: every sender meets it.
    Wrong(String),
    /// Perhaps ours.
    Unknown(String),
}

/// Looks up what a sender would find now. What senders may still hold from before is not visible from outside.
pub async fn fetch_policy(dns: &Dns, domain: &str, https: &HttpsSettings) -> MtaStsView {
    let at = Timestamp::now();
    let domain = normal(domain);
    let (record, ttl) = match find_record(dns, &domain, at).await {
        Ok(found) => found,
        Err(view) => return view,
    };
    // One minute for all of it (RFC 8461, 3.3): the host's addresses too.
    let fetched = tokio::time::timeout(https.timeout, fetch(dns, &domain, https)).await;
    let result = match fetched {
        Ok(Ok(body)) => read_policy(&body).map_err(|e| NoPolicy::Wrong(e.to_string())),
        Ok(Err(reason)) => Err(reason),
        Err(_) => Err(NoPolicy::Unknown(format!(
            "the policy of mta-sts.{domain} did not come within {} seconds",
            https.timeout.as_secs()
        ))),
    };
    match result {
        Ok(policy) => MtaStsView::Found {
            record,
            policy,
            ttl,
            at,
        },
        Err(NoPolicy::Wrong(why)) => invalid(record, why, ttl, at),
        Err(NoPolicy::Unknown(why)) => MtaStsView::Unknown {
            record: Some(record),
            why,
            at,
        },
    }
}

const fn invalid(record: StsRecord, why: String, ttl: u32, at: Timestamp) -> MtaStsView {
    MtaStsView::Invalid {
        record: Some(record),
        why,
        ttl,
        at,
    }
}

async fn fetch(dns: &Dns, domain: &str, https: &HttpsSettings) -> Result<String, NoPolicy> {
    let host = format!("mta-sts.{domain}");
    let addresses = addresses(dns, &host, https).await?;
    let client = client(&host, &addresses, https)
        .map_err(|e| NoPolicy::Unknown(format!("HTTPS cannot be set up here: {}", causes(&e))))?;
    // The port must be in the URL: one that comes with an address is ignored there.
    let port = match https.address.map(|a| a.port()) {
        None | Some(HTTPS) => String::new(),
        Some(port) => format!(":{port}"),
    };
    let url = format!("https://{host}{port}/.well-known/mta-sts.txt");
    let mut response = client
        .get(&url)
        .send()
        .await
        .map_err(|e| refused(&host, &e))?;
    let status = response.status();
    // Only 200 counts; a redirect is not followed (RFC 8461, 3.3).
    if status != reqwest::StatusCode::OK {
        return Err(NoPolicy::Wrong(format!(
            "{host} answered with status {}",
            status.as_u16()
        )));
    }
    let media = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .map(|v| safe(v.as_bytes()).to_ascii_lowercase())
        .unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("text/plain") {
        return Err(NoPolicy::Wrong(format!(
            "{host} calls the policy {media:?}; it must be text/plain"
        )));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| refused(&host, &e))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(NoPolicy::Wrong(format!(
                "the policy of {host} is larger than 64 KiB"
            )));
        }
    }
    String::from_utf8(body).map_err(|_| NoPolicy::Wrong(format!("the policy of {host} is no text")))
}

async fn addresses(
    dns: &Dns,
    host: &str,
    https: &HttpsSettings,
) -> Result<Vec<SocketAddr>, NoPolicy> {
    if let Some(address) = https.address {
        return Ok(vec![address]);
    }
    let (a, aaaa) = tokio::join!(dns.validate(host, Kind::A), dns.validate(host, Kind::Aaaa));
    // What came with a bogus answer is for the report only: a sender's resolver would not hand it out.
    let found: Vec<SocketAddr> = [&a, &aaaa]
        .into_iter()
        .filter(|lookup| !lookup.status.is_lookup_error())
        .flat_map(|lookup| lookup.records())
        .filter_map(|r| match r.data {
            Data::A(ip) => Some(IpAddr::V4(ip)),
            Data::Aaaa(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        })
        .map(|ip| SocketAddr::new(ip, HTTPS))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    match a.status.and(aaaa.status).why() {
        Some(why) => Err(NoPolicy::Unknown(why.to_owned())),
        None => Err(NoPolicy::Wrong(format!(
            "the policy host {host} has no address"
        ))),
    }
}

fn client(
    host: &str,
    addresses: &[SocketAddr],
    https: &HttpsSettings,
) -> reqwest::Result<reqwest::Client> {
    let extra = https
        .roots
        .extra
        .iter()
        .map(|der| reqwest::Certificate::from_der(der))
        .collect::<reqwest::Result<Vec<_>>>()?;
    let builder = reqwest::Client::builder()
        .https_only(true)
        .redirect(redirect::Policy::none())
        // Mail servers use none, and a proxy would look the host up by itself.
        .no_proxy()
        // The limit of size is for what is sent; packed, little could become much.
        .no_gzip()
        .timeout(https.timeout)
        .resolve_to_addrs(host, addresses);
    let builder = if https.roots.system {
        builder.tls_certs_merge(extra)
    } else {
        builder.tls_certs_only(extra)
    };
    builder.build()
}

/// Whose fault it is: a certificate that does not fit is the server's, silence may be the network's.
fn refused(host: &str, error: &reqwest::Error) -> NoPolicy {
    match error.source().and_then(certificate_error) {
        Some(why) => NoPolicy::Wrong(format!(
            "the certificate of {host} is not valid for it: {}",
            safe(why.to_string().as_bytes())
        )),
        None => NoPolicy::Unknown(format!(
            "{host} could not be asked: {}{}",
            causes(error),
            proxy_note()
        )),
    }
}

/// Behind a proxy the reason is likely to be that.
fn proxy_note() -> &'static str {
    let set = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if set {
        " (the proxy that is set here is not used: mail servers fetch policies without one)"
    } else {
        ""
    }
}

/// The complaint about a certificate somewhere in the causes; an IO error hides what it wraps from `source`.
fn certificate_error<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
        return Some(why);
    }
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    if let Some(inner) = wrapped {
        return certificate_error(inner);
    }
    error.source().and_then(certificate_error)
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    safe(text.as_bytes())
}
