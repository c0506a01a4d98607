//! What the commands need from the machine: says what is missing and how to get it, and gets it when asked.

use crate::process::{output, run};
use engines::{libfaketime, newest_programs};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
const AIOSMTPD: &str = "/usr/lib/python3/dist-packages/aiosmtpd";
const PIKA: &str = "/usr/lib/python3/dist-packages/pika";
const PYTHON: &str = "/usr/bin/python3";
const CARGO_DENY_VERSION: &str = "0.20.2";
const SCHEMATHESIS_VERSION: &str = "4.32.5";
/// The official package of the wire that fakepsp speaks, and another fake of it.
const STRIPE_VERSION: &str = "16.1.0";
const LOCALSTRIPE_VERSION: &str = "1.15.10";

/// A Debian package that `cargo xtask test` needs, and whether it is here.
struct Package {
    name: &'static str,
    gives: &'static str,
    is_here: fn() -> bool,
}

const PACKAGES: [Package; 12] = [
    Package {
        name: "postgresql",
        gives: "PostgreSQL's server programs",
        is_here: || newest_programs(Path::new(POSTGRES_VERSIONS)).is_some(),
    },
    Package {
        name: "rabbitmq-server",
        gives: "RabbitMQ's server",
        is_here: || Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists(),
    },
    Package { name: "nginx-light", gives: "nginx", is_here: || Path::new("/usr/sbin/nginx").exists() },
    Package { name: "util-linux", gives: "setpriv", is_here: || on_path("setpriv").is_some() },
    Package { name: "python3-aiosmtpd", gives: "a mail server (aiosmtpd)", is_here: || Path::new(AIOSMTPD).is_dir() },
    Package { name: "python3-pika", gives: "pika for Python", is_here: || Path::new(PIKA).is_dir() },
    Package { name: "python3-venv", gives: "Python's venv", is_here: || Path::new(PYTHON).exists() && has_venv() },
    Package { name: "curl", gives: "curl", is_here: || on_path("curl").is_some() },
    Package { name: "openssl", gives: "openssl", is_here: || on_path("openssl").is_some() },
    Package { name: "faketime", gives: "a clock that steps (libfaketime)", is_here: || libfaketime().is_some() },
    Package { name: "jq", gives: "jq", is_here: || on_path("jq").is_some() },
    Package { name: "gcc libc6-dev", gives: "a C compiler (cc)", is_here: || on_path("cc").is_some() },
];

/// Refuses in one line when something is missing; with `install`, installs it instead.
pub fn require_for_tests(install: bool) -> Result<(), String> {
    let missing = || PACKAGES.iter().filter(|package| !(package.is_here)()).collect::<Vec<_>>();
    if install && !missing().is_empty() {
        install_packages(&missing())?;
    }
    match missing().as_slice() {
        [] => stripe(install),
        absent => Err(advice(absent)),
    }
}

/// The Python in which the tests of the gateway `stripe` find the packages from PyPI; they know the folder.
fn stripe(install: bool) -> Result<(), String> {
    let folder = cache_folder()?.join(format!("souk-tools/stripe-{STRIPE_VERSION}"));
    let versions = "from importlib.metadata import version as v; print(v('stripe'), v('localstripe'))";
    let is_here = output(Command::new(folder.join("bin/python")).args(["-c", versions]))
        .is_ok_and(|says| says.trim() == format!("{STRIPE_VERSION} {LOCALSTRIPE_VERSION}"));
    if is_here {
        return Ok(());
    }
    let packages = [format!("stripe=={STRIPE_VERSION}"), format!("localstripe=={LOCALSTRIPE_VERSION}")];
    if !install {
        let [stripe, localstripe] = &packages;
        return Err(format!("{stripe} and {localstripe} of PyPI missing: `cargo xtask test --install` gets them"));
    }
    python_packages(&folder, &packages)
}

/// A virtual environment of its own with these packages of PyPI.
fn python_packages(folder: &Path, packages: &[String]) -> Result<(), String> {
    println!("installing {} once into {}", packages.join(" and "), folder.display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))
        .map_err(|why| format!("{why}: python3 and its venv missing? `apt-get install -y python3-venv`"))?;
    let pip = folder.join("bin/pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))
}

/// cargo-deny, installed on first use into a cache of our own and kept for the next time.
pub fn cargo_deny() -> Result<PathBuf, String> {
    let tools = cache_folder()?.join("souk-tools");
    let ours = tools.join("bin/cargo-deny");
    let found = [Some(ours.clone()), on_path("cargo-deny")];
    if let Some(program) = found.into_iter().flatten().find(|program| is_wanted_cargo_deny(program)) {
        return Ok(program);
    }
    println!(
        "cargo-deny {CARGO_DENY_VERSION} is not on this machine: installing it once into {} (about three minutes)",
        tools.display()
    );
    // Built in a folder of its own: an install must not wait for, or mix with, the workspace's target folder.
    run(Command::new("cargo")
        .args(["install", "cargo-deny", "--locked", "--version", CARGO_DENY_VERSION, "--debug", "--root"])
        .arg(&tools)
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(env::temp_dir()))?;
    Ok(ours)
}

/// schemathesis, installed on first use into a virtual environment of our own.
pub fn schemathesis() -> Result<PathBuf, String> {
    let folder = cache_folder()?.join(format!("souk-tools/schemathesis-{SCHEMATHESIS_VERSION}"));
    let program = folder.join("bin/schemathesis");
    if output(Command::new(&program).arg("--version")).is_ok_and(|says| says.contains(SCHEMATHESIS_VERSION)) {
        return Ok(program);
    }
    python_packages(&folder, &[format!("schemathesis=={SCHEMATHESIS_VERSION}")])?;
    Ok(program)
}

fn has_venv() -> bool {
    output(Command::new(PYTHON).args(["-c", "import ensurepip"])).is_ok()
}

fn is_wanted_cargo_deny(program: &Path) -> bool {
    output(Command::new(program).arg("--version"))
        .is_ok_and(|says| says.trim() == format!("cargo-deny {CARGO_DENY_VERSION}"))
}

fn advice(absent: &[&Package]) -> String {
    let gives = absent.iter().map(|package| package.gives).collect::<Vec<_>>().join(" and ");
    let names = absent.iter().map(|package| package.name).collect::<Vec<_>>().join(" ");
    format!("{gives} missing: `apt-get install -y {names}`, or `cargo xtask test --install` which does that")
}

fn install_packages(absent: &[&Package]) -> Result<(), String> {
    let names = absent.iter().flat_map(|package| package.name.split(' '));
    run(&mut as_root("apt-get", ["update"]))?;
    run(as_root("apt-get", ["install", "-y", "--no-install-recommends"]).args(names))
}

fn as_root<const N: usize>(program: &str, arguments: [&str; N]) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env"]);
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", program]).args(arguments);
    command
}

fn cache_folder() -> Result<PathBuf, String> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is set: nowhere to keep tools".to_owned())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_one_line_with_its_mend() {
        let said = advice(&[&PACKAGES[0]]);
        assert_eq!(said.lines().count(), 1);
        assert!(said.contains("apt-get install -y postgresql"), "{said}");
        assert!(said.contains("cargo xtask test --install"), "{said}");
    }
}
