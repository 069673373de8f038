//! Bad input, with the real binary on the embedded laboratory: each with a clear message, the right exit code, and
//! nothing changed. One table, in parts by what is wrong.

pub mod case;
mod dns;
mod files;
mod microsoft;
mod output;
pub mod stage;
mod starts;
mod state;
mod verify;

#[test]
fn bad_input_has_a_clear_message_the_right_exit_code_and_changes_nothing() {
    let mut cases = files::cases();
    cases.extend(microsoft::cases());
    cases.extend(dns::cases());
    cases.extend(state::cases());
    cases.extend(verify::cases());
    case::run_all(cases);
}
