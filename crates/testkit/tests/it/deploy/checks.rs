//! What must hold of the files of `deploy/`, without an engine that runs containers. Each finding names its place.

use std::collections::{BTreeMap, BTreeSet};

use contracts::SERVICES;
use platform::Config;
use reqwest::Url;

use super::files::{Compose, Container, Files, Volume, interpolated};

/// Programs that the images of others have, as far as known without an engine: no image was pulled.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("postgres", &["postgres", "pg_isready"]),
    ("rabbitmq", &["rabbitmq-diagnostics"]),
    ("nginx", &["sh", "curl", "nginx"]),
];
/// What PostgreSQL keeps for its superuser.
const CONNECTIONS_RESERVED: usize = 3;
/// Each service may run twice.
const COPIES: usize = 2;

/// Everything that is wrong with them.
pub fn findings(files: &Files) -> Vec<String> {
    let compose = match files.compose() {
        Ok(compose) => compose,
        Err(why) => return vec![why],
    };
    let mut wrong = Wrong::default();
    services(&compose, &mut wrong);
    image(files, &compose, &mut wrong);
    secrets(files, &mut wrong);
    proxies(files, &compose, &mut wrong);
    volumes(files, &compose, &mut wrong);
    for (name, container) in &compose.services {
        around(name, container, &compose, &mut wrong);
    }
    let mut connections = 0;
    for (name, container) in ours(&compose) {
        for with_examples in [true, false] {
            match files.settings(container, with_examples) {
                Ok(config) if with_examples => drop(config),
                Ok(config) => {
                    connections += config.database.connections_max;
                    settings(name, &config, files, &compose, &mut wrong);
                }
                Err(why) => wrong.that(format!("{name}: {why}")),
            }
        }
    }
    pools(connections * COPIES + commands(files, &compose, &mut wrong), &compose, &mut wrong);
    units(files, &mut wrong);
    wrong.0
}

/// The containers of the services.
pub fn ours(compose: &Compose) -> impl Iterator<Item = (&String, &Container)> {
    let is_ours = |container: &Container| container.image.starts_with("${IMAGE") && container.profiles.is_empty();
    compose.services.iter().filter(move |(_, container)| is_ours(container))
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn that(&mut self, what: String) {
        self.0.push(what);
    }

    fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.that(what());
        }
    }
}

/// Each service has exactly one container, which is named after it.
fn services(compose: &Compose, wrong: &mut Wrong) {
    let mut run: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, container) in ours(compose) {
        let command: Vec<&str> = container.command.iter().map(String::as_str).collect();
        let ["serve", "--services", service] = command[..] else {
            wrong.that(format!("{name}: {command:?} serves no service"));
            continue;
        };
        *run.entry(service).or_default() += 1;
        wrong.unless(SERVICES.contains(&service), || format!("{name}: there is no service {service}"));
        wrong.unless(name == service, || format!("{name}: runs {service}, and is not named so"));
        let env = format!("env/{name}.env");
        wrong.unless(container.env_file == [env.clone()], || format!("{name}: its settings are not {env}"));
    }
    for service in SERVICES {
        let containers = run.get(service).copied().unwrap_or(0);
        wrong.unless(containers == 1, || format!("{service}: {containers} containers run it"));
    }
}

