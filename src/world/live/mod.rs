//! The live world: real DNS, real APIs.

use async_trait::async_trait;

use super::{Action, Facts, Needs, Outcome, World};
use crate::domain_file::DomainFile;

/// Why the live world could not be opened: nothing was asked or changed yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A secret, a file or an endpoint named in the domain file cannot be used.
    #[error("{0}")]
    Configuration(String),
}

/// The live world of one domain file.
pub struct LiveWorld {}

impl LiveWorld {
    /// Opens resolvers, sign-in and provider as the domain file says; asks nobody yet.
    ///
    /// # Errors
    /// When something the domain file names cannot be used: a configuration error, exit code 2.
    pub fn open(_file: &DomainFile) -> Result<Self, OpenError> {
        Err(OpenError::Configuration("not built yet".to_owned()))
    }
}

#[async_trait]
impl World for LiveWorld {
    async fn observe(&mut self, _needs: &Needs, _facts: &mut Facts) {}
    async fn perform(&mut self, _action: &Action) -> Outcome {
        Outcome::Refused {
            why: "not built yet".to_owned(),
        }
    }
}
