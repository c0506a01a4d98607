//! Runs commands so that none outlives us: each in a process group of its own, ended with us.

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const POLL_MILLIS: u64 = 50;
const GRACE_SECONDS: u64 = 10;

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Turns ctrl-c, SIGTERM and SIGHUP into [`interrupted`], so that guards run and clean up.
pub fn listen_for_signals() -> Result<(), String> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .map_err(|why| format!("no handler for signal {signal}: {why}"))?;
    }
    Ok(())
}

/// Whether somebody asked us to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Runs a command with our output as its output. An error says which command failed and how.
pub fn run(command: &mut Command) -> Result<(), String> {
    let mut child = start(command)?;
    let status = finish(&mut child, command)?;
    succeeded(status, command)
}

/// Like [`run`], and shows each line of its stdout to `see` as it is printed.
pub fn run_watched(command: &mut Command, see: impl FnMut(&str) + Send) -> Result<(), String> {
    let mut child = start(command.stdout(Stdio::piped()))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let status = thread::scope(|scope| {
        scope.spawn(|| forward(BufReader::new(stdout), see));
        let status = finish(&mut child, command);
        // A process that a failed test left behind holds the pipe: the reader would wait for it for ever.
        signal_group(&child, Signal::TERM);
        status
    })?;
    succeeded(status, command)
}

/// The stdout of a short command.
pub fn output(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).output().map_err(|why| format!("{}: {why}", shown(command)))?;
    if !done.status.success() {
        let stderr = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{} failed ({}): {}", shown(command), done.status, stderr.trim()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn start(command: &mut Command) -> Result<Child, String> {
    command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|why| format!("cannot start `{}`: {why}", shown(command)))
}

/// Waits for the child; when we are interrupted, ends it and what it started.
fn finish(child: &mut Child, command: &Command) -> Result<ExitStatus, String> {
    while !interrupted() {
        if let Some(status) = child.try_wait().map_err(|why| format!("{}: {why}", shown(command)))? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
    signal_group(child, Signal::INT);
    let deadline = Instant::now() + Duration::from_secs(GRACE_SECONDS);
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(POLL_MILLIS));
    }
    if matches!(child.try_wait(), Ok(None)) {
        signal_group(child, Signal::KILL);
        let _ = child.wait();
    }
    Err(format!("interrupted: `{}`", shown(command)))
}

fn succeeded(status: ExitStatus, command: &Command) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command))) }
}

/// Tells the child's whole group; one that is already gone is no error.
fn signal_group(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

fn forward(mut from: impl BufRead, mut see: impl FnMut(&str)) {
    let mut line = Vec::new();
    while matches!(from.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        see(text.trim_end());
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_status() {
        let why = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(why, "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn watched_lines_arrive_and_a_process_left_behind_does_not_hold_us() {
        let mut seen = Vec::new();
        let begun = Instant::now();
        let script = "echo one; (sleep 60 &) ; echo two";
        run_watched(Command::new("sh").args(["-c", script]), |line| {
            seen.push(line.to_owned());
        })
        .unwrap();
        assert_eq!(seen, ["one", "two"]);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
