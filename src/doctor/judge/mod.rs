//! Pure judgement: from what was gathered to what passed, what did not, and who has to do what.

mod exchange;
mod graph;
mod here;
mod person;
mod provider;
mod reach;
mod sign_in;

use std::time::Duration;

use super::check::{Area, Check};
use super::view::{MicrosoftView, View};

/// Judges everything, in the order of the catalogue.
#[must_use]
pub fn judge(view: &View) -> Vec<Check> {
    let mut checks = here::judge(view);
    match &view.microsoft {
        MicrosoftView::ByHand => checks.push(person::by_hand()),
        MicrosoftView::ByModule => checks.push(person::by_module()),
        MicrosoftView::Unusable(why) => checks.extend(sign_in::unusable(why)),
        MicrosoftView::Api(api) => {
            checks.extend(sign_in::judge(api));
            checks.extend(graph::judge(api, &view.domain));
            checks.extend(exchange::judge(api, &view.domain));
        }
    }
    checks.extend(provider::judge(&view.provider));
    checks.extend(view.registrar.as_ref().map(provider::registrar));
    checks.extend(reach::judge(view));
    debug_assert!(checks.is_sorted_by_key(|check| Area::ALL.iter().position(|a| *a == check.area)));
    checks
}

/// `1 s`, `90 s`: how long nobody answered.
fn late(time: Duration) -> String {
    format!("No answer came within {} s.", time.as_secs())
}

/// A list for a sentence: `a`, `a and b`, `a, b and c`.
fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

/// With a capital letter first.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
