//! A person's sign-in: device code (RFC 8628), authorization code with PKCE (RFC 7636), refresh token.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::directory::{Code, Pending, PersonDoes};
use super::{Entra, fault, refused};
use crate::dns::keys::hex;
use crate::http::{HttpReply, HttpRequest};
use crate::microsoft::token::{Audience, issue_delegated};
use crate::places::random;

impl Entra {
    /// `POST devicecode`.
    pub(super) fn device_code(&self, request: &HttpRequest) -> HttpReply {
        let form = request.form();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if let Some(reply) = self.unfit(field("client_id"), field("scope")) {
            return reply;
        }
        let mut directory = self.0.directory();
        if let Some(wrong) = directory.fault {
            return fault(wrong);
        }
        let device_code = format!("DAQ{}", hex(&random::<24>()));
        let user_code = hex(&random::<5>()).to_ascii_uppercase();
        directory.pending.insert(
            device_code.clone(),
            Pending {
                client_id: field("client_id").to_owned(),
                scope: field("scope").to_owned(),
                polls: 0,
            },
        );
        let page = "https://login.microsoft.com/device";
        HttpReply::json(
            200,
            &json!({
                "user_code": user_code, "device_code": device_code, "verification_uri": page,
                "expires_in": 900, "interval": directory.interval,
                "message": format!("To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."),
            }),
        )
    }

    /// `GET authorize`: the person decides at once, and the browser is sent back.
    pub(super) fn authorize(&self, request: &HttpRequest) -> HttpReply {
        let field = |name: &str| request.query.get(name).map_or("", String::as_str);
        if let Some(reply) = self.unfit(field("client_id"), field("scope")) {
            return reply;
        }
        let redirect = field("redirect_uri");
        // A public client may come back to any port of localhost, and to nothing else.
        let back = redirect
            .strip_prefix("http://localhost:")
            .and_then(|rest| rest.split('/').next()?.parse::<u16>().ok());
        if back.is_none() {
            let text = "AADSTS50011: The redirect URI specified in the request does not match the redirect URIs configured for the application.";
            return refused(400, "invalid_request", 50_011, text);
        }
        let sound = field("response_type") == "code"
            && field("code_challenge_method") == "S256"
            && field("code_challenge").len() == 43
            && !field("state").is_empty();
        if !sound {
            let text = "AADSTS9002313: Invalid request. Request is malformed or invalid.";
            return refused(400, "invalid_request", 9_002_313, text);
        }
        let mut directory = self.0.directory();
        let answer = match directory.person.does {
            PersonDoes::Declines => {
                "error=access_denied&error_description=AADSTS65004%3A+User+declined+to+consent+to+access+the+app.".to_owned()
            }
            _ => {
                let code = format!("1.Ab{}", hex(&random::<24>()));
                directory.codes.insert(
                    code.clone(),
                    Code {
                        client_id: field("client_id").to_owned(),
                        redirect: redirect.to_owned(),
                        challenge: field("code_challenge").to_owned(),
                    },
                );
                format!("code={code}")
            }
        };
        let state = field("state");
        HttpReply::empty(302).with("location", format!("{redirect}?{answer}&state={state}"))
    }

