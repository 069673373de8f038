//! A domain file and its playbook, ready for the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::error::{self, CliError};
use crate::calendar::Calendar;
use crate::domain_file::{
    self, Connect, DEFAULT_PLAYBOOK, Delegation, DomainFile, Field, Microsoft, OnFailure,
    PolicyLife, Probe, Pwsh, SecretRef, Timing as FileTiming,
};
use crate::engine::Options;
use crate::engine::readiness::Basis;
use crate::engine::store::Inputs;
use crate::kernel::{Host, Timing};
use crate::playbook::{self, BUILTIN, PlannedStep, Playbook};
use crate::redact::Redactor;
use crate::step::Setup;
use crate::world::DelegationBy;
use crate::world::Estimates;

/// How long an unknown effect has to show before it counts as lost.
const SETTLE: Duration = Duration::from_secs(30);
/// The same for a cmdlet: Exchange Online runs one for up to 15 minutes, heard or not.
const SETTLE_CMDLET: Duration = Duration::from_secs(16 * 60);
/// The negative TTL of `mx.microsoft` as far as a plan has to guess it.
const NEGATIVE_TTL: Duration = Duration::from_secs(300);
/// How often to look in a laboratory.
const LABORATORY_POLL: Duration = Duration::from_millis(200);
/// The same in a laboratory, whose TTLs are seconds.
const LABORATORY_NEGATIVE_TTL: Duration = Duration::from_secs(3);

/// One domain file with everything the engine wants to know from it.
#[derive(Debug)]
pub struct Session {
    /// The file.
    pub file: DomainFile,
    /// Where it is, absolute: a timer may call from elsewhere.
    pub path: PathBuf,
    /// The playbook.
    pub playbook: Playbook,
    /// Its text, kept with the run.
    pub playbook_text: String,
    /// The steps to walk.
    pub steps: Vec<PlannedStep>,
    /// The domain file's wishes.
    pub setup: Setup,
    /// How long others usually take.
    pub estimates: Estimates,
}

impl Session {
    /// Whether a change that turns bad while it soaks is taken back without asking anybody.
    pub fn goes_back_by_itself(&self) -> bool {
        self.file.on_failure == OnFailure::Rollback
            && self.steps.iter().any(|step| step.goal.kind().moves_mx())
    }

    /// Reads and checks a domain file and its playbook, and tells the redactor every secret that it names.
    ///
    /// # Errors
    /// Mistakes in either file, or a secret that cannot be read.
    pub fn load(path: &Path, redactor: &Redactor) -> Result<Self, CliError> {
        let loaded = domain_file::load(path).map_err(Box::new)?;
        register(&loaded.file, redactor)?;
        let text = playbook_text(&loaded.file, path)?;
        Self::with_text(loaded.file, path, text)
    }

    /// The same domain file, walking a built-in playbook in place of its own.
    ///
    /// # Errors
    /// Settings of the file that this playbook has, too, and that do not fit it.
    pub fn walking(self, playbook: &str) -> Result<Self, CliError> {
        let text = BUILTIN
            .iter()
            .find(|(name, _)| *name == playbook)
            .map_or("", |(_, text)| *text);
        Self::with_text(self.file, &self.path, text.to_owned())
    }

    fn with_text(file: DomainFile, path: &Path, text: String) -> Result<Self, CliError> {
        let playbook = playbook::from_text(&file.playbook, &text).map_err(Box::new)?;
        // The settings are for the file's own playbook; a way back takes those that it has, too.
        let mut settings = file.settings.clone();
        if BUILTIN
            .iter()
            .any(|(name, known)| *known == text && *name != file.playbook)
        {
            settings.retain(|name, _| playbook.parameters.contains_key(name));
        }
        let parameters = playbook
            .parameters(&settings, file.in_laboratory())
            .map_err(|mistakes| {
                let texts: Vec<_> = mistakes
                    .iter()
                    .map(|m| m.text.replace('\n', "; "))
                    .collect();
                CliError::Usage(format!(
                    "the settings of {} do not fit the playbook that the run began with: {}",
                    path.display(),
                    texts.join("; ")
                ))
            })?;
        let steps = playbook.planned(file.schedule, &parameters);
        Ok(Self {
            setup: setup(&file),
            estimates: estimates(&file.timing, file.in_laboratory()),
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            playbook_text: text,
            playbook,
            steps,
            file,
        })
    }

    /// The walk that the file asks for.
    pub(super) fn basis(&self) -> Basis {
        Basis {
            steps: self.steps.clone(),
            setup: self.setup.clone(),
            estimates: self.estimates,
        }
    }

    /// Goes on with the playbook that a run began with. Also says whether it was changed since.
    ///
    /// # Errors
    /// When that text, or the file's settings with it, cannot be used any more.
    pub fn of_run(self, inputs: &Inputs) -> Result<(Self, bool), CliError> {
        if inputs.playbook_text == self.playbook_text {
            return Ok((self, false));
        }
        let session = Self::with_text(self.file, &self.path, inputs.playbook_text.clone())?;
        Ok((session, true))
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        self.file.domain.as_str()
    }

    /// How far to walk.
    pub fn options(&self, wait: bool, until: Option<String>) -> Options {
        let usual = Options::default();
        let mut poll = self.file.timing.poll.get();
        if self.file.in_laboratory() {
            // Its servers are on loopback and its TTLs are seconds.
            poll = poll.min(LABORATORY_POLL);
        }
        Options {
            wait,
            until,
            poll,
            listen: usual.listen.map(|listen| listen.min(poll)),
            ..usual
        }
    }

