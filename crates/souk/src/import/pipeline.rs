//! From the file to the database: one thread reads and converts, the rest of the program writes what it hands over.
//! A short queue of batches lies between them, so what lies in memory does not grow with the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::mpsc;

use super::ImportError;
use super::fault::Fault;
use super::rows::{Row, Source};

/// Rows of one transaction.
pub const BATCH_ROWS: usize = 500;
/// Longer rows make shorter batches.
const BATCH_BYTES: usize = 4_194_304;
/// Batches between the reading thread and the database.
const QUEUE_BATCHES: usize = 2;

/// Rows that were read and converted.
#[derive(Debug)]
pub struct Batch<T> {
    pub items: Vec<T>,
    /// By line.
    pub faults: Vec<(u64, Fault)>,
    /// As many rows were read for this.
    pub rows: u64,
    bytes: usize,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { items: Vec::new(), faults: Vec::new(), rows: 0, bytes: 0 }
    }
}

impl<T> Batch<T> {
    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ROWS || self.faults.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    pub fn refuse(&mut self, line: u64, fault: Fault) {
        self.faults.push((line, fault));
    }
}

/// Makes items of rows, one after the other.
pub trait Convert: Send + 'static {
    type Item: Send + 'static;

    fn row(&mut self, row: Row, batch: &mut Batch<Self::Item>);

    /// After the last row.
    fn end(&mut self, _batch: &mut Batch<Self::Item>) {}
}

/// Hands every batch of the file to `take`, with how many bytes of the file were read by then.
pub async fn pump<C: Convert>(
    source: Source,
    convert: C,
    mut take: impl AsyncFnMut(Batch<C::Item>, u64) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let bytes_read = Arc::new(AtomicU64::new(0));
    let (sender, mut batches) = mpsc::channel(QUEUE_BATCHES);
    let count = Arc::clone(&bytes_read);
    let reading = on_a_thread(move || read(&source, convert, count, &sender));
    let writing = async {
        while let Some(batch) = batches.recv().await {
            take(batch, bytes_read.load(Relaxed)).await?;
        }
        // The reading thread stops when nobody takes its batches.
        drop(batches);
        Ok::<(), ImportError>(())
    };
    let (read, written) = tokio::join!(reading, writing);
    written.and(read)
}

fn read<C: Convert>(
    source: &Source,
    mut convert: C,
    count: Arc<AtomicU64>,
    sender: &mpsc::Sender<Batch<C::Item>>,
) -> Result<(), ImportError> {
    let mut batch = Batch::default();
    for row in source.rows(count)? {
        let row = row?;
        batch.rows += 1;
        batch.bytes += row.bytes;
        convert.row(row, &mut batch);
        // A closed queue: the other side failed, and says why.
        if batch.is_full() && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    convert.end(&mut batch);
    let _ = sender.blocking_send(batch);
    Ok(())
}

/// Files are read on a thread that may wait.
pub async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
) -> Result<T, ImportError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => Err(ImportError::Refused(format!("reading the file failed: {panic}"))),
    }
}
