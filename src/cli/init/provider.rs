//! The DNS provider of a domain: which one it is, and what it must be told.

use rollout_providers::{Field, Info, registry};

use super::super::CliError;
use super::Args;
use super::ask::{Interview, missing, reference, word};
use super::look::Looked;
use crate::output::{Line, Page};

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

impl Interview<'_> {
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
