//! Asks a shop over HTTP, and shows request and answer where an answer is not the one meant.

use std::fmt::Write;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Longer than any answer of the shop may take (`Prefer: wait` ends at 30 s).
const ANSWER_MAX: Duration = Duration::from_secs(45);
const SHOWN_BYTES_MAX: usize = 4_000;

/// Somebody who asks: a shop's address, and the headers that say who it is.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// Nobody in particular.
    pub fn new(base: impl Into<String>) -> Self {
        // Fails only where another test of this process was first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(ANSWER_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client without certificates");
        Self { http, base: base.into(), headers: Vec::new() }
    }

    /// What it asks with, for what is no shop.
    pub fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// The same, with a header on everything it asks.
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| *known != name);
        client.headers.push((name, value.into()));
        client
    }

    /// A header of everything it asks.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The same asker, before another address: a shop that was started again.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub fn get(&self, path: impl AsRef<str>) -> Ask {
        self.ask(Method::GET, path.as_ref(), None)
    }

    pub fn post(&self, path: impl AsRef<str>, body: Value) -> Ask {
        self.ask(Method::POST, path.as_ref(), Some(body))
    }

    pub fn put(&self, path: impl AsRef<str>, body: Value) -> Ask {
        self.ask(Method::PUT, path.as_ref(), Some(body))
    }

    pub fn patch(&self, path: impl AsRef<str>, body: Value) -> Ask {
        self.ask(Method::PATCH, path.as_ref(), Some(body))
    }

    pub fn delete(&self, path: impl AsRef<str>) -> Ask {
        self.ask(Method::DELETE, path.as_ref(), None)
    }

    /// Any method, without a body.
    pub fn ask_with(&self, method: &str, path: &str) -> Ask {
        self.ask(method.parse().expect("an HTTP method"), path, None)
    }

    fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Ask {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut shown = format!("{method} {url}");
        let mut request = self.http.request(method, url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            let _ = write!(shown, "\n{body:#}");
            request = request.json(&body);
        }
        Ask { request, shown }
    }
}

/// A request about to be sent: `.await` it.
#[derive(Debug)]
pub struct Ask {
    request: RequestBuilder,
    shown: String,
}

impl Ask {
    pub fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = value.as_ref();
        let _ = write!(self.shown, "\n{name}: {value}");
        self.request = self.request.header(name, value);
        self
    }

    /// Makes a repeat of this request the same request.
    pub fn key(self, key: impl AsRef<str>) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// Text instead of JSON, with its media type.
    pub fn text(mut self, media_type: &str, body: impl Into<String>) -> Self {
        let body = body.into();
        let _ = write!(self.shown, "\n{}", body.chars().take(200).collect::<String>());
        self.request = self.request.header("Content-Type", media_type).body(body);
        self
    }

    /// As `.await`, for a server that may die while it answers.
    pub async fn sent(self) -> Result<Answer, reqwest::Error> {
        let response = self.request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        Ok(Answer { status, headers, text, asked: self.shown })
    }
}

impl IntoFuture for Ask {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let shown = self.shown.clone();
            self.sent().await.unwrap_or_else(|error| panic!("no answer: {error:?}\nto {shown}"))
        })
    }
}

/// What a shop answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    asked: String,
}

impl Answer {
    /// The body, if this is the status that was meant.
    #[track_caller]
    pub fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "the status is another one\n{}", self.shown());
        self.json()
    }

    /// The problem, if it is refused with this status and code; its form is checked as well (RFC 9457).
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{code} is meant\n{}", self.shown());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.shown());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}", self.shown());
        assert_eq!(problem["status"], status, "{}", self.shown());
        let complete =
            problem["detail"].is_string() && problem["request_id"].is_string() && problem["title"].is_string();
        assert!(complete, "a problem has detail, title and request_id\n{}", self.shown());
        problem
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("the answer is not JSON: {error}\n{}", self.shown()))
    }

    /// A header's text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Request and answer, for the text of a failure.
    pub fn shown(&self) -> String {
        let end = self.text.char_indices().nth(SHOWN_BYTES_MAX).map_or(self.text.len(), |(at, _)| at);
        format!("--- asked\n{}\n--- answered {}\n{}", self.asked, self.status, &self.text[..end])
    }
}
