//! The `WWW-Authenticate` header of a 401: what the service complains of, and the claims it wants.

use super::redact;

/// The `claims` of a `WWW-Authenticate` challenge, decoded from Base64.
pub(crate) fn claims_in(header: &str) -> Option<String> {
    use base64::Engine as _;
    let (_, rest) = header.split_once("claims=\"")?;
    let (encoded, _) = rest.split_once('"')?;
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let bytes = engine
        .decode(encoded.replace('-', "+").replace('_', "/"))
        .ok()?;
    String::from_utf8(bytes)
        .ok()
        .filter(|text| serde_json::from_str::<serde_json::Value>(text).is_ok())
}

/// The error named in a challenge, for the message.
pub(crate) fn complaint(header: &str) -> Option<String> {
    let field = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}=\""))?;
        rest.split_once('"')
            .map(|(value, _)| redact::excerpt(value.as_bytes()))
    };
    match (field("error"), field("error_description")) {
        (Some(error), Some(text)) => Some(format!("{error}: {text}")),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_decoded() {
        let header = r#"Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ==""#;
        assert_eq!(claims_in(header).as_deref(), Some(r#"{"access_token":{}}"#));
        assert_eq!(
            claims_in(r#"Bearer claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ""#).as_deref(),
            Some(r#"{"access_token":{}}"#)
        );
        for bad in [
            "Bearer",
            "Bearer claims=\"%%%\"",
            "Bearer claims=\"aGFsbG8=\"",
        ] {
            assert_eq!(claims_in(bad), None, "{bad}");
        }
        assert_eq!(complaint(header).as_deref(), Some("insufficient_claims"));
    }
}
