//! The hash chain of a journal: SHA-256 over length-prefixed fields, so that no two entries share their bytes.
//!
//! The chain shows that something was changed later; it cannot stop somebody who may write the file from making
//! a whole new chain. Keep the head elsewhere (it is in every export) to find that too.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

use super::entry::Kind;
use super::ids::{Fence, IntentId, RunId};

/// The end of a verified chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainHead {
    /// How many entries the journal has.
    pub entries: u64,
    /// The hash of the last entry, in hexadecimal; without entries, the hash of the run's inputs.
    pub hash: String,
}

/// The fields of a run that its chain starts from, as stored.
pub(super) struct Root<'a> {
    pub(super) run: RunId,
    pub(super) domain: &'a str,
    pub(super) domain_file: &'a str,
    pub(super) playbook: &'a str,
    pub(super) playbook_text: &'a str,
    pub(super) settings: &'a str,
}

impl Root<'_> {
    /// What the first entry refers to as the hash before it.
    pub(super) fn hash(&self) -> String {
        let mut hasher = Fields::new("rollout run 1");
        hasher.bytes(self.run.as_bytes());
        for text in [
            self.domain,
            self.domain_file,
            self.playbook,
            self.playbook_text,
            self.settings,
        ] {
            hasher.bytes(text.as_bytes());
        }
        hasher.hex()
    }
}

/// The fields of a journal entry, as stored.
pub(super) struct Link<'a> {
    pub(super) run: RunId,
    pub(super) seq: u64,
    pub(super) fence: Fence,
    pub(super) kind: Kind,
    pub(super) at: &'a str,
    pub(super) intent: Option<IntentId>,
    pub(super) body: &'a str,
    pub(super) memory_digest: Option<&'a str>,
    pub(super) prev_hash: &'a str,
}

impl Link<'_> {
    /// The entry's hash.
    pub(super) fn hash(&self) -> String {
        let mut hasher = Fields::new("rollout entry 1");
        hasher.bytes(self.run.as_bytes());
        hasher.bytes(&self.seq.to_be_bytes());
        hasher.bytes(&self.fence.0.to_be_bytes());
        hasher.bytes(self.kind.as_str().as_bytes());
        hasher.bytes(self.at.as_bytes());
        hasher.optional(self.intent.as_ref().map(|id| id.as_bytes().as_slice()));
        hasher.bytes(self.body.as_bytes());
        hasher.optional(self.memory_digest.map(str::as_bytes));
        hasher.bytes(self.prev_hash.as_bytes());
        hasher.hex()
    }
}

/// SHA-256 of one text, in hexadecimal.
pub(super) fn digest_hex(text: &str) -> String {
    hex(aws_lc_rs::digest::digest(&SHA256, text.as_bytes()).as_ref())
}

struct Fields(Context);

impl Fields {
    fn new(purpose: &str) -> Self {
        let mut fields = Self(Context::new(&SHA256));
        fields.bytes(purpose.as_bytes());
        fields
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        // Length prefixes alone would not tell an absent field from an empty one.
        self.0.update(&[u8::from(bytes.is_some())]);
        if let Some(bytes) = bytes {
            self.bytes(bytes);
        }
    }

    fn hex(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
