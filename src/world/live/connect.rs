//! The Microsoft side as a domain file says: its APIs, its PowerShell module, or a person.

use super::open::{OpenError, remember};
use super::sign_in::{self, AtTerminal};
use crate::domain_file::{Api, Cloud, Connect, DomainFile, Microsoft as Side};
use crate::microsoft::pwsh::{self, PwshSettings};
use crate::microsoft::{Endpoint, Endpoints, Microsoft, MicrosoftSettings};
use crate::redact::Redactor;

/// Both services; `None` where a person runs the cmdlets. Asks nobody yet. Every secret it reads is told to `redactor`.
///
/// # Errors
/// When something the domain file names cannot be used.
pub fn microsoft_of(
    file: &DomainFile,
    redactor: &Redactor,
    person: AtTerminal,
) -> Result<Option<Microsoft>, OpenError> {
    match &file.microsoft {
        Side::Api(api) => {
            let settings = api_settings(api, redactor, person)?;
            Ok(Some(Microsoft::connect(&settings)?))
        }
        Side::Pwsh(side) => {
            let graph = side
                .graph
                .as_ref()
                .map(|api| api_settings(api, redactor, person))
                .transpose()?;
            let mut settings =
                PwshSettings::new(side.tenant.as_str(), connect(&side.connect, redactor)?);
            settings.cloud = cloud(side.cloud);
            if let Some(program) = &side.program {
                settings.program = program.path();
            }
            Ok(Some(Microsoft::through_pwsh(settings, graph.as_ref())?))
        }
        Side::Manual { .. } => Ok(None),
    }
}

fn connect(side: &Connect, redactor: &Redactor) -> Result<pwsh::Connect, OpenError> {
    Ok(match side {
        Connect::Thumbprint {
            client_id,
            thumbprint,
        } => pwsh::Connect::Thumbprint {
            client_id: client_id.to_string(),
            thumbprint: thumbprint.clone(),
        },
        Connect::CertificateFile {
            client_id,
            file,
            password,
        } => {
            let password = password
                .as_ref()
                .map(|password| password.read())
                .transpose()?;
            if let Some(password) = &password {
                remember(redactor, password);
            }
            pwsh::Connect::CertificateFile {
                client_id: client_id.to_string(),
                file: file.path(),
                password,
            }
        }
        Connect::ManagedIdentity { client_id } => pwsh::Connect::ManagedIdentity {
            client_id: client_id.map(|id| id.to_string()),
        },
        Connect::Device => pwsh::Connect::Device,
    })
}

/// How to reach the tenant through its APIs, for the person at the terminal; `None` where another way is taken. Every
/// secret it reads is told to `redactor`.
///
/// # Errors
/// When something the domain file names cannot be used.
pub fn microsoft_settings(
    file: &DomainFile,
    redactor: &Redactor,
    person: AtTerminal,
) -> Result<Option<MicrosoftSettings>, OpenError> {
    match &file.microsoft {
        Side::Api(api) => api_settings(api, redactor, person).map(Some),
        Side::Pwsh(_) | Side::Manual { .. } => Ok(None),
    }
}

fn api_settings(
    api: &Api,
    redactor: &Redactor,
    person: AtTerminal,
) -> Result<MicrosoftSettings, OpenError> {
    let method = sign_in::method(&api.sign_in, redactor)?;
    let endpoints = Endpoints {
        authority: Endpoint::new(&api.authority())?,
        graph: Endpoint::new(&api.graph())?,
        exchange: Endpoint::new(&api.exchange())?,
    };
    let cloud = cloud(api.cloud);
    // The domain file refuses a cloud that nobody forced by its name (S11).
    let mut settings = MicrosoftSettings::new(api.tenant.as_str(), method)
        .in_cloud(cloud, Some(cloud))
        .at(endpoints);
    settings.prompt = person.prompt;
    settings.token_folder = person.state_folder;
    Ok(settings)
}

/// The cloud of a domain file.
#[must_use]
pub fn cloud_of(file: &DomainFile) -> crate::microsoft::Cloud {
    cloud(file.microsoft.cloud())
}

/// The cloud as the Microsoft side knows it.
fn cloud(cloud: Cloud) -> crate::microsoft::Cloud {
    use crate::microsoft::Cloud as Of;
    match cloud {
        Cloud::Worldwide => Of::Worldwide,
        Cloud::GccHigh => Of::GccHigh,
        Cloud::Dod => Of::Dod,
        Cloud::Vianet21 => Of::China,
    }
}
