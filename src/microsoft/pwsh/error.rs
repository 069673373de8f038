//! What can go wrong with PowerShell, its module and their sign-in, each as a sentence that says what to do.

use std::time::Duration;

/// Why the official module could not be used. Nothing was changed by the call that met it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PwshError {
    /// The program is not there, or cannot be started.
    #[error(
        "PowerShell was not started: {program} cannot be run ({detail}). Install PowerShell 7.2 or later \
         (https://aka.ms/powershell), or name its path in the domain file as `microsoft.program`."
    )]
    NoProgram {
        /// What was to be started.
        program: String,
        /// What the system said.
        detail: String,
    },
    /// The script cannot be put where PowerShell reads it.
    #[error(
        "PowerShell was not started: its script cannot be written ({detail}). Check the folder for temporary files."
    )]
    Script {
        /// What the system said.
        detail: String,
    },
    /// The module is not installed.
    #[error(
        "PowerShell has no module ExchangeOnlineManagement. Run in pwsh: \
         Install-Module -Name ExchangeOnlineManagement -Scope CurrentUser"
    )]
    NoModule,
    /// The module is too old for the REST transport.
    #[error(
        "The module ExchangeOnlineManagement {found} is too old: {least} or later is needed. Run in pwsh: \
         Update-Module -Name ExchangeOnlineManagement"
    )]
    OldModule {
        /// The version that is installed.
        found: String,
        /// The least that serves.
        least: &'static str,
    },
    /// `Connect-ExchangeOnline` refused.
    #[error(
        "Connect-ExchangeOnline by {method} failed: {said}. Try the same by hand in pwsh: {command}"
    )]
    SignIn {
        /// How it was to sign in.
        method: &'static str,
        /// What it said, redacted.
        said: String,
        /// The same for a person.
        command: String,
    },
    /// Nobody finished the sign-in.
    #[error(
        "Connect-ExchangeOnline by {method} was not finished within {} minutes. Run again{}.",
        .after.as_secs().div_ceil(60),
        if .method.contains("device") { ", and enter the code in time" } else { "" }
    )]
    SignInTimedOut {
        /// How it was to sign in.
        method: &'static str,
        /// The limit.
        after: Duration,
    },
    /// A person signed in to another tenant.
    #[error(
        "Connect-ExchangeOnline signed in to the tenant {found}, but the domain file is for {wanted}. \
         Sign in as an administrator of that tenant, or correct `microsoft.tenant`."
    )]
    OtherTenant {
        /// The tenant signed in to.
        found: String,
        /// The one of the domain file.
        wanted: String,
    },
    /// The process ended before anything was asked of it.
    #[error("PowerShell ended by itself before anything was asked of it{}.", .said.as_deref().map_or_else(String::new, |said| format!(": {said}")))]
    Ended {
        /// Its last words, redacted.
        said: Option<String>,
    },
    /// A sign-in method without what it needs.
    #[error("{0}")]
    Settings(&'static str),
    /// Graph was not set up beside it.
    #[error(
        "Microsoft Graph is not asked: with `backend: pwsh` only PowerShell is signed in. \
         Add `sign_in:` to the domain file to have Graph cross-check the domain."
    )]
    NoGraph,
}

impl PwshError {
    /// Whether the same may work later, or with a person who answers in time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::SignInTimedOut { .. } | Self::Ended { .. })
    }
}