/// What holds of each container.
fn around(name: &str, container: &Container, compose: &Compose, wrong: &mut Wrong) {
    for (other, dependency) in &container.depends_on {
        wrong
            .unless(compose.services.contains_key(other), || format!("{name}: depends on {other}, which is not there"));
        let is_healthy = dependency.condition == "service_healthy";
        wrong.unless(is_healthy, || format!("{name}: does not wait until {other} is healthy"));
    }
    let test: Vec<&str> = container.healthcheck.test.iter().map(String::as_str).collect();
    let image = container.image.split(':').next().unwrap_or_default();
    if let Some((_, programs)) = PROGRAMS.iter().find(|(known, _)| *known == image) {
        let is_known = matches!(test[..], ["CMD", program, ..] if programs.contains(&program));
        wrong.unless(is_known, || format!("{name}: its image has no program for {test:?}"));
        let starts = container.command.first().is_none_or(|program| programs.contains(&program.as_str()));
        wrong.unless(starts, || format!("{name}: its image has no program for {:?}", container.command));
    } else {
        wrong.unless(image == "${IMAGE", || format!("{name}: nobody looked up what the image {image} has"));
    }
    for network in &container.networks {
        wrong.unless(compose.networks.contains_key(network), || format!("{name}: there is no network {network}"));
    }
    for published in &container.ports {
        let is_own = name == "nginx" && published.starts_with("127.0.0.1:");
        wrong.unless(is_own, || format!("{name}: publishes {published}: only nginx does, on this machine"));
    }
    let restart = if container.profiles.is_empty() { "unless-stopped" } else { "no" };
    wrong.unless(container.restart == restart, || format!("{name}: is not started again"));
    let logs = &container.logging.options;
    wrong.unless(logs.contains_key("max-size") && logs.contains_key("max-file"), || format!("{name}: endless logs"));
    let is_guarded = container.read_only && container.cap_drop == ["ALL"] && !container.security_opt.is_empty();
    let is_engine = ["postgres", "rabbitmq"].contains(&name);
    wrong.unless(is_engine || is_guarded, || format!("{name}: may do more than it has to"));
    let is_ours = container.image.starts_with("${IMAGE");
    let is_root = container.user.is_empty() || container.user.starts_with("0");
    wrong.unless(is_engine || is_ours || !is_root, || format!("{name}: runs as root"));
    wrong.unless(is_engine || container.tmpfs == ["/tmp"], || format!("{name}: has no /tmp to write to"));
    let keeps_its_name = name != "rabbitmq" || !container.hostname.is_empty();
    wrong.unless(keeps_its_name, || format!("{name}: its messages belong to a host name that changes"));
}

/// What one of our containers is told, against the others.
fn settings(name: &str, config: &Config, files: &Files, compose: &Compose, wrong: &mut Wrong) {
    let container = &compose.services[name];
    let must_be_there = |what: &str, url: &str, wrong: &mut Wrong| {
        let parsed = Url::parse(url).ok();
        let host = parsed.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        let port = parsed.as_ref().and_then(Url::port).map(|port| port.to_string()).unwrap_or_default();
        let there = compose.services.get(&host).is_some_and(|other| other.expose.contains(&port));
        wrong.unless(there, || format!("{name}: {what}: no container {host} listens on port {port}"));
        host
    };
    for (what, url) in [("database.url", &config.database.url), ("bus.url", &config.bus.url)] {
        let host = must_be_there(what, url, wrong);
        wrong.unless(container.depends_on.contains_key(&host), || format!("{name}: does not wait for {host}"));
    }
    for other in SERVICES {
        match config.peers.get(other) {
            Some(_) if other == name => wrong.that(format!("{name}: peers.{other} is itself")),
            Some(url) => {
                let host = must_be_there(&format!("peers.{other}"), url, wrong);
                wrong.unless(host == other, || format!("{name}: peers.{other} is {host}"));
            }
            None => wrong.unless(other == name, || format!("{name}: peers.{other} is missing")),
        }
    }
    for peer in config.peers.keys().filter(|peer| !SERVICES.contains(&peer.as_str())) {
        wrong.that(format!("{name}: peers.{peer} is no service"));
    }
    let port = config.server.listen.rsplit(':').next().unwrap_or_default();
    let is_said = container.expose == [port] && files.image_says("EXPOSE") == port;
    wrong.unless(is_said, || format!("{name}: listens on {port}, and that is not what it or its image exposes"));
    let grace = seconds(&container.stop_grace_period);
    let enough = grace > config.server.shutdown_seconds_max;
    wrong.unless(enough, || format!("{name}: is killed after {grace} s, while it may still end what is in hand"));
    let proxies: Vec<String> = config.server.trusted_proxies.iter().map(ToString::to_string).collect();
    let own = compose.networks.values().flat_map(|network| &network.ipam.config).map(|range| range.subnet.clone());
    wrong.unless(own.eq(proxies.iter().cloned()), || format!("{name}: server.trusted_proxies is {proxies:?}"));
}

