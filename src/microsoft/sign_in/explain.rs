//! Finding the cause of a failed sign-in in azure's chain of errors.

use azure_core::error::ErrorKind;

use super::ground::Ground;
use super::{azure_cli, managed_identity};
use crate::microsoft::settings::SignInMethod;
use crate::microsoft::sign_in_error::{self, SignInError, SignInReason};

/// Our own error in azure's clothes, for what azure calls back.
pub(super) fn wrapped(error: SignInError) -> azure_core::Error {
    azure_core::Error::new(ErrorKind::Credential, error)
}

/// What an error of the method's credential means.
pub(super) fn explain(
    ground: &Ground,
    method: &SignInMethod,
    error: &azure_core::Error,
) -> SignInError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut unreachable = None;
    let mut answered = None;
    while let Some(current) = cause {
        if let Some(ours) = current.downcast_ref::<SignInError>() {
            return ours.clone();
        }
        if let Some(known) = current.downcast_ref::<azure_core::Error>() {
            match known.kind() {
                ErrorKind::HttpResponse {
                    status,
                    raw_response: Some(response),
                    ..
                } => {
                    let body: &[u8] = response.body().as_ref();
                    let body = ground.scrub(&String::from_utf8_lossy(body));
                    let status = u16::from(*status);
                    // The metadata service has codes of its own.
                    if !matches!(method, SignInMethod::ManagedIdentity { .. })
                        && let Some(found) = sign_in_error::from_answer(status, body.as_bytes())
                    {
                        return found;
                    }
                    answered = Some((status, body));
                }
                ErrorKind::Connection | ErrorKind::Io => unreachable = Some(innermost(known)),
                _ => {}
            }
        }
        cause = current.source();
    }
    match method {
        SignInMethod::AzureCli => azure_cli::failure(ground, &innermost(error)),
        SignInMethod::ManagedIdentity { client_id } => {
            let (status, said) = match (answered, unreachable) {
                (Some((status, body)), _) => (Some(status), body),
                (None, Some(said)) => (None, said),
                (None, None) => return ground.source_failed(&innermost(error)),
            };
            managed_identity::failure(ground, client_id.as_deref(), status, &said)
        }
        _ => match (unreachable, ground.door.last()) {
            (Some(detail), _) => ground.down(&detail),
            (None, Some(last)) => no_entra_answer(ground, last),
            (None, None) => ground.source_failed(&innermost(error)),
        },
    }
}

/// What an answer means that is none of Entra ID's.
pub(super) fn no_entra_answer(ground: &Ground, (status, excerpt): (u16, String)) -> SignInError {
    let detail = format!("HTTP {status}, {excerpt}");
    if status == 429 || status >= 500 {
        let detail = ground.clean(&detail);
        return SignInError::new(SignInReason::AuthorityBusy { detail });
    }
    ground.not_entra(&detail)
}

/// The last cause of an error, without URLs.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
