//! Replays the example exchanges under `exchanges/<slug>/`: what a provider asks, what a vendor answers, what comes of it.
//!
//! In an exchange, `ask` is method, path and query; `sent` are headers that must be in the request; a `body` that is no JSON is text, and
//! `"*"` stands for any (a signed token, say). An `answer` that is text goes out as it is.
//!
//! Every request must be exactly the next one of the file, and none may be left. All names and secrets are made up. A folder
//! has a `fields.json` (a value `{"secret": ...}` is a secret, `{server}` is where the answers come from, `{rsa-key}` a private key) and one file for
//! each story: `what`, `call`, `exchanges`, and `gives` or `fails`;
//! it may have `fields` of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a broken assumption should stop it where it is found"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rollout_providers::{
    Budget, Change, DelegationKey, FieldValue, HandsOver, Options, Outcome, Provider, Result,
    Token, Tokens, Zone, find,
};
use serde::Deserialize;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    what: String,
    /// `zone`, `read MX example.test`, `status`, `enable`, `disable`, `largest-ttl`, `standing`, `delegation`, a change, or
    /// `{"set-delegation": {"before": [DS...], "keys": [DNSKEY...]}}`.
    call: Value,
    /// Fields of this story alone.
    #[serde(default)]
    fields: BTreeMap<String, Value>,
    exchanges: VecDeque<Exchange>,
    gives: Option<Value>,
    fails: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    ask: String,
    #[serde(default)]
    sent: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    answer: Value,
}

const fn ok() -> u16 {
    200
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    kind: Value,
    says: String,
}

/// The program's own sign-in.
#[derive(Debug)]
struct EntraTokens;

#[async_trait::async_trait]
impl Tokens for EntraTokens {
    async fn token(&self, scope: &str) -> Result<Token, String> {
        assert_eq!(scope, "https://management.azure.com/.default");
        Ok(Token {
            secret: "synthetic-entra-token".to_owned().into(),
            good_for: std::time::Duration::from_secs(3600),
        })
    }
}

struct Script {
    left: VecDeque<Exchange>,
    wrong: Vec<String>,
}

#[derive(Clone)]
struct Vendor(Arc<Mutex<Script>>);

impl Respond for Vendor {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut script = self.0.lock().unwrap();
        let query = request
            .url
            .query()
            .map_or_else(String::new, |query| format!("?{query}"));
        let asked = format!("{} {}{query}", request.method, request.url.path());
        let text = || match String::from_utf8_lossy(&request.body).into_owned() {
            text if text.is_empty() => Value::Null,
            text => text.into(),
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_else(|_| text());
        let sent = |(key, value): (&String, &String)| {
            request
                .headers
                .get(key.as_str())
                .and_then(|sent| sent.to_str().ok())
                == Some(value)
        };
        match script.left.pop_front() {
            Some(next)
                if next.ask == asked
                    && (next.body == body || next.body == "*")
                    && next.sent.iter().all(sent) =>
            {
                let answer = ResponseTemplate::new(next.status);
                let answer = match next.answer {
                    Value::String(text) => answer.set_body_string(text),
                    json => answer.set_body_json(json),
                };
                next.headers.iter().fold(answer, |answer, (key, value)| {
                    answer.insert_header(key.as_str(), value.as_str())
                })
            }
            next => {
                let wanted = next.map_or_else(
                    || "nothing more".to_owned(),
                    |next| format!("{} {} {:?}", next.ask, next.body, next.sent),
                );
                script
                    .wrong
                    .push(format!("asked {asked} {body}\n  wanted {wanted}"));
                ResponseTemplate::new(418)
            }
        }
    }
}

