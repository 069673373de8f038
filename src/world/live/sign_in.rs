//! From the domain file's `sign_in` to what signs in: secrets are read here, and told to the redactor.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::open::{OpenError, remember};
use crate::domain_file::{Api, Cache, Person as Wish, SecretError, SecretRef, SignIn};
use crate::microsoft::{
    EXCHANGE_MODULE, Endpoint, MicrosoftError, Person, Prompt, SignInError, SignInMethod,
    SignInReason, TokenCache, TokenFile,
};
use crate::redact::Redactor;

/// Who is at the terminal, and where a sign-in may be kept for later. [`Default`] is nobody, and nowhere.
#[derive(Clone, Debug, Default)]
pub struct AtTerminal {
    /// Shows a person where to sign in.
    pub prompt: Option<Arc<dyn Prompt>>,
    /// The state directory.
    pub state_folder: Option<PathBuf>,
}

/// The method with its secrets.
pub(super) fn method(sign_in: &SignIn, redactor: &Redactor) -> Result<SignInMethod, OpenError> {
    let text = |id: &Option<Uuid>| id.map(|id| id.to_string());
    Ok(match sign_in {
        SignIn::ClientSecret { client_id, secret } => {
            let secret = secret.read()?;
            remember(redactor, &secret);
            SignInMethod::ClientSecret {
                client_id: client_id.to_string(),
                secret,
            }
        }
        SignIn::ClientCertificate {
            client_id,
            certificate,
            key,
        } => SignInMethod::ClientCertificate {
            client_id: client_id.to_string(),
            certificate: pem(certificate, redactor)?,
            key: key.as_ref().map(|key| pem(key, redactor)).transpose()?,
        },
        SignIn::ManagedIdentity { client_id } => SignInMethod::ManagedIdentity {
            client_id: text(client_id),
        },
        SignIn::WorkloadIdentity {
            client_id,
            token_file,
        } => SignInMethod::WorkloadIdentity {
            client_id: text(client_id),
            token_file: token_file.as_ref().map(|place| place.path()),
        },
        SignIn::AzureCli => SignInMethod::AzureCli,
        SignIn::DeviceCode(wish) => SignInMethod::DeviceCode(person(wish)),
        SignIn::Browser(wish) => SignInMethod::Browser(person(wish)),
    })
}

fn person(wish: &Wish) -> Person {
    Person {
        client_id: wish.client_id.map(|id| id.to_string()),
        cache: match wish.cache {
            Cache::None => TokenCache::Memory,
            Cache::File => TokenCache::File,
        },
    }
}

fn pem(place: &SecretRef, redactor: &Redactor) -> Result<SecretString, OpenError> {
    let text = match place.read() {
        Ok(text) => text,
        // Binary: most likely PKCS#12, the form in which Windows and Key Vault hand certificates out.
        Err(SecretError::FileNotText(path)) => {
            let detail = format!(
                "{} is no PEM text. If it is PKCS#12 (.pfx or .p12), convert it with `openssl pkcs12 -in FILE -nodes -out \
                 client.pem && chmod 600 client.pem` and name client.pem; if it is DER, with `openssl x509 -inform der -in \
                 FILE -out client.pem`",
                path.display()
            );
            let error = SignInError::new(SignInReason::CertificateUnreadable { detail });
            return Err(MicrosoftError::from(error).into());
        }
        Err(error) => return Err(error.into()),
    };
    // A key is shown line by line if at all, so each line is a secret; the certificate itself is public.
    let mut inside = false;
    for line in text.expose_secret().lines() {
        if line.starts_with("-----") {
            inside = line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY");
        } else if inside && line.trim().len() >= 16 {
            remember(redactor, &SecretString::from(line.trim()));
        }
    }
    Ok(text)
}

/// Where a person's sign-in with this file would be kept below the state directory; `None` for a method without persons.
///
/// # Errors
/// An endpoint that cannot be used.
pub fn token_file(api: &Api, state: &std::path::Path) -> Result<Option<TokenFile>, OpenError> {
    let (SignIn::DeviceCode(wish) | SignIn::Browser(wish)) = &api.sign_in else {
        return Ok(None);
    };
    let client_id = wish
        .client_id
        .map_or_else(|| EXCHANGE_MODULE.to_owned(), |id| id.to_string());
    let authority = Endpoint::new(&api.authority())?;
    Ok(Some(TokenFile::new(
        state,
        &authority,
        api.tenant.as_str(),
        &client_id,
    )))
}
