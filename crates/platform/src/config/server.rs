//! How a shop is reached.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: String,
    pub public_url: String,
    pub body_bytes_max: usize,
    pub request_seconds_max: u64,
    pub shutdown_seconds_max: u64,
    pub cors_origins: Vec<String>,
    /// Files here are served under `/media/`; empty: none.
    pub media_folder: String,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Master secrets of the shop, newest first; empty: those of `secrets_file`.
    pub secrets: String,
    pub secrets_file: String,
}

impl Server {
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(origin) = self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(format!(
                "setting `server.cors_origins`: `{origin}` is not an origin like `https://shop.example`"
            ));
        }
        if is_origin(&self.public_url) {
            return Ok(());
        }
        let url = &self.public_url;
        Err(format!(
            "setting `server.public_url`: `{url}` is not scheme, host and port alone, as browsers write an origin: \
             `https://shop.example`. The shop needs a host of its own: its routes and cookies begin at `/`"
        ))
    }
}

/// As a browser writes `Origin`: lower case, no path, no port that the scheme has anyway.
fn is_origin(text: &str) -> bool {
    let is_one =
        |url: reqwest::Url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text;
    !text.contains('*') && reqwest::Url::parse(text).is_ok_and(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_at_an_origin_and_so_are_its_pages() {
        for origin in ["https://shop.example", "http://127.0.0.1:8080", "http://[::1]:8080", "https://shop.example:444"]
        {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "https://shop.example/",
            "https://shop.example/eu",
            "https://shop.example?a",
            "https://shop.example:443",
            "https://user@shop.example",
            "https://Shop.example",
            "https://*",
            "ftp://shop.example",
            "shop.example",
            "",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_by_name() {
        let server = |url: &str, origin: &str| {
            let (public_url, cors_origins) = (url.to_owned(), vec![origin.to_owned()]);
            let server = Server { public_url, cors_origins, ..crate::Config::defaults().server };
            server.check()
        };
        assert_eq!(server("https://shop.example", "https://app.example"), Ok(()));
        let path = server("https://shop.example/eu", "https://app.example").expect_err("a path");
        assert!(path.contains("`server.public_url`") && path.contains("`https://shop.example/eu`"), "{path}");
        let slash = server("https://shop.example", "https://app.example/").expect_err("a slash");
        assert!(slash.contains("`server.cors_origins`"), "{slash}");
    }
}