#[tokio::test]
async fn every_example_exchange_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges");
    let (mut told, mut failed) = (0, Vec::new());
    for folder in fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        let slug = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let fields: BTreeMap<String, Value> = read(&folder.join("fields.json"));
        for file in fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if !file.ends_with("fields.json") {
                told += 1;
                if let Err(why) = replay(&slug, &fields, read(&file)).await {
                    failed.push(format!("{}: {why}", file.display()));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(told > 10, "only {told} stories found");
}

fn read<T: for<'de> Deserialize<'de>>(file: &Path) -> T {
    serde_json::from_slice(&fs::read(file).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

async fn replay(slug: &str, fields: &BTreeMap<String, Value>, story: Story) -> Result<(), String> {
    let server = MockServer::start().await;
    let vendor = Vendor(Arc::new(Mutex::new(Script {
        left: story.exchanges,
        wrong: Vec::new(),
    })));
    Mock::given(any())
        .respond_with(vendor.clone())
        .mount(&server)
        .await;
    let filled = |text: &str| {
        text.replace("{server}", &server.uri())
            .replace("{rsa-key}", rsa_key())
    };
    let fields = fields.iter().chain(&story.fields).map(|(key, value)| {
        let value = match value {
            Value::String(text) => FieldValue::Plain(filled(text)),
            secret => FieldValue::Secret(filled(secret["secret"].as_str().unwrap()).into()),
        };
        (key.clone(), value)
    });
    let options = Options {
        read_retries: 0,
        budget: Budget::unlimited(),
        tokens: Some(Arc::new(EntraTokens)),
        ..Options::default()
    };
    let provider = find(slug)
        .unwrap()
        .open(&fields.collect(), options)
        .unwrap();
    let outcome = call(provider.as_ref(), &story.call).await;
    let script = vendor.0.lock().unwrap();
    if !script.wrong.is_empty() || !script.left.is_empty() {
        let left: Vec<_> = script.left.iter().map(|exchange| &exchange.ask).collect();
        return Err(format!(
            "{}: {}; never asked: {left:?}; outcome {outcome:?}",
            story.what,
            script.wrong.join("\n")
        ));
    }
    match (outcome, story.gives, story.fails) {
        // `null` is what is given where nothing is.
        (Ok(given), wanted, None) if Some(&given) == wanted.as_ref().or(Some(&Value::Null)) => {
            Ok(())
        }
        (Err(error), None, Some(wanted))
            if serde_json::to_value(error.kind).unwrap() == wanted.kind
                && error.to_string().contains(&wanted.says) =>
        {
            Ok(())
        }
        (outcome, ..) => Err(format!("{}: {outcome:?}", story.what)),
    }
}

/// A private key in PKCS#8 as a JSON text has it, made anew each time: one that lies around is taken for a real one.
fn rsa_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der = key.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PRIVATE KEY-----\\n{text}\\n-----END PRIVATE KEY-----\\n")
    })
}

async fn call(provider: &dyn Provider, call: &Value) -> Result<Value> {
    let zone = provider.zone(&"example.test".parse().unwrap()).await?;
    let registrar = || provider.registrar().unwrap();
    if let Some(set) = call.get("set-delegation") {
        let texts = |key: &str| {
            set[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|text| text.as_str().unwrap().to_owned())
        };
        let before: Vec<_> = texts("before").map(|ds| ds.parse().unwrap()).collect();
        let keys: Vec<_> = texts("keys")
            .map(|key| DelegationKey::from_dnskey(&zone.apex, key.parse().unwrap()).unwrap())
            .collect();
        return registrar()
            .set_delegation(&zone.apex, &before, &keys)
            .await
            .map(shown);
    }
    let Some(word) = call.as_str() else {
        let change: Change = serde_json::from_value(call.clone()).unwrap();
        return provider.write(&zone, &change).await.map(shown);
    };
    let signer = || provider.signer().unwrap();
    Ok(match word.split(' ').collect::<Vec<_>>().as_slice() {
        ["zone"] => {
            let Zone {
                id,
                nameservers,
                ttl,
                hands_over,
                notes,
                ..
            } = zone;
            let mut shown = json!({ "id": id, "nameservers": nameservers, "ttl": [ttl.start(), ttl.end()], "notes": notes });
            if hands_over != HandsOver::Never {
                shown["hands-over"] = json!(hands_over);
            }
            shown
        }
        ["read", rtype, name] => {
            json!(
                provider
                    .read(&zone, &name.parse().unwrap(), rtype.parse().unwrap())
                    .await?
            )
        }
        ["largest-ttl"] => json!(provider.largest_ttl(&zone).await?),
        ["standing"] => json!(provider.standing().await?),
        ["delegation"] => json!(registrar().delegation(&zone.apex).await?),
        ["status"] => json!(signer().status(&zone).await?),
        ["enable"] => shown(signer().enable(&zone).await?),
        ["disable"] => shown(signer().disable(&zone).await?),
        other => panic!("no such call: {other:?}"),
    })
}

fn shown(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Unchanged => "unchanged".into(),
        Outcome::Done => "done".into(),
        Outcome::Asked(_) => "asked".into(),
    }
}
