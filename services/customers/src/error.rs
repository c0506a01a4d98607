//! What customers refuses.

platform::errors! {
    /// The e-mail address belongs to a member of staff already: each address is one member.
    EmailTaken => Conflict "customers.email_taken" "a member of staff has this e-mail already: use the key they were shown, or add them with another address and revoke the old key";
    /// There is no staff key with this id.
    KeyNotFound => NotFound "customers.key_not_found" "there is no such staff key: `GET /v1/admin/staff` lists every key with its id";
}
