//! Signatures over requests to Amazon Web Services, version 4.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::{borrow::Cow, fmt::Write as _};

use async_trait::async_trait;
use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use reqwest::{
    Url,
    header::{
        AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{Authorize, secret_header};
use crate::{Error, Kind, Result, http::Request, text};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const BODY: &str = "x-amz-content-sha256";
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs with an access key, for one service in one region.
pub(crate) struct SigV4 {
    pub(crate) key_id: String,
    pub(crate) secret: SecretString,
    /// Of credentials that end.
    pub(crate) token: Option<SecretString>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
}

#[async_trait]
impl Authorize for SigV4 {
    async fn headers(&self, request: &Request) -> Result<HeaderMap> {
        // The hash of the body is signed in any case. Amazon's own clients say it besides, and some servers need it said.
        let hash = hash(request.text());
        let request = request.clone().header(BODY, &hash);
        let mut headers = self.sign(&request, Timestamp::now())?;
        headers.extend(
            request
                .headers
                .get(BODY)
                .map(|value| (HeaderName::from_static(BODY), value.clone())),
        );
        Ok(headers)
    }
}

impl SigV4 {
    /// What proves at `now` who sends the request. Signed are its method, address and body, its type and host, and everything
    /// whose name begins with `x-amz-`.
    fn sign(&self, request: &Request, now: Timestamp) -> Result<HeaderMap> {
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!(
            "{}/{}/{}/aws4_request",
            &time[..8],
            self.region,
            self.service
        );
        let (mut added, signed) = self.signed_headers(request, &time)?;
        let names = signed.keys().map(HeaderName::as_str).collect::<Vec<_>>();
        let names = sorted(names).join(";");
        let canonical = canonical(request, &signed, &names);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical));
        let signature = [
            &time[..8],
            self.region,
            self.service,
            "aws4_request",
            &to_sign,
        ]
        .iter()
        .fold(
            format!("AWS4{}", self.secret.expose_secret()).into_bytes(),
            |key, message| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            },
        );
        let proof = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.key_id,
            text::hex(&signature).to_ascii_lowercase()
        );
        added.extend([secret_header(AUTHORIZATION, &proof, request)?]);
        Ok(added)
    }

    /// The headers that are added to the request, and all that are signed.
    fn signed_headers(&self, request: &Request, time: &str) -> Result<(HeaderMap, HeaderMap)> {
        let value = |text: &str| {
            HeaderValue::try_from(text).map_err(|_: InvalidHeaderValue| {
                let message = "the request has characters that no header can carry";
                Error::new(
                    "sign-in",
                    request.operation.clone(),
                    Kind::Rejected,
                    message,
                )
            })
        };
        let mut added = HeaderMap::from_iter([(DATE, value(time)?)]);
        if let Some(token) = &self.token {
            added.extend([secret_header(TOKEN, token.expose_secret(), request)?]);
        }
        let own = request
            .headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-amz-"));
        let mut signed: HeaderMap = own
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        signed.extend(added.clone());
        signed.insert(HOST, value(&host(&request.url))?);
        if let Some((content, _)) = &request.body {
            signed.insert(CONTENT_TYPE, value(content)?);
        }
        Ok((added, signed))
    }
}

/// The request in the one form that both sides compute.
fn canonical(request: &Request, signed: &HeaderMap, names: &str) -> String {
    let mut headers = String::new();
    for name in names.split(';') {
        let value = signed.get(name).map_or_else(Cow::default, |value| {
            String::from_utf8_lossy(value.as_bytes())
        });
        let value: Vec<_> = value.split_whitespace().collect();
        headers.push_str(&format!("{name}:{}\n", value.join(" ")));
    }
    let path = encoded(request.url.path(), "/");
    let query = canonical_query(&request.url);
    let body = hash(request.text());
    format!(
        "{}\n{path}\n{query}\n{headers}\n{names}\n{body}",
        request.method
    )
}