    /// A token request that a person stands behind.
    pub(super) fn person_token(&self, grant: &str, request: &HttpRequest) -> HttpReply {
        let form = request.form();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let client_id = field("client_id");
        let mut directory = self.0.directory();
        let wrong = match grant {
            "refresh_token" => directory.refresh_fault.or(directory.fault),
            _ => directory.fault,
        };
        if let Some(wrong) = wrong {
            return fault(wrong);
        }
        let invalid = |code: u32, text: &str| refused(400, "invalid_grant", code, text);
        let scope = match grant {
            "refresh_token" => {
                if directory
                    .refresh
                    .get(field("refresh_token"))
                    .map(String::as_str)
                    != Some(client_id)
                {
                    return invalid(
                        9_002_313,
                        "AADSTS9002313: Invalid request. Request is malformed or invalid.",
                    );
                }
                field("scope").to_owned()
            }
            "authorization_code" => {
                let Some(code) = directory.codes.remove(field("code")) else {
                    return invalid(
                        54_005,
                        "AADSTS54005: OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
                    );
                };
                if code.client_id != client_id || code.redirect != field("redirect_uri") {
                    return invalid(
                        50_011,
                        "AADSTS500112: The reply address does not match the reply address provided when requesting Authorization code.",
                    );
                }
                let shown = digest::digest(&digest::SHA256, field("code_verifier").as_bytes());
                if BASE64.encode(shown) != code.challenge {
                    return invalid(
                        501_481,
                        "AADSTS501481: The Code_Verifier does not match the code_challenge supplied in the authorization request.",
                    );
                }
                field("scope").to_owned()
            }
            _ => {
                let does = directory.person.does;
                let Some(pending) = directory.pending.get_mut(field("device_code")) else {
                    return refused(
                        400,
                        "bad_verification_code",
                        70_018,
                        "AADSTS70018: Bad verification code.",
                    );
                };
                if pending.client_id != client_id {
                    return refused(
                        400,
                        "bad_verification_code",
                        70_018,
                        "AADSTS70018: Bad verification code.",
                    );
                }
                pending.polls += 1;
                let polls = pending.polls;
                match does {
                    PersonDoes::Declines => {
                        return refused(
                            400,
                            "authorization_declined",
                            70_000,
                            "AADSTS70000: The end user denied the authorization request.",
                        );
                    }
                    PersonDoes::StaysAway => {
                        return refused(
                            400,
                            "expired_token",
                            70_020,
                            "AADSTS70020: The code has expired.",
                        );
                    }
                    PersonDoes::SignsInSlowly if polls == 1 => {
                        return refused(400, "slow_down", 70_016, "AADSTS70016: Slow down.");
                    }
                    PersonDoes::SignsIn { after } if polls <= after => {
                        return refused(
                            400,
                            "authorization_pending",
                            70_016,
                            "AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
                        );
                    }
                    PersonDoes::SignsIn { .. } | PersonDoes::SignsInSlowly => {}
                }
                let scope = pending.scope.clone();
                directory.pending.remove(field("device_code"));
                scope
            }
        };
        let (name, refresh) = (
            directory.person.name.clone(),
            directory.new_refresh(client_id),
        );
        drop(directory);
        let Some(audience) = audience(self, &scope) else {
            return refused(
                400,
                "invalid_scope",
                70_011,
                "AADSTS70011: The provided request must include a 'scope' input parameter.",
            );
        };
        let life = self.0.options.timing.token.as_secs();
        let mut body = json!({
            "token_type": "Bearer", "scope": scope, "expires_in": life, "ext_expires_in": life,
            "access_token": issue_delegated(&self.0, audience, client_id, &name),
        });
        if scope.split(' ').any(|word| word == "offline_access") {
            body["refresh_token"] = Value::String(refresh);
        }
        HttpReply::json(200, &body)
    }

    /// What is wrong with the client or the scope of a person's request.
    fn unfit(&self, client_id: &str, scope: &str) -> Option<HttpReply> {
        if !self.0.directory().public_clients.contains(client_id) {
            let confidential = client_id.eq_ignore_ascii_case(&self.0.credentials.client_id);
            return Some(if confidential {
                refused(
                    401,
                    "invalid_client",
                    7_000_218,
                    "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
                )
            } else {
                let text = format!(
                    "AADSTS700016: Application with identifier '{client_id}' was not found in the directory."
                );
                refused(400, "unauthorized_client", 700_016, &text)
            });
        }
        audience(self, scope).is_none().then(|| {
            refused(
                400,
                "invalid_scope",
                70_011,
                "AADSTS70011: The provided value for the input parameter 'scope' is not valid.",
            )
        })
    }
}

/// The one resource among the words of a scope.
fn audience(entra: &Entra, scope: &str) -> Option<Audience> {
    let mut found = scope
        .split(' ')
        .filter_map(|word| Audience::of_scope(&entra.0, word));
    let first = found.next();
    // A token is for one resource (AADSTS28000).
    first.filter(|_| found.next().is_none())
}
