//! The stories: what a shop does, told over HTTP, on every topology.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests measure real time, and show what a purchase costs"
)]

mod accounts;
mod archive;
mod binary;
mod carts;
mod catalogue;
mod commands;
mod configuration;
mod cost;
mod crowd;
mod deploy;
mod documents;
mod ending;
mod front;
mod gateways;
mod guest_buys;
mod importing;
mod kill9;
mod last_unit;
mod localstripe;
mod mails;
mod manual;
mod many_servers;
mod metrics;
mod moving;
mod operations;
mod orders;
mod paying;
mod peers;
mod placing;
mod planted;
mod pricing;
mod psp;
mod refunds;
mod refusals;
mod shipping;
mod shopping;
mod staff_reads;
mod stock;
mod stripe;
mod webhooks;

testkit::stories! {
    accounts: a_customer_registers_and_stays_in_until_they_log_out
        a_refresh_token_that_comes_again_ends_the_session_for_both
        log_out_everywhere_and_a_new_password_end_other_sessions
        a_browser_keeps_its_tokens_in_cookies_and_other_sites_get_nowhere
        two_customers_see_and_touch_nothing_of_each_other
        wrong_passwords_slow_down_for_a_known_and_an_unknown_account_alike
        whoever_races_for_one_thing_of_an_account_gets_it_once staff_find_accounts_and_roles_if_they_may
        no_log_in_with_the_old_password_outlives_its_change a_page_of_a_named_origin_asks_with_its_cookies;
    guest_buys: a_guest_buys_two_teapots_and_everything_adds_up;
    last_unit: fifty_buyers_race_for_the_last_unit;
    crowd: sixty_four_buyers_on_eight_connections_are_all_served;
    shopping: a_cart_is_changed_until_it_is_right what_two_tabs_put_in_at_once_is_all_there;
    catalogue: a_buyer_browses_filters_and_sorts the_whole_catalogue_is_walked_while_it_changes of_many_edits_on_one_tag_one_is_made no_page_is_older_than_the_edit_that_was_answered what_is_hot_costs_nothing categories_that_are_moved_at_once_make_no_cycle variants_come_and_go_and_change_places each_market_has_its_prices attributes_have_types
        names_that_only_drafts_have_are_for_staff a_cursor_that_nobody_was_given_is_refused;
    carts: a_guest_who_logs_in_takes_their_cart_along a_cart_is_claimed_beside_an_order_that_is_just_placed one_request_opens_a_cart_and_null_takes_things_away a_cart_has_limits
        a_cart_that_is_left_alone_is_forgotten what_changed_since_is_shown;
    shipping: zones_are_found_by_postcode_and_rates_by_weight_and_total two_parcels_at_two_times_are_two_captures
        what_two_places_hold_goes_out_from_both a_buyer_fetches_the_goods a_lost_parcel_ends_its_order
        staff_pack_by_the_slip_and_correct_what_left of_a_cancellation_and_a_dispatch_at_once_one_wins;
    stock: an_order_that_no_location_has_alone_leaves_from_two a_count_below_what_was_promised_is_kept_as_a_shortfall
        thirty_two_buyers_race_over_two_locations transfers_and_buyers_race_for_the_same_teapots
        goods_travel_between_locations staff_say_how_a_variant_is_sold_when_it_runs_out;
    pricing: a_basket_of_mixed_rates_is_taxed_line_by_line
        a_market_without_tax_in_its_prices_adds_that_of_the_region a_business_across_the_border_owes_the_tax_itself
        currencies_without_decimals_and_with_three_add_up staff_change_a_rate_and_an_order_keeps_its_own;
    staff_reads: lists_are_walked_page_by_page staff_follow_an_order_through_the_books;
    placing: the_same_key_twice_is_one_order the_same_key_at_once_is_one_order one_cart_under_many_keys_is_one_order
        a_price_that_changed_since_it_was_shown_is_refused_with_the_new_totals a_cart_that_lacks_something_is_refused_by_name;
    paying: a_declined_card_is_followed_by_a_good_one tries_end_and_the_buyer_is_told a_buyer_confirms_at_their_bank
        a_silent_gateway_is_asked_later_and_charges_once a_slow_gateway_keeps_nobody_waiting;
    orders: a_customer_lists_and_opens_their_own_orders_alone a_guest_who_lost_the_cart_opens_the_order_by_a_link
        staff_find_an_order_by_what_people_know_of_it a_line_is_cancelled_before_it_leaves_and_is_not_paid
        lines_that_were_paid_at_once_go_back_one_by_one what_has_left_is_not_cancelled_and_who_waits_is_told
        a_confirmed_order_is_cancelled_while_its_buyer_waits an_order_is_followed_from_its_placing_to_its_end
        what_costs_nothing_is_ordered_like_anything_else what_costs_nothing_and_ships_is_sent_like_anything_else
        what_was_sold_stays_as_it_was_whatever_becomes_of_the_product;
    ending: cancelled_before_its_payment_everything_is_as_before cancelled_at_once_nothing_is_held
        cancelled_after_its_authorisation_the_money_goes_back an_unpaid_order_ends_by_its_timer_and_its_cart_is_open_again
        a_paid_order_outlives_its_timer after_the_end_the_bank_takes_no_money
        confirmed_at_the_bank_while_it_is_cancelled_the_money_goes_back
        money_of_a_silent_gateway_goes_back_when_the_order_has_ended;
    mails: a_buyer_is_written_to_in_their_language_at_each_step
        a_mail_server_that_is_down_gets_the_mail_once_when_it_is_back
        what_a_mail_server_puts_off_comes_later_and_what_it_refuses_has_failed
        who_has_to_transfer_is_told_how who_was_declined_is_reminded_once_and_not_while_they_try
        a_guest_asks_for_a_link_and_a_customer_is_welcomed staff_look_at_mails_before_buyers_do
        who_may_read_an_order_gets_no_link_that_changes_it;
    webhooks: a_program_is_told_of_a_purchase_once_each a_program_that_was_down_gets_what_it_missed
        nothing_is_left_behind_when_much_happens_at_once sixty_race_for_fifty_places
        secrets_are_rotated_without_a_gap endpoints_are_for_who_may_and_never_private;
    refunds: of_twenty_refunds_of_sixty_percent_one_succeeds a_part_goes_back_and_then_the_rest_unit_by_unit
        a_unit_goes_back_once_whether_it_is_refunded_or_cancelled
        where_all_that_ships_was_cancelled_its_way_costs_nothing
        refunds_of_staff_and_cancellations_at_once_give_back_what_was_paid
        the_same_key_gives_back_once a_refund_that_the_bank_refuses_is_seen_and_made_again;
    gateways: an_event_may_come_before_while_and_after_the_answer an_event_that_nobody_signed_is_not_heard
        an_order_is_cancelled_while_the_gateway_is_silent an_event_after_the_orders_end_gives_the_money_back
        two_payments_pay_two_parcels_of_one_order payments_that_race_are_for_no_more_than_the_total
        an_order_that_is_paid_in_part_ends_by_its_timer_and_the_part_goes_back
        what_a_gateway_refused_staff_have_asked_again;
    manual: an_order_waits_for_its_transfer an_invoice_is_sent_first_and_paid_later
        a_buyer_who_goes_on_by_transfer_has_the_time_that_a_transfer_takes
        receipts_at_once_are_of_no_more_than_is_awaited of_an_invoice_what_was_cancelled_need_not_be_paid
        a_cancelled_order_waits_for_no_money;
    stripe: a_card_at_stripe_is_charged_taken_and_given_back a_card_that_stripe_declines_is_followed_by_a_good_one
        a_buyer_confirms_at_their_bank_for_stripe an_order_that_ends_takes_its_charge_at_stripe_along
        whatever_stripe_does_wrong_money_moves_once what_stripe_tells_comes_lost_doubled_early_late_and_in_any_order
        an_event_that_stripe_did_not_sign_is_not_heard the_parcels_of_an_order_are_taken_at_once_from_stripe
        two_cards_at_stripe_pay_two_parcels what_stripe_does_not_find_yet_is_not_charged_again;
}
