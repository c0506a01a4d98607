//! Cookie mode, for browsers: the tokens live where no script reads them.

use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use platform::auth::{ACCESS_COOKIE, tokens::ACCESS_SECONDS};
use platform::config::Server;

use crate::log_in::Tokens;

pub const REFRESH_COOKIE: &str = "souk_refresh";
/// The one path that the refresh token is sent to.
const REFRESH_PATH: &str = "/v1/sessions";

/// The two cookies of a session; each goes when its token does.
pub fn set(headers: &mut HeaderMap, server: &Server, tokens: &Tokens, now: Timestamp) {
    let lasts = now.duration_until(tokens.expires_at).as_secs().max(0);
    put(headers, server, ACCESS_COOKIE, &tokens.access, "/", ACCESS_SECONDS);
    put(headers, server, REFRESH_COOKIE, &tokens.refresh, REFRESH_PATH, lasts);
}

/// Takes both away.
pub fn clear(headers: &mut HeaderMap, server: &Server) {
    put(headers, server, ACCESS_COOKIE, "", "/", 0);
    put(headers, server, REFRESH_COOKIE, "", REFRESH_PATH, 0);
}

/// Tokens are kept by nobody on the way.
pub fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn put(headers: &mut HeaderMap, server: &Server, name: &str, value: &str, path: &str, seconds: i64) {
    let secure = if server.public_url.starts_with("http://") { "" } else { "; Secure" };
    let cookie = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    headers.append(SET_COOKIE, cookie.parse().expect("our tokens and paths are visible ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(public_url: &str) -> Vec<String> {
        let mut server = platform::Config::defaults().server;
        public_url.clone_into(&mut server.public_url);
        let mut headers = HeaderMap::new();
        let tokens = Tokens {
            session: "ses_00000000000000000000000001".parse().expect("an id"),
            customer: "cus_00000000000000000000000001".parse().expect("an id"),
            access: "a.b.c".to_owned(),
            refresh: "souk_rt_x".to_owned(),
            expires_at: Timestamp::from_second(1_000).expect("a time"),
        };
        set(&mut headers, &server, &tokens, Timestamp::from_second(400).expect("a time"));
        clear(&mut headers, &server);
        headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn no_script_and_no_other_site_gets_the_tokens() {
        assert_eq!(
            cookies("https://shop.example"),
            [
                "souk_access=a.b.c; Path=/; Max-Age=600; HttpOnly; SameSite=Strict; Secure",
                "souk_refresh=souk_rt_x; Path=/v1/sessions; Max-Age=600; HttpOnly; SameSite=Strict; Secure",
                "souk_access=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
                "souk_refresh=; Path=/v1/sessions; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
            ]
        );
    }

    #[test]
    fn only_a_shop_without_tls_sends_them_without() {
        assert!(cookies("http://127.0.0.1:8080").iter().all(|cookie| !cookie.contains("Secure")));
    }
}
