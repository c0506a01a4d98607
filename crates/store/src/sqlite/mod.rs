//! SQLite: one writer thread with group commit, a pool of reader threads, WAL.

mod connection;
mod readers;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::oneshot;

pub(crate) use connection::Connection;

use crate::db::{Options, Shared, Write};
use crate::tx::Setting;
use crate::{BoxFuture, Error, Result, Sql, Value};

/// Older ones can corrupt a WAL that several connections write and checkpoint (sqlite.org/wal.html).
const VERSION_MIN: i32 = 3_051_003;

pub(crate) struct Sqlite {
    path: PathBuf,
    writer: writer::Writer,
    readers: readers::Readers,
}

impl Sqlite {
    pub(crate) fn open(path: &str, options: &Options) -> Result<Self> {
        if rusqlite::version_number() < VERSION_MIN {
            return Err(Error::Schema(format!(
                "SQLite {} is too old: 3.51.3 is the oldest that is safe here",
                rusqlite::version()
            )));
        }
        let path = PathBuf::from(path.trim_start_matches("//"));
        if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
            return Err(Error::Schema("a SQLite database is a file: `sqlite:souk.db`".to_owned()));
        }
        let writer = writer::Writer::start(&path, options.wait_max)?;
        let readers = readers::Readers::start(&path, options)?;
        Ok(Self { path, writer, readers })
    }

    /// Durable commits so far, a group counted once.
    pub(crate) fn commits(&self) -> &AtomicU64 {
        self.writer.commits()
    }

    pub(crate) async fn write<I, T, E>(
        &self,
        setting: Setting,
        shared: Arc<Shared>,
        input: I,
        f: impl Write<I, T, E>,
    ) -> (Result<T, E>, u64)
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(setting, shared, input, f).await
    }

    pub(crate) async fn read<I, T, E>(&self, setting: Setting, input: I, f: impl Write<I, T, E>) -> (Result<T, E>, u64)
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.read(setting, input, f).await
    }

    pub(crate) fn query(&self, sql: &'static Sql, params: Vec<Value>) -> BoxFuture<'_, Result<Vec<Vec<Value>>>> {
        Box::pin(async move { self.readers.run(move |conn| conn.query(sql, &params)).await? })
    }

    pub(crate) async fn prepare(&self, sql: &'static Sql) -> Result<()> {
        self.readers.run(move |conn| conn.prepare(sql)).await?
    }

    pub(crate) async fn plan(&self, sql: &'static Sql) -> Result<Vec<String>> {
        self.readers.run(move |conn| conn.plan(sql)).await?
    }

    /// An operating system lock on a file beside the database: gone with the process, however it ends.
    pub(crate) fn lock_alone(&self) -> Result<Option<File>> {
        let beside = lock_path(&self.path);
        let unavailable = |error: std::io::Error| Error::Unavailable(format!("{}: {error}", beside.display()));
        let file = File::create(&beside).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Whether a task waits, runs, or was given up: its thread and its caller decide it once, between them.
#[derive(Clone, Default)]
struct Turn(Arc<AtomicU8>);

const WAITS: u8 = 0;
const RUNS: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Turn {
    /// For the thread: `false` when nobody waits any more.
    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITS, RUNS, SeqCst, SeqCst).is_ok()
    }

    /// For the caller: `false` when it has begun, and its answer will come.
    fn give_up(&self) -> bool {
        self.0.compare_exchange(WAITS, GIVEN_UP, SeqCst, SeqCst).is_ok()
    }

    /// Waits for the answer, at most `wait_max` for the beginning.
    async fn answer<A>(self, mut answer: oneshot::Receiver<A>, wait_max: Duration, who: Who) -> Result<A> {
        struct Caller(Turn);
        impl Drop for Caller {
            fn drop(&mut self) {
                self.0.give_up();
            }
        }
        let caller = Caller(self);
        let answered = match tokio::time::timeout(wait_max, &mut answer).await {
            Err(_) if caller.0.give_up() => return Err(Error::Busy(who.is_busy)),
            Err(_) => answer.await,
            Ok(answered) => answered,
        };
        answered.map_err(|_| Error::Unavailable(who.has_failed.to_owned()))
    }
}

/// Who is waited for, in words.
#[derive(Clone, Copy)]
struct Who {
    is_busy: &'static str,
    has_failed: &'static str,
}

/// Runs a transaction's function: on SQLite its every await is ready at once, so one that is not waits
/// for something else.
fn poll_once<T, E: From<Error>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::{Context, Poll, Waker};

    let polled = catch_unwind(AssertUnwindSafe(move || {
        let mut future = std::pin::pin!(future);
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }));
    match polled {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(Error::Waited.into()),
        Err(panic) => Err(Error::Panicked(panic_text(panic.as_ref())).into()),
    }
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}