    /// Fails unless the playbook has a step of this id.
    ///
    /// # Errors
    /// Naming the steps that there are.
    pub fn check_step(&self, id: &str) -> Result<(), CliError> {
        if self.steps.iter().any(|step| step.id == id) {
            return Ok(());
        }
        let ids: Vec<_> = self.steps.iter().map(|step| step.id.as_str()).collect();
        Err(CliError::Usage(format!(
            "the playbook {} has no step {}; {}",
            self.playbook.name,
            crate::source::quoted(id),
            crate::source::one_of(id, &ids)
        )))
    }
}

/// The text of the playbook that a domain file names.
fn playbook_text(file: &DomainFile, path: &Path) -> Result<String, CliError> {
    if let Some((_, text)) = BUILTIN.iter().find(|(name, _)| *name == file.playbook) {
        return Ok((*text).to_owned());
    }
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let path = base.join(&file.playbook);
    std::fs::read_to_string(&path).map_err(error::file("read the playbook", path))
}

fn setup(file: &DomainFile) -> Setup {
    Setup {
        probe_required: file.smtp.probe == Probe::Required,
        manual_exchange: matches!(file.microsoft, Microsoft::Manual { .. }),
        delegation: match file.dns.delegation {
            Delegation::Auto => DelegationBy::Auto,
            Delegation::Registrar => DelegationBy::Registrar,
            Delegation::Cds => DelegationBy::Cds,
            Delegation::Manual => DelegationBy::Manual,
        },
        tls_reports: file.reports.tlsrpt.as_ref().map(ToString::to_string),
        mta_sts: file.mta_sts.wishes(&file.dns.provider),
        change: file.change.calendar(),
        ..setup_of(file.domain.as_str(), &file.timing, file.in_laboratory())
    }
}

/// What holds for a domain of which no more than the name is known.
fn setup_of(domain: &str, timing: &FileTiming, laboratory: bool) -> Setup {
    let overdue = timing.overdue.get();
    let (settle, settle_cmdlet, overdue) = if laboratory {
        let settle = SETTLE.min(timing.poll.get() * 3);
        (settle, settle, overdue.min(settle * 3))
    } else {
        (SETTLE, SETTLE_CMDLET, overdue)
    };
    Setup {
        domain: Host::new(domain),
        probe_required: true,
        manual_exchange: false,
        delegation: DelegationBy::Auto,
        timing: Timing {
            resolver_floor: timing.resolver_floor.get(),
            margin: timing.margin.get() + timing.anycast_margin.get(),
        },
        zone_largest_ttl: u32::try_from(timing.zone_largest_ttl.get().as_secs())
            .unwrap_or(u32::MAX),
        strict_mta_sts: timing.mta_sts == PolicyLife::MaxAge,
        settle,
        settle_cmdlet,
        overdue,
        tls_reports: None,
        mta_sts: Default::default(),
        change: Calendar::default(),
    }
}

fn estimates(timing: &FileTiming, laboratory: bool) -> Estimates {
    Estimates {
        visible: timing.usual_propagation.get(),
        cmdlet: timing.usual_cmdlet.get(),
        tlsa: timing.usual_tlsa.get(),
        delegation: timing.usual_delegation.get(),
        negative_ttl: if laboratory {
            LABORATORY_NEGATIVE_TTL
        } else {
            NEGATIVE_TTL
        },
    }
}

/// The walk of a domain of which no more than the name is known: the built-in playbook by its defaults.
///
/// # Errors
/// None but a mistake in the built-in playbook, which its own tests exclude.
pub(super) fn basis_of(domain: &str, laboratory: bool) -> Result<Basis, CliError> {
    let text = BUILTIN
        .iter()
        .find(|(name, _)| *name == DEFAULT_PLAYBOOK)
        .map_or("", |(_, text)| *text);
    let playbook = playbook::from_text(DEFAULT_PLAYBOOK, text).map_err(Box::new)?;
    let parameters = playbook
        .parameters(&BTreeMap::new(), laboratory)
        .map_err(|mistakes| CliError::Usage(format!("{mistakes:?}")))?;
    let timing = FileTiming::default();
    Ok(Basis {
        steps: playbook.planned(playbook::Schedule::default(), &parameters),
        setup: setup_of(domain, &timing, laboratory),
        estimates: estimates(&timing, laboratory),
    })
}

/// Reads every secret once, so that no output and no journal can hold it (S10).
fn register(file: &DomainFile, redactor: &Redactor) -> Result<(), CliError> {
    let mut references: Vec<&SecretRef> = Vec::new();
    if let Microsoft::Pwsh(Pwsh {
        connect: Connect::CertificateFile { password, .. },
        ..
    }) = &file.microsoft
    {
        references.extend(password);
    }
    if let Some(api) = file.microsoft.api() {
        references.extend(api.sign_in.secret());
    }
    let of_registrar = file
        .registrar
        .iter()
        .flat_map(|registrar| registrar.fields.values());
    let fields = file.dns.fields.values().chain(of_registrar);
    references.extend(fields.filter_map(|field| match field {
        Field::Secret(secret) => Some(secret),
        Field::Text(_) => None,
    }));
    for reference in references {
        let secret: SecretString = reference.read()?;
        redactor
            .register(&secret)
            .map_err(|source| CliError::ShortSecret {
                reference: reference.to_string(),
                source,
            })?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
