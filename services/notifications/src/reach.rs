//! Which addresses an endpoint may have. A shop that fetches what staff type in must not be talked into
//! asking its own network (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

pub const URL_CHARS_MAX: usize = 2_048;

/// Not on the public internet (IANA's special-purpose registries), or a cloud's own.
const PRIVATE_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
    // Azure's host, which answers to its guests only.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// The only part of IPv6 that is public...
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// ... without what is special in it: protocols (Teredo, ORCHID), documentation, 6to4.
const PRIVATE_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is one that anybody on the internet reaches. What only stands for another one
/// (IPv4-mapped, NAT64, 6to4) is not.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !PRIVATE_V4.iter().any(|(net, bits)| v4(*net, *bits).contains(&address)),
        IpAddr::V6(address) => {
            v6(PUBLIC_V6.0, PUBLIC_V6.1).contains(&address)
                && !PRIVATE_V6.iter().any(|(net, bits)| v6(*net, *bits).contains(&address))
        }
    }
}

fn v4(net: Ipv4Addr, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(net, bits)
}

fn v6(net: Ipv6Addr, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(net, bits)
}

/// Reads an endpoint's address; what it is called is looked up elsewhere. `allow_private` is the setting.
///
/// Errors: why not, for the person who typed it.
pub fn read_url(text: &str, allow_private: bool) -> Result<Url, &'static str> {
    if text.chars().count() > URL_CHARS_MAX {
        return Err("is longer than 2048 characters");
    }
    let url = Url::parse(text).map_err(|_| "is no URL like `https://example.com/souk`")?;
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        _ => return Err("must begin with `https://`: what endpoints are told is nobody else's business"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password: the signature says who sends");
    }
    if url.fragment().is_some() {
        return Err("must not hold a fragment (`#…`): it would not be sent");
    }
    match url.host() {
        None => Err("must name a host"),
        Some(host) if !allow_private && literal(&host).is_some_and(|address| !is_public(address)) => Err(PRIVATE),
        Some(_) => Ok(url),
    }
}

pub const PRIVATE: &str = "leads to an address that is not on the public internet";

/// The address that a host is, in whatever notation it was typed: the URL standard has read it already.
fn literal(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        Host::Domain(_) => None,
    }
}

/// The name to look up; `None` where the host is an address.
pub fn name_of(url: &Url) -> Option<&str> {
    url.domain()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 \
        127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 \
        192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 \
        224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 \
        ::ffff:93.184.216.34 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::a00:1 100::1 2001::1 2001:10::1 \
        2001:db8::1 2002:7f00:1:: 2002:a00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 \
        ff02::1";
    const PUBLIC: &str = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 \
        128.0.0.0 168.63.129.15 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 \
        192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::1 \
        2001:4860:4860::8888";

    #[test]
    fn only_the_public_internet_is_reached() {
        for private in PRIVATE.split_whitespace() {
            assert!(!is_public(private.parse().expect(private)), "{private}");
        }
        for public in PUBLIC.split_whitespace() {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
    }

    #[test]
    fn an_address_is_seen_in_any_notation() {
        for typed in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://0x7f.0.0.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://017700000001/",
            "https://127.0.0.1./",
            "https://127。0。0。1/",
            "https://①②⑦.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[0:0:0:0:0:ffff:7f00:0001]/",
            "https://%31%32%37.0.0.1/",
            "https:\\\\127.0.0.1\\",
            "https://0/",
            "https://10.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::7f00:1]/",
            "https://192.168.1.1:8443/hook",
        ] {
            assert_eq!(read_url(typed, false).map(String::from), Err(super::PRIVATE), "{typed}");
            assert!(read_url(typed, true).is_ok(), "{typed}: for development");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_mend() {
        for (typed, part) in [
            ("http://example.com/", "https://"),
            ("ftp://example.com/", "https://"),
            ("file:///etc/passwd", "https://"),
            ("gopher://example.com/", "https://"),
            ("https://user:pass@example.com/", "user or password"),
            ("https://user@example.com/", "user or password"),
            ("https://example.com/#here", "fragment"),
            ("https://", "is no URL"),
            ("/hook", "is no URL"),
            ("https://exa mple.com", "is no URL"),
        ] {
            let why = read_url(typed, false).expect_err(typed);
            assert!(why.contains(part), "{typed}: {why}");
        }
        assert!(read_url(&format!("https://example.com/{}", "x".repeat(URL_CHARS_MAX)), false).is_err());
        let url = read_url("https://hooks.example.com:8443/souk?shop=1", false).expect("an endpoint");
        assert_eq!(name_of(&url), Some("hooks.example.com"));
        assert_eq!(name_of(&read_url("https://93.184.216.34/", false).expect("an endpoint")), None);
    }
}
