//! Access tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), of type `at+jwt`. Made by
//! `customers`, checked by every process against its public keys.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::customers::{CustomerId, SessionId, SigningKey, SigningKeys};
use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::Secrets;

/// So long an access token works; what ends a session before is told to every process.
pub const ACCESS_SECONDS: i64 = 600;
const PURPOSE: &str = "access-token-signing-key";
const AUDIENCE: &str = "souk";
const TYPE: &str = "at+jwt";
/// A token of ours has some 330.
const TOKEN_BYTES_MAX: usize = 2_048;
/// Clocks of processes differ by less.
const CLOCKS_DIFFER_SECONDS: i64 = 5;
/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `server.public_url`.
    pub iss: String,
    pub aud: String,
    pub sub: CustomerId,
    pub sid: SessionId,
    /// Seconds of Unix time.
    pub iat: i64,
    pub exp: i64,
}

/// Makes access tokens.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    kid: String,
    issuer: String,
    /// Of every master secret, newest first.
    public: SigningKeys,
}

impl Signer {
    /// With a key pair per master secret: the newest signs.
    pub fn new(secrets: &Secrets, issuer: &str) -> Self {
        let pairs: Vec<(EncodingKey, SigningKey)> =
            secrets.derive_all(PURPOSE, &[]).into_iter().map(key_pair).collect();
        let public = SigningKeys { keys: pairs.iter().map(|(_, public)| public.clone()).collect() };
        let (key, newest) = pairs.into_iter().next().expect("there is at least one master secret");
        Self { key, kid: newest.kid, issuer: issuer.to_owned(), public }
    }

    /// A token for [`ACCESS_SECONDS`].
    pub fn sign(&self, customer: CustomerId, session: SessionId, now: Timestamp) -> String {
        let iat = now.as_second();
        let (iss, aud) = (self.issuer.clone(), AUDIENCE.to_owned());
        let claims = Claims { iss, aud, sub: customer, sid: session, iat, exp: iat + ACCESS_SECONDS };
        let header =
            Header { typ: Some(TYPE.to_owned()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("a derived key signs plain data")
    }

    /// What every process checks tokens by.
    pub fn public(&self) -> SigningKeys {
        self.public.clone()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The key's name is the beginning of the hash of its public half: the same secret, the same name.
fn key_pair(seed: [u8; 32]) -> (EncodingKey, SigningKey) {
    let key = EncodingKey::from_ed_der(&[&PKCS8_HEAD[..], &seed[..]].concat());
    let jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("32 bytes are an Ed25519 key");
    let AlgorithmParameters::OctetKeyPair(pair) = jwk.algorithm else {
        unreachable!("the key of an EdDSA pair is an octet key pair");
    };
    let public = SigningKey {
        kid: super::sha256_hex(pair.x.as_bytes())[..16].to_owned(),
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        alg: "EdDSA".to_owned(),
        use_: "sig".to_owned(),
        x: pair.x,
    };
    (key, public)
}

/// Public keys by name.
#[derive(Clone, Default)]
pub(super) struct Known(BTreeMap<String, DecodingKey>);

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Signed by a key that is not among the known.
    UnknownKey,
    Expired,
    /// Not made by us, or changed.
    Wrong,
}

impl Known {
    /// Takes Ed25519 keys alone.
    pub(super) fn new(keys: &SigningKeys) -> Self {
        let known = keys.keys.iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
        let known = known.filter_map(|key| {
            // The library would take a key of any length here, and fail at each signature.
            let is_whole = URL_SAFE_NO_PAD.decode(&key.x).is_ok_and(|bytes| bytes.len() == 32);
            let decoding = DecodingKey::from_ed_components(&key.x).ok().filter(|_| is_whole)?;
            Some((key.kid.clone(), decoding))
        });
        Self(known.collect())
    }

    /// What the token says, if we made it, for us, and it is its time.
    pub(super) fn check(&self, token: &str, issuer: &str, now: Timestamp) -> Result<Claims, Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::Wrong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Wrong)?;
        let is_typed = header.typ.is_some_and(|typ| typ == TYPE);
        let is_ours = is_typed && header.alg == Algorithm::EdDSA && header.crit.is_none();
        let kid = header.kid.filter(|_| is_ours).ok_or(Refused::Wrong)?;
        let key = self.0.get(&kid).ok_or(Refused::UnknownKey)?;
        let claims =
            jsonwebtoken::decode::<Claims>(token, key, &validation(issuer)).map_err(|_| Refused::Wrong)?.claims;
        if claims.exp <= now.as_second() {
            return Err(Refused::Expired);
        }
        let lasts = claims.exp.saturating_sub(claims.iat);
        let is_its_time = claims.iat <= now.as_second() + CLOCKS_DIFFER_SECONDS && lasts <= ACCESS_SECONDS;
        if is_its_time { Ok(claims) } else { Err(Refused::Wrong) }
    }
}

/// All but the time, which is the shop's clock's and not the machine's.
fn validation(issuer: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(std::slice::from_ref(&issuer));
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Id;
    use jsonwebtoken::{decode_header, encode};
    use serde_json::{Value, json};
    use uuid::Uuid;

    const SHOP: &str = "https://shop.example";

    fn ids() -> (CustomerId, SessionId) {
        (CustomerId::from_uuid(Uuid::from_u128(1)), SessionId::from_uuid(Uuid::from_u128(2)))
    }

    fn noon() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().expect("a time")
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(noon().as_second() + seconds).expect("a time")
    }