/// The query as it is signed: sorted, and all but letters, digits and `-._~` encoded. Best sent so, too: some servers
/// compare with what they got as it came.
pub(crate) fn canonical_query(url: &Url) -> String {
    let pairs = url
        .query_pairs()
        .map(|(key, value)| format!("{}={}", encoded(&key, ""), encoded(&value, "")));
    sorted(pairs.collect()).join("&")
}

/// Percent-encoding of all octets but letters, digits, `-._~` and `besides` (RFC 3986, section 2.3).
fn encoded(text: &str, besides: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, octet| {
            let plain = octet.is_ascii_alphanumeric()
                || b"-._~".contains(&octet)
                || besides.as_bytes().contains(&octet);
            // Writing to a String cannot fail.
            let _ = if plain {
                write!(encoded, "{}", char::from(octet))
            } else {
                write!(encoded, "%{octet:02X}")
            };
            encoded
        })
}

/// The host as the client sends it: with a port where it is not the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn hash(text: &str) -> String {
    text::hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref()).to_ascii_lowercase()
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;
    use crate::Call;

    /// Credentials and time of AWS's published examples.
    fn signature(
        service: &'static str,
        token: Option<&str>,
        method: Method,
        url: &str,
        content: Option<(&'static str, &str)>,
    ) -> String {
        let signer = SigV4 {
            key_id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into(),
            token: token.map(|token| token.to_owned().into()),
            region: "us-east-1",
            service,
        };
        let mut request = Request::new(Call::Read, "test", method, url.parse().unwrap());
        if let Some((kind, text)) = content {
            request = request.body(kind, text);
        }
        let headers = signer
            .sign(&request, "2015-08-30T12:36:00Z".parse().unwrap())
            .unwrap();
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        assert!(headers[AUTHORIZATION].is_sensitive());
        let proof = headers[AUTHORIZATION].to_str().unwrap().to_owned();
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, SignedHeaders="
        );
        proof.strip_prefix(&scope).unwrap().to_owned()
    }

    #[test]
    fn the_published_examples() {
        let get = |url: &str| signature("service", None, Method::GET, url, None);
        let host_and_date = |signature: &str| format!("host;x-amz-date, Signature={signature}");
        // get-vanilla, get-vanilla-query-order-key-case, get-unreserved, get-vanilla-query-unreserved, post-vanilla.
        assert_eq!(
            get("https://example.amazonaws.com/"),
            host_and_date("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
        );
        assert_eq!(
            get("https://example.amazonaws.com/?Param2=value2&Param1=value1"),
            host_and_date("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")
        );
        let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        assert_eq!(
            get(&format!("https://example.amazonaws.com/{unreserved}")),
            host_and_date("07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f")
        );
        assert_eq!(
            get(&format!(
                "https://example.amazonaws.com/?{unreserved}={unreserved}"
            )),
            host_and_date("9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197")
        );
        assert_eq!(
            signature(
                "service",
                None,
                Method::POST,
                "https://example.amazonaws.com/",
                None
            ),
            host_and_date("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
        );
        // post-x-www-form-urlencoded, and the example of the guide itself.
        let form = ("application/x-www-form-urlencoded", "Param1=value1");
        assert_eq!(
            signature(
                "service",
                None,
                Method::POST,
                "https://example.amazonaws.com/",
                Some(form)
            ),
            "content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        let kind = ("application/x-www-form-urlencoded; charset=utf-8", "");
        let users = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";
        assert_eq!(
            signature("iam", None, Method::GET, users, Some(kind)),
            "content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
        // post-sts-header-before.
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7\
                     mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+\
                     xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        assert_eq!(
            signature(
                "service",
                Some(token),
                Method::POST,
                "https://example.amazonaws.com/",
                None
            ),
            "host;x-amz-date;x-amz-security-token, Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        );
    }

    #[test]
    fn a_query_can_be_sent_as_it_is_signed() {
        let mut url: Url = "https://example.test/a?name=*.b+c.example.&maxitems=1"
            .parse()
            .unwrap();
        let canonical = canonical_query(&url);
        assert_eq!(canonical, "maxitems=1&name=%2A.b%20c.example.");
        url.set_query(Some(&canonical));
        assert_eq!(canonical_query(&url), canonical);
    }
}
