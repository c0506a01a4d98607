//! Sessions of customers: an access token as bearer, or in a cookie of a browser.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use contracts::customers::{CustomerId, SessionId};

use super::{KEY_PREFIX, bearer, unauthenticated};
use crate::config::Server;
use crate::problem::Kind;
use crate::{Ctx, Problem};

/// Where a browser keeps the access token.
pub const ACCESS_COOKIE: &str = "souk_access";

/// A customer who is logged in. Without a valid session: 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub customer: CustomerId,
    pub session: SessionId,
}

/// As [`Session`], where a guest may ask as well. A bearer token that is not valid is a 401 all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalSession(pub Option<Session>);

impl FromRequestParts<Ctx> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        let detail = "log in with `POST /v1/sessions`, and send `Authorization: Bearer <access_token>` or its cookie";
        find(parts, ctx).await?.ok_or_else(|| unauthenticated(detail))
    }
}

impl FromRequestParts<Ctx> for OptionalSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        find(parts, ctx).await.map(Self)
    }
}

/// The session of a request. A staff key is none; any other bearer has to be valid. Else its cookie's: what
/// another scheme says (a proxy's own password) is not for us. A cookie that is not valid is as none: a browser
/// sends it unasked.
pub(super) async fn find(parts: &Parts, ctx: &Ctx) -> Result<Option<Session>, Problem> {
    if let Some(token) = bearer(parts) {
        if token.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let claims = ctx.identity.check(ctx, token).await?;
        return Ok(Some(Session { customer: claims.sub, session: claims.sid }));
    }
    let Some(token) = cookie(&parts.headers, ACCESS_COOKIE) else { return Ok(None) };
    match ctx.identity.check(ctx, token).await {
        Ok(claims) => {
            let Parts { method, headers, .. } = parts;
            must_be_same_origin(method, headers, &ctx.config.server)?;
            Ok(Some(Session { customer: claims.sub, session: claims.sid }))
        }
        Err(problem) if problem.status == Kind::Unauthenticated.status() => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// A change that a cookie stands for has to come from a page of the shop: browsers say where from, and
/// scripts can't forge it. Reads are free: CORS lets no other page see the answer.
///
/// Errors: 403 `request.cross_site`.
pub fn must_be_same_origin(method: &Method, headers: &HeaderMap, server: &Server) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || is_same_origin(headers, server) {
        return Ok(());
    }
    let detail = "a request with cookies has to come from a page of this shop (`Sec-Fetch-Site`, `Origin`); \
                  programs send `Authorization: Bearer <access_token>`";
    Err(Problem::new(Kind::Forbidden, "request.cross_site", detail))
}

fn is_same_origin(headers: &HeaderMap, server: &Server) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text(ORIGIN.as_str())
        && (origin == server.public_url || server.cors_origins.iter().any(|known| known == origin))
    {
        return true;
    }
    matches!(text("sec-fetch-site"), Some("same-origin" | "none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let mut server = crate::Config::defaults().server;
        server.public_url = "https://shop.example".to_owned();
        server.cors_origins = vec!["https://app.example".to_owned()];
        server
    }

    fn asked(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
        must_be_same_origin(&method, &headers.collect(), &server()).is_ok()
    }

    #[test]
    fn a_change_by_cookie_comes_from_a_page_of_the_shop() {
        assert!(asked(Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(asked(Method::POST, &[("sec-fetch-site", "none")]));
        assert!(asked(Method::DELETE, &[("origin", "https://shop.example")]));
        assert!(asked(Method::POST, &[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")]));
        for headers in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "https://shop.example.evil.example")],
            &[("origin", "http://shop.example")],
        ] {
            assert!(!asked(Method::POST, headers), "{headers:?}");
            assert!(asked(Method::GET, headers), "{headers:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; souk_access=x.y.z ;b=2".parse().expect("a header"));
        headers.append(COOKIE, "souk_refresh=r".parse().expect("a header"));
        assert_eq!(cookie(&headers, "souk_access"), Some("x.y.z"));
        assert_eq!(cookie(&headers, "souk_refresh"), Some("r"));
        assert_eq!(cookie(&headers, "access"), None);
    }
}
