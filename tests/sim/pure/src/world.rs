//! What can be observed and done, without the live world.

#[path = "../../../../src/world/action.rs"]
mod action;
#[path = "../../../../src/world/contract.rs"]
mod contract;
#[path = "../../../../src/world/facts/mod.rs"]
mod facts;
#[path = "../../../../src/world/model/mod.rs"]
mod model;
#[path = "../../../../src/world/needs.rs"]
mod needs;
#[path = "../../../../src/world/pasted.rs"]
#[allow(unreachable_code, reason = "nothing is pasted here")]
mod pasted;

pub use crate::microsoft::Unread;
pub use action::*;
pub use contract::World;
pub use facts::*;
pub use model::*;
pub use needs::Needs;
pub use pasted::*;
