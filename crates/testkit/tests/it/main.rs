//! The stories: what a shop does, told over HTTP, on every topology.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests measure real time, and show what a purchase costs"
)]

mod binary;
mod commands;
mod configuration;
mod cost;
mod crowd;
mod documents;
mod ending;
mod guest_buys;
mod kill9;
mod last_unit;
mod paying;
mod peers;
mod placing;
mod planted;
mod refusals;
mod shopping;
mod staff_reads;

testkit::stories! {
    guest_buys: a_guest_buys_two_teapots_and_everything_adds_up;
    last_unit: fifty_buyers_race_for_the_last_unit;
    crowd: sixty_four_buyers_on_eight_connections_are_all_served;
    shopping: a_cart_is_changed_until_it_is_right what_two_tabs_put_in_at_once_is_all_there;
    staff_reads: lists_are_walked_page_by_page staff_follow_an_order_through_the_books;
    placing: the_same_key_twice_is_one_order the_same_key_at_once_is_one_order one_cart_under_many_keys_is_one_order
        a_price_that_changed_since_it_was_shown_is_refused_with_the_new_totals a_cart_that_lacks_something_is_refused_by_name;
    paying: a_declined_card_is_followed_by_a_good_one tries_end_and_the_buyer_is_told a_buyer_confirms_at_their_bank
        a_silent_gateway_is_asked_later_and_charges_once a_slow_gateway_keeps_nobody_waiting;
    ending: cancelled_before_its_payment_everything_is_as_before cancelled_at_once_nothing_is_held
        cancelled_after_its_authorisation_the_money_goes_back an_unpaid_order_ends_by_its_timer_and_its_cart_is_open_again
        a_paid_order_outlives_its_timer after_the_end_the_bank_takes_no_money
        confirmed_at_the_bank_while_it_is_cancelled_the_money_goes_back
        money_of_a_silent_gateway_goes_back_when_the_order_has_ended;
}
