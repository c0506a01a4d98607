//! Asks Stripe: forms out, JSON in. What it answers is either a yes, a no for good, or nothing to rely on.
//!
//! Nothing of what it says is logged but codes: its messages may speak of the buyer's card.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The version whose words we read.
const API_VERSION: &str = "2026-10-28.endive";
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longer than any gateway is waited for: `gateway_seconds_max` ends it before.
const ANSWER_MAX: Duration = Duration::from_secs(70);
const ANSWER_BYTES_MAX: usize = 1 << 20;
const IDLE_CONNECTIONS_MAX: usize = 32;

pub struct Wire {
    base: String,
    api_key: String,
    http: &'static reqwest::Client,
}

/// An answer, and whether it was given to this key before.
pub struct Answered<T> {
    pub body: T,
    pub is_replay: bool,
}

/// Why there is no answer to go by.
pub enum NotAnswered {
    Refused(Refusal),
    /// It may have done it, or may yet.
    Unknown(String),
}

/// A no that stays one.
#[derive(Debug, Default)]
pub struct Refusal {
    status: u16,
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct ErrorObject {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorObject,
}

impl From<ErrorObject> for Refusal {
    fn from(ErrorObject { kind, code, decline_code }: ErrorObject) -> Self {
        Self { status: 0, kind, code, decline_code }
    }
}

impl Refusal {
    /// In a word: the bank's, else Stripe's.
    pub fn reason(&self) -> String {
        // `generic_decline` says less than the code that it comes with.
        let decline = self.decline_code.as_deref().filter(|code| *code != "generic_decline");
        let word = decline.or(self.code.as_deref()).unwrap_or(&self.kind);
        let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let word: String = word.chars().filter(|letter| is_word(*letter)).take(64).collect();
        if word.is_empty() { "refused".to_owned() } else { word }
    }

    /// The key was used for something else.
    pub fn is_other_use_of_key(&self) -> bool {
        self.kind == "idempotency_error"
    }

    pub fn is_missing(&self) -> bool {
        self.status == 404
    }
}

impl Wire {
    pub fn new(api_url: &str, api_key: &str) -> Self {
        let base = format!("{}/v1", api_url.trim_end_matches('/'));
        Self { base, api_key: api_key.to_owned(), http: client() }
    }

    /// Asks for a change under a key: once, however often it is asked.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, String)],
        key: &str,
    ) -> Result<Answered<T>, NotAnswered> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request(Method::POST, path).header("Idempotency-Key", key).body(body);
        self.ask(request.header("Content-Type", "application/x-www-form-urlencoded")).await
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, NotAnswered> {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        Ok(self.ask(self.request(Method::GET, &path)).await?.body)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.base));
        request.bearer_auth(&self.api_key).header("Stripe-Version", API_VERSION)
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answered<T>, NotAnswered> {
        let lost = |error: reqwest::Error| NotAnswered::Unknown(format!("no answer: {}", error.without_url()));
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let is_replay = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        let bytes = read(&mut response).await?;
        if !status.is_success() {
            return Err(refusal(status, &bytes));
        }
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Answered { body, is_replay }),
            Err(error) => Err(NotAnswered::Unknown(format!("its answer can't be read: {error}"))),
        }
    }
}

/// One for the process: it keeps connections.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        reqwest::Client::builder()
            .user_agent(concat!("Souk/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build()
            .expect("a client without certificates of its own is always built")
    })
}

async fn read(response: &mut Response) -> Result<Vec<u8>, NotAnswered> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES_MAX => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(NotAnswered::Unknown("its answer is too long".to_owned())),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(NotAnswered::Unknown(format!("half an answer: {}", error.without_url()))),
        }
    }
}

/// Only what it refuses by name, for what we asked, is a no: its own troubles, and a wrong key of ours, are not.
fn refusal(status: StatusCode, bytes: &[u8]) -> NotAnswered {
    let said: Option<ErrorBody> = serde_json::from_slice(bytes).ok();
    let Some(ErrorBody { error }) = said else {
        return NotAnswered::Unknown(format!("it answers {status}"));
    };
    let refusal = Refusal { status: status.as_u16(), ..Refusal::from(error) };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NotAnswered::Unknown(format!(
            "it answers {status}: set this way to pay's `api_key` to the secret key of your Stripe account"
        )),
        StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND => NotAnswered::Refused(refusal),
        _ => NotAnswered::Unknown(format!("it answers {status}, {}", refusal.reason())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> Result<String, String> {
        match refusal(StatusCode::from_u16(status).expect("a status"), body.as_bytes()) {
            NotAnswered::Refused(refusal) => Ok(refusal.reason()),
            NotAnswered::Unknown(why) => Err(why),
        }
    }

    #[test]
    fn only_what_is_refused_by_name_is_a_no() {
        let error = |inner: &str| format!(r#"{{"error":{{{inner}}}}}"#);
        let declined = error(r#""type":"card_error","code":"card_declined","decline_code":"insufficient_funds""#);
        assert_eq!(said(402, &declined).as_deref(), Ok("insufficient_funds"));
        let declined = error(r#""type":"card_error","code":"card_declined","decline_code":"generic_decline""#);
        assert_eq!(said(402, &declined).as_deref(), Ok("card_declined"));
        assert_eq!(
            said(400, &error(r#""type":"invalid_request_error","message":"x""#)).as_deref(),
            Ok("invalid_request_error")
        );
        assert_eq!(said(400, &error(r#""type":"<b>É""#)).as_deref(), Ok("b"));
        for status in [401, 403, 409, 429, 500, 503, 302] {
            said(status, &error(r#""type":"api_error""#)).expect_err("nothing to rely on");
        }
        said(400, "<html>").expect_err("another house answers");
        assert!(said(401, &error(r#""type":"invalid_request_error""#)).expect_err("a wrong key").contains("`api_key`"));
    }
}
