//! Signatures of Amazon Web Services as the other side computes them, from what came over the wire.

use aws_lc_rs::{digest, hmac};
use wiremock::Request;

/// An access key.
#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
    /// Of a key that ends.
    pub token: Option<String>,
}

const REGION: &str = "us-east-1";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in lower-case hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// What is signed of a request.
pub struct Signed<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// As it was sent.
    pub query: &'a str,
    /// Lower-case names and values, sorted.
    pub headers: Vec<(String, String)>,
    pub body: &'a [u8],
}

impl Signed<'_> {
    fn names(&self) -> String {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.join(";")
    }

    fn signature(&self, secret: &str, time: &str, service: &str) -> String {
        let mut pairs: Vec<&str> = self.query.split('&').collect();
        pairs.sort_unstable();
        let mut canonical = format!("{}\n{}\n{}\n", self.method, self.path, pairs.join("&"));
        for (name, value) in &self.headers {
            canonical += &format!("{name}:{value}\n");
        }
        canonical += &format!("\n{}\n{}", self.names(), hash(self.body));
        let day = &time[..8];
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{day}/{REGION}/{service}/aws4_request\n{}",
            hash(canonical.as_bytes())
        );
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [day, REGION, service, "aws4_request", &text] {
            let with = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&with, part.as_bytes()).as_ref().to_vec();
        }
        hex(&key)
    }

    /// `Authorization` for it; one of the headers is `x-amz-date`.
    pub fn authorization(&self, key: &AccessKey, service: &str) -> String {
        let date = self.headers.iter().find(|(name, _)| name == "x-amz-date");
        let time = &date.unwrap().1;
        let signature = self.signature(&key.secret, time, service);
        let scope = format!("{}/{}/{REGION}/{service}/aws4_request", key.id, &time[..8]);
        let names = self.names();
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}")
    }
}

/// Why a request would be refused: code and message.
pub fn refused(
    request: &Request,
    key: &AccessKey,
    service: &str,
) -> Option<(&'static str, String)> {
    let header = |name: &str| {
        let value = request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let no = |code, message: &str| Some((code, message.to_owned()));
    let Some(given) = header("authorization") else {
        return no("MissingAuthenticationToken", "Missing Authentication Token");
    };
    let part = |name: &str| {
        let (_, rest) = given.split_once(name)?;
        Some(rest.split(", ").next().unwrap().to_owned())
    };
    let time = header("x-amz-date").unwrap_or_default();
    let Some(((scope, names), signature)) = part("Credential=")
        .zip(part("SignedHeaders="))
        .zip(part("Signature="))
    else {
        return no(
            "IncompleteSignature",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
        );
    };
    if !scope.starts_with(&format!("{}/", key.id)) || header("x-amz-security-token") != key.token {
        return no(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        );
    }
    let Ok(sent) = jiff::fmt::strtime::parse("%Y%m%dT%H%M%S%z", time.replace('Z', "+0000"))
        .and_then(|time| time.to_timestamp())
    else {
        return no(
            "IncompleteSignature",
            "Date must be in ISO-8601 'basic format'.",
        );
    };
    if (jiff::Timestamp::now() - sent)
        .total(jiff::Unit::Minute)
        .unwrap()
        .abs()
        > 5.0
    {
        return no(
            "SignatureDoesNotMatch",
            &format!("Signature expired: {time} is now earlier than five minutes ago"),
        );
    }
    let must = |name: &str| name == "host" || name == "content-type" || name.starts_with("x-amz-");
    let signed: Vec<&str> = names.split(';').collect();
    let unsigned = request
        .headers
        .keys()
        .find(|name| must(name.as_str()) && !signed.contains(&name.as_str()));
    if let Some(name) = unsigned {
        return no(
            "SignatureDoesNotMatch",
            &format!("'{name}' must be a signed header"),
        );
    }
    if header("x-amz-content-sha256").is_some_and(|said| said != hash(&request.body)) {
        return no(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
    }
    let headers = signed
        .iter()
        .map(|name| ((*name).to_owned(), header(name).unwrap_or_default()));
    let signed = Signed {
        method: request.method.as_str(),
        path: request.url.path(),
        query: request.url.query().unwrap_or(""),
        headers: headers.collect(),
        body: &request.body,
    };
    let wanted = format!("{}/{}/{REGION}/{service}/aws4_request", key.id, &time[..8]);
    if scope != wanted || signature != signed.signature(&key.secret, &time, service) {
        return no(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing \
             method. Consult the service documentation for details.",
        );
    }
    None
}
