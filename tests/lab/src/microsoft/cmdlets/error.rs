//! Why a cmdlet failed, as the service words it.

use crate::faults::{CmdletFailure, Envelope};

/// Why a cmdlet failed.
pub(crate) struct CmdletError {
    pub(crate) status: u16,
    /// Exception type, dotted.
    pub(crate) kind: String,
    pub(crate) target: &'static str,
    pub(crate) message: String,
    /// Which envelope is used.
    pub(crate) envelope: Envelope,
}

impl From<CmdletFailure> for CmdletError {
    fn from(failure: CmdletFailure) -> Self {
        Self {
            status: failure.status,
            kind: failure.exception,
            target: "",
            message: failure.message,
            envelope: failure.envelope,
        }
    }
}

impl CmdletError {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            target: "",
            message: message.into(),
            envelope: Envelope::Internal,
        }
    }

    /// Parameters that do not fit.
    pub(crate) fn binding(message: &str) -> Self {
        let kind = "System.Management.Automation.AmbiguousParameterSetException";
        Self::new(400, kind, message)
    }

    /// A parameter's value that cannot be read as its type.
    pub(crate) fn transformation(name: &str, expected: &str) -> Self {
        let kind = "System.Management.Automation.ParameterBindingException";
        let text = format!(
            "Cannot process argument transformation on parameter '{name}'. Cannot convert value to type \"{expected}\"."
        );
        Self::new(400, kind, text)
    }

    /// The server's own failure.
    pub(crate) fn server(message: &str) -> Self {
        Self::new(
            500,
            "Microsoft.Exchange.Data.Directory.ADTransientException",
            message,
        )
    }

    /// The cmdlet gave up by itself.
    pub(crate) fn timed_out() -> Self {
        let text = "The operation could not be completed in the time allowed for it.";
        Self::new(500, "System.TimeoutException", text)
    }

    pub(crate) fn not_found(object: &str) -> Self {
        let kind = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
        let text = format!(
            "The operation couldn't be performed because object '{object}' couldn't be found on 'DB5PR04A01DC001.EURPR04A001.PROD.OUTLOOK.COM'."
        );
        let mut error = Self::new(404, kind, text);
        error.target = "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain";
        error
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        let kind = "Microsoft.Exchange.Management.ProvisioningTasks.ProvisioningTaskException";
        let mut error = Self::new(400, kind, message);
        error.envelope = Envelope::Context;
        error
    }
}
