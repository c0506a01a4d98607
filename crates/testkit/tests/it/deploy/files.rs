//! The files of `deploy/`, read as their readers read them.

use std::collections::{BTreeMap, HashMap};

use platform::Config;
use platform::config::read_env_file;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Every file of `deploy/` by its path in there; a test may plant a mistake.
#[derive(Debug, Clone)]
pub struct Files(pub BTreeMap<String, String>);

impl Files {
    pub fn read() -> Self {
        let mut files = BTreeMap::new();
        for folder in ["", "env/", "nginx/", "systemd/"] {
            let entries = std::fs::read_dir(testkit::repository().join("deploy").join(folder)).expect("a folder");
            for entry in entries.map(|entry| entry.expect("an entry")) {
                if entry.file_type().expect("its kind").is_file() {
                    let name = format!("{folder}{}", entry.file_name().to_string_lossy());
                    files.insert(name, std::fs::read_to_string(entry.path()).expect("text"));
                }
            }
        }
        Self(files)
    }

    /// The file; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// With `from` replaced once by `to`.
    pub fn planted(&self, name: &str, from: &str, to: &str) -> Self {
        let text = self.text(name);
        assert!(text.contains(from), "{name} has no {from:?} to replace");
        let mut files = self.clone();
        files.0.insert(name.to_owned(), text.replacen(from, to, 1));
        files
    }

    pub fn compose(&self) -> Result<Compose, String> {
        serde_saphyr::from_str(self.text("compose.yaml")).map_err(|error| format!("compose.yaml: {error}"))
    }

    /// What `.env` is when its secrets are filled in.
    pub fn filled_in(&self) -> HashMap<String, String> {
        let mut all = read_env_file(self.text(".env.example")).expect("KEY=value");
        for value in all.values_mut().filter(|value| value.is_empty()) {
            "0123456789abcdef0123456789abcdef".clone_into(value);
        }
        all
    }

    /// The instructions of the Containerfile: the first word, and the rest on one line.
    pub fn image(&self) -> Vec<(String, String)> {
        let text = self.text("Containerfile");
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let whole = lines.join("\n").replace("\\\n", " ");
        let instructions = whole.lines().filter_map(|line| line.split_once(' '));
        instructions.map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())).collect()
    }

    /// The last instruction of this name.
    pub fn image_says(&self, word: &str) -> String {
        self.image().into_iter().rev().find(|(name, _)| name == word).map(|(_, rest)| rest).unwrap_or_default()
    }

    /// The settings of a container of ours: image, env files, environment. `with_examples`: also those that the
    /// files only show, behind a `#`.
    pub fn settings(&self, container: &Container, with_examples: bool) -> Result<Config, String> {
        let mut all = HashMap::new();
        for (word, rest) in self.image() {
            if word == "ENV" {
                all.extend(read_env_file(&rest)?);
            }
        }
        for file in &container.env_file {
            let text = self.0.get(&format!("{file}.example"));
            let mut text = text.ok_or_else(|| format!("there is no deploy/{file}.example"))?.clone();
            if with_examples {
                text = text.replace("\n#SOUK_", "\nSOUK_");
            }
            all.extend(read_env_file(&text).map_err(|why| format!("{file}.example: {why}"))?);
        }
        let known = self.filled_in();
        for (key, value) in &container.environment {
            all.insert(key.clone(), interpolated(value, &known)?);
        }
        if let Some(key) = all.keys().find(|key| !key.starts_with("SOUK_")) {
            return Err(format!("{key} is no setting: they begin with SOUK_"));
        }
        let mounted = all.remove("SOUK_CONFIG").ok_or("SOUK_CONFIG names no file")?;
        let source = container.volumes.iter().find_map(|volume| match volume {
            Volume::Bind { source, target, .. } if *target == mounted => Some(source),
            _ => None,
        });
        let source = source.ok_or_else(|| format!("SOUK_CONFIG: nothing is mounted at {mounted}"))?;
        let text = self.text(&format!("{}.example", source.trim_start_matches("./")));
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        Config::load(Some(file.path()), &all)
    }
}

/// `${NAME:?why}` filled in, as compose does; nothing else of its grammar is used.
pub fn interpolated(text: &str, known: &HashMap<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) = after.split_once('}').ok_or_else(|| format!("`{text}`: a brace is not closed"))?;
        let (name, _) = inside.split_once(":?").ok_or_else(|| format!("`{text}`: write ${{NAME:?why}}"))?;
        let value = known.get(name).ok_or_else(|| format!("{name} is not in .env.example"))?;
        filled = filled + before + value;
        rest = after;
    }
    Ok(filled + rest)
}

/// compose.yaml, as far as ours goes: a key that is not here is refused, so that a misspelt one is found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    #[serde(rename = "name")]
    _name: IgnoredAny,
    #[serde(rename = "x-souk")]
    _souk: IgnoredAny,
    pub services: BTreeMap<String, Container>,
    pub networks: BTreeMap<String, Network>,
    pub volumes: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    pub image: String,
    pub restart: String,
    /// Not started with the others.
    #[serde(default)]
    pub profiles: Vec<String>,
    pub stop_grace_period: String,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub hostname: String,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub read_only: bool,
    #[serde(default)]
    pub tmpfs: Vec<String>,
    #[serde(default)]
    pub cap_drop: Vec<String>,
    #[serde(default)]
    pub security_opt: Vec<String>,
    #[serde(default)]
    pub expose: Vec<String>,
    #[serde(default)]
    pub ports: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub env_file: Vec<String>,
    #[serde(default)]
    pub volumes: Vec<Volume>,
    pub healthcheck: HealthCheck,
    #[serde(default)]
    pub depends_on: BTreeMap<String, Dependency>,
    pub networks: Vec<String>,
    pub logging: Logging,
    #[serde(default, rename = "shm_size")]
    _shm_size: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Volume {
    /// `name:/path`, or `./file:/path:ro`.
    Short(String),
    Bind {
        source: String,
        target: String,
        read_only: bool,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    pub test: Vec<String>,
    #[serde(rename = "interval")]
    _interval: IgnoredAny,
    #[serde(rename = "timeout")]
    _timeout: IgnoredAny,
    #[serde(rename = "retries")]
    _retries: IgnoredAny,
    #[serde(rename = "start_period")]
    _start_period: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    pub condition: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    #[serde(rename = "driver")]
    _driver: IgnoredAny,
    pub options: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub ipam: Ipam,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ipam {
    pub config: Vec<Range>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub subnet: String,
    pub gateway: String,
}
