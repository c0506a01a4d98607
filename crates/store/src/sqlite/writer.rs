//! The one writer: transactions are gathered while the last group commits, run one after another as
//! savepoints of one SQLite transaction, committed once, and only then answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::{Connection, Turn, Who, panic_text, poll_once};
use crate::db::{Shared, Write};
use crate::tx::{Conn, Setting, Tx};
use crate::{Error, Result, fault};

/// A group ends here even if more wait.
const GROUP_TRANSACTIONS_MAX: usize = 256;
const GROUP_WORK_MAX: Duration = Duration::from_millis(5);
const QUEUE_MAX: usize = 4_096;

const WRITER: Who =
    Who { is_busy: "too many writes wait", has_failed: "the writer failed; whether this was written is not known" };

/// A transaction on its way through the writer, whatever its types.
trait Task: Send {
    /// `false` when nobody waits for it any more.
    fn begin(&self) -> bool;
    /// Runs it as a savepoint of the open group; hands the connection back.
    fn run(&mut self, conn: Connection) -> Connection;
    /// Told once the group is committed, or not.
    fn answer(self: Box<Self>, committed: Result<(), &str>);
}

type Waiting = mpsc::Receiver<Box<dyn Task>>;

pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Task>>,
    wait_max: Duration,
    commits: Arc<AtomicU64>,
}

impl Writer {
    #[allow(clippy::disallowed_methods, reason = "the writer is a thread of its own; it ends with the last handle")]
    pub(super) fn start(path: &Path, wait_max: Duration) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let conn = Some(Connection::open_writer(path)?);
        let commits = Arc::new(AtomicU64::new(0));
        let mut thread = Thread { conn, path: path.to_owned(), waiting, commits: Arc::clone(&commits) };
        let runtime = Handle::try_current().ok();
        std::thread::Builder::new()
            .name("souk-writer".to_owned())
            .spawn(move || {
                // So that a transaction that sleeps is told that it waited, not that there is no timer.
                let _entered = runtime.as_ref().map(Handle::enter);
                thread.write_groups();
            })
            .map_err(|error| Error::Unavailable(format!("no thread for the writer: {error}")))?;
        Ok(Self { queue, wait_max, commits })
    }

    pub(super) fn commits(&self) -> &AtomicU64 {
        &self.commits
    }

    pub(super) async fn write<I, T, E>(
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
        let (reply, answer) = oneshot::channel();
        let turn = Turn::default();
        let task = Box::new(Transaction { setting, shared, input, f, reply, turn: turn.clone(), ran: None });
        match tokio::time::timeout(self.wait_max, self.queue.send(task)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return (Err(Error::Unavailable("the writer has stopped".to_owned()).into()), 0),
            Err(_) => return (Err(Error::Busy(WRITER.is_busy).into()), 0),
        }
        turn.answer(answer, self.wait_max, WRITER).await.unwrap_or_else(|error| (Err(error.into()), 0))
    }
}

/// What the writer's thread works with.
struct Thread {
    /// `None` after a failure that left it in doubt: it is opened again.
    conn: Option<Connection>,
    path: PathBuf,
    waiting: Waiting,
    commits: Arc<AtomicU64>,
}

impl Thread {
    fn write_groups(&mut self) {
        while let Some(first) = self.waiting.blocking_recv() {
            let conn = match self.conn.take().map_or_else(|| Connection::open_writer(&self.path), Ok) {
                Ok(conn) => conn,
                Err(error) => {
                    self.refuse(first, &error);
                    continue;
                }
            };
            // Of a group that panics outside its members' functions, everything is dropped: the callers
            // see that the writer failed, and the next group begins with a new connection.
            let written = catch_unwind(AssertUnwindSafe(|| self.write_group(conn, first)));
            self.conn = match written {
                Ok(conn) => Some(conn).filter(Connection::has_no_transaction),
                Err(panic) => {
                    tracing::error!(panic = panic_text(panic.as_ref()), "the writer's thread caught a panic");
                    None
                }
            };
        }
    }

    #[allow(clippy::disallowed_methods, reason = "how long a group works is the machine's time, not the shop's")]
    fn write_group(&mut self, mut conn: Connection, first: Box<dyn Task>) -> Connection {
        if let Err(error) = conn.control("BEGIN IMMEDIATE") {
            self.refuse(first, &error);
            return conn;
        }
        let started = Instant::now();
        let mut group: Vec<Box<dyn Task>> = Vec::new();
        let mut next = Some(first);
        while let Some(mut task) = next.take() {
            if task.begin() {
                conn = task.run(conn);
                group.push(task);
            }
            let is_full = group.len() >= GROUP_TRANSACTIONS_MAX || started.elapsed() >= GROUP_WORK_MAX;
            if is_full || conn.has_no_transaction() {
                break;
            }
            next = self.waiting.try_recv().ok();
        }
        let committed = self.commit(&mut conn);
        for task in group {
            task.answer(committed.as_ref().copied().map_err(String::as_str));
        }
        conn
    }

