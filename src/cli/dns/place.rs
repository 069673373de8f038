//! Which record set is meant, and by which provider it is reached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rollout_providers::{FieldValue, Name, Provider, RecordType, Zone, registry};

use super::super::init::pair;
use super::super::lab::Running;
use super::{App, CliError};
use crate::dns::Dns;
use crate::domain_file::environment::Environment;
use crate::domain_file::{self, DomainFile, SecretRef};
use crate::surroundings::Surroundings;
use crate::world::live::{OpenError, dns_provider, microsoft_of, provider_options, remember};

/// What every `dns` command is told.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The zone, as in contoso.com
    #[arg(value_name = "ZONE")]
    pub(super) zone: Name,
    /// The name: @ for the zone's own, relative to the zone, or absolute with a final dot
    #[arg(value_name = "NAME")]
    name: String,
    /// MX, TXT or CNAME
    #[arg(value_name = "TYPE")]
    rtype: RecordType,
    /// The domain file whose dns: section says how the provider is reached
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "provider",
        conflicts_with = "provider"
    )]
    file: Option<PathBuf>,
    /// The provider, where no domain file says; what it must be told comes from --field and the environment
    #[arg(long, value_name = "PROVIDER", value_parser = known())]
    provider: Option<String>,
    /// A key of the provider, as in url=https://...; a secret only as env:NAME or file:PATH
    #[arg(long = "field", value_name = "KEY=VALUE", value_parser = pair, requires = "provider")]
    fields: Vec<(String, String)>,
}

fn known() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(registry().iter().map(|info| info.slug))
}

/// One record set at a provider that was reached.
pub(super) struct Place {
    pub(super) provider: Box<dyn Provider>,
    pub(super) zone: Zone,
    pub(super) name: Name,
    pub(super) rtype: RecordType,
    pub(super) dns: Dns,
    _laboratory: Option<Running>,
}

impl Place {
    /// Reads the arguments, opens the provider and finds the zone; with `keep`, what changes in an embedded laboratory is kept.
    ///
    /// # Errors
    /// Arguments or a file that cannot be used; what the provider says of the zone.
    pub(super) async fn open(app: &App, at: &Where, keep: bool) -> Result<Self, CliError> {
        let name = owner(&at.zone, &at.name).map_err(CliError::Usage)?;
        let (provider, around, laboratory) = match (&at.file, &at.provider) {
            (Some(path), _) => of_file(app, path, keep)?,
            (None, slug) => {
                let slug = slug.as_deref().unwrap_or_default();
                let environment = Environment::of_process();
                let around = Surroundings::of_environment(&environment).map_err(Box::new)?;
                (of_arguments(app, slug, &at.fields)?, around, None)
            }
        };
        let dns = Dns::new(around.dns().map_err(OpenError::from)?).map_err(OpenError::from)?;
        let zone = provider.zone(&at.zone).await?;
        Ok(Self {
            provider,
            zone,
            name,
            rtype: at.rtype,
            dns,
            _laboratory: laboratory,
        })
    }

    /// The provider's name for people.
    pub(super) fn title(&self) -> &'static str {
        self.provider.info().title
    }

    /// Whether the provider can be asked; else only DNS tells.
    pub(super) fn reads(&self) -> bool {
        self.provider.info().capabilities.reads
    }
}

type Opened = (Box<dyn Provider>, Surroundings, Option<Running>);

fn of_file(app: &App, path: &Path, keep: bool) -> Result<Opened, CliError> {
    let file: DomainFile = domain_file::load(path).map_err(Box::new)?.file;
    let laboratory = Running::of(&file, keep)?;
    // Only a provider that takes the sign-in at Microsoft needs it, and says so where it is not there.
    let microsoft = microsoft_of(&file, &app.redactor, app.at_terminal()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the sign-in at Microsoft cannot be used");
        None
    });
    let options = provider_options(microsoft.as_ref(), app.state_folder().as_deref());
    let provider = dns_provider(&file, &app.redactor, options)?;
    Ok((provider, Surroundings::of(&file), laboratory))
}

fn of_arguments(
    app: &App,
    slug: &str,
    given: &[(String, String)],
) -> Result<Box<dyn Provider>, CliError> {
    let info =
        rollout_providers::find(slug).ok_or_else(|| OpenError::UnknownProvider(slug.to_owned()))?;
    let mut fields = BTreeMap::new();
    for (key, text) in given {
        let field = info
            .fields
            .iter()
            .find(|field| field.key.replace('-', "_") == *key);
        let value = match field {
            Some(field) if field.secret => {
                // Shown nowhere: it may be the secret itself.
                let reference: SecretRef = text.parse().map_err(|_| {
                    CliError::Usage(format!(
                        "--field {key} is a secret, and arguments are seen by every user of this machine; say where it is \
                         kept, as env:NAME or file:PATH"
                    ))
                })?;
                FieldValue::Secret(reference.read()?)
            }
            _ => FieldValue::Plain(text.clone()),
        };
        fields.insert(
            field.map_or(key.as_str(), |field| field.key).to_owned(),
            value,
        );
    }
    let fields = info.completed(fields, |variable| std::env::var(variable).ok());
    for value in fields.values() {
        if let FieldValue::Secret(secret) = value {
            remember(&app.redactor, secret);
        }
    }
    // What is spent of a quota counts for runs as well.
    let options = provider_options(None, app.state_folder().as_deref());
    Ok(info.open(&fields, options).map_err(OpenError::from)?)
}

/// The name that is meant, as zone files write names.
fn owner(zone: &Name, text: &str) -> Result<Name, String> {
    if text == "@" {
        return Ok(zone.clone());
    }
    let name = if text.ends_with('.') {
        Name::parse(text)
    } else {
        // A full name without its final dot would be a name below the zone of the same words.
        if Name::parse(text).is_ok_and(|name| name.is_within(zone)) {
            return Err(format!(
                "{text} without a final dot would be {text}.{zone}; write {text}. for the whole name, or @ for the zone's own"
            ));
        }
        zone.child(text)
    };
    let name = name.map_err(|error| error.to_string())?;
    if !name.is_within(zone) {
        return Err(format!("{name} is not in the zone {zone}"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_zone_files_write_them() {
        let zone: Name = "contoso.com".parse().unwrap();
        for (text, wanted) in [
            ("@", "contoso.com"),
            ("contoso.com.", "contoso.com"),
            ("www", "www.contoso.com"),
            ("_mta-sts", "_mta-sts.contoso.com"),
            ("a.b.Contoso.com.", "a.b.contoso.com"),
            ("*", "*.contoso.com"),
        ] {
            assert_eq!(owner(&zone, text).unwrap().as_str(), wanted, "{text}");
        }
        for (text, why) in [
            ("contoso.com", "write contoso.com. for the whole name"),
            ("www.contoso.com", "without a final dot"),
            ("www.fabrikam.com.", "is not in the zone"),
            ("com.", "is not in the zone"),
            (".", "is not in the zone"),
            ("a..b", "empty label"),
        ] {
            let said = owner(&zone, text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
