//! What a domain file needs and nobody can see: from flags, from a person at the terminal, or the reason to stop.

use std::collections::BTreeMap;

use rollout_providers::{Field, Info, registry};

use super::super::prompt::Prompt;
use super::super::{App, CliError};
use super::look::Looked;
use super::{Args, Backend, tenant};
use crate::domain_file::environment::Environment;
use crate::domain_file::{DomainName, SecretRef};
use crate::output::terminal::Asker as _;
use crate::output::{Line, Page, Tone};

/// A key of a way to sign in.
struct Key {
    name: &'static str,
    about: &'static str,
    /// `None`: it must be said. Empty: it may be left out.
    default: Option<&'static str>,
    secret: bool,
}

const CLIENT_ID: Key = Key {
    name: "client_id",
    about: "Application (client) id of the app registration",
    default: None,
    secret: false,
};

/// What each way to sign in must be told. One that is not here takes what `--with` says, and the check of the file judges.
fn keys(backend: Backend, method: &str) -> Vec<Key> {
    let key = |name, about, default, secret| Key {
        name,
        about,
        default,
        secret,
    };
    match (backend, method) {
        (Backend::Api, "client-secret") => vec![
            CLIENT_ID,
            key(
                "secret",
                "Where its client secret is kept (env:NAME or file:PATH)",
                Some("env:ROLLOUT_CLIENT_SECRET"),
                true,
            ),
        ],
        (Backend::Api, "client-certificate") => vec![
            CLIENT_ID,
            key(
                "certificate",
                "Where the PEM of the certificate and its key is kept (env:NAME or file:PATH)",
                None,
                true,
            ),
        ],
        (Backend::Pwsh, "certificate-thumbprint") => vec![
            CLIENT_ID,
            key(
                "thumbprint",
                "Thumbprint of the certificate in this Windows machine's store",
                None,
                false,
            ),
        ],
        (Backend::Pwsh, "certificate-file") => vec![
            CLIENT_ID,
            key(
                "file",
                "PFX file with certificate and key, relative to the domain file",
                None,
                false,
            ),
        ],
        _ => Vec::new(),
    }
}

/// What was answered about the Microsoft side.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// How it is done.
    pub backend: Backend,
    /// The tenant; `None` where a person runs PowerShell.
    pub tenant: Option<String>,
    /// Whether it was found by the domain.
    pub found: bool,
    /// The way to sign in.
    pub method: String,
    /// Its keys.
    pub with: Vec<(String, String)>,
}

/// A DNS provider with what it must be told.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    /// Its word in the file.
    pub slug: String,
    /// Its keys.
    pub fields: Vec<(String, String)>,
}

impl Provider {
    /// A person edits the records.
    pub(super) fn by_hand() -> Self {
        Self {
            slug: "manual".to_owned(),
            fields: Vec::new(),
        }
    }
}

/// Asks whoever is there; where nobody is, names the flags.
pub(super) struct Interview<'a> {
    app: &'a App,
    person: Option<Prompt>,
    /// One answer serves every domain of a provider.
    providers: BTreeMap<String, Provider>,
}

fn missing(flags: &[String]) -> CliError {
    CliError::Usage(format!(
        "nobody is there to be asked; say it with {}",
        flags.join("; ")
    ))
}

fn stopped() -> CliError {
    CliError::Usage("no answer came; nothing was written".to_owned())
}

impl<'a> Interview<'a> {
    pub(super) fn new(app: &'a App, person: Option<Prompt>) -> Self {
        Self {
            app,
            person,
            providers: BTreeMap::new(),
        }
    }

    /// Asks until the answer fits; an empty one is the default. `None`: nobody is there.
    fn ask(
        &mut self,
        question: &str,
        default: Option<&str>,
        fits: impl Fn(&str) -> Result<(), String>,
    ) -> Option<Result<String, CliError>> {
        let person = self.person.as_mut()?;
        let mut line = Line::at(0).strong(question);
        if let Some(default) = default.filter(|default| !default.is_empty()) {
            line = line.plain(format!(" [{default}]"));
        }
        let line = line.plain(":");
        loop {
            let Some(answer) = person.ask(&line) else {
                return Some(Err(stopped()));
            };
            let answer = match (answer.trim(), default) {
                ("", Some(default)) => default.to_owned(),
                (answer, _) => answer.to_owned(),
            };
            match fits(&answer) {
                Ok(()) => return Some(Ok(answer)),
                Err(why) => self
                    .app
                    .console
                    .remark(Line::at(0).tone(Tone::Warn, why.replace('\n', "; "))),
            }
        }
    }