    fn shop() -> (Signer, Known) {
        let signer = Signer::new(&Secrets::random(), SHOP);
        let known = Known::new(&signer.public());
        (signer, known)
    }

    fn claims(changed: Value) -> Value {
        let (customer, session) = ids();
        let now = noon().as_second();
        let mut claims =
            json!({ "iss": SHOP, "aud": "souk", "sub": customer, "sid": session, "iat": now, "exp": now + 600 });
        for (name, value) in changed.as_object().expect("fields") {
            claims[name] = value.clone();
        }
        claims
    }

    fn header(signer: &Signer) -> Header {
        Header { typ: Some(TYPE.to_owned()), kid: Some(signer.kid.clone()), ..Header::new(Algorithm::EdDSA) }
    }

    /// Signs anything at all with the shop's own key.
    fn signed(signer: &Signer, header: &Header, claims: &Value) -> String {
        encode(header, claims, &signer.key).expect("a token")
    }

    #[test]
    fn a_token_is_believed_for_ten_minutes() {
        let (signer, known) = shop();
        let (customer, session) = ids();
        let token = signer.sign(customer, session, noon());
        let claims = known.check(&token, SHOP, later(599)).expect("believed");
        assert_eq!((claims.sub, claims.sid, claims.exp - claims.iat), (customer, session, ACCESS_SECONDS));
        assert_eq!(known.check(&token, SHOP, later(600)), Err(Refused::Expired));
        assert_eq!(known.check(&token, SHOP, later(-60)), Err(Refused::Wrong), "made in the future");
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_not_believed() {
        let (signer, known) = shop();
        let (customer, session) = ids();
        let token = signer.sign(customer, session, noon());
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(known.check(&changed, SHOP, noon()).is_err(), "place {place} of {token}");
        }
    }

