//! What the DNS was seen to say, and by whom: plain data, serializable, judged elsewhere.

mod answer;
mod camp;
mod vantage;
mod zone;

pub use answer::{Alias, Answer, Failure, Source, Status, Validated};
pub use camp::Camp;
pub use vantage::{VantageAnswer, VantageVerdict};
pub use zone::{Outcome, ParentView, Server, ServerAnswer, ServerView, ZoneCut, ZoneView};
