//! People who sign in, against the laboratory's authority: device code, browser, refresh token, cache.

use std::path::Path;
use std::sync::{Arc, Mutex};

use reqwest::Url;
use rollout_lab::{Lab, Options, PersonDoes, SignInFault};
use secrecy::ExposeSecret as _;

use super::settings;
use crate::microsoft::{
    CallCounter, Cloud, Invitation, Microsoft, MicrosoftError, MicrosoftSettings, Person, Prompt,
    SignIn, SignInMethod, SignInReason, TokenCache, TokenSource as _,
};

/// A person who has, or has not, a browser, and remembers what was shown.
#[derive(Debug, Default)]
struct Somebody {
    browser: bool,
    shown: Mutex<Vec<String>>,
}

impl Somebody {
    fn new(browser: bool) -> Arc<Self> {
        Arc::new(Self {
            browser,
            ..Self::default()
        })
    }

    fn note(&self, text: String) {
        self.shown.lock().unwrap().push(text);
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }
}

impl Prompt for Somebody {
    fn invite(&self, invitation: &Invitation) {
        self.note(match invitation {
            Invitation::Code { page, code, .. } => format!("code {code} at {page}"),
            Invitation::Browser { .. } => "browser".to_owned(),
        });
    }

    fn open(&self, address: &Url) -> bool {
        if self.browser {
            let address = address.clone();
            tokio::spawn(async move { browse(address).await });
        }
        self.browser
    }

    fn welcome(&self, user: Option<&str>) {
        self.note(format!("welcome {}", user.unwrap_or("somebody")));
    }
}

/// A browser that goes where it is sent; before it comes back, somebody else knocks.
async fn browse(address: Url) {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let sent = http.get(address).send().await.unwrap();
    let back = sent.headers()["location"].to_str().unwrap();
    // The listener is on 127.0.0.1; `localhost` may be ::1 first.
    let back = Url::parse(&back.replace("http://localhost:", "http://127.0.0.1:")).unwrap();
    let mut forged = back.clone();
    forged.set_query(Some("code=stolen&state=guessed"));
    assert_eq!(http.get(forged).send().await.unwrap().status(), 400);
    assert_eq!(http.get(back).send().await.unwrap().status(), 200);
}

fn lab() -> Lab {
    Lab::start(Options::default()).unwrap()
}

fn people(
    lab: &Lab,
    method: fn(Person) -> SignInMethod,
    prompt: Option<Arc<Somebody>>,
    cache: Option<&Path>,
) -> MicrosoftSettings {
    let places = lab.endpoints().unwrap();
    let mut settings = settings(&places.authority, &places.graph, &places.exchange);
    settings.tenant = places.tenant_id;
    settings.limits = crate::microsoft::Limits::default();
    settings.sign_in = method(Person {
        client_id: None,
        cache: if cache.is_some() {
            TokenCache::File
        } else {
            TokenCache::Memory
        },
    });
    settings.prompt = prompt.map(|prompt| prompt as _);
    settings.token_folder = cache.map(Path::to_owned);
    settings
}

fn reason(error: &MicrosoftError) -> SignInReason {
    match error {
        MicrosoftError::SignIn(inner) => inner.reason.clone(),
        _ => panic!("{error}"),
    }
}

