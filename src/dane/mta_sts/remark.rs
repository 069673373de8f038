//! What is read although it is not as it should be.

use serde::{Deserialize, Serialize};

/// Something in a record or policy that senders in use read past, but that RFC 8461 does not allow or that does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "remark", content = "text")]
pub enum Remark {
    /// The grammar allows it, the text of RFC 8461, 3.1 discards it.
    #[error(
        "the record has a blank before its first semicolon; some senders then ignore it: write v=STSv1;"
    )]
    BlankAfterVersion,
    /// Two semicolons with nothing between.
    #[error(
        "the record has an empty field between two semicolons; strict senders then ignore it: leave one semicolon"
    )]
    EmptyField,
    /// A field that is no field and not one that matters.
    #[error(
        "{0:?} is no name and value as RFC 8461 wants them; strict senders then ignore the whole: remove it"
    )]
    BadField(String),
    /// A field that nobody knows.
    #[error("{0:?} is no field that RFC 8461 names; senders pass over it")]
    UnknownField(String),
    /// A field that counts once is there again.
    #[error("{0} stands there more than once; senders take the first one: remove the others")]
    Repeated(String),
    /// An empty line in a policy.
    #[error("the policy has an empty line; strict senders then ignore the policy: remove it")]
    EmptyLine,
}
