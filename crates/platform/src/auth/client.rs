//! Where a request comes from, for throttles: never kept or logged in clear.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;

use crate::{Ctx, Problem};

const FORWARDED: &str = "x-forwarded-for";
/// One customer of a provider has at least so many addresses.
const V6_PREFIX_BITS: u8 = 64;

/// The asker's network address: of IPv6 its /64. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(Option<IpAddr>);

impl ClientAddress {
    /// An HMAC of it in base64url: the same address gives the same text, and only the shop can tell which.
    /// What is not known at all (a test without a connection) is one address.
    pub fn hashed(&self, ctx: &Ctx) -> String {
        let address = self.0.map(|address| address.to_string()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(ctx.secrets.derive("client-address", &[address.as_bytes()]))
    }
}

impl std::fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientAddress(…)")
    }
}

impl FromRequestParts<Ctx> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Ctx) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let trusted = &ctx.config.server.trusted_proxies;
        Ok(Self(peer.map(|peer| network(client(peer, &parts.headers, trusted)))))
    }
}

/// Behind trusted proxies the nearest address that none of them has; what stands before it is hearsay.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED).iter().rev().filter_map(|line| line.to_str().ok());
    for text in lines.flat_map(|line| line.rsplit(',')) {
        if !is_trusted(client) {
            break;
        }
        match address(text.trim()) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// With or without a port: some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    plain.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(|address| address.to_canonical())
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(_) => IpNet::new(address, V6_PREFIX_BITS).map_or(address, |net| net.network()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, line.parse().expect("a header"));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
        network(client(peer.parse().expect("an address"), &headers, &trusted)).to_string()
    }

    #[test]
    fn a_forwarded_address_is_believed_from_trusted_proxies_alone() {
        assert_eq!(asked("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(asked("127.0.0.1", &["1.1.1.1"], &["127.0.0.0/8"]), "1.1.1.1");
        assert_eq!(asked("::ffff:127.0.0.1", &["1.1.1.1"], &["127.0.0.0/8"]), "1.1.1.1");
        assert_eq!(asked("127.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.7"], &["127.0.0.0/8", "10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(asked("127.0.0.1", &["6.6.6.6", "1.1.1.1:4711"], &["127.0.0.0/8"]), "1.1.1.1");
        assert_eq!(asked("127.0.0.1", &["1.1.1.1, unknown"], &["127.0.0.0/8"]), "127.0.0.1");
        assert_eq!(asked("127.0.0.1", &[], &["127.0.0.0/8"]), "127.0.0.1");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        assert_eq!(asked("2001:db8:1:2:3::4", &[], &[]), "2001:db8:1:2::");
        assert_eq!(asked("::1", &["[2001:db8::5]:80"], &["::1/128"]), "2001:db8::");
    }
}
