//! A name server that knows one host: 127.0.0.1.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// An address of loopback that nobody else listens on; a resolver asks port 53.
const ADDRESS: &str = "127.53.53.53";
const HEADER_BYTES: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];
const POLL: Duration = Duration::from_millis(100);

/// Ends when dropped.
pub struct NameServer {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Answers for `host`, and is the one that `resolv_conf` names.
    pub fn start(host: &'static str, resolv_conf: &Path) -> Result<Self, String> {
        let socket = UdpSocket::bind((ADDRESS, 53)).map_err(|why| format!("a name server on {ADDRESS}: {why}"))?;
        socket.set_read_timeout(Some(POLL)).map_err(|why| why.to_string())?;
        let conf = format!("nameserver {ADDRESS}\noptions timeout:2 attempts:1\n");
        fs::write(resolv_conf, conf).map_err(|why| format!("{}: {why}", resolv_conf.display()))?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut asked = [0; 512];
            while !end.load(Ordering::Relaxed) {
                let Ok((bytes, from)) = socket.recv_from(&mut asked) else { continue };
                if let Some(answer) = answer(&asked[..bytes], host) {
                    // Who does not get it asks again.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// RFC 1035: the address of `host`, nothing for its other types, and of other names that they do not exist.
fn answer(asked: &[u8], host: &str) -> Option<Vec<u8>> {
    let id = asked.get(..2)?;
    let question = asked.get(HEADER_BYTES..)?;
    let name_ends = question.iter().position(|byte| *byte == 0)? + 1;
    let question = question.get(..name_ends + 4)?;
    let is_known = question[..name_ends].eq_ignore_ascii_case(&encoded(host));
    let has_address = is_known && question[name_ends..name_ends + 2] == TYPE_A;
    let status = if is_known { 0x80 } else { 0x83 };
    let mut answer = [id, &[0x81, status, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0], question].concat();
    if has_address {
        answer.extend([0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}

/// Each part behind its length, and a zero.
fn encoded(host: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for part in host.split('.') {
        bytes.push(u8::try_from(part.len()).expect("a part of a name has at most 63 letters"));
        bytes.extend(part.as_bytes());
    }
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, kind: u8) -> Vec<u8> {
        [&[7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], encoded(host).as_slice(), &[0, kind, 0, 1]].concat()
    }

    #[test]
    fn one_host_has_an_address_and_others_do_not_exist() {
        let known = answer(&asked("a.test", 1), "a.test").unwrap();
        assert_eq!(
            (&known[..4], known[7], &known[known.len() - 4..]),
            (&[7, 9, 0x81, 0x80][..], 1, &[127, 0, 0, 1][..])
        );
        let six = answer(&asked("a.test", 28), "a.test").unwrap();
        assert_eq!((six[3], six[7]), (0x80, 0));
        let unknown = answer(&asked("b.test", 1), "a.test").unwrap();
        assert_eq!((unknown[3], unknown[7]), (0x83, 0));
        assert_eq!(answer(&[1, 2, 3], "a.test"), None);
    }
}
