//! What senders say, in words.

#[path = "../../../../src/dane/sender/profile.rs"]
mod profile;
#[path = "../../../../src/dane/sender/safety.rs"]
mod safety;
#[path = "../../../../src/dane/sender/words.rs"]
mod words;

pub use profile::Profile;
pub use safety::Safety;
pub use words::*;
