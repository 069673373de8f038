//! What makes a record or policy unusable.

/// What is wrong with a record or policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StsError {
    /// More than one record: senders then see none (RFC 8461, 3.1).
    #[error(
        "there are {0} records starting with v=STSv1; senders take several for none: leave one"
    )]
    Several(usize),
    /// No id, or a wrong one (RFC 8461, 3.1).
    #[error("the record's id must be 1 to 32 letters and digits, not {0:?}")]
    Id(String),
    /// A line that is no line (RFC 8461, 3.2).
    #[error("{0:?} is no line of an MTA-STS policy; a line is name: value")]
    PolicyLine(String),
    /// Another version.
    #[error("the policy's version must be STSv1, not {0:?}")]
    Version(String),
    /// Another mode.
    #[error("the policy's mode must be enforce, testing or none, not {0:?}")]
    Mode(String),
    /// No lifetime, or a wrong one.
    #[error("the policy's max_age must be 0 to 31557600 seconds, not {0:?}")]
    MaxAge(String),
    /// A pattern that can match nothing.
    #[error("the policy's mx {0:?} is neither a host name nor one below a leading *.")]
    Pattern(String),
    /// No pattern.
    #[error("the policy names no mx, so no host could take mail")]
    NoPattern,
}
