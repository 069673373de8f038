//! The pure part of `rollout`: kernel, steps, playbooks and the engine's walk, compiled from the product's own files and
//! from nothing else.
//!
//! The simulation walks it by the thousand, so it has to be optimised, and the whole product takes minutes to optimise.
//! It also proves that these parts need no network, no database and no API: whatever of those they only pass on has no
//! values here.

#![forbid(unsafe_code)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the product's other parts, which use the rest, are not here"
)]

#[path = "../../../../src/calendar/mod.rs"]
pub mod calendar;
#[path = "../../../../src/clock.rs"]
pub mod clock;
#[path = "../../../../src/finding.rs"]
pub mod finding;
#[path = "../../../../src/kernel/mod.rs"]
pub mod kernel;
#[path = "../../../../src/playbook/mod.rs"]
pub mod playbook;
#[path = "../../../../src/source/mod.rs"]
pub mod source;
#[path = "../../../../src/step/mod.rs"]
pub mod step;

pub mod engine;
pub mod senders;
pub mod store;
pub mod verify;
pub mod world;

/// What a sender experiences at a host.
pub mod dane {
    pub use crate::senders as sender;
}

/// Names, which only reports of the live world hold.
pub mod dns {
    /// No name.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    pub enum Name {}
}

/// What only Microsoft's services or a person's paste bring.
pub mod microsoft {
    /// No answer.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    pub enum Unread {}

    /// A cmdlet, of which nothing is pasted.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Cmdlet {}

    impl Cmdlet {
        /// Of none.
        #[must_use]
        pub fn name(&self) -> &'static str {
            match *self {}
        }
    }

    /// What a person pastes.
    pub mod powershell {
        /// Nothing pasted.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum PastedAnswer {}

        impl PastedAnswer {
            /// Of no cmdlet.
            #[must_use]
            pub fn cmdlet(&self) -> super::Cmdlet {
                match *self {}
            }

            /// No host.
            #[must_use]
            pub fn mx_host(&self) -> Option<String> {
                match *self {}
            }
        }
    }
}
