//! A person signs in in this machine's browser: authorization code with PKCE on a loopback address (RFC 8252, RFC 7636).

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use reqwest::Url;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::answer::{Granted, post};
use super::person::Asking;
use super::prompt::Invitation;
use crate::microsoft::sign_in_error::{self, SignInError, SignInReason};

/// How long the person has.
const PATIENCE: Duration = Duration::from_secs(600);
/// A browser that has connected sends its request at once.
const REQUEST: Duration = Duration::from_secs(10);
/// Far more than an authorization code takes.
const LONGEST_LINE: u64 = 16 * 1024;

/// `None` where no browser can be opened.
pub(super) async fn ask(asking: &Asking<'_>) -> Result<Option<Granted>, SignInError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let Some((listener, port)) = listener
        .ok()
        .and_then(|listener| Some((listener.local_addr().ok()?.port(), listener)))
        .map(|(port, listener)| (listener, port))
    else {
        return Ok(None);
    };
    // Entra ID lets a public client use any port of http://localhost without registering it.
    let redirect = format!("http://localhost:{port}/");
    let (verifier, state) = (random()?, random()?);
    let challenge = BASE64.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let mut address = asking.ground.oauth("authorize");
    address.query_pairs_mut().extend_pairs([
        ("client_id", asking.client_id),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", &redirect),
        ("scope", asking.scope),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ]);
    if let Some(claims) = asking.ground.door.claims() {
        address.query_pairs_mut().append_pair("claims", &claims);
    }
    if !asking.prompt.open(&address) {
        return Ok(None);
    }
    asking
        .prompt
        .invite(&Invitation::Browser { good_for: PATIENCE });
    let code = match tokio::time::timeout(PATIENCE, answer(&listener, &state)).await {
        Ok(Ok(code)) => code,
        Ok(Err(why)) => return Err(why),
        Err(_) => return Err(SignInError::new(SignInReason::CodeExpired)),
    };
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", asking.client_id),
        ("code", &code),
        ("redirect_uri", &redirect),
        ("code_verifier", &verifier),
        ("scope", asking.scope),
    ];
    post(asking.ground, "token", &form, &[&code, &verifier])
        .await
        .map(Some)
        .map_err(|refused| refused.why)
}

/// Waits for the browser to come back with an answer to *our* question; anything else that knocks is sent away.
async fn answer(listener: &TcpListener, state: &str) -> Result<String, SignInError> {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let mut stream = BufReader::new(stream);
        let asked = tokio::time::timeout(REQUEST, request(&mut stream)).await;
        let Some(query) = asked.ok().flatten() else {
            reply(&mut stream, 400, "This address waits for a sign-in.").await;
            continue;
        };
        // Whoever does not know the state was not sent by the page we opened (RFC 6749 section 10.12).
        if query.get("state").map(String::as_str) != Some(state) {
            reply(
                &mut stream,
                400,
                "This answer belongs to no sign-in that was begun here.",
            )
            .await;
            continue;
        }
        if let Some(code) = query.get("code").filter(|code| !code.is_empty()) {
            reply(
                &mut stream,
                200,
                "You have signed in. You can close this page and go back to the terminal.",
            )
            .await;
            return Ok(code.clone());
        }
        reply(
            &mut stream,
            200,
            "The sign-in did not succeed. The terminal says why.",
        )
        .await;
        let get = |name: &str| query.get(name).map_or("", String::as_str);
        return Err(refusal(get("error"), get("error_description")));
    }
}

/// What the authorize page says through the redirect.
fn refusal(error: &str, description: &str) -> SignInError {
    let body = serde_json::json!({"error": error, "error_description": description});
    let found = sign_in_error::from_answer(400, body.to_string().as_bytes());
    match found {
        Some(found) if error == "access_denied" && found.code.is_none_or(|code| code == 65_004) => {
            SignInError {
                reason: SignInReason::Declined,
                ..found
            }
        }
        Some(found) => found,
        None => SignInError::new(SignInReason::Declined),
    }
}

/// The query of a GET request's first line.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<HashMap<String, String>> {
    use tokio::io::AsyncReadExt as _;
    let mut line = String::new();
    stream.take(LONGEST_LINE).read_line(&mut line).await.ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("http://localhost").ok()?.join(target).ok()?;
    // The rest of the head is read, or closing would reset the connection under the reply.
    for _ in 0..100 {
        let mut line = String::new();
        match (&mut *stream).take(LONGEST_LINE).read_line(&mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => {}
        }
    }
    Some(url.query_pairs().into_owned().collect())
}

async fn reply(stream: &mut BufReader<TcpStream>, status: u16, text: &str) {
    let body = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>rollout</title><p>{text}</p></html>\n"
    );
    let head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         referrer-policy: no-referrer\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
        if status == 200 { "OK" } else { "Bad Request" },
        body.len()
    );
    // A browser that has gone needs no answer.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// 256 random bits in 43 characters (RFC 7636 section 4.1).
fn random() -> Result<String, SignInError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        SignInError::new(SignInReason::Source {
            method: "browser",
            detail: "the system gives no random numbers".to_owned(),
        })
    })?;
    Ok(BASE64.encode(bytes))
}