/// What runs commands has every service in itself, as many connections as it says, and is not started by itself.
fn commands(files: &Files, compose: &Compose, wrong: &mut Wrong) -> usize {
    let Some(container) = compose.services.get("souk").filter(|container| !container.profiles.is_empty()) else {
        wrong.that("souk: no container runs commands".to_owned());
        return 0;
    };
    match files.settings(container, false) {
        Ok(config) => {
            wrong.unless(config.peers.is_empty(), || "souk: asks peers, which may not be there".to_owned());
            config.database.connections_max
        }
        Err(why) => {
            wrong.that(format!("souk: {why}"));
            0
        }
    }
}

/// Every pool of every copy fits into the database.
fn pools(connections: usize, compose: &Compose, wrong: &mut Wrong) {
    let words = compose.services.get("postgres").map(|postgres| postgres.command.join(" ")).unwrap_or_default();
    let most = words.split("max_connections=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    let most: usize = most.unwrap_or(100);
    let wanted = connections + CONNECTIONS_RESERVED;
    wrong.unless(wanted <= most, || format!("postgres: has {most} connections, and the shop may want {wanted}"));
}

/// Secrets have no default, and what is asked for can be filled in.
fn secrets(files: &Files, wrong: &mut Wrong) {
    let (known, text) = (files.filled_in(), files.text("compose.yaml"));
    for line in text.lines().filter(|line| line.contains("${")) {
        if let Err(why) = interpolated(line, &known) {
            wrong.that(format!("compose.yaml: {why}"));
        }
    }
    for line in files.text(".env.example").lines() {
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        wrong.unless(text.contains(&format!("${{{key}:?")), || format!(".env.example: nothing asks for {key}"));
        let is_secret = ["PASSWORD", "TOKEN", "SECRETS"].iter().any(|word| key.ends_with(word));
        wrong.unless(!is_secret || value.is_empty(), || format!(".env.example: {key} is the same for everybody"));
    }
}

/// nginx knows each service where its container is, and who stands before it.
fn proxies(files: &Files, compose: &Compose, wrong: &mut Wrong) {
    let text = files.text("nginx/upstreams.compose.conf");
    let mut named = BTreeSet::new();
    let mut upstream = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("upstream ") {
            upstream = name.trim_end_matches(" {");
            named.insert(upstream);
        }
        let Some(server) = line.strip_prefix("server ") else { continue };
        let (address, how) = server.split_once(' ').unwrap_or((server, ""));
        let (host, port) = address.split_once(':').unwrap_or((address, "80"));
        let there = compose.services.get(host).is_some_and(|container| container.expose.iter().any(|own| own == port));
        wrong.unless(there, || format!("nginx: upstream {upstream}: no container {host} listens on port {port}"));
        wrong.unless(host == upstream, || format!("nginx: upstream {upstream} is {host}"));
        wrong.unless(how.starts_with("resolve "), || format!("nginx: upstream {upstream} is looked up only once"));
    }
    let missing: Vec<_> = SERVICES.iter().filter(|service| !named.contains(*service)).collect();
    wrong.unless(missing.is_empty(), || format!("nginx: no upstream for {missing:?}"));
    let front = files.text("nginx/listen.compose.conf");
    for range in compose.networks.values().flat_map(|network| &network.ipam.config) {
        let is_known = front.contains(&format!("set_real_ip_from {};", range.gateway));
        wrong.unless(is_known, || format!("nginx: does not know the gateway {}", range.gateway));
    }
    let Some(nginx) = compose.services.get("nginx") else { return };
    let waits: BTreeSet<&str> = nginx.depends_on.keys().map(String::as_str).collect();
    wrong.unless(waits == SERVICES.into(), || format!("nginx: waits for {waits:?}"));
    for published in &nginx.ports {
        let port = published.rsplit(':').next().unwrap_or_default();
        wrong.unless(front.contains(&format!("listen {port};")), || format!("nginx: does not listen on {port}"));
    }
}

