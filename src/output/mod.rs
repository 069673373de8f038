//! What people and programs read: pages for a terminal, JSON lines for programs.
//!
//! Nothing is written past [`Console`]: it takes secrets out, and every text that is put on a [`Page`] was made safe
//! for terminals first (S10, S12).

mod console;
pub mod doctor;
pub mod journal;
pub mod json;
pub mod messages;
mod page;
pub mod plan;
pub mod progress;
pub mod providers;
pub mod record_set;
pub mod rules;
pub mod run;
pub mod terminal;
pub mod text;
pub mod time;
pub mod tls_report;
pub mod verify;

pub use console::{Console, Look, Manner};
pub use page::{Line, Page, Tone};
