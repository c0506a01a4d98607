//! One buyer's connection: HTTP/1.1, kept alive, without the layers of a browser's client. What the load program
//! spends on a request it takes from who is measured, as both share the machine.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A buyer's patience with one request.
const ANSWER_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Http {
    address: SocketAddr,
    host: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Http {
    /// Connects at the first request, and again after the server closed.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), connection: None }
    }

    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, String> {
        self.send(Method::GET, path, headers, Bytes::new()).await
    }

    /// Sends JSON.
    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, String> {
        self.send(Method::POST, path, headers, body.into()).await
    }

    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Reply, String> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.host.as_str());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|why| format!("{path}: {why}"))?;
        match tokio::time::timeout(ANSWER_MAX, self.answered(request)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(why)) => {
                self.connection = None;
                Err(why)
            }
            Err(_) => {
                self.connection = None;
                Err(format!("no answer in {} s", ANSWER_MAX.as_secs()))
            }
        }
    }

    async fn answered(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, String> {
        let connection = self.connected().await?;
        let reply = connection.send_request(request).await.map_err(|why| format!("no answer: {why}"))?;
        let (head, body) = reply.into_parts();
        let body = body.collect().await.map_err(|why| format!("half an answer: {why}"))?.to_bytes();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let is_open = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            let stream = TcpStream::connect(self.address).await.map_err(|why| format!("{}: {why}", self.address))?;
            stream.set_nodelay(true).map_err(|why| format!("{}: {why}", self.address))?;
            let (connection, driver) =
                http1::handshake(TokioIo::new(stream)).await.map_err(|why| format!("{}: {why}", self.address))?;
            // Ends with the connection.
            tokio::spawn(driver);
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| "not connected".to_owned())
    }
}

impl Reply {
    pub fn must_be(&self, meant: u16) -> Result<(), String> {
        if self.status.as_u16() == meant {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.body);
        Err(format!("{} {}", self.status.as_u16(), text.chars().take(300).collect::<String>()))
    }
}
