//! A disk that can be full: a file system of its own, in a file. Only root mounts one.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;

/// More than PostgreSQL lets its log grow to, so that it is full only when it is filled. The file has holes.
const BYTES: u64 = 3 << 30;

/// A mounted disk. Unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    mounted: TempDir,
    _image: TempDir,
}

impl Disk {
    pub fn mount() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("`--faults full-disk`: only root mounts a disk for PostgreSQL; run it as root, or name the \
                        others by `--faults`"
                .to_owned());
        }
        let folder = |prefix: &str| {
            tempfile::Builder::new().prefix(prefix).tempdir().map_err(|why| format!("no temporary folder: {why}"))
        };
        let (image, mounted) = (folder("souk-image-")?, folder("souk-disk-")?);
        let file = image.path().join("disk");
        let sized = File::create(&file).and_then(|file| file.set_len(BYTES));
        sized.map_err(|why| format!("{}: {why}", file.display()))?;
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&file))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(mounted.path()))?;
        Ok(Self { mounted, _image: image })
    }

    pub fn path(&self) -> &Path {
        self.mounted.path()
    }

    /// Leaves nothing free; what PostgreSQL gives up meanwhile it may take again.
    pub fn fill(&self) -> Result<(), String> {
        let ballast = File::create(self.ballast()).map_err(|why| format!("a ballast: {why}"))?;
        let (mut at, mut step) = (0, BYTES);
        while step >= 4096 {
            match fallocate(&ballast, FallocateFlags::empty(), at, step) {
                Ok(()) => at += step,
                Err(_) => step /= 2,
            }
        }
        Ok(())
    }

    pub fn free(&self) -> Result<(), String> {
        std::fs::remove_file(self.ballast()).map_err(|why| format!("the ballast: {why}"))
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who still has a file open on it ends with us.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|why| format!("{program}: {why}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim()))
}
