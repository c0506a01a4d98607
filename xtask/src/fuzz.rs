//! `cargo xtask fuzz-api`: schemathesis over the whole shop's OpenAPI document, with every check.
//!
//! Two runs against a sample shop of its own: two customers, who must not see each other's things; then the
//! owner, who may do everything. What it means that a run finds nothing, `fuzz/schemathesis.toml` says.

use crate::process::run;
use crate::test::target_folder;
use crate::{root, tools};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const CHECKS: &str = include_str!("fuzz/schemathesis.toml");
const SHOP: &str = include_str!("fuzz/souk.toml");
const PASSWORD: &str = "a long walk to the sea";
const ANSWER_SECONDS_MAX: u64 = 30;

/// Runs both; fails where schemathesis finds something.
pub fn fuzz_api(seconds: u64, seed: u64) -> Result<(), String> {
    let schemathesis = tools::schemathesis()?;
    run(Command::new("cargo").args(["build", "--package", "souk"]).current_dir(root()))?;
    let shop = SampleShop::open()?;
    for name in ["alice", "bob"] {
        shop.register(name)?;
    }
    let customers = Run { name: "two customers", seconds, seed, options: vec!["--exclude-path-regex", "^/v1/admin/"] };
    customers.go(&schemathesis, &shop, &auth(&shop))?;
    let owner = format!("Authorization: Bearer {}", shop.staff_key);
    let staff = Run { name: "the owner", seconds, seed, options: vec!["-H", &owner] };
    staff.go(&schemathesis, &shop, "")
}

struct Run<'a> {
    name: &'static str,
    seconds: u64,
    seed: u64,
    options: Vec<&'a str>,
}

impl Run<'_> {
    fn go(&self, schemathesis: &Path, shop: &SampleShop, auth: &str) -> Result<(), String> {
        println!("\nschemathesis as {} (at most {} s, seed {})\n", self.name, self.seconds, self.seed);
        let settings = shop.folder.path().join("schemathesis.toml");
        fs::write(&settings, format!("{CHECKS}\n{auth}")).map_err(|why| format!("{}: {why}", settings.display()))?;
        let mut command = Command::new(schemathesis);
        command
            .arg("--config-file")
            .arg(&settings)
            .args(["run", &format!("http://{}/api-docs/openapi.json", shop.address)]);
        command.args(["--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--request-timeout", "35"]);
        command.args(["--max-time", &self.seconds.to_string(), "--seed", &self.seed.to_string(), "-n", "100"]);
        run(command.args(&self.options).current_dir(shop.folder.path()))
            .map_err(|why| format!("as {}, schemathesis found something: {why}", self.name))
    }
}

/// Two people for schemathesis, by their own log in (Web Fuzzing Commons' format).
fn auth(shop: &SampleShop) -> String {
    let entry = |name: &str| {
        format!(
            "  - name: {name}\n    loginEndpointAuth:\n      endpoint: /v1/sessions\n      verb: POST\n      contentType: application/json\n      \
             payloadRaw: '{{\"email\": \"{name}@example.com\", \"password\": \"{PASSWORD}\"}}'\n      \
             token: {{ extractFrom: body, extractSelector: /access_token, sendIn: header, sendName: Authorization, sendTemplate: 'Bearer {{token}}' }}\n"
        )
    };
    let people = shop.folder.path().join("people.yaml");
    let text = format!("auth:\n{}{}", entry("alice"), entry("bob"));
    fs::write(&people, text).expect("the shop's own folder can be written");
    format!("[auth.wfc]\npath = \"{}\"\npeers = [\"alice\", \"bob\"]\nrefresh_interval = 300\n", people.display())
}

/// `souk demo` in a folder of its own; stopped when dropped.
struct SampleShop {
    process: Child,
    /// Kept open: it goes on printing.
    _output: BufReader<ChildStdout>,
    address: String,
    staff_key: String,
    folder: TempDir,
}

impl SampleShop {
    fn open() -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("souk-fuzz-").tempdir().map_err(|why| why.to_string())?;
        let address = free_address().map_err(|why| format!("no free port on 127.0.0.1: {why}"))?;
        let settings = folder.path().join("souk.toml");
        fs::write(&settings, SHOP.replace("ADDRESS", &address)).map_err(|why| why.to_string())?;
        let mut process = Command::new(target_folder()?.join("debug/souk"))
            .arg("--config")
            .arg(&settings)
            .args(["demo", "--folder", "shop"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| format!("cannot start the sample shop: {why}"))?;
        let mut output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let key = staff_key(&mut output);
        let shop = Self { process, _output: output, address, staff_key: key.clone().unwrap_or_default(), folder };
        key.map(|_| shop)
    }

    fn register(&self, name: &str) -> Result<(), String> {
        let body = format!(r#"{{"email":"{name}@example.com","password":"{PASSWORD}"}}"#);
        let asked = |why: std::io::Error| format!("registering {name}: {why}");
        let mut stream = TcpStream::connect(&self.address).map_err(asked)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).map_err(asked)?;
        let head = format!(
            "POST /v1/customers HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).map_err(asked)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(asked)?;
        if answer.starts_with("HTTP/1.1 201") { Ok(()) } else { Err(format!("registering {name}: {answer}")) }
    }
}

impl Drop for SampleShop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The sample shop prints its staff key once it is open.
fn staff_key(output: &mut impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    let mut said = String::new();
    while output.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(key) = line.trim().strip_prefix("staff key: ") {
            return Ok(key.to_owned());
        }
        said.push_str(&line);
        line.clear();
    }
    Err(format!("the sample shop did not open; it said:\n{said}"))
}

fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