    /// Commits the group, or makes sure that nothing of it is left.
    fn commit(&self, conn: &mut Connection) -> Result<(), String> {
        if conn.has_no_transaction() {
            return Err("the database dropped the transaction (disk full or I/O error)".to_owned());
        }
        fault::point("store.before_commit");
        let committed = conn.control("COMMIT").map_err(|error| error.to_string());
        if committed.is_ok() {
            fault::point("store.after_commit");
            self.commits.fetch_add(1, Relaxed);
        } else if !conn.has_no_transaction() {
            // Where this fails too, the connection is closed, and that rolls back.
            let _ = conn.control("ROLLBACK");
        }
        committed
    }

    /// Answers this task, and what waits with it: each would only wait and fail the same way.
    fn refuse(&mut self, first: Box<dyn Task>, error: &Error) {
        let reason = error.to_string();
        let mut next = Some(first);
        for _ in 0..GROUP_TRANSACTIONS_MAX {
            let Some(task) = next.take() else { return };
            if task.begin() {
                task.answer(Err(&reason));
            }
            next = self.waiting.try_recv().ok();
        }
        if let Some(task) = next.filter(|task| task.begin()) {
            task.answer(Err(&reason));
        }
    }
}

type Answer<T, E> = (Result<T, E>, u64);

struct Transaction<I, T, E, F> {
    setting: Setting,
    shared: Arc<Shared>,
    input: I,
    f: F,
    reply: oneshot::Sender<Answer<T, E>>,
    turn: Turn,
    ran: Option<Ran<T, E>>,
}

struct Ran<T, E> {
    result: Result<T, E>,
    statements: u64,
    said: bool,
    started: Vec<crate::StartedJob>,
}

impl<I, T, E, F> Task for Transaction<I, T, E, F>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: Write<I, T, E>,
{
    fn begin(&self) -> bool {
        self.turn.begin()
    }

    fn run(&mut self, mut conn: Connection) -> Connection {
        let result = conn.control("SAVEPOINT member");
        let mut tx = Tx::new(Conn::Sqlite(conn), &self.setting);
        let result = match result {
            Ok(()) => run_member(&mut tx, &self.input, &self.f),
            Err(error) => Err(error.into()),
        };
        let said = result.is_ok() && !tx.events.is_empty();
        let started = if result.is_ok() { std::mem::take(&mut tx.started) } else { Vec::new() };
        self.ran = Some(Ran { result, statements: tx.statements, said, started });
        match tx.conn {
            Conn::Sqlite(conn) => conn,
            Conn::Postgres(_) => unreachable!("the writer made this transaction on SQLite"),
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), &str>) {
        let Some(ran) = self.ran else {
            let reason = committed.err().unwrap_or("the transaction was not begun").to_owned();
            let _ = self.reply.send((Err(Error::Unavailable(reason).into()), 0));
            return;
        };
        let result = match committed {
            Ok(()) => {
                self.shared.signals.committed(ran.said, ran.started);
                ran.result
            }
            Err(reason) => Err(Error::Unavailable(reason.to_owned()).into()),
        };
        // The caller may have hung up: what is committed stays committed.
        let _ = self.reply.send((result, ran.statements));
    }
}

/// Runs one transaction between its savepoint and its release or rollback.
fn run_member<I, T, E: From<Error>>(tx: &mut Tx, input: &I, f: &impl Write<I, T, E>) -> Result<T, E> {
    let result = poll_once(async {
        let value = f(tx, input).await?;
        tx.flush().await?;
        Ok(value)
    });
    let Conn::Sqlite(conn) = &mut tx.conn else { unreachable!("the writer made this transaction on SQLite") };
    if conn.has_no_transaction() {
        return result.and(Err(Error::Unavailable("the database dropped the transaction".to_owned()).into()));
    }
    let released = match &result {
        Ok(_) => conn.control("RELEASE SAVEPOINT member"),
        Err(_) => conn.control("ROLLBACK TO SAVEPOINT member").and_then(|()| conn.control("RELEASE SAVEPOINT member")),
    };
    if let Err(error) = released {
        // What this member wrote can't be told from its neighbours' any more: none of it may stay.
        let _ = conn.control("ROLLBACK");
        return Err(error.into());
    }
    result
}
