//! What a program costs: CPU, memory and bytes written, of a process and all that it started, as the kernel counts them
//! (proc(5)).

use std::collections::BTreeMap;
use std::fs;

use serde::Serialize;

/// What processes have used until now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    pub cpu_ms: f64,
    /// What reached, or will reach, a disk.
    pub written_bytes: u64,
}

/// Memory in use, in MB (10^6 bytes).
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Resident {
    /// Its own: heap, stacks.
    pub anon_mb: f64,
    /// Pages of files that the kernel can take back: code, a mapped database.
    pub file_mb: f64,
}

/// Processes with all their children, by the ids of the first.
pub fn used(roots: &[u32]) -> Used {
    let mut used = Used::default();
    for process in family(roots) {
        used.cpu_ms += cpu_ms(process).unwrap_or(0.0);
        used.written_bytes += field(process, "io", "write_bytes:").unwrap_or(0);
    }
    used
}

pub fn resident(roots: &[u32]) -> Resident {
    let mut resident = Resident::default();
    for process in family(roots) {
        let mb = |name| field(process, "status", name).unwrap_or(0) as f64 * 1_024.0 / 1e6;
        resident.anon_mb += mb("RssAnon:");
        resident.file_mb += mb("RssFile:");
    }
    resident
}

impl Used {
    pub fn since(self, before: Self) -> Self {
        Self {
            // A child that ended takes its time with it.
            cpu_ms: (self.cpu_ms - before.cpu_ms).max(0.0),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
        }
    }
}

fn family(roots: &[u32]) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if let Some(parent) = stat(process).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut all = roots.to_vec();
    let mut at = 0;
    while let Some(process) = all.get(at) {
        if let Some(more) = children.remove(process) {
            all.extend(more);
        }
        at += 1;
    }
    all
}

/// The fields of /proc/PID/stat after the name, which may hold anything.
fn stat(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn cpu_ms(process: u32) -> Option<f64> {
    let fields = stat(process)?;
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 * 1_000.0 / rustix::param::clock_ticks_per_second() as f64)
}

fn field(process: u32, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let me = [std::process::id()];
        let before = used(&me);
        let mut sum = 0_u64;
        while used(&me).since(before).cpu_ms < 20.0 {
            sum = (0..1_000_000_u64).fold(sum, |sum, number| sum.wrapping_mul(31).wrapping_add(number));
        }
        assert!(resident(&me).anon_mb > 0.1 && resident(&me).file_mb > 0.1, "{sum}");
    }
}
