//! Files that have their name when they are whole, and not before.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// A file beside the one that it is to be; gone when dropped before it got its name. `mode`: who may read it.
pub(crate) fn part_of(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let mut prefix = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
    prefix.push(".");
    let mode = Permissions::from_mode(mode);
    Builder::new().prefix(&prefix).suffix(".part").permissions(mode).tempfile_in(folder_of(path))
}

/// A name is as durable as the folder it stands in.
pub(crate) fn keep(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