    /// Everything about the Microsoft side.
    pub(super) async fn answer(
        &mut self,
        args: &Args,
        looked: &[Looked],
        environment: &Environment,
    ) -> Result<Answers, CliError> {
        let backend = match args.backend {
            Some(backend) => backend,
            None => self.backend()?,
        };
        let mut answers = Answers {
            backend,
            tenant: None,
            found: false,
            method: String::new(),
            with: args.with.clone(),
        };
        if backend == Backend::Manual {
            return Ok(answers);
        }
        (answers.tenant, answers.found) = self.tenant(args, backend, looked, environment).await?;
        let default = if backend == Backend::Pwsh {
            "device"
        } else {
            "client-secret"
        };
        answers.method = match &args.sign_in {
            Some(method) => method.clone(),
            None => match self.ask("How to sign in", Some(default), word) {
                Some(method) => method?,
                None => default.to_owned(),
            },
        };
        let mut flags = Vec::new();
        for key in keys(backend, &answers.method) {
            let given = answers.with.iter().any(|(name, _)| name == key.name);
            if given {
                continue;
            }
            let fits = |text: &str| {
                if key.secret {
                    reference(text)
                } else {
                    word(text)
                }
            };
            let value = match (self.ask(key.about, key.default, fits), key.default) {
                (Some(value), _) => value?,
                (None, Some(default)) => default.to_owned(),
                (None, None) => {
                    flags.push(format!("--with {}=...", key.name));
                    continue;
                }
            };
            answers.with.push((key.name.to_owned(), value));
        }
        for (name, value) in &answers.with {
            // Shown nowhere: it may be the secret itself.
            if matches!(
                name.as_str(),
                "secret" | "password" | "token" | "key" | "certificate"
            ) {
                reference(value).map_err(|why| {
                    CliError::Usage(format!("--with {name}: {}", why.replace('\n', "; ")))
                })?;
            }
        }
        if flags.is_empty() {
            Ok(answers)
        } else {
            Err(missing(&flags))
        }
    }

    fn backend(&mut self) -> Result<Backend, CliError> {
        use clap::ValueEnum as _;
        let read = |text: &str| Backend::from_str(text, true);
        let question = "Microsoft side: api (its APIs), pwsh (its PowerShell module), or manual (you run PowerShell)";
        match self.ask(question, Some("api"), |text| read(text).map(drop)) {
            None => Ok(Backend::Api),
            Some(answer) => read(&answer?).map_err(CliError::Usage),
        }
    }

    /// The tenant, and whether it was found by the domains.
    async fn tenant(
        &mut self,
        args: &Args,
        backend: Backend,
        looked: &[Looked],
        environment: &Environment,
    ) -> Result<(Option<String>, bool), CliError> {
        if let Some(tenant) = &args.tenant {
            return Ok((Some(tenant.clone()), false));
        }
        let question = "Tenant: its initial domain, as in contoso.onmicrosoft.com, or its id";
        let by_person = args
            .sign_in
            .as_deref()
            .is_none_or(|method| method == "device");
        if looked.is_empty() || backend == Backend::Pwsh && !by_person {
            return match self.ask(question, None, word) {
                Some(answer) => Ok((Some(answer?), false)),
                None => Err(missing(&[
                    "--tenant, the tenant's initial domain; or a domain, by which the tenant is found".to_owned(),
                ])),
            };
        }
        let authority = tenant::authority(environment, args.cloud.as_deref())?;
        let mut found: Option<(String, String)> = None;
        for one in looked {
            match (tenant::of_domain(&authority, &one.domain).await, &found) {
                (Ok(id), Some((other, of))) if id.to_string() != *other => {
                    return Err(CliError::Usage(format!(
                        "{} is of the tenant {id}, but {of} is of the tenant {other}; run rollout init for each tenant on its own",
                        one.domain
                    )));
                }
                (Ok(id), _) => found = Some((id.to_string(), one.domain.clone())),
                (Err(why), _) => {
                    let why = why.to_string();
                    self.app.console.remark(Line::at(0).tone(Tone::Warn, &why));
                    return match self.ask(question, None, word) {
                        Some(answer) => Ok((Some(answer?), false)),
                        None => Err(CliError::Usage(format!(
                            "{why}; say the tenant with --tenant"
                        ))),
                    };
                }
            }
        }
        Ok((found.map(|(id, _)| id), true))
    }

    /// The DNS provider of a domain.
    pub(super) fn provider(&mut self, args: &Args, one: &Looked) -> Result<Provider, CliError> {
        let guess = one.likely.first().map(|info| info.slug);
        let slug = match (&args.provider, guess) {
            (Some(slug), _) => slug.clone(),
            (None, guess) => {
                let question = format!(
                    "DNS provider of {} (rollout providers lists them)",
                    one.domain
                );
                let default = guess.unwrap_or("manual");
                match (
                    self.ask(&question, Some(default), |slug| info(slug).map(drop)),
                    guess,
                ) {
                    (Some(slug), _) => slug?,
                    (None, Some(guess)) => guess.to_owned(),
                    (None, None) => {
                        return Err(CliError::Usage(format!(
                            "the DNS provider of {} is not known by its name servers ({}); say it with --provider: {}, where manual \
                             means that you edit the records yourself",
                            one.domain,
                            if one.servers.is_empty() {
                                "none was seen".to_owned()
                            } else {
                                one.servers.join(", ")
                            },
                            registry()
                                .iter()
                                .map(|info| info.slug)
                                .collect::<Vec<_>>()
                                .join(", ")
                        )));
                    }
                }
            }
        };
        if let Some(known) = self.providers.get(&slug) {
            return Ok(known.clone());
        }
        let info = info(&slug).map_err(CliError::Usage)?;
        let provider = self.fields(args, info)?;
        self.providers.insert(slug, provider.clone());
        Ok(provider)
    }

