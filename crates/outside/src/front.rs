//! The shop's front: nginx, on the files of `deploy/nginx`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use engines::Nginx;
use serde_json::Value;

/// Tests come from one address, and fast.
const LIMITS: &str = "limit_req_zone $binary_remote_addr zone=requests:1m rate=100000r/s;\n\
     limit_conn_zone $binary_remote_addr zone=connections:1m;\n\
     limit_req zone=requests burst=100000 nodelay;\nlimit_conn connections 10000;\n\
     limit_req_status 429;\nlimit_conn_status 429;\n";

/// A running nginx before the processes of a shop.
#[derive(Debug)]
pub struct Front {
    nginx: Nginx,
}

impl Front {
    /// Sends each path to the service that owns it, at one of its addresses.
    pub fn start(services: &BTreeMap<&str, Vec<SocketAddr>>) -> Self {
        Self::start_with(services, Some(LIMITS))
    }

    /// Over HTTPS, with a certificate that was just made for `localhost`.
    pub fn start_tls(services: &BTreeMap<&str, Vec<SocketAddr>>) -> Self {
        Self::start_on(services, Some(LIMITS), |folder, port| {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
                .args(["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "certificate.pem"])
                .current_dir(folder)
                .output()?;
            assert!(made.status.success(), "openssl makes a certificate: {made:?}");
            let shipped = std::fs::read_to_string(crate::repository().join("deploy/nginx/listen-tls.conf"))?;
            Ok(shipped.replace("listen 443", &format!("listen 127.0.0.1:{port}")))
        })
    }

    /// With other limits; `None`: those that are shipped.
    pub fn start_with(services: &BTreeMap<&str, Vec<SocketAddr>>, limits: Option<&str>) -> Self {
        Self::start_on(services, limits, |_, port| Ok(format!("listen 127.0.0.1:{port};\n")))
    }

    fn start_on(
        services: &BTreeMap<&str, Vec<SocketAddr>>,
        limits: Option<&str>,
        listen: impl Fn(&Path, u16) -> io::Result<String>,
    ) -> Self {
        let nginx = Nginx::start(|folder, port| {
            for file in ["nginx.conf", "routes.conf", "limits.conf"] {
                std::fs::copy(crate::repository().join("deploy/nginx").join(file), folder.join(file))?;
            }
            if let Some(limits) = limits {
                std::fs::write(folder.join("limits.conf"), limits)?;
            }
            std::fs::write(folder.join("listen.conf"), listen(folder, port)?)?;
            std::fs::write(folder.join("upstreams.conf"), upstreams(services))?;
            give_to_workers(folder)
        });
        Self { nginx: nginx.expect("nginx starts on the files of deploy/nginx") }
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.nginx.port()))
    }

    pub fn pid(&self) -> u32 {
        self.nginx.pid()
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.nginx.folder().join(name)
    }

    /// What it noted of its requests, a line of JSON each.
    pub fn requests(&self) -> String {
        std::fs::read_to_string(self.nginx.folder().join("access.log")).unwrap_or_default()
    }
}

/// nginx's workers write large bodies into its folder; started as root they are `nobody`.
fn give_to_workers(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

fn upstreams(services: &BTreeMap<&str, Vec<SocketAddr>>) -> String {
    let mut text = String::new();
    for (service, addresses) in services {
        let _ = writeln!(text, "upstream {service} {{");
        for address in addresses {
            let _ = writeln!(text, "    server {address} max_fails=3 fail_timeout=2s;");
        }
        let _ = writeln!(text, "    keepalive 8;\n}}");
    }
    text
}

/// `deploy/nginx/routes.conf`, from the merged OpenAPI document: a path's first words belong to one service.
///
/// # Panics
/// Where two services own one path.
pub fn routes(document: &Value) -> String {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut streams: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("a document has paths") {
        for operation in item.as_object().expect("a path has operations").values() {
            let Some(service) = operation["tags"][0].as_str() else { continue };
            let prefix = prefix(path);
            let before = owners.insert(prefix.clone(), service.to_owned());
            assert!(before.is_none_or(|before| before == service), "{prefix} has two owners");
            if operation["responses"]["200"]["content"].get("text/event-stream").is_some() {
                streams.insert((path.clone(), service.to_owned()));
            }
        }
    }
    let mut text = "# Which path belongs to which service. Written from the API's document by\n\
         # `UPDATE_FROZEN=1 cargo test -p testkit --test it documents`; a test compares.\n\n"
        .to_owned();
    for (prefix, service) in &owners {
        let _ = writeln!(text, "location {prefix} {{ proxy_pass http://{service}; }}");
    }
    for (path, service) in &streams {
        let _ = writeln!(
            text,
            "\n# Server-sent events: passed on as they come, and silent for a while.\n\
             location ~ ^{}$ {{\n    proxy_buffering off;\n    proxy_pass_header X-Accel-Buffering;\n    gzip off;\n    proxy_read_timeout 90s;\n    proxy_pass http://{service};\n}}",
            pattern(path)
        );
    }
    text + "\n# The shop's own pages and pictures, which every process has.\n\
            location / { proxy_pass http://catalog; }\n"
}

/// `/v1/orders` of `/v1/orders/{order}/events`; `/v1/admin/products` of what staff do.
fn prefix(path: &str) -> String {
    let words = if path.starts_with("/v1/admin/") { 3 } else { 2 };
    path.split('/').skip(1).take(words).fold(String::new(), |prefix, word| prefix + "/" + word)
}

fn pattern(path: &str) -> String {
    path.split('/').map(|word| if word.starts_with('{') { "[^/]+" } else { word }).collect::<Vec<_>>().join("/")
}
