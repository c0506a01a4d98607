//! `souk health`: asks the process that these settings started whether it can serve. A container has no other program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::say;

/// A process that answers later is not one to send buyers to.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// Prints what `/health/ready` of `server.listen` answers.
///
/// # Errors
/// It does not answer, or is not ready, and why.
pub(crate) async fn run(listen: &str) -> Result<(), String> {
    let url = format!("http://{}/health/ready", address(listen));
    // What is asked is this machine, without TLS: no certificates are read, and no proxy is asked.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().timeout(ANSWER_MAX).build();
    let silent = |error: reqwest::Error| format!("setting `server.listen`: {url} does not answer: {}", cause(&error));
    let answer = client.map_err(silent)?.get(&url).send().await.map_err(silent)?;
    let status = answer.status();
    let text = answer.text().await.map_err(silent)?;
    if status.is_success() {
        say(&text);
        Ok(())
    } else {
        Err(format!("{url} answers {status}: {text}"))
    }
}

/// Who listens on every address of the machine is asked on its own.
fn address(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(mut address) if address.ip().is_unspecified() => {
            let own = if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
            address.set_ip(own);
            address.to_string()
        }
        _ => listen.to_owned(),
    }
}

/// The last of the chain: what the machine said.
fn cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.0.0.7:80", "10.0.0.7:80"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(address(listen), asked);
        }
    }
}
