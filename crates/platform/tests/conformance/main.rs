//! One list of behaviours for the bus and the jobs, run on both databases and on both buses.

mod behaviours;
mod broker;
mod http_calls;
mod replay;
mod rig;
mod store;

macro_rules! on_both_buses {
    ($($behaviour:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() { crate::behaviours::$behaviour(crate::rig::Place::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() { crate::behaviours::$behaviour(crate::rig::Place::postgres().await).await; })*
        }
        mod rabbitmq {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() { crate::behaviours::$behaviour(crate::rig::Place::rabbitmq().await).await; })*
        }
    };
}

on_both_buses![
    an_event_reaches_its_service_once,
    an_undone_transaction_says_nothing,
    doubled_and_shuffled_deliveries_are_applied_once,
    a_stale_state_is_dropped,
    what_must_wait_is_parked_and_the_others_go_on,
    a_poisonous_event_harms_nobody_else,
    a_failing_reaction_leaves_nothing_and_becomes_a_dead_letter,
    what_a_reaction_says_leaves_with_it,
    what_was_said_before_a_crash_arrives_after_it,
    a_watch_hears_what_a_reaction_applied,
    a_slow_service_holds_up_nobody_and_loses_nothing,
    a_job_begins_after_its_commit,
    a_timer_waits_for_its_time,
    a_failing_job_is_tried_again_and_given_up_after_a_day,
    a_job_of_a_crashed_process_is_taken_up,
    a_shutdown_waits_for_the_job_in_hand,
];

mod replaying {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_derived_is_derived_anew_on_sqlite() {
        crate::replay::what_is_derived_is_derived_anew(crate::rig::Place::sqlite()).await;
    }
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_forgotten_comes_and_what_is_dead_stays_on_sqlite() {
        crate::replay::what_was_forgotten_comes_and_what_is_dead_stays(crate::rig::Place::sqlite()).await;
    }
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_forgotten_comes_and_what_is_dead_stays_on_postgres() {
        crate::replay::what_was_forgotten_comes_and_what_is_dead_stays(crate::rig::Place::postgres().await).await;
    }
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_derived_is_derived_anew_on_postgres() {
        crate::replay::what_is_derived_is_derived_anew(crate::rig::Place::postgres().await).await;
    }
}
