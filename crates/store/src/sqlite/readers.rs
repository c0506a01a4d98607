//! Reader threads over one bounded queue; each has its own memory-mapped connection.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{Connection, Turn, Who, panic_text, poll_once};
use crate::db::{Options, Write};
use crate::tx::{Conn, Setting, Tx};
use crate::{Error, Result};

/// More threads than this only wait for each other's pages. More than there are cores take turns on them.
const THREADS_MAX: usize = 8;
const THREADS_MIN: usize = 2;
const QUEUE_MAX: usize = 4_096;

const READERS: Who = Who { is_busy: "too many reads wait", has_failed: "the reader failed" };

type Task = Box<dyn FnOnce(Connection) -> Connection + Send>;

pub(super) struct Readers {
    queue: Arc<Queue>,
    wait_max: Duration,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    closed: bool,
}

impl Readers {
    #[allow(clippy::disallowed_methods, reason = "readers are threads of their own; they end with the last handle")]
    pub(super) fn start(path: &Path, options: &Options) -> Result<Self> {
        let queue = Arc::new(Queue::default());
        let runtime = Handle::try_current().ok();
        let cores = std::thread::available_parallelism().map_or(THREADS_MIN, usize::from);
        let threads = cores.clamp(THREADS_MIN, THREADS_MAX).min(options.connections_max.max(1));
        for number in 0..threads {
            let thread =
                Thread { conn: Some(Connection::open_reader(path)?), path: path.to_owned(), queue: Arc::clone(&queue) };
            let runtime = runtime.clone();
            std::thread::Builder::new()
                .name(format!("souk-reader-{number}"))
                .spawn(move || {
                    let _entered = runtime.as_ref().map(Handle::enter);
                    thread.read_all();
                })
                .map_err(|error| Error::Unavailable(format!("no thread for a reader: {error}")))?;
        }
        Ok(Self { queue, wait_max: options.wait_max })
    }

    /// Runs `f` on a reader's connection.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T> {
        self.hand_over(move |mut conn| {
            let result = f(&mut conn);
            (conn, result)
        })
        .await
    }

    pub(super) async fn read<I, T, E>(&self, setting: Setting, input: I, f: impl Write<I, T, E>) -> (Result<T, E>, u64)
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let read = self.hand_over(move |conn| {
            let mut tx = Tx::new(Conn::Sqlite(conn), &setting);
            let result = read_view(&mut tx, &input, &f);
            let statements = tx.statements;
            match tx.conn {
                Conn::Sqlite(conn) => (conn, (result, statements)),
                Conn::Postgres(_) => unreachable!("the reader made this transaction on SQLite"),
            }
        });
        read.await.unwrap_or_else(|error| (Err(error.into()), 0))
    }

    async fn hand_over<T: Send + 'static>(
        &self,
        f: impl FnOnce(Connection) -> (Connection, T) + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let turn = Turn::default();
        let begins = turn.clone();
        let task: Task = Box::new(move |conn| {
            if !begins.begin() {
                return conn;
            }
            let (conn, result) = f(conn);
            // The caller may have hung up: a read leaves nothing behind.
            let _ = reply.send(result);
            conn
        });
        {
            let mut state = self.queue.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.tasks.len() >= QUEUE_MAX {
                return Err(Error::Busy(READERS.is_busy));
            }
            state.tasks.push_back(task);
        }
        self.queue.changed.notify_one();
        turn.answer(answer, self.wait_max, READERS).await
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.queue.changed.notify_all();
    }
}

/// What a reader's thread works with.
struct Thread {
    /// `None` after a failure that left it in doubt: it is opened again.
    conn: Option<Connection>,
    path: PathBuf,
    queue: Arc<Queue>,
}

impl Thread {
    fn read_all(mut self) {
        while let Some(task) = self.next() {
            let conn = match self.conn.take().map_or_else(|| Connection::open_reader(&self.path), Ok) {
                Ok(conn) => conn,
                Err(error) => {
                    // The dropped task's caller sees that the reader failed.
                    tracing::error!(%error, "a reader can't be opened again");
                    continue;
                }
            };
            self.conn = match catch_unwind(AssertUnwindSafe(|| task(conn))) {
                Ok(conn) => Some(conn).filter(Connection::has_no_transaction),
                Err(panic) => {
                    tracing::error!(panic = panic_text(panic.as_ref()), "a reader's thread caught a panic");
                    None
                }
            };
        }
    }

    fn next(&self) -> Option<Task> {
        let state = self.queue.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |state: &mut State| state.tasks.is_empty() && !state.closed;
        let mut state = self.queue.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.tasks.pop_front()
    }
}

fn read_view<I, T, E: From<Error>>(tx: &mut Tx, input: &I, f: &impl Write<I, T, E>) -> Result<T, E> {
    control(tx, "BEGIN")?;
    let result = poll_once(async {
        let value = f(tx, input).await?;
        tx.close_view()?;
        Ok(value)
    });
    // Where this fails, the connection is closed and opened again.
    let _ = control(tx, "ROLLBACK");
    result
}

fn control(tx: &mut Tx, text: &'static str) -> Result<()> {
    match &mut tx.conn {
        Conn::Sqlite(conn) => conn.control(text),
        Conn::Postgres(_) => unreachable!("the reader made this transaction on SQLite"),
    }
}