/// What is mounted is declared, used, or there.
fn volumes(files: &Files, compose: &Compose, wrong: &mut Wrong) {
    let mut used = BTreeSet::new();
    for (name, container) in &compose.services {
        let mut targets = BTreeSet::new();
        for volume in &container.volumes {
            let (source, target, is_closed) = match volume {
                Volume::Bind { source, target, read_only } => (source.as_str(), target.as_str(), *read_only),
                Volume::Short(text) => {
                    let (source, rest) = text.split_once(':').unwrap_or((text, ""));
                    (source, rest.trim_end_matches(":ro"), rest.ends_with(":ro"))
                }
            };
            targets.insert(target);
            match source.strip_prefix("./") {
                Some(file) => {
                    let there = files.0.contains_key(file) || files.0.contains_key(&format!("{file}.example"));
                    wrong.unless(there && is_closed, || {
                        format!("{name}: {source} is no file of deploy/, to read alone")
                    });
                }
                None => {
                    used.insert(source);
                    let is_declared = compose.volumes.contains_key(source);
                    wrong.unless(is_declared, || format!("{name}: the volume {source} is not declared"));
                }
            }
        }
        if name == "nginx" {
            let includes =
                files.text("nginx/nginx.conf").lines().filter_map(|line| line.trim().strip_prefix("include "));
            for file in includes.map(|file| file.trim_end_matches(';')) {
                let is_mounted = targets.contains(format!("/etc/souk/{file}").as_str());
                wrong.unless(is_mounted, || format!("nginx: nginx.conf includes {file}, which is not mounted"));
            }
        }
    }
    for volume in compose.volumes.keys() {
        wrong.unless(used.contains(volume.as_str()), || format!("the volume {volume} is mounted nowhere"));
    }
}

/// The Containerfile says what compose.yaml counts on.
fn image(files: &Files, compose: &Compose, wrong: &mut Wrong) {
    let says = |word: &str| files.image_says(word);
    wrong.unless(says("FROM") == "scratch", || format!("the image stands on {}", says("FROM")));
    let user: u32 = says("USER").split(':').next().unwrap_or_default().parse().unwrap_or(0);
    wrong.unless(user > 0, || format!("the image runs as `{}`: write a number that is not root's", says("USER")));
    let builds = files.image().iter().any(|(word, rest)| {
        word == "RUN" && rest.contains("+crt-static") && rest.contains("--locked") && rest.contains("--target")
    });
    wrong.unless(builds, || "the image's binary is not static".to_owned());
    let manifest = std::fs::read_to_string(testkit::repository().join("Cargo.toml")).expect("Cargo.toml");
    let rust = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let from = files.image().into_iter().find(|(word, _)| word == "FROM").map(|(_, rest)| rest).unwrap_or_default();
    wrong.unless(from.contains(&format!("/rust:{rust}-")), || {
        format!("the image is built from {from}, not Rust {rust}")
    });
    let checks = says("HEALTHCHECK").split_once("CMD ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    let checks: Vec<String> = serde_json::from_str(&checks).unwrap_or_default();
    let entry: Vec<String> = serde_json::from_str(&says("ENTRYPOINT")).unwrap_or_default();
    wrong.unless(!entry.is_empty() && checks.starts_with(&entry), || format!("the image checks itself by {checks:?}"));
    for (name, container) in ours(compose) {
        let test = container.healthcheck.test.split_first().map(|(_, rest)| rest.to_vec()).unwrap_or_default();
        wrong.unless(test == checks, || format!("{name}: is checked by {test:?}, the image by {checks:?}"));
    }
}

/// The units start what there is, and give it the time to end.
fn units(files: &Files, wrong: &mut Wrong) {
    let most = Config::defaults().server.shutdown_seconds_max;
    for name in ["systemd/souk.service", "systemd/souk@.service"] {
        let says = |key: &str| {
            let line = files.text(name).lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        wrong.unless(says("ExecStart").starts_with("/usr/local/bin/souk "), || {
            format!("{name}: starts another program")
        });
        wrong.unless(seconds(&says("TimeoutStopSec")) > most, || format!("{name}: is killed while it ends"));
        for (key, value) in [("User", "souk"), ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict")] {
            wrong.unless(says(key) == value, || format!("{name}: {key} is not {value}"));
        }
        wrong.unless(says("Restart") == "always", || format!("{name}: is not started again"));
    }
}

/// `30s`, `1m`, `30`.
fn seconds(text: &str) -> u64 {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    text.strip_suffix('m').map_or_else(|| number(text.trim_end_matches('s')), |minutes| 60 * number(minutes))
}
