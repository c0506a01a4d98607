//! `fakepsp --listen 127.0.0.1:0 --state FOLDER`: the test gateway as a process of its own.
//!
//! Prints the address it serves on. With a folder it goes on where a run that was killed ended.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::path::PathBuf;
use std::process::ExitCode;

use testkit::FakePsp;

const USAGE: &str = "fakepsp [--listen 127.0.0.1:0] [--state FOLDER] [--webhook-url URL --webhook-secret SECRET]";

#[derive(Default)]
struct Arguments {
    listen: Option<String>,
    state: Option<PathBuf>,
    webhook_url: Option<String>,
    webhook_secret: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(read(std::env::args().skip(1))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Result<Arguments, String>) -> Result<(), String> {
    let arguments = arguments?;
    let listen = arguments.listen.as_deref().unwrap_or("127.0.0.1:0");
    let psp = FakePsp::serve(listen, arguments.state.as_deref()).await.map_err(|why| format!("{listen}: {why}"))?;
    match (arguments.webhook_url, arguments.webhook_secret) {
        (Some(url), Some(secret)) => psp.tell(url, secret),
        (None, None) => {}
        _ => return Err("--webhook-url and --webhook-secret go together".to_owned()),
    }
    println!("fakepsp serves on {}", psp.url);
    std::future::pending().await
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--listen" => arguments.listen = Some(value),
            "--state" => arguments.state = Some(value.into()),
            "--webhook-url" => arguments.webhook_url = Some(value),
            "--webhook-secret" => arguments.webhook_secret = Some(value),
            _ => return Err(format!("{word} is no option")),
        }
    }
    Ok(arguments)
}
