//! HTTP/1.1 as far as S3 needs it, strictly.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub struct Request {
    pub method: String,
    /// As sent.
    pub path: String,
    /// As sent, without `?`.
    pub query: String,
    /// By names in small letters; each at most once.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn length(&self) -> u64 {
        let length = self.header("content-length");
        length.map_or(0, |length| length.parse().unwrap_or(0))
    }

    /// The query's parts, decoded.
    pub fn parts(&self) -> BTreeMap<String, String> {
        let parts = self.query.split('&').filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (decoded(name), decoded(value))
            })
            .collect()
    }
}

/// Percent-decodes. What is no encoding stays.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = vec![];
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3);
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap()
}

/// Percent-encodes as signatures want it: all but letters, digits, `-._~`.
pub fn encoded(text: &str, slash: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (byte == b'/' && !slash) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Reads a request's head; `None` at the end of the connection. What is no request is an error.
pub fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.by_ref().take(16_384).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let first: Vec<_> = line.trim_end().split(' ').collect();
    let [method, target, "HTTP/1.1"] = first[..] else {
        return Err(bad("request line"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: BTreeMap::new(),
    };
    loop {
        let mut line = String::new();
        reader.by_ref().take(16_384).read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some(request));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("header"))?;
        let name = name.to_ascii_lowercase();
        let taken = request.headers.insert(name, value.trim().to_owned());
        if taken.is_some() || request.headers.len() > 64 {
            return Err(bad("headers"));
        }
    }
}

#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Send only so much of the body, and hang up.
    pub cut: Option<usize>,
    /// What Content-Length says, for answers to HEAD.
    pub length: Option<usize>,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>The test says {code}.</Message></Error>"
        );
        Self {
            status,
            headers: vec![("content-type", "application/xml".into())],
            body: body.into_bytes(),
            ..Self::default()
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn write(&self, stream: &mut TcpStream, head_only: bool, date: &str) -> io::Result<usize> {
        let length = self.length.unwrap_or(self.body.len());
        let mut head = format!(
            "HTTP/1.1 {} x\r\nDate: {date}\r\nServer: strict\r\n",
            self.status
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 204 {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head.push_str("\r\n");
        let body = if head_only { &[][..] } else { &self.body[..] };
        let body = &body[..self.cut.unwrap_or(body.len()).min(body.len())];
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Ok(body.len())
    }
}