    /// Before the first question: where the credentials are made, and which rights they need at least.
    fn tell_where(&self, args: &Args, info: &Info) {
        let given = |key: &str| {
            args.fields
                .iter()
                .any(|(name, _)| name.replace('_', "-") == key)
        };
        let asks = |field: &Field| field.required() && !given(field.key);
        if self.person.is_none() || !info.fields.iter().any(asks) {
            return;
        }
        let mut page = Page::new();
        page.push(Line::at(0).plain("Credentials for ").strong(info.title));
        for (label, text) in [
            ("made at: ", info.access.made_at),
            ("least rights: ", info.rights),
        ] {
            page.push(Line::at(2).hang(4).dim(label).plain(text));
        }
        self.app.console.remark(page);
    }

    /// Only what this provider needs, and only where a secret is kept, never itself.
    fn fields(&mut self, args: &Args, info: &Info) -> Result<Provider, CliError> {
        let mut fields = Vec::new();
        let mut flags = Vec::new();
        self.tell_where(args, info);
        for field in info.fields {
            let key = field.key.replace('-', "_");
            if let Some((_, value)) = args.fields.iter().find(|(name, _)| *name == key) {
                if field.secret {
                    reference(value).map_err(|why| {
                        CliError::Usage(format!("--field {key}: {}", why.replace('\n', "; ")))
                    })?;
                }
                fields.push((key, value.clone()));
                continue;
            }
            if !field.required() {
                continue;
            }
            let kept = format!("env:{}", field.env);
            let (question, default) = if field.secret {
                (
                    format!(
                        "{} - where it is kept, env:NAME or file:PATH",
                        field.meaning
                    ),
                    Some(kept.as_str()),
                )
            } else {
                (field.meaning.to_owned(), None)
            };
            let fits = |text: &str| {
                if field.secret {
                    reference(text)
                } else {
                    word(text)
                }
            };
            match (self.ask(&question, default, fits), default) {
                (Some(value), _) => fields.push((key, value?)),
                (None, Some(default)) => fields.push((key, default.to_owned())),
                (None, None) => flags.push(format!("--field {key}=... ({})", field.meaning)),
            }
        }
        if let Some((key, _)) = args.fields.iter().find(|(key, _)| {
            !fields.iter().any(|(known, _)| known == key) && key != "zone" && key != "delegation"
        }) {
            let known: Vec<String> = info
                .fields
                .iter()
                .map(|field| field.key.replace('-', "_"))
                .collect();
            return Err(CliError::Usage(format!(
                "--field {key}: the provider {} has no such key; it has {}",
                info.slug,
                known.join(", ")
            )));
        }
        fields.extend(
            args.fields
                .iter()
                .filter(|(key, _)| key == "zone" || key == "delegation")
                .cloned(),
        );
        if !flags.is_empty() {
            return Err(missing(&flags));
        }
        Ok(Provider {
            slug: info.slug.to_owned(),
            fields,
        })
    }

    /// Which of the domains that could be moved. Nobody there: none.
    pub(super) fn choose(&mut self, eligible: &[DomainName]) -> Result<Vec<DomainName>, CliError> {
        if eligible.is_empty() {
            return Ok(Vec::new());
        }
        let read = |text: &str| -> Result<Vec<DomainName>, String> {
            match text.trim() {
                "" | "none" => Ok(Vec::new()),
                "all" => Ok(eligible.to_vec()),
                names => names
                    .split([',', ' '])
                    .filter(|name| !name.is_empty())
                    .map(|name| {
                        let fits = eligible
                            .iter()
                            .find(|one| one.as_str() == name.to_lowercase());
                        fits.cloned()
                            .ok_or_else(|| format!("{name} is not among those that could be moved"))
                    })
                    .collect(),
            }
        };
        let question = "For which of them shall a domain file be written? Names, or all";
        match self.ask(question, Some("none"), |text| read(text).map(drop)) {
            None => Ok(Vec::new()),
            Some(answer) => read(&answer?).map_err(CliError::Usage),
        }
    }
}

fn info(slug: &str) -> Result<&'static Info, String> {
    rollout_providers::find(slug).ok_or_else(|| {
        let known: Vec<&str> = registry().iter().map(|info| info.slug).collect();
        format!(
            "there is no DNS provider {slug:?}; there are {}",
            known.join(", ")
        )
    })
}

fn reference(text: &str) -> Result<(), String> {
    text.parse::<SecretRef>()
        .map(drop)
        .map_err(|error| error.to_string())
}

fn word(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("this is needed".to_owned());
    }
    Ok(())
}
