//! Any order of claims, writes and passing time, against a model of five lines.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Claim { owner: u32, ttl: u64 },
    Append { lease: usize },
    Renew { lease: usize, ttl: u64 },
    Release { lease: usize },
    Signal,
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    // Old leases are named as often as new ones.
    let lease = 0..12_usize;
    prop_oneof![
        3 => (1..4_u32, 1..20_u64).prop_map(|(owner, ttl)| Step::Claim { owner, ttl }),
        4 => lease.clone().prop_map(|lease| Step::Append { lease }),
        1 => (lease.clone(), 1..20_u64).prop_map(|(lease, ttl)| Step::Renew { lease, ttl }),
        1 => lease.prop_map(|lease| Step::Release { lease }),
        1 => Just(Step::Signal),
        3 => (1..15_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn fences_only_rise_and_no_stale_writer_succeeds(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(walk(steps))?;
    }
}

async fn walk(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (store, clock) = with_clock();
    let first = store
        .create_run(new_run("example.com"), &owner(1), Duration::from_secs(5))
        .await
        .unwrap();
    let run = first.run;
    // The model: every lease ever given, and the index and end of the only one that counts.
    let (mut leases, mut now, mut written) = (vec![first], 0_u64, 0_u64);
    let mut valid: Option<(usize, u64)> = Some((0, 5));

    for step in steps {
        valid = valid.filter(|(_, until)| *until > now);
        match step {
            Step::Claim { owner: who, ttl } => {
                let answer = store
                    .claim(&Target::Run(run), &owner(who), Duration::from_secs(ttl))
                    .await;
                prop_assert_eq!(answer.is_ok(), valid.is_none());
                if let Ok(lease) = answer {
                    prop_assert!(leases.iter().all(|earlier| earlier.fence < lease.fence));
                    valid = Some((leases.len(), now + ttl));
                    leases.push(lease);
                }
            }
            Step::Append { lease } => {
                let index = lease % leases.len();
                let answer = store
                    .append(&leases[index], note("").memory(json!(written)))
                    .await;
                let may = valid.is_some_and(|(current, _)| current == index);
                prop_assert_eq!(answer.is_ok(), may, "{:?}", answer);
                written += u64::from(may);
            }
            Step::Renew { lease, ttl } => {
                let index = lease % leases.len();
                let may = valid.is_some_and(|(current, _)| current == index);
                let answer = store.renew(&leases[index], Duration::from_secs(ttl)).await;
                prop_assert_eq!(answer.is_ok(), may);
                if may {
                    valid = Some((index, now + ttl));
                }
            }
            Step::Release { lease } => {
                let index = lease % leases.len();
                store.release(&leases[index]).await.unwrap();
                valid = valid.filter(|(current, _)| *current != index);
            }
            Step::Signal => {
                store
                    .signal(
                        run,
                        at(0),
                        Signal::Continue {
                            by: "olga".to_owned(),
                        },
                    )
                    .await
                    .unwrap();
                written += 1;
            }
            Step::Pass { seconds } => {
                clock.advance(Duration::from_secs(seconds));
                now += seconds;
            }
        }
    }

    let journal = store.journal(run, 0, usize::MAX).await.unwrap();
    prop_assert_eq!(journal.len() as u64, written);
    prop_assert!(
        journal.is_sorted_by_key(|entry| entry.fence),
        "an older fence wrote after a newer one"
    );
    prop_assert_eq!(store.verify_chain(run).await.unwrap().entries, written);
    Ok(())
}
