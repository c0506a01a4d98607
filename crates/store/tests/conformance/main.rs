//! One list of behaviours, each run on SQLite and on PostgreSQL: the two must not differ.
#![allow(clippy::disallowed_methods, reason = "tests of the seam itself make ids, tasks and time as they come")]

mod base;
mod contention;
mod failures;
mod idempotency;
mod inbox;
mod jobs;
#[cfg(feature = "faults")]
mod killed;
mod letters;
mod lifecycle;
mod outbox;
mod transactions;
mod values;

macro_rules! behaviours {
    (@test $run:ident $file:ident $name:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            super::base::$run(super::$file::$name).await;
        }
    };
    (
        both { $($file:ident: $($name:ident)*;)* }
        sqlite { $($sqlite_file:ident: $($sqlite_name:ident)*;)* }
        postgres { $($postgres_file:ident: $($postgres_name:ident)*;)* }
    ) => {
        mod sqlite {
            $($(behaviours!(@test on_sqlite $file $name);)*)*
            $($(behaviours!(@test on_sqlite $sqlite_file $sqlite_name);)*)*
        }
        mod postgres {
            $($(behaviours!(@test on_postgres $file $name);)*)*
            $($(behaviours!(@test on_postgres $postgres_file $postgres_name);)*)*
        }
    };
}

behaviours! {
    both {
        values: every_type_reads_back numbers_reach_their_ends rows_go_in_and_come_out_in_one_statement
            no_rows_are_no_rows text_sorts_by_its_bytes a_text_that_is_not_kept_is_refused
            a_value_of_another_type_is_refused a_column_of_another_type_is_said_by_number one_opt_and_all;
        transactions: a_broken_constraint_leaves_nothing all_or_nothing_with_events_and_jobs
            a_refusal_does_not_hurt_its_neighbours a_part_is_kept_or_undone parts_nest
            a_failed_statement_takes_the_transaction_with_it a_failed_statement_in_an_undone_part_does_not
            a_read_is_one_view a_read_refuses_writes a_commit_wakes_the_relay costs_are_counted;
        failures: a_panic_is_answered_and_leaves_nothing a_panic_before_the_first_await_is_answered
            a_reader_survives_a_panic who_waits_for_something_else_is_told
            a_caller_that_hangs_up_before_changes_nothing a_caller_that_hangs_up_during_leaves_all_or_nothing
            everything_taken_is_busy_and_recovers a_slow_transaction_is_rolled_back;
        contention: writers_at_once_are_all_answered the_last_unit_is_sold_once the_check_holds_in_a_race;
        outbox: a_claimed_event_is_not_claimed_twice a_done_event_never_comes_again events_come_in_order_and_by_service
            what_a_later_release_said_is_left_to_it what_is_done_is_pruned claiming_races_give_each_event_once;
        inbox: an_event_is_new_once doubled_ids_in_one_batch_are_one an_overtaken_version_is_stale
            parked_comes_again_when_due parked_and_overtaken_is_dropped what_is_buried_is_listed applied_is_told;
        jobs: a_job_due_now_is_handed_over a_timer_waits_for_its_time one_job_waits_per_key a_lease_ends
            a_job_is_retried_buried_or_cancelled finished_twice_is_undone;
        letters: a_dead_event_is_found_and_comes_again a_dead_job_runs_again an_outbox_is_counted
            what_may_be_applied_again_is_known every_text_of_the_platform_is_walked;
        idempotency: a_key_is_claimed_once at_once_exactly_one_claims keys_are_walked_and_things_know_theirs;
        lifecycle: migrating_again_does_nothing a_changed_migration_is_refused a_newer_release_is_refused
            a_failed_migration_leaves_nothing two_processes_migrate_at_once one_process_is_alone
            every_statement_prepares it_answers_a_ping;
    }
    sqlite {
        contention: a_group_is_one_commit;
        failures: a_full_database_fails_its_whole_group a_full_disk_fails_its_whole_group;
        lifecycle: a_database_is_a_file;
    }
    postgres {
        contention: a_deadlock_is_run_again losing_always_is_given_up;
        failures: dead_connections_are_replaced a_connection_lost_in_a_transaction_is_run_again
            a_connection_that_is_always_lost_is_unavailable a_statement_nobody_waited_for_is_not_committed;
        lifecycle: a_server_that_forgets_is_refused;
    }
}

#[cfg(feature = "faults")]
mod kill_nine {
    behaviours! {
        both { killed: an_acknowledged_write_survives_a_kill_after_its_commit a_kill_before_the_commit_leaves_nothing_of_it; }
        sqlite {}
        postgres {}
    }
    use super::{base, killed};
}
