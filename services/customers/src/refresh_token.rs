//! Refresh tokens: opaque to clients, and not kept anywhere. Each is an HMAC of its session, the session's
//! seed and its generation under the shop's secret, so that the database holds nothing that could be used,
//! a token of any generation is known again, and the one after it can be given a second time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::Id;
use contracts::customers::SessionId;
use platform::Secrets;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::session::Session;

/// Secret scanners know tokens by this beginning.
const PREFIX: &str = "souk_rt_";
const PURPOSE: &str = "refresh-token";
const PROOF_BYTES: usize = 32;

/// A token as it came: what it says, and the proof, not yet looked at.
pub struct RefreshToken {
    pub session: SessionId,
    pub generation: i64,
    proof: [u8; PROOF_BYTES],
}

impl RefreshToken {
    /// The token of the session's present generation.
    pub fn of(session: &Session, secrets: &Secrets) -> String {
        let (id, generation) = (session.id.uuid(), counted(session.generation).to_be_bytes());
        let proof = secrets.derive(PURPOSE, &[id.as_bytes(), session.seed.as_bytes(), &generation]);
        let bytes = [id.as_bytes().as_slice(), &generation, &proof].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// `None`: it can't be one of ours.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (session, rest) = bytes.split_at_checked(16)?;
        let (generation, proof) = rest.split_at_checked(4)?;
        Some(Self {
            session: SessionId::from_uuid(Uuid::from_slice(session).ok()?),
            generation: u32::from_be_bytes(generation.try_into().ok()?).into(),
            proof: proof.try_into().ok()?,
        })
    }

    /// Whether this shop made it for this session; with any of its master secrets.
    pub fn is_of(&self, session: &Session, secrets: &Secrets) -> bool {
        let (id, generation) = (session.id.uuid(), counted(self.generation).to_be_bytes());
        let right = secrets.derive_all(PURPOSE, &[id.as_bytes(), session.seed.as_bytes(), &generation]);
        self.session == session.id && right.iter().any(|right| bool::from(right.ct_eq(&self.proof)))
    }
}

fn counted(generation: i64) -> u32 {
    u32::try_from(generation).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::customers::CustomerId;
    use jiff::Timestamp;
    use platform::Config;
    use proptest::prelude::*;

    fn session(id: u128, seed: &str, generation: i64) -> Session {
        let (id, customer) = (SessionId::from_uuid(Uuid::from_u128(id)), CustomerId::from_uuid(Uuid::from_u128(9)));
        let settings = Config::defaults().customers;
        let begun = Session::begin(id, customer, seed.to_owned(), Timestamp::UNIX_EPOCH, &settings);
        Session { generation, ..begun }
    }

    #[test]
    fn a_token_is_known_again_in_every_later_generation() {
        let secrets = Secrets::random();
        let token = RefreshToken::of(&session(1, "seed", 3), &secrets);
        assert!(token.starts_with(PREFIX) && token.len() < 100, "{token}");
        let read = RefreshToken::read(&token).expect("a token");
        assert_eq!((read.session.uuid().as_u128(), read.generation), (1, 3));
        assert!(read.is_of(&session(1, "seed", 3), &secrets) && read.is_of(&session(1, "seed", 40), &secrets));
        assert_eq!(token, RefreshToken::of(&session(1, "seed", 3), &secrets), "given again, it is the same");
    }

    #[test]
    fn a_token_of_another_session_seed_or_shop_is_not_ours() {
        let secrets = Secrets::random();
        let read = |token: &str| RefreshToken::read(token).expect("a token");
        let token = read(&RefreshToken::of(&session(1, "seed", 3), &secrets));
        assert!(!token.is_of(&session(2, "seed", 3), &secrets));
        assert!(!token.is_of(&session(1, "other", 3), &secrets));
        assert!(!token.is_of(&session(1, "seed", 3), &Secrets::random()));
        let next = RefreshToken { generation: 4, ..token };
        assert!(!next.is_of(&session(1, "seed", 4), &secrets), "one token does not give the next");
    }

    #[test]
    fn a_token_made_with_an_older_master_secret_is_known() {
        let open = |secrets: &str| {
            let mut server = Config::defaults().server;
            secrets.clone_into(&mut server.secrets);
            Secrets::open(&server).expect("secrets")
        };
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let token = RefreshToken::of(&session(1, "seed", 3), &open(&old));
        let read = RefreshToken::read(&token).expect("a token");
        assert!(read.is_of(&session(1, "seed", 3), &open(&format!("{new} {old}"))));
        assert!(!read.is_of(&session(1, "seed", 3), &open(&new)));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,120}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = RefreshToken::read(&text);
            let encoded = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(RefreshToken::read(&encoded).is_some(), bytes.len() == 52);
        }
    }
}
