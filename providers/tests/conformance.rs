//! The contract of `Provider`, rule by rule, against each provider: real servers where they can be had, strict stand-ins for the rest.
//!
//! To add a provider: a bed in `conformance/beds/`, and one line at the end of this file. One that can be tried in more than one place
//! has a bed for each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a broken assumption should stop it where it is found"
)]

#[path = "conformance/bed.rs"]
mod bed;
#[path = "conformance/beds/mod.rs"]
mod beds;
#[path = "conformance/cases/mod.rs"]
mod cases;
#[path = "conformance/fakes/mod.rs"]
mod fakes;
#[path = "conformance/log.rs"]
mod log;
#[path = "conformance/proxy.rs"]
mod proxy;

/// Each case against each bed; a bed that cannot be made here says so on stderr and is left out.
macro_rules! conformance {
    ($($provider:ident),* $(,)?) => {
        const TRIED: &[&str] = &[$(stringify!($provider)),*];
        $(
        mod $provider {
            conformance!(@cases $provider:
                rule_1_the_apex_is_matched_exactly,
                rule_1_the_zone_says_how_it_can_be_written,
                rule_2_what_is_absent_is_none,
                rule_2_values_are_canonical,
                rule_2_a_wildcard_is_no_record_set,
                rule_3_a_stale_belief_is_a_conflict_and_writes_nothing,
                rule_3_applied_again_writes_nothing,
                rule_3_a_foreign_edit_between_read_and_write_is_not_lost,
                rule_4_the_set_is_never_empty,
                rule_4_nothing_else_is_touched,
                rule_5_a_ttl_out_of_range_sends_nothing,
                rule_5_a_name_outside_the_zone_sends_nothing,
                rule_6_a_refused_connection_changed_nothing,
                rule_6_no_answer_to_a_write_is_unknown,
                rule_7_secrets_are_nowhere,
                rule_7_wrong_credentials_are_told_as_such,
                rule_8_signing_is_idempotent_and_its_digest_is_derived,
                rule_8_the_delegation_is_compared_and_set,
                rule_9_every_value_survives,
                rule_9_an_internationalised_apex_works,
                rule_10_a_dropped_write_leaves_the_old_or_the_new,
                the_largest_ttl_is_found_where_it_can_be_listed,
                the_requests_of_a_rollout_are_as_documented,
            );
        }
        )*
    };
    (@cases $provider:ident: $($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let Some(bed) = crate::beds::$provider::start().await else { return };
            match crate::bed::Bed::lacks(&bed, stringify!($case)) {
                None => crate::cases::$case(&bed).await,
                Some(why) => {
                    let failed = crate::bed::fails(crate::cases::$case(&bed)).await;
                    assert!(failed, "it can be done by now: {why}");
                }
            }
        }
    )*};
}

/// What holds for those that only ask a person.
macro_rules! by_hand {
    ($($provider:ident),* $(,)?) => {
        const ASKED: &[&str] = &[$(stringify!($provider)),*];
        $(
        mod $provider {
            by_hand!(@cases $provider:
                it_does_nothing_and_claims_nothing,
                it_asks_for_exactly_the_change,
                it_gives_a_registrar_every_form,
            );
        }
        )*
    };
    (@cases $provider:ident: $($case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            crate::cases::by_hand::$case(stringify!($provider)).await;
        }
    )*};
}

conformance! {
    azure,
    bunny,
    cloudflare,
    desec,
    digitalocean,
    dnsimple,
    gandi,
    godaddy,
    google,
    hetzner,
    infomaniak,
    inwx,
    ionos,
    ovh,
    porkbun,
    powerdns,
    rfc2136,
    rfc2136_knot,
    route53,
    route53_moto,
    transip,
}

by_hand! {
    manual,
}

/// A provider that nobody tries is no provider.
#[test]
fn every_provider_is_tried() {
    for info in rollout_providers::registry() {
        assert!(
            TRIED.contains(&info.slug) || ASKED.contains(&info.slug),
            "{} is not tried",
            info.slug
        );
    }
}
