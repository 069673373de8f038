//! The shapes in which one and the same answer can come (reference 2.1, 2.2, 3.4).

use serde::{Deserialize, Serialize};

/// How an answer differs from the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// No `value` at all.
    ValueMissing,
    /// `"value": null`.
    ValueNull,
    /// `"value": []`.
    ValueEmpty,
    /// The object itself in place of a list of one.
    ValueSingular,
    /// `Value`.
    ValueCapital,
    /// No envelope: the list alone.
    BareList,
    /// No envelope: the object alone.
    BareObject,
    /// Enums as `{"Value":"Enabled"}`.
    EnumObject,
    /// Enums as numbers.
    EnumNumber,
    /// Enums as words that nobody knows.
    EnumUnknown,
    /// Nested objects cut to the names of their .NET types.
    TypeNames,
    /// Nested objects as text that holds JSON.
    JsonText,
    /// Nested objects as null.
    NestedNull,
    /// `<Name>@data.type` and `<Name>@odata.type` beside every value.
    Sidecars,
    /// A key twice, the second time malformed, as one live record had it.
    DuplicateKeys,
    /// These in `@adminapi.warnings`.
    Warnings(Vec<String>),
    /// `@odata.nextLink`: there is more.
    Truncated,
    /// Valid JSON that has nothing of the known shapes.
    Unknown,
    /// The first half of the body.
    HalfABody,
}
