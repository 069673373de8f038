//! What a domain file needs and nobody can see: from flags, from a person at the terminal, or the reason to stop.

use std::collections::BTreeMap;

use super::super::prompt::Prompt;
use super::super::{App, CliError};
use super::keys::keys;
use super::look::Looked;
use super::provider::Provider;
use super::{Args, Backend, tenant};
use crate::domain_file::environment::Environment;
use crate::domain_file::{DomainName, SecretRef};
use crate::output::terminal::Asker as _;
use crate::output::{Line, Tone};

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

/// Asks whoever is there; where nobody is, names the flags.
pub(super) struct Interview<'a> {
    pub(super) app: &'a App,
    pub(super) person: Option<Prompt>,
    /// One answer serves every domain of a provider.
    pub(super) providers: BTreeMap<String, Provider>,
}

pub(super) fn missing(flags: &[String]) -> CliError {
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
    pub(super) fn ask(
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

pub(super) fn reference(text: &str) -> Result<(), String> {
    text.parse::<SecretRef>()
        .map(drop)
        .map_err(|error| error.to_string())
}

pub(super) fn word(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("this is needed".to_owned());
    }
    Ok(())
}
