//! A wire between a shop and an engine that can be slowed, cut, or left open with nobody at its end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const CHUNK_BYTES_MAX: usize = 16 * 1024;
/// Each chunk waits so long while the wire is slow.
const SLOWNESS: Duration = Duration::from_millis(40);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Whole,
    Slow,
    /// What is open ends at once, what is new is closed.
    Cut,
    /// Nothing arrives on either side, and nobody is told.
    HalfOpen,
}

/// A proxy on a port of this machine; ends with its runtime.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    wire: watch::Sender<Wire>,
}

impl Proxy {
    /// # Errors
    /// There is no free port.
    pub async fn start(to: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (wire, seen) = watch::channel(Wire::Whole);
        let address = listener.local_addr()?;
        tokio::spawn(accept(listener, to, seen));
        Ok(Self { address, wire })
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, wire: watch::Receiver<Wire>) {
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        let wire = wire.clone();
        tokio::spawn(async move {
            if *wire.borrow() == Wire::Cut {
                return;
            }
            let Ok(far) = TcpStream::connect(to).await else { return };
            // Small messages are not gathered: it would slow every statement down.
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
            tokio::select! {
                () = pass(near_reads, far_writes, wire.clone()) => {}
                () = pass(far_reads, near_writes, wire.clone()) => {}
            }
        });
    }
}

/// Until either side ends, or the wire is cut.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut chunk = vec![0; CHUNK_BYTES_MAX];
    loop {
        let read = tokio::select! {
            read = from.read(&mut chunk) => read,
            _ = wire.wait_for(|wire| *wire == Wire::Cut) => return,
        };
        let Ok(count @ 1..) = read else { return };
        if wire.wait_for(|wire| *wire != Wire::HalfOpen).await.is_err() {
            return;
        }
        let now = *wire.borrow_and_update();
        match now {
            Wire::Cut => return,
            Wire::Slow => tokio::time::sleep(SLOWNESS).await,
            Wire::Whole | Wire::HalfOpen => {}
        }
        if to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says back what it hears, behind a proxy.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reads, mut writes) = stream.split();
                    let _ = tokio::io::copy(&mut reads, &mut writes).await;
                });
            }
        });
        Proxy::start(address).await.expect("a free port")
    }

    async fn asks(stream: &mut TcpStream) -> Option<u8> {
        let mut answer = [0];
        stream.write_all(&[7]).await.ok()?;
        let read = tokio::time::timeout(Duration::from_millis(400), stream.read(&mut answer)).await;
        read.ok()?.ok().filter(|count| *count == 1).map(|_| answer[0])
    }

    #[tokio::test]
    async fn a_wire_passes_slows_hangs_and_is_cut() {
        let proxy = echo().await;
        let mut stream = TcpStream::connect(proxy.address).await.expect("the proxy listens");
        assert_eq!(asks(&mut stream).await, Some(7));
        proxy.set(Wire::Slow);
        let begun = std::time::Instant::now();
        assert_eq!(asks(&mut stream).await, Some(7));
        assert!(begun.elapsed() >= 2 * SLOWNESS);
        proxy.set(Wire::HalfOpen);
        assert_eq!(asks(&mut stream).await, None);
        proxy.set(Wire::Whole);
        let mut late = [0];
        stream.read_exact(&mut late).await.expect("what was held comes");
        proxy.set(Wire::Cut);
        let mut end = [0];
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut end)).await.expect("it is told");
        assert!(matches!(ended, Ok(0) | Err(_)));
    }
}
