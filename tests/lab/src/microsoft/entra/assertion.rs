//! Assertions in place of a secret: signed with a registered certificate, or by a trusted issuer.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use serde_json::Value;

use crate::microsoft::token;
use crate::world::World;

/// What Entra ID says to an assertion it does not take.
pub(super) type Refusal = (u32, String);

/// The type of every assertion (RFC 7523 section 2.2).
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far clocks may differ.
const TOLERANCE: i64 = 300;
/// Longer-lived assertions are refused.
const LONGEST: i64 = 24 * 3600;

/// Checks an assertion in every respect: type, signature, thumbprint, validity, audience, issuer, subject, time.
pub(super) fn check(
    world: &World,
    tenant: &str,
    client_id: &str,
    kind: &str,
    assertion: &str,
) -> Result<(), Refusal> {
    if kind != TYPE {
        return Err((900_144, "AADSTS900144: The request body must contain the following parameter: 'client_assertion_type'.".to_owned()));
    }
    let malformed = || {
        (
            50_027,
            "AADSTS50027: JWT token is invalid or malformed.".to_owned(),
        )
    };
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err(malformed());
    };
    let json =
        |part: &str| -> Option<Value> { serde_json::from_slice(&BASE64.decode(part).ok()?).ok() };
    let (Some(header), Some(claims)) = (json(header), json(claims)) else {
        return Err(malformed());
    };
    let now = Timestamp::now().as_second() + world.directory().ahead;
    if header["alg"] == "HS256" {
        return federated(world, &claims, assertion, now);
    }
    let body = &assertion[..assertion.len() - signature.len() - 1];
    let signature = BASE64.decode(signature).map_err(|_| malformed())?;
    signed(world, &header, body, &signature, now)?;
    let audience = format!("{}/{tenant}/oauth2/v2.0/token", world.layout.api(0));
    if claims["aud"] != audience {
        return Err((
            700_023,
            format!(
                "AADSTS700023: Client assertion audience claim does not match Realm issuer. Expected '{audience}'."
            ),
        ));
    }
    if claims["iss"] != client_id || claims["sub"] != client_id {
        return Err((700_021, "AADSTS700021: Client assertion application identifier doesn't match 'client_id' parameter.".to_owned()));
    }
    if claims["jti"].as_str().is_none_or(str::is_empty) {
        return Err(malformed());
    }
    in_time(&claims, now)
}

fn in_time(claims: &Value, now: i64) -> Result<(), Refusal> {
    let get = |name: &str| claims[name].as_i64();
    let (Some(begin), Some(end)) = (get("nbf"), get("exp")) else {
        return Err((
            50_027,
            "AADSTS50027: JWT token is invalid or malformed.".to_owned(),
        ));
    };
    if begin > now + TOLERANCE || end + TOLERANCE < now || end - begin > LONGEST {
        return Err((
            700_024,
            format!(
                "AADSTS700024: Client assertion is not within its valid time range. Current time: {now}, assertion valid from {begin}, expiry time of assertion {end}."
            ),
        ));
    }
    Ok(())
}

fn signed(
    world: &World,
    header: &Value,
    body: &str,
    signature: &[u8],
    now: i64,
) -> Result<(), Refusal> {
    let thumbprint = header["x5t#S256"].as_str().unwrap_or_default();
    let known = world.directory().certificates.clone();
    let Some(der) = known
        .iter()
        .find(|der| BASE64.encode(digest::digest(&digest::SHA256, der)) == thumbprint)
    else {
        return Err((
            700_027,
            format!(
                "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']."
            ),
        ));
    };
    let (_, certificate) = x509_parser::parse_x509_certificate(der)
        .map_err(|_| (700_027, "AADSTS700027: unreadable certificate.".to_owned()))?;
    if certificate.validity().not_after.timestamp() < now {
        return Err((
            700_027,
            format!(
                "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key used is expired., Thumbprint of key used by client: '{thumbprint}']."
            ),
        ));
    }
    let key = certificate.public_key().subject_public_key.data.to_vec();
    let verified = match header["alg"].as_str() {
        Some("PS256") => UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key)
            .verify(body.as_bytes(), signature),
        Some("RS256") => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
            .verify(body.as_bytes(), signature),
        _ => {
            return Err((
                50_027,
                "AADSTS50027: JWT token is invalid or malformed. Algorithm is not supported."
                    .to_owned(),
            ));
        }
    };
    verified.map_err(|_| (700_027, format!("AADSTS700027: Client assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value., Thumbprint of key used by client: '{thumbprint}'].")))
}

fn federated(world: &World, claims: &Value, assertion: &str, now: i64) -> Result<(), Refusal> {
    if token::verified(world, assertion).is_none() {
        return Err((50_012, "AADSTS50012: Authentication failed: the signature of the assertion could not be verified.".to_owned()));
    }
    in_time(claims, now)?;
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let (issuer, subject, audience) = (text("iss"), text("sub"), text("aud"));
    let known = world.directory().federated.clone();
    let by_issuer: Vec<_> = known.iter().filter(|of| of.issuer == issuer).collect();
    if by_issuer.is_empty() {
        return Err((
            700_211,
            format!(
                "AADSTS700211: No matching federated identity record found for presented assertion issuer '{issuer}'."
            ),
        ));
    }
    if !by_issuer.iter().any(|of| of.subject == subject) {
        return Err((
            700_213,
            format!(
                "AADSTS700213: No matching federated identity record found for presented assertion subject '{subject}'."
            ),
        ));
    }
    if !by_issuer
        .iter()
        .any(|of| of.subject == subject && of.audience == audience)
    {
        return Err((
            700_212,
            format!(
                "AADSTS700212: No matching federated identity record found for presented assertion audience '{audience}'."
            ),
        ));
    }
    Ok(())
}