async fn refused(settings: &MicrosoftSettings) -> MicrosoftError {
    match Microsoft::connect(settings) {
        Ok(microsoft) => microsoft.sign_in().await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_shown_once_and_serves_both_services() {
    let lab = lab();
    lab.change_directory(|d| d.person.does = PersonDoes::SignsIn { after: 1 });
    let somebody = Somebody::new(false);
    let settings = people(&lab, SignInMethod::DeviceCode, Some(somebody.clone()), None);
    let microsoft = Microsoft::connect(&settings).unwrap();
    microsoft.sign_in().await.unwrap();
    microsoft.exchange.accepted_domains().await.unwrap();
    microsoft.graph.domain("contoso.com").await.unwrap();
    let shown = somebody.shown();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(
        shown[0].contains("at https://login.microsoft.com/device"),
        "{shown:?}"
    );
    assert_eq!(shown[1], "welcome admin@contoso.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_comes_back_with_a_code_that_only_we_can_use() {
    let lab = lab();
    let somebody = Somebody::new(true);
    let settings = people(&lab, SignInMethod::Browser, Some(somebody.clone()), None);
    let microsoft = Microsoft::connect(&settings).unwrap();
    microsoft.sign_in().await.unwrap();
    assert_eq!(somebody.shown(), ["browser", "welcome admin@contoso.com"]);

    lab.change_directory(|d| d.person.does = PersonDoes::Declines);
    let error = refused(&settings).await;
    assert!(matches!(reason(&error), SignInReason::Declined), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_a_code_is_shown() {
    let lab = lab();
    let somebody = Somebody::new(false);
    let settings = people(&lab, SignInMethod::Browser, Some(somebody.clone()), None);
    Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap();
    assert!(somebody.shown()[0].starts_with("code "), "{somebody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_slows_down_declines_or_stays_away() {
    let lab = lab();
    let settings = people(
        &lab,
        SignInMethod::DeviceCode,
        Some(Somebody::new(false)),
        None,
    );
    lab.change_directory(|d| d.person.does = PersonDoes::SignsInSlowly);
    let begun = std::time::Instant::now();
    Microsoft::connect(&settings)
        .unwrap()
        .sign_in()
        .await
        .unwrap();
    // One second as asked, then five more (RFC 8628 section 3.5).
    assert!(begun.elapsed().as_secs() >= 7, "{:?}", begun.elapsed());

    lab.change_directory(|d| d.person.does = PersonDoes::Declines);
    let error = refused(&settings).await;
    assert!(matches!(reason(&error), SignInReason::Declined), "{error}");
    lab.change_directory(|d| d.person.does = PersonDoes::StaysAway);
    let error = refused(&settings).await;
    assert!(
        matches!(reason(&error), SignInReason::CodeExpired),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_terminal_is_said_before_anything_is_sent() {
    let lab = lab();
    for method in [SignInMethod::DeviceCode, SignInMethod::Browser] {
        let error = refused(&people(&lab, method, None, None)).await;
        assert!(
            matches!(reason(&error), SignInReason::NobodyThere { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("client-certificate"), "{error}");
    }
    assert!(lab.log().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_no_public_client() {
    let lab = lab();
    let mut settings = people(
        &lab,
        SignInMethod::DeviceCode,
        Some(Somebody::new(false)),
        None,
    );
    for (client_id, words) in [
        (
            lab.endpoints().unwrap().client_id,
            "Allow public client flows",
        ),
        (
            "99999999-1111-4222-8333-444444444444".to_owned(),
            "no application with this client id",
        ),
    ] {
        settings.sign_in = SignInMethod::DeviceCode(Person {
            client_id: Some(client_id.clone()),
            cache: TokenCache::Memory,
        });
        let said = refused(&settings).await.to_string();
        assert!(said.contains(words) && said.contains(&client_id), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_renewed_without_asking_again() {
    let lab = lab();
    let somebody = Somebody::new(false);
    let settings = people(&lab, SignInMethod::DeviceCode, Some(somebody.clone()), None);
    let sign_in = SignIn::new(&settings, CallCounter::default().into()).unwrap();
    let scope = Cloud::Worldwide.exchange_scope();
    let first = sign_in.token(&scope).await.unwrap();
    let second = sign_in
        .renew(&scope, &first, Some("{\"access_token\":{}}"))
        .await
        .unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());
    assert_eq!(somebody.shown().len(), 2, "{somebody:?}");

    // A service that wants more than the session has: the person is asked again.
    lab.change_directory(|d| d.refresh_fault = Some(SignInFault::InteractionRequired));
    let third = sign_in.renew(&scope, &second, None).await.unwrap();
    assert_ne!(second.expose_secret(), third.expose_secret());
    assert_eq!(somebody.shown().len(), 4, "{somebody:?}");

    // A policy that blocks is not asked away.
    lab.change_directory(|d| d.refresh_fault = Some(SignInFault::Blocked));
    let error = sign_in.renew(&scope, &third, None).await.unwrap_err();
    assert!(
        matches!(error.reason, SignInReason::ConditionalAccess { .. }),
        "{error}"
    );
    assert_eq!(somebody.shown().len(), 4, "{somebody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_graph_does_not_know_is_told_what_to_register() {
    let lab = lab();
    lab.change_directory(|d| d.refresh_fault = Some(SignInFault::NotPreauthorized));
    let settings = people(
        &lab,
        SignInMethod::DeviceCode,
        Some(Somebody::new(false)),
        None,
    );
    let error = refused(&settings).await;
    assert_eq!(reason(&error), SignInReason::NotPreauthorized);
    assert!(error.to_string().contains("AADSTS65002"), "{error}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_sign_in_needs_nobody_until_it_is_over() {
    use std::os::unix::fs::PermissionsExt as _;

    let lab = lab();
    let state = tempfile::tempdir().unwrap();
    let with = |prompt| people(&lab, SignInMethod::DeviceCode, prompt, Some(state.path()));
    Microsoft::connect(&with(Some(Somebody::new(false))))
        .unwrap()
        .sign_in()
        .await
        .unwrap();
    Microsoft::connect(&with(None))
        .unwrap()
        .sign_in()
        .await
        .unwrap();
    // The file holds the refresh token and no access token.
    let folder = state.path().join("tokens");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(files.len(), 1);
    let path = files[0].as_ref().unwrap().path();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("1.AX") && !text.contains("eyJ"), "{text}");

    lab.change_directory(|d| d.refresh_fault = Some(SignInFault::SessionOver));
    let error = refused(&with(None)).await;
    assert!(
        matches!(reason(&error), SignInReason::SessionOver { .. }),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.contains("AADSTS700082") && !said.contains("1.AX"),
        "{said}"
    );
    // With somebody there, they are asked again.
    let somebody = Somebody::new(false);
    lab.change_directory(|d| d.refresh_fault = Some(SignInFault::SessionOver));
    let sign_in =
        SignIn::new(&with(Some(somebody.clone())), CallCounter::default().into()).unwrap();
    sign_in
        .token(&Cloud::Worldwide.exchange_scope())
        .await
        .unwrap();
    assert_eq!(somebody.shown().len(), 2);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let from = lab.log().len();
    let error = refused(&with(None)).await;
    assert!(error.to_string().contains("chmod 600"), "{error}");
    assert_eq!(lab.log().len(), from, "nothing is sent with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_or_code_is_printed() {
    let lab = lab();
    let settings = people(
        &lab,
        SignInMethod::DeviceCode,
        Some(Somebody::new(false)),
        None,
    );
    let sign_in = SignIn::new(&settings, CallCounter::default().into()).unwrap();
    let token = sign_in
        .token(&Cloud::Worldwide.exchange_scope())
        .await
        .unwrap();
    let printed = format!("{settings:?} {sign_in:?} {sign_in:#?}");
    for secret in [token.expose_secret(), "1.AX", "DAQ"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