    #[test]
    fn another_algorithm_is_refused_whatever_it_is_signed_with() {
        let (signer, known) = shop();
        let body = URL_SAFE_NO_PAD.encode(claims(json!({})).to_string());
        for alg in ["none", "None", "HS256", "RS256", "ES256"] {
            let head = json!({ "alg": alg, "typ": TYPE, "kid": signer.kid });
            let unsigned = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(head.to_string()));
            assert_eq!(known.check(&unsigned, SHOP, noon()), Err(Refused::Wrong), "{alg}");
        }
        // The public key as an HMAC secret: the confusion of 2015.
        let public = URL_SAFE_NO_PAD.decode(&signer.public().keys[0].x).expect("a key");
        for secret in [public.as_slice(), signer.public().keys[0].x.as_bytes()] {
            let header = Header { alg: Algorithm::HS256, ..header(&signer) };
            let token = encode(&header, &claims(json!({})), &EncodingKey::from_secret(secret)).expect("a token");
            assert_eq!(known.check(&token, SHOP, noon()), Err(Refused::Wrong));
        }
    }

    #[test]
    fn a_token_of_another_type_issuer_audience_or_life_is_refused() {
        let (signer, known) = shop();
        assert!(known.check(&signed(&signer, &header(&signer), &claims(json!({}))), SHOP, noon()).is_ok());
        for typ in [None, Some("JWT"), Some("id+jwt"), Some("dpop+jwt")] {
            let header = Header { typ: typ.map(str::to_owned), ..header(&signer) };
            assert_eq!(known.check(&signed(&signer, &header, &claims(json!({}))), SHOP, noon()), Err(Refused::Wrong));
        }
        let now = noon().as_second();
        for changed in [
            json!({ "iss": "https://evil.example" }),
            json!({ "aud": "another" }),
            json!({ "sub": "prod_00000000000000000000000001" }),
            json!({ "exp": now + 601 }),
            json!({ "exp": "never" }),
            json!({ "exp": null }),
            json!({ "iat": null }),
            json!({ "iss": null }),
            json!({ "aud": null }),
        ] {
            let token = signed(&signer, &header(&signer), &claims(changed.clone()));
            assert_eq!(known.check(&token, SHOP, noon()), Err(Refused::Wrong), "{changed}");
        }
        let critical = Header { crit: Some(vec!["exp".to_owned()]), ..header(&signer) };
        assert_eq!(known.check(&signed(&signer, &critical, &claims(json!({}))), SHOP, noon()), Err(Refused::Wrong));
    }

    #[test]
    fn a_key_that_the_token_brings_along_is_not_looked_at() {
        let (signer, known) = shop();
        let thief = Signer::new(&Secrets::random(), SHOP);
        let jwk = Jwk::from_encoding_key(&thief.key, Algorithm::EdDSA).expect("a key");
        let header =
            Header { jwk: Some(jwk), jku: Some("https://evil.example/jwks.json".to_owned()), ..header(&signer) };
        assert_eq!(known.check(&signed(&thief, &header, &claims(json!({}))), SHOP, noon()), Err(Refused::Wrong));
        let (customer, session) = ids();
        assert_eq!(known.check(&thief.sign(customer, session, noon()), SHOP, noon()), Err(Refused::UnknownKey));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let (signer, known) = shop();
        let long = format!("{}.{}.x", "a".repeat(3_000), "b".repeat(3_000));
        for text in ["", ".", "..", "a.b.c", "souk_sk_key", long.as_str()] {
            assert_eq!(known.check(text, SHOP, noon()), Err(Refused::Wrong), "{text}");
        }
        let without_kid = Header { kid: None, ..header(&signer) };
        assert_eq!(known.check(&signed(&signer, &without_kid, &claims(json!({}))), SHOP, noon()), Err(Refused::Wrong));
    }

    #[test]
    fn a_new_master_secret_signs_and_the_old_one_is_still_believed() {
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let open = |secrets: &str| {
            let mut server = crate::Config::defaults().server;
            secrets.clone_into(&mut server.secrets);
            Signer::new(&Secrets::open(&server).expect("secrets"), SHOP)
        };
        let (before, after) = (open(&old), open(&format!("{new}\n{old}")));
        let (customer, session) = ids();
        let known = Known::new(&after.public());
        assert!(known.check(&before.sign(customer, session, noon()), SHOP, noon()).is_ok());
        let token = after.sign(customer, session, noon());
        assert!(known.check(&token, SHOP, noon()).is_ok());
        assert_eq!(Known::new(&before.public()).check(&token, SHOP, noon()), Err(Refused::UnknownKey));
        assert_eq!(decode_header(&token).expect("a header").kid, Some(after.public().keys[0].kid.clone()));
    }
}
