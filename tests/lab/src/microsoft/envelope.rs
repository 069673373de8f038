//! What the transport puts around rows and errors (reference 3.4, 3.5).

use serde_json::{Value, json};

use super::cmdlets::CmdletError;
use crate::faults::Envelope;
use crate::http::HttpReply;

const CONTEXT: &str =
    "https://outlook.office365.com/adminapi/beta/$metadata#Collection(Exchange.GenericHashTable)";

/// The usual envelope.
pub(crate) fn rows(values: &[Value]) -> Value {
    json!({
        "@odata.context": CONTEXT,
        "adminapi.warnings@odata.type": "#Collection(String)",
        "@adminapi.warnings": [],
        "value": values,
    })
}

/// A cmdlet's failure.
pub(crate) fn failure(error: &CmdletError) -> HttpReply {
    HttpReply::json(error.status, &error_body(error))
        .with("x-exceptiontype", error.kind.clone())
        .with("x-exceptiontargettype", error.target)
}

pub(crate) fn error_body(error: &CmdletError) -> Value {
    let CmdletError { kind, message, .. } = error;
    let details = |code: &str, text: String| json!([{"code": code, "target": "", "message": text}]);
    match error.envelope {
        Envelope::Internal => json!({"error": {
            "code": "BadRequest", "message": "Invalid Operation",
            "details": details("Client", format!("|{kind}|{message}")),
            "innererror": {
                "message": "Invalid Operation", "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
                "internalexception": {"message": message, "type": kind},
            },
        }}),
        Envelope::Context => {
            let inner = json!({"Message": message, "TypeName": kind, "StackTrace": null, "InnerError": null});
            json!({"error": {
                "code": "BadRequest", "message": "Error executing cmdlet",
                "details": details("Context", inner.to_string()),
            }})
        }
        Envelope::ContextNested => {
            let inner = json!({
                "Message": "Error executing cmdlet", "TypeName": "Microsoft.Exchange.Admin.CmdletException",
                "StackTrace": null,
                "InnerError": {"Message": message, "TypeName": kind, "StackTrace": null, "InnerError": null},
            });
            json!({"error": {
                "code": "BadRequest", "message": "Error executing cmdlet",
                "details": details("Context", inner.to_string()),
            }})
        }
        Envelope::Details => json!({"error": {
            "code": "BadRequest", "message": "Invalid Operation",
            "details": details("Client", format!("|{kind}|{message}")),
        }}),
        Envelope::Bare => json!({"error": {"code": "BadRequest", "message": "Invalid Operation"}}),
    }
}

/// How a cmdlet is refused that the identity's role does not hold.
pub(crate) fn nul_bytes() -> HttpReply {
    HttpReply::text(403, "application/json", vec![0_u8; 64])
}

/// 401 with a reason.
pub(crate) fn unauthorized(reason: &str) -> HttpReply {
    HttpReply::empty(401).with(
        "www-authenticate",
        format!("Bearer realm=\"\", error=\"invalid_token\", error_description=\"{reason}\""),
    )
}
