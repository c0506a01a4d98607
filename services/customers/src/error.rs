//! What customers refuses.

platform::errors! {
    /// An account with this e-mail exists. Said openly, and seldom: tries are throttled.
    EmailTaken => Conflict "customers.email_taken" "there is an account with this e-mail already: log in with `POST /v1/sessions`";
    /// The e-mail has no account, or the password is another one: it is not said which.
    WrongCredentials => Unauthenticated "customers.wrong_credentials" "e-mail and password don't belong together";
    /// Too many tries with this account or from this network address; `Retry-After` says when the next is let in.
    TooManyTries { seconds: u64 } => TooMany "customers.too_many_tries" "there were too many tries: wait {seconds} seconds before the next";
    /// More passwords wait to be checked than the machine can check soon.
    Busy => Unavailable "customers.busy" "too many people log in right now: try again in a moment";
    /// The refresh token is not known, was used before, or its session has ended.
    SessionOver => Unauthenticated "customers.session_over" "the session has ended: log in again with `POST /v1/sessions`";
    /// There is no customer with this id.
    NotFound => NotFound "customers.not_found" "there is no such customer";
    /// The profile was changed since it was read.
    ProfileChanged { version: i64 } => Stale "customers.profile_changed" "the profile is at version {version} by now: read it again and repeat the edit";
    /// There is no such entry in the customer's address book.
    AddressNotFound => NotFound "customers.address_not_found" "there is no such address: `GET /v1/customers/me/addresses` lists all";
    /// The address book is full.
    AddressBookFull { most: i64 } => Conflict "customers.address_book_full" "an address book holds {most} addresses: remove one first";
    /// The e-mail address belongs to a member of staff already: each address is one member.
    StaffEmailTaken => Conflict "customers.staff_email_taken" "a member of staff has this e-mail already: use the key they were shown, or add them with another address and revoke the old key";
    /// No active member of staff has this e-mail.
    NoSuchStaff => NotFound "customers.staff_not_found" "no active member of staff has this e-mail: add them with `souk staff add`";
    /// The member of staff had as many keys as they can.
    TooManyKeys { most: i64 } => Conflict "customers.too_many_keys" "a member of staff has {most} keys in all: add them with another address";
    /// There is no staff key with this id.
    KeyNotFound => NotFound "customers.key_not_found" "there is no such staff key: `GET /v1/admin/staff` lists every key with its id";
}
