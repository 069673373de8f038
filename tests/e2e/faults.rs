//! Every fault of Microsoft's services, with the real binary on the embedded laboratory: what the user sees, the exit
//! code, that nothing is sent twice, and that the run goes on when the fault is over. One table, in parts by where it hits.

mod answers;
mod case;
mod changes;
mod dane;
mod graph;
mod reads;
mod tokens;

#[test]
fn every_fault_is_explained_survived_and_nothing_is_sent_twice() {
    let mut cases = reads::cases();
    cases.extend(answers::cases());
    cases.extend(tokens::cases());
    cases.extend(graph::cases());
    cases.extend(changes::cases());
    cases.extend(dane::cases());
    case::run_all(cases);
}
